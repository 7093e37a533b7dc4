"""Retellings of events (tests/quality/stories.txt), joined as the store joins them, and how well.

Used by benchmarks.meaning and by tests/pipelines/test_stories.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

from pipelines.dedupe import sign
from pipelines.labels import label
from pipelines.stories import Candidate, Telling, decide_story, keys_of, lookup_keys
from pipelines.traits import traits_of

FIRST = datetime(2024, 10, 14, 3, tzinfo=UTC)
_STORIES = Path(__file__).parent.parent / "tests" / "quality" / "stories.txt"


@dataclass(frozen=True)
class Told:
    """One labelled article: its event, its split, and what is compared of it."""

    event: str
    split: str
    telling: Telling


def told() -> Iterator[Told]:
    """Yield the labelled articles."""
    for block in _STORIES.read_text("utf-8").split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        if not lines:
            continue
        event, split, hours, place, _, title = (part.strip() for part in lines[0].split("|"))
        body, at = "\n\n".join(lines[1:]), FIRST + timedelta(hours=float(hours))
        category = label(title, body, on_topic=True).category
        signature = bytes.fromhex(sign(body))
        telling = Telling(traits_of(title, body, at), signature, None if place == "-" else place, category, at)
        yield Told(event, split, telling)


def pairs(split: str) -> tuple[int, int, int]:
    """Return how many pairs of a split are rightly joined, wrongly joined, and missed, one article coming after the other."""
    items = sorted((item for item in told() if item.split == split), key=lambda item: item.telling.at)
    stories: list[int] = []
    for number, item in enumerate(items):
        candidates = [
            Candidate(stories[earlier], items[earlier].telling)
            for earlier in range(number)
            if set(lookup_keys(item.telling)) & set(keys_of(items[earlier].telling))
        ]
        found = decide_story(item.telling, candidates)
        stories.append(number if found is None else found)
    right = wrong = missed = 0
    for (one, first), (other, second) in combinations(zip(items, stories, strict=True), 2):
        same = one.event == other.event
        right += same and first == second
        missed += same and first != second
        wrong += (not same) and first == second
    return right, wrong, missed
