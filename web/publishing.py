"""The copy that `--public` serves: feed, stories, revisions, and what may be known of sources. Nothing else is in the file.

What a column may hold is listed, not what it may not: a column that is added to the database is not published by that.
Tests: tests/web/test_publishing.py.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_SOURCES = ("id", "name", "url", "region", "active", "state", "state_since", "last_poll_at", "last_new_at", "articles")
_STORIES = ("id", "title", "first_published_at", "articles", "outlets", "category", "province_code", "regency_code")
_REVISIONS = ("article_id", "revision", "title", "body", "content_sha256", "seen_at")
_ARTICLES = (
    *("seq", "id", "url", "source", "title", "author", "body", "image", "published_at", "modified_at", "fetched_at"),
    *(
        "date_precision",
        "category",
        "province_code",
        "regency_code",
        "flags",
        "story_id",
        "revision",
        "content_sha256",
        "gone_at",
    ),
)
# The columns that rules show themselves in: the topic's evidence stays, a rule's does not.
_TOPIC_ONLY = "(SELECT coalesce(json_group_array(json(value)), '[]') FROM json_each(matches) WHERE json_extract(value, '$.rule') = 'topic')"
_INDEXES = """
CREATE INDEX articles_by_time ON articles (coalesce(published_at, fetched_at), id, category, province_code, regency_code, source,
  story_id, published_at, fetched_at);
CREATE INDEX articles_story ON articles (story_id);
CREATE INDEX revisions_article ON revisions (article_id, revision);
CREATE VIRTUAL TABLE articles_fts USING fts5 (
  title, body, content='articles', content_rowid='id', tokenize="unicode61 remove_diacritics 2"
);
INSERT INTO articles_fts (articles_fts) VALUES ('rebuild');
"""


def publish(database: Path, target: Path) -> None:
    """Write the public copy of a database to `target`, whole or not at all; what was there is replaced."""
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part.absolute().as_uri(), uri=True, isolation_level=None)) as copy:
        copy.execute("ATTACH ? AS ours", (f"{database.absolute().as_uri()}?mode=ro",))
        # Half a copy is thrown away: nothing needs to survive a power cut here.
        copy.execute("PRAGMA synchronous = OFF")
        copy.execute("BEGIN")
        for table, columns in (("sources", _SOURCES), ("stories", _STORIES), ("revisions", _REVISIONS)):
            _copy(copy, table, ", ".join(columns))
        _copy(copy, "regions", "code, name")
        _copy(copy, "articles", f"{', '.join(_ARTICLES)}, '[]' AS rules, {_TOPIC_ONLY} AS matches")
        copy.execute("ALTER TABLE main.sources ADD COLUMN error TEXT")  # always NULL: the pages ask for it
        view = copy.execute("SELECT sql FROM ours.sqlite_master WHERE name = 'feed'").fetchone()[0]
        copy.execute(view)
        application = copy.execute("PRAGMA ours.application_id").fetchone()[0]
        copy.execute("COMMIT")
        copy.execute("DETACH ours")
        copy.executescript(_INDEXES)
        copy.execute(f"PRAGMA application_id = {application}")
    part.replace(target)


def _copy(copy: sqlite3.Connection, table: str, columns: str) -> None:
    key = "code" if table == "regions" else "id"
    copy.execute(f"CREATE TABLE main.{table} AS SELECT {columns} FROM ours.{table}")  # noqa: S608  names of ours
    if table != "revisions":
        copy.execute(f"CREATE UNIQUE INDEX main.{table}_key ON {table} ({key})")
