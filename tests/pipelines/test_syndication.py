"""Atom, RSS and JSON Feed (pipelines/syndication.py), as readers that are not ours see them."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from itertools import product
from typing import Any

import feedparser
import html5lib
import jsonschema
import pytest
from lxml import etree

from crawler.discovery import feed as our_reader
from pipelines.feed import write_feed
from pipelines.syndication import as_html, guid, point_of, safe_link

ROW: dict[str, Any] = {
    "seq": 7,
    "id": 3,
    "url": "https://satu.example/2024/11/13/camat?a=1&b=2",
    "source": "satu",
    "outlet": "Satu & Dua",
    "title": "Camat <b>dipanggil</b> Bawaslu & KPU",
    "author": None,
    "body": "Alinea <satu> & dua.\n\nAlinea kedua.",
    "image": "https://satu.example/a.jpg",
    "published_at": "2024-11-13T01:04:00Z",
    "modified_at": None,
    "fetched_at": "2024-11-13T01:06:00Z",
    "date_precision": "minute",
    "category": "proses",
    "province_code": "16",
    "province": "Sumatera Selatan",
    "regency_code": "16.71",
    "regency": "Kota Palembang",
    "flags": '["pilkada"]',
    "rules": "[]",
    "matches": "[]",
    "story_id": 1,
    "revision": 1,
    "content_sha256": "0" * 64,
    "gone_at": None,
}
XML_FORMS = ("atom", "rss")
# JSON Feed 1.1, as its page states it.
JSON_FEED = {
    "type": "object",
    "required": ["version", "title", "items"],
    "properties": {
        "version": {"const": "https://jsonfeed.org/version/1.1"},
        "title": {"type": "string"},
        "language": {"type": "string"},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id"],
                "anyOf": [{"required": ["content_text"]}, {"required": ["content_html"]}],
                "properties": {
                    "id": {"type": "string", "minLength": 1},
                    "url": {"type": "string", "format": "uri"},
                    "image": {"type": "string", "format": "uri"},
                    "title": {"type": "string"},
                    "content_text": {"type": "string", "minLength": 1},
                    "date_published": {"type": "string", "format": "date-time"},
                    "date_modified": {"type": "string", "format": "date-time"},
                    "authors": {"type": "array", "items": {"type": "object", "required": ["name"]}},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
                "patternProperties": {"^_": {"type": "object"}},
                "additionalProperties": False,
            },
        },
    },
}


def written(form: str, *rows: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    assert write_feed(rows, form, out) == len(rows)
    return out.getvalue()


@pytest.mark.parametrize("form", XML_FORMS)
def test_a_feed_reader_finds_everything(form: str) -> None:
    found = feedparser.parse(written(form, ROW, {**ROW, "url": "https://dua.example/b", "title": "Dua"}))
    assert not found.bozo, found.bozo_exception
    assert (found.version, found.feed.title, found.feed.language) == (
        {"atom": "atom10", "rss": "rss20"}[form],
        "pantau: netralitas ASN",
        "id",
    )
    entry = found.entries[0]
    assert len({item.id for item in found.entries}) == 2
    assert entry.id == guid(ROW)
    assert entry.link == ROW["url"]
    assert entry.published_parsed[:5] == (2024, 11, 13, 1, 4)
    assert entry.updated_parsed[:5] == (2024, 11, 13, 1, 6)
    assert [tag.term for tag in entry.tags] == ["proses", "pilkada", "Sumatera Selatan", "Kota Palembang"]
    assert entry.where["coordinates"] == (pytest.approx(104.7, abs=0.3), pytest.approx(-2.9, abs=0.3))
    assert entry.author == "Satu & Dua"
    assert "<p>Alinea kedua.</p>" in (entry.content[0].value if form == "atom" else entry.summary)


@pytest.mark.parametrize("form", [*XML_FORMS, "jsonfeed"])
def test_our_own_discovery_reads_it_too(form: str) -> None:
    listing = our_reader.read(written(form, ROW), "https://pantau.example/feed", "", "Asia/Jakarta")
    (entry,) = listing.entries
    assert (entry.url, entry.published_at) == (ROW["url"], datetime(2024, 11, 13, 1, 4, tzinfo=UTC))


def test_atom_has_what_its_standard_asks_for_in_the_right_number() -> None:
    """RFC 4287, sections 4.1.1 and 4.1.2."""
    root = etree.fromstring(written("atom", ROW))
    names = {"a": "http://www.w3.org/2005/Atom"}
    for where in (".", "a:entry"):
        for name in ("id", "title", "updated"):
            assert len(root.xpath(f"{where}/a:{name}", namespaces=names)) == 1
    assert len(root.xpath("a:entry/a:author/a:name", namespaces=names)) == 1
    assert len(root.xpath("a:entry/a:link[@rel='alternate']", namespaces=names)) == 1
    for element in root.xpath("//a:updated | //a:published", namespaces=names):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", element.text)
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", e.text) for e in root.xpath("//a:id", namespaces=names))


def test_rss_has_what_its_specification_asks_for() -> None:
    channel = etree.fromstring(written("rss", ROW)).find("channel")
    assert channel is not None
    assert all(channel.findtext(name) for name in ("title", "link", "description", "lastBuildDate"))
    item = channel.find("item")
    assert item is not None
    assert item.find("guid").get("isPermaLink") == "false"  # it is no address
    assert parsedate_to_datetime(item.findtext("pubDate")) == datetime(2024, 11, 13, 1, 4, tzinfo=UTC)
    assert item.findtext("pubDate").endswith(" GMT")


def test_json_feed_is_one() -> None:
    bare = {**ROW, "title": "", "body": "x", "image": None, "published_at": None, "province_code": None}
    bare |= {"regency_code": None, "province": None, "regency": None, "category": None, "flags": "[]"}
    document = json.loads(written("jsonfeed", ROW, bare))
    jsonschema.validate(document, JSON_FEED, format_checker=jsonschema.FormatChecker())
    assert document["items"][0]["_pantau"]["point"] == [pytest.approx(-2.9, abs=0.3), pytest.approx(104.7, abs=0.3)]
    assert "image" not in document["items"][1]
    jsonschema.validate(json.loads(written("jsonfeed")), JSON_FEED)


@pytest.mark.parametrize("form", XML_FORMS)
def test_a_feed_without_articles_is_a_feed(form: str) -> None:
    found = feedparser.parse(written(form))
    assert (bool(found.bozo), len(found.entries)) == (False, 0)


def test_the_guid_is_the_same_for_ever() -> None:
    assert guid({"url": "https://satu.example/a"}) == "urn:uuid:c82f5876-67a5-5890-96d7-335a2a953b74"


def test_the_place_is_the_regencys_else_the_provinces_else_none() -> None:
    regency, province = point_of(ROW), point_of({**ROW, "regency_code": None})
    assert regency
    assert province
    assert regency != province
    assert point_of({**ROW, "regency_code": None, "province_code": None}) is None


_MARKUP = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "]]><script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "</p></description><script>alert(1)</script>",
    "<iframe src=javascript:alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;img src=x onerror=alert(1)&#62;",
    "&amp;lt;script&amp;gt;alert(1)",
    "<!--><script>alert(1)</script>-->",
    "<?xml-stylesheet href='javascript:alert(1)'?>",
    "<a href='javascript:alert(1)'>x</a>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "\x00<scr\x00ipt>alert(1)</script>\x1b[31m",
    "<style>@import'javascript:alert(1)'</style>",
    "<body onload=alert(1)>",
    "<xss style=x:expression(alert(1))>",
    "<form action=javascript:alert(1)><input type=submit>",
    "\ufffe<script\uffff>alert(1)</script>",
)
_LINKS = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "//satu.example/x",
    "https:alert(1)",
    'https://satu.example/"onmouseover=alert(1)',
    "https://satu.example/<script>",
    "https://satu.example/\x00",
    "http://[",
    "ftp://satu.example/",
    "",
    "https://satu.example/\u202ekcap",
    "jar:https://satu.example!/",
    "blob:https://satu.example/1",
    "feed:javascript:alert(1)",
    "about:blank",
)
PAYLOADS = [
    *({name: text} for name, text in product(("title", "body", "author", "outlet", "category"), _MARKUP)),
    *({"url": text, "image": text} for text in _LINKS),
]
_ACTIVE = {"script", "img", "svg", "iframe", "style", "math", "form", "input", "body", "a", "xss", "object", "embed"}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


def active(text: str) -> list[str]:
    """Return what would run, were the text put into a page by a browser."""
    tags = _Tags()
    tags.feed(text)
    parsed = html5lib.parseFragment(text, namespaceHTMLElements=False)
    found = {str(element.tag).rpartition("}")[2] for element in parsed.iter() if isinstance(element.tag, str)}
    return sorted((found | set(tags.tags)) & _ACTIVE)


def test_there_are_120_payloads_and_a_browser_would_run_them() -> None:
    assert len(PAYLOADS) >= 120
    assert sum(bool(active(text)) for text in _MARKUP) >= 14
    assert active(html5lib.serialize(html5lib.parseFragment("&lt;script&gt;"))) == []


@pytest.mark.parametrize("form", XML_FORMS)
def test_payloads_are_inert_however_a_reader_shows_a_text(form: str) -> None:
    document = written(form, *({**ROW, **payload} for payload in PAYLOADS))
    root = etree.fromstring(document)
    names = {etree.QName(e).localname if isinstance(e.tag, str) else repr(e.tag) for e in root.iter()}
    expected = {"atom": {"feed", "entry", "subtitle", "author", "name", "content", "published", "updated", "id"}}
    expected["rss"] = {"rss", "channel", "item", "description", "guid", "pubDate", "language", "lastBuildDate"}
    common = {"title", "link", "category", "point", "featurename", "publisher", "creator", "modified"}
    assert names <= expected[form] | common | ({"content"} if form == "rss" else set())
    entry_tag = "{http://www.w3.org/2005/Atom}entry" if form == "atom" else "item"
    entries = list(root.iter(entry_tag))
    assert len(entries) == len(PAYLOADS)
    for entry in entries:
        for element in entry.iter():
            text = element.text or ""
            name = etree.QName(element).localname
            if name in ("content", "description") or (form == "rss" and name == "title"):
                assert active(text) == [], text  # shown as HTML
            for address in (element.get("href"), element.get("url"), text if name == "link" else None):
                assert not address or re.match(r"https?://\w", address), address
    found = feedparser.parse(document, sanitize_html=False)
    assert not found.bozo
    for entry in found.entries:
        shown = entry.content[0].value if form == "atom" else entry.summary
        assert active(shown) == []


def test_payloads_are_text_in_json_feed() -> None:
    document = json.loads(written("jsonfeed", *({**ROW, **payload} for payload in PAYLOADS)))
    jsonschema.validate(document, JSON_FEED)
    assert len(document["items"]) == len(PAYLOADS)
    for item in document["items"]:
        assert "content_html" not in item
        assert all(re.match(r"https?://\w", item[name]) for name in ("url", "image") if name in item)


@pytest.mark.parametrize("url", _LINKS)
def test_only_web_addresses_are_links(url: str) -> None:
    assert safe_link(url) is None


def test_a_body_keeps_its_paragraphs_and_nothing_else() -> None:
    assert as_html("a < b\n\nc & d\n\n") == "<p>a &lt; b</p><p>c &amp; d</p>"
