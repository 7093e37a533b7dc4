"""What the readers of listings share: the Listing, tidy text, absolute addresses, tolerant XML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from lxml import etree

from crawler.errors import DiscoveryError
from crawler.items import Entry
from crawler.settings import LIMITS
from pipelines.charset import decode_page
from pipelines.tanggal import parse_tanggal

_TAGS = re.compile(r"<[^>]{0,2000}>")
_SPACE = re.compile(r"\s+")
_CDATA = re.compile(r"(<!\[CDATA\[.*?\]\]>)", re.S)
_BARE_AMPERSAND = re.compile(r"&(?!#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|\w{1,32};)")
_NAMED_ENTITY = re.compile(r"&(?!amp;|lt;|gt;|quot;|apos;)([A-Za-z]\w{1,31});")
_HTML = re.compile(r"^\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.I | re.S)
_CHALLENGE = re.compile(r"just a moment|cf-challenge|cf_chl|attention required|captcha|internet positif|internetpositif|uzone|access denied", re.I)


@dataclass(frozen=True, slots=True)
class Listing:
    """`more`: listings to read after this one (child sitemaps, next pages), the newest first."""

    entries: tuple[Entry, ...] = ()
    more: tuple[str, ...] = ()


def plain(text: str | None) -> str | None:
    """Return text without tags and entities, white space tidied; None where nothing is left. Titles come escaped twice at times."""
    if not text:
        return None
    for _ in range(2):
        text = html.unescape(text)
    return _SPACE.sub(" ", _TAGS.sub(" ", text)).strip() or None


def article_address(href: str | None, base: str) -> str | None:
    """Return the absolute http(s) address of a link, or None where it leads to no article: other schemes, the home page, too long."""
    if not href:
        return None
    try:
        url = urljoin(base, href.strip())
        parts = urlsplit(url)
        port_ok = parts.port is None or parts.port >= 0
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_ok:
        return None
    if parts.path in ("", "/") and not parts.query:
        return None
    if len(url.encode("utf-8", "replace")) > LIMITS.max_url_bytes:
        return None
    return url.partition("#")[0]


def moment(text: str | None, zone: str) -> datetime | None:
    """Return the time a listing names, aware UTC. A day without a time counts as its start."""
    found = parse_tanggal(text.strip(), zone) if text and text.strip() else None
    return found.at if found else None


def parse_xml(body: bytes, content_type: str) -> etree._Element:
    """Return the root of a feed or sitemap, read as tolerantly as it can be. No DTD, no entities of its own, no network.

    Undeclared HTML entities, bare ampersands, control characters and a wrong charset are mended first. Raises DiscoveryError
    (`blocked` for a challenge page, `not_a_feed` for anything else that is no XML).
    """
    text = decode_page(body, content_type).lstrip("\ufeff \t\r\n")
    if _HTML.match(text[:2000]) or not text.startswith("<"):
        raise not_a_listing(text)
    text = re.sub(r"^<\?xml[^>]{0,200}\?>", "", text)
    text = re.sub(r"<!DOCTYPE[^>\[]{0,500}(\[.*?\])?\s*>", "", text, count=1, flags=re.S)
    mended = "".join(
        part if part.startswith("<![CDATA[") else _NAMED_ENTITY.sub(_character, _BARE_AMPERSAND.sub("&amp;", part))
        for part in _CDATA.split(text)
    )
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(mended.encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        raise DiscoveryError("not_a_feed", f"no XML: {error}") from error
    if root is None:
        raise not_a_listing(text)
    return root


def not_a_listing(text: str) -> DiscoveryError:
    """Return the error for an answer that is no listing at all, with its first words."""
    start = plain(text[:3000]) or "nothing"
    if _CHALLENGE.search(text[:20_000]):
        return DiscoveryError("blocked", f"a block or challenge page: {start[:80]!r}")
    return DiscoveryError("not_a_feed", f"no feed: {start[:80]!r}")


def local(element: etree._Element) -> str:
    """Return an element's name without its namespace, in lower case ("" for comments and instructions)."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def children(element: etree._Element, *names: str) -> Iterator[etree._Element]:
    """Yield the element's children of these local names."""
    for child in element:
        if local(child) in names:
            yield child


def text_of(elements: Iterable[etree._Element]) -> str | None:
    """Return the text of the first element that has any."""
    for element in elements:
        text = "".join(element.itertext()).strip()
        if text:
            return text
    return None


def _character(found: re.Match[str]) -> str:
    character = html.entities.html5.get(found.group(1) + ";")
    return character if character is not None else "&amp;" + found.group(1) + ";"
