from __future__ import annotations

import json
import time

import pytest

from tests.web.press import matches
from web.telling import Piece, compared, edit, hits_of, plain, web_link


def test_the_matched_sentence_has_its_hit_marked() -> None:
    body = "Kalimat pertama. Camat wajib menjaga netralitas ASN di kantor. Kalimat ketiga."
    row = {"title": "x", "body": body, "matches": matches(body, "netralitas")}
    assert hits_of(row) == [[Piece("Camat wajib menjaga "), Piece("netralitas", "hit"), Piece(" ASN di kantor.")]]


def test_a_rule_s_evidence_is_not_told() -> None:
    body = "Camat netral."
    found = json.loads(matches(body, "netral"))
    row = {"title": "x", "body": body, "matches": json.dumps([{**found[0], "rule": "rahasia"}])}
    assert hits_of(row) == []


def test_a_body_with_our_own_mark_breaks_nothing() -> None:
    body = "Camat \ue000 netralitas \ue000 ASN."
    assert [
        piece.text for piece in hits_of({"title": "", "body": body, "matches": matches(body, "netralitas")})[0]
    ] == ["Camat ", "netralitas", " ASN."]


def test_what_only_one_article_says_is_marked() -> None:
    one = "Bawaslu memeriksa camat Ilir Timur karena hadir di panggung kampanye. Camat datang dengan mobil dinas milik kabupaten."
    two = "Camat Ilir Timur diperiksa Bawaslu karena hadir di atas panggung kampanye. Singkat saja."
    told = compared([one, two])
    assert [[piece.kind for piece in paragraph] for paragraph in told[0]] == [["", "only"]]
    assert [[piece.kind for piece in paragraph] for paragraph in told[1]] == [["", ""]]
    assert all(not piece.kind for paragraph in compared([one])[0] for piece in paragraph)


def test_an_edit_shows_its_words_and_leaves_out_what_stayed() -> None:
    before = "Camat dipecat hari ini.\n\nAlinea yang tetap sama."
    after = "Camat dimutasi hari ini.\n\nAlinea yang tetap sama."
    assert edit(before, after) == [
        [Piece("Camat"), Piece("dipecat", "removed"), Piece("dimutasi", "added"), Piece("hari ini.")]
    ]
    assert edit(before, before) == []
    assert edit("Camat  hari ini.", "Camat hari ini.") == []


@pytest.mark.parametrize(
    "body",
    [
        "a b " * 40_000,
        "\n\n".join(["sama saja"] * 20_000),
        "\n\n".join(f"kata{n} lain{n} tiga{n} empat{n} lima{n}." for n in range(5000)),
        "Satu dua tiga empat. " * 20_000,
    ],
)
def test_no_text_takes_long(body: str) -> None:
    started = time.process_time()
    compared([body + str(n) for n in range(8)])
    edit(body, body[::-1])
    assert time.process_time() - started < 3


def test_of_a_body_without_end_the_beginning_is_shown() -> None:
    (told,) = compared(["\n\n".join(f"Alinea {n}." for n in range(1000))])
    assert [told[0][0].text, told[-1][0].text, len(told)] == ["Alinea 0.", "…", 201]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "http:",
        "https://[",
        "http://a b",
        "https://x\n.example",
        None,
        "",
        "vbscript:x",
        "ftp://x.example",
    ],
)
def test_what_is_no_web_address_becomes_no_link(url: str | None) -> None:
    assert web_link(url) is None


def test_reading_direction_cannot_be_turned() -> None:
    assert plain("ASN \u202egnp.exe\u2066\n baru") == "ASN gnp.exe baru"
    assert web_link("https://satu.example/a?b=1") == "https://satu.example/a?b=1"
