from __future__ import annotations

from typing import Any

from pipelines.backtest import compared, run


def row(number: int, title: str, body: str = "Seorang ASN disebut di sini.", **fields: Any) -> dict[str, Any]:
    return {
        "url": f"https://satu.example/{number}",
        "title": title,
        "body": body,
        "source": "satu",
        "published_at": f"2024-11-{10 + number:02}T01:00:00Z",
        "fetched_at": "2024-11-30T00:00:00Z",
        "category": None,
        "province_code": None,
        "regency_code": None,
        "story_id": number,
        "matches": '[{"rule": "topic", "term": "ASN", "text": "ASN", "start": 0, "end": 3, "field": "body"}]',
        **fields,
    }


def rule(match: Any) -> dict[str, Any]:
    return {"match": match, "categories": [], "regions": []}


ROWS = [
    row(1, "ASN diperiksa"),
    row(2, "ASN diperiksa lagi di kota lain", source="dua"),
    row(3, "ASN diperiksa, kata media lain", story_id=1),
    row(4, "ASN dijatuhi sanksi", published_at=None),
    row(5, "Harga cabai diperiksa", body="Tidak ada kata itu.", matches="[]"),
]


def test_hits_alerts_days_and_sources_are_counted_one_alert_a_story() -> None:
    record = run(ROWS, {"periksa": rule("~periksa")})["periksa"].record()
    assert (record["hits"], record["alerts"]) == (3, 2)
    assert record["by_day"] == {"2024-11-11": 1, "2024-11-12": 1}
    assert record["by_source"] == {"satu": 1, "dua": 1}


def test_samples_show_the_sentence_with_the_hit_marked() -> None:
    found = run(
        [row(1, "Judul", "Pembuka tanpa apa-apa. Seorang ASN diperiksa kemarin. Penutup.")],
        {"periksa": rule("~periksa")},
    )
    assert found["periksa"].samples[0]["evidence"] == ["Seorang ASN **diperiksa** kemarin."]


def test_what_is_off_topic_hits_no_rule() -> None:
    assert run([ROWS[4]], {"periksa": rule("~periksa")})["periksa"].hits == 0


def test_an_unknown_publication_counts_by_its_fetch() -> None:
    assert run([ROWS[3]], {"sanksi": rule("~sanksi")})["sanksi"].record()["by_day"] == {"2024-11-30": 1}


def test_a_comparison_says_which_alerts_come_and_which_go() -> None:
    old = run(ROWS, {"kasus": rule("~periksa")})["kasus"]
    new = run(ROWS, {"kasus": rule("~sanksi")})["kasus"]
    assert compared(old, new) == {
        "come": ["https://satu.example/4"],
        "go": ["https://satu.example/1", "https://satu.example/2"],
    }
    assert compared(None, new) == {"come": ["https://satu.example/4"], "go": []}


def test_a_rule_without_an_expression_shows_why_the_article_is_on_the_topic() -> None:
    found = run([ROWS[0]], {"semua": {"match": None, "categories": [], "regions": []}})
    assert found["semua"].samples[0]["evidence"] == ["**Seo**rang ASN disebut di sini."]
