from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pipelines.dedupe import BANDS, Stored, band_values, changes_the_matter, decide, sign, similarity
from tests.pipelines.conftest import BODY, article

OLD = Stored(1, "satu", "Camat dipanggil pengawas", BODY)


def test_a_new_address_with_a_new_text_is_inserted() -> None:
    assert decide(article(), None, None) == "insert"


def test_a_new_address_with_a_known_text_of_the_outlet_is_a_duplicate() -> None:
    assert decide(article("b"), None, OLD) == "duplicate"


def test_a_known_address_is_unchanged_or_revised_by_title_and_body() -> None:
    assert decide(article(), OLD, OLD) == "unchanged"
    assert decide(article(title="Lain"), OLD, OLD) == "revise"
    assert decide(article(body=BODY + "\n\nBaru."), OLD, None) == "revise"


@pytest.mark.parametrize("status", ["incomplete", "too_costly"])
def test_what_could_not_be_read_whole_revises_nothing(status: str) -> None:
    assert decide(article(body="x", body_status=status), OLD, None) == "unchanged"


def test_the_address_of_another_source_is_not_edited() -> None:
    assert decide(article(source="dua", title="Lain"), OLD, None) == "duplicate"


@pytest.mark.parametrize(
    "body",
    [
        BODY.replace("\n\n", "\n\n\n"),
        BODY.replace(".", " ."),
        BODY.replace("camat", "Camat"),
        f"“{BODY}”",
        BODY.replace(" ", "\u00a0"),
    ],
)
def test_white_space_quotes_and_punctuation_are_no_edit(body: str) -> None:
    assert decide(article(body=body), OLD, None) == "unchanged"


def test_what_was_not_whole_is_completed_which_is_no_edit_of_the_outlet() -> None:
    assert decide(article(), replace(OLD, body="Potongan.", body_status="incomplete"), None) == "complete"


def test_an_edit_changes_the_matter_when_the_headline_or_a_tenth_of_the_words_changes() -> None:
    assert changes_the_matter(article(title="Camat bebas"), OLD)
    assert not changes_the_matter(article(title="Camat dipanggil pengawas!"), OLD)
    assert not changes_the_matter(article(body=BODY.replace("camat 3", "lurah 3")), OLD)
    assert changes_the_matter(article(body=BODY + "\n\n" + " ".join(f"tambahan{n}" for n in range(30))), OLD)
    assert changes_the_matter(article(body=BODY[: len(BODY) // 2]), OLD)


def text(seed: int, words: int = 300) -> list[str]:
    rng = random.Random(seed)
    return [f"kata{rng.randrange(3000)}" for _ in range(words)]


def test_a_signature_is_the_same_in_every_process_and_version() -> None:
    # Pinned: a database holds signatures of earlier runs. If this changes, the bands of old databases must be made anew.
    assert sign(" ".join(f"kata{n}" for n in range(60)))[:32] == "1aed9071e590b3009d8a3772426b073d"


def test_short_texts_have_no_signature() -> None:
    assert sign("terlalu pendek untuk dibandingkan") == ""
    assert sign("") == ""


def test_similarity_follows_how_much_was_edited() -> None:
    whole = text(1)
    one = bytes.fromhex(sign(" ".join(whole)))
    assert similarity(one, one) == 1.0
    edited = bytes.fromhex(sign(" ".join(whole[:270] + text(2, 30))))
    other = bytes.fromhex(sign(" ".join(text(3))))
    assert 0.65 < similarity(one, edited) < 1.0
    assert similarity(one, other) < 0.1


def test_copies_share_a_band_and_unrelated_texts_do_not() -> None:
    found = 0
    for seed in range(100):
        whole = text(seed)
        rng = random.Random(seed)
        edited = [word for word in whole if rng.random() > 0.04]
        one, two = (set(band_values(bytes.fromhex(sign(" ".join(words))))) for words in (whole, edited))
        other = set(band_values(bytes.fromhex(sign(" ".join(text(seed + 1000))))))
        assert not one & other
        found += bool(one & two)
    assert found == 100
    assert len(one) == BANDS
