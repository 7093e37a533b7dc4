"""Copies, retellings and what follows from a case; the pairs of tests/quality/stories.txt are the gate."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from benchmarks.stories import FIRST, pairs, told
from crawler.items import Traits
from pipelines.dedupe import sign
from pipelines.stories import (
    THRESHOLD,
    Candidate,
    Telling,
    decide_story,
    rises,
    sameness,
    strongest,
)
from pipelines.traits import traits_of
from tests.pipelines.conftest import BODY, NOW

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


@pytest.mark.parametrize("split", ["dev", "held"])
def test_retellings_are_joined_and_nothing_else(split: str) -> None:
    right, wrong, missed = pairs(split)
    assert wrong == 0
    assert right / (right + missed) >= 0.85


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
