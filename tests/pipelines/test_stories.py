"""Copies, retellings and what follows from a case; the pairs of tests/quality/stories.txt are the gate."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.stories import FIRST, pairs, told
from crawler.items import Article, Traits, to_json
from pipelines.dedupe import sign
from pipelines.store import Store
from pipelines.stories import (
    COPY_DAYS,
    FAR_DAYS,
    THRESHOLD,
    Candidate,
    Telling,
    bands_of,
    decide_story,
    keys_of,
    lookup_bands,
    lookup_keys,
    rises,
    sameness,
    strongest,
)
from pipelines.traits import parse_traits, traits_of
from tests.pipelines.conftest import BODY, LATER, NOW, article, report

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


def test_a_day_is_no_word_and_a_district_no_person() -> None:
    one = traits_of("", "Lurah di Oba Utara dilaporkan, Rabu (30/10/2024).", FIRST)
    other = traits_of("", "Guru di Oba Utara diperiksa, Rabu (30/10/2024).", FIRST)
    assert one.names == other.names == ()
    assert set(one.words) & set(other.words) == set()
    assert one.days == other.days == ("2024-10-30",)


def test_two_words_in_common_join_nothing_unless_the_headlines_agree() -> None:
    def telling(words: tuple[int, ...], title: tuple[int, ...]) -> Telling:
        return Telling(Traits(names=("rusdi albaar",), words=words, title=title), b"", "82.72", "dugaan", FIRST)

    one = telling((1, 2, 3, 4, 5), (1, 2))
    assert sameness(one, telling((1, 2, 6, 7, 8), (6, 7))) < THRESHOLD
    assert sameness(one, telling((1, 2, 6, 7, 8), (1, 6))) >= THRESHOLD
    assert sameness(one, telling((1, 2, 3, 7, 8), (6, 7))) >= THRESHOLD


def test_the_store_finds_a_retelling_behind_many_newer_articles_of_the_same_official(store: Store) -> None:
    def told(name: str, title: str, body: str, at: datetime) -> Article:
        return article(
            name,
            title=title,
            body=body,
            traits=traits_of(title, body, at),
            published_at=at,
            category="dugaan",
            province_code="82",
            regency_code="82.72",
        )

    event = (
        "Lurah Mangsari Wetandu dilaporkan Rusdi Albaar karena membagikan kelambu bergambar calon kepada nelayan di "
        "dermaga. Tiga kelambu disita."
    )
    retold = "Kelambu bergambar calon dibagikan kepada nelayan di dermaga. Mangsari Wetandu dan Rusdi Albaar diam."
    articles = [told("asal", "Kelambu untuk Nelayan", event, NOW)]
    for number in range(60):
        other = f"Rusdi Albaar bicara tentang perkara{number} hal{number} soal{number} benda{number} cerita{number}."
        articles.append(told(f"lain-{number}", f"Perkara{number} Baru", other, NOW + timedelta(minutes=number)))
    articles.append(told("ulang", "Nelayan Terima Kelambu", retold, NOW + timedelta(hours=5)))
    ids = store.record(report(*articles), LATER).kept
    stories = dict(store._conn.execute("SELECT id, story_id FROM articles"))
    assert stories[ids[-1]] == stories[ids[0]]
    assert len(set(stories.values())) == 61


@given(
    st.integers(-300, 44_000).map(lambda days: datetime(2000, 1, 1, 20, tzinfo=UTC) + timedelta(days=days)),
    st.floats(-200, 200),
)
def test_what_can_be_the_same_event_is_looked_up(at: datetime, days: float) -> None:
    old = Telling(Traits(names=("gunardi saputra",), quotes=(7,)), OWN.signature, "16.71", "dugaan", at)
    new = replace(old, at=at + timedelta(days=days))
    only_name, only_quote = (replace(new, traits=Traits(names=old.traits.names), place="11"), Traits(quotes=(7,)))
    if abs(days) <= FAR_DAYS:
        assert set(lookup_keys(only_name)) & set(keys_of(old))
    if abs(days) <= COPY_DAYS:
        assert set(lookup_keys(replace(new, traits=only_quote, place="11"))) & set(keys_of(old))
        assert all(value in values for (_, value), (_, *values) in zip(bands_of(old), lookup_bands(new), strict=True))
    if abs(days) <= 1.9:
        assert set(lookup_keys(replace(new, traits=Traits()))) & set(keys_of(old))
    assert all(
        0 <= key < 1 << 63 for key in (*lookup_keys(new), *(number for band in lookup_bands(new) for number in band))
    )


def test_keys_of_one_time_lie_together() -> None:
    names = tuple(f"nama {n}" for n in range(50))
    early, late = (Telling(Traits(names=names), OWN.signature, None, None, NOW + timedelta(days=n)) for n in (0, 800))
    assert max(keys_of(early)[:50]) < min(keys_of(late)[:50])
    assert max(value for _, value in bands_of(early)) < min(value for _, value in bands_of(late))


def test_traits_come_back_from_json_as_they_went_in() -> None:
    traits = traits_of("Camat diperiksa", "Camat Budi Santoso dipanggil, Kamis (17/10/2024).", FIRST)
    assert parse_traits(json.dumps(to_json(traits))) == traits
    assert parse_traits("{}") == Traits()


def test_a_day_without_a_year_takes_that_of_the_publication() -> None:
    assert traits_of("", "Selasa (12/11).", datetime(2024, 11, 13, tzinfo=UTC)).days == ("2024-11-12",)
    assert traits_of("", "Selasa (31/12).", datetime(2025, 1, 2, tzinfo=UTC)).days == ("2024-12-31",)
    assert traits_of("", "Nomor (45/13).", datetime(2025, 1, 2, tzinfo=UTC)).days == ()
