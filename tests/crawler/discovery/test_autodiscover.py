"""What a home page says of how it can be read (crawler/discovery/autodiscover.py)."""

from __future__ import annotations

import pytest

from crawler.discovery.autodiscover import id_of, read_site, way_by_address, ways_of

URL = "https://outlet.id/"


def page(head: str = "", body: str = "", title: str = "Outlet Kita - Berita Daerah") -> bytes:
    return f"<!doctype html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>".encode()


def tag(href: str, kind: str = "application/rss+xml", title: str = "") -> str:
    return f'<link rel="alternate" type="{kind}" title="{title}" href="{href}">'


def test_feeds_are_those_of_articles_in_the_pages_order_absolute_and_each_once() -> None:
    head = (
        tag("/feed/")
        + tag("https://outlet.id/comments/feed/", title="Komentar")
        + tag("/feed/")
        + tag("atom.xml", "application/atom+xml")
        + tag("javascript:alert(1)")
        + tag("http://[")
        + tag("/x.json", "application/json")
        + tag("/feed.json", "application/feed+json")
        + '<link rel="stylesheet" type="text/css" href="/a.css">'
    )
    site = read_site(page(head), URL, "text/html")
    assert site.feeds == ("https://outlet.id/feed/", "https://outlet.id/atom.xml", "https://outlet.id/feed.json")


def test_a_base_element_counts() -> None:
    site = read_site(page('<base href="https://lain.id/x/">' + tag("feed")), URL, "")
    assert site.feeds == ("https://lain.id/x/feed",)


def test_the_feed_of_the_part_that_was_asked_for_comes_first() -> None:
    head = tag("https://outlet.id/feed/") + tag("https://outlet.id/tag/asn/feed/")
    assert read_site(page(head), "https://outlet.id/tag/asn", "").feeds[0] == "https://outlet.id/tag/asn/feed/"
    assert read_site(page(head), URL, "").feeds[0] == "https://outlet.id/feed/"


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ('<link rel="https://api.w.org/" href="https://outlet.id/wp-json/">', "https://outlet.id"),
        ('<link rel="https://api.w.org/" href="https://outlet.id/blog/wp-json/">', "https://outlet.id/blog"),
        (
            '<link rel="https://api.w.org/" href="https://outlet.id/?rest_route=/">',
            "https://outlet.id/?rest_route=/",
        ),
        ('<meta name="generator" content="WordPress 6.6">', "https://outlet.id"),
        ('<link rel="stylesheet" href="/wp-content/themes/x.css">', "https://outlet.id"),
        ('<meta name="generator" content="Drupal">', None),
    ],
)
def test_wordpress_is_known_by_its_marks(head: str, found: str | None) -> None:
    assert read_site(page(head), URL, "").wordpress == found


def test_blogger_is_known_by_its_generator_or_its_host() -> None:
    assert read_site(page('<meta content="blogger" name="generator">'), URL, "").blogger
    assert read_site(page(), "https://kabar.blogspot.com/", "").blogger
    assert not read_site(page(), URL, "").blogger


def test_pages_that_list_everything_are_found_by_address_and_by_word() -> None:
    body = (
        '<a href="/indeks">Semua</a><a href="/terbaru">Berita Terbaru</a><a href="https://lain.id/indeks">Indeks</a>'
        '<a href="/berita/indeks-kemiskinan-turun">Indeks kemiskinan turun di kabupaten</a>'
    )
    assert read_site(page(body=body), URL, "").indexes == ("https://outlet.id/indeks", "https://outlet.id/terbaru")


