"""Is it new, an edit, a completion, or the same text again: decided from old rows that the store looked up. Pure; no SQL, no clock.

Also the arithmetic of near copies (MinHash), which `stories` decides on. `sign` runs where an article is read, in other
processes. Tests: tests/pipelines/test_dedupe.py.
"""

from __future__ import annotations

import hashlib
import operator
import re
import struct
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from crawler.items import Article

PERMUTATIONS = 128
BANDS = 32  # of 4 values: recall .93 on 2,000 edited pairs at a similarity of .4-.5 (measured, docs/architecture.md)
SHINGLE_WORDS = 3
MIN_SHINGLES = 20  # shorter texts are alike by chance
_SEED = 20241127  # any number, for ever: signatures in a database must stay comparable
_WORD = re.compile(r"\w+")

Decision = Literal["insert", "unchanged", "revise", "complete", "duplicate"]
SUBSTANCE = 0.1  # a tenth of the words: a corrected name is less, a new paragraph or a taken-back accusation more


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds already: the row at the same address, or one of the same text."""

    id: int
    source: str
    title: str
    body: str
    revision: int = 1
    body_status: str = "whole"
    from_listing: bool = False


def decide(article: Article, at_address: Stored | None, same_text: Stored | None) -> Decision:
    """Return what to do with an article, given the row at its address and a row of its source with the same text.

    An address belongs to the source that brought it first: another source's reading of it is a duplicate, never an edit.
    An edit changes words: white space, quotes and punctuation do not count. What could not be read whole before is
    completed, which is no edit of the outlet's; what could not be read whole this time changes nothing.
    """
    if at_address is None:
        return "duplicate" if same_text is not None else "insert"
    if at_address.source != article.source:
        return "duplicate"
    if article.body_status not in ("whole", "too_long") or _same_words(article, at_address):
        return "unchanged"
    if at_address.body_status == "dropped":  # retention: whether it was edited can no longer be told
        return "unchanged"
    if at_address.body_status not in ("whole", "too_long"):
        return "complete"
    # A listing's body and a page's are cleaned from different markup: a small difference between them is ours.
    if bool(at_address.from_listing) != article.from_listing and not changes_the_matter(article, at_address):
        return "unchanged"
    return "revise"


def changes_the_matter(article: Article, old: Stored) -> bool:
    """Return whether an edit is worth telling: another headline, or a tenth of the words added or taken away."""
    if _words(article.title) != _words(old.title):
        return True
    before, after = Counter(_words(old.body)), Counter(_words(article.body))
    changed = (before - after).total() + (after - before).total()
    return changed >= SUBSTANCE * max(before.total(), 1)


def _same_words(article: Article, old: Stored) -> bool:
    return _words(article.title) == _words(old.title) and _words(article.body) == _words(old.body)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def content_sha256(body: str) -> str:
    """Return the hex digest of a body as it is stored."""
    return hashlib.sha256(body.encode("utf-8")).hexdigest()


def sign(body: str) -> str:
    """Return the body's MinHash signature as 1,024 hex digits, or "" where it is too short to be told from others."""
    from rensa import RMinHash

    words = _WORD.findall(body.lower())
    shingles = {" ".join(words[i : i + SHINGLE_WORDS]) for i in range(len(words) - SHINGLE_WORDS + 1)}
    if len(shingles) < MIN_SHINGLES:
        return ""
    sketch = RMinHash(num_perm=PERMUTATIONS, seed=_SEED)
    sketch.update(sorted(shingles))
    return struct.pack(f"<{PERMUTATIONS}I", *sketch.digest()).hex()


def band_values(signature: bytes) -> list[tuple[int, int]]:
    """Return (band, value) for each band; two articles that share one are candidates for each other. Values fit 63 bits."""
    width = len(signature) // BANDS
    chunks = (signature[band * width : (band + 1) * width] for band in range(BANDS))
    return [
        (band, int.from_bytes(hashlib.blake2b(chunk, digest_size=8).digest(), "little") >> 1)
        for band, chunk in enumerate(chunks)
    ]


def similarity(one: bytes, other: bytes) -> float:
    """Return the estimated Jaccard similarity of two signatures, 0 to 1; its standard error is about .04."""
    left, right = struct.unpack(f"<{PERMUTATIONS}I", one), struct.unpack(f"<{PERMUTATIONS}I", other)
    return float(sum(map(operator.eq, left, right))) / PERMUTATIONS
