"""The database's one writer: a poll's report becomes rows in one transaction, or nothing does.

    record    articles (new, edited, duplicate) ─ story ─ alerts (the outbox) ─ the source's memory and health     one COMMIT
    outbox    what is due; sent, to be tried again, failed

Every SQL statement that writes is here; opening and locking are pipelines.database's, reading is pipelines.reader's, deciding
pipelines.dedupe's and pipelines.stories'. It imports neither scrapy nor lxml nor trafilatura. Raises StoreError alone. Tests: tests/pipelines/test_store.py; whoever adds a public method adds it there to
the test that every method raises StoreBusy on a locked database.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from crawler.identity import entry_key
from crawler.items import Article, Memory, PollReport, Source, from_json, to_json
from pipelines import dedupe, stories
from pipelines.database import Writer, ours, parse_stamp, stamp
from pipelines.render import render_payload


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """Which channels a rule notifies, and how old an article may be. `max_age` None: any age."""

    notify: Mapping[str, Sequence[str]]  # rule id -> channel ids
    max_age: timedelta | None


@dataclass(slots=True)
class Recorded:
    """What one report came to in the database. `kept`: new articles; the lists hold article ids."""

    kept: list[int] = field(default_factory=list)
    revised: list[int] = field(default_factory=list)
    duplicates: int = 0
    alerts: int = 0


@dataclass(frozen=True, slots=True)
class DueAlert:
    """An alert that waits to be sent. `payload` is the webhook's JSON document, the same on every attempt."""

    id: str
    channel: str
    payload: str
    attempts: int
    first_attempt_at: datetime | None


