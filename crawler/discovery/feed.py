"""RSS 0.9x, 1.0 and 2.0, Atom, JSON Feed."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from lxml import etree

from crawler.discovery.base import (
    Listing,
    article_address,
    base_of,
    children,
    dicts,
    headline,
    local,
    moment,
    not_a_listing,
    parse_json,
    parse_xml,
    plain,
    string,
    text_of,
    without_shared_guids,
)
from crawler.errors import DiscoveryError
from crawler.items import Entry
from crawler.settings import LIMITS
from pipelines.charset import decode_page

_LINK = "{http://www.w3.org/2005/Atom}link"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"


def read(body: bytes, url: str, content_type: str, zone: str) -> Listing:
    """Return the feed's entries in its order, and its next page where it names one (RFC 5005).

    A guid that several entries share is nobody's. Raises DiscoveryError for anything that is not a feed.
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
    for item in islice(root.iter("{*}item"), int(LIMITS.max_feed_items)):
        base = base_of(item, url)
        guid = text_of(children(item, "guid"))
        href = text_of(children(item, "origlink")) or text_of(children(item, "link")) or _href(item) or item.get(_ABOUT)
        if not href and guid and guid.startswith("http"):
            href = guid
        address = article_address(href, base)
        if address is None:
            continue
        entries.append(
            Entry(
                url=address,
                title=headline(text_of(children(item, "title"))),
                published_at=moment(text_of(children(item, "pubdate", "date", "published", "issued")), zone),
                modified_at=moment(text_of(children(item, "updated", "modified")), zone),
                guid=guid,
                summary=plain(text_of(children(item, "description", "summary"))),
                body_html=text_of(item.iterchildren(_CONTENT)),
                author=headline(text_of(children(item, "creator", "author"))),
                image=_image(item, base),
            )
        )
    return Listing(without_shared_guids(entries), _older_pages(root, url), _own_links(_channel(root)))


def _channel(root: etree._Element) -> etree._Element:
    return next(children(root, "channel"), root)


def _own_links(channel: etree._Element) -> tuple[tuple[str, str], ...]:
    """Return (rel, address) of the feed's Atom links, not those of its entries."""
    return tuple((link.get("rel") or "alternate", link.get("href") or "") for link in channel.iterchildren(_LINK))


def _older_pages(root: etree._Element, url: str) -> tuple[str, ...]:
    """Return the feed's next page: the one that it names, or WordPress's, which names none and has them all."""
    named = [link.get("href") for link in root.iter(_LINK) if link.get("rel") == "next"]
    found = tuple(address for address in (article_address(href, url) for href in named) if address)
    if found or "wordpress.org" not in (text_of(root.iter("{*}generator")) or ""):
        return found
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    page = query.get("paged", "1")
    query["paged"] = str(int(page) + 1) if page.isascii() and page.isdigit() and len(page) < 6 else "2"
    return (urlunsplit(parts._replace(query=urlencode(query))),)


def _atom(root: etree._Element, url: str, zone: str) -> Listing:
    entries = []
    for item in islice(children(root, "entry"), int(LIMITS.max_feed_items)):
        base = base_of(item, url)
        address = article_address(text_of(children(item, "origlink")) or _href(item), base)
        if address is None:
            continue
        entries.append(
            Entry(
                url=address,
                title=headline(text_of(children(item, "title"))),
                published_at=moment(text_of(children(item, "published", "issued", "created")), zone),
                modified_at=moment(text_of(children(item, "updated", "modified")), zone),
                guid=text_of(children(item, "id")),
                summary=plain(text_of(children(item, "summary"))),
                body_html=_atom_content(item),
                author=headline(_atom_author(item)),
                image=_image(item, base),
            )
        )
    following = [link.get("href") for link in children(root, "link") if link.get("rel") == "next"]
    more = tuple(found for found in (article_address(href, base_of(root, url)) for href in following) if found)
    return Listing(without_shared_guids(entries), more, _own_links(root))


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
            return str(etree.tostring(content, encoding="unicode", with_tail=False)).replace("html:", "")
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
    text = decode_page(body, content_type).lstrip("\ufeff \t\r\n")
    document = parse_json(text)
    if not isinstance(document.get("items"), list):
        raise not_a_listing(text)
    entries = []
    for item in dicts(document["items"]):
        address = article_address(string(item, "url") or string(item, "external_url") or string(item, "id"), url)
        if address is None:
            continue
        entries.append(
            Entry(
                url=address,
                title=headline(string(item, "title")),
                published_at=moment(string(item, "date_published"), zone),
                modified_at=moment(string(item, "date_modified"), zone),
                guid=string(item, "id"),
                summary=plain(string(item, "summary")),
                body_html=string(item, "content_html"),
                author=headline(string(item, "authors", 0, "name") or string(item, "author", "name")),
                image=article_address(string(item, "image"), url),
            )
        )
    more = article_address(string(document, "next_url"), url)
    hubs = [("hub", string(item, "url") or "") for item in dicts(document.get("hubs")) if _is_websub(item)]
    links = (*hubs, ("self", string(document, "feed_url") or ""))
    return Listing(without_shared_guids(entries), (more,) if more else (), links)


def _is_websub(hub: dict[str, Any]) -> bool:
    return (string(hub, "type") or "").lower() in ("websub", "pubsubhubbub")
