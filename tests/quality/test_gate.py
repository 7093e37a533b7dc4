"""Extraction can't quietly get worse: floors, the digest of the golden pages, and the size of the tables are pinned.

Who lowers a number in gate.json, or changes a golden page (`python -m tests.outlets.golden` renews the digest), shows it
in the diff and says why in the changelog.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.extraction import Score, golden_samples, ours, score
from tests.outlets.golden import GATE, digest, families
from tests.pipelines import test_clutter, test_kinds, test_tanggal

PINNED: dict[str, Any] = json.loads(GATE.read_text("utf-8"))


@pytest.fixture(scope="module")
def measured() -> tuple[Score, int]:
    samples = golden_samples()
    return score(samples, [ours(sample.html, sample.url) for sample in samples]), len(samples)


def test_the_golden_pages_are_those_that_were_pinned() -> None:
    assert (len(families()), digest()) == (PINNED["golden"]["families"], PINNED["golden"]["digest"])


@pytest.mark.parametrize("name", PINNED["floors"])
def test_no_figure_is_below_its_floor(name: str, measured: tuple[Score, int]) -> None:
    found, pages = measured
    share = {"authors": found.authors / pages, "minutes": found.minutes / pages}
    assert share.get(name, getattr(found, name)) >= PINNED["floors"][name] - 1e-9


def test_nothing_leaks_and_no_lead_is_lost(measured: tuple[Score, int]) -> None:
    found, _ = measured
    assert found.leaks <= PINNED["ceilings"]["leaks"]
    assert found.lost <= PINNED["ceilings"]["leads_lost"]


def test_the_tables_of_cases_do_not_shrink() -> None:
    shapes = [*test_tanggal.TO_THE_MINUTE, *(text for text, _ in test_tanggal.OTHERS), *test_tanggal.A_DAY]
    have = {
        "ways_to_write_baca_juga": len(test_clutter.FORMS),
        "frames": len(test_clutter.FRAMES),
        "prose_with_the_same_words": len(test_clutter.PROSE),
        "date_shapes": len(set(shapes)),
        "kinds_that_are_no_article": len(test_kinds.NOT_ARTICLES),
        "pages_of_each_kind": min(map(len, test_kinds.NOT_ARTICLES.values())),
        "articles_about_such_things": len(test_kinds.ABOUT),
    }
    short = {name: (have[name], floor) for name, floor in PINNED["cases"].items() if have[name] < floor}
    assert short == {}
