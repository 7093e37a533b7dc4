"""Text for the pages: the sentence with its hit, what articles say differently, edits as a visible diff. Pure, and bounded:
a page that a hostile outlet filled costs no more than a long article. Tests: tests/web/test_telling.py.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pipelines.render import one_line, sentence_around

_MARK = "\ue000"  # private use: stands around a hit until it becomes <mark>
# Marks that turn the reading direction let a headline be shown as another one.
_BIDI = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_SENTENCE = re.compile(r"(?<=[.!?…])[\"”’']*\s+(?=[\"“‘'(]?[A-Z0-9])")
_WORD = re.compile(r"\w{4,}")  # the longer words tell sentences apart, and the numbers with a year
_ALIKE = 0.5  # share of the shorter sentence's words that the other has, from which both say the same
_FEW_WORDS = 4  # shorter sentences ("Demikian.") tell nothing apart
MAX_SENTENCES = 60  # of an article, compared with those of the others
_MAX_PARAGRAPHS = 200  # of a body that are shown
_MAX_WORDS = 300  # of a paragraph's diff: difflib's time grows with the square


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text. `kind`: "" as it is, or hit, only, added, removed."""

    text: str
    kind: str = ""


def plain(text: str) -> str:
    """Return text in one line, without marks that turn the reading direction."""
    return _BIDI.sub("", one_line(text))


def web_link(url: str | None) -> str | None:
    """Return an address that may stand in a link: http or https with a host; None for all else."""
    if not url or any(character <= " " for character in url):
        return None
    try:
        parts = urlsplit(url)
        return url if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


def hits_of(row: Mapping[str, Any], most: int = 3) -> list[list[Piece]]:
    """Return the first sentences that the topic matched, those of the body first, the hit marked in each."""
    matches = [match for match in json.loads(row["matches"]) if match["rule"] == "topic"]
    matches.sort(key=lambda match: match["field"] != "body")
    told: list[list[Piece]] = []
    for match in matches[: most * 4]:
        text = row[match["field"]].replace(_MARK, " ")
        before, hit, after = sentence_around(text, match["start"], match["end"], mark=_MARK).split(_MARK)
        pieces = [Piece(before), Piece(hit, "hit"), Piece(after)]
        if "".join(p.text for p in pieces) not in ["".join(p.text for p in other) for other in told]:
            told.append([Piece(_BIDI.sub("", piece.text), piece.kind) for piece in pieces])
    return told[:most]


def compared(bodies: Sequence[str]) -> list[list[list[Piece]]]:
    """Return each body as paragraphs of sentences; "only": no other body has a sentence that says about the same."""
    parted = [[_SENTENCE.split(part) for part in _paragraphs(body)] for body in bodies]
    keys = [[_key(sentence) for paragraph in body for sentence in paragraph][:MAX_SENTENCES] for body in parted]
    told = []
    for number, body in enumerate(parted):
        others = [key for other, found in enumerate(keys) if other != number for key in found]
        seen, left = set(others), iter(keys[number])
        told.append(
            [[_judged(sentence, next(left, None), others, seen) for sentence in paragraph] for paragraph in body]
        )
    return told


def _paragraphs(body: str) -> list[str]:
    found = [part for part in body.split("\n\n", _MAX_PARAGRAPHS + 1) if part.strip()]
    return found if len(found) <= _MAX_PARAGRAPHS else [*found[:_MAX_PARAGRAPHS], "…"]


def _judged(
    sentence: str, key: frozenset[str] | None, others: list[frozenset[str]], seen: set[frozenset[str]]
) -> Piece:
    text = plain(sentence)
    if not others or key is None or len(key) < _FEW_WORDS or key in seen:
        return Piece(text)
    return Piece(text, "" if any(_alike(key, other) for other in others) else "only")


def _key(sentence: str) -> frozenset[str]:
    return frozenset(_WORD.findall(sentence.casefold()))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    shorter = min(len(one), len(other))
    return shorter >= _FEW_WORDS and len(one & other) >= _ALIKE * shorter


def edit(before: str, after: str) -> list[list[Piece]]:
    """Return the paragraphs that an edit touched, word by word; untouched ones are left out. [] where no word changed."""
    old, new = before.split("\n\n")[:_MAX_PARAGRAPHS], after.split("\n\n")[:_MAX_PARAGRAPHS]
    told: list[list[Piece]] = []
    for how, a, b, c, d in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if how != "equal":
            told.append(_words("\n".join(old[a:b]), "\n".join(new[c:d])))
    return [pieces for pieces in told if any(piece.kind for piece in pieces)]


def _words(before: str, after: str) -> list[Piece]:
    old, new = plain(before).split(), plain(after).split()
    if len(old) > _MAX_WORDS or len(new) > _MAX_WORDS or not old or not new:
        return [Piece(" ".join(part), kind) for part, kind in ((old, "removed"), (new, "added")) if part]
    pieces: list[Piece] = []
    for how, a, b, c, d in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if how == "equal":
            pieces.append(Piece(" ".join(old[a:b])))
            continue
        pieces += [Piece(" ".join(part), kind) for part, kind in ((old[a:b], "removed"), (new[c:d], "added")) if part]
    return pieces
