from __future__ import annotations

import inspect
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crawler.errors import StoreBusy, StoreLocked, StoreUnusable
from crawler.items import Memory, Source
from crawler.ledger import Known
from pipelines.alerts import Plan
from pipelines.database import ours
from pipelines.reader import Reader
from pipelines.schema import APPLICATION_ID, FEED_COLUMNS, NEWEST
from pipelines.store import Store
from tests.pipelines.conftest import BODY, LATER, NOW, PLAN, article, report, waiting


def feed(path: Path, after: int = 0) -> list[dict[str, Any]]:
    with Reader(path) as reader:
        return list(reader.feed(after))


def test_an_article_becomes_a_row_of_the_feed_with_every_column(store: Store, path: Path) -> None:
    kept = store.record(
        report(article(author="Rini", province_code="16", regency_code="16.71", flags=("kades",))), LATER, PLAN
    )
    row = feed(path)[0]
    assert list(row) == FEED_COLUMNS
    assert kept.kept == [row["id"]]
    assert row["seq"] == 1
    assert row["outlet"] == "Satu"
    assert (row["province"], row["regency"]) == ("Sumatera Selatan", "Kota Palembang")
    assert row["published_at"] == "2024-11-13T00:04:00Z"
    assert json.loads(row["flags"]) == ["kades"]
    assert json.loads(row["rules"]) == ["semua"]
    assert {match["rule"] for match in json.loads(row["matches"])} == {"topic", "semua"}
    assert (row["revision"], row["gone_at"]) == (1, None)


def test_recording_the_same_report_twice_changes_nothing(store: Store, path: Path) -> None:
    store.record(report(article()), LATER, PLAN)
    again = store.record(report(article()), LATER, PLAN)
    assert (again.kept, again.revised, again.duplicates, again.alerts) == ([], [], 0, 0)
    assert [row["seq"] for row in feed(path)] == [1]


def test_an_edit_becomes_a_revision_and_moves_seq(store: Store, path: Path) -> None:
    store.record(report(article()), LATER)
    store.record(report(article("b", body=BODY[::-1])), LATER)
    edited = article(title="Camat dipanggil lagi", body=BODY + "\n\nTambahan.")
    assert store.record(report(edited, finished_at=LATER), LATER).revised == [1]
    rows = {row["id"]: row for row in feed(path)}
    assert (rows[1]["seq"], rows[1]["revision"], rows[1]["title"]) == (3, 2, "Camat dipanggil lagi")
    assert rows[2]["seq"] == 2
    old = sqlite3.connect(path).execute("SELECT revision, title, body FROM revisions").fetchall()
    assert old == [(1, "Camat dipanggil pengawas", BODY)]


def test_an_incomplete_reading_does_not_replace_a_whole_one(store: Store, path: Path) -> None:
    store.record(report(article()), LATER)
    again = store.record(report(article(body="Potongan.", body_status="incomplete")), LATER)
    assert again.revised == []
    assert feed(path)[0]["body"] == BODY


def test_a_cursor_over_seq_misses_nothing_and_repeats_nothing(store: Store, path: Path) -> None:
    seen: dict[int, int] = {}
    cursor = 0
    for step in range(12):
        texts = [article(f"{n}", body=f"{BODY} versi {step if n % 3 == 0 else 0} nomor {n}") for n in range(step + 1)]
        store.record(report(*texts), LATER)
        for row in feed(path, cursor):
            assert row["seq"] > cursor
            cursor = row["seq"]
            seen[row["id"]] = row["revision"]
    assert seen == {row["id"]: row["revision"] for row in feed(path)}
    assert cursor == max(row["seq"] for row in feed(path))


def test_bookkeeping_that_no_consumer_sees_moves_no_seq(store: Store, path: Path) -> None:
    store.record(report(article()), LATER)
    store.record(report(article("b", source="dua"), source="dua"), LATER)  # counts up the story of the first one
    assert [row["seq"] for row in feed(path)] == [1, 2]


def test_the_same_text_at_another_address_of_the_outlet_is_stored_once(store: Store, path: Path) -> None:
    first = store.record(report(article("a"), article("b")), LATER)
    assert (len(first.kept), first.duplicates) == (1, 1)
    assert len(feed(path)) == 1
    found = sqlite3.connect(path).execute("SELECT url, article_id FROM duplicates").fetchall()
    assert found == [("https://satu.example/b", 1)]


