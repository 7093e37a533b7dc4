from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from pipelines.schema import FEED_COLUMNS
from tests.web.press import Press
from tests.web.test_serving import CANARY, hide_canaries, hide_errors
from web.publishing import publish


def test_the_file_holds_the_public_tables_and_not_one_canary(press: Press, tmp_path: Path) -> None:
    hide_canaries(press)
    hide_errors(press)
    target = tmp_path / "public.db"
    publish(press.path, target)
    assert (
        CANARY.encode() in press.path.read_bytes() + Path(f"{press.path}-wal").read_bytes()
        if Path(f"{press.path}-wal").exists()
        else press.path.read_bytes()
    )
    assert CANARY.encode() not in target.read_bytes()
    with closing(sqlite3.connect(target)) as db:
        tables = {
            name
            for (name,) in db.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'articles_fts_%'"
            )
        }
        assert tables == {"feed", "articles", "stories", "revisions", "sources", "regions", "articles_fts"}
        feed = db.execute("SELECT * FROM feed")
        assert [column[0] for column in feed.description] == FEED_COLUMNS
        assert db.execute(
            "SELECT rules, json_extract(matches, '$[0].rule'), json_array_length(matches) FROM feed"
        ).fetchall() == [("[]", "topic", 1)]
        assert db.execute("SELECT rowid FROM articles_fts WHERE articles_fts MATCH 'kasus'").fetchall() == [(1,)]


def test_a_copy_takes_the_place_of_the_one_before_whole(press: Press, tmp_path: Path) -> None:
    target = tmp_path / "public.db"
    publish(press.path, target)
    press.article("Baru")
    publish(press.path, target)
    with closing(sqlite3.connect(target)) as db:
        assert db.execute("SELECT title FROM feed").fetchall() == [("Baru",)]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("public")) == ["public.db"]
