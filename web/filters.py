"""What the address asks for: region, category, period, outlet, text, page, language. Pure. Tests: tests/web/test_filters.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from pipelines.wilayah import AmbiguousRegion, resolve_region
from web.words import CATEGORIES, LANGUAGES, PERIODS, SERIOUS

MAX_TEXT = 200  # characters; no one looks for more, and each word is a full-text look-up
MAX_PAGE = 500  # 10,000 stories back; further is what filters are for


class BadFilter(ValueError):
    """The address names something that is not there. `name` and `value` say what."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(f"{name}: {value!r}")
        self.name, self.value = name, value


@dataclass(frozen=True, slots=True)
class Filters:
    """One view. `category`: "serious", "all" or a category. `start` and `end` are local days, both included; either wins over `period`."""

    region: str | None = None
    category: str = "serious"
    period: str = "30d"
    start: date | None = None
    end: date | None = None
    outlet: str | None = None
    text: str = ""
    page: int = 1
    lang: str | None = None

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that are shown; () for all."""
        return SERIOUS if self.category == "serious" else () if self.category == "all" else (self.category,)

    @property
    def province(self) -> str | None:
        return self.region[:2] if self.region else None

    def span(self, now: datetime, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """Return the first moment and the first moment after, UTC; None: no end on that side."""
        if self.start or self.end:
            first = datetime.combine(self.start, time(), zone) if self.start else None
            after = datetime.combine(self.end + timedelta(days=1), time(), zone) if self.end else None
            return (first and first.astimezone(UTC), after and after.astimezone(UTC))
        return (None if self.period == "all" else now - timedelta(days=int(self.period[:-1])), None)

    def query(self, **changes: Any) -> str:
        """Return the address's query with changes, "?" for none: what is as without it is left out; another page is named alone."""
        changed = replace(self, **{"page": 1, **changes})
        named = {
            "region": changed.region,
            "category": changed.category if changed.category != "serious" else None,
            "period": changed.period if changed.period != "30d" and not (changed.start or changed.end) else None,
            "from": changed.start,
            "to": changed.end,
            "outlet": changed.outlet,
            "q": changed.text,
            "page": changed.page if changed.page > 1 else None,
            "lang": changed.lang,
        }
        return "?" + urlencode({name: str(value) for name, value in named.items() if value})


def read_filters(args: Mapping[str, str]) -> Filters:
    """Return the view that the address's arguments name. Raises BadFilter; arguments of no meaning to us are passed over."""
    given = {name: args.get(name, "").strip() for name in ("region", "category", "period", "outlet", "q", "lang")}
    start, end = _day("from", args.get("from", "")), _day("to", args.get("to", ""))
    if start and end and end < start:
        raise BadFilter("to", str(end))
    return Filters(
        region=_region(given["region"]),
        category=_one_of("category", given["category"], ("serious", "all", *CATEGORIES)) or "serious",
        period=_one_of("period", given["period"], PERIODS) or "30d",
        start=start,
        end=end,
        outlet=given["outlet"] or None,
        text=given["q"][:MAX_TEXT],
        page=_page(args.get("page", "")),
        lang=_one_of("lang", given["lang"], LANGUAGES) or None,
    )


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value and value not in allowed:
        raise BadFilter(name, value)
    return value


def _region(value: str) -> str | None:
    if not value:
        return None
    try:
        code = resolve_region(value)
    except AmbiguousRegion:
        code = None
    if code is None:
        raise BadFilter("region", value)
    return code


def _day(name: str, value: str) -> date | None:
    if not value.strip():
        return None
    try:
        day = date.fromisoformat(value.strip())
    except ValueError:
        raise BadFilter(name, value) from None
    if not 1990 <= day.year <= 2200:
        raise BadFilter(name, value)
    return day


def _page(value: str) -> int:
    if not value:
        return 1
    if not (value.isascii() and value.isdigit() and len(value) <= 4 and 1 <= int(value) <= MAX_PAGE):
        raise BadFilter("page", value)
    return int(value)
