"""From a site's home page to ways of discovery: what it says of itself, then what its kind of site usually has. Pure.

`read_site` reads the answer at the address that a person gave; `ways_of` says what to try, the best first. Whether a way works
is found out by trying it (crawler.finding). Tests: tests/crawler/discovery/test_autodiscover.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urljoin, urlsplit, urlunsplit

from lxml import etree
from lxml import html as lxml_html

from crawler.discovery.base import headline, parse_xml, plain, text_of
from crawler.errors import DiscoveryError
from crawler.identity import host_key, split
from crawler.items import Discover
from pipelines.charset import decode_page

_FEED_TYPES = ("rss+xml", "atom+xml", "rdf+xml", "feed+json")
# Feeds of something else than articles, which link tags name beside the real one.
_OTHER_FEED = re.compile(r"comment|komentar|podcast|oembed|\bwp-json\b", re.I)
# Where feeds are when no tag says so: WordPress and many others, Indonesian CMSs, static sites.
FEED_PATHS = ("/feed/", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml", "/rss/terkini.xml", "/feed.json")
NEWS_SITEMAP_PATHS = ("/news-sitemap.xml", "/sitemap-news.xml", "/sitemap_news.xml", "/googlenews.xml")
SITEMAP_PATHS = ("/sitemap.xml", "/sitemap_index.xml", "/wp-sitemap.xml")
_INDEX_TEXT = re.compile(r"^\W*(indeks?|index|berita terbaru|terbaru|terkini|latest( news)?|semua berita)\W*$", re.I)
_SUFFIX = re.compile(r"\.(?:(?:co|or|go|ac|sch|web|my|net|biz|desa)\.id|[a-z]{2,})$")
_TITLE_PARTS = re.compile(r"\s+[-–—|·•:]\s+|\s*[|»]\s*|:\s+")
_MAX_NAME_CHARS = 80


@dataclass(frozen=True, slots=True)
class Site:
    """What a site says of itself. `url` is where it answered; the lists are in the page's order, addresses absolute."""

    url: str
    name: str | None = None
    is_feed: bool = False  # the address given is a feed itself
    is_sitemap: bool = False
    feeds: tuple[str, ...] = ()
    wordpress: str | None = None  # the site whose REST API the page names, or whose generator it is
    blogger: bool = False
    indexes: tuple[str, ...] = ()  # pages that list all articles by time


def read_site(body: bytes, url: str, content_type: str) -> Site:
    """Return what the answer at an address says. Whatever it is, something comes back."""
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"{":
        return Site(url, is_feed=True)
    if start == b"<":
        try:
            root = parse_xml(body, content_type)
        except DiscoveryError:
            return _read_page(body, url, content_type)
        kind = etree.QName(root).localname.lower()
        if kind in ("rss", "rdf", "feed", "channel"):
            return Site(url, _tidy_name(text_of(root.iter("{*}title"))), is_feed=True)
        if kind in ("urlset", "sitemapindex"):
            return Site(url, is_sitemap=True)
    elif body[:2] == b"\x1f\x8b":
        return Site(url, is_sitemap=True)
    return _read_page(body, url, content_type)


def _read_page(body: bytes, url: str, content_type: str) -> Site:
    text = decode_page(body, content_type)
    try:
        # Bytes: lxml refuses text that declares an encoding.
        root = lxml_html.document_fromstring(text.encode(), parser=lxml_html.HTMLParser(encoding="utf-8"))
    except etree.ParserError:  # nothing but white space and comments
        return Site(url)
    base = next((found for tag in root.iter("base") if (found := _web_address(tag.get("href"), url))), url)
    generator = " ".join(_metas(root, "generator")).lower()
    api = next((_web_address(tag.get("href"), base) for tag in root.iter("link") if tag.get("rel") == _API), None)
    looks_wordpress = "wordpress" in generator or "/wp-content/" in text
    return Site(
        url,
        _name(root, url),
        feeds=tuple(dict.fromkeys(_feeds(root, base, url))),
        wordpress=_site_of_api(api) if api else root_of(url) if looks_wordpress else None,
        blogger="blogger" in generator or (split(url) or urlsplit("")).netloc.endswith(".blogspot.com"),
        indexes=tuple(dict.fromkeys(_indexes(root, base, url)))[:2],
    )


_API = "https://api.w.org/"  # by which WordPress names its REST API


def _feeds(root: lxml_html.HtmlElement, base: str, url: str) -> Iterator[str]:
    """Yield the feeds that link tags name: those of the part of the site that was asked for first."""
    found = []
    for tag in root.iter("link"):
        rel, kind = (tag.get("rel") or "").lower().split(), (tag.get("type") or "").lower()
        address = _web_address(tag.get("href"), base)
        if "alternate" not in rel or not any(name in kind for name in _FEED_TYPES) or address is None:
            continue
        if not _OTHER_FEED.search(f"{address} {tag.get('title') or ''}"):
            found.append(address)
    here = url.partition("?")[0].rstrip("/") + "/"
    return iter(sorted(found, key=lambda address: here == root_of(url) + "/" or not address.startswith(here)))


