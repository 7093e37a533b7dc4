"""Which story an article tells: decided from old rows that the store looked up. Pure; no SQL, no clock.

A story is one event told by one or several outlets, and what follows from it (dugaan, proses, sanksi). It is recognised by
near copies (one press release, edited) or by what retellings share: uncommon words, persons, quotes, place, days. A wrong join
is worse than a missed one. Weights and threshold were set on the retellings of tests/quality/stories.txt and are measured by
tests/pipelines/test_stories.py.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from crawler.items import Traits
from pipelines.dedupe import band_values, similarity

# Estimated Jaccard similarity of three-word shingles. Unrelated articles reached .06 (measured on 4,000 pairs), retellings .12.
SAME_TEXT = 0.4
THRESHOLD = 3.4
NEAR_DAYS = 10  # retellings come within days; what follows a case names the same persons and may take months
FAR_DAYS = 180
COPY_DAYS = 30  # a text that returns after a month is news again
_CASES = frozenset({"dugaan", "proses", "sanksi"})
_WORDS_BY_CHANCE = 0.1  # two articles on the subject from one region share that much of their uncommon words
_ENOUGH_WORDS = 0.7  # officials of a region speak about all its matters: persons and place alone join nothing


@dataclass(frozen=True, slots=True)
class Telling:
    """What is compared of an article. `place` is the most exact code known; `signature` is empty for short texts."""

    traits: Traits
    signature: bytes
    place: str | None
    category: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored article that shares a key or a band with the new one."""

    story_id: int
    telling: Telling


def keys_of(telling: Telling) -> tuple[int, ...]:
    """Return the keys under which a telling is filed: its persons, its quotes, its place on its day, each with its time."""
    return _keys(telling, (0,), around=False)


def lookup_keys(telling: Telling) -> tuple[int, ...]:
    """Return the keys to look candidates up by: the same things at all the times that are compared."""
    return _keys(telling, (-2, -1, 0, 1, 2), around=True)


def bands_of(telling: Telling) -> list[tuple[int, int]]:
    """Return the (band, value) pairs under which a telling's signature is filed; none where it has no signature."""
    return _bands(telling, *_periods(telling.at, COPY_DAYS, around=False))


def lookup_bands(telling: Telling) -> list[tuple[int, ...]]:
    """Return (band, value, …) for each band: its values under which near copies are filed at the times that are compared."""
    times = [_bands(telling, time) for time in _periods(telling.at, COPY_DAYS)]
    return [(pairs[0][0], *(value for _, value in pairs)) for pairs in zip(*times, strict=True)]


def decide_story(new: Telling, candidates: Sequence[Candidate]) -> int | None:
    """Return the story of the candidate that is most surely the same event, the older story on a tie; None: a new story."""
    best, story_id = 0.0, None
    for item in sorted(candidates, key=lambda item: item.story_id):
        sure = sameness(new, item.telling)
        if sure >= THRESHOLD and sure > best:
            best, story_id = sure, item.story_id
    return story_id


def sameness(one: Telling, other: Telling) -> float:
    """Return how surely two articles tell the same event; THRESHOLD or more is sure enough. Symmetric."""
    days = abs((one.at - other.at).total_seconds()) / 86400
    alike = similarity(one.signature, other.signature) if one.signature and other.signature else 0.0
    if alike >= SAME_TEXT:
        return 10.0 + alike if days <= COPY_DAYS else 0.0
    if days > FAR_DAYS or (days > NEAR_DAYS and not {one.category, other.category} <= _CASES):
        return 0.0
    ours, theirs = one.traits, other.traits
    quotes, title = _shared(ours.quotes, theirs.quotes, 3), _shared(ours.title, theirs.title, 2)
    words = _words_weight(ours.words, theirs.words, 2 if title > 0.3 else 3)
    place = _place_weight(one.place, other.place)
    if (words < _ENOUGH_WORDS and quotes < 0.3 and title < 0.5) or (place < 0 and quotes < 0.5):
        return 0.0
    return (
        words
        + 3 * quotes
        + title
        + min(len(set(ours.names) & set(theirs.names)), 2)
        + place
        + (0.5 if _group(one.category) == _group(other.category) else -1.5)
        + _day_weight(ours.days, theirs.days)
        - (1.0 if days > NEAR_DAYS else 0.15 * math.log1p(max(0.0, days - 2)))
    )


