"""The database under faults: killed at every write, no room, locked, two writers, damaged, cut power (GUARANTEES B1-B5, B11)."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from crawler.errors import StoreBusy, StoreError, StoreLocked, StoreUnusable, StoreUnwritable
from pipelines import database
from pipelines.migrations import migrations
from pipelines.schema import NEWEST
from pipelines.store import Store
from tests.faults.watching import Simulation
from tests.pipelines.conftest import BODY, LATER, PLAN, SOURCES, article, report, waiting

FORK = multiprocessing.get_context("fork")


class Counting(sqlite3.Connection):
    """Counts its statements, and calls `at_call` when the n-th begins."""

    calls = 0
    fatal = 0
    at_call: Callable[[], None] = staticmethod(lambda: None)

    def _count(self) -> None:
        Counting.calls += 1
        if Counting.calls == Counting.fatal:
            Counting.at_call()

    def execute(self, *values: Any) -> sqlite3.Cursor:
        self._count()
        return super().execute(*values)

    def executemany(self, *values: Any) -> sqlite3.Cursor:
        self._count()
        return super().executemany(*values)


@contextlib.contextmanager
def counted(fatal: int = 0, at_call: Callable[[], None] = lambda: None) -> Iterator[type[Counting]]:
    """Let stores opened here count their statements."""
    connect = sqlite3.connect
    Counting.calls, Counting.fatal, Counting.at_call = 0, fatal, staticmethod(at_call)

    def counting(*values: Any, **options: Any) -> sqlite3.Connection:
        return connect(*values, **{**options, "factory": Counting})

    database.sqlite3.connect = counting  # type: ignore[assignment]
    try:
        yield Counting
    finally:
        database.sqlite3.connect = connect


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_child(job: Callable[[], None]) -> int | None:
    """Run the job in a process of its own; return how that ended."""
    child = FORK.Process(target=job)
    child.start()
    child.join(30)
    return child.exitcode


def work(path: Path) -> None:
    """What a poll brings, an edit of it, and a delivery: every table is written."""
    with Store(path) as store:
        store.sync_sources(SOURCES)
        if not store._conn.execute(
            "SELECT 1 FROM articles WHERE revision > 1"
        ).fetchone():  # else its page is another by now
            store.record(report(article(), article("b", body=BODY[::-1])), LATER, PLAN)
        edited = article(title="Camat dipanggil lagi", body=BODY + "\n\nTambahan.")
        store.record(report(edited, finished_at=LATER), LATER, PLAN)
        for alert in waiting(store, LATER):
            store.alert_sent(alert.id, LATER)


def contents(path: Path) -> dict[str, list[Any]]:
    """Return what people and programs see, and check that the file is whole."""
    db = sqlite3.connect(path)
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        db.execute("INSERT INTO articles_fts (articles_fts) VALUES ('integrity-check')")
        return {
            "feed": db.execute(
                "SELECT url, title, revision, content_sha256, story_id FROM feed ORDER BY url"
            ).fetchall(),
            "revisions": db.execute("SELECT article_id, revision, title FROM revisions ORDER BY 1, 2").fetchall(),
            "alerts": db.execute("SELECT id, type, channel, state FROM alerts ORDER BY id").fetchall(),
            "stories": db.execute("SELECT id, articles, outlets FROM stories ORDER BY id").fetchall(),
            "seqs": db.execute("SELECT count(DISTINCT seq) = count(*) FROM articles").fetchall(),
        }
    finally:
        db.close()


def statements_of(path: Path) -> int:
    with counted() as counting:
        work(path)
        return counting.calls


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_every_statement_all_is_there_after_doing_it_again(tmp_path: Path, step: int) -> None:
    wanted_path = tmp_path / "wanted.db"
    total = statements_of(wanted_path)
    wanted = contents(wanted_path)
    assert len(wanted["feed"]) == 2
    assert {state for *_, state in wanted["alerts"]} == {"sent"}
    assert total > 60
    for fatal in range(1, total + 1, step):
        path = tmp_path / f"{fatal}.db"
        with counted(fatal, die):
            assert in_child(lambda path=path: work(path)) == -signal.SIGKILL, fatal
        began = time.monotonic()
        work(path)
        assert time.monotonic() - began < 5
        assert contents(path) == wanted, fatal
        for leftover in tmp_path.glob(f"{fatal}.db*"):
            leftover.unlink()


def test_a_migration_killed_at_any_statement_leaves_the_old_schema_or_the_new(tmp_path: Path) -> None:
    with counted() as counting:
        Store(tmp_path / "whole.db").close()
        total = counting.calls
    assert total > 30
    for fatal in range(1, total + 1):
        path = tmp_path / f"{fatal}.db"
        with counted(fatal, die):
            in_child(lambda path=path: Store(path).close())
        db = sqlite3.connect(path)
        version = db.execute("PRAGMA user_version").fetchone()[0]
        tables = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'articles'").fetchone()[0]
        db.close()
        assert (version, tables) in ((0, 0), (NEWEST, 1)), fatal
        Store(path).close()


def old_schema(path: Path) -> None:
    """A database as the first schema had it, with a source, a story, an article and an alert."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN")
    migrations.apply(Database(db), stop_before="m0002_the_watch_over_itself")
    db.execute("PRAGMA user_version = 1")
    db.execute(
        "INSERT INTO sources (id, name, url, state) VALUES ('satu', 'Satu', 'https://satu.example', 'not_modified')"
    )
    db.execute("INSERT INTO stories (title, articles, outlets) VALUES ('Camat', 1, 1)")
    db.execute(
        "INSERT INTO articles (url, url_key, fetched_url, source, title, body, fetched_at, story_id, content_sha256, stored_at) "
        "VALUES ('https://satu.example/a', 'k', 'u', 'satu', 'Camat', 'Isi.', '2024-11-13T01:04:00Z', 1, 'x', '2024-11-13T01:04:00Z')"
    )
    db.execute(
        "INSERT INTO alerts (id, type, channel, story_id, article_id, subject, payload, created_at) "
        "VALUES ('msg_1', 'article.matched', 'arsip', 1, 1, 'story:1', '{}', '2024-11-13T01:04:00Z')"
    )
    db.execute("COMMIT")
    db.close()


