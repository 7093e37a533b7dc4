"""WordPress' REST API: the newest posts, and older ones that hold the topic's words, with their whole bodies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from crawler.discovery.base import (
    Listing,
    article_address,
    dicts,
    headline,
    moment,
    parse_json,
    plain,
    string,
    without_shared_guids,
)
from crawler.errors import DiscoveryError
from crawler.items import Entry
from pipelines.charset import decode_page

PER_PAGE = 50  # WordPress allows 100; with bodies that is 1 MB, and weak hosts time out on it
MAX_SEARCHES = 4  # each word is one request: with more, the newest posts are read instead
_FIELDS = (
    "id,link,guid,title,date_gmt,date,modified_gmt,modified,excerpt,content,_links,_embedded,jetpack_featured_media_url"
)
# A body that is only the beginning ends so, its tags taken away.
_CUT = re.compile(r"(\[(…|\.\.\.)\]|…|\.\.\.)\s*(read more|continue reading|(baca )?selengkapnya)?\W*$", re.I)


def requests(url: str, search_words: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the addresses of the API's first pages: that of the newest posts, and one a search word where they are few."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    path, found, route = parts.path.partition("/wp-json")
    if "rest_route" in given:
        given["rest_route"] = _posts_of(given["rest_route"])
    elif found:
        path += found + _posts_of(route)
    else:
        path, given = path.rstrip("/") + "/wp-json/wp/v2/posts", {}
    common = {**given, "per_page": str(PER_PAGE), "_embed": "author,wp:featuredmedia", "_fields": _FIELDS}
    words = search_words if 0 < len(search_words) <= MAX_SEARCHES and "search" not in given else ()
    # The newest posts too: a site may search by whole words, and would keep "netralitas" from who asks for "netral".
    queries = [common, *({**common, "search": word} for word in words)]
    return tuple(urlunsplit((parts.scheme, parts.netloc, path, urlencode(query), "")) for query in queries)


def _posts_of(route: str) -> str:
    """Return the route of the posts; one that names a collection already (a post type of the site's own) is kept."""
    return "/wp/v2/posts" if route.rstrip("/") in ("", "/wp", "/wp/v2") else route


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
    document = parse_json(text)
    if not isinstance(document, list):
        message = document.get("message") or document.get("code") if isinstance(document, dict) else None
        raise DiscoveryError("not_a_feed", f"not the WordPress API's posts: {message or type(document).__name__}")
    entries = []
    for post in dicts(document):
        address = article_address(string(post, "link") or string(post, "guid", "rendered"), url)
        if address is None:
            continue
        entries.append(
            Entry(
                url=address,
                title=headline(string(post, "title", "rendered")),
                published_at=moment(_utc(post, "date_gmt"), "UTC") or moment(string(post, "date"), zone),
                modified_at=moment(_utc(post, "modified_gmt"), "UTC") or moment(string(post, "modified"), zone),
                guid=string(post, "guid", "rendered"),
                summary=plain(string(post, "excerpt", "rendered")),
                body_html=_whole_body(post),
                author=headline(string(post, "_embedded", "author", 0, "name")),
                image=article_address(
                    string(post, "_embedded", "wp:featuredmedia", 0, "source_url")
                    or string(post, "jetpack_featured_media_url"),
                    url,
                ),
            )
        )
    return Listing(without_shared_guids(entries), (_next_page(url),) if len(document) >= PER_PAGE else ())


def _whole_body(post: dict[str, Any]) -> str | None:
    body = string(post, "content", "rendered")
    protected = post.get("content", {}).get("protected") if isinstance(post.get("content"), dict) else False
    if not body or protected or _CUT.search(plain(body[-400:]) or ""):
        return None
    summary = plain(string(post, "excerpt", "rendered")) or ""
    return body if len(plain(body) or "") > max(len(summary), 200) else None


def _next_page(url: str) -> str:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    page = query.get("page", "1")
    query["page"] = str(int(page) + 1 if page.isdecimal() else 2)
    return urlunsplit(parts._replace(query=urlencode(query)))


def _utc(post: dict[str, Any], name: str) -> str | None:
    """Return a *_gmt value; WordPress writes zeros for drafts and on some broken imports."""
    value = string(post, name)
    return None if value is None or value.startswith("0000") else value
