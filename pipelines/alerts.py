"""The outbox's rows: raised in the transaction of what they tell, taken by the relay, kept with what became of them.

One alert a story and channel; further ones only for what changes the matter, each once: the story rises, an article that
alerted is edited in substance or taken down. Part of the store, which owns the connection. Tests: tests/pipelines/test_alerts.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from crawler.identity import entry_key
from crawler.items import Article
from pipelines.database import Writer, ours, parse_stamp, stamp
from pipelines.render import render_payload

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


@dataclass(frozen=True, slots=True)
class DueAlert:
    """An alert that waits to be sent. `payload` is the webhook's JSON document, the same on every attempt."""

    id: str
    channel: str
    payload: str
    attempts: int
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
        story = self._conn.execute(
            "SELECT id, articles, outlets FROM stories WHERE id = ?", (row["story_id"],)
        ).fetchone()
        payload = render_payload(
            kind, now, list(rules), dict(zip(("id", "articles", "outlets"), story, strict=True)), row
        )
        cursor = self._conn.execute(
            "INSERT INTO alerts (id, type, channel, story_id, article_id, subject, payload, created_at, next_attempt_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                *(alert_id(kind, channel, row["url"]), kind, channel, row["story_id"], row["id"]),
                *(subject, payload, stamp(now), stamp(now)),
            ),
        )
        return cursor.rowcount

    def _feed_row(self, article_id: int) -> dict[str, Any]:
        cursor = self._conn.execute("SELECT * FROM feed WHERE id = ?", (article_id,))
        return dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))

    def due_alerts(self, now: datetime, without: Sequence[str] = (), limit: int = 100) -> list[DueAlert]:
        """Return alerts that wait and are due, in the order they were made; none of the channels in `without`."""
        marks = ", ".join("?" * len(without))
        with ours(self.path):
            rows = self._conn.execute(
                "SELECT id, channel, payload, attempts, first_attempt_at FROM alerts WHERE state = 'waiting' "  # noqa: S608
                f"AND next_attempt_at <= ? AND channel NOT IN ({marks}) ORDER BY next_attempt_at, rowid LIMIT ?",
                (stamp(now), *without, limit),
            ).fetchall()
        return [
            DueAlert(alert_id, channel, payload, attempts, parse_stamp(first))
            for alert_id, channel, payload, attempts, first in rows
        ]

    def next_alert_at(self) -> datetime | None:
        """Return when the next waiting alert is due; None: none waits."""
        with ours(self.path):
            row = self._conn.execute("SELECT min(next_attempt_at) FROM alerts WHERE state = 'waiting'").fetchone()
        return parse_stamp(row[0])

    def alert_sent(self, alert_id: str, now: datetime) -> None:
        """Note that the channel took the alert."""
        with self._transaction():
            self._conn.execute(
                "UPDATE alerts SET state = 'sent', attempts = attempts + 1, sent_at = ?, error = NULL, "
                "first_attempt_at = coalesce(first_attempt_at, ?) WHERE id = ?",
                (stamp(now), stamp(now), alert_id),
            )

    def alert_postponed(self, alert_id: str, now: datetime, next_attempt_at: datetime, error: str) -> None:
        """Note a failed attempt and when the next one is due."""
        with self._transaction():
            self._conn.execute(
                "UPDATE alerts SET attempts = attempts + 1, error = ?, next_attempt_at = ?, "
                "first_attempt_at = coalesce(first_attempt_at, ?) WHERE id = ?",
                (error, stamp(next_attempt_at), stamp(now), alert_id),
            )

    def alert_failed(self, alert_id: str, now: datetime, error: str) -> None:
        """Note that the alert is given up."""
        with self._transaction():
            self._conn.execute(
                "UPDATE alerts SET state = 'failed', attempts = attempts + 1, error = ?, "
                "first_attempt_at = coalesce(first_attempt_at, ?) WHERE id = ?",
                (error, stamp(now), alert_id),
            )

    def retry_alerts(self, now: datetime) -> int:
        """Make all that wait or have failed due now, with a new 24 hours; return how many. Their ids stay the same."""
        with self._transaction():
            cursor = self._conn.execute(
                "UPDATE alerts SET state = 'waiting', next_attempt_at = ?, first_attempt_at = NULL WHERE state IN ('waiting', 'failed')",
                (stamp(now),),
            )
            return cursor.rowcount


def alert_id(kind: Kind, channel: str, url: str) -> str:
    """Return an alert's id, the webhook-id: the same however often the article is recorded, never that of another alert."""
    return "msg_" + hashlib.sha256(f"{kind}|{channel}|{entry_key(url)}".encode()).hexdigest()[:32]