def test_the_first_schema_becomes_the_newest_with_all_it_holds_wherever_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old_schema(path)
    before = contents(path)
    assert [len(before[name]) for name in ("feed", "alerts", "stories")] == [1, 1, 1]
    with counted() as counting:
        Store(path).close()
        total = counting.calls
    assert contents(path) == before
    assert sqlite3.connect(path).execute("SELECT state, outcome FROM sources").fetchall() == [("ok", "not_modified")]
    for fatal in range(1, total + 1):
        old_schema(path)
        with counted(fatal, die):
            in_child(lambda: Store(path).close())
        Store(path).close()
        assert contents(path) == before, fatal


def test_no_room_at_any_moment_is_all_or_nothing_and_work_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """GUARANTEES B3, its method: a file that may not grow past so many pages."""
    with Store(tmp_path / "wanted.db") as store:
        store.sync_sources(SOURCES)
        store.record(report(*many()), LATER, PLAN)
    wanted = contents(tmp_path / "wanted.db")
    path = tmp_path / "pantau.db"
    refused = 0
    with Store(path) as store:
        store.sync_sources(SOURCES)
        empty = contents(path)
        pages = store._conn.execute("PRAGMA page_count").fetchone()[0]
        for room in range(200):
            store._conn.execute(f"PRAGMA max_page_count = {pages + room}")
            try:
                store.record(report(*many()), LATER, PLAN)
            except StoreUnwritable:
                refused += 1
                assert contents(path) == empty
            else:
                break
    assert refused >= 20
    assert contents(path) == wanted


def many() -> list[Any]:
    return [article(f"n{n}", body=f"{BODY} Nomor {n}. " + f"kata{n} " * 400) for n in range(30)]


def test_a_file_that_may_not_be_written_is_an_error_that_may_mend_itself(tmp_path: Path) -> None:
    with Store(tmp_path / "pantau.db") as store:
        store.sync_sources(SOURCES)
        store._conn.execute("PRAGMA query_only = 1")
        with pytest.raises(StoreUnwritable, match="cannot be written"):
            store.record(report(article()), LATER, PLAN)
        store._conn.execute("PRAGMA query_only = 0")
        assert len(store.record(report(article()), LATER, PLAN).kept) == 1


@pytest.mark.parametrize("trouble", ["no room", "locked"])
async def test_the_daemon_waits_with_the_report_and_polls_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr("watch.FULL_PAUSE_S", 0.05)
    async with Simulation(tmp_path, 1) as sim:
        conn = sim.store._conn
        conn.execute("PRAGMA busy_timeout = 100")
        other = sqlite3.connect(sim.store.path, isolation_level=None)
        if trouble == "locked":
            other.execute("BEGIN EXCLUSIVE")
        else:
            conn.execute("PRAGMA query_only = 1")
        poll = asyncio.create_task(sim.watch.poll(sim.watch.config.sources[0]))
        await asyncio.sleep(1.5)
        assert not poll.done()
        if trouble == "locked":
            other.execute("ROLLBACK")
        else:
            await sim.watch.call(conn.execute, "PRAGMA query_only = 0")
        summary = await asyncio.wait_for(poll, 10)
        other.close()
        assert (summary.outcome, len(sim.polls)) == ("ok", 1)
        assert sim.rows("SELECT polls, state FROM sources") == [{"polls": 1, "state": "ok"}]


def test_readers_that_take_long_hold_up_nobody_and_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pantau.db"
    with Store(path) as store:
        store.sync_sources(SOURCES)
        reader = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM feed").fetchone() == (0,)
        for n in range(150):
            store.record(report(article(f"n{n}", body=f"{BODY} Nomor {n}.")), LATER, PLAN)
        assert reader.execute("SELECT count(*) FROM feed").fetchone() == (0,)
        reader.close()
        store.record(report(article("last", body=BODY + "Akhir.")), LATER, PLAN)
    assert len(contents(path)["feed"]) == 151
    assert not Path(f"{path}-wal").exists() or Path(f"{path}-wal").stat().st_size <= 64 * 2**20


