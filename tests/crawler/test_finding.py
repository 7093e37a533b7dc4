"""Finding how an unknown site is read (crawler/finding.py), against a web in memory and the bundled newsroom."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
import pytest

from crawler.fetch import Answer, Fetcher
from crawler.finding import find
from crawler.items import PollReport, Source
from crawler.netguard import AddressGuard
from crawler.politeness import Hosts
from newsroom import Newsroom
from tests.crawler.fakeweb import START, FakeWeb, answer, failure, feed, fetcher

HOME = "https://o.id/"
PLAIN = "<html><head><title>O</title></head><body><a href='/x'>x</a></body></html>"
POSTS = '[{"link": "https://o.id/2024/11/camat-dipanggil", "title": {"rendered": "Camat"}, "date_gmt": "2024-11-13T01:00:00"}]'
BLOG = '{"feed": {"entry": [{"title": {"$t": "A"}, "link": [{"rel": "alternate", "href": "https://o.id/2024/11/a.html"}]}]}}'
SITEMAP = "<urlset><url><loc>https://o.id/2024/11/13/a</loc><lastmod>2024-11-13</lastmod></url></urlset>"
INDEX = "<sitemapindex><sitemap><loc>https://o.id/post-sitemap.xml</loc></sitemap></sitemapindex>"
LISTED = "".join(
    f"<h2><a href='/berita/camat-dipanggil-pengawas-pemilu-{n}'>Camat dipanggil pengawas pemilu {n}</a></h2>"
    for n in range(5)
)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: sleep(0))


async def found(pages: dict[str, object], url: str = HOME) -> tuple[PollReport, list[tuple[str, str]], FakeWeb]:
    web = FakeWeb({HOME: PLAIN, **pages})
    report = await find(fetcher(web), Source("o", "O", url), lambda: START)
    assert report.found_site is not None
    return report, [(way.kind, way.url) for way in report.found_site.ways], web


@pytest.mark.parametrize(
    ("pages", "way"),
    [
        ({"https://o.id/rss": feed("/a")}, ("feed", "https://o.id/rss")),
        ({"https://o.id/news-sitemap.xml": SITEMAP}, ("sitemap", "https://o.id/news-sitemap.xml")),
        (
            {"https://o.id/sitemap_index.xml": INDEX, "https://o.id/post-sitemap.xml": SITEMAP},
            ("sitemap", "https://o.id/sitemap_index.xml"),
        ),
        (
            {"https://o.id/robots.txt": "Sitemap: https://o.id/peta.xml", "https://o.id/peta.xml": SITEMAP},
            ("sitemap", "https://o.id/peta.xml"),
        ),
        ({HOME: PLAIN.replace("<a", LISTED + "<a")}, ("page", HOME)),
        (
            {HOME: PLAIN.replace("/x", "/indeks"), "https://o.id/indeks": f"<html>{LISTED}"},
            ("page", "https://o.id/indeks"),
        ),
    ],
    ids=["feed", "news sitemap", "sitemap index", "robots", "home page", "index page"],
)
async def test_a_site_that_names_nothing_is_read_by_what_it_has(pages: dict[str, object], way: tuple[str, str]) -> None:
    _, ways, _ = await found(pages)
    assert ways == [way]


@pytest.mark.parametrize("pretty", [True, False])
async def test_wordpress_without_a_feed_link_is_found_also_without_pretty_addresses(pretty: bool) -> None:
    web = FakeWeb({HOME: PLAIN})

    async def download(url: str, headers: Mapping[str, str], max_bytes: int, timeout_s: float) -> Answer:
        parts = urlsplit(url)
        if "rest_route" in parts.query or (pretty and parts.path == "/wp-json/wp/v2/posts"):
            return Answer(url, 200, {"content-type": "application/json"}, POSTS.encode())
        return await web.download(url, headers, max_bytes, timeout_s)

    tried = Fetcher(download, Hosts(0.0), AddressGuard(), random.Random(1))
    report = await find(tried, Source("o", "O", HOME), lambda: START)
    assert report.found_site is not None
    assert [(way.kind, way.url) for way in report.found_site.ways] == [("wordpress", "https://o.id")]


async def test_blogger_under_a_name_of_its_own_is_found() -> None:
    address = "https://o.id/feeds/posts/default?max-results=50&alt=json"
    _, ways, _ = await found({address: BLOG})
    assert ways == [("blogger", "https://o.id")]


async def test_an_address_that_is_a_feed_is_taken_as_it_is() -> None:
    _, ways, web = await found({"https://o.id/kanal.xml": feed("/a")}, "https://o.id/kanal.xml")
    assert ways == [("feed", "https://o.id/kanal.xml")]
    assert set(web.urls) == {"https://o.id/kanal.xml"}


async def test_an_empty_a_forsaken_and_a_broken_feed_are_passed_over_and_told() -> None:
    head = "".join(
        f"<link rel='alternate' type='application/rss+xml' href='/{name}'>"
        for name in ("kosong", "lama", "rusak", "baik")
    )
    old = feed("/a").replace("</item>", "<pubDate>Mon, 01 Jan 2018 00:00:00 GMT</pubDate></item>")
    pages = {HOME: PLAIN.replace("<title>", head + "<title>"), "https://o.id/kosong": "<rss><channel/></rss>"}
    pages |= {"https://o.id/lama": old, "https://o.id/rusak": "<html>maaf</html>", "https://o.id/baik": feed("/a")}
    report, ways, _ = await found(pages)
    assert ways == [("feed", "https://o.id/baik")]
    assert [error.kind for error in report.errors] == ["empty", "old", "not_a_feed"]
    del pages["https://o.id/baik"]
    report, ways, _ = await found(pages)
    assert ways == [("feed", "https://o.id/lama")]  # better than nothing


async def test_a_home_page_that_fails_may_have_a_feed_that_works() -> None:
    report, ways, _ = await found({HOME: answer("maaf", 500), "https://o.id/feed/": feed("/a")})
    assert ways == [("feed", "https://o.id/feed/")]
    assert report.errors[0].kind == "http"


@pytest.mark.parametrize("kind", ["dns", "connect", "timeout", "tls"])
async def test_a_host_that_does_not_answer_is_asked_nothing_more(kind: str) -> None:
    report, ways, web = await found({HOME: failure(kind), "https://o.id/robots.txt": failure(kind)})  # type: ignore[arg-type]
    assert (report.outcome, ways) == ("failed", [])
    assert report.errors[0].kind in (kind, "robots")  # RFC 9309: no answer to robots.txt in time means no crawl
    assert len(web.asked) <= 2


async def test_a_host_that_falls_silent_is_left_alone() -> None:
    web = FakeWeb({HOME: PLAIN})

    async def download(url: str, headers: Mapping[str, str], max_bytes: int, timeout_s: float) -> Answer:
        if url not in (HOME, "https://o.id/robots.txt"):
            web.pages[url] = failure("timeout")
        return await web.download(url, headers, max_bytes, timeout_s)

    report = await find(
        Fetcher(download, Hosts(0.0), AddressGuard(), random.Random(1)), Source("o", "O", HOME), lambda: START
    )
    assert report.outcome == "failed"
    assert len(set(web.urls)) == 4


async def test_robots_txt_is_obeyed() -> None:
    report, ways, web = await found(
        {"https://o.id/robots.txt": "User-agent: *\nDisallow: /", "https://o.id/rss": feed("/a")}
    )
    assert ways == []
    assert report.errors[0].kind == "robots"
    assert web.urls == []


async def test_a_site_without_anything_costs_a_bounded_number_of_requests() -> None:
    report, ways, web = await found({})
    assert ways == []
    assert len(web.urls) < 25
    assert len(report.errors) >= 15


async def test_private_addresses_that_a_page_names_are_refused() -> None:
    head = "<link rel='alternate' type='application/rss+xml' href='http://169.254.169.254:8080/feed'>"
    report, _, web = await found({HOME: PLAIN.replace("<title>", head + "<title>")})
    assert any(error.kind == "refused_address" for error in report.errors)
    assert not [asked for asked in web.asked if "169.254" in asked.url]


async def test_each_outlet_of_the_newsroom_is_read_by_a_way_that_works() -> None:
    with Newsroom() as newsroom:
        ports = {urlsplit(outlet.base_url).netloc for outlet in newsroom.outlets}
        async with httpx.AsyncClient() as client:

            async def download(url: str, headers: Mapping[str, str], max_bytes: int, timeout_s: float) -> Answer:
                got = await client.get(url, headers=dict(headers), timeout=timeout_s)
                return Answer(url, got.status_code, dict(got.headers), got.content)

            tried = Fetcher(download, Hosts(0.0), AddressGuard(True, ports), random.Random(1))
            for outlet in newsroom.outlets:
                report = await find(
                    tried, Source(outlet.id, "", outlet.base_url), lambda: newsroom.truths()[0].published_at
                )
                assert report.found_site is not None
                first = report.found_site.ways[0]
                ways = [*outlet.discover, *outlet.also]
                assert {first.kind: first.url} in [{k: v for k, v in way.items() if k == first.kind} for way in ways]
                kinds = {next(iter(way)) for way in outlet.discover}
                assert first.kind in (kinds if outlet.kind != "rmol" else {"sitemap"}), outlet.id
                assert report.found_site.name == outlet.name
