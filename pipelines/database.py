"""SQLite as we use it, free of what is stored: opening, the writer's lock, transactions, errors, times.

Raises StoreError alone for what goes wrong with a database; bugs of ours (wrong SQL, say) stay what they are.
Tests: tests/pipelines/test_store.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from crawler.errors import StoreBusy, StoreLocked, StoreUnusable, StoreUnwritable
from pipelines.schema import APPLICATION_ID, NEWEST

BUSY_S = 5.0  # long enough for another tool's write, short enough that a poll can be put off
_BUSY = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_BUSY_SNAPSHOT", "SQLITE_BUSY_RECOVERY"})


class Writer:
    """Opened for writing, by one process at a time; use as a context manager.

    Raises StoreLocked where another process writes, StoreUnusable where the file is not ours, newer, or damaged.
    """

    def __init__(self, path: Path, *, daemon: bool = False) -> None:
        self.path = path
        with ours(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(path, daemon=daemon)
        try:
            with ours(path):
                self._conn = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S, check_same_thread=False)
                self._set_up()
        except BaseException:
            self.close()
            raise

    def _set_up(self) -> None:
        check_ours(self._conn, self.path)
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"busy_timeout = {int(BUSY_S * 1000)}",
        ):
            self._conn.execute(f"PRAGMA {pragma}")
        if self._conn.execute("PRAGMA user_version").fetchone()[0] != NEWEST:
            self._upgrade()

    def _upgrade(self) -> None:
        # Here: sqlite-utils takes numpy along wherever it is installed, .2 s and 30 MB for every process that opens a database.
        from sqlite_utils import Database

        from pipelines.migrations import migrations

        with self._transaction():
            migrations.apply(Database(self._conn, recursive_triggers=False))
            self._conn.execute(f"PRAGMA user_version = {NEWEST}")

    def beat(self) -> None:
        """Show that we live and work: the lock's file gets the time of now, for `holder` and for whoever looks at files."""
        if self._lock is not None:
            with contextlib.suppress(OSError):  # a file system that is read-only for a while is told of elsewhere
                os.utime(self._lock)

    def close(self) -> None:
        """Close the database and give up the lock. Safe to call twice."""
        if getattr(self, "_conn", None) is not None:
            with contextlib.suppress(sqlite3.Error):
                self._conn.close()
        if self._lock is not None:
            os.close(self._lock)  # the file stays: removing it would let two processes lock two files
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Run the block in one transaction. BEGIN IMMEDIATE: a read that turns into a write fails at once when somebody else
        wrote in between, whatever busy_timeout says (measured)."""
        with ours(self.path):
            self._conn.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._conn.in_transaction:
                    self._conn.execute("ROLLBACK")
                raise
            try:
                self._conn.execute("COMMIT")
            except BaseException:
                if self._conn.in_transaction:
                    self._conn.execute("ROLLBACK")
                raise


def stamp(at: datetime) -> str:
    """Return a time as the database writes it: "2024-11-13T01:04:00Z". It must be aware."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_stamp(text: str | None) -> datetime | None:
    """Return the time that `stamp` wrote."""
    return datetime.fromisoformat(text) if text else None


def check_ours(conn: sqlite3.Connection, path: Path) -> None:
    """Raise StoreUnusable where the database is somebody else's or from a newer pantau. An empty one is fine."""
    tables = conn.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    application = conn.execute("PRAGMA application_id").fetchone()[0]
    version = conn.execute("PRAGMA user_version").fetchone()[0]
    if tables and application != APPLICATION_ID:
        raise StoreUnusable(
            f"{path} is a database of another program; nothing was changed. Name another file with --db"
        )
    if version > NEWEST:
        raise StoreUnusable(
            f"{path} was written by a newer pantau (schema {version}, this one knows {NEWEST}); nothing was changed. Upgrade pantau"
        )


def _lock(path: Path, *, daemon: bool) -> int | None:
    """Take the writer's lock and return its file, which says who has it. Raises StoreLocked.

    The system frees it however the process ends.
    """
    handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(handle, 200).decode("utf-8", "replace").strip() or "another process"
        os.close(handle)
        raise StoreLocked(f"{path} is being written by {holder}; one at a time") from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"pantau (process {os.getpid()}{', daemon' if daemon else ''})\n".encode(), 0)
    return handle


@dataclass(frozen=True, slots=True)
class Holder:
    """Who writes to a database. `quiet_s`: since its last `beat`, a daemon's comes every second."""

    process: int | None
    daemon: bool
    quiet_s: float


def holder(path: Path) -> Holder | None:
    """Return who has the writer's lock of a database, as it says itself; None for nobody."""
    try:
        handle = os.open(f"{path}.lock", os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two that look do not see each other
    except BlockingIOError:
        found = re.search(r"\(process (\d+)(, daemon)?\)", os.read(handle, 200).decode("utf-8", "replace"))
        quiet_s = max(0.0, time.time() - os.fstat(handle).st_mtime)
        return Holder(int(found[1]) if found else None, bool(found and found[2]), quiet_s)
    else:
        return None
    finally:
        os.close(handle)


@contextlib.contextmanager
def ours(path: Path) -> Iterator[None]:
    """Turn SQLite's and the system's errors into ours, with the file's name. Bugs (wrong SQL, say) stay what they are."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        if name in _BUSY:
            raise StoreBusy(
                f"{path} stayed locked by another program for {BUSY_S:.0f} s; nothing was written"
            ) from error
        if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            raise StoreUnusable(f"{path} is not a usable SQLite database: {error}") from error
        if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY")):
            raise StoreUnwritable(f"{path} cannot be written: {error}") from error
        if name.startswith(("SQLITE_CANTOPEN", "SQLITE_PERM")):
            raise StoreUnusable(f"{path} cannot be opened: {error}") from error
        raise
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be opened: {error.strerror or error}") from error