def test_addresses_that_mean_the_same_article_are_one_row(store: Store, path: Path) -> None:
    spellings = ["https://www.satu.example/a/", "http://satu.example/a?utm_source=x", "https://m.satu.example/a/amp"]
    store.record(report(article()), LATER)
    for spelling in spellings:
        store.record(report(replace(article(), url=spelling)), LATER)
    assert len(feed(path)) == 1


def test_another_source_of_the_same_address_does_not_edit_it(store: Store, path: Path) -> None:
    store.record(report(article()), LATER)
    other = replace(article(title="Lain"), source="dua")
    assert store.record(report(other, source="dua"), LATER).duplicates == 1
    assert feed(path)[0]["title"] == "Camat dipanggil pengawas"


def test_an_edited_press_release_of_another_outlet_joins_the_story_without_a_second_alert(
    store: Store, path: Path
) -> None:
    store.record(report(article()), LATER, PLAN)
    copy = article(
        "x",
        source="dua",
        title="Pengawas panggil camat",
        body="KOTA, DUA – " + BODY.replace("Alinea ke-3", "Sementara itu, alinea ketiga"),
    )
    made = store.record(report(copy, source="dua"), LATER, PLAN)
    assert made.alerts == 0
    stories = (
        sqlite3.connect(path).execute("SELECT articles, outlets, title, first_published_at FROM stories").fetchall()
    )
    assert stories == [(2, 2, "Camat dipanggil pengawas", "2024-11-13T00:04:00Z")]


def test_a_copy_a_month_later_is_another_story(store: Store, path: Path) -> None:
    store.record(report(article()), LATER)
    store.record(report(article("x", source="dua", published_at=NOW + timedelta(days=31)), source="dua"), LATER)
    assert len({row["story_id"] for row in feed(path)}) == 2


def test_alerts_are_one_a_channel_with_the_rules_that_lead_there(store: Store) -> None:
    rules = {"semua": (), "pelanggaran": ()}
    assert store.record(report(article(rules=rules)), LATER, PLAN).alerts == 2
    payloads = {alert.channel: json.loads(alert.payload) for alert in waiting(store, NOW)}
    assert payloads["arsip"]["data"]["rules"] == ["semua", "pelanggaran"]
    assert payloads["redaksi"]["data"]["rules"] == ["semua"]
    assert payloads["arsip"]["data"]["article"]["seq"] == 1


@pytest.mark.parametrize(
    ("age", "max_age", "expected"),
    [
        (timedelta(days=4), timedelta(days=3), 0),
        (timedelta(days=2), timedelta(days=3), 2),
        (timedelta(days=900), None, 2),
        (None, timedelta(days=3), 2),
    ],
)
def test_old_articles_raise_no_alert(
    store: Store, age: timedelta | None, max_age: timedelta | None, expected: int
) -> None:
    made = article(published_at=NOW - age if age else None)
    assert store.record(report(made), LATER, Plan(PLAN.notify, max_age)).alerts == expected


def test_an_alert_id_is_the_same_in_a_database_made_anew(store: Store, tmp_path: Path) -> None:
    store.record(report(article()), LATER, PLAN)
    with Store(tmp_path / "other.db") as other:
        other.sync_sources([Source("satu", "Satu", "https://satu.example")])
        other.record(report(article("other", body=BODY[::-1])), LATER)
        other.record(report(article()), LATER, PLAN)
        assert {alert.id for alert in waiting(other, NOW)} == {alert.id for alert in waiting(store, NOW)}


