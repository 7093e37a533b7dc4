"""Sitemaps: urlset, index, Google's news and image elements, plain text lists, gzip."""

from __future__ import annotations

import math
import zlib

from lxml import etree

from crawler.discovery.base import Listing, article_address, children, headline, local, moment, parse_xml, text_of
from crawler.errors import DiscoveryError
from crawler.items import Entry
from crawler.settings import LIMITS
from pipelines.charset import decode_page


def read(body: bytes, url: str, content_type: str, zone: str) -> Listing:
    """Return the entries of a sitemap, or the children of an index (newest `lastmod` first) as `more`.

    `lastmod` is when the page changed: it becomes modified_at, and only news:publication_date becomes published_at.
    Raises DiscoveryError for anything that is no sitemap, and past LIMITS.max_sitemap_bytes unpacked or LIMITS.max_sitemap_urls.
    """
    body = gunzipped(body)
    is_list = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:8].lower().startswith((b"http://", b"https://"))
    urls = body.count(b"\n" if is_list else b"url>") // (1 if is_list else 2)
    if urls > LIMITS.max_sitemap_urls:
        raise DiscoveryError("too_large", f"names {urls} addresses, more than {int(LIMITS.max_sitemap_urls)}")
    if is_list:
        lines = decode_page(body, content_type).split()
        return Listing(tuple(Entry(url=found) for found in (article_address(line, url) for line in lines) if found))
    root = parse_xml(body, content_type)
    kind = local(root)
    if kind == "sitemapindex":
        return Listing((), _newest_first(root, url, zone))
    if kind != "urlset":
        raise DiscoveryError("not_a_feed", f"the root element is <{kind}>, not urlset or sitemapindex")
    entries = []
    for item in children(root, "url"):
        address = article_address(text_of(children(item, "loc")), url)
        if address is None:
            continue
        news = next(children(item, "news"), None)
        image = next(children(item, "image"), None)
        entries.append(
            Entry(
                url=address,
                title=headline(text_of(children(news, "title"))) if news is not None else None,
                published_at=moment(text_of(children(news, "publication_date")), zone) if news is not None else None,
                modified_at=moment(text_of(children(item, "lastmod")), zone),
                image=article_address(text_of(children(image, "loc")), url) if image is not None else None,
            )
        )
    return Listing(tuple(entries))


def gunzipped(body: bytes) -> bytes:
    """Return the body unpacked where it is gzip, whatever its name. Raises DiscoveryError past the limit or where it is damaged."""
    if body[:2] != b"\x1f\x8b":
        return body
    limit = int(LIMITS.max_sitemap_bytes)
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise DiscoveryError("not_a_feed", f"damaged gzip: {error}") from error
    if not unpacker.eof and len(unpacked) <= limit:
        raise DiscoveryError("not_a_feed", "damaged gzip: it ends too early")
    if len(unpacked) > limit:
        raise DiscoveryError("too_large", f"unpacks to more than {limit} bytes")
    return unpacked


def _newest_first(root: etree._Element, url: str, zone: str) -> tuple[str, ...]:
    found = []
    for position, item in enumerate(children(root, "sitemap")):
        address = article_address(text_of(children(item, "loc")), url)
        if address is not None:
            at = moment(text_of(children(item, "lastmod")), zone)
            # News sitemaps hold two days and are what we are here for; undated ones come before dated ones.
            news = "news" in address.rpartition("/")[2].lower()
            found.append((not news, -at.timestamp() if at else -math.inf, position, address))
    found.sort()
    return tuple(item[-1] for item in found)
