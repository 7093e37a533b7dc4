"""The outbox's rows: raised in the transaction of what they tell, taken by the relay, kept with what became of them.

One alert a story and channel; further ones only for what changes the matter, each once: the story rises, an article that
alerted is edited in substance or taken down. Part of the store, which owns the connection. Tests: tests/pipelines/test_alerts.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from crawler.identity import entry_key
from crawler.items import Article
from pipelines.database import Writer, ours, parse_stamp, stamp
from pipelines.pacing import HOUR, IN_ORDER, LONG_OUTAGE, PER_HOUR, SINGLES, Queue, hold_after_failure
from pipelines.render import DigestItem, digest_item, render_notice, render_payload

FAILING_AFTER = timedelta(hours=24)
PROBES = 3  # alerts that are tried while a channel takes none
# What waits to be sent itself; members of a digest are sent with it.
_QUEUED = "state = 'waiting' AND digest_id IS NULL"
# One channel's alerts that were never tried; those that were are sent by themselves, for a digest must not depend on them.
_FRESH = f"{_QUEUED} AND channel = ? AND attempts = 0 AND type <> 'digest'"
_DUE = "SELECT id, type, channel, payload, attempts, next_attempt_at, first_attempt_at FROM alerts"

Kind = Literal["article.matched", "story.risen", "article.revised", "article.gone"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a configuration wants done with what is recorded.

    `notify`: which channels a rule tells; empty: no alerts. `max_age`: an article published longer ago raises none; None: any
    age does. `recheck_s`: how long after storing an article is looked at again.
    """

    notify: Mapping[str, Sequence[str]] = field(default_factory=dict)
    max_age: timedelta | None = None
    recheck_s: tuple[float, ...] = ()
    health: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DueAlert:
    """An alert that waits to be sent. `payload` is the webhook's JSON document, the same on every attempt."""

    id: str
    type: str
    channel: str
    payload: str
    attempts: int
    next_attempt_at: datetime
    first_attempt_at: datetime | None


