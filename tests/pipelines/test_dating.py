"""Which of a page's dates counts, and in which zone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from crawler.items import Entry
from pipelines.clean import CleanPage, clean_page
from tests.pipelines.newspage import PARAGRAPHS, TITLE, URL, page, paragraphs

MOMENT = datetime(2024, 11, 13, 1, 4, tzinfo=UTC)
FETCHED = datetime(2024, 11, 13, 5, 0, tzinfo=UTC)
LINE = '<div class="tanggal">Rabu, 13 November 2024 | 08:04 WIB</div>'


def ld(published: str, modified: str = "") -> str:
    found = {"@type": "NewsArticle", "headline": TITLE, "datePublished": published, "dateModified": modified}
    return f'<script type="application/ld+json">{json.dumps(found)}</script>'


def meta(published: str, name: str = "article:published_time") -> str:
    return f'<meta property="{name}" content="{published}">'


def dated(
    head: str = "", above: str = "", *, url: str = URL, zone: str = "Asia/Jakarta", entry: Entry | None = None
) -> CleanPage:
    return clean_page(
        page(paragraphs(*PARAGRAPHS), head=head, above=above), url, zone=zone, fetched_at=FETCHED, entry=entry
    )


@pytest.mark.parametrize(
    ("head", "above"),
    [
        (ld("2024-11-13T08:04:00+07:00"), ""),
        (ld("2024-11-13T01:04:00Z"), LINE),  # Kompas writes UTC and means it
        (ld("2024-11-13T08:04:00"), LINE),
        (ld("2024-11-13 08:04:00"), ""),
        (ld("Rabu 13 November 2024 08:04 WIB"), ""),
        (meta("2024-11-13T08:04:00+07:00"), ""),
        (meta("2024-11-13T01:04:00+00:00"), LINE),
        (meta("2024-11-13 08:04:00", "publishdate"), ""),
        (meta("2024/11/13 08:04:00", "publishdate"), ""),
        (meta("13/11/2024 08:04", "content_PublishedDate"), ""),
        ("", '<time class="entry-date published" datetime="2024-11-13T08:04:00+07:00">13 November</time>'),
        ("", '<time itemprop="datePublished" datetime="2024-11-13T01:04:00Z">kemarin</time>'),
        ("", '<span itemprop="datePublished" content="2024-11-13T08:04:00+07:00">x</span>'),
        ("", LINE),
        ("", '<span class="editor">Editor</span> / Rabu, 13 November 2024 - 08:04 WIB'),
        ("", '<div>Siti Rahma</div><div>Kabar Beliung - 13/11/2024, 08:04 WIB</div>'),
        ("", "<p>Rabu, 13 November 2024 pukul 08.04</p>"),
        (ld("2024-11-13T08:04:00+00:00"), LINE),  # "+0000" that is really WIB: the line shows the same clock
        (ld("2024-11-13T08:04:00Z"), LINE),
        (meta("2024-11-13T08:04:51Z"), LINE),
        (ld("2024-11-13"), LINE),
        (ld("2024-11-13T00:00:00+07:00"), LINE),
        (ld("0000-00-00") + meta("2024-11-13T08:04:00+07:00"), ""),
        (ld("2034-11-13T08:04:00+07:00"), LINE),
    ],
)  # fmt: skip
def test_the_moment_is_found_to_the_minute(head: str, above: str) -> None:
    found = dated(head, above)
    assert found.published_at is not None
    assert (found.published_at.replace(second=0), found.date_precision) == (MOMENT, "minute")
    assert found.date_evidence


def test_an_offset_of_the_wrong_zone_gives_way_to_what_readers_see() -> None:
    line = '<div class="tanggal">Rabu, 13 November 2024 09:04 WITA</div>'
    assert dated(ld("2024-11-13T09:04:00+07:00"), line, zone="Asia/Makassar").published_at == MOMENT


def test_a_naive_time_is_in_the_zone_of_the_source() -> None:
    assert dated(ld("2024-11-13T10:04:00"), zone="Asia/Jayapura").published_at == MOMENT
    assert dated("", "<p>Rabu, 13 November 2024 09:04</p>", zone="Asia/Makassar").published_at == MOMENT


def test_the_listing_unmasks_a_false_utc_and_gives_the_minute_of_a_day() -> None:
    entry = Entry(URL, published_at=MOMENT)
    assert dated(ld("2024-11-13T08:04:00Z"), entry=entry).published_at == MOMENT
    assert dated(ld("2024-11-13"), entry=entry).published_at == MOMENT
    assert dated(entry=entry).published_at == MOMENT
    other_day = Entry(URL, published_at=MOMENT - timedelta(days=3))
    assert dated(ld("2024-11-13"), entry=other_day).date_precision == "day"


def test_a_day_alone_is_local_midnight_and_marked() -> None:
    for found in (
        dated(ld("2024-11-13")),
        dated("", "<p>13 November 2024</p>"),
        dated(url="https://a.example/2024/11/13/camat-dipanggil"),
    ):
        assert (found.published_at, found.date_precision) == (datetime(2024, 11, 12, 17, tzinfo=UTC), "day")


def test_no_date_is_none_rather_than_a_guess() -> None:
    found = dated("", "<p>Beliung</p>", url="https://a.example/berita/20241/camat")
    assert (found.published_at, found.date_precision, found.date_evidence) == (None, None, None)


def test_days_in_the_reporting_are_not_the_date_of_the_article() -> None:
    told = "Pemilihan digelar pada 27 November 2012 pukul 07:00 WIB, kata panitia pengawas, dan dihadiri banyak warga desa itu."
    found = clean_page(page(paragraphs(told, *PARAGRAPHS), above=""), "https://a.example/b/camat", fetched_at=FETCHED)
    assert found.published_at is None


def test_the_future_and_the_absurd_are_skipped_for_the_next_source() -> None:
    assert dated(ld("2124-11-13T08:04:00Z")).published_at is None
    assert dated(ld("1970-01-01T00:00:00Z"), LINE).published_at == MOMENT


def test_the_update_is_not_the_publication() -> None:
    above = "<p>Diperbarui: Kamis, 14 November 2024 10:00 WIB</p>" + LINE
    assert dated("", above).published_at == MOMENT


def test_modified_is_later_than_published_or_unknown() -> None:
    later = datetime(2024, 11, 13, 3, 0, tzinfo=UTC)
    assert dated(ld("2024-11-13T08:04:00+07:00", "2024-11-13T10:00:00+07:00")).modified_at == later
    assert (
        dated(ld("2024-11-13T08:04:00+07:00") + meta("2024-11-13T10:00:00+07:00", "article:modified_time")).modified_at
        == later
    )
    assert dated(ld("2024-11-13T08:04:00+07:00", "2024-11-13T07:00:00+07:00")).modified_at is None
    assert dated(ld("2024-11-13T08:04:00Z", "2024-11-13T10:00:00Z"), LINE).modified_at == later  # the same false zone


def test_the_day_of_the_visit_in_the_top_bar_is_not_taken() -> None:
    html = page(paragraphs(*PARAGRAPHS), above="").replace(
        "<h1", '<div class="topbar-x">Rabu, 13 November 2024</div><h1', 1
    )
    assert clean_page(html, "https://a.example/b/camat", fetched_at=FETCHED).published_at is None


def test_a_date_line_of_another_story_is_not_taken() -> None:
    below = '<div class="berita-terkait"><h3>Berita Terkait</h3><p>Senin, 11 November 2024 10:00 WIB</p></div>'
    html = page(paragraphs(*PARAGRAPHS), above="", below=below)
    assert clean_page(html, "https://a.example/b/camat", fetched_at=FETCHED).published_at is None