def test_a_failure_in_the_middle_of_a_report_leaves_nothing_of_it(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    real = store._record_health

    def fail(*values: Any) -> None:
        nonlocal calls
        calls += 1
        real(*values)
        raise RuntimeError("after the last write, before the commit")

    monkeypatch.setattr(store, "_record_health", fail)
    with pytest.raises(RuntimeError):
        store.record(report(article(), memory=Memory(known={"k": Known("2024-11-13", "kept")})), LATER, PLAN)
    assert calls == 1
    assert feed(path) == []
    assert store.memory("satu") == Memory()
    assert waiting(store, NOW) == []
    monkeypatch.undo()
    assert store.record(report(article()), LATER, PLAN).alerts == 2


def test_memory_comes_back_as_it_went_in_and_stays_when_a_report_has_none(store: Store) -> None:
    memory = Memory(known={"k": Known("2024-11-13", "kept", {"0": "ab"})}, rules="r", not_before=NOW)
    store.record(report(memory=memory), LATER)
    store.record(report(outcome="failed"), LATER)
    assert store.memory("satu") == memory
    assert store.past("satu").failures == 1


def test_sources_are_due_when_their_time_has_come_and_no_longer_when_removed(store: Store) -> None:
    assert store.due_sources(NOW, 10) == ["satu", "dua"]
    store.record(report(), LATER)
    assert store.due_sources(NOW, 10) == ["dua"]
    assert store.due_sources(LATER, 10) == ["dua", "satu"]
    store.sync_sources([Source("satu", "Satu", "https://satu.example")])
    assert store.due_sources(LATER, 10) == ["satu"]


def test_alerts_move_from_waiting_to_sent_put_off_and_failed(store: Store) -> None:
    store.record(report(article()), LATER, PLAN)
    first, second = waiting(store, NOW)
    store.alert_sent(first.id, NOW)
    store.alert_postponed(second.id, NOW, LATER, "answered 503")
    assert waiting(store, NOW) == []
    again = waiting(store, LATER)[0]
    assert (again.id, again.attempts, again.first_attempt_at) == (second.id, 1, NOW)
    store.alert_failed(second.id, LATER, "answered 400")
    assert waiting(store, LATER) == []
    assert store.retry_alerts(LATER) == 1
    assert [alert.id for alert in waiting(store, LATER)] == [second.id]


def test_full_text_follows_edits(store: Store, path: Path) -> None:
    store.record(report(article(title="Kabar spanduk")), LATER)
    store.record(report(article(title="Kabar baliho")), LATER)
    with Reader(path) as reader:
        assert reader.articles("baliho")
        assert not reader.articles("kabar spanduk lama")
        assert not reader.articles('"kabar spanduk"')


def test_a_second_writer_is_refused_and_told_who_has_it(store: Store, path: Path) -> None:
    code = f"from pathlib import Path; from pipelines.store import Store; Store(Path({str(path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "StoreLocked" in done.stderr
    assert "process" in done.stderr
    with pytest.raises(StoreLocked):
        Store(path)


def test_the_lock_is_free_again_after_closing(path: Path) -> None:
    for _ in range(3):
        Store(path).close()


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (a)")
    db.commit()
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="another program"):
        Store(path)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused_with_what_to_do(store: Store, path: Path) -> None:
    store.close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {NEWEST + 1}")
    db.close()
    with pytest.raises(StoreUnusable, match=r"newer pantau.*Upgrade"):
        Store(path)
    with pytest.raises(StoreUnusable, match="newer pantau"):
        Reader(path)


def test_the_newest_schema_is_the_last_step_and_opening_one_that_has_it_loads_no_migrations(path: Path) -> None:
    from pipelines.migrations import migrations

    assert len(migrations._migrations) == NEWEST
    Store(path).close()
    script = (
        f"import sys\nfrom pathlib import Path\nfrom pipelines.store import Store\nStore(Path({str(path)!r})).close()\n"
    )
    script += "print([name for name in ('sqlite_utils', 'numpy', 'pipelines.migrations') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_what_is_no_database_is_named_as_that(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be read as one" * 20)
    with pytest.raises(StoreUnusable, match="not a usable SQLite database"):
        Store(path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusable, match="cannot be opened"):
        Store(tmp_path / "file" / "pantau.db")


def test_the_file_says_whose_it_is_and_how_it_is_kept(store: Store, path: Path) -> None:
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._conn.execute("PRAGMA synchronous").fetchone() == (2,)
    strict = dict(
        db.execute("SELECT name, strict FROM pragma_table_list WHERE type = 'table' AND schema = 'main'").fetchall()
    )
    ours = {
        name: value for name, value in strict.items() if not name.startswith(("sqlite_", "_sqlite", "articles_fts"))
    }
    assert ours
    assert set(ours.values()) == {1}


