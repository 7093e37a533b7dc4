"""Where a feed says that it tells of changes (WebSub): its `Link` headers and the links in it become one Hub. Pure.

Rules: https://www.w3.org/TR/websub/ section 4 (discovery), RFC 8288 (Link). Tests: tests/crawler/discovery/test_hubs.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urljoin

from crawler.identity import split
from crawler.items import Hub
from crawler.settings import LIMITS

Links = Iterable[tuple[str, str]]  # rel, address as it stands there

_MAX_HEADER_CHARS = 8192
_LINK = re.compile(r"<([^<>]*)>([^<>]*)")
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))', re.I)
_ANCHOR = re.compile(r";\s*anchor\s*=", re.I)  # a link of something else than what was fetched


def linked(header: str) -> list[tuple[str, str]]:
    """Return (rel, address) of each link in a Link header, several headers joined by commas. What cannot be read is left out."""
    found = []
    for link in _LINK.finditer(header[:_MAX_HEADER_CHARS]):
        rel = _REL.search(link[2])
        if rel and not _ANCHOR.search(link[2]):
            found += [(name.lower(), link[1]) for name in (rel[1] or rel[2] or "").split()]
    return found


def hub_of(header: str, links: Links, url: str) -> Hub:
    """Return the hub and the topic that a feed found at `url` names; an empty Hub unless it names both.

    The header wins over the feed, the first usable address over later ones: one hub is enough, they all tell the same. A feed that does
    not name itself (rel=self) gets no subscription: its address in sources.yaml may hold a token that is no hub's business.
    """
    all_links = [*linked(header), *links]
    hub, topic = (_first(all_links, rel, url) for rel in ("hub", "self"))
    return Hub(hub, topic) if hub and topic else Hub()


def _first(links: Links, wanted: str, base: str) -> str:
    found = (_address(href, base) for rel, href in links if rel == wanted)
    return next((address for address in found if address), "")


def _address(href: str, base: str) -> str:
    """Return an absolute http(s) address without login and within LIMITS.max_url_bytes, or ""."""
    try:
        url = urljoin(base, href.strip()) if href.strip() else ""
    except ValueError:
        return ""
    parts = split(url)
    usable = (
        parts is not None
        and parts.scheme in ("http", "https")
        and parts.hostname
        and "@" not in parts.netloc
        and url.isprintable()
        and " " not in url
        and len(url.encode("utf-8", "replace")) <= LIMITS.max_url_bytes
    )
    return url if usable else ""
