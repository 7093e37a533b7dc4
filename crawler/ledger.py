"""What became of each entry that a source has listed, kept small: a source remembers a thousand of them, and most polls ask for none.

Packed, an entry is some twenty bytes of text instead of a hundred and fifty, and most of the country's polls need nothing of it. A
listing that changed asks for fifty of its entries and brings one or two: those alone are read and written, the others stay the lines
that they are (docs/performance.md). Tests: tests/crawler/test_ledger.py.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, takewhile

LEVEL = (
    1  # the keys are random, so more effort gains little: 1.1 ms for 1,200 entries, 6 takes 3.5 ms for a twelfth less
)


@dataclass(frozen=True, slots=True)
class Known:
    """What became of an entry. `day` is the UTC day it was last listed (ISO).

    `marks` has one short digest for each listing that names it (by its place in `discover`): a changed one is an edit.
    """

    day: str
    outcome: str  # kept, off_topic, or the kind of a Rejection or error that is final
    marks: dict[str, str] = field(default_factory=dict)
    changes: int = 0  # how often a mark has changed; after LIMITS.max_changes that is no edit any more


class Ledger(Mapping[str, Known]):
    """Entry keys and what became of them; not to be changed. Equal to a mapping with the same contents.

    A text that is none of ours counts as empty: then the source is read as for the first time, and what is stored is found again.
    """

    __slots__ = ("_lines", "_text")

    def __init__(self, entries: Mapping[str, Known] | None = None, *, text: str = "") -> None:
        ordered = sorted((entries or {}).items(), key=lambda item: item[1].day)
        self._lines: dict[str, str] | None = {_name(key): _line(item) for key, item in ordered} or None
        self._text: str | None = None if self._lines else text

    @property
    def text(self) -> str:
        """The whole of it in ASCII; "" for nothing."""
        if self._text is None:
            self._text = _packed(self._all)
        return self._text

    @property
    def is_read(self) -> bool:
        """Whether anybody has looked what it says."""
        return self._lines is not None

    def updated(self, entries: Mapping[str, Known], earliest: str, most: int) -> Ledger:
        """Return it with these entries and without those that were last listed before a day, or before the newest so many.

        That is itself where nothing changes. The order of the days is taken to be that in which entries came: where a clock was
        put back, an old one stays until those before it go.
        """
        lines = self._all
        changed = {_name(key): _line(item) for key, item in entries.items()}
        changed = {key: line for key, line in changed.items() if lines.get(key) != line}
        kept = {key: line for key, line in lines.items() if key not in changed} | changed if changed else lines
        old = sum(1 for _ in takewhile(lambda line: _day(line) < earliest, kept.values()))
        old = max(old, len(kept) - most)
        if old > 0:
            kept = dict(islice(kept.items(), old, None))
        if kept is lines:
            return self
        made = Ledger()
        made._lines, made._text = kept, None
        return made

    def mentions(self, key: str) -> bool:
        """Return whether the key may be in it, without reading it all: a third of the time."""
        if self._lines is not None:
            return _name(key) in self._lines
        return f"\n{_name(key)}\t" in f"\n{_raw(self._text or '')}"

    @property
    def _all(self) -> dict[str, str]:
        """Its lines by the names of their keys, those listed last at the end."""
        if self._lines is None:
            self._lines = _unpacked(self._text or "")
        return self._lines

    def __getitem__(self, key: str) -> Known:
        return Known(*json.loads(f"[{self._all[_name(key)]}]"))

    def __iter__(self) -> Iterator[str]:
        return (json.loads(f'"{name}"') for name in self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __bool__(self) -> bool:
        return bool(self._text) or bool(self._lines)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and _name(key) in self._all

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Ledger):
            if self is other or (self._text and self._text == other._text):
                return True
            return bool(self) == bool(other) and self._all == other._all
        return dict(self) == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Ledger({dict(self)!r})"


def _name(key: str) -> str:
    """Return the key without what parts lines and their ends; a digest, which all of ours are, is as it is."""
    return key if key.isalnum() else json.dumps(key, ensure_ascii=False)[1:-1]


def _line(item: Known) -> str:
    row: list[object] = [item.day, item.outcome, item.marks, item.changes]
    while len(row) > 2 and not row[-1]:
        row.pop()
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))[1:-1]


def _day(line: str) -> str:
    return line[1:11]


def _packed(lines: Mapping[str, str]) -> str:
    if not lines:
        return ""
    text = "\n".join(f"{name}\t{line}" for name, line in lines.items())
    return base64.b64encode(zlib.compress(text.encode(), LEVEL)).decode()


def _raw(text: str) -> str:
    try:
        return zlib.decompress(base64.b64decode(text, validate=True)).decode() if text else ""
    except (ValueError, zlib.error):
        return ""


def _unpacked(text: str) -> dict[str, str]:
    try:
        return dict(line.split("\t", 1) for line in _raw(text).split("\n"))
    except ValueError:  # a line without a key
        return {}
