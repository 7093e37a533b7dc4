"""Reading the database, never writing: searches, the feed by cursor, health, the outbox. Readers do not block the writer.

All SQL that reads for people and programs is here. Raises StoreError alone. Tests: tests/pipelines/test_reader.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from crawler.errors import StoreBusy, StoreUnusable
from crawler.identity import entry_key
from crawler.items import Memory, readable
from pipelines.database import check_ours, stamp
from pipelines.schema import FEED_COLUMNS

Row = dict[str, Any]
_COMMON = 20_000  # articles: to sort more takes longer than to walk to the twentieth that has the word
_BATCH = 500  # rows held in memory at a time by whoever streams the feed


class Reader:
    """A read-only connection; use as a context manager. Raises StoreUnusable where there is no database of ours."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise StoreUnusable(f"{path} does not exist yet: `pantau crawl` or `pantau run` makes it")
        try:
            self._conn = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5, check_same_thread=False
            )
            self._conn.row_factory = sqlite3.Row
            check_ours(self._conn, path)
            if not self._conn.execute("PRAGMA user_version").fetchone()[0]:
                raise StoreUnusable(f"{path} is empty: `pantau crawl` or `pantau run` fills it")
        except sqlite3.Error as error:
            raise StoreUnusable(f"{path} cannot be read: {error}") from error

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._conn.close()

    def articles(
        self,
        query: str | None = None,
        *,
        since: datetime | None = None,
        region: str | None = None,
        category: str | None = None,
        source: str | None = None,
        limit: int = 20,
    ) -> list[Row]:
        """Return rows of `feed`, newest first: those whose title and body hold every word of the query ("…" for a phrase).

        `region` is a code; a province takes in its kabupaten and kota. `since` is by publication, or by fetch where that is unknown.
        """
        where, values = self._conditions(query, since, region, category, source)
        return self._rows(
            f"SELECT f.* FROM feed f WHERE {where} "  # noqa: S608  the conditions are our own text
            "ORDER BY coalesce(f.published_at, f.fetched_at) DESC, f.id DESC LIMIT ?",
            *values,
            limit,
        )

    def _conditions(
        self, query: str | None, since: datetime | None, region: str | None, category: str | None, source: str | None
    ) -> tuple[str, list[object]]:
        """Return a condition on `feed f` and its values."""
        where: list[str] = ["1 = 1"]
        values: list[object] = []
        if query and (expression := fts_expression(query)):
            # A common word: walk the newest and look each up; a rare one: look it up and sort what is found. The other way round
            # each takes seconds in a million (docs/growth.md).
            if self._is_common(expression):
                where.append(
                    "EXISTS (SELECT 1 FROM articles_fts WHERE articles_fts MATCH ? AND articles_fts.rowid = f.id)"
                )
            else:
                where.append("f.id IN (SELECT rowid FROM articles_fts WHERE articles_fts MATCH ?)")
            values.append(expression)
        for column, value in (("category", category), ("source", source)):
            if value:
                where.append(f"f.{column} = ?")
                values.append(value)
        if region:
            where.append(f"f.{'regency_code' if '.' in region else 'province_code'} = ?")
            values.append(region)
        if since:
            where.append("coalesce(f.published_at, f.fetched_at) >= ?")
            values.append(stamp(since))
        return " AND ".join(where), values

    def _is_common(self, expression: str) -> bool:
        counted = "SELECT count(*) AS n FROM (SELECT 1 FROM articles_fts WHERE articles_fts MATCH ? LIMIT ?)"
        return int(self._rows(counted, expression, _COMMON)[0]["n"]) >= _COMMON

    def article_at(self, url: str) -> Row | None:
        """Return the row of `feed` for an address, however it is spelled, or None."""
        rows = self._rows("SELECT f.* FROM feed f JOIN articles a ON a.id = f.id WHERE a.url_key = ?", entry_key(url))
        return rows[0] if rows else None

    def whole_article(self, article_id: int | None = None, *, url: str = "") -> Row | None:
        """Return everything that is stored of an article, found by id or by address: its columns in `feed` and our own."""
        rows = self._rows(
            "SELECT a.*, f.outlet, f.province, f.regency, s.region AS outlet_region FROM articles a JOIN feed f ON f.id = a.id "
            "JOIN sources s ON s.id = a.source WHERE a.id = ? OR a.url_key = ?",
            *(article_id, entry_key(url)),
        )
        return rows[0] if rows else None

    def duplicate_of(self, key: str) -> Row | None:
        """Return which article the address of this entry key is another address of, or None."""
        rows = self._rows("SELECT article_id, url, seen_at FROM duplicates WHERE url_key = ?", key)
        return rows[0] if rows else None

    def other_addresses(self, article_id: int) -> list[str]:
        """Return the other addresses at which an article's text was seen."""
        return [
            row["url"] for row in self._rows("SELECT url FROM duplicates WHERE article_id = ? ORDER BY url", article_id)
        ]

    def revisions_of(self, article_id: int) -> list[Row]:
        """Return the earlier wordings of an article, the oldest first."""
        return self._rows("SELECT * FROM revisions WHERE article_id = ? ORDER BY revision", article_id)

    def evidence_of(self, article_id: int) -> list[Row]:
        """Return where the responses behind an article's wordings stand in the archive, the oldest first."""
        return self._rows("SELECT * FROM evidence WHERE article_id = ? ORDER BY rowid", article_id)

    def archived(self) -> Iterator[Row]:
        """Yield (article_id, revision, url, file, offset, length, sha256, fetched_at) of the newest wording of each article."""
        return self._each(
            "SELECT e.* FROM evidence e JOIN articles a ON a.id = e.article_id AND a.revision = e.revision ORDER BY e.article_id, e.rowid"
        )

    def story_of(self, story_id: int) -> Row:
        """Return a story with its articles."""
        return self._told_by(self._rows("SELECT * FROM stories WHERE id = ?", story_id)[0])

    def alerts_on(self, story_id: int) -> list[Row]:
        """Return the alerts that a story has raised, the oldest first."""
        return self._rows(
            "SELECT id, type, channel, state, created_at, sent_at, error FROM alerts WHERE story_id = ? ORDER BY rowid",
            story_id,
        )

    def remembering(self, key: str) -> Iterator[tuple[str, Memory]]:
        """Yield (source, memory) of the sources that remember an entry key. Looks at each source's memory: 0.2 ms each."""
        for row in self._each("SELECT source, memory FROM memories"):
            memory = readable(Memory, row["memory"]) or Memory()
            if memory.may_know(key):
                yield row["source"], memory

    def feed(self, after: int = 0) -> Iterator[Row]:
        """Yield rows of `feed` with a larger seq, in its order, in flat memory. The cursor is the last row's seq.

        No lock is held between two batches: an article that changes meanwhile comes (again) with its new seq.
        """
        while True:
            rows = self._rows("SELECT * FROM feed WHERE seq > ? ORDER BY seq LIMIT ?", after, _BATCH)
            yield from rows
            if len(rows) < _BATCH:
                return
            after = rows[-1]["seq"]

    def data_version(self) -> int:
        """Return a number that is another one once somebody has written to the database since it was asked for last."""
        return int(self._rows("PRAGMA data_version")[0]["data_version"])

    def by_publication(self, since: datetime | None = None) -> Iterator[Row]:
        """Yield rows of `feed`, the oldest publication first, in flat memory."""
        after, last_id = (stamp(since) if since else ""), 0
        while True:
            rows = self._rows(
                # Said so that the index is entered at `after`: comparing pairs would walk it from its start.
                "SELECT f.* FROM feed f WHERE coalesce(f.published_at, f.fetched_at) >= ? "
                "AND (coalesce(f.published_at, f.fetched_at) > ? OR f.id > ?) "
                "ORDER BY coalesce(f.published_at, f.fetched_at), f.id LIMIT ?",
                *(after, after, last_id, _BATCH),
            )
            yield from rows
            if len(rows) < _BATCH:
                return
            after, last_id = rows[-1]["published_at"] or rows[-1]["fetched_at"], rows[-1]["id"]

    def stories(
        self,
        query: str | None = None,
        *,
        since: datetime | None = None,
        region: str | None = None,
        category: str | None = None,
        source: str | None = None,
        limit: int = 20,
    ) -> list[Row]:
        """Return stories with their articles (`told_by`), the newest first; filters are those of `articles`."""
        where, values = self._conditions(query, since, region, category, source)
        newest: dict[int, str] = {}  # story -> when its newest such article was published
        # Walked from the newest on until there are enough: grouping all articles takes ten seconds at a million.
        for row in self._each(
            "SELECT f.story_id, coalesce(f.published_at, f.fetched_at) AS at FROM feed f "  # noqa: S608  ours
            f"WHERE {where} ORDER BY coalesce(f.published_at, f.fetched_at) DESC, f.id DESC",
            *values,
        ):
            newest.setdefault(row["story_id"], row["at"])
            if len(newest) >= limit:
                break
        found = (self._rows("SELECT * FROM stories WHERE id = ?", story)[0] for story in newest)
        return [self._told_by({**story, "last_published_at": newest[story["id"]]}) for story in found]

    def _told_by(self, story: Row) -> Row:
        articles = self._rows(
            "SELECT id, url, outlet, title, published_at, category FROM feed WHERE story_id = ? "
            "ORDER BY coalesce(published_at, fetched_at), id",
            story["id"],
        )
        return {**story, "told_by": articles}

    def sources(self) -> list[Row]:
        """Return each source's health, the active ones first; `last_gap_at`: when its listing last shared nothing with the one before."""
        return self._rows(
            "SELECT s.*, strftime('%Y-%m-%dT%H:%M:%SZ', CASE WHEN json_valid(h.health) THEN json_extract(h.health, '$.gap_told') END) "
            "AS last_gap_at FROM sources s LEFT JOIN habits h ON h.source = s.id ORDER BY s.active DESC, s.id"
        )

    def alerts(self, limit: int = 100) -> list[Row]:
        """Return the newest alerts, without their payloads; title and address are their article's, NULL where they tell of none."""
        return self._rows(
            "SELECT l.id, l.type, l.channel, l.state, l.attempts, l.created_at, l.next_attempt_at, l.sent_at, l.error, l.story_id, "
            "l.digest_id, a.title, a.url FROM alerts l LEFT JOIN articles a ON a.id = l.article_id ORDER BY l.rowid DESC LIMIT ?",
            limit,
        )

    def counts(self) -> Row:
        """Return how much is stored and waits: articles, stories, revisions, alerts by state (digests are none), the last seq, the file's bytes."""
        found = self._rows(
            "SELECT (SELECT count(*) FROM articles) AS articles, (SELECT count(*) FROM stories) AS stories, "
            "(SELECT count(*) FROM revisions) AS revisions, (SELECT count(*) FROM alerts WHERE state = 'waiting' AND type <> 'digest') AS alerts_waiting, "
            "(SELECT count(*) FROM alerts WHERE state = 'sent' AND type <> 'digest') AS alerts_sent, "
            "(SELECT count(*) FROM alerts WHERE state = 'failed' AND type <> 'digest') AS alerts_failed, "
            "(SELECT value FROM counters WHERE name = 'seq') AS seq"
        )[0]
        return {**found, "bytes": self.path.stat().st_size}

    def channels(self) -> list[Row]:
        """Return what is known of each channel that has ever been sent to: when it last worked, since when it fails and why, how
        much waits for it."""
        return self._rows(
            "SELECT c.id, c.last_sent_at, c.failing_since, c.error, (SELECT count(*) FROM alerts a WHERE a.channel = c.id "
            "AND a.state = 'waiting') AS waiting FROM channels c ORDER BY c.id"
        )

    def subscriptions(self) -> list[Row]:
        """Return each source's subscription to a hub (WebSub): `hub` is its host, `error` what was wrong last."""
        return self._rows(
            "SELECT source, host AS hub, state, lease_until, last_push_at, failures, error FROM subscriptions "
            "WHERE state <> 'leaving' ORDER BY source, feed"
        )

    def mark(self, name: str) -> str | None:
        """Return a fact about the whole watch, or None."""
        rows = self._rows("SELECT value FROM marks WHERE name = ?", name)
        return rows[0]["value"] if rows else None

    def damage(self) -> str:
        """Return what SQLite finds wrong with the file, "" for nothing. Reads all of it: 0.3 s a hundred MB."""
        found = self._rows("PRAGMA quick_check(1)")[0]["quick_check"]
        return "" if found == "ok" else str(found)

    def memory(self, source: str) -> Memory:
        """Return what a source remembers; an empty memory before its first poll."""
        rows = self._rows("SELECT memory FROM memories WHERE source = ?", source)
        return readable(Memory, rows[0]["memory"]) or Memory() if rows else Memory()

    def known_addresses(self, keys: list[str]) -> set[str]:
        """Return those of the entry keys whose article is stored."""
        marks = ", ".join("?" * len(keys))
        return {row["url_key"] for row in self._rows(f"SELECT url_key FROM articles WHERE url_key IN ({marks})", *keys)}  # noqa: S608

    def _rows(self, sql: str, *values: object) -> list[Row]:
        return list(self._each(sql, *values))

    def _each(self, sql: str, *values: object) -> Iterator[Row]:
        try:
            for row in self._conn.execute(sql, values):
                yield dict(row)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise StoreBusy(f"{self.path} is locked by another program; try again") from error
            raise
        except sqlite3.DatabaseError as error:
            raise StoreUnusable(f"{self.path} cannot be read: {error}") from error


def fts_expression(query: str) -> str:
    """Return what a person typed as an FTS5 expression: every word, "…" as a phrase, a trailing * as a beginning; "" for nothing.

    Each part is quoted, so no character of it means anything else to FTS5.
    """
    parts = []
    for place, piece in enumerate(query.split('"')):
        words = [piece] if place % 2 else piece.split()
        for word in words:
            if any(character.isalnum() for character in word):
                begins = word.endswith("*") and not place % 2
                parts.append(f'"{word.rstrip("*")}"' + ("*" if begins else ""))
    return " ".join(parts)


__all__ = ["FEED_COLUMNS", "Reader", "Row", "fts_expression"]
