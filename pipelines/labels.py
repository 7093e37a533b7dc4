"""What kind of story an article tells (its category) and what else it is about (its flags), with the reasons.

The category is the strongest new event of title and lead that is told as having happened: sanksi, proses, dugaan, data,
regulasi, imbauan, in this order; `lain` for what is not about the neutrality of civil servants. All seven are decided
by the cues of data/cues.yaml and the guards of pipelines/cues.py: same text, same answer, no clock and no model.

Imports of ours: the words, the cues. Its test is tests/pipelines/test_labels.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from crawler.items import Category
from pipelines.cues import (
    LEAD_CHARS,
    LEAD_SENTENCES,
    Cue,
    FieldName,
    Sentence,
    guard_of,
    read_body,
    read_sentence,
    read_title,
)

FLAGS = (
    *("kades", "honorer", "tni-polri"),
    *("terbukti", "tidak-terbukti", "dihentikan", "nihil", "ikrar"),
    *("pilkada", "pemilu", "pileg", "pilpres", "psu", "pilkades"),
)
"""Every flag there is, in the order in which an article has them; docs/columns.md explains each."""

_STRENGTH: dict[str, int] = {"sanksi": 6, "proses": 5, "dugaan": 4, "data": 3, "regulasi": 2, "imbauan": 1, "lain": 0}
_NUMBER = r"(?:\d[\d.]*|belasan|puluhan|ratusan|ribuan|(?:dua|tiga|empat|lima|enam|tujuh|delapan|sembilan)(?: belas| puluh)?|sepuluh|sebelas)"
_CASES = re.compile(
    rf" {_NUMBER}(?: \w+)? (?:kasus|perkara|laporan|aduan|pengaduan|pelanggaran|temuan|dugaan pelanggaran|dugaan) "
)
_PEOPLE = re.compile(
    rf" ({_NUMBER})(?: \w+)? (?:asn|pns|pppk|pegawai|aparatur|abdi negara|camat|lurah|pejabat|guru|kepala \w+) "
)
_MANY = re.compile(r"belasan|puluhan|ratusan|ribuan|\d{2,}|\d\.\d|puluh")
_SPAN_OF_TIME = re.compile(r" (?:sepanjang|selama|hingga|sejak|total|tercatat|mencatat|catat|per) ")
_COUNTED_RULES = re.compile(
    r" (?:\d+|dua|tiga|empat|lima|enam|tujuh|delapan|sembilan|sepuluh|sebelas|dua belas|deretan|sederet|daftar|macam) (?:\w+ )?(?:larangan|sanksi|aturan|jenis|bentuk|poin|hal|dilarang|hukuman) "
)
_PUBLISHING = frozenset(
    ("terbitkan", "menerbitkan", "keluarkan", "mengeluarkan", "luncurkan", "meluncurkan", "sosialisasikan", "bentuk")
)
_CASE_CATEGORIES = ("sanksi", "proses", "dugaan")


@dataclass(frozen=True, slots=True)
class Reason:
    """One piece of evidence. `guard`: what took the event back ("conditional: jika"), or None where it counted."""

    category: str
    cue: str
    sentence: str
    field: FieldName
    guard: str | None = None


@dataclass(frozen=True, slots=True)
class Labels:
    """What `label` found; `why` has first what decided, then what was seen and did not count."""

    category: Category
    flags: tuple[str, ...]
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class _Event:
    category: str
    strong: bool
    sentence: Sentence
    cue: Cue
    guard: str | None

    def reason(self) -> Reason:
        return Reason(self.category, self.cue.text, self.sentence.text, self.sentence.field, self.guard)


def label(title: str, body: str, *, on_topic: bool = False) -> Labels:
    """Return the category and the flags of an article. An empty body is well: a headline alone has a category too.

    `on_topic`: the topic's expression has matched, so that it is about civil servants and elections needs no words here.
    """
    head, sentences = read_title(title), read_body(body)
    lead = _lead_of(sentences)
    flags = _flags(head + lead, sentences, title, body)
    other = _not_our_subject(head, lead, sentences, on_topic=on_topic)
    if other:
        return Labels("lain", flags, (other,))
    decision, evidence = _decide(head, lead, sentences)
    why = [event.reason() for event in evidence if event.category == decision and event.guard is None]
    why += [event.reason() for event in evidence if event.guard is not None]
    return Labels(decision, flags, tuple(dict.fromkeys(why))[:20])


def _lead_of(sentences: list[Sentence]) -> list[Sentence]:
    lead: list[Sentence] = []
    chars = 0
    for sentence in sentences[:LEAD_SENTENCES]:
        if lead and chars + len(sentence.text) > LEAD_CHARS:
            break
        chars += len(sentence.text)
        lead.append(sentence)
    return lead


# ---- is it about civil servants at all ----------------------------------------------------------------------------------

_CIVIL = ("actor.asn", "actor.office", "actor.kades", "actor.honorer")
_OTHERS = ("actor.tni-polri", "actor.organiser")


def _not_our_subject(
    head: list[Sentence], lead: list[Sentence], sentences: list[Sentence], *, on_topic: bool
) -> Reason | None:
    """Return why the article is no news of the neutrality of civil servants, or None where it is."""
    near, every = head + lead, head + sentences
    title = head[0].text if head else ""
    if any(s.cues and s.cues[0].group == "lain.opinion" for s in head):
        return Reason("lain", "opinion", title, "title")
    if not on_topic and not any(s.has(*_CIVIL) for s in every):
        return Reason("lain", "no civil servant", title, "title")
    if not on_topic and not any(s.has("topic.neutral", "topic.election", "acts") for s in every):
        return Reason("lain", "no neutrality and no election", title, "title")
    for sentence in head:
        cue = sentence.first(*_OTHERS)
        only_others = cue and sentence.has("topic.neutral") and not sentence.has(*_CIVIL)
        if cue and only_others and not any(s.has(*_CIVIL) and s.has("topic.neutral", "acts") for s in lead):
            return Reason("lain", cue.text, title, "title")
        staffing = sentence.first("lain.staffing")
        case = sentence.has("sanksi.strong", "proses.strong", "dugaan.strong")
        if staffing and not case and not any(s.has("topic.neutral", "acts") for s in near):
            return Reason("lain", staffing.text, title, "title")
    return None


# ---- what happened ------------------------------------------------------------------------------------------------------

_EVENTS = {
    "sanksi.strong": ("sanksi", True),
    "sanksi.ended": ("sanksi", True),
    "sanksi.cleared": ("sanksi", True),
    "sanksi.proven": ("sanksi", False),
    "proses.strong": ("proses", True),
    "dugaan.strong": ("dugaan", True),
    "dugaan.weak": ("dugaan", False),
    "acts": ("dugaan", False),
    "data.strong": ("data", True),
    "regulasi.strong": ("regulasi", True),
    "imbauan.strong": ("imbauan", True),
    "imbauan.ikrar": ("imbauan", True),
    "imbauan.weak": ("imbauan", False),
}


def _events_of(sentence: Sentence) -> list[_Event]:
    found = []
    for cue in sentence.cues:
        if cue.group not in _EVENTS:
            continue
        category, strong = _EVENTS[cue.group]
        guard = guard_of(sentence, cue)
        if category in ("data", "imbauan") or (category == "regulasi" and guard and not guard.startswith("past")):
            guard = None
        if not strong and category == "dugaan" and not sentence.has(*_CIVIL):
            guard = guard or "nobody named"
        found.append(_Event(category, strong, sentence, cue, guard))
    return found


def _held(events: Iterable[_Event], *categories: str, strong: bool = True) -> list[_Event]:
    return [e for e in events if e.guard is None and e.category in categories and (e.strong or not strong)]


def _strongest(events: list[_Event]) -> _Event | None:
    return max(events, key=lambda e: _STRENGTH[e.category], default=None)


def _counts(sentence: Sentence) -> str | None:
    """Return "cases" or "many" where the sentence counts cases or a multitude of people, else None."""
    if _CASES.search(sentence.canon):
        return "cases"
    people = _PEOPLE.search(sentence.canon)
    return "many" if people and _MANY.search(people[1]) else None


def _decide(head: list[Sentence], lead: list[Sentence], sentences: list[Sentence]) -> tuple[Category, list[_Event]]:
    of_title = [event for sentence in head for event in _events_of(sentence)]
    of_lead = [event for sentence in lead for event in _events_of(sentence)]
    of_body = [event for sentence in sentences[len(lead) :] for event in _events_of(sentence)]
    evidence = of_title + of_lead
    found = _by_title(head[0], of_title, of_lead) if head else None
    if found is None:
        found = _by_lead(lead, of_lead)
    if found is None:
        found = _by_rest(evidence, of_body)
        evidence = evidence + of_body
    return found, evidence


def _by_title(title: Sentence, events: list[_Event], of_lead: list[_Event]) -> Category | None:
    """Return the category that the headline decides (with the lead's help), or None where it leaves it open."""
    case = _strongest(_held(events, *_CASE_CATEGORIES))
    counted = _counts(title)
    if _held(events, "data") and not (case and case.category != "dugaan"):
        return "data"
    if (
        counted
        and not (case and case.category == "proses")
        and not title.has("imbauan.strong", "imbauan.ikrar", "regulasi.strong")
    ):
        if case and case.category == "sanksi" and not _SPAN_OF_TIME.search(title.canon):
            return "sanksi"
        if _held(events, "dugaan", "sanksi", strong=False) or title.has("data.counting"):
            return "data"
    if case:
        return _with_lead(case.category, of_lead)
    if _COUNTED_RULES.search(title.canon) or _sets_rules(title):
        return "regulasi"
    if _held(events, "imbauan") or _threatens(events):
        return "imbauan"
    weak = _strongest(_held(events, "sanksi", "dugaan", strong=False))
    if weak and weak.category == "sanksi":
        step = _held(of_lead, "proses") and not _held(of_lead, "sanksi")
        return "proses" if step else "sanksi"
    if _held(events, "imbauan", strong=False) and title.has("topic.neutral"):
        return None if _held(of_lead, *_CASE_CATEGORIES) else "imbauan"
    if weak:
        return _with_lead("dugaan", of_lead)
    return None


def _sets_rules(sentence: Sentence) -> bool:
    """Say whether a rule is the news: named before anybody asks for anything ("Minta ASN Patuhi Surat Edaran" is no rule)."""
    rule, asking = sentence.first("regulasi.strong"), sentence.first("imbauan.strong")
    if rule is None or guard_of(sentence, rule, past_only=True):
        return False
    return asking is None or rule.start < asking.start or rule.text.partition(" ")[0] in _PUBLISHING


def _threatens(events: list[_Event]) -> bool:
    """Say whether a punishment is only threatened."""
    return any(e.category == "sanksi" and (e.guard or "").startswith(("modal", "conditional")) for e in events)


def _with_lead(category: str, of_lead: list[_Event]) -> Category:
    """Return the category of a case, or the stronger one that the lead tells of it."""
    best = _strongest(_held(of_lead, "sanksi", "proses"))
    if best and _STRENGTH[best.category] > _STRENGTH[category]:
        return best.category  # type: ignore[return-value]
    return category  # type: ignore[return-value]


def _by_lead(lead: list[Sentence], of_lead: list[_Event]) -> Category | None:
    """Return the category of the first sentence of the lead that has one; a case goes on to the strongest step told."""
    for sentence in lead:
        events = [event for event in of_lead if event.sentence is sentence]
        case = _strongest(_held(events, *_CASE_CATEGORIES))
        if _held(events, "data") and not (case and case.category != "dugaan"):
            return "data"
        if _counts(sentence) and not (case and case.category != "dugaan") and sentence.has("data.counting"):
            return "data"
        if case:
            return _with_lead(case.category, of_lead)
        if _sets_rules(sentence):
            return "regulasi"
        if _held(events, "imbauan") or _threatens(events):
            return "imbauan"
    return None


def _by_rest(evidence: list[_Event], of_body: list[_Event]) -> Category:
    """Return what the weak cues say: an act told of a civil servant, or else an exhortation."""
    weak = _strongest(_held(evidence, "sanksi", "dugaan", strong=False))
    if weak:
        return _with_lead(weak.category, of_body)
    best = _strongest(_held(of_body, "proses", "dugaan", "data", "regulasi"))
    return best.category if best and not _held(evidence, "imbauan", strong=False) else "imbauan"  # type: ignore[return-value]


# ---- flags --------------------------------------------------------------------------------------------------------------

_OUTCOMES = {"terbukti": "sanksi.proven", "tidak-terbukti": "sanksi.cleared", "dihentikan": "sanksi.ended"}


def _flags(near: list[Sentence], sentences: list[Sentence], title: str, body: str) -> tuple[str, ...]:
    found = set()
    for flag in ("kades", "honorer", "tni-polri"):
        group = f"actor.{flag}"
        if any(s.has(group) for s in near) or sum(s.has(group) for s in sentences) > 1:
            found.add(flag)
    every = [s for s in near if s.field == "title"] + sentences
    for flag, group in _OUTCOMES.items():
        if any(cue.group == group and _told(s, cue) for s in every for cue in s.cues):
            found.add(flag)
    if any(s.has("guard.nihil") for s in every) and "terbukti" not in found:
        found.add("nihil")
    if any(s.has("imbauan.ikrar") for s in near):
        found.add("ikrar")
    text = read_sentence("body", f"{title}\n{body[:6000]}")
    found |= {cue.group.partition(".")[2] for cue in text.cues if cue.group.startswith("election.")} - {"none"}
    return tuple(flag for flag in FLAGS if flag in found)


def _told(sentence: Sentence, cue: Cue) -> bool:
    """Say whether an outcome is told as a fact, be it of an earlier case."""
    guard = guard_of(sentence, cue)
    return guard is None or guard.startswith(("past", "background"))
