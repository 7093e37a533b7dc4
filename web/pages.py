"""One function a page: rows in, the words of a template out. Each runs in a thread with a read-only connection.

Tests: tests/web/test_pages.py.
"""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from crawler.errors import ExpressionError
from pipelines.labels import label
from pipelines.place import find_place
from pipelines.render import render_time
from pipelines.wilayah import contains, region_name, regions
from web import drawing, queries, trying
from web.filters import MAX_PAGE, Filters
from web.telling import compared, edit, hits_of, plain, web_link
from web.words import CATEGORIES, PERIODS, SERIOUS, STANDINGS, STEPS, WORDS

Row = dict[str, Any]
Context = dict[str, Any]
MAX_BESIDE = 8  # articles side by side; the others are named
_MAX_NAMED = 200  # articles of a story that are named at all
_MAX_REVISIONS = 10  # edits of an article that are shown, the newest
_STOPPED = timedelta(days=1)  # no source is polled more seldom than every 6 hours
_CHART = (720.0, 150.0)
_TROUBLE = ("silent", "blocked", "broken", "new", "ok")


@dataclass(frozen=True, slots=True)
class Desk:
    """What every page needs: the clock, how to show a time, the language, and what was asked for."""

    now: datetime
    zone: ZoneInfo
    language: str
    public: bool
    filters: Filters
    export: bool = False

    def time(self, text: str | None, precision: str | None = "minute") -> str | None:
        """Return a moment of the database as people read it, or None."""
        return render_time(datetime.fromisoformat(text), precision, self.language, self.zone) if text else None

    def frame(self, page: str) -> Context:
        """Return what the frame around every page needs."""
        other = "en" if self.language == "id" else "id"
        return {
            "page": page,
            "t": WORDS[self.language],
            "language": self.language,
            "other": other,
            "public": self.public,
            "filters": self.filters,
            "when": self.time,
            "web_link": web_link,
            "plain": plain,
            "lang_query": f"?lang={self.filters.lang}" if self.filters.lang else "",
            "other_query": self.filters.query(lang=other),
        }


# ----------------------------------------------------------------------------------------------------- stories


