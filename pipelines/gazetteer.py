"""Names of regions in a text: every mention with the codes it may mean and what stands around it.

A mention is a name of regions.csv, aliases.csv or places.yaml, the longest at its place, written as a name (not in lower
case). `Mention.level` is what the office before it says ("Pemkot" kota, "Bupati" kabupaten); names that are also words
or persons count only after an office or a preposition. Which place a story is in is decided in pipelines/place.py.

Imports of ours: the folding, wilayah. Its test is tests/pipelines/test_place.py.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from ahocorasick_rs import AhoCorasick, Implementation

from pipelines.folding import Folded, words_of
from pipelines.tables import read_table
from pipelines.wilayah import regions

Level = Literal["provinsi", "kabupaten", "kota"]
# How far before a name the words that judge it may stand: "Kantor Regional VI BKN Medan", "Pj Wali Kota Batu".
_WORDS_BEFORE = 3
_BARE_LEVELS = frozenset({"kota", "kotamadya", "kabupaten", "kab", "provinsi", "prov", "propinsi"})


@dataclass(frozen=True, slots=True)
class Mention:
    """One name in a text and the codes it may mean.

    `level`: what stands before it says. `office`: an office or institution does ("Bawaslu", "Bupati"). `bare`: nothing
    vouches for it, neither an office nor a preposition. `part`: a camat or lurah stands before it, so it may be the name of
    a part. `seat`: the town of an office, not the region's own name.
    """

    name: str
    codes: tuple[str, ...]
    level: Level | None
    office: bool
    bare: bool
    part: bool
    seat: bool
    start: int


@dataclass(frozen=True, slots=True)
class Tables:
    """What is known of places: names with their codes, and the word lists of places.yaml."""

    names: dict[str, tuple[str, ...]]
    seats: frozenset[str]
    words: dict[str, frozenset[str]]
    automaton: AhoCorasick
    order: tuple[str, ...]


@cache
def tables() -> Tables:
    """Return what is known of places, read once."""
    raw: dict[str, Any] = read_table("places.yaml")
    names: dict[str, tuple[str, ...]] = {}
    for region in regions().values():
        short, official = folded_name(region.short_name), folded_name(region.official_name)
        for name in dict.fromkeys((short, official, short.replace(" ", ""))):
            names[name] = (*names.get(name, ()), region.code)
    for row in csv.DictReader(_text("aliases.csv").splitlines()):
        names.setdefault(folded_name(row["alias"]), (row["code"],))
    names["yogyakarta"] = ("34", "34.71")  # the province's usual name and the city's own
    for code, spellings in raw.pop("variants").items():
        names |= {folded_name(spelling): (code,) for spelling in spellings if folded_name(spelling) not in names}
    seats = set()
    for code, towns in raw.pop("seats").items():
        for name in map(folded_name, towns):
            if name not in names:
                names[name] = (code,)
                seats.add(name)
    order = tuple(names)
    automaton = AhoCorasick([f" {name} " for name in order], implementation=Implementation.DFA)
    capitals = frozenset(raw.pop("capitals"))
    words = {key: frozenset(folded_name(str(word)) for word in value) for key, value in raw.items()}
    return Tables(names, frozenset(seats), {**words, "capitals": capitals}, automaton, order)


def mentions_in(text: str, *, as_name: bool = True) -> list[Mention]:
    """Return the regions that a text names, in its order. With `as_name` False (an address) letter case does not count."""
    known = tables()
    folded = Folded(text)
    canon = folded.canon
    spans = [
        (start, end, known.order[number])
        for number, start, end in known.automaton.find_matches_as_indexes(canon, overlapping=True)
    ]
    spans.sort(key=lambda span: (span[0], -span[1]))
    found, reach = [], 0
    for start, end, name in spans:
        if end - 1 <= reach:
            continue
        reach = end - 1
        if as_name and not _written_as_name(folded, start + 1, end - 2, name, known):
            continue
        mention = _judge(canon, start, end, name, known)
        if mention and (as_name or not mention.bare or name not in known.words["risky"]):
            found.append(mention)
    return found


def _written_as_name(folded: Folded, first: int, last: int, name: str, known: Tables) -> bool:
    plain = folded.plain[folded.plain_position(first) : folded.plain_position(last) + 1]
    return plain.isupper() if name in known.words["capitals_only"] else plain[:1].isupper()


def _judge(canon: str, start: int, end: int, name: str, known: Tables) -> Mention | None:
    """Return the mention as what stands around it lets it be, or None where it is no region there."""
    words = known.words
    before = canon[max(0, start - 60) : start].rpartition(" . ")[2].split()[-_WORDS_BEFORE:]
    after = canon[end : end + 20].split(" ")[0]
    level, rest = _level_of(name, before, words)
    tail = rest[-1] if rest else ""
    pair = " ".join(rest[-2:])
    office = level_word = False
    for kind in ("kota", "kabupaten", "provinsi", "any"):
        if {tail, pair} & words[kind]:
            office, level_word = True, kind != "any"
            if level is None and level_word:
                level = kind  # type: ignore[assignment]
            break
    if tail == "wali" and level == "kota":
        office = True
    part = not office and level is None and tail in words["parts"]
    alone = not office and level is None
    if alone and not part and ({tail, pair} & words["not_after"] or set(before) & words["not_near"]):
        return None
    if (alone or name in words["risky"]) and after in words["not_before"] and not name.endswith(after):
        return None
    vouched = office or level is not None or tail in words["prepositions"]
    vouched = vouched and not part
    if name in words["risky"] and not vouched and before:
        return None
    return Mention(name, known.names[name], level, office, not vouched, part, name in known.seats, start)


def _level_of(name: str, before: list[str], words: dict[str, frozenset[str]]) -> tuple[Level | None, list[str]]:
    """Return the level that the name or a bare level word before it says, and the words before that."""
    levels: dict[str, Level] = {"kotamadya": "kota", "kab": "kabupaten", "prov": "provinsi", "propinsi": "provinsi"}
    first = name.partition(" ")[0]
    if first in ("kota", "kabupaten") and name not in words["risky"]:
        return levels.get(first, first), before  # type: ignore[arg-type]
    if before and before[-1] in _BARE_LEVELS and " ".join(before[-2:]) != "wali kota":
        word = before[-1]
        return levels.get(word, word), before[:-1]  # type: ignore[arg-type]
    return None, before


def folded_name(text: str) -> str:
    """Return a name as it stands in folded text, its marks left out."""
    return " ".join(word for word in words_of(text).split(" ") if word != ".")


def _text(name: str) -> str:
    return files("pipelines").joinpath("data", name).read_text(encoding="utf-8")
