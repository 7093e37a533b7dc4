"""Blogger's feed, as JSON: posts with their whole bodies."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from crawler.discovery import feed
from crawler.discovery.base import Listing, article_address, moment, not_a_listing, plain
from crawler.items import Entry
from pipelines.charset import decode_page

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
    try:
        document = json.loads(text)
    except ValueError as error:
        raise not_a_listing(text) from error
    root = document.get("feed") if isinstance(document, dict) else None
    if not isinstance(root, dict):
        raise not_a_listing(text)
    entries = []
    for post in _dicts(root.get("entry")):
        address = article_address(_link(post, "alternate"), url)
        if address is None:
            continue
        image = _value(post.get("media$thumbnail"), "url")
        entries.append(
            Entry(
                url=address,
                title=plain(_value(post.get("title"), "$t")),
                published_at=moment(_value(post.get("published"), "$t"), zone),
                modified_at=moment(_value(post.get("updated"), "$t"), zone),
                guid=_value(post.get("id"), "$t"),
                summary=plain(_value(post.get("summary"), "$t")),
                body_html=_value(post.get("content"), "$t"),
                author=_author(post),
                image=article_address(re.sub(r"/s\d{2,3}(-c)?/", "/s1600/", image) if image else None, url),
            )
        )
    more = article_address(_link(root, "next"), url)
    return Listing(tuple(entries), (more,) if more else ())


def _author(post: dict[str, Any]) -> str | None:
    """Return the author; Blogger's name for accounts without one says nothing."""
    for author in _dicts(post.get("author")):
        name = plain(_value(author.get("name"), "$t"))
        return None if name in ("Unknown", "Anonymous", "noreply@blogger.com") else name
    return None


def _link(value: dict[str, Any], rel: str) -> str | None:
    return next((_value(link, "href") for link in _dicts(value.get("link")) if link.get("rel") == rel), None)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _value(value: Any, name: str) -> str | None:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) and found.strip() else None
