"""What the readers of listings share: the Listing, tidy text, absolute addresses, tolerant XML."""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from html.entities import html5
from typing import Any
from urllib.parse import urljoin

from lxml import etree

from crawler.errors import DiscoveryError
from crawler.identity import canonical_url, split
from crawler.items import Entry
from crawler.settings import LIMITS
from pipelines.charset import decode_page
from pipelines.tanggal import parse_tanggal

_TAGS = re.compile(r"<[^<>]{0,2000}>")
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_SPACE = re.compile(r"\s+")
_NOT_TEXT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]"
)  # JSON may spell them out; UTF-8 and SQLite have none
_BARE_AMPERSAND = re.compile(r"&(?!#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|\w{1,32};)")
_NAMED_ENTITY = re.compile(r"&(?!amp;|lt;|gt;|quot;|apos;)([A-Za-z]\w{0,31});")
# Atomic groups: a page of ten thousand comments must be read once, not once for every way to part it.
_PROLOG = re.compile(r"(?>\s+|<\?.*?\?>|<!--.*?-->)*", re.S)
_DOCTYPE = re.compile(r"<!DOCTYPE[^>\[]{0,500}(?:\[.*?\]\s*)?>", re.S | re.I)
_HTML = re.compile(r"(?:<!doctype\s+html|<(?:html|head|body)\b)", re.I)
_HOME = re.compile(r"/?(?:(?:index|home|default)(?:\.\w{2,5})?)?$", re.I)
# What block pages and challenges say: in their title, or in the names of the scripts that only they load.
_CHALLENGE = re.compile(
    r"<title[^>]{0,100}>[^<]{0,100}(?:just a moment|one moment|attention required|access denied|akses ditolak|forbidden|captcha|"
    r"internet positif|ddos|account suspended|before you continue|sebelum anda melanjutkan)|"
    r"<title[^>]{0,100}>\s*(?:masuk|log ?in|sign in)\b|"
    r"cf-challenge|cf_chl_opt|internet(?:positif|baik)|trustpositif|_incapsula_resource|imunify360",
    re.I,
)
_PARKED = re.compile(
    r"domain (?:name )?(?:is|may be) for sale|buy this domain|domain (?:ini )?dijual|parked (?:free|domain)|parkingcrew|sedoparking",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Listing:
    """`more`: listings to read after this one (child sitemaps, next pages), the newest first. `links`: (rel, address) of a feed's
    own links."""

    entries: tuple[Entry, ...] = ()
    more: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


def plain(text: str | None, max_chars: int = 5000) -> str | None:
    """Return text without tags and entities, white space tidied; None where nothing is left. Titles come escaped twice at times."""
    if not text:
        return None
    text = text[: max_chars * 4]
    for _ in range(2):
        text = html.unescape(text)
    text = _SPACE.sub(" ", _NOT_TEXT.sub("", _TAGS.sub(" ", text))).strip()
    return text[:max_chars].rstrip() or None


def headline(text: str | None) -> str | None:
    """Return a title as plain text, at most LIMITS.max_title_chars."""
    return plain(text, int(LIMITS.max_title_chars))


def article_address(href: str | None, base: str) -> str | None:
    """Return the absolute http(s) address of a link, or None where it leads to no article: other schemes, the home page, too long."""
    try:
        url = urljoin(base, href.strip()) if href else ""
    except ValueError:
        return None
    parts = split(canonical_url(url))
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    if _HOME.match(parts.path) and not parts.query:
        return None
    if len(url.encode("utf-8", "replace")) > LIMITS.max_url_bytes:
        return None
    return url.partition("#")[0]


def moment(text: str | None, zone: str) -> datetime | None:
    """Return the time a listing names, aware UTC. A day without a time counts as its start."""
    found = parse_tanggal(text.strip(), zone) if text and text.strip() else None
    return found.at if found else None


def parse_json(text: str) -> Any:
    """Return what a JSON text holds. Raises DiscoveryError where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise not_a_listing(text) from error


def string(value: Any, *path: str | int) -> str | None:
    """Return the text at a path of keys and places in JSON data, None where there is none."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and len(value) > step:
            value = value[step]
        else:
            return None
    return _NOT_TEXT.sub("", value) if isinstance(value, str) and value.strip() else None


def dicts(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a JSON list; none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def parse_xml(body: bytes, content_type: str) -> etree._Element:
    """Return the root of a feed or sitemap, read as tolerantly as it can be. No DTD, no entities of its own, no network.

    Undeclared HTML entities, bare ampersands, control characters and a wrong charset are mended first. Raises DiscoveryError
    (`blocked` for a challenge page, `not_a_feed` for anything else that is no XML).
    """
    text = decode_page(body, content_type).lstrip("\ufeff \t\r\n")
    start = _end(_PROLOG.match(text))
    if _HTML.match(text, start) or not text.startswith("<"):
        raise not_a_listing(text)
    start = _end(_DOCTYPE.match(text, start)) or start
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring("".join(_mended(text[start:])).encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        raise DiscoveryError("not_a_feed", f"no XML: {error}") from error
    if root is None:
        raise not_a_listing(text)
    return root


def _mended(text: str) -> Iterator[str]:
    """Yield the text with every ampersand and entity such that XML knows it; CDATA sections stay as they are."""
    at = 0
    while at < len(text):
        start = text.find("<![CDATA[", at)
        end = text.find("]]>", start) if start >= 0 else -1
        plain_part = text[at:start] if end >= 0 else text[at:]
        yield _NAMED_ENTITY.sub(_character, _BARE_AMPERSAND.sub("&amp;", plain_part))
        if end < 0:
            return
        yield text[start : end + 3]
        at = end + 3


def _end(found: re.Match[str] | None) -> int:
    return found.end() if found else 0


def is_challenge(text: str) -> bool:
    """Return whether an HTML page only stands in the way: a challenge, or what a provider shows for a blocked site."""
    return _CHALLENGE.search(text[:20_000]) is not None


def is_parked(text: str) -> bool:
    """Return whether an HTML page only says that the outlet's domain is to be had."""
    return _PARKED.search(text[:20_000]) is not None


def not_a_listing(text: str) -> DiscoveryError:
    """Return the error for an answer that is no listing at all, with its first words."""
    start = plain(text[:3000]) or "nothing"
    if is_challenge(text):
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


def without_shared_guids(entries: list[Entry]) -> tuple[Entry, ...]:
    """Return the entries, without the guid where several have the same: it names none of them."""
    count = Counter(entry.guid for entry in entries)
    return tuple(entry if count[entry.guid] == 1 else replace(entry, guid=None) for entry in entries)


def base_of(element: etree._Element, url: str) -> str:
    """Return the address that links of this element are relative to: xml:base of its ancestors and itself, else `url`."""
    for ancestor in reversed([element, *element.iterancestors()]):
        given = ancestor.get(_XML_BASE)
        if given:
            with contextlib.suppress(ValueError):
                url = urljoin(url, given.strip())
    return url


def text_of(elements: Iterable[etree._Element]) -> str | None:
    """Return the text of the first element that has any."""
    for element in elements:
        text = "".join(element.itertext()).strip()
        if text:
            return text
    return None


def _character(found: re.Match[str]) -> str:
    character = html5.get(found.group(1) + ";")
    return character if character is not None else "&amp;" + found.group(1) + ";"
