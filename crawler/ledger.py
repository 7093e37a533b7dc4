"""What became of each entry that a source has listed, kept small: a source remembers a thousand of them, and most polls ask for none.

Packed, an entry is some twenty bytes of text instead of a hundred and fifty; unpacked only when somebody looks. Of the whole country's
polls nine in ten are answered with 304 and need nothing of it (docs/performance.md). Tests: tests/crawler/test_ledger.py.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

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

    __slots__ = ("_entries", "_text")

    def __init__(self, entries: Mapping[str, Known] | None = None, *, text: str = "") -> None:
        self._entries = dict(entries) if entries is not None else None if text else {}
        self._text: str | None = None if self._entries else text

    @property
    def text(self) -> str:
        """The whole of it in ASCII; "" for nothing."""
        if self._text is None:
            self._text = _packed(self._all)
        return self._text

    def entries(self) -> dict[str, Known]:
        """Return a copy to be changed."""
        return dict(self._all)

    def mentions(self, key: str) -> bool:
        """Return whether the key may be in it, without reading it all: a tenth of the time."""
        return key in self._entries if self._entries is not None else f'"{key}"'.encode() in _raw(self._text or "")

    @property
    def _all(self) -> dict[str, Known]:
        if self._entries is None:
            self._entries = _unpacked(self._text or "")
        return self._entries

    def __getitem__(self, key: str) -> Known:
        return self._all[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __bool__(self) -> bool:
        return bool(self._text) or bool(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._all

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Ledger):
            if self is other or (self._text and self._text == other._text):
                return True
            return bool(self) == bool(other) and self._all == other._all
        return self._all == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Ledger({self._all!r})"


def _packed(entries: Mapping[str, Known]) -> str:
    if not entries:
        return ""
    rows = {key: _row(item) for key, item in entries.items()}
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), LEVEL)).decode()


def _row(item: Known) -> list[object]:
    row: list[object] = [item.day, item.outcome, item.marks, item.changes]
    while len(row) > 2 and not row[-1]:
        row.pop()
    return row


def _raw(text: str) -> bytes:
    try:
        return zlib.decompress(base64.b64decode(text, validate=True)) if text else b""
    except (ValueError, zlib.error):
        return b""


def _unpacked(text: str) -> dict[str, Known]:
    try:
        return {key: Known(*row) for key, row in json.loads(_raw(text) or b"{}").items()}
    except (ValueError, TypeError, AttributeError):
        return {}
