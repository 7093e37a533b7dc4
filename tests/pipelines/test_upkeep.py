"""Retention, backups, the write-ahead log (pipelines/upkeep.py)."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from crawler.errors import UsageError
from pipelines.reader import Reader
from pipelines.store import Store
from pipelines.upkeep import BATCH, back_up
from tests.pipelines.conftest import BODY, LATER, NOW, PLAN, article, report

OLD = NOW - timedelta(days=400)
EDGE = NOW - timedelta(days=365)


def mixed(store: Store) -> None:
    old = [article(f"old{n}", body=f"{BODY[n:]} Lama {n}.", published_at=OLD, title=f"Lama {n}") for n in range(3)]
    store.record(report(*old, finished_at=OLD), LATER)
    store.record(report(article("new", body="Lain sama sekali. " + BODY[::-1])), LATER, PLAN)


def test_pruning_takes_what_is_old_with_all_that_belongs_to_it(store: Store, path: Path) -> None:
    mixed(store)
    edited = article("old0", body=BODY + " Tambahan yang panjang.", published_at=OLD)
    store.record(report(edited, finished_at=OLD), LATER)
    last = store._conn.execute("SELECT value FROM counters WHERE name = 'seq'").fetchone()[0]
    assert store.prune(EDGE) == 3
    assert store.prune(EDGE) == 0
    with Reader(path) as reader:
        assert [row["title"] for row in reader.feed()] == ["Camat dipanggil pengawas"]
        assert reader.articles("Lama") == []
        assert [row["articles"] for row in reader.stories()] == [1]
    for table in ("traits", "bands", "story_keys", "revisions"):
        assert {row[0] for row in store._conn.execute(f"SELECT DISTINCT article_id FROM {table}")} <= {4}
    assert store._conn.execute("PRAGMA foreign_key_check").fetchall() == []
    store._conn.execute("INSERT INTO articles_fts (articles_fts) VALUES ('integrity-check')")
    store.record(report(article("next", body="Berita baru. " + BODY[50:])), LATER)
    newest = store._conn.execute("SELECT id, seq FROM articles ORDER BY id DESC LIMIT 1").fetchone()
    assert newest[0] == 5
    assert newest[1] > last


def test_a_story_that_keeps_an_article_is_counted_anew(store: Store, path: Path) -> None:
    store.record(report(article("old", published_at=OLD), finished_at=OLD), LATER)
    store._conn.execute("UPDATE articles SET published_at = '2024-11-12T00:00:00Z' WHERE id = 1")
    store.record(report(article("twin", source="dua"), source="dua"), LATER)
    store._conn.execute("UPDATE articles SET published_at = '2023-01-01T00:00:00Z' WHERE id = 1")
    assert store.prune(EDGE) == 1
    with Reader(path) as reader:
        stories = reader.stories()
    assert [(story["articles"], story["outlets"]) for story in stories] == [(1, 1)]


def test_pruning_goes_in_batches(store: Store) -> None:
    texts = [article(f"{n}", body=f"Berita nomor {n}. {n * 'x'}", published_at=OLD) for n in range(BATCH + 10)]
    store.record(report(*texts, finished_at=OLD), LATER)
    assert [store.prune(EDGE), store.prune(EDGE), store.prune(EDGE)] == [BATCH, 10, 0]


def test_old_bodies_go_and_the_rest_stays(store: Store, path: Path) -> None:
    mixed(store)
    with Reader(path) as reader:
        before = {row["url"]: row for row in reader.feed()}
    assert store.drop_bodies(EDGE) == 3
    assert store.drop_bodies(EDGE) == 0
    with Reader(path) as reader:
        after = {row["url"]: row for row in reader.feed()}
        assert [row["title"] for row in reader.articles("Nomor Alinea")] == []
    for url, row in after.items():
        old = "old" in url
        assert (row["body"] == "") == old
        assert row["content_sha256"] == before[url]["content_sha256"]
        assert row["matches"] == before[url]["matches"]
        assert (row["seq"] > before[url]["seq"]) == old
    # Listed and read again, it is neither new nor an edit.
    again = store.record(report(article("old1", body=f"{BODY} lain", published_at=OLD)), LATER, PLAN)
    assert (again.kept, again.revised, again.alerts) == ([], [], 0)


@pytest.mark.parametrize("backups", [8, pytest.param(100, marks=pytest.mark.slow)])
def test_backups_under_load_are_whole_and_grow(store: Store, path: Path, tmp_path: Path, backups: int) -> None:
    """GUARANTEES B12: consistent copies while polls are recorded; restored, nothing is told twice."""
    store.record(report(article()), LATER, PLAN)
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            store.record(report(article(f"n{number}", body=f"{BODY} Nomor {number}.")), LATER, PLAN)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        counts = [back_up(path, tmp_path / f"backup{number}.db") for number in range(backups)]
    finally:
        stop.set()
        thread.join()
    assert counts == sorted(counts)
    assert counts[0] >= 1
    with Store(tmp_path / f"backup{backups - 1}.db") as restored:
        before = {row[0] for row in restored._conn.execute("SELECT id FROM alerts")}
        for number in range(1, 6):
            restored.record(report(article(f"n{number}", body=f"{BODY} Nomor {number}.")), LATER, PLAN)
        assert {row[0] for row in restored._conn.execute("SELECT id FROM alerts")} == before


def test_a_backup_overwrites_nothing_and_leaves_nothing_half_done(store: Store, path: Path, tmp_path: Path) -> None:
    target = tmp_path / "there.db"
    target.write_text("keep me", "utf-8")
    with pytest.raises(UsageError, match="exists"):
        back_up(path, target)
    assert target.read_text("utf-8") == "keep me"
    with pytest.raises(UsageError):
        back_up(path, tmp_path / "no" / "such" / "folder.db")
    assert not list(tmp_path.glob("**/*.part"))


def test_a_log_that_has_grown_is_emptied(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.upkeep.MAX_WAL_BYTES", 20_000)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM articles").fetchone()
    for number in range(5):
        store.record(report(article(f"n{number}", body=f"{BODY} Nomor {number}.")), LATER)
    assert store.wal_bytes() > 20_000  # a reader holds it
    reader.close()
    assert store.wal_bytes() == 0


def test_whatever_happened_to_an_article_nothing_of_it_stays_behind(store: Store) -> None:
    """Edits move an article to other keys, and undated ones have their fetch as their day: all must be found again."""
    undated = article("undated", body=BODY + " satu", published_at=None, fetched_at=OLD + timedelta(hours=3))
    edited = article("edited", body=BODY + " dua", published_at=OLD)
    store.record(report(undated, edited, finished_at=OLD), LATER)
    other = replace(edited, title="Judul lain sama sekali", regency_code="16.71", published_at=OLD - timedelta(days=4))
    store.record(report(replace(other, content_sha256="x"), finished_at=OLD + timedelta(hours=1)), LATER)
    store.amend(2, replace(other, content_sha256="x", category="sanksi", regency_code="73.71"))
    assert store._conn.execute("SELECT count(*) FROM story_keys").fetchone()[0] > 0
    assert store.prune(NOW) == 2
    for table in ("traits", "story_keys", "bands", "articles", "revisions"):
        assert store._conn.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table


def test_keeping_less_costs_as_much_in_a_large_database_as_in_a_small_one(store: Store) -> None:
    statements: list[str] = []
    store.record(
        report(*(article(str(n), body=f"{BODY} {n}", published_at=OLD) for n in range(5)), finished_at=OLD), LATER
    )
    store._conn.set_trace_callback(statements.append)
    store.drop_bodies(NOW)
    store.prune(NOW)
    store._conn.set_trace_callback(None)
    read = {sql for sql in statements if sql.startswith(("SELECT", "UPDATE", "DELETE"))}
    plans = [
        row[3] for sql in read for row in store._conn.execute("EXPLAIN QUERY PLAN " + sql) if row[3].startswith("SCAN")
    ]
    assert [plan for plan in plans if plan.partition(" ")[2] not in ("json_each",) and "USING" not in plan] == []
    # Each deletion of a row asks who refers to it.
    for (table,) in store._conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for key in store._conn.execute(f"PRAGMA foreign_key_list({table})").fetchall():
            plan = store._conn.execute(f"EXPLAIN QUERY PLAN SELECT 1 FROM {table} WHERE {key[3]} = ?", (1,)).fetchone()
            assert plan[3].startswith("SEARCH"), (table, key[3])