def writes() -> dict[str, Callable[[Store], object]]:
    return {
        "sync_sources": lambda store: store.sync_sources([]),
        "due_sources": lambda store: store.due_sources(NOW, 1),
        "memory": lambda store: store.memory("satu"),
        "due_rechecks": lambda store: store.due_rechecks("satu", NOW),
        "past": lambda store: store.past("satu"),
        "record": lambda store: store.record(report(article("z")), LATER),
        "queue": lambda store: store.queue("arsip", NOW, False),
        "waiting_channels": lambda store: store.waiting_channels(),
        "fresh_alerts": lambda store: store.fresh_alerts("arsip", 1),
        "bundle": lambda store: store.bundle("arsip", [], NOW),
        "alert_sent": lambda store: store.alert_sent("x", NOW),
        "alert_postponed": lambda store: store.alert_postponed("x", NOW, LATER, ""),
        "alert_failed": lambda store: store.alert_failed("x", NOW, ""),
        "retry_alerts": lambda store: store.retry_alerts(NOW),
        "give_up_orphans": lambda store: store.give_up_orphans("arsip", NOW, ""),
        "sync_channels": lambda store: store.sync_channels([]),
        "add_articles": lambda store: store.add_articles([article("w")], LATER),
        "amend": lambda store: store.amend(1, article(title="Judul lain")),
        "mark": lambda store: store.mark("network_down_since"),
        "note_network": lambda store: store.note_network(NOW, 3, NOW, PLAN),
        "move_times": lambda store: store.move_times(timedelta(hours=1), NOW),
        "pull_in": lambda store: store.pull_in(NOW, timedelta(days=1)),
        "prune": lambda store: store.prune(NOW),
        "drop_bodies": lambda store: store.drop_bodies(NOW),
        "gauges": lambda store: store.gauges(),
        "beat": lambda store: store.beat(),
        "wal_bytes": lambda store: store.wal_bytes(),
        "subscriptions": lambda store: store.subscriptions(),
        "due_subscriptions": lambda store: store.due_subscriptions(NOW),
        "save_subscriptions": lambda store: store.save_subscriptions([]),
        "drop_subscription": lambda store: store.drop_subscription("x"),
        "forget_subscriptions": lambda store: store.forget_subscriptions(),
        "hurried": lambda store: store.hurried(["satu"]),
        "told_unpolled": lambda store: store.told_unpolled(),
    }


READS = {
    "due_sources",
    "due_rechecks",
    "memory",
    "past",
    "queue",
    "waiting_channels",
    "fresh_alerts",
    "mark",
    "gauges",
    "beat",
    "wal_bytes",
    "subscriptions",
    "due_subscriptions",
    "hurried",
    "told_unpolled",
    "forget_subscriptions",  # writes only where there is something
    "give_up_orphans",  # writes only where something has waited for too long
}


def test_every_public_method_is_in_the_table_above() -> None:
    public = {name for name, _ in inspect.getmembers(Store, inspect.isfunction) if not name.startswith("_")} - {"close"}
    assert public == set(writes())


@pytest.mark.parametrize("name", writes())
def test_a_database_locked_by_another_tool_is_reported_not_broken(store: Store, path: Path, name: str) -> None:
    store.record(report(article()), LATER)
    store._conn.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        # In WAL mode readers go on beside a writer: only what writes is put off.
        if name in READS:
            writes()[name](store)
        else:
            with pytest.raises(StoreBusy):
                writes()[name](store)
    finally:
        other.close()
    assert store.record(report(article("later", body=BODY + "x")), LATER).kept


def test_a_full_disk_rolls_the_whole_report_back(store: Store, path: Path) -> None:
    pages = store._conn.execute("PRAGMA page_count").fetchone()[0]
    store._conn.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreUnusable, match="cannot be written"):
        store.record(
            report(*(article(str(n), body=f"{BODY} {n}") for n in range(20)), memory=Memory(rules="new")), LATER, PLAN
        )
    assert feed(path) == []
    assert store.memory("satu") == Memory()
    store._conn.execute("PRAGMA max_page_count = 1000000")
    assert len(store.record(report(*(article(str(n), body=f"{BODY} {n}") for n in range(20))), LATER).kept) == 20


def test_errors_of_sqlite_that_are_our_bugs_are_not_dressed_up(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError), ours(store.path):
        store._conn.execute("SELEKT")


def test_a_login_in_a_source_s_address_is_not_stored(store: Store) -> None:
    store.sync_sources([Source("tiga", "Tiga", "https://user:rahasia@tiga.example/?token=kunci")])
    (url,) = store._conn.execute("SELECT url FROM sources WHERE id = 'tiga'").fetchone()
    assert url.startswith("https://tiga.example/")
    assert "rahasia" not in url and "kunci" not in url


def test_times_that_only_the_listing_told_stay_when_an_answer_is_read_again(store: Store, path: Path) -> None:
    told = article(modified_at=NOW, date_evidence="entry: 2024-11-13", date_precision="minute")
    store.record(report(told), LATER)
    again = replace(told, published_at=None, modified_at=None, date_evidence=None, date_precision=None)
    assert store.amend(1, again) == []
    assert store.amend(1, replace(again, published_at=NOW - timedelta(days=9), date_evidence="meta x")) == []
    assert store.amend(1, replace(again, title="Judul yang lebih baik")) == ["title"]
    assert feed(path)[0]["modified_at"] is not None
