"""Sitemaps (crawler/discovery/sitemap.py; GUARANTEES A3, A12)."""

from __future__ import annotations

import gzip
import tracemalloc
from datetime import UTC, datetime

import pytest

from crawler.discovery import Listing, sitemap
from crawler.errors import DiscoveryError
from crawler.settings import LIMITS
from tests.servers import gzip_bomb

URL = "https://outlet.id/sitemap.xml"


def read(body: str | bytes, content_type: str = "application/xml") -> Listing:
    return sitemap.read(body.encode() if isinstance(body, str) else body, URL, content_type, "Asia/Makassar")


def urlset(*locs: str, more: str = "") -> str:
    urls = "".join(f"<url><loc>{loc}</loc>{more}</url>" for loc in locs)
    return f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'


def index(*children: tuple[str, str]) -> str:
    items = "".join(f"<sitemap><loc>{loc}</loc><lastmod>{at}</lastmod></sitemap>" for loc, at in children)
    return f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{items}</sitemapindex>'


def test_news_titles_and_dates() -> None:
    more = (
        "<lastmod>2024-11-13T05:00:00+08:00</lastmod>"
        '<n:news xmlns:n="http://www.google.com/schemas/sitemap-news/0.9"><n:publication><n:name>O</n:name></n:publication>'
        "<n:publication_date>2024-11-13 10:00</n:publication_date><n:title>Camat &amp; lurah</n:title></n:news>"
        '<i:image xmlns:i="http://www.google.com/schemas/sitemap-image/1.1"><i:loc>/f.jpg</i:loc></i:image>'
    )
    found = read(urlset("https://outlet.id/a-1", more=more)).entries[0]
    assert (found.title, found.image) == ("Camat & lurah", "https://outlet.id/f.jpg")
    assert found.published_at == datetime(2024, 11, 13, 2, 0, tzinfo=UTC)  # WITA, the source's zone
    assert found.modified_at == datetime(2024, 11, 12, 21, 0, tzinfo=UTC)


def test_lastmod_is_no_publication() -> None:
    found = read(urlset("https://outlet.id/a-1", more="<lastmod>2024-11-13</lastmod>")).entries[0]
    assert found.published_at is None
    assert found.modified_at is not None


def test_the_newest_child_of_an_index_comes_first_and_news_before_all() -> None:
    listing = read(
        index(
            ("https://outlet.id/s-2023.xml", "2023-12-31"),
            ("https://outlet.id/s-2024.xml", "2024-11-13T10:00:00+07:00"),
            ("https://outlet.id/news.xml", "2020-01-01"),
            ("file:///etc/passwd", "2024-11-13"),
            ("/s-undated.xml", ""),
        )
    )
    assert [url.rpartition("/")[2] for url in listing.more] == ["news.xml", "s-undated.xml", "s-2024.xml", "s-2023.xml"]
    assert listing.entries == ()


def test_gzip_is_known_by_its_content_not_its_name() -> None:
    body = gzip.compress(urlset("https://outlet.id/a-1").encode())
    for content_type in ("application/x-gzip", "text/xml", ""):
        assert len(read(body, content_type).entries) == 1


def test_a_plain_list_of_addresses() -> None:
    listing = read(
        "\ufeffhttps://outlet.id/a-1\r\nhttps://outlet.id/a-2\n\nmailto:x\nhttps://outlet.id/\n", "text/plain"
    )
    assert [entry.url for entry in listing.entries] == ["https://outlet.id/a-1", "https://outlet.id/a-2"]


def test_a_bomb_is_cut_at_the_limit() -> None:
    bomb = gzip_bomb(200)
    assert len(bomb) < 300_000
    tracemalloc.start()
    try:
        with pytest.raises(DiscoveryError, match="unpacks to more than"):
            read(bomb)
        assert tracemalloc.get_traced_memory()[1] < LIMITS.max_sitemap_bytes * 2.5
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (gzip.compress(urlset("https://outlet.id/a-1").encode() * 50)[:-20], "ends too early"),
        (b"\x1f\x8bgarbage", "damaged gzip"),
        (urlset(*["https://o.id/a"] * 100_001), "names 100001 addresses"),
        (b"https://o.id/a\n" * 100_001, "names 100001 addresses"),
        (b"<rss><channel/></rss>", "not urlset"),
        (b"<!doctype html><title>404", "no feed"),
        (b"", "no feed"),
    ],
    ids=["cut gzip", "no gzip", "too many", "too many lines", "feed", "html", "empty"],
)
def test_what_is_no_sitemap_is_named(body: bytes | str, message: str) -> None:
    with pytest.raises(DiscoveryError, match=message) as caught:
        read(body)
    assert caught.value.kind == ("too_large" if message.startswith("names") else "not_a_feed")
