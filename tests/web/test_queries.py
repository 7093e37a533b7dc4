"""The first view's figures come from an index alone; at full size it takes under half a second."""

from __future__ import annotations

import re
import sqlite3
import statistics
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.web.conftest import ZONE, visiting
from tests.web.press import NOW, Press, fill
from web import queries
from web.filters import Filters
from web.plugin import Site
from web.publishing import publish


@pytest.mark.parametrize("public", [False, True])
@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(category="all", period="all"),
        Filters(region="16"),
        Filters(region="16.71"),
        Filters(outlet="satu"),
        Filters(text="camat"),
    ],
    ids=lambda filters: filters.query(),
)
def test_counts_map_and_timeline_read_no_bodies(press: Press, tmp_path: Path, filters: Filters, public: bool) -> None:
    press.article()
    path = press.path
    if public:
        publish(press.path, path := tmp_path / "public.db")
    with closing(sqlite3.connect(path)) as db:
        ran: list[str] = []
        db.set_trace_callback(ran.append)
        chosen = queries.view(filters, NOW, ZONE)
        queries.totals(db, chosen)
        queries.by_region(db, chosen, regencies=False)
        queries.by_region(db, chosen, regencies=True)
        queries.timeline(db, chosen, "week")
        db.set_trace_callback(None)
        statements = [sql for sql in ran if "FROM articles a" in sql]
        plans = [row[3] for sql in statements for row in db.execute("EXPLAIN QUERY PLAN " + sql)]
    assert len(statements) == 4
    reads = [plan for plan in plans if re.match(r"(SCAN|SEARCH) a\b", plan)]
    assert len(reads) == 4
    assert [plan for plan in reads if "COVERING INDEX articles_by_time" not in plan] == []


def test_bars_stand_for_days_weeks_or_months() -> None:
    assert queries.bucket_of("2024-11-01T00:00:00Z", "2024-11-30T00:00:00Z") == "day"
    assert queries.bucket_of("2024-01-01T00:00:00Z", "2024-11-30T00:00:00Z") == "week"
    assert queries.bucket_of("2020-01-01T00:00:00Z", "2024-11-30T00:00:00Z") == "month"
    assert queries.bucket_of(None, None) == "day"


def test_a_day_of_the_timeline_is_a_local_day(press: Press) -> None:
    press.article(published_at="2024-11-11T18:00:00Z")
    with closing(sqlite3.connect(press.path)) as db:
        for bucket, day in (("day", "2024-11-12"), ("week", "2024-11-11"), ("month", "2024-11-01")):
            assert [row["day"] for row in queries.timeline(db, queries.view(Filters(), NOW, ZONE), bucket)] == [day]


def test_a_story_is_counted_once_wherever_it_is_told(press: Press) -> None:
    _, story = press.article("Satu")
    press.article("Dua", story=story, source="dua")
    with closing(sqlite3.connect(press.path)) as db:
        chosen = queries.view(Filters(), NOW, ZONE)
        assert queries.by_region(db, chosen, regencies=False) == {"16": 1}
        assert queries.totals(db, chosen)["stories"] == 1
        assert [row["n"] for row in queries.timeline(db, chosen, "day")] == [1]


@pytest.mark.slow
async def test_the_first_view_takes_under_500_ms_at_100_000_articles(tmp_path: Path) -> None:
    """Also filtered, searched, over all time, and as the public copy. The median of five, in this process."""
    site = Site(fill(tmp_path / "pantau.db", 100_000), ZONE, now=lambda: NOW)
    slow = {}
    for served in (site, replace(site, public=True)):
        async with visiting(served) as client:
            for path in (
                "/",
                "/?region=16",
                "/?category=all&period=all",
                "/?q=netral&period=all",
                "/coverage",
                "/story/900",
            ):
                took = []
                for _ in range(5):
                    started = time.perf_counter()
                    assert (await client.get(path)).status_code == 200
                    took.append(time.perf_counter() - started)
                print(f"{'public' if served.public else 'own'} {path}: {statistics.median(took) * 1000:.0f} ms")
                if statistics.median(took) > 0.5:
                    slow[path] = statistics.median(took)
    assert slow == {}
