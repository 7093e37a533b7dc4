from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.forms import HTML, MARKDOWN, TELEGRAM, TEXT, Form, Message
from pipelines.messages import MANY_ITEMS, MOST_ITEMS, render_message, split_digest
from pipelines.render import digest_item
from tests.alerting import ZONE, article_data, hostile, hostile_payload, payload
from tests.pipelines.test_forms import tree
from tests.telegram import parsed


def read(text: str, language: str = "id") -> list[str]:
    message = render_message(text, language, ZONE)
    assert "\n" not in message.title
    return TEXT.write(message.whole).split("\n")


def item(number: int, kind: str = "article.matched", outlets: int = 1, **changes: Any) -> dict[str, Any]:
    return digest_item(
        f"m{number}", json.loads(payload(kind, number=number, **changes)), {"articles": 1, "outlets": outlets}
    )


def digest(items: list[dict[str, Any]], part: int = 1, parts: int = 1) -> str:
    return json.dumps({"type": "digest", "timestamp": "", "data": {"part": part, "parts": parts, "alerts": items}})


def test_an_alert_in_indonesian() -> None:
    message = render_message(payload(category="proses", story={"outlets": 4}), "id", ZONE)
    assert message.title == "Sedang diproses · Kota Palembang: Camat 0 dipanggil Bawaslu"
    assert TEXT.write(message.lines).split("\n") == [
        "Koran 0 · Rabu, 13 November 2024 08.04 WIB · +3 media",
        "“Seorang camat diduga tidak netral.”",
        "https://satu.example/0",
    ]
    assert [span.text for line in message.lines for span in line if span.bold] == ["tidak netral"]


def test_an_alert_in_english_with_little_known() -> None:
    assert read(payload(category=None, province=None, regency=None, published_at=None, matches=[]), "en") == [
        "Camat 0 dipanggil Bawaslu",
        "Koran 0 · time of publication unknown",
        "https://satu.example/0",
    ]


@pytest.mark.parametrize(
    ("language", "kind", "story", "previous", "first"),
    [
        (
            "id",
            "story.risen",
            {"risen_from": "dugaan"},
            None,
            "Naik: dugaan → sanksi · Kota Palembang",
        ),
        (
            "en",
            "story.risen",
            {"risen_from": "dugaan"},
            None,
            "Risen: allegation → sanction · Kota Palembang",
        ),
        ("id", "story.risen", {}, None, "↑ sanksi · Kota Palembang"),
        ("id", "article.revised", {}, {"title": "Dulu"}, "Judul diubah · Putusan atau sanksi · Kota Palembang"),
        ("id", "article.revised", {}, None, "Isi diubah · Putusan atau sanksi · Kota Palembang"),
        ("en", "article.gone", {}, None, "Article removed · Decision or sanction · Kota Palembang"),
        ("id", "article.gone", {}, None, "Artikel dihapus · Putusan atau sanksi · Kota Palembang"),
        ("id", "article.unheard-of", {}, None, "Putusan atau sanksi · Kota Palembang"),
    ],
)
def test_what_has_changed_stands_in_the_first_line(
    language: str, kind: str, story: dict[str, Any], previous: dict[str, str] | None, first: str
) -> None:
    document = json.loads(payload(kind, story=story, category="sanksi"))
    if previous:
        document["data"]["previous"] = previous
    lines = read(json.dumps(document), language)
    assert lines[0] == first
    assert ("Semula: Dulu" in lines) == (previous is not None)


def test_evidence_beyond_a_cut_body_is_not_invented() -> None:
    match = {"rule": "semua", "term": "x", "text": "x", "start": 30_000, "end": 30_001, "field": "body"}
    assert not any("“" in line for line in read(payload(body="kata " * 100, matches=[match])))


