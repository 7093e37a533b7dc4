"""Blogger's feed (crawler/discovery/blogger.py)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from crawler.discovery import Listing, blogger
from crawler.errors import DiscoveryError

URL = "https://outlet.blogspot.com/feeds/posts/default?alt=json"


def read(body: str | bytes) -> Listing:
    return blogger.read(body.encode() if isinstance(body, str) else body, URL, "application/json", "Asia/Jakarta")


def test_the_address_of_the_posts() -> None:
    (found,) = blogger.requests("https://outlet.blogspot.com")
    assert urlsplit(found).path == "/feeds/posts/default"
    (label,) = blogger.requests("https://o.id/feeds/posts/default/-/ASN?max-results=10&alt=rss")
    assert urlsplit(label).path == "/feeds/posts/default/-/ASN"
    assert parse_qs(urlsplit(label).query) == {"max-results": ["10"], "alt": ["json"]}


def test_posts_with_their_bodies_and_the_next_page() -> None:
    entry = {
        "id": {"$t": "tag:blogger.com,1999:blog-1.post-2"},
        "published": {"$t": "2024-11-13T10:00:00.001+07:00"},
        "updated": {"$t": "2024-11-13T11:00:00.000+07:00"},
        "title": {"$t": "Camat &amp; lurah"},
        "content": {"$t": "<p>Isi</p>"},
        "link": [
            {"rel": "self", "href": "https://o.id/x"},
            {"rel": "alternate", "href": "https://o.id/2024/11/a.html"},
        ],
        "author": [{"name": {"$t": "Sri"}}],
        "media$thumbnail": {"url": "https://1.bp.blogspot.com/x/s72-c/f.jpg"},
    }
    broken = [3, {}, {"link": [{"rel": "alternate"}]}]
    following = {"rel": "next", "href": "https://o.id/feeds/posts/default?start-index=51"}
    listing = read(json.dumps({"feed": {"entry": [entry, *broken], "link": [following]}}))
    (found,) = listing.entries
    assert (found.url, found.title, found.body_html) == ("https://o.id/2024/11/a.html", "Camat & lurah", "<p>Isi</p>")
    assert found.published_at == datetime(2024, 11, 13, 3, 0, tzinfo=UTC)
    assert (found.author, found.image) == ("Sri", "https://1.bp.blogspot.com/x/s1600/f.jpg")
    assert listing.more == ("https://o.id/feeds/posts/default?start-index=51",)


def test_a_name_that_says_nothing_is_no_author() -> None:
    entry = {"link": [{"rel": "alternate", "href": "https://o.id/a.html"}], "author": [{"name": {"$t": "Unknown"}}]}
    assert read(json.dumps({"feed": {"entry": [entry]}})).entries[0].author is None


def test_atom_is_read_too() -> None:
    found = read('<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/a-1"/><title>T</title></entry></feed>')
    assert found.entries[0].url == "https://outlet.blogspot.com/a-1"


def test_a_blog_without_posts_is_empty() -> None:
    assert read('{"feed": {}}') == Listing()


@pytest.mark.parametrize("body", ["<!doctype html>", "[]", "{}", "3", "", '{"feed": 3}', "x"])
def test_what_is_no_blog_is_named(body: str) -> None:
    with pytest.raises(DiscoveryError) as caught:
        read(body)
    assert caught.value.kind == "not_a_feed"
