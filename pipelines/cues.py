"""The cue words of data/cues.yaml in a text, sentence by sentence, and what takes each of them back.

`read` gives the title and the first sentences of the body as `Sentence`s with their cues; `guard_of` says whether a cue
is told as something that has happened: not under a condition, a modal, a negation, in somebody's exhortation, or in a
look back. What the cues mean for the article is decided in pipelines/labels.py.

Imports of ours: the expressions, folding, matching. Its test is tests/pipelines/test_labels.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pipelines.expressions import leaves_of, parse_expression
from pipelines.folding import Folded
from pipelines.matching import Matcher
from pipelines.tables import read_table

FieldName = Literal["title", "body"]

# What of a body is read for its category: the news is told there, the rest is background and quotes.
LEAD_SENTENCES = 4
LEAD_CHARS = 900
READ_SENTENCES = 14
# A modal rules what follows closely: "akan segera kami proses", not the whole sentence.
_MODAL_WORDS = 5
_NEGATION_WORDS = 2

# Not after "H.", "Drs.", "No." or a number's dot; the next sentence starts with a capital, a digit or a quote.
_SENTENCE_END = re.compile(
    r"(?<![\s.][A-Z])(?<!\b(?:Pj|Dr|dr|Ir|Hj|No|St|Rp|Jl))(?<!\b(?:Pjs|Plt|Plh|Drs|Dra|Moh|Muh|Kab|Kec|Kel|SKM))"
    r"[.!?]+[\"'”’)]*\s+(?=[\"'“‘(]?[A-Z0-9])|\n+"
)
_SUBTITLE = re.compile(r"(?<=[a-z])[:!?;]\s")


# Who, about what and which election are looked for beside what happened: "jaga netralitas" is also about "netralitas".
_LAYERS = {"actor": "actor", "topic": "topic", "election": "election"}


@dataclass(frozen=True, slots=True)
class Cue:
    """One cue: its group of cues.yaml and where it stands in its sentence's `canon`."""

    group: str
    text: str
    start: int
    end: int

    @property
    def category(self) -> str:
        return self.group.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the title or the body, its folded words and its cues in order of the text."""

    field: FieldName
    text: str
    canon: str
    cues: tuple[Cue, ...]

    def has(self, *groups: str) -> bool:
        return any(cue.group in groups for cue in self.cues)

    def first(self, *groups: str) -> Cue | None:
        return next((cue for cue in self.cues if cue.group in groups), None)

    def words_between(self, start: int, end: int) -> int:
        return self.canon.count(" ", start, end) - self.canon.count(".", start, end)


@cache
def _compiled() -> tuple[Matcher, dict[int, tuple[str, ...]]]:
    groups: dict[str, list[str]] = read_table("cues.yaml")
    matcher = Matcher({group: {"any": [str(term) for term in terms]} for group, terms in groups.items()})
    numbers = {leaf: number for number, leaf in enumerate(matcher.leaves)}
    found: dict[int, tuple[str, ...]] = {}
    for group, terms in groups.items():
        for term in terms:
            for leaf in leaves_of(parse_expression(str(term))):
                number = numbers[leaf]
                if group not in found.get(number, ()):
                    found[number] = (*found.get(number, ()), group)
    return matcher, found


def sentences_of(text: str) -> Iterator[str]:
    """Yield the sentences of a text; paragraphs always part them."""
    start = 0
    for end in _SENTENCE_END.finditer(text):
        sentence = text[start : end.end()].strip()
        if sentence:
            yield sentence
        start = end.end()
    if text[start:].strip():
        yield text[start:].strip()


def read_sentence(field: FieldName, text: str) -> Sentence:
    """Return the sentence with its cues; of cues of one layer that overlap the longest stays."""
    matcher, groups = _compiled()
    canon = Folded(text).canon
    spans = [(start, end, number) for number, found in matcher.scan(canon).items() for start, end in found]
    spans.sort(key=lambda span: (span[0], -span[1]))
    cues: list[Cue] = []
    last: dict[str, tuple[int, int]] = {}
    for start, end, number in spans:
        for group in groups[number]:
            layer = _LAYERS.get(group.partition(".")[0], "event")
            before = last.get(layer, (-1, -1))
            if end > before[1] or (start, end) == before:
                last[layer] = (start, end)
                cues.append(Cue(group, canon[start:end], start, end))
    return Sentence(field, text, canon, tuple(cues))


def read_title(title: str) -> list[Sentence]:
    """Return the title as one sentence, or none where it is empty."""
    return [read_sentence("title", title)] if title.strip() else []


def read_body(body: str) -> list[Sentence]:
    """Return the first READ_SENTENCES sentences of the body with their cues."""
    found = []
    for text in sentences_of(body[:6000]):
        found.append(read_sentence("body", text))
        if len(found) == READ_SENTENCES:
            break
    return found


def guard_of(sentence: Sentence, cue: Cue, *, past_only: bool = False) -> str | None:
    """Return what takes the event of this cue back ("conditional: jika"), or None where it is told as having happened.

    With `past_only`, only a look back counts: a rule is news also where it is conditional.
    """
    if past_only:
        past = next((other for other in sentence.cues if other.group == "guard.past"), None)
        return f"past: {past.text}" if past else None
    for other in sentence.cues:
        if other.group == "guard.conditional":
            return f"conditional: {other.text}"
        if other.group == "guard.nihil" and other.start <= cue.start:
            return f"nihil: {other.text}"
        if other.group == "guard.past" and _overlaps_not(other, cue):
            return f"past: {other.text}"
        if other.group == "guard.question":
            return f"question: {other.text}"
    return _guard_before(sentence, cue)


def _guard_before(sentence: Sentence, cue: Cue) -> str | None:
    for other in reversed(sentence.cues):
        if other.end > cue.start:
            continue
        between = sentence.canon[other.end : cue.start]
        words = sentence.words_between(other.end, cue.start)
        if other.group == "guard.modal" and words <= _MODAL_WORDS and "." not in between:
            return f"modal: {other.text}"
        if other.group == "guard.negation" and words <= _NEGATION_WORDS and "." not in between:
            return f"negation: {other.text}"
        if other.group == "imbauan.strong" and _rules(sentence, other, cue):
            return f"exhortation: {other.text}"
        if other.group == "demand" and cue.category == "sanksi" and _rules(sentence, other, cue):
            return f"demand: {other.text}"
        if other.group == "guard.background" and words <= _MODAL_WORDS and "." not in between:
            return f"background: {other.text}"
    return None


def _rules(sentence: Sentence, verb: Cue, cue: Cue) -> bool:
    """Say whether the cue lies in what an exhorting verb asks for: after it, in the same clause or the next."""
    return sentence.canon.count(".", verb.end, cue.start) <= 1


def _overlaps_not(one: Cue, other: Cue) -> bool:
    return one.end <= other.start or one.start >= other.end
