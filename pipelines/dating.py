"""When an article was published and changed, decided among all the dates that a page shows.

Order for `published_at`, and why:

1. What was written for machines: JSON-LD datePublished, article:published_time, itemprop datePublished, other meta
   dates, a marked <time>. To the minute and with a zone; a time without a zone is in the source's zone.
2. The visible line beside the headline ("Rabu, 13 November 2024 | 08:04 WIB"). It corrects 1 where both show the same
   clock in different zones: servers stamp "+0000" or "+07:00" on what is WIB or WITA, and readers would notice. A true
   UTC stamp (Kompas) shows another clock than the line for the same moment, and stands.
3. What the listing said. It gives the minute where the page has the day alone, and unmasks a "+0000" that is off by
   exactly the source's zone.
4. The date in the address: a day.

What is more than a day after the fetch, or before 1995, is skipped. Where nothing is left: None. Imports nothing of
`crawler`. Its test is tests/pipelines/test_dating.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pipelines.blocks import Reading
from pipelines.metadata import Head
from pipelines.tanggal import FUTURE, Tanggal, parse_tanggal

_META_PUBLISHED = (
    "article:published_time", "og:article:published_time", "datepublished", "og:published_time",
    "content_publisheddate", "publishdate", "pubdate", "publish-date", "publish_date", "date.published",
    "dable:published_time", "article:published_date", "parsely-pub-date", "sailthru.date",
    "cxenseparse:recs:publishtime", "dc.date.issued", "dcterms.created", "dc.date", "dcterms.date",
    "article.published", "published_time", "originalpublicationdate", "rnews:datepublished", "og:pubdate",
    "date", "datecreated", "article_date_original", "bt:pubdate", "cxense:publishtime",
)  # fmt: skip
_META_MODIFIED = (
    "article:modified_time", "og:article:modified_time", "datemodified", "og:updated_time",
    "content_modifieddate", "lastmod", "last-modified", "dcterms.modified", "article:updated_time",
    "updated_time",
)  # fmt: skip
_NOT_PUBLISHED = re.compile(
    r"updat|modif|diperbarui|perubahan|expire|event|comment|related|terkait|popul|sidebar|side-|widget|"
    r"footer|latest|terbaru",
    re.IGNORECASE,
)
_UPDATED_TEXT = re.compile(
    r"^\W*(?:update[d]?|diperbarui|diperbaharui|last updated?|pembaruan|terakhir diperbarui|modified)\b",
    re.IGNORECASE,
)
_ELSEWHERE = frozenset(("related", "comments", "aside", "nav", "ads"))
_DIGITS = re.compile(r"\d")
_URL_DAY = re.compile(
    r"(?<!\d)(20\d\d)[/-]?(0[1-9]|1[0-2])[/-]?(0[1-9]|[12]\d|3[01])(?!\d)|"
    r"(?<!\d)(20\d\d)/(\d{1,2})/(\d{1,2})(?=/)"
)
_SAME_CLOCK = timedelta(minutes=2)  # editors' lines leave the seconds out


@dataclass(frozen=True, slots=True)
class Dates:
    """What was decided. `evidence` is "where: text as read" of the published date."""

    published_at: datetime | None = None
    modified_at: datetime | None = None
    precision: Literal["minute", "day"] | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    where: str
    text: str
    found: Tanggal


def date_article(
    head: Head,
    reading: Reading,
    headline: int,
    start: int,
    *,
    zone: str | ZoneInfo,
    fetched_at: datetime | None,
    entry_published_at: datetime | None = None,
    entry_modified_at: datetime | None = None,
) -> Dates:
    """Return the dates of an article whose headline is block `headline` and whose body begins at `start` (-1: none)."""
    machine = _first(_machine(head), zone, fetched_at)
    visible = _visible(reading, headline, start, zone, fetched_at)
    shift = timedelta()
    published = machine
    if machine and machine.found.precision == "minute":
        if visible and visible.found.precision == "minute" and visible.found.at != machine.found.at:
            clocks = abs(visible.found.wall - machine.found.wall)
            apart = abs(visible.found.at - machine.found.at)
            if clocks <= _SAME_CLOCK < apart and (visible.found.zoned or _at_zero(machine.found)):
                shift = _whole_quarters(visible.found.at - machine.found.at)
                published = visible
        elif visible is None and entry_published_at and _at_zero(machine.found):
            gap = entry_published_at - machine.found.at
            if gap == -_offset(machine.found.wall, zone):
                shift, published = gap, _Read("entry", entry_published_at.isoformat(), _as_found(entry_published_at))
    else:
        published = _finer(machine, visible, entry_published_at, zone)
    if published is None:
        published = _first(_from_url(head.url), zone, fetched_at)
    if published is None:
        return Dates()
    at = published.found.at.replace(microsecond=0)
    modified = _modified(head, at, shift, zone, fetched_at, entry_modified_at)
    return Dates(at, modified, published.found.precision, f"{published.where}: {published.text[:120]}")


def _machine(head: Head) -> Iterator[tuple[str, str]]:
    article = head.embedded.article
    for key in ("datePublished", "dateCreated", "uploadDate"):
        yield f"json-ld {key}", _text(article.get(key))
    for name in _META_PUBLISHED:
        if name in head.meta:
            yield f"meta {name}", head.meta[name]
    marked = [
        t for t in head.times if re.search(r"publish|posted|entry-date|datecreated|post-date", t[2], re.IGNORECASE)
    ]
    for moment, text, names in marked:
        if not re.search(r"updated(?! published)|modified", names.replace("published updated", "published")):
            yield "time", moment or text


def _visible(
    reading: Reading, headline: int, start: int, zone: str | ZoneInfo, fetched_at: datetime | None
) -> _Read | None:
    """The date line beside the headline: the nearest after it, up to the body's first lines, else just before it.

    Before the headline only a time of day counts: there, a day alone is today's, in the bar at the top of the page.
    """
    blocks = reading.blocks
    if headline < 0 and start < 0:
        return None
    low = headline if headline >= 0 else max(0, start - 12)
    high = low + 14 if start < 0 else min(start + 6, low + 45)
    day: _Read | None = None
    for index in (*range(low, min(high, len(blocks))), *range(low - 1, max(-1, low - 6), -1)):
        block = blocks[index]
        text = block.text
        # A long line of the body is a sentence that speaks of a day
        size = 70 if 0 <= start <= index else 160
        if len(text) > size or not _DIGITS.search(text) or _UPDATED_TEXT.match(text) or block.cut in _ELSEWHERE:
            continue
        found = parse_tanggal(text, zone, now=fetched_at)
        if found is not None and found.precision == "minute":
            return _Read("visible", text, found)
        if found is not None and day is None and index >= low:
            day = _Read("visible", text, found)
    return day


def _finer(machine: _Read | None, visible: _Read | None, entry: datetime | None, zone: str | ZoneInfo) -> _Read | None:
    """Of dates none of which is a machine's minute: the machine's day with the minute that another source gives it."""
    listed = _Read("entry", entry.isoformat(), _as_found(entry)) if entry else None
    for other in (visible, listed):
        if (
            other
            and other.found.precision == "minute"
            and (machine is None or _day(other.found.at, zone) == machine.found.wall.date())
        ):
            return other
    return machine or visible or listed


def _modified(
    head: Head,
    published: datetime,
    shift: timedelta,
    zone: str | ZoneInfo,
    fetched_at: datetime | None,
    entry: datetime | None,
) -> datetime | None:
    texts = [("json-ld", _text(head.embedded.article.get("dateModified")))]
    texts.extend(("meta", head.meta[name]) for name in _META_MODIFIED if name in head.meta)
    for read in (_first(iter([t]), zone, fetched_at) for t in texts):
        if read is None or read.found.precision == "day":
            continue
        for at in (read.found.at + shift, read.found.at):
            if at >= published.replace(second=0):
                return at.replace(microsecond=0)
    return entry if entry is not None and entry > published else None


def _first(texts: Iterable[tuple[str, str]], zone: str | ZoneInfo, fetched_at: datetime | None) -> _Read | None:
    """The first date to the minute, else the first of a day."""
    day: _Read | None = None
    for where, text in texts:
        if not text:
            continue
        found = parse_tanggal(text, zone)
        if found is None or (fetched_at is not None and found.at > fetched_at + FUTURE):
            continue
        # 00:00:00 is how a day is written by software that has no time to write
        if found.precision == "minute" and found.wall.time() != datetime.min.time():
            return _Read(where, text, found)
        day = day or _Read(where, text, found if found.precision == "day" else _day_of(found))
    return day


def _day_of(found: Tanggal) -> Tanggal:
    return Tanggal(found.at, "day", found.zoned, found.wall)


def _from_url(url: str) -> Iterator[tuple[str, str]]:
    try:
        path = urlsplit(url).path
    except ValueError:
        return
    match = _URL_DAY.search(path)
    if match:
        year, month, day = match.groups()[:3] if match[1] else match.groups()[3:]
        yield "address", f"{year}-{int(month):02d}-{int(day):02d}"


def _whole_quarters(gap: timedelta) -> timedelta:
    """The difference of two zones in a difference of two clocks, one of which leaves the seconds out."""
    quarter = timedelta(minutes=15)
    return round(gap / quarter) * quarter


def _at_zero(found: Tanggal) -> bool:
    return found.zoned and found.wall.replace(tzinfo=UTC) == found.at


def _offset(wall: datetime, zone: str | ZoneInfo) -> timedelta:
    return wall.replace(tzinfo=ZoneInfo(zone) if isinstance(zone, str) else zone).utcoffset() or timedelta()


def _day(at: datetime, zone: str | ZoneInfo) -> Any:
    return at.astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone).date()


def _as_found(at: datetime) -> Tanggal:
    return Tanggal(at.astimezone(UTC), "minute", True, at.astimezone(UTC).replace(tzinfo=None))


def _text(value: Any) -> str:
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("@value") or ""
    return str(value) if isinstance(value, str | int) else ""