@pytest.mark.parametrize("races", [15, pytest.param(100, marks=pytest.mark.slow)])
def test_of_several_writers_that_start_at_once_exactly_one_lives(tmp_path: Path, races: int) -> None:
    for race in range(races):
        path = tmp_path / f"{race}.db"
        start, hold = FORK.Barrier(4), FORK.Event()
        results = FORK.Queue()

        def contend(path: Path = path, start: Any = start, hold: Any = hold, results: Any = results) -> None:
            start.wait()
            try:
                with Store(path, daemon=True):
                    results.put("lives")
                    hold.wait(20)
            except StoreLocked as error:
                results.put("refused" if "is being written by" in str(error) else str(error))

        children = [FORK.Process(target=contend) for _ in range(3)]
        for child in children:
            child.start()
        start.wait()
        told = sorted(results.get(timeout=20) for _ in children)
        hold.set()
        for child in children:
            child.join(20)
        assert told == ["lives", "refused", "refused"]


def damaged(path: Path) -> dict[str, Callable[[], None]]:
    def header() -> None:
        path.write_bytes(b"not a database at all" * 1000)

    def middle() -> None:
        data = bytearray(path.read_bytes())
        data[4096 : 4096 * 6] = os.urandom(4096 * 5)
        path.write_bytes(data)

    def cut() -> None:
        path.write_bytes(path.read_bytes()[: 4096 * 3 + 100])

    def foreign() -> None:
        path.unlink()
        db = sqlite3.connect(path)
        db.execute("CREATE TABLE harga (beras INTEGER)")
        db.commit()
        db.close()

    def newer() -> None:
        db = sqlite3.connect(path)
        db.execute(f"PRAGMA user_version = {NEWEST + 1}")
        db.commit()
        db.close()

    def folder() -> None:
        path.unlink()
        path.mkdir()

    def text() -> None:
        path.write_text("sources:\n  - id: salah-berkas\n" * 200, "utf-8")

    def picture() -> None:
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + os.urandom(5000))

    return {made.__name__: made for made in (header, middle, cut, foreign, newer, folder, text, picture)}


@pytest.mark.parametrize("damage", ["header", "middle", "cut", "foreign", "newer", "folder", "text", "picture"])
def test_a_file_that_is_not_ours_or_damaged_is_refused_and_left_as_it_is(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "pantau.db"
    work(path)
    damaged(path)[damage]()
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises((StoreUnusable, StoreBusy)) as caught:
        work(path)
    assert str(path) in str(caught.value)
    assert "Traceback" not in str(caught.value)
    if path.is_file() and damage not in ("middle", "cut"):
        assert path.read_bytes() == before


@pytest.mark.parametrize("cuts", [12, pytest.param(50, marks=pytest.mark.slow)])
def test_cut_power_loses_nothing_that_was_committed(tmp_path: Path, cuts: int) -> None:
    """The log of a database that is cut at any byte, its last sector torn: what was committed before is there, whole."""
    path = tmp_path / "pantau.db"
    store = Store(path)
    store.sync_sources(SOURCES)
    store._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store._conn.execute("PRAGMA wal_autocheckpoint = 0")
    wal = Path(f"{path}-wal")
    commits = [wal.stat().st_size]
    for n in range(20):
        store.record(report(article(f"n{n}", body=f"{BODY} Nomor {n}.")), LATER, PLAN)
        commits.append(wal.stat().st_size)
    rng = random.Random(7)
    for number in range(cuts):
        copy = tmp_path / f"cut{number}.db"
        shutil.copy(path, copy)
        end = rng.randint(commits[0], commits[-1])
        kept = bytearray(wal.read_bytes()[:end])
        torn = min(len(kept), rng.choice([0, 512, 4096]))
        if torn:
            kept[-torn:] = os.urandom(torn)
        Path(f"{copy}-wal").write_bytes(kept)
        committed = sum(size <= end - torn for size in commits) - 1
        with contextlib.suppress(StoreError), Store(copy):
            pass
        found = contents(copy)
        assert len(found["feed"]) >= committed, (end, torn)
        assert len(found["alerts"]) == (2 if found["feed"] else 0)  # one story, two channels
        with Store(copy) as again:
            for n in range(20):
                again.record(report(article(f"n{n}", body=f"{BODY} Nomor {n}.")), LATER, PLAN)
        assert contents(copy)["feed"][0][0] and len(contents(copy)["feed"]) == 20
    store.close()


def test_the_writer_s_thread_is_not_needed_to_read(tmp_path: Path) -> None:
    """An exclusive lock by another tool stops writing and reading alike; both say so in words and within seconds."""
    path = tmp_path / "pantau.db"
    work(path)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    threading.Timer(1.0, lambda: (other.execute("ROLLBACK"), other.close())).start()
    work(path)  # waits for it
    assert len(contents(path)["feed"]) == 2
