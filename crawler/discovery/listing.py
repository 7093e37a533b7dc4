"""Listing pages: tag pages, indeks, search results. By the source's CSS, or by a guess at what links to an article."""

from __future__ import annotations

import re
from itertools import islice
from urllib.parse import urljoin, urlsplit

from lxml import etree
from lxml import html as lxml_html
from lxml.cssselect import CSSSelector, SelectorError

from crawler.discovery.base import Listing, article_address, headline, is_challenge, is_parked, not_a_listing
from crawler.errors import DiscoveryError
from crawler.identity import entry_key
from crawler.items import Entry
from pipelines.charset import decode_page

# Where an address leads to something else than an article; by path segment, Indonesian and English.
_NOT_ARTICLE = re.compile(
    r"/(tag|tags|topik|topic|label|kategori|category|kanal|rubrik|author|penulis|editor|user|search|cari|indeks|index|page|"
    r"about|tentang|redaksi|kontak|contact|pedoman\S*|privacy\S*|kebijakan\S*|disclaimer|login|register|langganan|subscribe|"
    r"feed|rss|sitemap\S*|wp-content|wp-admin|wp-login\.php|cdn-cgi|galeri|foto|video|live|epaper|iklan|advertise)(/|$)",
    re.I,
)
_FILE = re.compile(r"\.(jpe?g|png|gif|webp|svg|pdf|mp4|mp3|zip|css|js|xml|json)$", re.I)
_DATED = re.compile(r"/(19|20)\d\d/\d{1,2}(/\d{1,2})?/")
_NUMBER = re.compile(r"(^|[/_.-])\d{4,}([/_.-]|$)")
_AGO = re.compile(r"(?<!\w)\d+\s+(detik|menit|jam|hari|minggu|bulan|tahun)\s+(yang\s+)?lalu(?!\w)", re.I)
_MAX_TEXTS = 100
_MIN_WORDS = 4  # headlines of fewer words are rarer than menu entries of as many
_HEADLINE_WORDS = 6  # no menu entry has so many


def read(body: bytes, url: str, content_type: str, links: str | None, next_css: str | None) -> Listing:
    """Return the linked articles in the page's order, each once, and the next listing page.

    `links` and `next_css` are CSS. Without `links`, links of the same site are taken that look like articles by address and
    text. Raises DiscoveryError: `bad_selector` where CSS cannot be read, `blocked` or `not_a_feed` where there is no page.
    """
    text = decode_page(body, content_type)
    try:
        # Bytes: lxml refuses text that declares an encoding.
        root = lxml_html.document_fromstring(
            text.encode("utf-8"), parser=lxml_html.HTMLParser(encoding="utf-8", huge_tree=True)
        )
    except etree.ParserError as error:  # nothing but white space and comments
        raise not_a_listing(text) from error
    base = root.find(".//base[@href]")
    home = url if base is None else _joined(url, base.get("href"))
    found = _selected(root, links) if links else [a for a in root.iter("a") if _looks_like_article(a, home, url)]
    entries: dict[str, Entry] = {}
    for element in found:
        anchor = element if element.tag == "a" else next(element.iter("a"), None)
        address = article_address(anchor.get("href"), home) if anchor is not None else None
        if anchor is None or address is None:
            continue
        key = entry_key(address)
        title = _title(anchor)
        known = entries.get(key)
        # The picture of a teaser links first and has no text; the headline links second.
        if known is None or len(title or "") > len(known.title or ""):
            entries[key] = Entry(url=known.url if known else address, title=title)
    if not entries and (is_challenge(text) or is_parked(text) or (not links and root.find(".//a") is None)):
        raise not_a_listing(text)
    following = (
        [article_address(element.get("href"), home) for element in _selected(root, next_css)] if next_css else []
    )
    return Listing(tuple(entries.values()), tuple(address for address in following[:1] if address))


def _joined(url: str, href: str) -> str:
    try:
        return urljoin(url, href.strip())
    except ValueError:
        return url


def _title(anchor: lxml_html.HtmlElement) -> str | None:
    """Return the headline of a link: its heading's text, else all of it without "5 menit lalu", which changes every time."""
    heading = next(anchor.iter("h1", "h2", "h3", "h4", "h5", "h6"), anchor)
    # A page of links inside links must not be read once for each of them.
    text = headline(" ".join(islice(heading.itertext(), _MAX_TEXTS)))
    return headline(_AGO.sub(" ", text)) if text else headline(anchor.get("title"))


def _selected(root: lxml_html.HtmlElement, css: str) -> list[lxml_html.HtmlElement]:
    try:
        return list(CSSSelector(css, translator="html")(root))
    except SelectorError as error:
        raise DiscoveryError("bad_selector", f"CSS {css!r}: {error}") from error


def _looks_like_article(anchor: lxml_html.HtmlElement, base: str, page: str) -> bool:
    address = article_address(anchor.get("href"), base)
    if address is None:
        return False
    parts, here = urlsplit(address), urlsplit(page)
    if _site(parts.hostname or "") != _site(here.hostname or "") or parts.port != here.port:
        return False
    if entry_key(address) == entry_key(page) or _NOT_ARTICLE.search(parts.path) or _FILE.search(parts.path):
        return False
    slug = max(parts.path.split("/"), key=lambda segment: segment.count("-"))
    words = len((_title(anchor) or "").split())
    by_address = (
        slug.count("-") >= _MIN_WORDS - 1
        or (slug.count("-") >= 1 and words >= _HEADLINE_WORDS)  # a short slug under a long headline
        or bool(_DATED.search(parts.path))
        or bool(_NUMBER.search(parts.path))
    )
    image_only = words == 0 and anchor.find(".//img") is not None
    return by_address and (words >= _MIN_WORDS or image_only)


def _site(host: str) -> str:
    """Return the host without www and mobile prefixes: close enough to "the same site" for a guess."""
    return re.sub(r"^(www\d?|m|amp)\.", "", host.lower())
