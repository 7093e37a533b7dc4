"""Which expressions an article meets, and where: every hit with its place in the original text.

One Aho-Corasick automaton holds the words, phrases and stems of all expressions, so the cost of a text does not depend
on how many rules there are; regular expressions run on RE2. Everything is linear in the text. A term is searched in the
folded text (pipelines/folding.py), so case, diacritics, odd spaces and invisible characters do not matter; hits are
mapped back only for expressions that are met.

Imports of ours: the words, folding, expressions, morphology. Its test is tests/pipelines/test_matching.py.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from heapq import heapify, heapreplace
from itertools import islice
from typing import Any, Literal, NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation

from crawler.items import Match
from pipelines.expressions import (
    All,
    AnyOf,
    Leaf,
    Near,
    Node,
    NoneOf,
    RegexTerm,
    RootTerm,
    Words,
    check_expression,
    compile_regex,
    expression_problems,
    leaves_of,
    parse_expression,
    resolve_presets,
)
from pipelines.folding import Folded
from pipelines.morphology import LONGEST_LEFT, LONGEST_RIGHT, Root

__all__ = ["Matcher", "check_expression", "expression_problems", "resolve_presets"]

# Evidence a term and field: a page that repeats a word ten thousand times does not need ten thousand rows. It also
# bounds what an expensive regular expression can cost: each further hit may scan the rest of the text.
MAX_HITS = 100

FieldName = Literal["title", "body"]
Span = tuple[int, int]


class Hit(NamedTuple):
    """A leaf found in one field: character positions in `Folded.plain` (regular expressions) or `canon` (the rest)."""

    field: FieldName
    start: int
    end: int
    leaf: int


@dataclass(slots=True)
class _Plan:
    """What a hit of one pattern of the automaton means."""

    whole: list[int] = field(default_factory=list)  # leaves for which the pattern is the hit
    begun: list[int] = field(default_factory=list)  # leaves for which the hit goes on to the end of the word
    stems: list[tuple[int, Root, int]] = field(default_factory=list)  # leaf, root, which of its stems


@dataclass(frozen=True, slots=True)
class _AnyOf:
    """One of the leaves, by number, or one of the children."""

    leaves: frozenset[int]
    children: tuple[_Step, ...] = ()


@dataclass(frozen=True, slots=True)
class _All:
    children: tuple[_Step, ...]


@dataclass(frozen=True, slots=True)
class _NoneOf:
    children: tuple[_Step, ...]


@dataclass(frozen=True, slots=True)
class _Near:
    operands: tuple[frozenset[int], ...]
    within: int


_Step = _AnyOf | _All | _NoneOf | _Near


class Matcher:
    """Compiled expressions by id; `find` may be called from one thread at a time."""

    def __init__(self, expressions: Mapping[str, object]) -> None:
        """Raises ExpressionError when one of them cannot be read."""
        nodes = {name: parse_expression(raw) for name, raw in expressions.items()}
        self._same: dict[Any, Any] = {}  # equal parts of expressions are one object, so that a text is asked once
        self.leaves: list[Leaf] = list(dict.fromkeys(leaf for node in nodes.values() for leaf in leaves_of(node)))
        self._numbers = {leaf: number for number, leaf in enumerate(self.leaves)}
        self._steps = {name: self._step(node) for name, node in nodes.items()}
        self.title_only = frozenset(n for n, leaf in enumerate(self.leaves) if leaf.title_only)
        self.programs = {
            n: compile_regex(leaf.term) for n, leaf in enumerate(self.leaves) if isinstance(leaf, RegexTerm)
        }
        self.regexes = frozenset(self.programs)
        plans: dict[str, _Plan] = {}
        for number, leaf in enumerate(self.leaves):
            _plan(plans, number, leaf)
        self._plans = list(plans.values())
        self._automaton = AhoCorasick(list(plans), implementation=Implementation.DFA) if plans else None

    def _step(self, node: Node) -> _Step:
        """Return the node with its leaves as numbers: what is asked per text is then a matter of sets."""
        step: _Step = self._one(self._numbered(node))
        return step

    def _one(self, value: Any) -> Any:
        return self._same.setdefault(value, value)

    def _numbered(self, node: Node) -> _Step:
        if isinstance(node, Near):
            operands = (self._one(frozenset(self._numbers[leaf] for leaf in operand)) for operand in node.operands)
            return _Near(tuple(operands), node.within)
        if not isinstance(node, All | AnyOf | NoneOf):
            return _AnyOf(frozenset({self._numbers[node]}))
        if isinstance(node, AnyOf):
            return self._any_of(node.children)
        if isinstance(node, NoneOf):
            return _NoneOf((self._one(self._any_of(node.children)),))
        children = tuple(self._step(child) for child in node.children)
        # The cheap ones first: most texts fail there, and no `near` is looked for.
        return _All(tuple(sorted(children, key=_cost)))

    def _any_of(self, children: tuple[Node, ...]) -> _AnyOf:
        leaves = [child for child in children if isinstance(child, Words | RootTerm | RegexTerm)]
        rest = (child for child in children if not isinstance(child, Words | RootTerm | RegexTerm))
        return _AnyOf(frozenset(self._numbers[leaf] for leaf in leaves), tuple(self._step(child) for child in rest))

    def find(self, title: str, body: str) -> dict[str, tuple[Match, ...]]:
        """Return the ids that match with their evidence, title first, in the order of the text.

        At most MAX_HITS a term and field. An expression of `none` alone matches without evidence. Matches are
        offsets into the title and the body as given.
        """
        text = _Text(self, {"title": Folded(title), "body": Folded(body)})
        found = {}
        for name, step in self._steps.items():
            hits = text.hits_of(step)
            if hits is not None:
                found[name] = text.matches(hits)
        return found

    def scan(self, canon: str) -> dict[int, list[Span]]:
        """Return the spans in `canon` of every leaf of words and roots, in order, without regard to `title:`."""
        found: dict[int, list[Span]] = {}
        if self._automaton is None:
            return found
        plans = self._plans
        for pattern, start, end in self._automaton.find_matches_as_indexes(canon, overlapping=True):
            plan = plans[pattern]
            for leaf in plan.whole:
                found.setdefault(leaf, []).append((start + 1, end - 1))
            for leaf in plan.begun:
                found.setdefault(leaf, []).append((start + 1, canon.find(" ", end)))
            for leaf, root, stem in plan.stems:
                # Bounded looks to either side: a text may be one word of a megabyte that repeats the stem.
                left = canon.rfind(" ", max(0, start - LONGEST_LEFT - 1), start) + 1
                right = canon.find(" ", end, end + LONGEST_RIGHT + 1)
                if left and right >= 0 and root.accepts(stem, canon[left:start], canon[end:right]):
                    found.setdefault(leaf, []).append((left, right))
        return found


def _cost(step: _Step) -> int:
    """Return 0 for what sets of leaves decide, 1 for what may need their places."""
    return int(any(map(_cost, step.children))) if isinstance(step, _AnyOf | _NoneOf) else 1


def _plan(plans: dict[str, _Plan], number: int, leaf: Leaf) -> None:
    if isinstance(leaf, Words):
        for wording in leaf.wordings:
            if leaf.prefix:
                plans.setdefault(f" {wording}", _Plan()).begun.append(number)
            else:
                plans.setdefault(f" {wording} ", _Plan()).whole.append(number)
    elif isinstance(leaf, RootTerm):
        for index, stem in enumerate(leaf.root.stems):
            plans.setdefault(stem, _Plan()).stems.append((number, leaf.root, index))


_NOTHING: frozenset[int] = frozenset()


class _Text:
    """One article under one matcher: what was found in it so far."""

    def __init__(self, matcher: Matcher, fields: dict[FieldName, Folded]) -> None:
        self._matcher = matcher
        self._fields = fields
        self._spans = {name: matcher.scan(folded.canon) for name, folded in fields.items()}
        self._found = {name: set(spans) for name, spans in self._spans.items()}
        self._found["body"] -= matcher.title_only
        self._searched: set[int] = set()
        # By identity: equal steps and operands of one matcher are one object (Matcher._one).
        self._answers: dict[int, list[Hit] | None] = {}
        self._places: dict[tuple[FieldName, int], list[_Occurrence]] = {}
        self._hits: dict[tuple[FieldName, int], list[Hit]] = {}
        self._numbers: dict[FieldName, dict[int, list[_Occurrence]]] = {}

    def hits_of(self, step: _Step) -> list[Hit] | None:
        """Return the evidence for the step, or None where it does not hold."""
        known = id(step)
        if known not in self._answers:
            self._answers[known] = self._hits_of(step)
        return self._answers[known]

    def _hits_of(self, step: _Step) -> list[Hit] | None:
        if isinstance(step, _AnyOf):
            return self._any_of(step)
        if isinstance(step, _NoneOf):
            return None if any(self._holds(child) for child in step.children) else []
        if isinstance(step, _Near):
            return self._near(step) or None
        found: list[Hit] = []
        for child in step.children:
            hits = self.hits_of(child)
            if hits is None:
                return None
            found += hits
        return found

    def _holds(self, step: _Step) -> bool:
        """Say whether the step holds, without gathering evidence where that can be told from the leaves alone."""
        if isinstance(step, _AnyOf) and id(step) not in self._answers:
            if any(self._has(name, step.leaves) for name in self._fields):
                return True
            return any(self._holds(child) for child in step.children)
        return self.hits_of(step) is not None

    def _any_of(self, step: _AnyOf) -> list[Hit] | None:
        found: list[Hit] = []
        for name in self._fields:
            for number in self._present(name, step.leaves):
                found += self._hits_in(name, number)
        holds = bool(found)
        for child in step.children:
            hits = self.hits_of(child)
            if hits is not None:
                holds = True
                found += hits
        return found if holds else None

    def _hits_in(self, name: FieldName, number: int) -> list[Hit]:
        """Return the first MAX_HITS of a leaf in a field."""
        known = (name, number)
        if known not in self._hits:
            self._hits[known] = [Hit(name, *span, number) for span in self._spans[name][number][:MAX_HITS]]
        return self._hits[known]

    def _has(self, name: FieldName, leaves: frozenset[int]) -> bool:
        """Say whether any of the leaves is in the field, after running those that are regular expressions."""
        regexes = self._matcher.regexes
        if regexes and not leaves.isdisjoint(regexes):
            self._search(leaves & regexes)
        return not leaves.isdisjoint(self._found[name])

    def _present(self, name: FieldName, leaves: frozenset[int]) -> AbstractSet[int]:
        """Return which of the leaves are in the field."""
        return leaves & self._found[name] if self._has(name, leaves) else _NOTHING

    def _search(self, regexes: frozenset[int]) -> None:
        for number in regexes - self._searched:
            self._searched.add(number)
            for name, folded in self._fields.items():
                spans = _search(self._matcher.programs[number], folded)
                if spans:
                    self._spans[name][number] = spans
                    if name == "title" or number not in self._matcher.title_only:
                        self._found[name].add(number)

    def _near(self, step: _Near) -> list[Hit]:
        found: dict[Hit, None] = {}
        for name in self._fields:
            if not all(self._has(name, operand) for operand in step.operands):
                continue
            operands = [self._operand(name, operand) for operand in step.operands]
            found |= dict.fromkeys(_windows(operands, step.within))
        return list(found)

    def _operand(self, name: FieldName, operand: frozenset[int]) -> list[_Occurrence]:
        """Return where the operand stands, by word numbers, in order; of overlapping ones the shortest."""
        known = (name, id(operand))
        if known not in self._places:
            found = [o for number in self._present(name, operand) for o in self._numbered_in(name, number)]
            found.sort(key=_outward)
            kept: list[_Occurrence] = []
            for occurrence in found:
                while kept and kept[-1].last >= occurrence.last:
                    kept.pop()
                kept.append(occurrence)
            self._places[known] = kept
        return self._places[known]

    def _numbered_in(self, name: FieldName, number: int) -> list[_Occurrence]:
        """Return where a leaf stands by word numbers. All words and roots of a field are numbered in one pass over it."""
        if name not in self._numbers:
            words = {n: spans for n, spans in self._spans[name].items() if n not in self._searched}
            self._numbers[name] = _numbered_in_canon(name, self._fields[name].canon, words)
        numbered = self._numbers[name]
        if number not in numbered:
            hits = [Hit(name, *span, number) for span in self._spans[name][number]]
            numbered[number] = _numbered_in_plain(self._fields[name].word_starts, hits)
        return numbered[number]

    def matches(self, hits: Iterable[Hit]) -> tuple[Match, ...]:
        found = {}
        counts: Counter[tuple[FieldName, int]] = Counter()
        for hit in dict.fromkeys(hits):
            counts[hit.field, hit.leaf] += 1
            if counts[hit.field, hit.leaf] > MAX_HITS:
                continue
            folded = self._fields[hit.field]
            leaf = self._matcher.leaves[hit.leaf]
            start, end = hit.start, hit.end
            if not isinstance(leaf, RegexTerm):
                start, end = folded.plain_position(start), folded.plain_position(end - 1) + 1
            start, end = folded.text_span(start, end)
            key = (hit.field == "body", start, end, leaf.term)
            found[key] = Match(leaf.term, folded.text[start:end], start, end, hit.field)
        return tuple(found[key] for key in sorted(found))


class _Occurrence(NamedTuple):
    """An operand of a `near`, by the numbers of its first and last word in the field."""

    first: int
    last: int
    hit: Hit


def _outward(occurrence: _Occurrence) -> tuple[int, int]:
    return occurrence.first, -occurrence.last


def _numbered_in_canon(name: FieldName, canon: str, spans: dict[int, list[Span]]) -> dict[int, list[_Occurrence]]:
    found: dict[int, list[_Occurrence]] = {leaf: [] for leaf in spans}
    seen, number = 0, 0
    for start, end, leaf in sorted((start, end, leaf) for leaf, places in spans.items() for start, end in places):
        if start != seen:
            # A gap is one space, or " . ": two spaces and a dot.
            number += canon.count(" ", seen, start) - canon.count(".", seen, start)
            seen = start
        longer = canon.count(" ", start, end)
        if longer:
            longer -= canon.count(".", start, end)
        found[leaf].append(_Occurrence(number, number + longer, Hit(name, start, end, leaf)))
    return found


def _numbered_in_plain(word_starts: list[int], hits: list[Hit]) -> list[_Occurrence]:
    return [
        _Occurrence(max(bisect_right(word_starts, hit.start), 1), max(bisect_right(word_starts, hit.end - 1), 1), hit)
        for hit in hits
    ]


def _pairs(ones: list[_Occurrence], others: list[_Occurrence], within: int) -> Iterable[Hit]:
    """Yield what `_windows` yields, for the two operands that nearly every `near` has."""
    i = j = 0
    first, last, hit = ones[0]
    other_first, other_last, other_hit = others[0]
    while True:
        if (last if last > other_last else other_last) - (first if first < other_first else other_first) < within:
            yield hit
            yield other_hit
        if first <= other_first:
            i += 1
            if i == len(ones):
                return
            first, last, hit = ones[i]
        else:
            j += 1
            if j == len(others):
                return
            other_first, other_last, other_hit = others[j]


def _windows(operands: list[list[_Occurrence]], within: int) -> Iterable[Hit]:
    """Yield the hits of every narrowest stretch that holds one occurrence of each operand in `within` words.

    Each operand's occurrences rise by first and by last word. Always moving on the operand that starts first meets
    every narrowest stretch in one pass.
    """
    if len(operands) == 2:
        yield from _pairs(operands[0], operands[1], within)
        return
    heap = [(occurrences[0].first, which, 0) for which, occurrences in enumerate(operands)]
    heapify(heap)
    last = max(occurrences[0].last for occurrences in operands)
    while True:
        first, which, index = heap[0]
        if last - first < within:
            for _, other, at in heap:
                yield operands[other][at].hit
        if index + 1 == len(operands[which]):
            return
        following = operands[which][index + 1]
        last = max(last, following.last)
        heapreplace(heap, (following.first, which, index + 1))


def _search(program: Any, folded: Folded) -> list[Span]:
    squeezed = folded.squeezed
    hits = (match.span() for match in program.finditer(squeezed.text))
    return [
        squeezed.plain_span(start, end) for start, end in islice((span for span in hits if span[0] < span[1]), MAX_HITS)
    ]
