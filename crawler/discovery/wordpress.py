"""WordPress' REST API: newest posts, or those that hold the topic's words, with their whole bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from crawler.discovery.base import Listing, article_address, moment, not_a_listing, plain
from crawler.errors import DiscoveryError
from crawler.items import Entry
from pipelines.charset import decode_page

PER_PAGE = 50  # WordPress allows 100; with bodies that is 1 MB, and weak hosts time out on it
MAX_SEARCHES = 4  # each word is one request: with more, the newest posts are read instead
_FIELDS = (
    "id,link,guid,title,date_gmt,date,modified_gmt,modified,excerpt,content,_links,_embedded,jetpack_featured_media_url"
)
# A body that is only the beginning ends so.
_CUT = re.compile(
    r"(\[(…|\.\.\.|&hellip;)\]|(…|&hellip;|\.\.\.)\s*(read more|continue reading|selengkapnya|baca selengkapnya)?)\s*(</?\w+[^>]*>\s*)*$",
    re.I,
)


def requests(url: str, search_words: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the addresses of the API's first pages: one a search word, or one of the newest posts where there are too many."""
    parts = urlsplit(url)
    if "wp-json" in parts.path or "rest_route" in parts.query:
        path, given = parts.path, dict(parse_qsl(parts.query))
        if "posts" not in path and "posts" not in given.get("rest_route", ""):
            path = path.rstrip("/") + "/wp/v2/posts"
    else:
        path, given = parts.path.rstrip("/") + "/wp-json/wp/v2/posts", {}
    common = {**given, "per_page": str(PER_PAGE), "_embed": "author,wp:featuredmedia", "_fields": _FIELDS}
    words = search_words if 0 < len(search_words) <= MAX_SEARCHES and "search" not in given else ()
    queries = [{**common, "search": word} for word in words] or [common]
    return tuple(urlunsplit((parts.scheme, parts.netloc, path, urlencode(query), "")) for query in queries)


def rest_route(url: str) -> str | None:
    """Return the same request for sites without pretty addresses (?rest_route=…), or None where it is one already."""
    parts = urlsplit(url)
    base, found, route = parts.path.partition("/wp-json")
    if not found:
        return None
    return urlunsplit((parts.scheme, parts.netloc, base + "/", f"rest_route={route}&{parts.query}", ""))


def read(body: bytes, url: str, content_type: str, zone: str) -> Listing:
    """Return the posts and, where the page is full, the address of the next page as `more`.

    `body_html` is set only where the body is whole. Raises DiscoveryError where the answer is not the API's.
    """
    text = decode_page(body, content_type)
    try:
        document = json.loads(text)
    except ValueError as error:
        raise not_a_listing(text) from error
    if not isinstance(document, list):
        message = document.get("message") or document.get("code") if isinstance(document, dict) else None
        raise DiscoveryError("not_a_feed", f"not the WordPress API's posts: {message or type(document).__name__}")
    entries = []
    for post in document:
        if not isinstance(post, dict):
            continue
        address = article_address(_string(post, "link") or _string(post, "guid", "rendered"), url)
        if address is None:
            continue
        entries.append(
            Entry(
                url=address,
                title=plain(_string(post, "title", "rendered")),
                published_at=moment(_utc(post, "date_gmt"), "UTC") or moment(_string(post, "date"), zone),
                modified_at=moment(_utc(post, "modified_gmt"), "UTC") or moment(_string(post, "modified"), zone),
                guid=_string(post, "guid", "rendered"),
                summary=plain(_string(post, "excerpt", "rendered")),
                body_html=_whole_body(post),
                author=plain(_string(post, "_embedded", "author", 0, "name")),
                image=article_address(
                    _string(post, "_embedded", "wp:featuredmedia", 0, "source_url")
                    or _string(post, "jetpack_featured_media_url"),
                    url,
                ),
            )
        )
    return Listing(tuple(entries), (_next_page(url),) if len(document) >= PER_PAGE else ())


def _whole_body(post: dict[str, Any]) -> str | None:
    body = _string(post, "content", "rendered")
    protected = post.get("content", {}).get("protected") if isinstance(post.get("content"), dict) else False
    if not body or protected or _CUT.search(body[-400:]):
        return None
    summary = plain(_string(post, "excerpt", "rendered")) or ""
    return body if len(plain(body) or "") > max(len(summary), 200) else None


def _next_page(url: str) -> str:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    query["page"] = str(int(query.get("page", "1")) + 1)
    return urlunsplit(parts._replace(query=urlencode(query)))


def _utc(post: dict[str, Any], name: str) -> str | None:
    """Return a *_gmt value; WordPress writes zeros for drafts and on some broken imports."""
    value = _string(post, name)
    return None if value is None or value.startswith("0000") else value


def _string(value: Any, *path: str | int) -> str | None:
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and len(value) > step:
            value = value[step]
        else:
            return None
    return value if isinstance(value, str) and value.strip() else None
