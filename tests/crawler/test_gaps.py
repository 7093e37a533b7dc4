"""A listing that shows nothing known has a gap before it (crawler/discovering.py): older pages and sitemaps fill it."""

from __future__ import annotations

import asyncio

import pytest

from crawler.items import Discover
from tests.crawler.fakeweb import DAY_S, answer, feed, outlet, with_articles

WORDPRESS = "<generator>https://wordpress.org/?v=6.7</generator>"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: sleep(0))


def paged(*paths: str) -> str:
    return feed(*paths).replace("<channel>", f"<channel>{WORDPRESS}")


def articles(*paths: str) -> dict[str, object]:
    return {f"https://o.id{path}": "isi" for path in paths}


async def test_older_pages_of_a_feed_are_read_until_something_known_is_met() -> None:
    one = with_articles("/a", "/b")
    one.web.pages["https://o.id/feed"] = paged("/a", "/b")
    first = await one.poll()
    assert one.web.urls == ["https://o.id/feed", "https://o.id/a", "https://o.id/b"]  # a first poll digs for nothing
    assert not first.gap
    one.web.pages |= {
        "https://o.id/feed": paged("/g", "/h"),
        "https://o.id/feed?paged=2": paged("/e", "/f"),
        "https://o.id/feed?paged=3": paged("/c", "/d", "/a"),
        "https://o.id/feed?paged=4": paged("/never"),
        **articles("/c", "/d", "/e", "/f", "/g", "/h"),
    }
    report = await one.poll()
    assert sorted(article.url for article in report.articles) == [f"https://o.id/{name}" for name in "cdefgh"]
    assert not report.gap
    assert "https://o.id/feed?paged=4" not in one.web.urls
    await one.poll()
    assert one.web.urls == ["https://o.id/feed"]


async def test_a_feed_without_older_pages_has_a_gap_and_no_error() -> None:
    one = with_articles("/a")
    one.web.pages["https://o.id/feed"] = paged("/a")
    await one.poll()
    one.web.pages |= {"https://o.id/feed": paged("/b"), **articles("/b")}
    report = await one.poll()
    assert (report.gap, report.errors, report.outcome) == (True, (), "ok")
    assert [article.url for article in report.articles] == ["https://o.id/b"]
    assert one.web.urls[:2] == ["https://o.id/feed", "https://o.id/feed?paged=2"]
    assert (await one.poll()).gap is False


async def test_a_site_that_answers_every_page_alike_is_not_read_without_end() -> None:
    one = with_articles("/a")
    await one.poll()
    one.web.pages |= {"https://o.id/feed": paged("/b"), **articles("/b")}
    one.web.pages |= {f"https://o.id/feed?paged={n}": paged(f"/x{n}") for n in range(2, 99)}
    await one.poll()
    assert len([url for url in one.web.urls if "paged" in url]) <= 50


async def test_older_listing_pages_are_read_past_max_pages() -> None:
    page = Discover("page", "https://o.id/tag", links="a.t", next="a.n", max_pages=1)

    def listing(following: int, *paths: str) -> str:
        links = "".join(f'<a class="t" href="{path}">Judul berita {path}</a>' for path in paths)
        return f'<html><body>{links}<a class="n" href="/tag?p={following}">next</a></body></html>'

    one = outlet({"https://o.id/tag": listing(2, "/a"), **articles("/a")}, page)
    await one.poll()
    assert "https://o.id/tag?p=2" not in one.web.urls
    one.web.pages |= {
        "https://o.id/tag": listing(2, "/d"),
        "https://o.id/tag?p=2": listing(3, "/c"),
        "https://o.id/tag?p=3": listing(4, "/b", "/a"),
        **articles("/b", "/c", "/d"),
    }
    report = await one.poll()
    assert sorted(article.url for article in report.articles) == [f"https://o.id/{name}" for name in "bcd"]
    assert not report.gap
    assert "https://o.id/tag?p=4" not in one.web.urls


async def test_the_sitemaps_of_robots_txt_fill_a_gap_with_what_is_recent() -> None:
    one = with_articles("/a")
    one.web.pages["https://o.id/robots.txt"] = (
        "User-agent: *\nAllow: /\nSitemap: https://o.id/pages.xml\nSitemap: https://o.id/news.xml\n"
    )
    await one.poll()
    day = one.now.date().isoformat()
    one.web.pages |= {
        "https://o.id/feed": feed("/d"),
        "https://o.id/news.xml": answer(
            '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
            + "".join(
                f"<url><loc>https://o.id{path}</loc><lastmod>{at}</lastmod></url>"
                for path, at in (("/c", day), ("/a", day), ("/old", "2019-01-01"))
            )
            + "</urlset>",
            content_type="application/xml",
        ),
        **articles("/c", "/d", "/old"),
    }
    report = await one.poll(after_s=DAY_S / 24)
    assert sorted(article.url for article in report.articles) == ["https://o.id/c", "https://o.id/d"]
    assert not report.gap
    assert "https://o.id/pages.xml" not in one.web.urls
    await one.poll()
    assert "https://o.id/news.xml" not in one.web.urls