def test_a_rule_s_sentence_comes_before_the_topic_s() -> None:
    matches = [
        {"rule": "topic", "term": "a", "text": "Satu", "start": 0, "end": 4, "field": "body"},
        {"rule": "semua", "term": "b", "text": "Dua", "start": 11, "end": 14, "field": "body"},
    ]
    assert "“Dua kata.”" in read(payload(body="Satu kata. Dua kata.", matches=matches))


NOTICES = [
    "source.silent",
    "source.layout_changed",
    "source.blocked",
    "source.not_a_feed",
    "source.failing",
    "source.gap",
    "source.recovered",
]


@pytest.mark.parametrize("kind", NOTICES)
@pytest.mark.parametrize("language", ["id", "en"])
def test_a_notice_of_a_source_is_a_line_and_two_more_and_a_link(kind: str, language: str) -> None:
    source = {"id": "satu", "name": "Radar <Satu>", "url": "https://satu.example", "region": None}
    data = {"source": source, "state": "silent", "since": "2024-11-13T01:04:00Z", "detail": "answered 403"}
    title, meaning, facts, url = read(json.dumps({"type": kind, "data": data}), language)
    assert "Radar <Satu>" in title
    assert len(title) < 60
    assert 10 < len(meaning) < 100
    assert "13 November 2024 08.04 WIB" in facts
    assert "answered 403" in facts
    assert url == "https://satu.example"


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        (
            "network.down",
            {"state": "down", "since": "2024-11-13T01:04:00Z", "failed": 90, "sources": 100},
            "90 dari 100",
        ),
        (
            "source.gap",
            {"source": {"name": "S"}, "since": "2024-11-13T01:04:00Z", "until": "2024-11-13T02:04:00Z", "detail": ""},
            "Antara Rabu, 13 November 2024",
        ),
        ("network.up", {"state": "ok", "since": "2024-11-13T01:04:00Z"}, "tersambung lagi"),
        (
            "channel.failing",
            {"channel": "meja", "since": "2024-11-13T01:04:00Z", "detail": "answered 500", "given_up": 3},
            "3 kabar",
        ),
        ("channel.recovered", {"channel": "meja", "since": None, "detail": None}, "Kanal meja"),
        ("channel.test", {"channel": "meja"}, "Kanal meja berfungsi."),
        ("something.new", {"channel": "meja"}, "something.new: meja"),
        ("something.newer", {}, "something.newer"),
    ],
)
def test_other_notices_say_what_they_are_even_unknown_ones(kind: str, data: dict[str, Any], words: str) -> None:
    text = json.dumps({"type": kind, "data": data})
    assert words in "\n".join(read(text))
    assert read(text, "en")


def test_every_notice_is_written_in_both_languages() -> None:
    from pipelines import messages

    for table in (messages._NOTICES, messages._WORDS, messages._CATEGORIES):
        assert table["id"].keys() == table["en"].keys()


# ------------------------------------------------------------------------------------------------------------ digests


def test_a_digest_is_grouped_by_what_matters_and_by_province() -> None:
    items = [
        item(1, category="imbauan", province="Riau", regency="Kota Dumai"),
        item(2, category="sanksi", province="Riau", regency="Kota Dumai", outlets=4),
        item(3, category="dugaan", province="Jawa Barat", regency=None),
        item(4, category="sanksi", province="Bali", regency=None),
        item(5, "article.gone", category="sanksi", province="Riau", regency=None),
        item(6, category=None, province=None, regency=None),
    ]
    notice = {
        "id": "n",
        "type": "source.silent",
        "source": {"id": "satu", "name": "Satu", "url": "https://satu.example"},
    }
    assert read(digest([*items, notice])) == [
        "Ringkasan: 7 kabar",
        "",
        "Putusan atau sanksi (3)",
        "Bali (1)",
        "• Camat 4 dipanggil Bawaslu",
        "https://satu.example/4",
        "  Koran 4",
        "Riau (2)",
        "• Camat 2 dipanggil Bawaslu",
        "https://satu.example/2",
        "  Koran 2 · Kota Dumai · +3 media",
        "• Camat 5 dipanggil Bawaslu",
        "https://satu.example/5",
        "  Artikel dihapus · Koran 5",
        "",
        "Dugaan pelanggaran (1)",
        "Jawa Barat (1)",
        "• Camat 3 dipanggil Bawaslu",
        "https://satu.example/3",
        "  Koran 3",
        "",
        "Tanpa kategori (1)",
        "Lokasi tidak diketahui (1)",
        "• Camat 6 dipanggil Bawaslu",
        "https://satu.example/6",
        "  Koran 6",
        "",
        "Imbauan (1)",
        "Riau (1)",
        "• Camat 1 dipanggil Bawaslu",
        "https://satu.example/1",
        "  Koran 1 · Kota Dumai",
        "",
        "Tentang pemantauan (1)",
        "• Satu tidak memuat berita baru",
    ]
    assert read(digest(items, 2, 3), "en")[0] == "Summary: 6 alerts (part 2 of 3)"