class Alerts(Writer):
    """The table `alerts`."""

    def _raise_matched(self, article: Article, article_id: int, plan: Plan, now: datetime, *, risen: bool) -> int:
        """Raise the alerts of an article that hit rules; where its story has had its alert, only when the story rises."""
        published = article.published_at
        if plan.max_age is not None and published is not None and now - published > plan.max_age:
            return 0
        channels: dict[str, list[str]] = {}
        for rule in article.rules:
            for channel in plan.notify.get(rule, ()):
                channels.setdefault(channel, []).append(rule)
        if not channels:
            return 0
        row = self._feed_row(article_id)
        made = 0
        for channel, rules in channels.items():
            subject = f"story:{row['story_id']}"
            first = self._raise("article.matched", channel, rules, row, subject, now)
            if not first and risen:
                first = self._raise("story.risen", channel, rules, row, f"{subject}:{row['category']}", now)
            made += first
        return made

    def _raise_on_alerted(self, kind: Kind, article_id: int, plan: Plan, now: datetime) -> int:
        """Tell the channels that an article alerted of what became of it; those still configured, each once."""
        told = self._conn.execute("SELECT DISTINCT channel FROM alerts WHERE article_id = ?", (article_id,)).fetchall()
        wanted = {channel for channels in plan.notify.values() for channel in channels}
        channels = [channel for (channel,) in told if channel in wanted]
        if not channels:
            return 0
        row = self._feed_row(article_id)
        rules = [rule for rule, notified in plan.notify.items() if f'"{rule}"' in row["rules"] and notified]
        return sum(self._raise(kind, channel, rules, row, f"article:{article_id}", now) for channel in channels)

    def _raise(
        self, kind: Kind, channel: str, rules: Iterable[str], row: Mapping[str, Any], subject: str, now: datetime
    ) -> int:
        """Put an alert into the outbox unless its subject has had one of this kind there; return how many: 1 or 0."""
        found = self._conn.execute(
            "SELECT id, articles, outlets FROM stories WHERE id = ?", (row["story_id"],)
        ).fetchone()
        story: dict[str, Any] = dict(zip(("id", "articles", "outlets"), found, strict=True))
        former_title = None
        if kind == "story.risen":
            story["risen_from"] = self._told_category(channel, row["story_id"])
        elif kind == "article.revised":
            former_title = self._former_title(row["id"])
        payload = render_payload(kind, now, list(rules), story, row, former_title)
        cursor = self._conn.execute(
            "INSERT INTO alerts (id, type, channel, story_id, article_id, subject, payload, created_at, next_attempt_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                *(
                    alert_id(kind, channel, row["url"], row["category"] if kind == "story.risen" else None),
                    kind,
                    channel,
                    row["story_id"],
                    row["id"],
                ),
                *(subject, payload, stamp(now), stamp(now)),
            ),
        )
        return cursor.rowcount

    def _raise_notice(
        self, kind: str, channels: Iterable[str], subject: str, data: Mapping[str, Any], now: datetime
    ) -> int:
        """Put a notice that tells of no article into the outbox of each channel, once for each kind and subject.

        In the caller's transaction. `data` is the payload's; returns how many channels had not been told.
        """
        payload = render_notice(kind, now, data)
        made = 0
        for channel in channels:
            made += self._conn.execute(
                "INSERT INTO alerts (id, type, channel, subject, payload, created_at, next_attempt_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (notice_id(kind, channel, subject), kind, channel, subject, payload, stamp(now), stamp(now)),
            ).rowcount
        return made

    def _told_category(self, channel: str, story_id: int) -> str | None:
        """Return the category that the channel last heard of a story."""
        row = self._conn.execute(
            "SELECT json_extract(payload, '$.data.article.category') FROM alerts WHERE story_id = ? AND channel = ? "
            "AND type IN ('article.matched', 'story.risen') ORDER BY rowid DESC LIMIT 1",
            (story_id, channel),
        ).fetchone()
        return row[0] if row else None

    def _former_title(self, article_id: int) -> str | None:
        row = self._conn.execute(
            "SELECT title FROM revisions WHERE article_id = ? ORDER BY revision DESC LIMIT 1", (article_id,)
        ).fetchone()
        return row[0] if row else None

    def _feed_row(self, article_id: int) -> dict[str, Any]:
        cursor = self._conn.execute("SELECT * FROM feed WHERE id = ?", (article_id,))
        return dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))

    # ----------------------------------------------------------------------------------------------------- the relay's

    def waiting_channels(self) -> list[str]:
        """Return the channels for which something waits."""
        with ours(self.path):
            return [row[0] for row in self._conn.execute(f"SELECT DISTINCT channel FROM alerts WHERE {_QUEUED}")]  # noqa: S608

    def queue(self, channel: str, now: datetime, digests: bool) -> tuple[Queue, DueAlert | None]:
        """Return what decides on the channel's next step, and what is sent if that is to send.

        `digests`: the channel wants its alerts summed up, so fresh ones are not sent by themselves.
        """
        with ours(self.path):
            state = self._conn.execute(
                "SELECT last_digest_at, held_until, failing_since FROM channels WHERE id = ?", (channel,)
            ).fetchone()
            last_digest_at, held_until, failing_since = state or (None, None, None)
            head = self._head(channel, now, digests, failing=failing_since is not None)
            fresh, since = self._conn.execute(
                "SELECT count(*), min(created_at) FROM (SELECT created_at FROM alerts "  # noqa: S608  our own text
                f"WHERE {_FRESH} ORDER BY rowid LIMIT ?)",
                (channel, SINGLES + 1),
            ).fetchone()
            messages = self._conn.execute(
                "SELECT sent_at FROM alerts WHERE channel = ? AND state = 'sent' AND digest_id IS NULL AND sent_at > ? "
                "ORDER BY sent_at DESC LIMIT ?",
                (channel, stamp(now - HOUR), PER_HOUR),
            ).fetchall()
        return Queue(
            fresh=fresh,
            fresh_since=parse_stamp(since),
            next_at=head.next_attempt_at if head else None,
            next_is_fresh=head is not None and head.attempts == 0 and head.type != "digest",
            messages_at=tuple(datetime.fromisoformat(at) for (at,) in messages),
            last_digest_at=parse_stamp(last_digest_at),
            held_until=parse_stamp(held_until),
        ), head

    def _head(self, channel: str, now: datetime, digests: bool, *, failing: bool) -> DueAlert | None:
        """Return the alert whose turn it is: the oldest, which holds the later ones back for IN_ORDER attempts.

        After these it is passed over until it is due. While all fail, the first three take turns, whenever they were due:
        the rest keeps its attempts, and one that alone is refused cannot hide that the channel works again.
        """
        singly = "NOT (? AND attempts = 0 AND type <> 'digest')"
        if not failing:
            row = self._conn.execute(
                f"{_DUE} WHERE {_QUEUED} AND channel = ? AND {singly} AND (attempts < ? OR next_attempt_at <= ?) "
                "ORDER BY rowid LIMIT 1",
                (channel, digests, IN_ORDER, stamp(now)),
            ).fetchone()
            return _due(row) if row else None
        rows = self._conn.execute(
            f"{_DUE} WHERE {_QUEUED} AND channel = ? AND {singly} ORDER BY rowid LIMIT ?", (channel, digests, PROBES)
        ).fetchall()
        if not rows:
            return None
        first, *_ = found = [_due(row) for row in rows]
        turn = first if first.attempts < IN_ORDER else min(found, key=lambda alert: alert.next_attempt_at)
        return replace(turn, next_attempt_at=min(turn.next_attempt_at, now))

    def fresh_alerts(self, channel: str, limit: int) -> list[DigestItem]:
        """Return what a digest of the channel tells of, in the order it was made, with the outlets that tell each story now."""
        with ours(self.path):
            rows = self._conn.execute(
                "SELECT id, json_remove(payload, '$.data.article.body'), (SELECT json_object('articles', s.articles, 'outlets', "  # noqa: S608
                f"s.outlets) FROM stories s WHERE s.id = story_id) FROM alerts WHERE {_FRESH} ORDER BY rowid LIMIT ?",
                (channel, limit),
            ).fetchall()
        return [
            digest_item(alert_id, json.loads(payload), json.loads(story or "{}")) for alert_id, payload, story in rows
        ]

    def bundle(self, channel: str, parts: Sequence[Sequence[DigestItem]], now: datetime) -> int:
        """Put digests into the outbox, and their members into them, all in one transaction; return how many digests.

        A digest's id is made of its members', so a crash before or after leaves the same message under the same id.
        """
        with self._transaction():
            for number, items in enumerate(parts, 1):
                members = [item["id"] for item in items]
                subject = "digest:" + hashlib.sha256("|".join(members).encode()).hexdigest()[:32]
                digest = notice_id("digest", channel, subject)
                payload = render_notice("digest", now, {"part": number, "parts": len(parts), "alerts": list(items)})
                self._conn.execute(
                    "INSERT INTO alerts (id, type, channel, subject, payload, created_at, next_attempt_at) "
                    "VALUES (?, 'digest', ?, ?, ?, ?, ?)",
                    (digest, channel, subject, payload, stamp(now), stamp(now)),
                )
                joined = self._conn.executemany(
                    f"UPDATE alerts SET digest_id = ? WHERE {_FRESH} AND id = ?",  # noqa: S608  our own text
                    [(digest, channel, member) for member in members],
                )
                assert joined.rowcount == len(members)  # nobody else sends or bundles: one relay a database
            self._note_channel(channel, "last_digest_at = ?", stamp(now))
        return len(parts)

    def alert_sent(self, alert_id: str, now: datetime, told: Sequence[str] = ()) -> int:
        """Note that the channel took the alert, of a digest all its members; return how many alerts that is.

        After a long outage all that waits becomes due at once, and `told` learn that the channel works again.
        """
        with self._transaction():
            sent = self._conn.execute(
                "UPDATE alerts SET state = 'sent', attempts = attempts + 1, sent_at = ?, error = NULL, "
                "first_attempt_at = coalesce(first_attempt_at, ?) WHERE id = ? OR digest_id = ?",
                (stamp(now), stamp(now), alert_id, alert_id),
            ).rowcount
            channel, failing_since = self._channel_of(alert_id)
            if channel is None:
                return 0
            self._note_channel(
                channel, "last_sent_at = ?, failing_since = NULL, error = NULL, held_until = NULL", stamp(now)
            )
            if failing_since is not None and now - failing_since >= LONG_OUTAGE:
                self._conn.execute(
                    f"UPDATE alerts SET next_attempt_at = ? WHERE {_QUEUED} AND channel = ? AND next_attempt_at > ?",  # noqa: S608
                    (stamp(now), channel, stamp(now)),
                )
            told_of = self._conn.execute(
                "DELETE FROM marks WHERE name = ? RETURNING value", (f"failing:{channel}",)
            ).fetchone()
            if told_of:
                data = {"channel": channel, "state": "ok", "since": told_of[0], "detail": None}
                self._raise_notice("channel.recovered", told, f"{channel}:{told_of[0]}", data, now)
            return max(sent - 1, 1)  # a digest itself is none

    def alert_postponed(
        self,
        alert_id: str,
        now: datetime,
        next_attempt_at: datetime,
        error: str,
        wait_s: float | None = None,
        told: Sequence[str] = (),
    ) -> int:
        """Note a failed attempt and when the next one is due; return how many alerts wait with it.

        The channel is left alone for as long as the receiver asks (`wait_s`), else as `hold_after_failure` says.
        """
        with self._transaction():
            self._conn.execute(
                "UPDATE alerts SET attempts = attempts + 1, error = ?, next_attempt_at = ?, "
                "first_attempt_at = coalesce(first_attempt_at, ?) WHERE id = ?",
                (error, stamp(next_attempt_at), stamp(now), alert_id),
            )
            channel, failing_since = self._channel_of(alert_id)
            if channel is None:
                return 0
            attempts = self._conn.execute("SELECT attempts FROM alerts WHERE id = ?", (alert_id,)).fetchone()[0]
            held = hold_after_failure(failing_since, attempts, now)
            if wait_s is not None:
                held = max(held or now, now + timedelta(seconds=wait_s))
            held_until = stamp(held) if held else None
            self._note_channel(
                channel,
                "failing_since = coalesce(failing_since, ?), error = ?, held_until = ?",
                stamp(now),
                error,
                held_until,
            )
            self._tell_of_failing(channel, failing_since, error, now, told)
            if held is None and attempts >= IN_ORDER:
                return 1
            return int(
                self._conn.execute(
                    f"SELECT count(*) FROM alerts WHERE {_QUEUED} AND channel = ? AND (id = ? OR next_attempt_at <= ?)",  # noqa: S608
                    (channel, alert_id, stamp(now)),
                ).fetchone()[0]
            )

    def alert_failed(
        self,
        alert_id: str,
        now: datetime,
        error: str,
        told: Sequence[str] = (),
        late: bool = False,
        refused: int = 0,
    ) -> int:
        """Note that the alert is given up, a digest with its members; return how many alerts that is.

        `late`: because its time is over. Then those that have waited behind it for as long are given up with it where the
        channel has taken nothing since, and `told` learn of it. `refused`: so many in a row that the channel must be dead; `told`
        learn of that, too.
        """
        with self._transaction():
            self._conn.execute(
                "UPDATE alerts SET state = 'failed', attempts = attempts + 1, error = ?, "
                "first_attempt_at = coalesce(first_attempt_at, ?) WHERE id = ?",
                (error, stamp(now), alert_id),
            )
            members = self._conn.execute(
                "UPDATE alerts SET state = 'failed', error = ? WHERE digest_id = ?", (error, alert_id)
            ).rowcount
            channel, failing_since = self._channel_of(alert_id)
            if channel is None:
                return 0
            kind, first_at = self._conn.execute(
                "SELECT type, first_attempt_at FROM alerts WHERE id = ?", (alert_id,)
            ).fetchone()
            given_up = members or 1
            self._note_channel(
                channel, "failing_since = coalesce(failing_since, ?), error = ?, held_until = NULL", stamp(now), error
            )
            dead = failing_since is not None and stamp(failing_since) <= first_at
            if late and dead and kind != "digest":
                given_up += self._conn.execute(
                    f"UPDATE alerts SET state = 'failed', error = ? WHERE {_FRESH} AND next_attempt_at <= ?",  # noqa: S608
                    (error, channel, first_at),
                ).rowcount
            if late and not dead:
                # The channel takes others: told of this one alone, and there is nothing to recover from.
                data = {
                    "channel": channel,
                    "state": "failing",
                    "since": first_at,
                    "detail": error,
                    "given_up": given_up,
                }
                self._raise_notice("channel.failing", told, f"{channel}:{alert_id}", data, now)
            else:
                self._tell_of_failing(channel, failing_since, error, now, told, given_up if late else refused)
            return given_up

    def _tell_of_failing(
        self, channel: str, since: datetime | None, error: str, now: datetime, told: Sequence[str], given_up: int = 0
    ) -> None:
        """Tell, once until the channel works again, that all has failed for a day or that alerts were given up."""
        if since is None or (now - since < FAILING_AFTER and not given_up):
            return
        mark = self._conn.execute(
            "INSERT INTO marks VALUES (?, ?) ON CONFLICT DO NOTHING", (f"failing:{channel}", stamp(since))
        )
        if mark.rowcount:
            data = {
                "channel": channel,
                "state": "failing",
                "since": stamp(since),
                "detail": error,
                "given_up": given_up,
            }
            self._raise_notice("channel.failing", told, f"{channel}:{stamp(since)}", data, now)

    def _channel_of(self, alert_id: str) -> tuple[str | None, datetime | None]:
        """Return an alert's channel and since when that fails."""
        row = self._conn.execute(
            "SELECT l.channel, c.failing_since FROM alerts l LEFT JOIN channels c ON c.id = l.channel WHERE l.id = ?",
            (alert_id,),
        ).fetchone()
        return (row[0], parse_stamp(row[1])) if row else (None, None)

    def _note_channel(self, channel: str, assignments: str, *values: object) -> None:
        self._conn.execute("INSERT INTO channels (id) VALUES (?) ON CONFLICT DO NOTHING", (channel,))
        self._conn.execute(f"UPDATE channels SET {assignments} WHERE id = ?", (*values, channel))  # noqa: S608  our own text

    def give_up_orphans(self, channel: str, created_before: datetime, error: str) -> int:
        """Give up what has waited since before then for a channel that is configured no more; return how many alerts that is."""
        waiting = "state = 'waiting' AND channel = ? AND created_at < ?"
        values = (channel, stamp(created_before))
        with ours(self.path):
            if not self._conn.execute(f"SELECT 1 FROM alerts WHERE {waiting} LIMIT 1", values).fetchone():  # noqa: S608
                return 0
        with self._transaction():
            counted = self._conn.execute(
                f"SELECT count(*) FROM alerts WHERE {waiting} AND type <> 'digest'",  # noqa: S608  our own text
                values,
            ).fetchone()[0]
            self._conn.execute(f"UPDATE alerts SET state = 'failed', error = ? WHERE {waiting}", (error, *values))  # noqa: S608
            return int(counted)

    def sync_channels(self, channels: Iterable[str]) -> None:
        """Forget how channels fared that sources.yaml has no more."""
        known = json.dumps(list(channels))
        with self._transaction():
            self._conn.execute("DELETE FROM channels WHERE id NOT IN (SELECT value FROM json_each(?))", (known,))
            self._conn.execute(
                "DELETE FROM marks WHERE name LIKE 'failing:%' AND substr(name, 9) NOT IN (SELECT value FROM json_each(?))",
                (known,),
            )

    def retry_alerts(self, now: datetime) -> int:
        """Make all that wait or have failed due now, with a new 24 hours; return how many. Their ids stay the same.

        A digest is sent again as it was, its members with it.
        """
        with self._transaction():
            counted = self._conn.execute(
                "SELECT count(*) FROM alerts WHERE state IN ('waiting', 'failed') AND type <> 'digest'"
            ).fetchone()[0]
            self._conn.execute(
                "UPDATE alerts SET state = 'waiting', attempts = 0, next_attempt_at = ?, first_attempt_at = NULL "
                "WHERE state IN ('waiting', 'failed')",
                (stamp(now),),
            )
            self._conn.execute("UPDATE channels SET held_until = NULL")
            return int(counted)


def _due(row: tuple[Any, ...]) -> DueAlert:
    alert_id, kind, channel, payload, attempts, next_at, first_at = row
    return DueAlert(alert_id, kind, channel, payload, attempts, datetime.fromisoformat(next_at), parse_stamp(first_at))


def alert_id(kind: Kind, channel: str, url: str, step: str | None = None) -> str:
    """Return an alert's id, the webhook-id: the same however often the article is recorded, never that of another alert."""
    what = f"{kind}|{channel}|{entry_key(url)}" + (f"|{step}" if step else "")
    return "msg_" + hashlib.sha256(what.encode()).hexdigest()[:32]


def notice_id(kind: str, channel: str, subject: str) -> str:
    """Return the id of an alert that tells of no article."""
    return "msg_" + hashlib.sha256(f"{kind}|{channel}|{subject}".encode()).hexdigest()[:32]