@pytest.mark.parametrize(
    ("html", "url", "name"),
    [
        (page('<meta property="og:site_name" content=" Outlet&#32;Kita ">'), URL, "Outlet Kita"),
        (page('<meta name="application-name" content="Kita">'), URL, "Kita"),
        (page(title="Berita Terkini Hari Ini | Outlet"), URL, "Outlet"),
        (page(title="Koran Sekanak - Berita Terkini"), "http://127.0.0.1:8000/", "Koran Sekanak"),
        (page(title=""), URL, None),
        (page('<meta property="og:site_name" content="a&#x202e;b">', title="Kita"), URL, "Kita"),
    ],
)
def test_the_name_is_what_the_site_calls_itself(html: bytes, url: str, name: str | None) -> None:
    assert read_site(html, url, "").name == name


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<?xml version='1.0'?><rss><channel><title>Kita</title></channel></rss>", "feed"),
        (b"<feed xmlns='http://www.w3.org/2005/Atom'><title>Kita</title></feed>", "feed"),
        (b'{"version": "https://jsonfeed.org/version/1.1", "items": []}', "feed"),
        (b"<urlset><url/></urlset>", "sitemap"),
        (b"<sitemapindex/>", "sitemap"),
        (b"\x1f\x8bxx", "sitemap"),
    ],
)
def test_a_listing_given_by_hand_is_taken_as_that(body: bytes, kind: str) -> None:
    named, guessed = ways_of(read_site(body, "https://outlet.id/x", ""))
    assert [(way.kind, way.url) for way in named[0]] == [(kind, "https://outlet.id/x")]
    assert guessed == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<!-- x -->",
        b"\x00\xff\xfe",
        b"<",
        b"plain",
        b"<html>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
    ],
)
def test_whatever_answers_something_comes_back(body: bytes) -> None:
    site = read_site(body, URL, "")
    assert (site.url, site.feeds) == (URL, ())


def test_the_order_is_apis_then_feeds_then_news_sitemaps_then_guesses() -> None:
    head = tag("/feed/") + '<link rel="https://api.w.org/" href="https://outlet.id/wp-json/">'
    robots = ["https://outlet.id/sitemap.xml", "https://outlet.id/news.xml"]
    named, guessed = ways_of(read_site(page(head), URL, ""), robots)
    assert [(group[0].kind, group[0].url) for group in named] == [
        ("wordpress", "https://outlet.id"),
        ("feed", "https://outlet.id/feed/"),
        ("sitemap", "https://outlet.id/news.xml"),
    ]
    assert [group[0].kind for group in guessed] == ["feed", "sitemap", "wordpress", "sitemap", "page"]
    assert guessed[3][0].url == "https://outlet.id/sitemap.xml"


@pytest.mark.parametrize(
    ("url", "kind", "found"),
    [
        ("https://o.id/feed/", "feed", None),
        ("https://o.id/rss/terkini.xml", "feed", None),
        ("https://o.id/?feed=rss2", "feed", None),
        ("https://o.id/sitemap-news.xml", "sitemap", None),
        ("https://o.id/wp-json/wp/v2/posts?search=asn", "wordpress", "https://o.id"),
        ("https://o.id/feeds/posts/default?alt=rss", "blogger", "https://o.id"),
        ("https://o.id/tag/netralitas-asn", "page", None),
        ("https://o.id", "page", None),
    ],
)
def test_an_address_says_by_its_look_what_it_is(url: str, kind: str, found: str | None) -> None:
    way = way_by_address(url)
    assert (way.kind, way.url) == (kind, found or url)


@pytest.mark.parametrize(
    ("url", "taken", "made"),
    [
        ("https://www.rmolsumsel.id/x", (), "rmolsumsel"),
        ("https://satupena.co.id", (), "satupena"),
        ("https://aceh.antaranews.com", (), "aceh-antaranews"),
        ("https://kabar.com", ("kabar", "kabar-2"), "kabar-3"),
        ("http://127.0.0.1:8000", (), "127-0-0-1"),
        ("https://xn--p1ai.id", (), "xn-p1ai"),
        ("http://[::1]/", (), "1"),
        ("https://" + "a" * 63 + "." + "b" * 60 + ".id", (), "a" * 50),
    ],
)
def test_an_id_is_made_of_the_host_and_never_taken(url: str, taken: tuple[str, ...], made: str) -> None:
    assert id_of(url, taken) == made
