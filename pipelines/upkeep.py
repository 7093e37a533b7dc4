"""What a daemon does to the database beside recording: marks of the whole watch, due times after a jump of the clock, retention.

Part of the store, which owns the connection. Tests: tests/pipelines/test_upkeep.py, tests/faults/test_clock.py, test_network.py.
"""

from __future__ import annotations

import contextlib
import sqlite3
from abc import abstractmethod
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from crawler.errors import UsageError
from pipelines.alerts import Alerts, Plan
from pipelines.database import ours, stamp
from pipelines.reader import Reader

BATCH = 100  # articles a transaction: a tenth of a second, so that no poll waits for retention (docs/growth.md)
_LONGEST_LEASE = timedelta(days=31)  # of a subscription to a hub: nothing of it is planned further ahead
MAX_WAL_BYTES = 64 * 2**20  # GUARANTEES B4: a log that grows beyond it has a reader that never ends


class Upkeep(Alerts):
    """Beside recording."""

    def mark(self, name: str) -> str | None:
        """Return a fact about the whole watch, or None."""
        with ours(self.path):
            row = self._conn.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def note_network(self, down_since: datetime | None, failed: int, now: datetime, plan: Plan) -> None:
        """Note that the network is down since then, or (None) up again, and put one notice of it into the outbox."""
        with self._transaction():
            row = self._conn.execute("SELECT value FROM marks WHERE name = 'network_down_since'").fetchone()
            since = stamp(down_since) if down_since else row[0] if row else stamp(now)
            sources = self._conn.execute("SELECT count(*) FROM sources WHERE active = 1").fetchone()[0]
            data = {
                "state": "down" if down_since else "up",
                "since": since,
                "detail": "",
                "failed": failed,
                "sources": sources,
            }
            if down_since is None:
                self._conn.execute("DELETE FROM marks WHERE name = 'network_down_since'")
                self._conn.execute(  # what was not reached meanwhile is due at once
                    "UPDATE sources SET next_poll_at = ? WHERE active = 1 AND last_poll_at >= ? AND next_poll_at > ? "
                    "AND outcome IN ('failed', 'refused', 'killed')",
                    (stamp(now), since, stamp(now)),
                )
            else:
                self._conn.execute("INSERT OR REPLACE INTO marks VALUES ('network_down_since', ?)", (since,))
            kind = "network.down" if down_since else "network.up"
            self._raise_notice(kind, plan.health, f"network:{since}", data, now)

    def move_times(self, by: timedelta, now: datetime) -> None:
        """Move every time that something is due by as much as the clock jumped, so that nothing stalls and nothing bursts.

        What was planned after the jump already, by a poll that ended before it was seen, stays.
        """
        after = "<" if by > timedelta(0) else ">"
        conditions = {"alerts": " AND state = 'waiting'", "sources": f" AND last_poll_at {after} ?"}
        seconds = f"{by.total_seconds():+.0f} seconds"
        moved = "strftime('%Y-%m-%dT%H:%M:%SZ', {0}, ?)"
        with self._transaction():
            between = stamp(
                now - by / 2
            )  # polls before the jump lie on the one side of it, those after it on the other
            for table, columns in (
                ("sources", ("next_poll_at",)),
                ("alerts", ("next_attempt_at", "first_attempt_at")),
                ("articles", ("recheck_at",)),
                ("channels", ("held_until", "last_digest_at", "failing_since")),
            ):
                for column in columns:
                    self._conn.execute(
                        f"UPDATE {table} SET {column} = {moved.format(column)} WHERE {column} IS NOT NULL"  # noqa: S608  ours
                        + conditions.get(table, ""),
                        (seconds, between) if table == "sources" else (seconds,),
                    )
            # Put forward, leases only seem to end sooner: they are renewed too early, which costs nothing.
            if by < timedelta(0):
                for column in ("next_try_at", "lease_until"):
                    self._conn.execute(
                        f"UPDATE subscriptions SET {column} = {moved.format(column)} WHERE {column} IS NOT NULL",  # noqa: S608
                        (seconds,),
                    )

    def pull_in(self, now: datetime, longest: timedelta) -> int:
        """Make due what lies further ahead than anything is ever planned: the clock was set back while nobody watched."""
        with self._transaction():
            count = 0
            for table, column in (("sources", "next_poll_at"), ("alerts", "next_attempt_at")):
                cursor = self._conn.execute(
                    f"UPDATE {table} SET {column} = ? WHERE {column} > ?",  # noqa: S608  names are ours
                    (stamp(now), stamp(now + longest)),
                )
                count += cursor.rowcount
            self._conn.execute(
                "UPDATE subscriptions SET next_try_at = ? WHERE next_try_at > ?",
                (stamp(now), stamp(now + max(longest, _LONGEST_LEASE))),
            )
            self._conn.execute("UPDATE channels SET held_until = NULL WHERE held_until > ?", (stamp(now + longest),))
            self._conn.execute(
                "UPDATE channels SET last_digest_at = ? WHERE last_digest_at > ?", (stamp(now), stamp(now))
            )
            return count

    def prune(self, before: datetime) -> int:
        """Delete up to BATCH articles stored before then, with all that belongs to them; return how many.

        Their seq and id are never given again. Stories that lose their last article go too, the others are counted anew.
        """
        with self._transaction():
            rows = self._conn.execute(
                "SELECT id, story_id, url_key FROM articles WHERE coalesce(published_at, fetched_at) < ? AND stored_at < ? "
                "ORDER BY coalesce(published_at, fetched_at), id LIMIT ?",
                (stamp(before), stamp(before), BATCH),
            ).fetchall()
            ids = [(row[0],) for row in rows]
            for row in rows:
                self._unfile(row[0])
            for table in ("revisions", "duplicates", "evidence"):
                self._conn.executemany(f"DELETE FROM {table} WHERE article_id = ?", ids)  # noqa: S608  names are ours
            self._conn.executemany("UPDATE alerts SET article_id = NULL WHERE article_id = ?", ids)
            self._conn.executemany(
                "UPDATE sources SET articles = articles - 1 WHERE id = (SELECT source FROM articles WHERE id = ?)", ids
            )
            self._conn.executemany("DELETE FROM articles WHERE id = ?", ids)
            for story_id in {row[1] for row in rows}:
                if self._conn.execute("SELECT 1 FROM articles WHERE story_id = ? LIMIT 1", (story_id,)).fetchone():
                    self._count_story(story_id)
                else:
                    self._conn.execute("DELETE FROM alerts WHERE story_id = ? AND state != 'waiting'", (story_id,))
                    self._conn.execute("UPDATE alerts SET story_id = NULL WHERE story_id = ?", (story_id,))
                    self._conn.execute("DELETE FROM stories WHERE id = ?", (story_id,))
            return len(rows)

    @abstractmethod
    def _count_story(self, story_id: int) -> None:
        """Bring a story up to date with its articles. The store's."""

    @abstractmethod
    def _unfile(self, article_id: int) -> None:
        """Take an article out of what later ones are compared by. The store's."""

    def drop_bodies(self, before: datetime) -> int:
        """Empty the bodies of up to BATCH articles stored before then, and of their revisions; return how many.

        Title, labels, matches (with their text) and `content_sha256` stay.
        """
        with self._transaction():
            rows = self._conn.execute(
                "SELECT id FROM articles INDEXED BY articles_with_body WHERE coalesce(published_at, fetched_at) < ? AND stored_at < ? AND body != '' "
                "ORDER BY coalesce(published_at, fetched_at), id LIMIT ?",
                (stamp(before), stamp(before), BATCH),
            ).fetchall()
            self._conn.executemany(
                "UPDATE articles SET body = '', body_status = 'dropped', recheck_at = NULL WHERE id = ?", rows
            )
            self._conn.executemany("UPDATE revisions SET body = '' WHERE article_id = ?", rows)
            self._conn.executemany(
                "UPDATE alerts SET payload = '{}' WHERE article_id = ? AND state = 'sent' AND digest_id IS NULL", rows
            )
            return len(rows)

    def gauges(self) -> dict[str, Any]:
        """Return what /metrics shows of the database, cheaply at any size."""
        with ours(self.path):
            states = self._conn.execute(
                "SELECT state, count(*), sum(articles) FROM sources WHERE active = 1 GROUP BY state"
            )
            rows = states.fetchall()
            waiting = self._conn.execute("SELECT count(*) FROM alerts WHERE state = 'waiting'").fetchone()[0]
            failed = self._conn.execute("SELECT count(*) FROM alerts WHERE state = 'failed'").fetchone()[0]
            pages = self._conn.execute("PRAGMA page_count").fetchone()[0]
            page_bytes = self._conn.execute("PRAGMA page_size").fetchone()[0]
            hubs = self._conn.execute("SELECT state, count(*) FROM subscriptions GROUP BY state").fetchall()
        log = Path(f"{self.path}-wal")
        return {
            "subscriptions": dict(hubs),
            "sources": {state: count for state, count, _ in rows},
            "alerts": {"waiting": waiting, "failed": failed},
            "stored_articles": sum(stored for *_, stored in rows),
            "database_bytes": pages * page_bytes,
            "wal_bytes": log.stat().st_size if log.exists() else 0,
        }

    def wal_bytes(self) -> int:
        """Return how large the write-ahead log is, after an attempt to empty it where it is past MAX_WAL_BYTES."""
        log = Path(f"{self.path}-wal")
        size = log.stat().st_size if log.exists() else 0
        if size > MAX_WAL_BYTES:
            with ours(self.path):
                self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            size = log.stat().st_size
        return size


def back_up(database: Path, target: Path) -> int:
    """Write a consistent copy of the database to `target`, beside a running daemon; return how many articles it holds.

    The copy is checked before it gets its name. Raises UsageError where the target exists, StoreError.
    """
    if target.exists():
        raise UsageError(f"{target} exists; a backup overwrites nothing")
    if not target.absolute().parent.is_dir():
        raise UsageError(f"{target.absolute().parent} is no folder")
    with Reader(database):  # says in words what is wrong with it
        pass
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        with (
            ours(target),
            contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as db,
        ):
            db.execute("PRAGMA busy_timeout = 5000")
            db.execute("VACUUM INTO ?", (str(part),))
        with ours(part), contextlib.closing(sqlite3.connect(part)) as copy:
            checked = copy.execute("PRAGMA integrity_check").fetchall()
            if checked != [("ok",)]:
                raise sqlite3.DatabaseError(f"the copy is damaged: {checked[0][0]}")
            count: int = copy.execute("SELECT count(*) FROM articles").fetchone()[0]
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    return count
