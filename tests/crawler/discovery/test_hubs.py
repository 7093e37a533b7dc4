"""Which hub a feed names: headers, links in feeds of all kinds, and what is no address."""

from __future__ import annotations

import json
import random

import pytest

from crawler.discovering import listing_key
from crawler.discovery import read_listing
from crawler.discovery.hubs import hub_of, linked
from crawler.items import Discover, Hub
from tests.crawler.fakeweb import START, FakeWeb, Outlet, answer

FEED = "https://o.id/feed"
ATOM = 'xmlns:atom="http://www.w3.org/2005/Atom"'
RSS = f"""<rss version="2.0" {ATOM}><channel><title>O</title><atom:link rel="hub" href="https://hub.id/"/>
<atom:link href="/feed" rel="self" type="application/rss+xml"/>
<item><title>A</title><link>https://o.id/a</link><atom:link rel="hub" href="https://entry.id/"/></item></channel></rss>"""
NAMED = Hub("https://hub.id/", FEED)


def read(body: str, header: str = "") -> Hub:
    listing = read_listing(Discover("feed", FEED), body.encode(), FEED, "", "Asia/Jakarta")
    return hub_of(header, listing.links, FEED)


@pytest.mark.parametrize(
    "body",
    [
        RSS,
        '<feed xmlns="http://www.w3.org/2005/Atom"><link rel="hub" href="https://hub.id/"/><link rel="self" href="/feed"/></feed>',
        f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" {ATOM}><channel>'
        '<atom:link rel="hub" href="https://hub.id/"/><atom:link rel="self" href="/feed"/></channel></rdf:RDF>',
        json.dumps({"feed_url": FEED, "hubs": [{"type": "rssCloud", "url": "https://x.id"}, {"type": "WebSub", "url": "https://hub.id/"}], "items": []}),
    ],
    ids=["rss", "atom", "rdf", "json"],
)  # fmt: skip
def test_a_feed_names_its_hub_and_itself(body: str) -> None:
    assert read(body) == NAMED


async def test_a_blog_names_its_public_feed_not_what_we_asked_for() -> None:
    links = [
        {"rel": "http://schemas.google.com/g/2005#feed", "href": "http://o.id/feeds/posts/default"},
        {"rel": "self", "href": "http://www.blogger.com/feeds/24/posts/default?alt=json"},
        {"rel": "hub", "href": "http://pubsubhubbub.appspot.com/"},
    ]
    asked = "https://o.id/feeds/posts/default?max-results=50&alt=json"
    web = FakeWeb({asked: json.dumps({"feed": {"link": links, "entry": []}})})
    report = await Outlet(web, (Discover("blogger", "https://o.id"),), START).poll()
    named = Hub("http://pubsubhubbub.appspot.com/", "http://o.id/feeds/posts/default")
    assert report.hubs == {listing_key("https://o.id"): named}


def test_headers_win_over_the_feed() -> None:
    header = '<https://other.id/hub>; rel="hub", </feed?full=1>; rel=self'
    assert read(RSS, header) == Hub("https://other.id/hub", "https://o.id/feed?full=1")
    assert read(RSS, '<https://other.id/hub>; rel="hub"') == Hub("https://other.id/hub", FEED)


def test_a_link_header_is_read_as_it_is_sent() -> None:
    header = '<https://o.id/wp-json/>; rel="https://api.w.org/", <a>; title="x"; REL="Hub self", <b>;rel=hub, <c>; anchor="#x"; rel=hub'
    assert linked(header) == [
        ("https://api.w.org/", "https://o.id/wp-json/"),
        ("hub", "a"),
        ("self", "a"),
        ("hub", "b"),
    ]
    assert linked("<" * 100_000) == linked("nothing; rel=hub") == []


@pytest.mark.parametrize(
    "links",
    [
        [("hub", "https://hub.id/")],  # a feed that does not say what it is called
        [("self", FEED)],
        [("hub", ""), ("self", "")],
        [("hub", "ftp://hub.id/"), ("self", FEED)],
        [("hub", "https://user:pass@hub.id/"), ("self", FEED)],
        [("hub", "https://[hub"), ("self", FEED)],
        [("hub", "https://hub.id/\r\nx"), ("self", "https://o.id/" + "x" * 3000)],
        [("hub", "https://hub.id:99999/"), ("self", FEED)],
        [("hub", "javascript:alert(1)"), ("self", FEED)],
    ],
)
def test_what_is_no_usable_pair_names_no_hub(links: list[tuple[str, str]]) -> None:
    assert hub_of("", links, FEED) == Hub()


async def test_a_poll_tells_what_its_feeds_name_when_they_have_changed() -> None:
    web = FakeWeb({FEED: answer(RSS, etag='"1"'), "https://o.id/a": "off"})
    one = Outlet(web, (Discover("feed", FEED),), START)
    assert list((await one.poll()).hubs.values()) == [NAMED]
    assert (await one.poll()).hubs == {}  # the same body
    web.pages[FEED] = answer(status=304)
    assert (await one.poll()).hubs == {}
    web.pages[FEED] = answer(RSS.replace("atom:link", "atom:tautan"))
    assert list((await one.poll()).hubs.values()) == [Hub()]


def test_no_text_breaks_it() -> None:
    rng = random.Random(1)
    pieces = [
        "<",
        ">",
        ";",
        ",",
        "rel=",
        "hub",
        "self",
        '"',
        "https://",
        "[",
        "]",
        "@",
        ":",
        "\ud800",
        "\x00",
        "é",
        " ",
        "x" * 500,
    ]
    for _ in range(2000):
        junk = "".join(rng.choices(pieces, k=rng.randint(0, 30)))
        found = hub_of(junk, [("hub", junk), ("self", junk)], FEED)
        assert bool(found.url) == bool(found.topic)
        assert found.url.startswith(("http", "")) and len(found.url) <= 2000
