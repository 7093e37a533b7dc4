"""The feed for feed readers: Atom (RFC 4287), RSS 2.0, JSON Feed 1.1; every text escaped, every link http(s).

An entry is known by a `urn:uuid` made of the article's address, the same in every format, export and database. Its place is a
GeoRSS point, inside the kabupaten or kota, else the province. Tests: tests/pipelines/test_syndication.py.
"""

from __future__ import annotations

import csv
import html
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from importlib.resources import files
from typing import IO, Any
from urllib.parse import urlsplit

from lxml import etree

from pipelines.render import feed_record, one_line

TITLE = "pantau: netralitas ASN"
DESCRIPTION = "Berita daerah tentang netralitas aparatur sipil negara"
HOME = "http://localhost:8001/"  # RSS asks for a page that belongs to the feed: that of `pantau serve`
XML = "http://www.w3.org/XML/1998/namespace"
ATOM, GEORSS = "http://www.w3.org/2005/Atom", "http://www.georss.org/georss"
DC, DCTERMS, MEDIA = "http://purl.org/dc/elements/1.1/", "http://purl.org/dc/terms/", "http://search.yahoo.com/mrss/"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2
_ENTITY = re.compile(r"&(?=#?\w+;?)")
_UNSAFE_IN_LINK = re.compile(r"[\x00-\x20\x7f<>\"{}|\\^`]")

Rows = Iterable[Mapping[str, Any]]


def write_atom(rows: Rows, out: IO[bytes], now: datetime) -> int:
    """Write rows of `feed` as an Atom feed; return how many."""
    names = {None: ATOM, "georss": GEORSS, "dc": DC, "xml": XML}  # unnamed, lxml would give xml another prefix
    count = 0
    with etree.xmlfile(out, encoding="utf-8") as xml:
        xml.write_declaration()
        with xml.element(f"{{{ATOM}}}feed", nsmap=names, attrib={f"{{{XML}}}lang": "id"}):
            head = {"id": _urn("pantau-asn:feed"), "title": TITLE, "subtitle": DESCRIPTION, "updated": _iso(now)}
            for name, text in head.items():
                xml.write(_element(f"{{{ATOM}}}{name}", text))
            for row in rows:
                xml.write(_atom_entry(feed_record(row)))
                count += 1
    return count


def _atom_entry(row: dict[str, Any]) -> etree._Element:
    entry = etree.Element(f"{{{ATOM}}}entry", nsmap={None: ATOM, "georss": GEORSS, "dc": DC})

    def add(name: str, text: str | None = None, **attributes: str) -> etree._Element:
        entry.append(_element(f"{{{ATOM}}}{name}", text, **attributes))
        return entry[-1]

    add("id", guid(row))
    add("title", one_line(row["title"]) or "-", type="text")
    link = safe_link(row["url"])
    if link:
        add("link", href=link, rel="alternate", type="text/html")
    if image := safe_link(row["image"]):
        add("link", href=image, rel="related", title="image")
    add("updated", row["fetched_at"])
    if row["published_at"]:
        add("published", row["published_at"])
    add("author").append(_element(f"{{{ATOM}}}name", row["author"] or row["outlet"]))
    entry.append(_element(f"{{{DC}}}publisher", row["outlet"]))
    for term in categories(row):
        add("category", term=one_line(_text(term)))
    _add_place(entry, row)
    add("content", as_html(row["body"]), type="html")
    entry.tail = "\n"
    return entry


def write_rss(rows: Rows, out: IO[bytes], now: datetime) -> int:
    """Write rows of `feed` as RSS 2.0; return how many."""
    names = {"georss": GEORSS, "dc": DC, "dcterms": DCTERMS, "media": MEDIA}
    count = 0
    with etree.xmlfile(out, encoding="utf-8") as xml:
        xml.write_declaration()
        with xml.element("rss", nsmap=names, version="2.0"), xml.element("channel"):
            head = {"title": TITLE, "link": HOME, "description": DESCRIPTION, "language": "id"}
            for name, text in (head | {"lastBuildDate": _rfc822(_iso(now))}).items():
                xml.write(_element(name, text))
            for row in rows:
                xml.write(_rss_item(feed_record(row), names))
                count += 1
    return count