class Store(Writer):
    """The database, open for writing; see `Writer` for opening and what it raises."""

    # -------------------------------------------------------------------------------------------------------- sources

    def sync_sources(self, sources: Iterable[Source]) -> None:
        """Make the table `sources` agree with sources.yaml. One that is no longer there stays, inactive: articles name it."""
        with self._transaction():
            self._conn.execute("UPDATE sources SET active = 0")
            for source in sources:
                self._conn.execute(
                    "INSERT INTO sources (id, name, url, region) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                    "name = excluded.name, url = excluded.url, region = excluded.region, active = 1",
                    (source.id, source.name, source.url, source.region),
                )

    def due_sources(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of active sources that are due, the longest due first."""
        with ours(self.path):
            rows = self._conn.execute(
                "SELECT id FROM sources WHERE active = 1 AND (next_poll_at IS NULL OR next_poll_at <= ?) "
                "ORDER BY next_poll_at LIMIT ?",
                (stamp(now), limit),
            )
            return [row[0] for row in rows]

    def memory(self, source: str) -> Memory:
        """Return what the source remembers; an empty memory before its first poll."""
        with ours(self.path):
            row = self._conn.execute("SELECT memory FROM memories WHERE source = ?", (source,)).fetchone()
        return from_json(Memory, json.loads(row[0])) if row else Memory()

    def failures(self, source: str) -> int:
        """Return how many polls of the source have failed in a row."""
        with ours(self.path):
            row = self._conn.execute("SELECT failures FROM sources WHERE id = ?", (source,)).fetchone()
        return int(row[0]) if row else 0

    # --------------------------------------------------------------------------------------------------------- record

    def record(self, report: PollReport, next_poll_at: datetime, plan: AlertPlan | None = None) -> Recorded:
        """Record a report whole: its articles, their stories and alerts, the source's memory and health. Or nothing.

        Without a plan no alerts are made. Safe to repeat: what is stored already is found again.
        """
        recorded = Recorded()
        with self._transaction():
            for article in report.articles:
                self._record_article(article, report, plan, recorded)
            if report.memory is not None:
                self._conn.execute(
                    "INSERT INTO memories (source, memory) VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET memory = excluded.memory",
                    (report.source, json.dumps(to_json(report.memory), ensure_ascii=False, separators=(",", ":"))),
                )
            self._record_health(report, next_poll_at, recorded)
        return recorded

    def _record_article(self, article: Article, report: PollReport, plan: AlertPlan | None, recorded: Recorded) -> None:
        key = entry_key(article.url)
        at_address = self._stored("url_key = ?", key)
        same_text = (
            self._stored("source = ? AND content_sha256 = ?", article.source, article.content_sha256)
            if article.body
            else None
        )
        decision = dedupe.decide(article, at_address, same_text)
        if decision == "insert":
            article_id = self._insert(article, key, report.finished_at)
            recorded.kept.append(article_id)
        elif decision == "revise":
            assert at_address is not None
            article_id = at_address.id
            self._revise(article, at_address, report.finished_at)
            recorded.revised.append(article_id)
        else:
            if decision == "duplicate":
                recorded.duplicates += 1
                original = at_address or same_text
                assert original is not None
                self._conn.execute(
                    "INSERT OR IGNORE INTO duplicates (url_key, url, source, article_id, seen_at) VALUES (?, ?, ?, ?, ?)",
                    (key, article.url, article.source, original.id, stamp(report.finished_at)),
                )
            return
        if plan is not None:
            recorded.alerts += self._raise_alerts(article, article_id, plan, report.finished_at)

    def _stored(self, where: str, *values: object) -> dedupe.Stored | None:
        row = self._conn.execute(
            f"SELECT id, source, title, content_sha256, revision FROM articles WHERE {where} LIMIT 1",  # noqa: S608  our own text
            values,
        ).fetchone()
        return dedupe.Stored(*row) if row else None

    def _insert(self, article: Article, key: str, now: datetime) -> int:
        signature = bytes.fromhex(article.signature)
        story_id = self._story(article, signature, now)
        row = {
            "url": article.url,
            "url_key": key,
            "source": article.source,
            "fetched_at": stamp(article.fetched_at or now),
            "story_id": story_id,
            **_content(article),
        }
        names = ", ".join(row)
        cursor = self._conn.execute(
            f"INSERT INTO articles ({names}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608  names are ours
            tuple(row.values()),
        )
        article_id = int(cursor.lastrowid or 0)
        if signature:
            self._conn.execute("INSERT INTO signatures VALUES (?, ?)", (article_id, signature))
            self._conn.executemany(
                "INSERT INTO bands VALUES (?, ?, ?)", [(*band, article_id) for band in dedupe.band_values(signature)]
            )
        self._conn.execute("UPDATE sources SET articles = articles + 1 WHERE id = ?", (article.source,))
        self._count_story(story_id)
        return article_id

    def _revise(self, article: Article, old: dedupe.Stored, now: datetime) -> None:
        """Keep the earlier wording as a revision and store the new one."""
        self._conn.execute(
            "INSERT INTO revisions SELECT id, revision, title, body, content_sha256, ? FROM articles WHERE id = ?",
            (stamp(now), old.id),
        )
        row = {"revision": old.revision + 1, "fetched_at": stamp(article.fetched_at or now), **_content(article)}
        self._conn.execute(
            f"UPDATE articles SET {', '.join(f'{name} = ?' for name in row)} WHERE id = ?",  # noqa: S608  names are ours
            (*row.values(), old.id),
        )

    def _story(self, article: Article, signature: bytes, now: datetime) -> int:
        """Return the story of a new article: that of a near copy, else a new one."""
        found = (
            stories.decide_story(signature, self._candidates(signature, article.published_at or now))
            if signature
            else None
        )
        if found is not None:
            return found
        cursor = self._conn.execute("INSERT INTO stories (title) VALUES (?)", (article.title,))
        return int(cursor.lastrowid or 0)

    def _candidates(self, signature: bytes, at: datetime) -> list[stories.Candidate]:
        pairs = dedupe.band_values(signature)
        wanted = " UNION ".join("SELECT article_id FROM bands WHERE band = ? AND value = ?" for _ in pairs)
        span = timedelta(days=stories.STORY_DAYS)
        rows = self._conn.execute(
            "SELECT a.story_id, s.signature FROM articles a JOIN signatures s ON s.article_id = a.id "
            f"WHERE a.id IN ({wanted}) AND coalesce(a.published_at, a.fetched_at) BETWEEN ? AND ?",  # noqa: S608  our text
            (*(value for pair in pairs for value in pair), stamp(at - span), stamp(at + span)),
        )
        return [stories.Candidate(*row) for row in rows]

    def _count_story(self, story_id: int) -> None:
        """Bring the story's row up to date with its articles; its title and place are the first article's."""
        self._conn.execute(
            "UPDATE stories SET (articles, outlets, first_published_at) = (SELECT count(*), count(DISTINCT source), "
            "min(coalesce(published_at, fetched_at)) FROM articles WHERE story_id = stories.id), "
            "(title, category, province_code, regency_code) = (SELECT title, category, province_code, regency_code FROM articles "
            "WHERE story_id = stories.id ORDER BY coalesce(published_at, fetched_at), id LIMIT 1) WHERE id = ?",
            (story_id,),
        )

    def _raise_alerts(self, article: Article, article_id: int, plan: AlertPlan, now: datetime) -> int:
        """Put one alert a channel into the outbox, unless its story has had one there. Return how many."""
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
        story = self._story_counts(row["story_id"])
        made = 0
        for channel, rules in channels.items():
            kind = "article.matched"
            payload = render_payload(kind, now, rules, story, row)
            cursor = self._conn.execute(
                "INSERT INTO alerts (id, type, channel, story_id, article_id, payload, created_at, next_attempt_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    _alert_id(kind, channel, row["url"]),
                    kind,
                    channel,
                    row["story_id"],
                    article_id,
                    payload,
                    stamp(now),
                    stamp(now),
                ),
            )
            made += cursor.rowcount
        return made

    def _feed_row(self, article_id: int) -> dict[str, Any]:
        cursor = self._conn.execute("SELECT * FROM feed WHERE id = ?", (article_id,))
        return dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))

    def _story_counts(self, story_id: int) -> dict[str, int]:
        row = self._conn.execute("SELECT id, articles, outlets FROM stories WHERE id = ?", (story_id,)).fetchone()
        return dict(zip(("id", "articles", "outlets"), row, strict=True))

    def _record_health(self, report: PollReport, next_poll_at: datetime, recorded: Recorded) -> None:
        at = stamp(report.finished_at)
        good = report.outcome in ("ok", "not_modified", "empty")
        error = "; ".join(f"{problem.kind}: {problem.message}" for problem in report.errors[:3])[:500] or None
        self._conn.execute(
            "UPDATE sources SET state = ?, error = ?, failures = CASE WHEN ? THEN 0 ELSE failures + 1 END, last_poll_at = ?, "
            "last_ok_at = CASE WHEN ? THEN ? ELSE last_ok_at END, last_new_at = CASE WHEN ? THEN ? ELSE last_new_at END, "
            "next_poll_at = ?, found = CASE WHEN ? THEN ? ELSE found END, polls = polls + 1 WHERE id = ?",
            (
                *(report.outcome, error, good, at, good, at, report.new > 0, at, stamp(next_poll_at)),
                *(report.outcome == "ok", report.found, report.source),
            ),
        )

    # --------------------------------------------------------------------------------------------------------- outbox

    def due_alerts(self, now: datetime, limit: int = 100) -> list[DueAlert]:
        """Return alerts that wait and are due, in the order they were made."""
        with ours(self.path):
            rows = self._conn.execute(
                "SELECT id, channel, payload, attempts, first_attempt_at FROM alerts WHERE state = 'waiting' "
                "AND next_attempt_at <= ? ORDER BY next_attempt_at, rowid LIMIT ?",
                (stamp(now), limit),
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


def _content(article: Article) -> dict[str, Any]:
    """Return the columns that an article's pages determine."""
    found = [("topic", match) for match in article.topic]
    found += [(rule, match) for rule, matches in article.rules.items() for match in matches]
    matches = [{"rule": rule, **to_json(match)} for rule, match in found]
    return {
        "fetched_url": article.fetched_url,
        "title": article.title,
        "author": article.author,
        "body": article.body,
        "image": article.image,
        "published_at": stamp(article.published_at) if article.published_at else None,
        "modified_at": stamp(article.modified_at) if article.modified_at else None,
        "date_precision": article.date_precision,
        "date_evidence": article.date_evidence,
        "category": article.category,
        "province_code": article.province_code,
        "regency_code": article.regency_code,
        "flags": json.dumps(list(article.flags)),
        "rules": json.dumps(list(article.rules)),
        "matches": json.dumps(matches, ensure_ascii=False),
        "content_sha256": article.content_sha256,
        "body_status": article.body_status,
    }


def _alert_id(kind: str, channel: str, url: str) -> str:
    """Return an alert's id, the webhook-id: the same however often the article is recorded, never that of another alert."""
    import hashlib

    return "msg_" + hashlib.sha256(f"{kind}|{channel}|{entry_key(url)}".encode()).hexdigest()[:32]
