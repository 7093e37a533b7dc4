"""Where a story is: its province and its kabupaten or kota, with the evidence.

Every mention of a region counts for it by where it stands: dateline, the offices of title and lead ("Bawaslu Garut"),
title, body, the address; the outlet's own region comes last and only for the province. A story that a province's
office tells has no kabupaten or kota unless the title names one; a story of the whole country has no place.
Pure: same text, same answer.

Imports of ours: the gazetteer, the cues (for sentences), the folding. Its test is tests/pipelines/test_place.py.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

from pipelines.cues import sentences_of
from pipelines.folding import Folded
from pipelines.gazetteer import Level, Mention, mentions_in, tables
from pipelines.wilayah import regions

Where = Literal["dateline", "title", "lead", "body", "address", "outlet"]

# How much a mention says, by where it stands: (with an office before it, without).
_WEIGHT: dict[str, tuple[float, float]] = {
    "title": (6, 5),
    "lead1": (4, 2.5),
    "lead2": (3, 1.5),
    "lead": (2, 1),
    "body": (1, 0.4),
}
_DATELINE, _CAPITAL_DATELINE, _ADDRESS = 5.0, 3.0, 1.5
_BODY_AT_MOST = 2.0  # a place that is only mentioned often is not yet the story's
_BODY_CHARS = 5000
_LEAD_SENTENCES = 4
_MANY_PLACES = 4  # a lead that lists as many tells of the province
_DATELINE_CHARS = 90
# "PALEMBANG, KORAN.COM – ", "Makassar (ANTARA) - ", "KBRN, Sampit: ", "TEMPO.CO, Jakarta -"
_DATELINE_END = re.compile(
    r"\s[-–—|]{1,2}\s?|[–—|]|--|\s?\((?:ANTARA|Antara)\)|(?<=[A-Za-z])(?:,|:)\s(?=[A-Z\"“])|\)\s?[-–—]"
)
_KBRN = re.compile(r"^KBRN,\s*([^:]{3,40}):")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One mention that counted: what it says, where it stands and how much it says."""

    code: str
    text: str
    where: Where
    weight: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where the story is. `regency_code` is None for a story of the province, both for one of the whole country."""

    province_code: str | None
    regency_code: str | None
    why: tuple[Evidence, ...]


@dataclass(slots=True)
class _Tally:
    """What speaks for each code."""

    scores: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    body: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    in_title: set[str] = field(default_factory=set)
    offices: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    evidence: list[Evidence] = field(default_factory=list)

    def add(self, code: str, mention: Mention, where: Where, weight: float) -> None:
        if where == "body":
            weight = min(weight, _BODY_AT_MOST - self.body[code])
            self.body[code] += weight
        if where == "title":
            self.in_title.add(code)
        if mention.office:
            self.offices[code] = max(self.offices[code], weight)
        self.scores[code] += weight
        self.evidence.append(Evidence(code, mention.name, where, weight))


def find_place(title: str, body: str, *, outlet_region: str | None = None, url: str = "") -> Place:
    """Return the place of the story. `outlet_region` is the outlet's code; `url` the article's address."""
    dateline, rest = _split_dateline(body[:_BODY_CHARS])
    sentences = list(sentences_of(rest))
    found: list[tuple[Mention, Where, float]] = [*_of_dateline(dateline), *_of_title(title)]
    for number, sentence in enumerate(sentences):
        where: Where = "lead" if number < _LEAD_SENTENCES else "body"
        key = f"lead{number + 1}" if number < 2 else where
        found += [(m, where, _WEIGHT[key][0 if m.office else 1]) for m in mentions_in(sentence)]
    found += _of_address(url)
    hint = _level_hint(" ".join((title, *sentences[:8])))
    tally = _Tally()
    levels = _levels_by_name(found)
    for mention, where, weight in found:
        code = _resolve(mention, levels, hint, where, outlet_region)
        if code:
            tally.add(code, mention, where, weight * (0.8 if mention.seat else 0.35 if mention.part else 1))
    return _choose(tally, title, sentences, dateline, outlet_region)


def _split_dateline(body: str) -> tuple[str, str]:
    """Return what stands before the first dash of the body, if it is a dateline, and the rest."""
    start = body[:_DATELINE_CHARS].split("\n")[0]
    kbrn = _KBRN.match(start)
    if kbrn:
        return kbrn[1], body[kbrn.end() :]
    for end in _DATELINE_END.finditer(start):
        head = start[: end.start()]
        if len(head.split()) > 7:
            break
        if end[0].strip() in (",", ":"):
            continue
        if head and mentions_in(head):
            return head, body[end.end() :]
    return "", body


def _of_dateline(dateline: str) -> list[tuple[Mention, Where, float]]:
    capitals = tables().words["capitals"]
    found: list[tuple[Mention, Where, float]] = []
    for mention in mentions_in(dateline):
        if mention.codes == ("31",):
            continue  # where the national desks write
        weight = _CAPITAL_DATELINE if capitals & set(mention.codes) else _DATELINE
        found.append((mention, "dateline", weight))
    return found[:1]


def _of_title(title: str) -> list[tuple[Mention, Where, float]]:
    return [(m, "title", _WEIGHT["title"][0 if m.office else 1]) for m in mentions_in(title)]


def _of_address(url: str) -> list[tuple[Mention, Where, float]]:
    slug = re.sub(r"[^a-z]+", " ", unquote(urlsplit(url).path[-300:]).lower())
    return [(m, "address", _ADDRESS) for m in mentions_in(slug, as_name=False)]


def _level_hint(text: str) -> Level | None:
    """Return whether the text speaks of a kota's or a kabupaten's offices, by count; None for a draw."""
    canon, words = Folded(text).canon, tables().words
    kota = sum(canon.count(f" {word} ") for word in words["kota_words"])
    kabupaten = sum(canon.count(f" {word} ") for word in words["kabupaten_words"])
    return "kota" if kota > kabupaten else "kabupaten" if kabupaten > kota else None


def _levels_by_name(found: list[tuple[Mention, Where, float]]) -> dict[str, Level]:
    """Return for each name the level that its mentions say most strongly."""
    said: dict[str, dict[Level, float]] = defaultdict(lambda: defaultdict(float))
    for mention, _, weight in found:
        if mention.level:
            said[_stem(mention.name)][mention.level] += weight
    return {name: max(levels, key=lambda level: levels[level]) for name, levels in said.items()}


def _stem(name: str) -> str:
    return name.removeprefix("kota ").removeprefix("kabupaten ")


def _resolve(
    mention: Mention, levels: dict[str, Level], hint: Level | None, where: Where, outlet_region: str | None
) -> str | None:
    """Return which of its codes a mention means."""
    codes = mention.codes
    if len(codes) == 1:
        region = regions()[codes[0]]
        if mention.level == "provinsi" and region.level != "provinsi":
            return codes[0][:2] if _stem(mention.name) == mention.name else codes[0]
        return codes[0]
    by_level = {regions()[code].level: code for code in codes}
    wanted = mention.level or levels.get(_stem(mention.name))
    if wanted in by_level:
        return by_level[wanted]
    if "provinsi" in by_level:
        # "Bengkulu" alone is the province; its city needs to be called one.
        return by_level["provinsi"]
    return by_level.get(hint or "kota", codes[0])


def _choose(tally: _Tally, title: str, sentences: list[str], dateline: str, outlet_region: str | None) -> Place:
    why = tuple(sorted(tally.evidence, key=lambda e: -e.weight)[:12])
    regencies = {code: score for code, score in tally.scores.items() if "." in code}
    provinces = {code: score for code, score in tally.scores.items() if "." not in code}
    ranked = sorted(regencies, key=lambda code: -regencies[code])
    best = ranked[0] if ranked else None
    province = max(provinces, key=lambda code: provinces[code], default=None)
    told = {evidence.where for evidence in tally.evidence}
    if told <= {"dateline"} and _is_national(title, sentences, dateline):
        return Place(None, None, why)
    if best and _is_of_province(best, ranked, regencies, tally):
        return Place(_province_of(best, province, provinces, regencies), None, why)
    if (
        best
        and regencies[best] >= 1.5
        and not (province and provinces[province] > regencies[best] * 1.6 and province != best[:2])
    ):
        return Place(best[:2], best, why)
    if province and provinces[province] >= 1.5:
        return Place(province, None, why)
    if _is_national(title, sentences, dateline):
        return Place(None, None, why)
    if best:
        return Place(best[:2], best, why)
    if province:
        return Place(province, None, why)
    return Place(outlet_region[:2] if outlet_region else None, None, why)


def _province_of(best: str, province: str | None, provinces: dict[str, float], regencies: dict[str, float]) -> str:
    if province and provinces[province] >= regencies[best] * 0.6:
        return province
    return best[:2]


def _is_of_province(best: str, ranked: list[str], regencies: dict[str, float], tally: _Tally) -> bool:
    """Say whether the story is the province's although it names a kabupaten or kota."""
    if best in tally.in_title:
        rival = next((code for code in ranked[1:] if code in tally.in_title), None)
        return rival is not None and regencies[rival] > 0.8 * regencies[best]
    office = max((weight for code, weight in tally.offices.items() if "." not in code), default=0.0)
    named = max(
        (score for code, score in tally.scores.items() if "." not in code and code in tally.in_title), default=0.0
    )
    own = tally.offices[best]
    if office >= 4 and office > own:
        return True
    if named and not own:
        return True
    near = [code for code in ranked if regencies[code] >= 1]
    return len(near) >= _MANY_PLACES and regencies[best] < 4


def _is_national(title: str, sentences: list[str], dateline: str) -> bool:
    words = tables().words["national"]
    canon = Folded(" ".join((title, *sentences[:3]))).canon
    return (
        any(f" {word} " in canon for word in words)
        or "jakarta" in dateline.lower()
        or bool(re.search(r" (?:\d+|belasan|puluhan) provinsi ", canon))
    )
