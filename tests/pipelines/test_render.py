from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipelines.render import MAX_BODY_BYTES, digest_item, one_line, render_payload, render_time, sentence_around

NOW = datetime(2024, 11, 13, 1, 6, 11, tzinfo=UTC)
WIB = ZoneInfo("Asia/Jakarta")
ROW: dict[str, Any] = {
    "title": "Camat dipanggil Bawaslu",
    "outlet": "Koran Sekanak",
    "body": "PALEMBANG – Pembuka tanpa kata itu.\n\nSeorang camat diduga tidak netral. Kalimat lain menyusul.",
    "url": "https://satu.example/a",
    "category": "proses",
    "province": "Sumatera Selatan",
    "regency": "Kota Palembang",
    "published_at": "2024-11-13T01:04:00Z",
    "date_precision": "minute",
    "flags": "[]",
    "rules": '["semua"]',
    "matches": '[{"rule": "topic", "term": "camat", "text": "Camat", "start": 0, "end": 5, "field": "title"},'
    ' {"rule": "semua", "term": "tidak netral", "text": "tidak netral", "start": 57, "end": 69, "field": "body"}]',
}
STORY = {"id": 12, "articles": 3, "outlets": 3}


def payload(**changes: Any) -> str:
    return render_payload("article.matched", NOW, ["semua"], STORY, {**ROW, **changes})


def test_a_payload_is_the_promised_document() -> None:
    document = json.loads(payload())
    assert document["type"] == "article.matched"
    assert document["timestamp"] == "2024-11-13T01:06:11Z"
    assert document["data"]["rules"] == ["semua"]
    assert document["data"]["story"] == STORY
    assert document["data"]["article"] == {
        **ROW,
        "flags": [],
        "rules": ["semua"],
        "matches": json.loads(ROW["matches"]),
    }


@pytest.mark.parametrize("letter", ["a", "é", "…", "😀"])
def test_a_long_body_is_cut_between_characters_and_marked(letter: str) -> None:
    article = json.loads(payload(body=letter * (MAX_BODY_BYTES // len(letter.encode()) + 5)))["data"]["article"]
    assert article["body_truncated"] is True
    assert MAX_BODY_BYTES - 4 < len(article["body"].encode()) <= MAX_BODY_BYTES
    assert set(article["body"]) == {letter}
    assert "body_truncated" not in json.loads(payload(body="a" * MAX_BODY_BYTES))["data"]["article"]


def test_a_headline_cannot_break_a_header() -> None:
    assert one_line("Camat\r\nBcc: semua@example.org\x00\u2028lagi") == "Camat Bcc: semua@example.org lagi"
    assert one_line("a\x1b[31m\nb\u2029c") == "a [31m b c"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Asia/Jakarta", "Rabu, 13 November 2024 08.04 WIB"),
        ("Asia/Makassar", "Rabu, 13 November 2024 09.04 WITA"),
        ("Asia/Jayapura", "Rabu, 13 November 2024 10.04 WIT"),
        ("UTC", "Rabu, 13 November 2024 01.04 UTC"),
    ],
)
def test_times_are_shown_in_the_zone_of_the_settings(zone: str, expected: str) -> None:
    assert render_time(datetime(2024, 11, 13, 1, 4, tzinfo=UTC), "minute", "id", ZoneInfo(zone)) == expected


def test_a_day_without_an_hour_shows_no_hour() -> None:
    assert render_time(datetime(2024, 11, 12, 17, tzinfo=UTC), "day", "en", WIB) == "Wednesday, 13 November 2024"


@pytest.mark.parametrize(
    ("text", "hit", "expected"),
    [
        ("Satu. Dua ASN netral. Tiga.", "ASN", "Dua *ASN* netral."),
        ("ASN netral", "ASN", "*ASN* netral"),
        ("Alinea satu\n\nAlinea dua ASN", "ASN", "Alinea dua *ASN*"),
        ('"Harus netral!" katanya. "ASN wajib," tutupnya.', "ASN", '"*ASN* wajib," tutupnya.'),
        ("Kata Pj. Bupati dan Dr. H. Andi, ASN netral.", "ASN", "Kata Pj. Bupati dan Dr. H. Andi, *ASN* netral."),
    ],
)
def test_the_sentence_around_a_hit_is_cut_out_with_the_hit_marked(text: str, hit: str, expected: str) -> None:
    start = text.index(hit)
    assert sentence_around(text, start, start + len(hit), mark="*") == expected


def test_a_long_sentence_is_cut_on_both_sides_of_the_hit() -> None:
    text = "kata " * 200 + "ASN " + "kata " * 200
    shown = sentence_around(text, text.index("ASN"), text.index("ASN") + 3, mark="*")
    assert len(shown) < 330
    assert shown.startswith("… kata")
    assert shown.endswith("kata …")
    assert "*ASN*" in shown


def test_the_headline_before_an_edit_is_told_where_it_is_another() -> None:
    def previous(former: str | None) -> object:
        document = json.loads(render_payload("article.revised", NOW, ["semua"], STORY, ROW, former))
        return document["data"].get("previous")

    assert previous("Camat diperiksa") == {"title": "Camat diperiksa"}
    assert previous(ROW["title"]) is None
    assert previous(None) is None


def test_an_item_of_a_digest_has_no_body_and_the_story_as_it_stands_now() -> None:
    item = digest_item("msg_1", json.loads(payload()), {"articles": 9, "outlets": 8})
    assert item["id"] == "msg_1"
    assert item["type"] == "article.matched"
    assert item["story"] == {"id": 12, "articles": 9, "outlets": 8}
    assert item["article"]["title"] == ROW["title"]
    assert "body" not in item["article"]
    notice = {"type": "source.silent", "data": {"source": {"id": "satu"}}}
    assert digest_item("msg_2", notice, {}) == {"id": "msg_2", "type": "source.silent", "source": {"id": "satu"}}
