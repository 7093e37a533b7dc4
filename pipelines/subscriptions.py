"""Subscriptions to hubs (WebSub) in the database: one row a feed whose hub tells us of changes.

Part of the store, which owns the connection; what is asked of a hub and when is decided by websub.subscriber.
Tests: tests/pipelines/test_subscriptions.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Any, Literal

from pipelines.database import Writer, ours, parse_stamp, stamp

State = Literal["new", "pending", "active", "failing", "denied", "leaving"]
_TIMES = ("next_try_at", "asked_at", "lease_until", "last_push_at")


@dataclass(frozen=True, slots=True)
class Subscription:
    """A row. Times are aware UTC, to the second in the database.

    `token` ends our callback's address and is known to the hub alone, `secret` is what the hub signs with, `callback` is the address
    that it was asked to call. `asked_at`: since when an answer is awaited. `lease_until`: when the hub forgets us.
    """

    token: str
    source: str
    feed: str  # discovering.listing_key of its address
    hub: str
    host: str  # identity.host_key of the hub
    topic: str
    secret: str
    callback: str
    state: State
    next_try_at: datetime
    asked_at: datetime | None = None
    lease_until: datetime | None = None
    failures: int = 0
    error: str | None = None
    last_push_at: datetime | None = None

    def __repr__(self) -> str:  # secret and token must not come into a log by accident
        return f"Subscription({self.source!r}, {self.host!r}, {self.state!r})"


_COLUMNS = tuple(field.name for field in fields(Subscription))
_NAMES = ", ".join(_COLUMNS)
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])


class Subscriptions(Writer):
    """Writing and looking up subscriptions. Raises StoreError alone."""

    def subscriptions(self) -> list[Subscription]:
        """Return all of them."""
        with ours(self.path):
            rows = self._conn.execute(f"SELECT {_NAMES} FROM subscriptions ORDER BY rowid").fetchall()  # noqa: S608  ours
        return [_subscription(row) for row in rows]

    def due_subscriptions(self, now: datetime) -> list[str]:
        """Return the token of one due subscription a hub's host, the longest due: one hub with thousands must not hide the others."""
        with ours(self.path):
            rows = self._conn.execute(
                "SELECT token, min(next_try_at) AS at FROM subscriptions WHERE next_try_at <= ? GROUP BY host ORDER BY at",
                (stamp(now),),
            ).fetchall()
        return [row[0] for row in rows]

    def save_subscriptions(self, items: Iterable[Subscription]) -> None:
        """Write these, new or changed, in one transaction and in their order."""
        rows = [_row(item) for item in items]
        with self._transaction():
            self._conn.executemany(
                f"INSERT INTO subscriptions ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))}) "  # noqa: S608  names are ours
                f"ON CONFLICT (token) DO UPDATE SET {_CHANGES}",
                rows,
            )

    def drop_subscription(self, token: str) -> None:
        """Forget one."""
        with self._transaction():
            self._conn.execute("DELETE FROM subscriptions WHERE token = ?", (token,))

    def forget_subscriptions(self) -> None:
        """Forget all of them: WebSub is off, and hubs stop calling when their leases end."""
        with ours(self.path):
            found = self._conn.execute("SELECT 1 FROM subscriptions LIMIT 1").fetchone()
        if found:
            with self._transaction():
                self._conn.execute("DELETE FROM subscriptions")

    def hurried(self, sources: Sequence[str]) -> list[str]:
        """Return those of the sources that may be polled before they are due: in sources.yaml, and their last poll went well.

        One that fails, or whose host asked to be left alone, keeps to the pause that it has: a hub must not undercut that.
        """
        marks = ", ".join("?" * len(sources))
        query = f"SELECT id FROM sources WHERE id IN ({marks}) AND active = 1 AND failures = 0"  # noqa: S608  marks are ours
        with ours(self.path):
            return [row[0] for row in self._conn.execute(query, tuple(sources))]

    def told_unpolled(self) -> list[str]:
        """Return the sources of which a hub told something that their last poll may not have seen: the daemon ended in between.

        A minute too many: what was told while a poll ran, or soon after another notice, has no later time than these.
        """
        with ours(self.path):
            return [
                row[0]
                for row in self._conn.execute(
                    "SELECT DISTINCT s.id FROM subscriptions t JOIN sources s ON s.id = t.source "
                    "WHERE s.active = 1 AND t.last_push_at IS NOT NULL AND "
                    "(s.last_poll_at IS NULL OR julianday(t.last_push_at) >= julianday(s.last_poll_at, '-60 seconds'))"
                )
            ]


def _row(item: Subscription) -> tuple[Any, ...]:
    return tuple(stamp(value) if isinstance(value, datetime) else value for value in astuple(item))


def _subscription(row: Sequence[Any]) -> Subscription:
    named = dict(zip(_COLUMNS, row, strict=True))
    return Subscription(**named | {name: parse_stamp(named[name]) for name in _TIMES})
