"""The listings of a poll: conditional fetches, what makes them stand still, sitemaps, APIs (crawler/discovering.py)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from crawler.items import Discover
from crawler.settings import LIMITS
from tests.crawler.fakeweb import DAY_S, FEED, START, Outlet, answer, failure, feed, outlet, with_articles


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: sleep(0))


# ------------------------------------------------------------------------------------------- what is unchanged


async def test_new_articles_are_read_once_and_an_unchanged_web_costs_one_request() -> None:
    one = with_articles("/a", "/b")
    first = await one.poll()
    assert (first.outcome, first.found, first.new, len(first.articles)) == ("ok", 2, 2, 2)
    second = await one.poll()
    assert (second.outcome, second.found, second.new, second.articles) == ("not_modified", 0, 0, ())
    assert one.web.urls == ["https://o.id/feed"]
    assert second.requests == 1


async def test_validators_are_sent_back() -> None:
    one = with_articles("/a")
    one.web.pages["https://o.id/feed"] = answer(feed("/a"), etag='"1"', last_modified="Wed, 13 Nov 2024 01:00:00 GMT")
    await one.poll()
    one.web.pages["https://o.id/feed"] = answer(status=304)
    assert (await one.poll()).outcome == "not_modified"
    sent = one.web.asked[-1].headers
    assert (sent["If-None-Match"], sent["If-Modified-Since"]) == ('"1"', "Wed, 13 Nov 2024 01:00:00 GMT")


async def test_a_new_etag_on_the_same_body_is_no_change() -> None:
    one = with_articles("/a")
    one.web.pages["https://o.id/feed"] = answer(feed("/a"), etag='"1"')
    await one.poll()
    one.web.pages["https://o.id/feed"] = answer(feed("/a"), etag='"2"')
    assert (await one.poll()).outcome == "not_modified"


async def test_a_server_that_says_304_for_ever_is_asked_in_full_after_a_day() -> None:
    one = with_articles("/a", "/b")
    bodies = {"now": feed("/a")}
    one.web.pages["https://o.id/feed"] = lambda asked: (
        answer(status=304) if "If-None-Match" in asked.headers else answer(bodies["now"], etag='"1"')
    )
    await one.poll()
    bodies["now"] = feed("/b", "/a")
    for _ in range(3):
        assert (await one.poll(after_s=DAY_S / 4)).new == 0
    assert [article.url for article in (await one.poll(after_s=DAY_S / 4)).articles] == ["https://o.id/b"]


async def test_a_clock_set_back_makes_a_full_fetch_not_a_year_of_304() -> None:
    one = with_articles("/a")
    one.web.pages["https://o.id/feed"] = answer(feed("/a"), etag='"1"')
    await one.poll()
    await one.poll(after_s=-365 * DAY_S)
    assert "If-None-Match" not in one.web.asked[-1].headers


async def test_validators_that_nobody_uses_are_forgotten() -> None:
    one = with_articles("/a")
    await one.poll()
    before = set(one.memory.validators)
    one.discover = (Discover("feed", "https://o.id/baru"),)
    one.web.pages["https://o.id/baru"] = feed("/a")
    await one.poll(after_s=(LIMITS.known_days + 1) * DAY_S)
    assert len(one.memory.validators) == len(before) == 1
    assert not before & set(one.memory.validators)


# --------------------------------------------------------------------------------------------- when they stand still


async def test_limit_takes_the_newest_and_leaves_the_rest_for_the_next_poll() -> None:
    dated = [(f"/{n}", f"Judul {n}", f"2024-11-{n:02} 10:00") for n in range(1, 7)]
    one = outlet({"https://o.id/feed": feed(*dated), **{f"https://o.id/{n}": "isi" for n in range(1, 7)}})
    report = await one.poll(limit=2)
    assert {article.url for article in report.articles} == {"https://o.id/5", "https://o.id/6"}
    assert (report.found, report.truncated) == (2, True)
    assert one.memory.validators == {}
    assert len((await one.poll()).articles) == 4
    assert (await one.poll()).outcome == "not_modified"


async def test_limit_that_ends_before_the_last_listing_leaves_it_for_the_next_poll() -> None:
    page = Discover("page", "https://o.id/indeks", links="p a", next="b a", max_pages=3)
    one = outlet(
        {
            "https://o.id/indeks": "<p><a href=/1>x</a></p><b><a href=/i2></a></b>",
            "https://o.id/i2": "<p><a href=/2>y</a></p>",
        },
        page,
    )
    await one.poll(limit=1)
    report = await one.poll()
    assert one.web.urls[:2] == ["https://o.id/indeks", "https://o.id/i2"]
    assert report.outcome == "ok"


async def test_since_leaves_out_what_is_older_and_the_next_poll_takes_it() -> None:
    one = outlet({"https://o.id/feed": feed(("/a", "A", "2024-11-13 08:00"), ("/b", "B", "2024-11-01 08:00"))})
    one.web.pages |= {"https://o.id/a": "isi", "https://o.id/b": "isi"}
    report = await one.poll(since=START - timedelta(days=2))
    assert [article.url for article in report.articles] == ["https://o.id/a"]
    assert one.web.urls == ["https://o.id/feed", "https://o.id/a"]
    assert [article.url for article in (await one.poll()).articles] == ["https://o.id/b"]


async def test_500_entries_a_poll_and_the_rest_is_not_wanted() -> None:
    paths = [f"/a-{n}" for n in range(700)]
    one = with_articles(*paths)
    report = await one.poll()
    assert (len(report.articles), report.truncated) == (500, True)
    assert (await one.poll()).outcome == "not_modified"


@pytest.mark.parametrize("kind", ["truncated", "timeout", "too_large"])
async def test_a_listing_that_is_cut_off_is_read_again(kind: object) -> None:
    one = with_articles("/a")
    one.web.pages["https://o.id/feed"] = failure(kind)  # type: ignore[arg-type]
    report = await one.poll()
    assert (report.outcome, report.errors[0].kind) == ("failed", kind)
    assert one.memory.validators == {}


async def test_a_listing_page_that_fails_is_looked_for_again_behind_the_unchanged_first() -> None:
    page = Discover("page", "https://o.id/indeks", links="p a", next="b a", max_pages=3)
    one = outlet(
        {"https://o.id/indeks": "<p><a href=/1>x</a></p><b><a href=/i2></a></b>", "https://o.id/1": "isi"}, page
    )
    one.web.pages["https://o.id/i2"] = failure("timeout")
    assert [error.kind for error in (await one.poll()).errors if error.url == "https://o.id/i2"] == ["timeout"]
    one.web.pages |= {"https://o.id/i2": "<p><a href=/2>y</a></p>", "https://o.id/2": "isi"}
    assert [article.url for article in (await one.poll()).articles] == ["https://o.id/2"]


async def test_one_listing_that_fails_does_not_stop_the_others() -> None:
    one = outlet(
        {"https://o.id/feed": feed("/a"), "https://o.id/a": "isi"}, Discover("feed", "https://o.id/rusak"), FEED
    )
    report = await one.poll()
    assert (report.outcome, len(report.articles)) == ("ok", 1)
    assert [(error.url, error.kind) for error in report.errors] == [("https://o.id/rusak", "gone")]


async def test_listings_may_take_half_of_a_polls_time() -> None:
    children = [f"https://o.id/s{n}.xml" for n in range(30)]
    index = "<sitemapindex>" + "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in children) + "</sitemapindex>"
    one = outlet({"https://o.id/s.xml": index}, Discover("sitemap", "https://o.id/s.xml"))

    def slow(asked: object) -> object:
        one.now += timedelta(seconds=LIMITS.sitemap_timeout_s)
        return failure("timeout")(asked)  # type: ignore[arg-type]

    one.web.pages |= dict.fromkeys(children, slow)
    report = await one.poll()
    assert len(one.web.urls) < 10
    assert (report.finished_at - report.started_at).total_seconds() < LIMITS.poll_timeout_s


# ------------------------------------------------------------------------------------------------------- sitemaps


def sitemap(*paths: str) -> str:
    return "<urlset>" + "".join(f"<url><loc>https://o.id{path}</loc></url>" for path in paths) + "</urlset>"


def index(*paths: str) -> str:
    return (
        "<sitemapindex>"
        + "".join(f"<sitemap><loc>https://o.id{path}</loc></sitemap>" for path in paths)
        + "</sitemapindex>"
    )


SITEMAP = Discover("sitemap", "https://o.id/s.xml")


@pytest.mark.parametrize("status", [200, 304])
async def test_an_unchanged_index_still_leads_to_its_children(status: int) -> None:
    one = outlet(
        {"https://o.id/s.xml": answer(index("/s1.xml"), etag='"1"'), "https://o.id/s1.xml": sitemap("/a")}, SITEMAP
    )
    one.web.pages |= {"https://o.id/a": "isi", "https://o.id/b": "isi"}
    await one.poll()
    one.web.pages["https://o.id/s1.xml"] = sitemap("/b", "/a")
    if status == 304:
        one.web.pages["https://o.id/s.xml"] = answer(status=304)
    assert [article.url for article in (await one.poll()).articles] == ["https://o.id/b"]


async def test_a_child_that_failed_is_read_behind_the_unchanged_index() -> None:
    one = outlet({"https://o.id/s.xml": index("/s1.xml"), "https://o.id/s1.xml": failure("timeout")}, SITEMAP)
    await one.poll()
    one.web.pages |= {"https://o.id/s1.xml": sitemap("/a"), "https://o.id/a": "isi"}
    assert len((await one.poll()).articles) == 1


async def test_loops_end_and_depth_is_two() -> None:
    pages = {
        "/s.xml": index("/s.xml", "/s1.xml"),
        "/s1.xml": index("/s.xml", "/s2.xml"),
        "/s2.xml": index("/s3.xml"),
        "/s3.xml": "",
    }
    one = outlet({f"https://o.id{path}": body for path, body in pages.items()}, SITEMAP)
    await one.poll()
    assert [url.rpartition("/")[2] for url in one.web.urls] == ["s.xml", "s1.xml", "s2.xml"]


async def test_of_fifty_thousand_children_fifty_are_read() -> None:
    one = outlet({"https://o.id/s.xml": index(*(f"/s{n}.xml" for n in range(5000)))}, SITEMAP)
    await one.poll()
    assert len(one.web.urls) == LIMITS.max_sitemaps


async def test_an_endless_next_page_ends_at_max_pages() -> None:
    page = Discover("page", "https://o.id/i?h=0", links="p a", next="b a", max_pages=4)
    one = outlet(
        {f"https://o.id/i?h={n}": f"<p><a href=/a{n}>x</a></p><b><a href='/i?h={n + 1}'></a></b>" for n in range(99)},
        page,
    )
    one.web.pages |= {f"https://o.id/a{n}": "isi" for n in range(99)}
    assert len((await one.poll()).articles) == 4


# ------------------------------------------------------------------------------------------------------ WordPress


async def test_wordpress_without_pretty_addresses_is_found_at_rest_route() -> None:
    body = '[{"link": "https://o.id/?p=1", "title": {"rendered": "T"}}]'
    for instead in (answer("x", 404), answer("<!doctype html>Beranda")):
        one = outlet({"https://o.id/?p=1": "isi"}, Discover("wordpress", "https://o.id"))
        one.web.pages |= _api(one, instead, body)
        assert len((await one.poll()).articles) == 1
        assert "rest_route=/wp/v2/posts" in one.web.urls[1]


def _api(one: Outlet, pretty: object, plain: object) -> dict[str, object]:
    from crawler.discovery.wordpress import requests, rest_route

    (url,) = requests("https://o.id")
    return {url: pretty, rest_route(url): plain}  # type: ignore[dict-item]


async def test_a_whole_body_in_the_listing_saves_the_page() -> None:
    body = "Aparatur sipil negara wajib netral. " * 20
    one = outlet({}, Discover("wordpress", "https://o.id"))
    one.web.pages |= _api(
        one, f'[{{"link": "https://o.id/a", "title": {{"rendered": "T"}}, "content": {{"rendered": "{body}"}}}}]', ""
    )
    (article,) = (await one.poll()).articles
    assert article.body == body
    assert one.web.urls == one.web.urls[:1]
