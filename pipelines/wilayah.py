"""The regions of Indonesia by Kemendagri code: names, other spellings, and what lies in what.

Imports of ours: the folding. The tables are data/regions.csv and data/aliases.csv. Its test is
tests/pipelines/test_wilayah.py.
"""

from __future__ import annotations

import csv
import difflib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pipelines.folding import words_of

_CODE = re.compile(r"\d{2}(?:\.\d{2})?")
# How the press and offices shorten the level; folded, in front of the name.
_LEVELS = {
    "provinsi": "provinsi",
    "prov": "provinsi",
    "propinsi": "provinsi",
    "kabupaten": "kabupaten",
    "kab": "kabupaten",
    "kota": "kota",
    "kotamadya": "kota",
    "kodya": "kota",
}


class AmbiguousRegion(ValueError):
    """A name that a kota and a kabupaten share. `codes` are both."""

    def __init__(self, text: str, codes: tuple[str, ...]) -> None:
        super().__init__(f"{text!r} is {' or '.join(f'{region_name(code)} ({code})' for code in codes)}")
        self.codes = codes


@dataclass(frozen=True, slots=True)
class Region:
    """One row of regions.csv. `level`: provinsi, kabupaten or kota; `short_name` is the name without its level."""

    code: str
    level: str
    official_name: str
    short_name: str


def resolve_region(text: str) -> str | None:
    """Return the Kemendagri code that a name, another spelling or a code stands for, or None.

    A name that a province and a city share ("Bengkulu") means the province. Raises AmbiguousRegion for a name that
    only a kota and a kabupaten share ("Solok").
    """
    text = text.strip()
    if _CODE.fullmatch(text):
        return text if text in regions() else None
    level, name = _split_level(text)
    # "Pangkalpinang" is "Pangkal Pinang": the press does not agree on where such names part.
    codes = _codes_by_name().get(name) or _codes_by_joined_name().get(name.replace(" ", ""), ())
    if level:
        codes = tuple(code for code in codes if regions()[code].level == level)
    provinces = tuple(code for code in codes if len(code) == 2)
    codes = provinces or codes
    if len(codes) > 1:
        raise AmbiguousRegion(text, codes)
    return codes[0] if codes else None


def similar_regions(text: str) -> list[str]:
    """Return up to three official names that look like the text, best first."""
    _, name = _split_level(text)
    close = difflib.get_close_matches(name, _codes_by_name(), n=3, cutoff=0.75)
    return list(dict.fromkeys(regions()[code].official_name for found in close for code in _codes_by_name()[found]))[:3]


def region_name(code: str) -> str | None:
    """Return the official name of a code ("Kota Palembang"), or None where there is no such code."""
    region = regions().get(code)
    return region.official_name if region else None


def contains(outer_code: str, inner_code: str) -> bool:
    """Say whether the inner region is the outer one or a part of it: a province takes in its kabupaten and kota."""
    return inner_code == outer_code or inner_code.startswith(outer_code + ".")


@cache
def regions() -> dict[str, Region]:
    """Return every region by its code, in the order of the codes."""
    return {
        row["code"]: Region(row["code"], row["type"], row["official_name"], row["short_name"])
        for row in _rows("regions.csv")
    }


@cache
def _codes_by_name() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for region in regions().values():
        for name in (_name(region.short_name), _split_level(region.official_name)[1]):
            if region.code not in found.setdefault(name, []):
                found[name].append(region.code)
    for row in _rows("aliases.csv"):
        # An alias never takes a name away from the region that bears it officially.
        found.setdefault(_name(row["alias"]), [row["code"]])
    return {name: tuple(codes) for name, codes in found.items()}


@cache
def _codes_by_joined_name() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, codes in _codes_by_name().items():
        joined = name.replace(" ", "")
        found[joined] = tuple(dict.fromkeys((*found.get(joined, ()), *codes)))
    return found


def _rows(name: str) -> list[dict[str, str]]:
    text = files("pipelines").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _split_level(text: str) -> tuple[str | None, str]:
    name = _name(text)
    first, _, rest = name.partition(" ")
    if rest and first in _LEVELS:
        for title in ("administrasi ", "adm "):
            rest = rest.removeprefix(title)
        return _LEVELS[first], rest
    return None, name


def _name(text: str) -> str:
    return " ".join(word for word in words_of(text).split(" ") if word != ".")