def _indexes(root: lxml_html.HtmlElement, base: str, url: str) -> Iterator[str]:
    for anchor in root.iter("a"):
        address = _web_address(anchor.get("href"), base)
        if address is None or host_key(address) != host_key(url):
            continue
        path = urlsplit(address).path.rstrip("/").lower()
        if path.endswith(("/indeks", "/index-berita", "/indeks-berita")) or _INDEX_TEXT.match(plain(anchor.text) or ""):
            yield address


def ways_of(site: Site, sitemaps: Iterable[str] = ()) -> tuple[list[list[Discover]], list[list[Discover]]]:
    """Return what the site names, and what it may have without saying so: groups, the best first, one of each is enough.

    `sitemaps`: what robots.txt names.
    """
    if site.is_feed or site.is_sitemap:
        return [[Discover("feed" if site.is_feed else "sitemap", site.url)]], []
    root = root_of(site.url)
    news = [url for url in sitemaps if "news" in url.lower()]
    others = [url for url in sitemaps if url not in news]
    named = [
        # What brings whole bodies and reaches back.
        [Discover("blogger", root)] if site.blogger else [],
        [Discover("wordpress", site.wordpress)] if site.wordpress else [],
        [Discover("feed", url) for url in site.feeds],
        [Discover("sitemap", url) for url in news],
    ]
    guessed = [
        [Discover("feed", root + path) for path in FEED_PATHS],
        [Discover("sitemap", root + path) for path in NEWS_SITEMAP_PATHS],
        # Sites that show nothing of what they are made with.
        [Discover("wordpress", root), Discover("blogger", root)],
        [Discover("sitemap", url) for url in dict.fromkeys((*others, *(root + path for path in SITEMAP_PATHS)))],
        [Discover("page", url) for url in (*site.indexes, site.url)],
    ]
    return [group for group in named if group], guessed


def way_by_address(url: str) -> Discover:
    """Return the way of discovery that an address is, by its look: what lists of outlets say without saying which kind."""
    parts = urlsplit(url)
    path = parts.path.lower()
    if "/wp-json" in path or "rest_route" in dict(parse_qsl(parts.query)):
        return Discover("wordpress", url.partition("/wp-json")[0] if "/wp-json" in url else url)
    if path.startswith("/feeds/posts"):
        return Discover("blogger", root_of(url))
    if "sitemap" in path:
        return Discover("sitemap", url)
    if re.search(r"/(rss|feeds?|atom)(/|$|\.)|\.(rss|atom|xml|rdf)$", path) or "feed" in parts.query.lower():
        return Discover("feed", url)
    return Discover("page", url)


def id_of(url: str, taken: Iterable[str]) -> str:
    """Return an id for a site, made of its host's name, that is not taken."""
    host = ((split(url) or urlsplit("")).hostname or "").lower()
    bare = re.sub(r"^(www\d?|m|amp)\.", "", host)
    name = bare if re.fullmatch(r"[\d.:]+", bare) else _SUFFIX.sub("", bare) or bare
    made = re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:50].rstrip("-") or "source"
    known, number, found = set(taken), 1, made
    while found in known:
        number += 1
        found = f"{made}-{number}"
    return found


def root_of(url: str) -> str:
    """Return scheme, host and port of an address."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))


def _site_of_api(api: str) -> str:
    """Return the site of a REST API's address; one without pretty addresses is kept (?rest_route=)."""
    return api if "rest_route=" in api else api.partition("/wp-json")[0].rstrip("/")


def _name(root: lxml_html.HtmlElement, url: str) -> str | None:
    for name in ("og:site_name", "application-name"):
        for content in _metas(root, name):
            if found := _tidy_name(content):
                return found
    title = headline(text_of(root.iter("title")))
    if not title:
        return None
    parts = [part for part in _TITLE_PARTS.split(title) if part.strip()]
    host = re.sub(r"[^a-z0-9]", "", (urlsplit(url).hostname or "").lower())
    # The part that the host is named after; else the first.
    own = [part for part in parts if (short := re.sub(r"[^a-z0-9]", "", part.lower())) and short in host]
    return _tidy_name((own or parts or [title])[0])


def _metas(root: lxml_html.HtmlElement, name: str) -> list[str]:
    tags = (tag for tag in root.iter("meta") if name in (tag.get("property"), (tag.get("name") or "").lower()))
    return [tag.get("content") or "" for tag in tags]


def _tidy_name(text: str | None) -> str | None:
    found = headline(text)
    if not found or not found.isprintable():
        return None
    return found if len(found) <= _MAX_NAME_CHARS else found[:_MAX_NAME_CHARS].rpartition(" ")[0] or None


def _web_address(href: str | None, base: str) -> str | None:
    """Return the absolute http(s) address of a link, without its fragment, or None."""
    try:
        url = urljoin(base, (href or "").strip()).partition("#")[0] if href else ""
    except ValueError:
        return None
    parts = split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return url if url.isprintable() and " " not in url else None