def _rss_item(row: dict[str, Any], names: dict[str, str]) -> etree._Element:
    item = etree.Element("item", nsmap=names)

    def add(name: str, text: str | None = None, **attributes: str) -> None:
        item.append(_element(name, text, **attributes))

    # RSS does not say whether a title is text or HTML, and readers differ: no markup may come of either.
    add("title", _ENTITY.sub("&amp;", one_line(row["title"])).replace("<", "&lt;").replace(">", "&gt;") or "-")
    if link := safe_link(row["url"]):
        add("link", link)
    add("guid", guid(row), isPermaLink="false")
    if row["published_at"]:
        add("pubDate", _rfc822(row["published_at"]))
    add(f"{{{DCTERMS}}}modified", row["fetched_at"])
    add(f"{{{DC}}}creator", row["author"] or row["outlet"])
    add(f"{{{DC}}}publisher", row["outlet"])
    for term in categories(row):
        add("category", term)
    if image := safe_link(row["image"]):
        add(f"{{{MEDIA}}}content", url=image, medium="image")
    _add_place(item, row)
    add("description", as_html(row["body"]))
    item.tail = "\n"
    return item


def write_json_feed(rows: Rows, out: IO[bytes], now: datetime) -> int:
    """Write rows of `feed` as JSON Feed 1.1; return how many. `_pantau` has what the format has no word for."""
    head = {"version": "https://jsonfeed.org/version/1.1", "title": TITLE, "description": DESCRIPTION, "language": "id"}
    out.write(json.dumps(head, ensure_ascii=False).encode()[:-1] + b', "items": [')
    count = 0
    for row in rows:
        item = json.dumps(_json_item(feed_record(row)), ensure_ascii=False)
        out.write((",\n" if count else "\n").encode() + item.encode())
        count += 1
    out.write(b"\n]}\n")
    return count


def _json_item(row: dict[str, Any]) -> dict[str, Any]:
    point = point_of(row)
    item = {
        "id": guid(row),
        "url": safe_link(row["url"]),
        "title": one_line(row["title"]),
        "content_text": row["body"] or one_line(row["title"]),
        "image": safe_link(row["image"]),
        "date_published": row["published_at"],
        "date_modified": row["fetched_at"],
        "authors": [{"name": row["author"] or row["outlet"]}],
        "tags": categories(row),
        "_pantau": {
            "seq": row["seq"],
            "outlet": row["outlet"],
            "category": row["category"],
            "province_code": row["province_code"],
            "regency_code": row["regency_code"],
            "story_id": row["story_id"],
            "gone_at": row["gone_at"],
            "point": [float(part) for part in point.split()] if point else None,
        },
    }
    return {name: value for name, value in item.items() if value is not None}


def guid(row: Mapping[str, Any]) -> str:
    """Return by what an article is known: the same wherever its address is the same."""
    return _urn(row["url"])


def _urn(text: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, text).urn


def categories(row: Mapping[str, Any]) -> list[str]:
    """Return an article's category, its flags and its places by name."""
    found = [row["category"], *row["flags"], row["province"], row["regency"]]
    return [term for term in dict.fromkeys(found) if term]


def safe_link(url: str | None) -> str | None:
    """Return an address as a link may have it, or None for anything but http and https."""
    if not url or not url.isprintable() or _UNSAFE_IN_LINK.search(url):
        return None
    try:
        parts = urlsplit(url)
        return url if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


def as_html(body: str) -> str:
    """Return a body as HTML paragraphs, everything in it escaped."""
    return "".join(f"<p>{html.escape(part)}</p>" for part in body.split("\n\n") if part.strip())


def point_of(row: Mapping[str, Any]) -> str | None:
    """Return "latitude longitude" of a point inside an article's kabupaten or kota, else its province."""
    return _points().get(row["regency_code"] or row["province_code"] or "")


@cache
def _points() -> dict[str, str]:
    text = files("pipelines").joinpath("data", "regions.csv").read_text(encoding="utf-8")
    return {row["code"]: f"{row['lat']} {row['lon']}" for row in csv.DictReader(text.splitlines()) if row["lat"]}


def _add_place(item: etree._Element, row: Mapping[str, Any]) -> None:
    name = row["regency"] or row["province"]
    if point := point_of(row):
        item.append(_element(f"{{{GEORSS}}}point", point))
    if name:
        item.append(_element(f"{{{GEORSS}}}featurename", name))


def _element(name: str, text: str | None = None, **attributes: str) -> etree._Element:
    element = etree.Element(name, {key: _text(value) for key, value in attributes.items()})
    element.text = _text(text) if text is not None else None
    return element


def _text(text: str) -> str:
    """Return text without the characters that XML has none of."""
    return _NOT_XML.sub("", text)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rfc822(stamp: str) -> str:
    return format_datetime(datetime.fromisoformat(stamp), usegmt=True)