def stories(conn: sqlite3.Connection, desk: Desk) -> Context:
    """Return the first view: stories, map, timeline, filters."""
    filters = desk.filters
    chosen = queries.view(filters, desk.now, desk.zone)
    words = WORDS[desk.language]
    if desk.export:
        rows = queries.stories(conn, chosen, limit=queries.MAX_EXPORT)
        return {"heading": words["title"], "records": [_story_record(row) for row in rows]}
    totals = queries.totals(conn, chosen)
    offset = (filters.page - 1) * queries.PAGE
    listed = [_listed(desk, row) for row in queries.stories(conn, chosen, offset=offset)]
    return {
        **desk.frame("stories"),
        "totals": totals,
        "pages": min(-(-totals["stories"] // queries.PAGE), MAX_PAGE),
        "stories": listed,
        "empty": not listed and queries.is_empty(conn),
        "stopped": _stopped(conn, desk),
        "map": _map(conn, desk, chosen),
        "timeline": _timeline(conn, desk, chosen, totals),
        "choices": _choices(conn, desk),
    }


def _story_record(row: Row) -> Row:
    story = row["story"]
    hits = hits_of(row, 1)
    return {
        "id": f"story/{row['story_id']}",
        "title": row["title"],
        "url": row["url"],
        "updated": row["at"],
        "category": row["category"],
        "outlet": row["outlet"],
        "province": row["province"],
        "regency": row["regency"],
        "articles": story["articles"],
        "outlets": story["outlets"],
        "story_title": story["title"],
        "story_category": story["category"],
        "summary": "".join(piece.text for piece in hits[0]) if hits else "",
    }


def _listed(desk: Desk, row: Row) -> Context:
    hits = hits_of(row, 1)
    return {
        "id": row["story_id"],
        "title": plain(row["title"]) or plain(row["url"]),
        "category": row["category"] or "lain",
        "place": _place(row) or WORDS[desk.language]["nowhere"],
        "when": desk.time(row["published_at"], row["date_precision"]) or WORDS[desk.language]["unknown_time"],
        "at": row["at"],
        "hit": hits[0] if hits else [],
        "outlets": row["story"]["outlets"],
        "told_by": row["told_by"],
        "more": row["story"]["articles"] - len(row["told_by"]),
        "gone": row["gone_at"],
        "revised": row["revision"] - 1,
    }


def _place(row: Row) -> str:
    return ", ".join(name for name in (row["regency"], row["province"]) if name)


def _stopped(conn: sqlite3.Connection, desk: Desk) -> str | None:
    """Return when a source was polled last, where that is so long ago that quiet says nothing."""
    last = queries.last_poll(conn)
    return desk.time(last) if last and desk.now - datetime.fromisoformat(last) > _STOPPED else None


def _choices(conn: sqlite3.Connection, desk: Desk) -> Context:
    """Return what the form offers: the provinces, and the kabupaten and kota of the one that is chosen."""
    inside = desk.filters.province
    offered = [
        (code, region.official_name if len(code) == 2 else f"— {region.official_name}")
        for code, region in regions().items()
        if len(code) == 2 or (inside and contains(inside, code))
    ]
    return {
        "regions": offered,
        "categories": [("serious", WORDS[desk.language]["serious"]), ("all", WORDS[desk.language]["every_category"])]
        + [(category, WORDS[desk.language][category]) for category in CATEGORIES],
        "periods": PERIODS,
        "outlets": queries.outlets(conn),
    }


def _map(conn: sqlite3.Connection, desk: Desk, chosen: queries.View) -> Context:
    """Return the map: the country, or the province that is chosen, each region with its count, its shade and its link."""
    filters = desk.filters
    inside = filters.province
    if "." in (filters.region or ""):  # the whole province is drawn, the chosen part marked
        chosen = queries.view(replace(filters, region=inside), desk.now, desk.zone)
    counts = queries.by_region(conn, chosen, regencies=bool(inside))
    working = queries.working_regions(conn)
    drawn = drawing.province(inside) if inside else drawing.country()
    placed = {code: count for code, count in counts.items() if code}
    bounds = drawing.shades(placed.values())
    parts = [
        {
            "shape": shape,
            "count": placed.get(shape.code, 0),
            "shade": drawing.shade_of(placed.get(shape.code, 0), bounds),
            "watched": shape.code[:2] in working,
            "query": filters.query(region=shape.code),
            "chosen": shape.code == filters.region,
        }
        for shape in drawn.shapes
    ]
    lows = [1, *(bound + 1 for bound in bounds[:-1])]
    legend = [
        (drawing.shade_of(high, bounds), str(low) if low == high else f"{low}–{high}")
        for low, high in zip(lows, bounds, strict=False)
    ]
    return {
        "drawn": drawn,
        "parts": parts,
        "ranked": sorted(parts, key=lambda part: (-part["count"], part["shape"].code)),
        "legend": legend,
        "elsewhere": counts.get(None, 0),
        "inside": region_name(inside) if inside else None,
    }


def _timeline(conn: sqlite3.Connection, desk: Desk, chosen: queries.View, totals: Row) -> Context:
    first, after = chosen.span
    bucket = queries.bucket_of(first or totals["first"], after or max(totals["last"] or "", first or "") or None)
    rows = queries.timeline(conn, chosen, bucket)
    drawn, most = drawing.bars(rows, bucket, *_CHART)
    return {
        "bars": [(bar, desk.filters.query(start=bar.first, end=bar.last)) for bar in drawn],
        "most": most,
        "width": _CHART[0],
        "height": _CHART[1],
        "bucket": bucket,
        "categories": [category for category in CATEGORIES if any(category in bar.counts for bar in drawn)],
    }


# ------------------------------------------------------------------------------------------------------- story


def story(conn: sqlite3.Connection, desk: Desk, story_id: int) -> Context | None:
    """Return a story: its course, its articles beside each other, their edits, the evidence; None where there is none."""
    head = queries.story(conn, story_id)
    if head is None:
        return None
    rows = queries.articles_of(conn, story_id, _MAX_NAMED)
    heading = plain(head["title"])
    if desk.export:
        return {"heading": heading, "records": [_article_record(row) for row in rows]}
    steps = queries.steps_of(conn, story_id)
    beside = rows[:MAX_BESIDE]
    return {
        **desk.frame("story"),
        "heading": heading,
        "story": head,
        "place": ", ".join(filter(None, (region_name(head[name] or "") for name in ("regency_code", "province_code")))),
        "steps": [(step, steps.get(step)) for step in STEPS],
        "also": [(category, steps[category]) for category in CATEGORIES if category in steps and category not in STEPS],
        "articles": _beside(conn, beside),
        "others": rows[MAX_BESIDE:],
        "serious": SERIOUS,
    }


def _article_record(row: Row) -> Row:
    names = ("url", "outlet", "author", "published_at", "category", "province", "regency", "revision", "gone_at")
    return {
        "id": f"article/{row['id']}/{row['revision']}",
        "title": row["title"],
        "updated": row["published_at"] or row["fetched_at"],
        **{name: row[name] for name in names},
        "summary": " ".join("".join(piece.text for piece in hit) for hit in hits_of(row, 1)),
    }


def _beside(conn: sqlite3.Connection, rows: list[Row]) -> list[Context]:
    first_with: dict[str, Row] = {}
    for row in rows:
        first_with.setdefault(row["content_sha256"], row)
    different = list(first_with.values())
    told = dict(zip(first_with, compared([row["body"] for row in different]), strict=True))
    return [
        {
            **row,
            "title": plain(row["title"]),
            "same_as": None
            if first_with[row["content_sha256"]] is row
            else plain(first_with[row["content_sha256"]]["outlet"]),
            "paragraphs": told[row["content_sha256"]],
            "hits": hits_of(row),
            "edits": _edits(conn, row),
            "place": _place(row),
            **_evidence(row),
        }
        for row in rows
    ]


def _edits(conn: sqlite3.Connection, row: Row) -> list[Context]:
    """Return the edits of an article, the newest first, each as a diff of title and body."""
    if row["revision"] == 1:
        return []
    told, after = [], row
    for before in queries.revisions_of(conn, row["id"], _MAX_REVISIONS):
        told.append(
            {
                "before": before["revision"],
                "after": after["revision"],
                "seen_at": before["seen_at"],
                "title": edit(before["title"], after["title"]),
                "body": edit(before["body"], after["body"]),
            }
        )
        after = before
    return told


def _evidence(row: Row) -> Context:
    """Return why the article has its category and its place, found again from its text as the label step finds it."""
    labels = label(row["title"], row["body"], on_topic=bool(hits_of(row, 1)))
    place = find_place(row["title"], row["body"], outlet_region=row["outlet_region"], url=row["url"])
    fields = {"title": "title_field", "lead": "lead", "body": "body", "dateline": "dateline"}
    fields |= {"address": "address", "outlet": "outlet_field"}
    return {
        "why_category": [
            {**asdict(reason), "sentence": plain(reason.sentence)[:400], "field": fields.get(reason.field, "body")}
            for reason in labels.why[:6]
        ],
        "why_place": [
            {"name": region_name(found.code), "text": plain(found.text)[:200], "field": fields[found.where]}
            for found in place.why[:6]
        ],
    }


# ---------------------------------------------------------------------------------------------------- coverage


def coverage(conn: sqlite3.Connection, desk: Desk) -> Context:
    """Return which provinces and outlets are watched, which are silent, blocked or without a source."""
    filters = desk.filters
    found = [{**row, "standing": STANDINGS.get(row["state"], "broken")} for row in queries.sources(conn)]
    if filters.region:
        found = [row for row in found if row["region"] and contains(filters.region, row["region"])]
    if filters.outlet:
        found = [row for row in found if row["id"] == filters.outlet]
    found.sort(key=lambda row: _TROUBLE.index(row["standing"]))  # sources() sorted them by region and name
    words = WORDS[desk.language]
    if desk.export:
        return {"heading": words["coverage"], "records": [_source_record(row) for row in found]}
    counts = queries.by_region(
        conn, queries.view(Filters(category="all", period=filters.period), desk.now, desk.zone), regencies=False
    )
    inside = filters.province
    return {
        **desk.frame("coverage"),
        "stopped": _stopped(conn, desk),
        "provinces": _provinces(found, counts, inside),
        "sources": found,
        "standings": {name: sum(row["standing"] == name for row in found) for name in _TROUBLE},
        "inside": region_name(inside) if inside else None,
        "drawn": drawing.country(),
        "without": _without_source(found, inside) if inside else [],
        "choices": _choices(conn, desk),
        "region_name": region_name,
    }


def _source_record(row: Row) -> Row:
    return {
        "id": f"source/{row['id']}/{row['state_since'] or ''}",
        "title": f"{row['name']}: {row['state']}",
        "url": row["url"],
        "updated": row["state_since"] or row["last_poll_at"],
        **{
            name: row[name]
            for name in ("name", "region", "state", "state_since", "last_poll_at", "last_new_at", "articles")
        },
    }


def _provinces(found: list[Row], counts: dict[str | None, int], inside: str | None) -> list[Context]:
    told = []
    for code in (code for code in regions() if len(code) == 2 and inside in (None, code)):
        here = [row["standing"] for row in found if row["region"] and contains(code, row["region"])]
        fine = sum(standing == "ok" for standing in here)
        standing = "none" if not here else "dark" if not fine else "watched" if fine == len(here) else "partly"
        told.append(
            {
                "code": code,
                "name": region_name(code),
                "standing": standing,
                "fine": fine,
                "sources": len(here),
                "stories": counts.get(code, 0),
            }
        )
    return told


def _without_source(found: list[Row], inside: str) -> list[str]:
    have = {row["region"] for row in found}
    return [
        region.official_name
        for code, region in regions().items()
        if "." in code and contains(inside, code) and code not in have
    ]


# --------------------------------------------------------------------------------------------------- try a rule


def trial(database: Path, desk: Desk, text: str) -> Context:
    """Return the page on which a rule is tried, with what came of it. Raises Busy, StoreError."""
    words, problem, outcome = WORDS[desk.language], None, None
    since, _ = desk.filters.span(desk.now, desk.zone)
    if text.strip():
        try:
            outcome = trying.try_rule(
                database, trying.read_rule(text), desk.filters.categories, desk.filters.region, since
            )
        except (trying.BadRule, ExpressionError) as error:
            problem = words["bad_rule"].format(str(error)[:300])
    found = outcome.outcome.record() if outcome else None
    return {
        **desk.frame("try"),
        "rule": text[: trying.MAX_RULE],
        "problem": problem,
        "trial": outcome,
        "found": found,
        "samples": [
            {**sample, "evidence": [shown.split("**") for shown in sample["evidence"]]} for sample in found["samples"]
        ]
        if found
        else [],
        "limit_s": int(trying.LIMIT_S),
        "periods": PERIODS,
        "categories": [("all", words["every_category"]), ("serious", words["serious"])]
        + [(category, words[category]) for category in CATEGORIES],
        "regions": [(code, region.official_name) for code, region in regions().items() if len(code) == 2],
    }
