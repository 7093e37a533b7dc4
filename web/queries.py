"""All SQL that reads for the pages, each query within a time limit. Works on the database and on its public copy alike.

A view's figures come from the index articles_by_time alone, which holds every column that a filter names: bodies are read for
the stories of one page. Tests: tests/web/test_queries.py.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.reader import fts_expression
from web.filters import Filters

Row = dict[str, Any]
PAGE = 20  # stories
MAX_EXPORT = 500  # stories in CSV, JSON and Atom
MAX_OUTLETS_LISTED = 1000  # in a list to choose from
_OUTLETS_SHOWN = 6  # articles of a story that its line names
_DAYS_BY_DAY, _DAYS_BY_WEEK = 62, 400  # more bars than that are too thin for a phone
_AT = "coalesce(a.published_at, a.fetched_at)"
# Left alone SQLite takes a narrower index and looks the other columns up behind the bodies.
_ARTICLES = "articles a INDEXED BY articles_by_time"


@dataclass(frozen=True, slots=True)
class View:
    """What a filter selects: a condition on `articles a` and its values, and how moments become local days."""

    where: str
    values: tuple[object, ...]
    shift: str  # "+420 minutes"
    span: tuple[str | None, str | None]


def view(filters: Filters, now: datetime, zone: ZoneInfo) -> View:
    """Return the selection of a filter. Pure."""
    where, values = ["1 = 1"], list[object]()
    first, after = (moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None for moment in filters.span(now, zone))
    for condition, value in ((f"{_AT} >= ?", first), (f"{_AT} < ?", after)):
        if value:
            where.append(condition)
            values.append(value)
    if filters.categories:
        where.append(f"a.category IN ({', '.join('?' * len(filters.categories))})")
        values += filters.categories
    if filters.region:
        where.append(f"a.{'regency_code' if '.' in filters.region else 'province_code'} = ?")
        values.append(filters.region)
    if filters.outlet:
        where.append("a.source = ?")
        values.append(filters.outlet)
    if expression := fts_expression(filters.text):
        where.append("a.id IN (SELECT rowid FROM articles_fts WHERE articles_fts MATCH ?)")
        values.append(expression)
    minutes = int((now.astimezone(zone).utcoffset() or timedelta()).total_seconds() // 60)
    return View(" AND ".join(where), tuple(values), f"{minutes:+d} minutes", (first, after))


def totals(conn: sqlite3.Connection, chosen: View) -> Row:
    """Return how many stories and articles there are, and the first and last moment."""
    return _rows(
        conn,
        f"SELECT count(DISTINCT a.story_id) AS stories, count(*) AS articles, min({_AT}) AS first, max({_AT}) AS last "  # noqa: S608
        f"FROM {_ARTICLES} WHERE {chosen.where}",
        *chosen.values,
    )[0]


def stories(conn: sqlite3.Connection, chosen: View, *, limit: int = PAGE, offset: int = 0) -> list[Row]:
    """Return the stories, the newest first, each as its newest article that the filter selects, with `story` and `told_by`."""
    newest = _rows(
        conn,
        # SQLite takes a.id from the row of the maximum.
        f"SELECT a.story_id, a.id, max({_AT}) AS at FROM {_ARTICLES} WHERE {chosen.where} "  # noqa: S608
        "GROUP BY a.story_id ORDER BY at DESC, a.story_id DESC LIMIT ? OFFSET ?",
        *(*chosen.values, limit, offset),
    )
    found = {row["id"]: row for row in _many(conn, "SELECT * FROM feed WHERE id IN ({})", [r["id"] for r in newest])}
    heads = {
        row["id"]: row for row in _many(conn, "SELECT * FROM stories WHERE id IN ({})", [r["story_id"] for r in newest])
    }
    return [
        {
            **found[row["id"]],
            "at": row["at"],
            "story": heads[row["story_id"]],
            "told_by": _told_by(conn, row["story_id"]),
        }
        for row in newest
    ]


def _told_by(conn: sqlite3.Connection, story_id: int) -> list[Row]:
    return _rows(
        conn,
        "SELECT a.id, a.url, s.name AS outlet, a.gone_at FROM articles a JOIN sources s ON s.id = a.source WHERE a.story_id = ? "
        "ORDER BY a.id LIMIT ?",
        *(story_id, _OUTLETS_SHOWN),
    )


def by_region(conn: sqlite3.Connection, chosen: View, *, regencies: bool) -> dict[str | None, int]:
    """Return how many stories each province, or each kabupaten and kota, has in the view; None: no place known."""
    column = "regency_code" if regencies else "province_code"
    rows = _rows(
        conn,
        f"SELECT a.{column} AS code, count(DISTINCT a.story_id) AS n FROM {_ARTICLES} WHERE {chosen.where} GROUP BY 1",  # noqa: S608
        *chosen.values,
    )
    return {row["code"]: row["n"] for row in rows}


def bucket_of(first: str | None, last: str | None) -> str:
    """Return day, week or month: what a bar of the timeline stands for between two moments."""
    if not first or not last:
        return "day"
    days = (datetime.fromisoformat(last) - datetime.fromisoformat(first)).days
    return "day" if days <= _DAYS_BY_DAY else "week" if days <= _DAYS_BY_WEEK else "month"


def timeline(conn: sqlite3.Connection, chosen: View, bucket: str) -> list[Row]:
    """Return (first local day, category, stories) of each bar, in the order of time."""
    starts = {"day": "?", "week": "?, 'weekday 0', '-6 days'", "month": "?, 'start of month'"}
    return _rows(
        conn,
        f"SELECT date({_AT}, {starts[bucket]}) AS day, a.category, count(DISTINCT a.story_id) AS n FROM {_ARTICLES} "  # noqa: S608
        f"WHERE {chosen.where} GROUP BY 1, 2 ORDER BY 1",
        *(chosen.shift, *chosen.values),
    )


def outlets(conn: sqlite3.Connection) -> list[Row]:
    """Return the sources that have brought articles, by name."""
    return _rows(
        conn, "SELECT id, name FROM sources WHERE articles > 0 ORDER BY name COLLATE NOCASE LIMIT ?", MAX_OUTLETS_LISTED
    )


def story(conn: sqlite3.Connection, story_id: int) -> Row | None:
    """Return a story, or None."""
    found = _rows(conn, "SELECT * FROM stories WHERE id = ? AND articles > 0", story_id)
    return found[0] if found else None


def articles_of(conn: sqlite3.Connection, story_id: int, limit: int) -> list[Row]:
    """Return rows of `feed`, with the region of their outlet, the first published first."""
    return _rows(
        conn,
        "SELECT f.*, s.region AS outlet_region FROM feed f JOIN sources s ON s.id = f.source WHERE f.story_id = ? "
        "ORDER BY coalesce(f.published_at, f.fetched_at), f.id LIMIT ?",
        *(story_id, limit),
    )


def steps_of(conn: sqlite3.Connection, story_id: int) -> dict[str, Row]:
    """Return by category the first article that brought it."""
    rows = _rows(
        conn,
        f"SELECT a.category, a.id, a.title, s.name AS outlet, a.published_at, a.date_precision, min({_AT}) AS at "  # noqa: S608
        "FROM articles a JOIN sources s ON s.id = a.source WHERE a.story_id = ? AND a.category IS NOT NULL GROUP BY a.category",
        story_id,
    )
    return {row["category"]: row for row in rows}


def revisions_of(conn: sqlite3.Connection, article_id: int, limit: int) -> list[Row]:
    """Return the earlier wordings of an article, the newest first."""
    return _rows(
        conn,
        "SELECT revision, title, body, seen_at FROM revisions WHERE article_id = ? ORDER BY revision DESC LIMIT ?",
        *(article_id, limit),
    )


def sources(conn: sqlite3.Connection) -> list[Row]:
    """Return each active source with its health; in the public copy `error` is NULL."""
    return _rows(
        conn,
        "SELECT id, name, url, region, state, state_since, error, last_poll_at, last_new_at, articles FROM sources "
        "WHERE active = 1 ORDER BY region, name COLLATE NOCASE",
    )


def last_poll(conn: sqlite3.Connection) -> str | None:
    """Return when any source was polled last."""
    found: str | None = _rows(conn, "SELECT max(last_poll_at) AS at FROM sources")[0]["at"]
    return found


def working_regions(conn: sqlite3.Connection) -> set[str]:
    """Return the codes of the provinces that have a source that works, or that was not polled yet."""
    rows = _rows(
        conn,
        "SELECT DISTINCT substr(region, 1, 2) AS code FROM sources WHERE active = 1 AND state IN ('ok', 'new') AND region IS NOT NULL",
    )
    return {row["code"] for row in rows}


def is_empty(conn: sqlite3.Connection) -> bool:
    """Say whether no article is stored at all."""
    return not _rows(conn, "SELECT 1 FROM articles LIMIT 1")


def tables(conn: sqlite3.Connection) -> frozenset[str]:
    """Return the names of the tables and views of the file, without those that the full text is kept in."""
    rows = _rows(
        conn, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'articles_fts_%'"
    )
    return frozenset(row["name"] for row in rows)


def _many(conn: sqlite3.Connection, sql: str, ids: list[int]) -> list[Row]:
    return _rows(conn, sql.format(", ".join("?" * len(ids))), *ids)


def _rows(conn: sqlite3.Connection, sql: str, *values: object) -> list[Row]:
    cursor = conn.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
