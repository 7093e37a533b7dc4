"""Blogger's feed, as JSON: posts with their whole bodies."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from crawler.discovery import feed
from crawler.discovery.base import (
    Listing,
    article_address,
    dicts,
    headline,
    moment,
    not_a_listing,
    parse_json,
    plain,
    string,
    without_shared_guids,
)
from crawler.items import Entry
from pipelines.charset import decode_page

_PUBLIC_FEED = "http://schemas.google.com/g/2005#feed"
MAX_RESULTS = 50  # Blogger gives 150 at most; with bodies 50 are 300 kB


def requests(url: str) -> tuple[str, ...]:
    """Return the address of the blog's newest posts as JSON; an address of its feed (a label's, say) is kept."""
    parts = urlsplit(url)
    path = parts.path if "/feeds/" in parts.path else parts.path.rstrip("/") + "/feeds/posts/default"
    query = {"max-results": str(MAX_RESULTS), **dict(parse_qsl(parts.query)), "alt": "json"}
    return (urlunsplit((parts.scheme, parts.netloc, path, urlencode(query), "")),)


def read(body: bytes, url: str, content_type: str, zone: str) -> Listing:
    """Return the posts and the next page. A blog that answers with Atom is read as that. Raises DiscoveryError otherwise."""
    text = decode_page(body, content_type).lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        return feed.read(body, url, content_type, zone)
    document = parse_json(text)
    root = document.get("feed") if isinstance(document, dict) else None
    if not isinstance(root, dict):
        raise not_a_listing(text)
    entries = []
    for post in dicts(root.get("entry")):
        address = article_address(_link(post, "alternate"), url)
        if address is None:
            continue
        image = string(post, "media$thumbnail", "url")
        entries.append(
            Entry(
                url=address,
                title=headline(string(post, "title", "$t")),
                published_at=moment(string(post, "published", "$t"), zone),
                modified_at=moment(string(post, "updated", "$t"), zone),
                guid=string(post, "id", "$t"),
                summary=plain(string(post, "summary", "$t")),
                body_html=string(post, "content", "$t"),
                author=_author(post),
                image=article_address(re.sub(r"/s\d{2,3}(-c)?/", "/s1600/", image) if image else None, url),
            )
        )
    more = article_address(_link(root, "next"), url)
    # Itself it calls the JSON that we asked for; the hub knows the blog's public feed.
    named = (("hub", _link(root, "hub")), ("self", _link(root, _PUBLIC_FEED)))
    links = tuple((rel, href) for rel, href in named if href)
    return Listing(without_shared_guids(entries), (more,) if more else (), links)


def _author(post: dict[str, Any]) -> str | None:
    """Return the author; Blogger's name for accounts without one says nothing."""
    name = headline(string(post, "author", 0, "name", "$t"))
    return None if name in ("Unknown", "Anonymous", "noreply@blogger.com") else name


def _link(value: dict[str, Any], rel: str) -> str | None:
    return next((string(link, "href") for link in dicts(value.get("link")) if link.get("rel") == rel), None)