# From the weakest to the strongest: a story has the strongest category of its articles.
_STRENGTH = (None, "lain", "imbauan", "regulasi", "data", "dugaan", "proses", "sanksi")
_RISES_TO = ("dugaan", "proses", "sanksi")


def strongest(categories: Iterable[str | None]) -> str | None:
    """Return the strongest category, None where none is known."""
    return max(categories, key=_STRENGTH.index, default=None)


def rises(before: str | None, after: str | None) -> bool:
    """Return whether a story has come a step further: imbauan, dugaan, proses, sanksi. Its beginning is no rise."""
    return after in _RISES_TO and before is not None and _STRENGTH.index(after) > _STRENGTH.index(before)


def _shared(ours: Sequence[int], theirs: Sequence[int], least: int) -> float:
    """Return how much of the smaller set the larger one holds; 0 where the smaller one has too few to tell."""
    fewer = min(len(ours), len(theirs))
    return len(set(ours) & set(theirs)) / fewer if fewer >= least else 0.0


def _words_weight(ours: Sequence[int], theirs: Sequence[int], least: int) -> float:
    """Return what shared uncommon words say. Fewer than `least` say nothing: short texts share two by chance."""
    shared, fewer = len(set(ours) & set(theirs)), min(len(ours), len(theirs))
    if shared < least or fewer < 5:
        return 0.0
    return 6 * max(0.0, shared / fewer - _WORDS_BY_CHANCE) + 0.1 * min(shared, 15)


def _place_weight(one: str | None, other: str | None) -> float:
    if one is None or other is None:
        return 0.0
    if one == other:
        return 1.0
    return 0.3 if one.startswith(f"{other}.") or other.startswith(f"{one}.") else -4.0


def _day_weight(ours: Sequence[str], theirs: Sequence[str]) -> float:
    if not ours or not theirs:
        return 0.0
    return 0.3 if set(ours) & set(theirs) else -0.3


def _group(category: str | None) -> str | None:
    return "case" if category in _CASES else "talk" if category in ("imbauan", "regulasi") else category


# Keys and band values begin with a time, so that those of these weeks lie together in their tables: what is looked up and
# written stays in a few pages however large the tables are (docs/growth.md). Times are days, or periods of twice the
# longest time that is looked back, counted from _FIRST_DAY. SQLite's integers are signed: 63 bits.
_FIRST_DAY = date(2000, 1, 1).toordinal()
_TIME_BITS = 15  # days until 2089
_NAME, _QUOTE, _PLACE = range(3)


def _day(at: datetime, later: int = 0) -> int:
    # The day in Jakarta: most outlets publish there, and the days around are looked up too.
    day = (at + timedelta(hours=7)).toordinal() + later - _FIRST_DAY
    return min(max(day, 0), (1 << _TIME_BITS) - 1)


def _periods(at: datetime, span_days: int, *, around: bool = True) -> tuple[int, ...]:
    """Return the one or two periods that lie within so many days of a time, or the one that holds it."""
    if not around:
        return (_day(at) // (2 * span_days),)
    earlier, later = (_day(at, days) // (2 * span_days) for days in (-span_days, span_days))
    return (earlier,) if earlier == later else (earlier, later)


def _keys(telling: Telling, days: Sequence[int], *, around: bool) -> tuple[int, ...]:
    at, traits = telling.at, telling.traits
    return (
        *(_key(_NAME, time, name) for time in _periods(at, FAR_DAYS, around=around) for name in traits.names),
        *(
            _key(_QUOTE, time, str(quote))
            for time in _periods(at, COPY_DAYS, around=around)
            for quote in traits.quotes[:8]
        ),
        *(_key(_PLACE, _day(at, later), telling.place or "-") for later in days),
    )


def _key(kind: int, time: int, text: str) -> int:
    digest = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    return kind << 61 | time << 46 | digest >> 18


def _bands(telling: Telling, time: int) -> list[tuple[int, int]]:
    values = band_values(telling.signature) if telling.signature else []
    return [(band, time << 48 | value >> 15) for band, value in values]
