"""Match expressions as users write them, read into a tree of nodes; docs: "Match expressions" in the manual.

`parse_expression` is the only reader: the configuration checks with it, the matcher and the screen build on its tree.
A preset is expanded while reading. Imports nothing of ours but the words, the folding and the roots.
Its test is tests/pipelines/test_expressions.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from typing import Any

import re2

from crawler.errors import ExpressionError
from pipelines.folding import fold_character, words_of
from pipelines.morphology import Root, parse_root
from pipelines.tables import read_table

# No expression of a person nests deeper; a generated one must not reach Python's recursion limit.
MAX_DEPTH = 30
MAX_TERM_LENGTH = 500
MAX_WITHIN = 1000
# What RE2 may use to compile one expression; its own default is 8 MiB a program, more than a rule needs.
_RE2_MAX_BYTES = 2 << 20
# Words that are written with or without a full stop: "Pj Gubernur" is also "Pj. Gubernur".
_ABBREVIATIONS = frozenset(
    ("dr", "drs", "hj", "h", "ir", "kab", "kec", "kel", "no", "pj", "pjs", "plh", "plt", "prof", "prov", "sdr", "st")
)
# Each mark between the words of one phrase doubles the wordings to search for; further ones must be as written.
_MAX_LOOSE_GAPS = 4

_KEYS = ("all", "any", "none", "near", "within", "regex", "title", "preset")
_TERM = "a term, or a mapping with " + ", ".join(_KEYS[:-1]) + " or preset"
_REGEX_OPTIONS = re2.Options()
_REGEX_OPTIONS.case_sensitive = False
_REGEX_OPTIONS.log_errors = False
_REGEX_OPTIONS.max_mem = _RE2_MAX_BYTES


@dataclass(frozen=True, slots=True)
class Words:
    """The words in a row; with `prefix`, the last one may go on. `wordings`: as the folded text may have them."""

    term: str
    wordings: tuple[str, ...]
    prefix: bool
    title_only: bool


@dataclass(frozen=True, slots=True)
class RootTerm:
    """Every form of a root."""

    term: str
    root: Root
    title_only: bool


@dataclass(frozen=True, slots=True)
class RegexTerm:
    """A regular expression, searched without regard to case in the folded text, white space squeezed."""

    term: str
    title_only: bool


Leaf = Words | RootTerm | RegexTerm


@dataclass(frozen=True, slots=True)
class Near:
    """Every operand, each by one of its leaves, in a stretch of `within` words of one field."""

    operands: tuple[tuple[Leaf, ...], ...]
    within: int


@dataclass(frozen=True, slots=True)
class All:
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    children: tuple[Node, ...]


Node = All | AnyOf | NoneOf | Near | Leaf
Path = tuple[str | int, ...]
_GROUPS: dict[str, type[All] | type[AnyOf] | type[NoneOf]] = {"all": All, "any": AnyOf, "none": NoneOf}


def parse_expression(raw: object) -> Node:
    """Return the tree of an expression. Raises ExpressionError for the first part that is wrong."""
    reader = _Reader()
    node = reader.node(raw, (), title_only=False)
    if reader.problems:
        raise reader.problems[0]
    return node


def check_expression(raw: object) -> None:
    """Raise ExpressionError when the expression cannot be read."""
    parse_expression(raw)


def expression_problems(raw: object) -> list[ExpressionError]:
    """Return everything that is wrong with the expression, in its order."""
    reader = _Reader()
    reader.node(raw, (), title_only=False)
    return reader.problems


def leaves_of(node: Node) -> Iterator[Leaf]:
    """Yield every leaf of the tree, those under `none` too, in the order written."""
    if isinstance(node, All | AnyOf | NoneOf):
        for child in node.children:
            yield from leaves_of(child)
    elif isinstance(node, Near):
        for operand in node.operands:
            yield from operand
    else:
        yield node


_NOT_ASCII = re.compile(r"[^\x00-\x7f\ud800-\udfff]")  # half a character is RE2's to refuse


def compile_regex(pattern: str) -> Any:
    """Return the RE2 program for folded text. Raises re2.error when RE2 refuses the pattern.

    What is not ASCII is folded as the text is ("é" to "e", curly quotes to straight ones); escapes such as \\W stay as they are.
    """
    folded = _NOT_ASCII.sub(lambda found: fold_character(found[0]), pattern)
    return re2.compile(folded, _REGEX_OPTIONS)


@cache
def presets() -> Mapping[str, object]:
    """Return the shipped expressions by name, with presets inside them expanded by whoever reads them."""
    found: Mapping[str, object] = read_table("presets.yaml")
    return found


def resolve_presets(raw: Any) -> Any:
    """Return the expression with `preset: name` replaced by what it stands for; unknown names stay for the check."""
    if isinstance(raw, Mapping):
        rest = {key: resolve_presets(value) for key, value in raw.items()}
        name = rest.get("preset")
        if isinstance(name, str) and name in presets():
            del rest["preset"]
            preset = resolve_presets(presets()[name])
            return {"all": [preset, rest]} if rest else preset
        return rest
    return [resolve_presets(item) for item in raw] if isinstance(raw, list) else raw


# Stands where a part could not be read; never leaves a reader that found a problem.
_NOTHING = AnyOf(())


class _Reader:
    """Reads one expression, going on after a problem so that all of them are found."""

    def __init__(self) -> None:
        self.problems: list[ExpressionError] = []

    def node(self, raw: object, path: Path, *, title_only: bool) -> Node:
        try:
            return self._node(raw, path, title_only=title_only)
        except ExpressionError as problem:
            self.problems.append(problem)
            return _NOTHING

    def _node(self, raw: object, path: Path, *, title_only: bool) -> Node:
        if len(path) > MAX_DEPTH * 2:
            raise ExpressionError(path, "a deeper nesting", f"at most {MAX_DEPTH} levels")
        if isinstance(raw, bool) or raw is None:
            raise ExpressionError(path, raw, f"{_TERM}; quote the word if it is meant as one")
        if isinstance(raw, str | int):
            return _term(str(raw), path, title_only=title_only)
        if isinstance(raw, Mapping):
            return self._mapping(raw, path, title_only=title_only)
        if isinstance(raw, list):
            raise ExpressionError(path, "a list", "{any: [...]} or {all: [...]}, to say which is meant")
        raise ExpressionError(path, raw, _TERM)

    def _mapping(self, raw: Mapping[object, object], path: Path, *, title_only: bool) -> Node:
        if not raw:
            raise ExpressionError(path, "an empty mapping", _TERM)
        for key in raw:
            if key not in _KEYS:
                self.problems.append(ExpressionError((*path, str(key)), key, "one of " + ", ".join(_KEYS)))
        parts: list[Node] = []
        for group, kind in _GROUPS.items():
            if group in raw:
                parts.append(kind(self._children(raw[group], (*path, group), title_only=title_only)))
        if "near" in raw or "within" in raw:
            parts.append(self._near(raw, path, title_only=title_only))
        if "regex" in raw:
            parts.append(_regex(raw["regex"], (*path, "regex"), title_only=title_only))
        if "title" in raw:
            parts.append(self.node(raw["title"], (*path, "title"), title_only=True))
        if "preset" in raw:
            parts.append(self._preset(raw["preset"], (*path, "preset"), title_only=title_only))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _children(self, raw: object, path: Path, *, title_only: bool) -> tuple[Node, ...]:
        children = _list(raw, path, 1)
        return tuple(self.node(child, (*path, i), title_only=title_only) for i, child in enumerate(children))

    def _near(self, raw: Mapping[object, object], path: Path, *, title_only: bool) -> Near:
        if "near" not in raw:
            raise ExpressionError((*path, "within"), raw["within"], "within only together with near: [term, term]")
        within = raw.get("within")
        allowed = f"a whole number of words from 1 to {MAX_WITHIN}"
        if "within" not in raw:
            self.problems.append(ExpressionError((*path, "near"), "near without within", "within: " + allowed))
        elif not isinstance(within, int) or isinstance(within, bool) or not 1 <= within <= MAX_WITHIN:
            self.problems.append(ExpressionError((*path, "within"), within, allowed))
        operands: list[tuple[Leaf, ...]] = []
        for index, operand in enumerate(_list(raw["near"], (*path, "near"), 2)):
            here = (*path, "near", index)
            node = self.node(operand, here, title_only=title_only)
            parts = _alternatives(node)
            leaves = tuple(part for part in parts if isinstance(part, Words | RootTerm | RegexTerm))
            if len(leaves) < len(parts):
                self.problems.append(ExpressionError(here, "a mapping", "a term, a regex, or {any: [terms]}"))
            operands.append(leaves)
        return Near(tuple(operands), within if isinstance(within, int) else 1)

    def _preset(self, raw: object, path: Path, *, title_only: bool) -> Node:
        if not isinstance(raw, str) or raw not in presets():
            raise ExpressionError(path, raw, "one of " + ", ".join(presets()))
        return self.node(presets()[raw], path, title_only=title_only)


def _alternatives(node: Node) -> list[Node]:
    return [part for child in node.children for part in _alternatives(child)] if isinstance(node, AnyOf) else [node]


def _list(raw: object, path: Path, least: int) -> list[object]:
    if not isinstance(raw, list):
        raise ExpressionError(path, raw, "a list of terms")
    if len(raw) < least:
        found = "an empty list" if not raw else "a list of one"
        raise ExpressionError(path, found, f"at least {least} term{'s' if least > 1 else ''}")
    return raw


def _regex(raw: object, path: Path, *, title_only: bool) -> RegexTerm:
    if not isinstance(raw, str) or not raw:
        raise ExpressionError(path, raw, "a regular expression")
    try:
        program = compile_regex(raw)
    except re2.error as error:
        reason = error.args[0] if error.args else "not accepted"
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ExpressionError(path, raw, f"a regular expression in RE2 syntax ({text})") from None
    except UnicodeEncodeError:
        raise ExpressionError(path, raw, "a regular expression of valid text") from None
    if program.search("") is not None:
        raise ExpressionError(path, raw, "a regular expression that does not match nothing at all")
    return RegexTerm(raw, title_only)


def _term(raw: str, path: Path, *, title_only: bool) -> Leaf:
    if len(raw) > MAX_TERM_LENGTH:
        raise ExpressionError(path, raw[:40] + "…", f"at most {MAX_TERM_LENGTH} characters")
    text = raw.strip()
    if text.casefold().startswith("title:"):
        text, title_only = text[len("title:") :].strip(), True
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].strip()
    if text.startswith("~"):
        return _root(raw, text[1:], path, title_only=title_only)
    prefix = text.endswith("*")
    if prefix:
        text = text[:-1]
    if "*" in text or "~" in text or (prefix and not text[-1:].isalnum()):
        raise ExpressionError(path, raw, "* only right after the last word's beginning, ~ only before a root")
    wordings = _wordings(text)
    if not wordings:
        raise ExpressionError(path, raw, "a term with at least one letter or digit")
    return Words(raw, wordings, prefix, title_only)


def _root(raw: str, text: str, path: Path, *, title_only: bool) -> RootTerm:
    parts = words_of(text).split(" ")
    letters = all(part.isalpha() for part in parts) and len(parts[0]) >= 3
    doubled = len(parts) == 2 and "-" in text
    if not letters or not (len(parts) == 1 or doubled) or text != text.strip():
        raise ExpressionError(path, raw, "~ and one root of at least three letters, such as ~netral")
    return RootTerm(raw, parse_root(" ".join(parts)), title_only)


def _wordings(text: str) -> tuple[str, ...]:
    """Return how the folded text may have the phrase: a mark between two of its words may be there or not."""
    tokens = words_of(text).split(" ")
    words = [i for i, token in enumerate(tokens) if token not in ("", ".")]
    if not words:
        return ()
    gaps: list[tuple[str, ...]] = []
    loose = 0
    for here, there in pairwise(words):
        marked = there - here > 1
        if (marked or tokens[here] in _ABBREVIATIONS) and loose < _MAX_LOOSE_GAPS:
            loose += 1
            gaps.append((" ", " . "))
        else:
            gaps.append((" . ",) if marked else (" ",))
    first = tokens[words[0]]
    rest = [tokens[i] for i in words[1:]]
    return tuple(
        first + "".join(gap + word for gap, word in zip(choice, rest, strict=True)) for choice in product(*gaps)
    )