def test_a_digest_of_one_reads_like_the_alert_itself() -> None:
    assert read(digest([item(1, category="sanksi")]))[:2] == [
        "Putusan atau sanksi · Kota Dumai",
        "Camat 1 dipanggil Bawaslu",
    ]


@pytest.mark.parametrize(
    ("form", "limit"), [(TELEGRAM, 4096), (TEXT, 600), (TEXT, 160), (HTML, 32768), (MARKDOWN, 2000)]
)
@pytest.mark.parametrize(
    "make", [item, lambda number: digest_item(f"m{number}", json.loads(hostile_payload(number)), {})]
)
def test_parts_fit_a_message_and_hold_every_item_once_in_order(form: Form, limit: int, make: Any) -> None:
    items = [make(number) for number in range(200)]
    parts = split_digest(items, "id", ZONE, form, limit, None)
    assert [member["id"] for part in parts for member in part] == [member["id"] for member in items]
    for number, part in enumerate(parts, 1):
        assert 1 <= len(part) <= MOST_ITEMS.get(form.name, MANY_ITEMS)
        message = render_message(digest(part, number, len(parts)), "id", ZONE)
        assert len(part) == 1 or form.length(form.write(message.whole)) <= limit
    if make is item and limit == 4096:
        assert len(parts) < 11
    assert split_digest(items, "id", ZONE, form, limit, 2) == parts[:2]


# ------------------------------------------------------------------------------------------------------------- hostile


def messages() -> list[tuple[int, Message]]:
    alerts = [(number, render_message(hostile_payload(number), "id", ZONE)) for number in range(120)]
    digests = []
    for number in range(0, 120, 5):
        items = [
            digest_item(f"m{n}", json.loads(hostile_payload(n)), {"articles": 2, "outlets": 2})
            for n in range(number, number + 5)
        ]
        digests.append((number, render_message(digest(items), "id", ZONE)))
    return alerts + digests


@pytest.mark.parametrize("form", [HTML, MARKDOWN, TELEGRAM])
def test_nothing_foreign_is_active_in_any_message(form: Form) -> None:
    """C4: 120 payloads, singly and in digests."""
    links = set[str]()
    for _, message in messages():
        written = form.write(message.whole)
        links |= set(parsed(written)[1] if form is TELEGRAM else tree(form, written).xpath("//a/@href"))
    assert links == {"https://satu.example/a?b=1&c=2"}


def test_foreign_text_neither_breaks_lines_nor_turns_them() -> None:
    for _, message in messages():
        for line in message.whole:
            for span in line:
                assert not set(span.text) & set("\n\r\x00\x1b\u2028\u2029\u0085\u202e\u2067\u200f")


def test_hostile_headlines_are_still_told() -> None:
    for number in range(40):
        title = " ".join(hostile(number).split())
        shown = tree(HTML, HTML.write(render_message(payload(title=title), "id", ZONE).whole)).text_content()
        words = [word for word in title.split() if word.isalnum()]
        assert all(word in shown for word in words)
    assert article_data()["title"]
