"""Which story an article tells: decided from old rows that the store looked up. Pure; no SQL, no clock.

A story is one event told by one or several outlets. Here it is joined from near copies: one press release, edited.
Tests: tests/pipelines/test_stories.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.dedupe import similarity

# Estimated Jaccard similarity of three-word shingles. Unrelated articles reached .06 (measured on 4,000 pairs); shared quotes
# lift that, and a wrong join is worse than a missed one.
SAME_TEXT = 0.4
STORY_DAYS = 30  # a text that returns after a month is news again


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored article that shares a band with the new one and was published within STORY_DAYS of it."""

    story_id: int
    signature: bytes


def decide_story(signature: bytes, candidates: Sequence[Candidate]) -> int | None:
    """Return the story of the most similar candidate that is a copy, the older story on a tie; None: a new story."""
    best, story_id = 0.0, None
    for item in sorted(candidates, key=lambda item: item.story_id):
        alike = similarity(signature, item.signature)
        if alike >= SAME_TEXT and alike > best:
            best, story_id = alike, item.story_id
    return story_id


# From the weakest to the strongest: a story has the strongest category of its articles.
_STRENGTH = (None, "lain", "imbauan", "regulasi", "data", "dugaan", "proses", "sanksi")
_RISES_TO = ("dugaan", "proses", "sanksi")


def strongest(categories: Iterable[str | None]) -> str | None:
    """Return the strongest category, None where none is known."""
    return max(categories, key=_STRENGTH.index, default=None)


def rises(before: str | None, after: str | None) -> bool:
    """Return whether a story has come a step further: imbauan, dugaan, proses, sanksi. Its beginning is no rise."""
    return after in _RISES_TO and before is not None and _STRENGTH.index(after) > _STRENGTH.index(before)
