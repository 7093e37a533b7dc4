"""Dates as Indonesian outlets and their feeds write them, read to aware UTC or not at all.

One regular expression finds the date (ISO, "13 November 2024", "Nov 13, 2024", 13/11/2024), a second the time beside it
with its zone. A zone that is written wins; without one it is the caller's (the source's). What cannot be read for sure
is None. No clock: relative dates ("2 jam yang lalu") need `now`. Imports nothing of ours. Its test is
tests/pipelines/test_tanggal.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

MAX_CHARS = 200  # a date line is shorter; more is not examined
FIRST_YEAR = 1995  # no Indonesian outlet was on the web before (Republika Online, August 1995)
LAST_YEAR = 2100
FUTURE = timedelta(days=1)  # clocks of outlets are wrong by hours, never by days

_MONTHS = {
    1: "januari january jan januar",
    2: "februari pebruari febuari february feb peb pebr febr",
    3: "maret march mar mrt mart",
    4: "april apr",
    5: "mei may mey",
    6: "juni june jun",
    7: "juli july jul",
    8: "agustus august agu agt ags agust agst aug ogos",
    9: "september sept sep septembre",
    10: "oktober october okt oct",
    11: "november nopember nov nop nopem",
    12: "desember december des dec disember dis",
}
_MONTH = {name: number for number, names in _MONTHS.items() for name in names.split()}
_MONTH_NAMES = "|".join(sorted(_MONTH, key=len, reverse=True))
_Y = r"(?P<{0}>(?:19|20)\d\d|\d\d(?!\d|[:.]\d))"
_DATE = re.compile(
    r"(?<!\d)(?<!\d[.,])(?:"
    r"(?P<y1>(?:19|20)\d\d)(?P<s1>[-/.])(?P<m1>\d{1,2})(?P=s1)(?P<d1>\d{1,2})(?!\d)"  # 2024-11-13
    r"|(?P<y2>(?:19|20)\d\d)(?P<m2>[01]\d)(?P<d2>[0-3]\d)(?=[t ]|$)"  # 20241113T0804
    rf"|(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?[\s.,/-]*(?P<m3>{_MONTH_NAMES})\.?(?![a-z])[\s.,/'’-]*"
    + _Y.format("y3")
    + r"(?!\d)"
    r"|(?P<d4>\d{1,2})\s?(?P<s4>[-/.])\s?(?P<m4>\d{1,2})\s?(?P=s4)\s?" + _Y.format("y4") + r"(?!\d)"
    r")"
    rf"|(?<![a-z])(?P<m5>{_MONTH_NAMES})\.?\s+(?P<d5>\d{{1,2}})(?:st|nd|rd|th)?(?:\s*,\s*|\s+)(?P<y5>(?:19|"
    rf"20)\d\d)(?!\d)"
    # asctime and HTTP's oldest form: Wed Nov 13 08:04:00 [WIB] 2024
    rf"|"
    rf"(?<![a-z])(?P<m6>{_MONTH_NAMES})\s+(?P<d6>\d{{1,2}})\s+(?P<t6>\d\d:\d\d(?::\d\d)?(?:\s+(?:[a-z]{{1,5}}|"
    rf"[+-]\d{{4}}))?)\s+(?P<y6>(?:19|20)\d\d)"
)
_ZONE_NAME = (
    r"wita\b|wib\b|wit\b|(?:utc|gmt)\s?[+-]\s?\d{1,2}(?::?\d\d)?|utc\b|gmt\b|ut\b|z\b|"
    r"[+-]\d\d:?\d\d(?!\d)|[+-]\d\d(?![\d:])|"
    r"est\b|edt\b|cst\b|cdt\b|mst\b|mdt\b|pst\b|pdt\b|cet\b|cest\b|bst\b|sgt\b|myt\b|jst\b|"
    r"asia/(?:jakarta|pontianak|makassar|jayapura)"
)
_TIME = re.compile(
    r"(?P<h>\d{1,2})\s?(?P<sep>[:.])\s?(?P<m>\d\d)(?:[:.](?P<s>\d\d)(?:[.,]\d{1,9})?)?(?![\d])"
    r"\s*(?P<half>a\.?m\.?(?![a-z])|p\.?m\.?(?![a-z])|pagi\b|siang\b|sore\b|petang\b|malam\b)?"
    rf"\s*\(?(?P<zone>{_ZONE_NAME})?\)?(?:\s*[(]?(?P<zone2>wita|wib|wit)\b)?"
)
_COMPACT_TIME = re.compile(rf"t?(?P<h>\d\d)(?P<m>\d\d)(?P<s>\d\d)?\s?(?P<zone>{_ZONE_NAME})?(?!\d)")
# What may stand between a date and its time: separators, and words that announce a time
_BETWEEN = re.compile(
    r"[\s,;|/•·–—\-\[\]()@~t:]*(?:(?:pukul|pkl|jam|at|pada|um|time|waktu|tayang|,)[\s.:]*)?[\s,;|/•·–—\-\[\](:]*$"
)
_BEFORE = re.compile(
    r"[\s,;|/•·–—\-()]*(?:(?:senin|selasa|rabu|kamis|jum.?at|sabtu|minggu|ahad|on|pada|tanggal)[\s,]*)*$"
)
_HOUR_ONLY = re.compile(
    r"(?:pukul|pkl|jam)\.?\s*(?P<h>\d{1,2})(?![\d:.])\s*(?P<half>pagi|siang|sore|malam)?\s*(?P<zone>wita|"
    r"wib|wit)?\b"
)
_RFC822 = re.compile(
    r"^(?:[a-z]{3,9},?\s+)?\d{1,2}\s+[a-z]{3,9}\.?\s+\d{2,4}\s+\d{1,2}:\d\d(?::\d\d)?\s+(?P<zone>[a-z]{1,5})$"
)
_RELATIVE = re.compile(
    r"(?<!\w)(?:(?P<n>\d{1,3})\s*(?P<u>detik|menit|mnt|min(?:ute)?s?|jam|hours?|hrs?|hari|days?|minggu|"
    r"pekan|weeks?|seconds?)"
    r"|(?P<one>sejam|semenit|sehari|seminggu|sepekan|an hour|a minute|a day|a week))\s*(?:yang\s+|"
    r"yg\s+)?(?P<ago>lalu|ago|silam)(?!\w)"
)
_DAY_WORD = re.compile(r"(?<!\w)(?P<w>kemarin|yesterday|hari ini|today|barusan|baru saja|just now)(?!\w)")
_EPOCH = re.compile(r"^1\d{9}(?:\d{3})?$")
_HALVES = ("am", "pm", "pagi", "siang", "sore", "petang", "malam")
_FIXED = {
    "wib": 7, "wita": 8, "wit": 9, "utc": 0, "gmt": 0, "ut": 0, "z": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5,
    "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "cet": 1, "cest": 2, "bst": 1, "sgt": 8, "myt": 8, "jst": 9,
    "asia/jakarta": 7, "asia/pontianak": 7, "asia/makassar": 8, "asia/jayapura": 9,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tanggal:
    """A moment that a text names. `at` is aware UTC; of a date without a time it is 00:00 local, and `precision` is
    day.

    `zoned`: the text itself named the zone. `wall`: the clock as written, naive, whatever the zone.
    """

    at: datetime
    precision: Literal["minute", "day"]
    zoned: bool
    wall: datetime


def parse_tanggal(text: str, zone: str | ZoneInfo = "Asia/Jakarta", *, now: datetime | None = None) -> Tanggal | None:
    """Return the first moment that text names, or None where it names none for sure.

    A written zone (WIB, WITA, WIT, an offset, the zones of RFC 822) wins over `zone`. d/m/y is the order of numeric
    dates. Text over 200 characters is not examined. With `now`: relative dates are read, and what is more than a day
    later is None. Years before 1995 or after 2100 are None. Raises: zoneinfo.ZoneInfoNotFoundError for an unknown
    `zone`.
    """
    if not text or len(text) > MAX_CHARS:
        return None
    local = _zone(zone) if isinstance(zone, str) else zone
    low = " ".join(text.lower().replace("’", "'").replace("ʼ", "'").split())
    if _EPOCH.match(low):
        seconds = int(low[:10])
        return _checked(_tanggal(datetime.fromtimestamp(seconds, UTC), "minute", True), now)
    match = _DATE.search(low)
    if match is None:
        return _relative(low, local, now) if now is not None else None
    day = _day(match)
    if day is None:
        return None
    rfc = _RFC822.match(low)
    if rfc and rfc["zone"] not in _FIXED and rfc["zone"] not in _HALVES:
        return None  # a zone that we do not know is no zone to guess
    time = _time_beside(low, match)
    if time is None:
        return _checked(_placed(day, local, "day", False), now)
    hour, minute, second, named = time
    wall = day.replace(hour=hour, minute=minute, second=second)
    return _checked(_placed(wall, named or local, "minute", named is not None), now)


def _day(match: re.Match[str]) -> datetime | None:
    kind = next(n for n in "123456" if match[f"d{n}"])
    month = match[f"m{kind}"]
    day, year = int(match[f"d{kind}"]), int(match[f"y{kind}"])
    number = _MONTH[month] if month in _MONTH else int(month)
    if kind == "4" and number > 12 >= day:
        day, number = number, day  # 11/13/2024 can only be month first
    if year < 100:
        year += 2000
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        return datetime(year, number, day)  # noqa: DTZ001  the wall clock; its zone is found later
    except ValueError:
        return None


def _time_beside(low: str, date: re.Match[str]) -> tuple[int, int, int, tzinfo | None] | None:
    if date["t6"]:
        found = _TIME.match(date["t6"])
        return _clock(found) if found else None
    rest = low[date.end() :]
    if date["d2"] and (compact := _COMPACT_TIME.match(rest.lstrip("t "))):
        return _clock(compact)
    after = _TIME.search(rest)
    if after and (
        _BETWEEN.match(rest[: after.start()]) or (after["zone"] and after["sep"] == ":" and after.start() < 60)
    ):
        return _clock(after)
    spoken = _HOUR_ONLY.search(rest)
    if spoken and spoken.start() < 12:
        return _clock(spoken)
    times = list(_TIME.finditer(low, 0, date.start()))
    before = times[-1] if times else None
    if before and (before["sep"] == ":" or before["zone"]) and _BEFORE.match(low[before.end() : date.start()]):
        return _clock(before)
    return None


def _clock(match: re.Match[str]) -> tuple[int, int, int, tzinfo | None] | None:
    group = match.groupdict()
    hour, minute, second = int(group["h"]), int(group.get("m") or 0), int(group.get("s") or 0)
    half = (group.get("half") or "").replace(".", "")
    if (
        half in ("pm", "am")
        and not 1 <= hour <= 12
        and not (half == "pm" and hour < 24)
        and not (half == "am" and hour == 0)
    ):
        return None
    if half in ("pm", "sore", "petang") and hour < 12:
        hour += 12
    elif half == "am" and hour == 12:
        hour = 0
    elif (half == "malam" and 6 <= hour < 12) or (half == "siang" and hour < 6):
        hour += 12
    if hour > 23 or minute > 59:
        return None
    # "… +0000 WIB": the word was written by people for people, the offset by a server's default
    named = group.get("zone2") or group.get("zone")
    return hour, minute, min(second, 59), _named_zone(named) if named else None


@lru_cache(maxsize=256)
def _named_zone(name: str) -> tzinfo | None:
    if name in _FIXED:
        return timezone(timedelta(hours=_FIXED[name]))
    digits = re.search(r"([+-])\s?(\d{1,2}):?(\d\d)?$", name)
    if digits is None:
        return None
    hours, minutes = int(digits[2]), int(digits[3] or 0)
    if hours > 14 or minutes > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if digits[1] == "-" else offset)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _placed(wall: datetime, zone: tzinfo, precision: Literal["minute", "day"], zoned: bool) -> Tanggal:
    return Tanggal(wall.replace(tzinfo=zone).astimezone(UTC), precision, zoned, wall)


def _tanggal(at: datetime, precision: Literal["minute", "day"], zoned: bool) -> Tanggal:
    return Tanggal(at.astimezone(UTC), precision, zoned, at.replace(tzinfo=None))


def _relative(low: str, local: ZoneInfo, now: datetime) -> Tanggal | None:
    here = now.astimezone(local)
    if match := _RELATIVE.search(low):
        count = int(match["n"] or 1)
        unit = match["u"] or (match["one"].removeprefix("an ").removeprefix("a ").removeprefix("se"))
        if unit.startswith(("detik", "sec")):
            ago, fine = timedelta(seconds=count), True
        elif unit.startswith(("menit", "mnt", "min")) and not unit.startswith("minggu"):
            ago, fine = timedelta(minutes=count), True
        elif unit.startswith(("jam", "hour", "hr")):
            ago, fine = timedelta(hours=count), True
        elif unit.startswith(("hari", "day")):
            ago, fine = timedelta(days=count), False
        else:
            ago, fine = timedelta(weeks=count), False
        then = here - ago
        return (
            _coarse(then, low, local) if not fine else _tanggal(then.replace(second=0, microsecond=0), "minute", True)
        )
    if match := _DAY_WORD.search(low):
        if match["w"] in ("barusan", "baru saja", "just now"):
            return _tanggal(here.replace(second=0, microsecond=0), "minute", True)
        then = here - timedelta(days=match["w"] in ("kemarin", "yesterday"))
        return _coarse(then, low[match.end() :], local)
    return None


def _coarse(then: datetime, rest: str, local: ZoneInfo) -> Tanggal | None:
    """A day that words name, with the time of day where one is written beside it."""
    wall = then.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    time = _TIME.search(rest)
    if time and (clock := _clock(time)):
        hour, minute, second, named = clock
        return _placed(
            wall.replace(hour=hour, minute=minute, second=second), named or local, "minute", named is not None
        )
    return _placed(wall, local, "day", False)


def _checked(found: Tanggal, now: datetime | None) -> Tanggal | None:
    return None if now is not None and found.at > now + FUTURE else found
