"""The cursor of the feed: beside a writer that inserts, edits, prunes, and is killed and started again, `WHERE seq > ?` misses
nothing and repeats nothing, whatever reads (INTERFACE section 5)."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.feed import follow
from pipelines.reader import Reader
from pipelines.store import Store
from tests.conftest import Desk, end, wait_for
from tests.pipelines.conftest import BODY, LATER, SOURCES, article, report
from tests.pipelines.filling import fill

Seen = list[tuple[int, int, str, object]]  # seq, id, content_sha256, gone_at, in the order they came


@contextlib.contextmanager
def writer(path: Path, seed: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.pipelines.writing", str(path), str(seed)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def poll_by_sql(path: Path, seen: Seen, stop: threading.Event) -> None:
    """As a program of somebody else's would: a connection each time, batches of any size, the cursor its own."""
    rng = random.Random(1)
    after = 0
    while True:
        last_look = stop.is_set()
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as db:
            query = "SELECT seq, id, content_sha256, gone_at FROM feed WHERE seq > ? ORDER BY seq LIMIT ?"
            rows = db.execute(query, (after, rng.randint(1, 40))).fetchall()
        seen += rows
        after = rows[-1][0] if rows else after
        if last_look and not rows:
            return
        time.sleep(0.001)


def poll_by_following(path: Path, seen: Seen, stop: threading.Event) -> None:
    last_looks = iter((True, False))  # one more after the writer is gone
    with Reader(path) as reader:
        for row in follow(reader, 0, lambda: not stop.wait(0.002) or next(last_looks)):
            seen.append((row["seq"], row["id"], row["content_sha256"], row["gone_at"]))


def poll_by_export(path: Path, seen: Seen, stop: threading.Event) -> None:
    after = 0
    while True:
        last_look = stop.is_set()
        with Reader(path) as reader:
            for row in reader.feed(after):
                after = row["seq"]
                seen.append((row["seq"], row["id"], row["content_sha256"], row["gone_at"]))
        if last_look:
            return
        time.sleep(0.005)


def last_seq(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT value FROM counters WHERE name = 'seq'").fetchone()[0])


@pytest.mark.parametrize("kills", [4, pytest.param(100, marks=pytest.mark.slow)])
def test_every_reader_ends_with_every_articles_final_state(tmp_path: Path, kills: int) -> None:
    path = tmp_path / "pantau.db"
    with Store(path) as store:
        store.sync_sources(SOURCES)
    stop = threading.Event()
    readings: list[Seen] = [[] for _ in range(4)]
    ways = (poll_by_sql, poll_by_following, poll_by_following, poll_by_export)
    threads = [threading.Thread(target=way, args=(path, seen, stop)) for way, seen in zip(ways, readings, strict=True)]
    for thread in threads:
        thread.start()
    for seed in range(1, kills + 1):
        wanted = last_seq(path) + 60
        with writer(path, seed):  # killed in the middle of what it does
            wait_for(lambda wanted=wanted: last_seq(path) >= wanted)
    with contextlib.closing(sqlite3.connect(path)) as db:
        end = db.execute("SELECT max(seq) FROM feed").fetchone()[0]
    wait_for(lambda: all(seen and seen[-1][0] >= end for seen in readings))  # nothing is written any more
    stop.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()

    with contextlib.closing(sqlite3.connect(path)) as db:
        final = {row[1]: row for row in db.execute("SELECT seq, id, content_sha256, gone_at FROM feed")}
        assert db.execute("SELECT count(*) FROM articles WHERE revision > 1").fetchone()[0] > 0
        pruned = db.execute("SELECT max(id) FROM articles").fetchone()[0] - len(final)
        # What a writer was killed over in its very commit may show only now: when nobody had the file open any more, SQLite read its
        # log anew. It is newer than all that was seen, so whoever comes back gets it.
        late = db.execute(
            "SELECT seq, id, content_sha256, gone_at FROM feed WHERE seq > ? ORDER BY seq", (end,)
        ).fetchall()
    for seen in readings:
        seen += [row for row in late if row[0] > seen[-1][0]]
    assert pruned > 0
    for seen in readings:
        numbers = [seq for seq, *_ in seen]
        assert numbers == sorted(set(numbers))  # in order, none twice
        assert numbers[-1] <= last_seq(path)
        last = {article_id: row for row in seen for article_id in (row[1],)}
        missed = {i: row for i, row in final.items() if last.get(i) != row}
        assert not missed
        assert len(seen) > len(last)  # some were seen before and after a change


def test_a_reader_that_never_ends_stops_no_writer(tmp_path: Path) -> None:
    path = tmp_path / "pantau.db"
    with Store(path) as store:
        store.sync_sources(SOURCES)
        store.record(report(article("a"), article("b", body=BODY[::-1])), LATER)
        with Reader(path) as reader, contextlib.closing(sqlite3.connect(path)) as other:
            rows = reader.feed()
            next(rows)
            other.execute("BEGIN")
            other.execute("SELECT * FROM feed").fetchone()
            started = time.monotonic()
            store.record(report(article("c", body="Lain. " + BODY[40:])), LATER)
            assert time.monotonic() - started < 1
            assert [row["url"] for row in reader.feed(2)] == ["https://satu.example/c"]


# ------------------------------------------------------------------------------------------------------- the command


def following(path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = Desk.command("feed", "follow", "--db", str(path), *arguments)
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def read_line(process: subprocess.Popen[str]) -> dict[str, object]:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def test_follow_prints_what_is_there_and_what_comes_and_ends_with_a_signal(store: Store, path: Path) -> None:
    store.record(report(article("a"), article("b", body=BODY[::-1])), LATER)
    for number in (signal.SIGTERM, signal.SIGINT):
        process = following(path, "--after", "1")
        try:
            assert read_line(process)["url"] == "https://satu.example/b"
            store.record(report(article(f"c{number}", body=f"{number} lain sama sekali. " + BODY[40:])), LATER)
            wanted = f"https://satu.example/c{number}"
            while read_line(process)["url"] != wanted:
                pass
            process.send_signal(number)
            out, error = process.communicate(timeout=5)
            assert (process.returncode, out, error) == (0, "", "")
        finally:
            end(process)


def test_follow_ends_quietly_when_its_reader_is_gone(store: Store, path: Path) -> None:
    store.record(report(article("a")), LATER)
    process = following(path)
    try:
        read_line(process)
        assert process.stdout is not None
        process.stdout.close()
        wait_for(lambda: process.poll() is not None, 10)  # without another article
        assert process.returncode == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
        process.stderr.close()
    finally:
        process.kill()
        process.wait()


def test_follow_and_export_end_quietly_when_the_reader_leaves_in_the_middle(tmp_path: Path) -> None:
    path = fill(tmp_path / "pantau.db", 3000)
    for arguments in (
        ("follow",),
        ("export", "--format", "jsonl"),
        ("export", "--format", "csv"),
        ("export", "--format", "atom"),
    ):
        process = subprocess.Popen(
            Desk.command("feed", *arguments, "--db", str(path)), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.read(100)
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b"", arguments
        assert process.wait(30) in (0, 1)
        process.stderr.close()


def test_follow_without_a_database_says_so(tmp_path: Path) -> None:
    process = following(tmp_path / "none.db")
    _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "does not exist yet" in error
