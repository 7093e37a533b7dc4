"""WordPress' REST API (crawler/discovery/wordpress.py)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from crawler.discovery import Listing, wordpress
from crawler.errors import DiscoveryError

API = "https://outlet.id/wp-json/wp/v2/posts"
LONG = "<p>" + "Aparatur sipil negara wajib netral. " * 20 + "</p>"


def post(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "link": f"https://outlet.id/a-{number}/",
        "guid": {"rendered": f"https://outlet.id/?p={number}"},
        "title": {"rendered": "Camat &#8220;netral&#8221;"},
        "date": "2024-11-13T10:00:00",
        "date_gmt": "2024-11-13T03:00:00",
        "modified": "2024-11-13T11:00:00",
        "modified_gmt": "2024-11-13T04:00:00",
        "excerpt": {"rendered": "<p>Ringkas [&hellip;]</p>"},
        "content": {"rendered": LONG, "protected": False},
        "_embedded": {"author": [{"name": "Sri"}], "wp:featuredmedia": [{"source_url": "https://outlet.id/f.jpg"}]},
        **changes,
    }


def read(document: object, url: str = API, zone: str = "Asia/Jakarta") -> Listing:
    return wordpress.read(json.dumps(document).encode(), url, "application/json", zone)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://outlet.id", "/wp-json/wp/v2/posts"),
        ("https://outlet.id/blog/", "/blog/wp-json/wp/v2/posts"),
        ("https://outlet.id/wp-json", "/wp-json/wp/v2/posts"),
        ("https://outlet.id/wp-json/wp/v2/", "/wp-json/wp/v2/posts"),
        ("https://outlet.id/wp-json/wp/v2/posts?categories=7", "/wp-json/wp/v2/posts"),
        ("https://outlet.id/wp-json/wp/v2/berita", "/wp-json/wp/v2/berita"),
    ],
)
def test_the_address_of_the_posts(url: str, path: str) -> None:
    (found,) = wordpress.requests(url)
    assert urlsplit(found).path == path
    assert ("categories=7" in found) == ("categories" in url)


def test_the_address_of_the_posts_without_pretty_addresses() -> None:
    (found,) = wordpress.requests("https://outlet.id/?rest_route=/")
    assert parse_qs(urlsplit(found).query)["rest_route"] == ["/wp/v2/posts"]
    other = wordpress.rest_route(wordpress.requests("https://outlet.id/blog")[0])
    assert other is not None
    assert urlsplit(other).path == "/blog/"
    assert parse_qs(urlsplit(other).query)["rest_route"] == ["/wp/v2/posts"]
    assert parse_qs(urlsplit(other).query)["per_page"] == ["50"]
    assert wordpress.rest_route(other) is None


def test_a_few_search_words_are_searched_and_many_are_not() -> None:
    found = wordpress.requests("https://outlet.id", ("netral", "politik praktis"))
    assert [parse_qs(urlsplit(url).query).get("search") for url in found] == [None, ["netral"], ["politik praktis"]]
    assert "search" not in wordpress.requests("https://outlet.id", tuple("abcdef"))[0]
    own = wordpress.requests("https://outlet.id/wp-json/wp/v2/posts?search=asn", ("netral",))
    assert [parse_qs(urlsplit(url).query)["search"] for url in own] == [["asn"]]


def test_a_post_with_all_it_says() -> None:
    found = read([post()]).entries[0]
    assert found.title == "Camat “netral”"
    assert found.published_at == datetime(2024, 11, 13, 3, 0, tzinfo=UTC)
    assert found.modified_at == datetime(2024, 11, 13, 4, 0, tzinfo=UTC)
    assert (found.author, found.image, found.body_html) == ("Sri", "https://outlet.id/f.jpg", LONG)


def test_zeros_in_date_gmt_fall_back_to_the_local_time() -> None:
    found = read([post(date_gmt="0000-00-00T00:00:00", modified_gmt=None)], zone="Asia/Jayapura").entries[0]
    assert found.published_at == datetime(2024, 11, 13, 1, 0, tzinfo=UTC)
    assert found.modified_at == datetime(2024, 11, 13, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "content",
    [
        {"rendered": LONG, "protected": True},
        {"rendered": ""},
        {"rendered": "<p>Pendek.</p>"},
        {"rendered": LONG + "<p>Lanjut [&hellip;]</p>"},
        {"rendered": LONG + '<p>… <a href="/x">Baca selengkapnya</a></p>'},
        "",
        None,
    ],
)
def test_a_body_that_is_not_whole_is_not_taken(content: object) -> None:
    assert read([post(content=content)]).entries[0].body_html is None


def test_paging_goes_on_while_pages_are_full() -> None:
    full = [post(number) for number in range(wordpress.PER_PAGE)]
    assert read(full[:-1]).more == ()
    (following,) = read(full, f"{API}?per_page=50&search=netral").more
    assert parse_qs(urlsplit(following).query)["page"] == ["2"]
    assert parse_qs(urlsplit(following).query)["search"] == ["netral"]
    assert "page=3" in read(full, following).more[0]
    assert "page=2" in read(full, f"{API}?page=x").more[0]


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b'{"code":"rest_no_route","message":"Tidak ada rute"}', "not_a_feed", "Tidak ada rute"),
        (b'{"code":"rest_forbidden"}', "not_a_feed", "rest_forbidden"),
        (b"<!doctype html><title>Beranda</title>", "not_a_feed", "Beranda"),
        (b"<html><title>Just a moment...</title>", "blocked", "challenge"),
        (b"", "not_a_feed", "no feed"),
        (b"[" * 100_000, "not_a_feed", "no feed"),
        (b"3", "not_a_feed", "int"),
    ],
)
def test_what_is_not_the_api_is_named(body: bytes, kind: str, message: str) -> None:
    with pytest.raises(DiscoveryError, match=message) as caught:
        wordpress.read(body, API, "application/json", "Asia/Jakarta")
    assert caught.value.kind == kind


def test_broken_posts_are_passed_over() -> None:
    assert [entry.url for entry in read([None, 3, {}, {"link": 3}, {"link": "javascript:x"}, post()]).entries] == [
        "https://outlet.id/a-1/"
    ]
