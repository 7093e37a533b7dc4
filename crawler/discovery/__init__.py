"""Listings to entries: pure functions over bytes, one module a kind.

`first_requests` says what to fetch for a `Discover`, `read_listing` turns one answer into a `Listing`: its entries, newest
first where the listing is, and what else to fetch. No network here. Dates are read by pipelines.tanggal, because no library
reads "10:00 WIB" right. Tests: tests/crawler/discovery/.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from crawler.discovery import blogger, feed, listing, sitemap, wordpress
from crawler.discovery.base import Listing
from crawler.items import Discover

__all__ = ["Listing", "first_requests", "read_listing"]


def first_requests(discover: Discover, search_words: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the addresses to fetch first. `search_words`: one of them stands in every article on the topic, where known."""
    if discover.kind == "wordpress":
        return wordpress.requests(discover.url, search_words)
    if discover.kind == "blogger":
        return blogger.requests(discover.url)
    return (discover.url,)


def read_listing(discover: Discover, body: bytes, url: str, content_type: str, zone: str) -> Listing:
    """Return what a fetched listing names. `url` is where it was found; `zone` is for dates that name none.

    Raises DiscoveryError where the answer is something else than it should be; a feed without entries is an empty Listing.
    """
    readers: dict[str, Callable[[], Listing]] = {
        "feed": lambda: feed.read(body, url, content_type, zone),
        "sitemap": lambda: sitemap.read(body, url, content_type, zone),
        "wordpress": lambda: wordpress.read(body, url, content_type, zone),
        "blogger": lambda: blogger.read(body, url, content_type, zone),
        "page": lambda: listing.read(body, url, content_type, discover.links, discover.next),
    }
    return readers[discover.kind]()
