"""The bundled texts: how many, of what, and that nothing in them contradicts a moving now."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest

from newsroom import Article, Newsroom
from newsroom.articles import _article, all_articles, lines
from newsroom.times import fill

CATEGORIES = {"imbauan", "dugaan", "proses", "sanksi", "regulasi", "data"}


def test_there_are_enough_articles_of_every_sort(room: Newsroom) -> None:
    truths = room.truths()
    assert len(truths) >= 60
    assert {t.category for t in truths if t.on_topic} == CATEGORIES
    assert min(Counter(t.category for t in truths if t.on_topic).values()) >= 4
    assert sum(not t.on_topic and not t.near_miss for t in truths) >= 12
    assert sum(t.near_miss for t in truths) >= 12
    assert min(Counter(t.outlet for t in truths).values()) >= 5
    assert all(t.category is None for t in truths if not t.on_topic)


def test_bodies_are_long_enough_and_varied() -> None:
    leads = set()
    for a in all_articles():
        paragraphs = [b.text for b in a.blocks if b.kind == "p"]
        assert 6 <= len(paragraphs) <= 14, a.slug
        assert any(sign in p for p in paragraphs for sign in '"“'), a.slug
        leads.add(paragraphs[0])
    assert len(leads) == len(all_articles()) == len({a.slug for a in all_articles()})


def test_no_text_carries_a_date_of_its_own() -> None:
    months = "Januari|Februari|Maret|April|Mei|Juni|Juli|Agustus|September|Oktober|November|Desember"
    for a in all_articles():
        text = " ".join((a.title, *(b.text for b in a.blocks)))
        assert not re.search(rf"\d{{1,2}} ({months})|\(\d+/\d+", text), a.slug
        assert not re.search(r"\b20(1\d|2[4-9])\b", text), a.slug


def test_a_release_is_copied_by_three_and_an_event_told_by_three(room: Newsroom) -> None:
    truths = room.truths()
    copies = [t for t in truths if t.copy_of]
    assert len({t.outlet for t in copies}) == len(copies) == 3
    common = [set(t.body.split("\n\n")) for t in copies]
    assert len(set.intersection(*common)) >= 2
    assert len({t.body for t in copies}) == 3
    told = [t for t in truths if t.event == "joget-lamsel"]
    assert len({t.outlet for t in told}) == 3
    assert not set.intersection(*(set(t.body.split("\n\n")) for t in told))


def test_side_list_headlines_are_nobodys_titles() -> None:
    titles = {a.title for a in all_articles()}
    headlines = lines("headlines")
    assert len(headlines) >= 45
    assert not titles & set(headlines)
    assert sum(bool(re.search("netral|ASN|PNS|Bawaslu", h)) for h in headlines) >= 15


def test_articles_come_newest_first(room: Newsroom) -> None:
    assert all(a.published_at >= b.published_at for a, b in pairwise(room.truths()))


def test_a_wrong_header_is_named() -> None:
    with pytest.raises(ValueError, match=r"x\.txt, article a: unknown header \['judul'\]"):
        _article("o", "a\njudul: b\n---\nteks", "x.txt")
    with pytest.raises(ValueError, match="missing header"):
        _article("o", "a\ntitle: b\n---\nteks", "x.txt")


def test_an_article_of_plain_paragraphs_has_an_address() -> None:
    made = Article.of("koransekanak", "Sekda: ASN “Wajib” Netral!", ["Satu.", "Dua."])
    assert made.slug == "sekda-asn-wajib-netral"
    assert [b.text for b in made.blocks] == ["Satu.", "Dua."]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{hari}", "Rabu (13/11/2024)"),
        ("{hari-1} dan {pendek+1}", "Selasa (12/11/2024) dan Kamis (14/11)"),
        ("{lengkap}; {tanggal+18}; {bulan} {tahun}", "Rabu, 13 November 2024; 1 Desember 2024; November 2024"),
        ("{lain}", "{lain}"),
    ],
)
def test_placeholders_follow_the_day(text: str, filled: str) -> None:
    assert fill(text, datetime(2024, 11, 13, 8, 4, tzinfo=timezone(timedelta(hours=7)))) == filled
