"""Can this page be about the topic at all? Answered without parsing it, so that most pages never are.

From the topic a condition is derived that every matching text fulfils: words and stems that must be there, joined by
and/or; what cannot be said so (`none`, most regular expressions) counts as fulfilled. It is tested on all that a page
may say (pipelines/markup.py), folded as the matcher folds: first as bare letters in a row, which is cheap, then, for
the few pages left, as whole words and without the headlines that a page links to. "No" is certain, "yes" is not.

Imports of ours: expressions, folding, markup. Its test is tests/pipelines/test_screen.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick, Implementation

from pipelines.expressions import All, AnyOf, Near, Node, NoneOf, RegexTerm, RootTerm, parse_expression
from pipelines.folding import Folded
from pipelines.markup import JOINT, Unreadable, readable_texts


@dataclass(frozen=True, slots=True)
class _Need:
    """One of the strings, or one of the parts (each a list that has to hold whole).

    A string is " word " for a whole word, " word" for a beginning, and bare letters for a stem.
    """

    strings: frozenset[str] = frozenset()
    parts: tuple[tuple[_Need, ...], ...] = ()


_ALWAYS = _Need(parts=((),))
# Words that tags part: they count as found wherever their letters are, for no boundary can be told.
_PARTED = re.compile(rf"[^\W_]++(?:{JOINT}++[^\W_]++)++")


class Screen:
    """The necessary condition of one topic. `cut_links` False also counts headlines that a page merely links to."""

    def __init__(self, topic: object, *, cut_links: bool = True) -> None:
        """Raises ExpressionError when the topic cannot be read."""
        self._need = _need_of(parse_expression(topic))
        self._cut_links = cut_links
        strings = sorted(_strings_of(self._need))
        self._words = _Strings({string: (string,) for string in strings})
        self._letters = _Strings({s.strip(): tuple(t for t in strings if t.strip() == s.strip()) for s in strings})

    def may_match(self, page: str) -> bool:
        """Say whether a title and body taken from this page (decoded, before any parsing) can match the topic."""
        return self.may_match_any((page,))

    def may_match_any(self, pages: Iterable[str]) -> bool:
        """Say whether a title and body from all of these together can match: pages of an article, titles, fragments."""
        if _holds(self._need, set()):
            return True
        pages = list(pages)
        try:
            return self._may_match(pages, self._letters_in, cut_links=False) and self._may_match(
                pages, self._words_in, cut_links=self._cut_links
            )
        except Unreadable:
            return True

    def _may_match(self, pages: list[str], strings_in: Callable[[str], set[str]], *, cut_links: bool) -> bool:
        found: set[str] = set()
        for page in pages:
            for text in readable_texts(page, cut_links=cut_links):
                found |= strings_in(text)
            if _holds(self._need, found):
                return True
        return False

    def _letters_in(self, text: str) -> set[str]:
        return self._letters.found_in(Folded(text.replace(JOINT, "")).letters)

    def _words_in(self, text: str) -> set[str]:
        folded = Folded(text)
        found = self._words.found_in(folded.letters.replace(".", " "))
        parted = " ".join(_PARTED.findall(folded.plain)).replace(JOINT, "")
        return found | self._letters.found_in(parted.casefold())


class _Strings:
    """Searches a text for strings, each of which stands for what the condition asks for."""

    def __init__(self, meanings: dict[str, tuple[str, ...]]) -> None:
        self._meanings = [frozenset(meaning) for meaning in meanings.values()]
        self._automaton = AhoCorasick(list(meanings), implementation=Implementation.DFA) if meanings else None

    def found_in(self, text: str) -> set[str]:
        if self._automaton is None or not text:
            return set()
        hits = {pattern for pattern, _, _ in self._automaton.find_matches_as_indexes(text, overlapping=True)}
        return set().union(*(self._meanings[pattern] for pattern in hits))


def _need_of(node: Node) -> _Need:
    if isinstance(node, NoneOf):
        return _ALWAYS
    if isinstance(node, AnyOf):
        return _any_of([_need_of(child) for child in node.children])
    if isinstance(node, All):
        return _all_of([_need_of(child) for child in node.children])
    if isinstance(node, Near):
        return _all_of([_any_of([_need_of(leaf) for leaf in operand]) for operand in node.operands])
    if isinstance(node, RegexTerm):
        return _all_of([_Need(frozenset({literal})) for literal in required_literals(node.term)])
    if isinstance(node, RootTerm):
        return _any_of([_letters(stem.split(" ")) for stem in node.root.stems])
    # Each word by itself: what stands between two words of a phrase (an advertisement) may be cut by cleaning.
    words = [f" {word} " for word in node.wordings[0].split(" ") if word != "."]
    if node.prefix:
        words[-1] = words[-1].rstrip(" ")
    return _letters(words)


def _letters(strings: list[str]) -> _Need:
    return _all_of([_Need(frozenset({string})) for string in strings])


def _all_of(needs: list[_Need]) -> _Need:
    needs = [need for need in dict.fromkeys(needs) if need != _ALWAYS]
    if not needs:
        return _ALWAYS
    return needs[0] if len(needs) == 1 else _Need(parts=(tuple(needs),))


def _any_of(needs: list[_Need]) -> _Need:
    if _ALWAYS in needs:
        return _ALWAYS
    strings = frozenset(string for need in needs for string in need.strings)
    # A longer string that holds a shorter one adds nothing to an "or", but costs hits.
    kept = frozenset(s for s in strings if not any(other != s and other in s for other in strings))
    parts = dict.fromkeys(part for need in needs for part in need.parts)
    return _Need(kept, tuple(parts))


def _strings_of(need: _Need) -> set[str]:
    return set(need.strings).union(*(_strings_of(inner) for part in need.parts for inner in part))


def _holds(need: _Need, found: set[str]) -> bool:
    if not need.strings.isdisjoint(found):
        return True
    return any(all(_holds(inner, found) for inner in part) for part in need.parts)


def search_words(topic: object) -> tuple[str, ...]:
    """Return words and phrases, as few as can be told, of which every match of the topic holds one; else none.

    For searches that an outlet offers: a stem stands for all forms of its root. Raises ExpressionError.
    """
    return tuple(sorted(_one_of(parse_expression(topic)) or ()))


def _one_of(node: Node) -> frozenset[str] | None:
    if isinstance(node, All | Near):
        children = node.children if isinstance(node, All) else [AnyOf(operand) for operand in node.operands]
        told = [words for child in children if (words := _one_of(child)) is not None]
        return min(told, key=len) if told else None
    if isinstance(node, AnyOf):
        sets = [_one_of(child) for child in node.children]
        return None if None in sets else frozenset().union(*(words for words in sets if words is not None))
    if isinstance(node, NoneOf):
        return None
    if isinstance(node, RegexTerm):
        literals = required_literals(node.term)
        return frozenset({max(literals, key=len)}) if literals else None
    if isinstance(node, RootTerm):
        return frozenset(node.root.stems)
    return frozenset({node.wordings[0].replace(" . ", " ")})


# What may stand in a pattern outside its literals; anything else ends the attempt.
_PATTERN_PART = re.compile(
    r"(?P<literal>[a-z0-9]+)|(?P<loose>[?*]|\{)|\+|\\[dwsbz](?:\{[\d,]+\}|[?*+])?\??|\\[.\-/,:;]|[ .,:;'\"_/^$-]"
)


def required_literals(pattern: str) -> list[str]:
    """Return letters in a row that every match of the pattern holds; none where the pattern is not a plain one.

    Groups, classes, alternatives and flags make a pattern not plain: then nothing is promised.
    """
    found: list[str] = []
    folded, at = pattern.lower(), 0
    while at < len(folded):
        part = _PATTERN_PART.match(folded, at)
        if part is None:
            return []
        at = part.end()
        if part["literal"]:
            found.append(part["literal"])
        elif part["loose"]:
            if part["loose"] == "{":
                at = folded.find("}", at) + 1
                if at == 0:
                    return []
            # The mark loosens only the last letter before it.
            if found and folded[part.start() - 1].isalnum():
                found[-1] = found[-1][:-1]
    return [literal for literal in found if len(literal) > 1]
