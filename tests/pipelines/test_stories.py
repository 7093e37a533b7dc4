"""Copies, retellings and what follows from a case; pairs of tests/quality/stories.txt as the gate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest

from crawler.items import Traits
from pipelines.dedupe import sign
from pipelines.labels import label
from pipelines.stories import (
    THRESHOLD,
    Candidate,
    Telling,
    decide_story,
    keys_of,
    lookup_keys,
    rises,
    sameness,
    strongest,
)
from pipelines.traits import traits_of
from tests.pipelines.conftest import BODY, NOW

FIRST = datetime(2024, 10, 14, 3, tzinfo=UTC)
OWN = Telling(Traits(), bytes.fromhex(sign(BODY)), "16.71", "dugaan", NOW)
EDITED = replace(OWN, signature=bytes.fromhex(sign(BODY.replace("Alinea ke-3", "Sementara itu alinea ketiga"))))
OTHER = replace(OWN, signature=bytes.fromhex(sign(" ".join(f"lain{n} cerita{n}" for n in range(100)))))


def test_without_candidates_it_is_a_new_story() -> None:
    assert decide_story(OWN, []) is None


def test_a_copy_joins_and_an_unrelated_text_does_not() -> None:
    assert decide_story(OWN, [Candidate(4, OTHER), Candidate(7, EDITED)]) == 7
    assert decide_story(OWN, [Candidate(4, OTHER)]) is None


def test_the_most_similar_wins_and_the_older_story_on_a_tie() -> None:
    assert decide_story(OWN, [Candidate(3, EDITED), Candidate(9, OWN)]) == 9
    assert decide_story(OWN, [Candidate(9, OWN), Candidate(3, OWN)]) == 3


def test_a_copy_after_a_month_is_another_story() -> None:
    assert decide_story(replace(OWN, at=NOW + timedelta(days=31)), [Candidate(3, OWN)]) is None


def test_a_story_has_the_strongest_category_and_rises_by_steps() -> None:
    assert strongest(["imbauan", None, "proses", "data"]) == "proses"
    assert strongest([]) is None
    assert rises("imbauan", "dugaan")
    assert rises("dugaan", "sanksi")
    assert not rises(None, "sanksi")
    assert not rises("proses", "dugaan")
    assert not rises("lain", "imbauan")


@dataclass(frozen=True)
class Told:
    event: str
    split: str
    telling: Telling


def told() -> Iterator[Told]:
    text = (Path(__file__).parent.parent / "quality" / "stories.txt").read_text("utf-8")
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        if not lines:
            continue
        event, split, hours, place, category, title = (part.strip() for part in lines[0].split("|"))
        body, at = "\n\n".join(lines[1:]), FIRST + timedelta(hours=float(hours))
        found = label(title, body).category
        yield Told(
            event,
            split,
            Telling(
                traits_of(title, body, at),
                bytes.fromhex(sign(body)),
                None if place == "-" else place,
                found or category,
                at,
            ),
        )


def joined(items: list[Told]) -> list[int]:
    """Return the story of each, as the store would join them one after the other."""
    stories: list[int] = []
    for number, item in enumerate(items):
        candidates = [
            Candidate(stories[earlier], items[earlier].telling)
            for earlier in range(number)
            if set(lookup_keys(item.telling)) & set(keys_of(items[earlier].telling))
        ]
        found = decide_story(item.telling, candidates)
        stories.append(number if found is None else found)
    return stories


@pytest.mark.parametrize(("split", "recall_floor"), [("dev", 0.8), ("held", 0.8)])
def test_retellings_are_joined_and_nothing_else(split: str, recall_floor: float) -> None:
    items = sorted((item for item in told() if item.split == split), key=lambda item: item.telling.at)
    stories = joined(items)
    right = wrong = missed = 0
    for (one, first), (other, second) in combinations(zip(items, stories, strict=True), 2):
        same = one.event == other.event
        right += same and first == second
        missed += same and first != second
        wrong += (not same) and first == second
    assert wrong == 0
    assert right / (right + missed) >= recall_floor


def test_sameness_is_symmetric() -> None:
    items = list(told())
    for one, other in combinations(items[:20], 2):
        assert sameness(one.telling, other.telling) == pytest.approx(sameness(other.telling, one.telling))


def test_the_same_official_on_another_matter_of_the_same_day_is_another_story() -> None:
    first = traits_of(
        "Bawaslu Kota Metro Terima Laporan Lurah",
        'Laporan itu diterima Senin (14/10/2024). "Kami kaji rekaman suara lurah itu," kata Fitri Anggraini.',
        FIRST,
    )
    second = traits_of(
        "Bawaslu Kota Metro Imbau Guru",
        'Imbauan itu disampaikan Senin (14/10/2024). "Guru jangan ikut yel-yel," kata Fitri Anggraini.',
        FIRST,
    )
    one = Telling(first, b"", "18.72", "dugaan", FIRST)
    assert sameness(one, Telling(second, b"", "18.72", "imbauan", FIRST)) < THRESHOLD


def test_names_quotes_days_and_numbers_are_found() -> None:
    traits = traits_of(
        "Camat diperiksa",
        'PALEMBANG – Camat berinisial RD diperiksa, Kamis (17/10/2024). "Kami bawa tiga lembar cetakan foto itu," kata Ketua Bawaslu '
        "Kota Palembang, Yusnaini Hakam. Pelapornya Gunardi Saputra membawa 147 lembar salinan.",
        FIRST,
    )
    assert set(traits.names) == {"inisial rd", "yusnaini hakam", "gunardi saputra"}
    assert traits.days == ("2024-10-17",)
    assert len(traits.quotes) >= 3
    assert traits_of("", "Dari 148 lembar.", None).words != traits_of("", "Dari 147 lembar.", None).words


def test_a_day_without_a_year_takes_that_of_the_publication() -> None:
    assert traits_of("", "Selasa (12/11).", datetime(2024, 11, 13, tzinfo=UTC)).days == ("2024-11-12",)
    assert traits_of("", "Selasa (31/12).", datetime(2025, 1, 2, tzinfo=UTC)).days == ("2024-12-31",)
    assert traits_of("", "Nomor (45/13).", datetime(2025, 1, 2, tzinfo=UTC)).days == ()
