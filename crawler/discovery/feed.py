"""RSS 0.9x, 1.0 and 2.0, Atom, JSON Feed."""

from __future__ import annotations

import json
import re
from typing import Any

from lxml import etree

from crawler.discovery.base import (
    Listing,
    article_address,
    children,
    local,
    moment,
    not_a_listing,
    parse_xml,
    plain,
    text_of,
)
from crawler.errors import DiscoveryError
from crawler.items import Entry
from pipelines.charset import decode_page

_XHTML = "{http://www.w3.org/1999/xhtml}"
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"


def read(body: bytes, url: str, content_type: str, zone: str) -> Listing:
    """Return the feed's entries in its order, and its next page where it names one (RFC 5005).

    Raises DiscoveryError for anything that is not a feed.
    """
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return _json_feed(body, url, content_type, zone)
    root = parse_xml(body, content_type)
    kind = local(root)
    if kind == "feed":
        return _atom(root, url, zone)
    if kind in ("rss", "rdf", "channel"):
        return _rss(root, url, zone)
    raise DiscoveryError("not_a_feed", f"the root element is <{kind}>, not rss, rdf or feed")


def _rss(root: etree._Element, url: str, zone: str) -> Listing:
    entries = []
    guids: dict[str, int] = {}
    items = [element for element in root.iter() if local(element) == "item"]
    for item in items:
        guid = text_of(children(item, "guid"))
        if guid:
            guids[guid] = guids.get(guid, 0) + 1
    for item in items:
        guid = text_of(children(item, "guid"))
        href = text_of(children(item, "origlink")) or text_of(children(item, "link")) or _href(item)
        if not href and guid and guid.startswith("http"):
            href = guid
        address = article_address(href, url)
        if address is None:
            continue
        full = text_of(item.iterchildren(_CONTENT))
        entries.append(
            Entry(
                url=address,
                title=plain(text_of(children(item, "title"))),
                published_at=moment(text_of(children(item, "pubdate", "date", "published", "issued")), zone),
                modified_at=moment(text_of(children(item, "updated", "modified")), zone),
                guid=guid if guid and guids[guid] == 1 else None,  # one guid for several items names none of them
                summary=plain(text_of(children(item, "description", "summary"))),
                body_html=full,
                author=plain(text_of(children(item, "creator", "author"))),
                image=_image(item, url),
            )
        )
    return Listing(tuple(entries))


def _atom(root: etree._Element, url: str, zone: str) -> Listing:
    base = root.get(_XML_BASE) or url
    entries = []
    for item in children(root, "entry"):
        address = article_address(_href(item), item.get(_XML_BASE) or base)
        if address is None:
            continue
        entries.append(
            Entry(
                url=address,
                title=plain(text_of(children(item, "title"))),
                published_at=moment(text_of(children(item, "published", "issued", "created")), zone),
                modified_at=moment(text_of(children(item, "updated", "modified")), zone),
                guid=text_of(children(item, "id")),
                summary=plain(text_of(children(item, "summary"))),
                body_html=_atom_content(item),
                author=plain(_atom_author(item)),
                image=_image(item, url),
            )
        )
    following = [link.get("href") for link in children(root, "link") if link.get("rel") == "next"]
    more = tuple(found for found in (article_address(href, base) for href in following) if found)
    return Listing(tuple(entries), more)


def _href(item: etree._Element) -> str | None:
    """Return the href of the entry's own page: rel=alternate or none, HTML before other types."""
    links = [link for link in children(item, "link") if link.get("href")]
    links = [link for link in links if (link.get("rel") or "alternate") == "alternate"]
    links.sort(key=lambda link: "html" not in (link.get("type") or "html"))
    return links[0].get("href") if links else None


def _atom_author(item: etree._Element) -> str | None:
    for author in children(item, "author"):
        return text_of(children(author, "name")) or text_of([author])
    return None


def _atom_content(item: etree._Element) -> str | None:
    for content in children(item, "content"):
        kind = (content.get("type") or "text").lower()
        if kind == "xhtml":
            return etree.tostring(content, encoding="unicode", with_tail=False).replace("html:", "")
        if kind in ("html", "text/html"):
            return text_of([content])
    return None


def _image(item: etree._Element, url: str) -> str | None:
    for element in item.iter():
        name = local(element)
        address = element.get("url") or element.get("href")
        if not address:
            continue
        kind = element.get("type") or element.get("medium") or ""
        if (
            (name == "thumbnail")
            or (
                name in ("content", "enclosure")
                and ("image" in kind or re.search(r"\.(jpe?g|png|webp)\b", address, re.I))
            )
            or (name == "link" and element.get("rel") == "enclosure" and "image" in kind)
        ):
            return article_address(address, url)
    return None


def _json_feed(body: bytes, url: str, content_type: str, zone: str) -> Listing:
    text = decode_page(body, content_type)
    try:
        document = json.loads(text)
    except ValueError as error:
        raise DiscoveryError("not_a_feed", f"no JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("items"), list):
        raise not_a_listing(text)
    entries = []
    for item in document["items"]:
        if not isinstance(item, dict):
            continue
        address = article_address(
            _text(item.get("url")) or _text(item.get("external_url")) or _text(item.get("id")), url
        )
        if address is None:
            continue
        authors = item.get("authors") if isinstance(item.get("authors"), list) else [item.get("author")]
        first = authors[0] if authors and isinstance(authors[0], dict) else {}
        entries.append(
            Entry(
                url=address,
                title=plain(_text(item.get("title"))),
                published_at=moment(_text(item.get("date_published")), zone),
                modified_at=moment(_text(item.get("date_modified")), zone),
                guid=_text(item.get("id")),
                summary=plain(_text(item.get("summary"))),
                body_html=_text(item.get("content_html")),
                author=plain(_text(first.get("name"))),
                image=article_address(_text(item.get("image")), url),
            )
        )
    more = article_address(_text(document.get("next_url")), url)
    return Listing(tuple(entries), (more,) if more else ())


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
