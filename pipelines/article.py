"""The article step: pages in, an Article or the reason why not out. Runs where the crawl runs, in processes of its own.

    screen ──► clean (all pages joined) ──► label: matches, category, place ──► Article

Stateless but for what `set_up` compiles once in a process. Tests: tests/pipelines/test_article.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import re2

from crawler.identity import canonical_url
from crawler.items import Article, CrawlSettings, Entry, MorePages, Page, ReadRequest, Rejection
from pipelines.bylines import reporter_in
from pipelines.charset import decode_page
from pipelines.clean import CleanPage, clean_fragment, clean_page, join_pages
from pipelines.dedupe import content_sha256, sign
from pipelines.kinds import is_block_title
from pipelines.labels import label
from pipelines.place import find_place
from pipelines.rules import TOPIC, Rules
from pipelines.screen import Screen
from pipelines.traits import traits_of

MAX_BODY_CHARS = 200_000  # the longest real article seen has 40,000; past this a page is something else
MAX_TITLE_CHARS = 500
_TITLE_TAG = re.compile(r"<title[^>]*>([^<]{1,2000})", re.I)
# Scripts that only challenge pages load; some of these pages have not a word of text.
_GUARD = re.compile(r"_incapsula_resource|cf_chl_opt|cf-challenge|imunify360", re.I)
_LARGEST_CHALLENGE = 60_000  # characters; those seen have 2,000 to 30,000, an article's page 60,000 and more
# What a page says of having further pages; only then is a page parsed that the screen would drop. RE2: 0.2 ms a page, and 5 by `re`.
_PAGED = re2.compile(
    r"(?i)halaman|selanjutnya|rel=[\"']?next|[?&](page|showpage|single|page_num)=|paging|pagination|page-link|post-page|nextpage"
)


@dataclass(frozen=True, slots=True)
class _Step:
    """What one process needs to read articles, compiled once."""

    keep_all: bool
    screen: Screen
    rules: Rules


_step: list[_Step] = []  # filled by set_up: a process of the pool reads articles under one configuration


def set_up(settings: CrawlSettings) -> None:
    """Prepare this process to read articles under these settings; call once before `read_article`."""
    _step[:] = [_Step(settings.keep == "all", Screen(settings.topic), Rules(settings.topic, settings.rules))]


def read_article(request: ReadRequest) -> Article | Rejection | MorePages:
    """Return the article that the request's pages are, or what they are instead, or which further pages it has.

    Times without a zone are in the source's. Bad markup, charsets and dates never raise; what cannot be known is None.
    """
    step = _step[0]
    if request.cheap:
        return _title_only(step, request)
    if not request.pages:
        return _from_listing(step, request)
    first = request.pages[0]
    if not _is_html(first):
        return Rejection("not_an_article", first.content_type.partition(";")[0].strip() or "no HTML")
    texts = [decode_page(page.body, page.content_type) for page in request.pages]
    # The title first: where it says enough, the pages need not be looked through.
    promising = step.keep_all or request.kept or step.screen.may_match_any([request.entry.title or "", *texts])
    if not promising and (request.incomplete or not any(_PAGED.search(text) for text in texts)):
        # A challenge has none of the topic's words either: believed, the article behind it would be lost.
        return Rejection("not_an_article", "blocked") if _is_in_the_way(texts[0]) else Rejection("off_topic")
    pages = [_cleaned(text, page, request) for text, page in zip(texts, request.pages, strict=True)]
    if pages[0].kind != "article" and not (request.by_hand and pages[0].paragraphs):
        guarded = pages[0].kind == "empty" and _GUARD.search(texts[0][:20_000])
        return Rejection("not_an_article", "blocked" if guarded else pages[0].kind)
    more = _missing_pages(pages, request)
    if more and not request.incomplete:
        return MorePages(more)
    whole = join_pages(_useful(pages))
    return _labelled(step, request, whole, "incomplete" if request.incomplete and more else "whole")


def _is_in_the_way(text: str) -> bool:
    """Return whether a page is a challenge or a block page, by its title and its scripts: cheap, for pages that are not parsed."""
    if len(text) > _LARGEST_CHALLENGE:
        return False
    title = _TITLE_TAG.search(text)
    return bool(_GUARD.search(text) or (title and is_block_title(title[1])))


def _cleaned(text: str, page: Page, request: ReadRequest) -> CleanPage:
    source = request.source
    return clean_page(
        text, page.url, hints=source.article, zone=source.timezone, fetched_at=request.now, entry=request.entry
    )


def _missing_pages(pages: list[CleanPage], request: ReadRequest) -> tuple[str, ...]:
    """Return the pages of this article that are not there yet; none once an address that gives all of it is."""
    have = {url for page in pages for url in (page.url, page.canonical)} | {request.entry.url}
    if any(page.url == pages[0].whole_at for page in pages):
        return ()
    wanted = [url for page in pages for url in page.next_pages if url not in have]
    return tuple(dict.fromkeys(wanted))


def _useful(pages: list[CleanPage]) -> list[CleanPage]:
    """Return the pages to join: where one of them is the whole article, its body under the first page's metadata."""
    for page in pages[1:]:
        if page.url == pages[0].whole_at and len("".join(page.paragraphs)) >= len("".join(pages[0].paragraphs)):
            return [replace(pages[0], paragraphs=page.paragraphs, cut=page.cut, next_pages=())]
    return [pages[0], *(page for page in pages[1:] if page.kind == "article")]


def _from_listing(step: _Step, request: ReadRequest) -> Article | Rejection | MorePages:
    """Read an article whose whole body the listing carries."""
    entry = request.entry
    if not step.keep_all and not step.screen.may_match_any([entry.body_html or "", entry.title or ""]):
        return Rejection("off_topic")
    paragraphs = clean_fragment(entry.body_html or "", entry.url)
    page = CleanPage(
        url=entry.url,
        canonical=None,
        title=entry.title or "",
        author=reporter_in(entry.author, request.source.name, request.source.url),
        image=entry.image,
        paragraphs=paragraphs,
        published_at=entry.published_at,
        modified_at=entry.modified_at,
        date_precision="minute" if entry.published_at else None,
        date_evidence="listing" if entry.published_at else None,
    )
    return _labelled(step, request, page, "whole")


def _title_only(step: _Step, request: ReadRequest) -> Article | Rejection:
    """Read what can be had of a page that costs too much: its title, for the topic to be found in."""
    title = request.entry.title
    if title is None and request.pages:
        found = _TITLE_TAG.search(decode_page(request.pages[0].body[:100_000], request.pages[0].content_type))
        title = " ".join(found.group(1).split()) if found else None
    entry = request.entry
    precision: Any = "minute" if entry.published_at else None
    page = CleanPage(
        url=entry.url,
        canonical=None,
        title=title or "",
        author=reporter_in(entry.author, request.source.name, request.source.url),
        image=entry.image,
        paragraphs=(),
        published_at=entry.published_at,
        modified_at=entry.modified_at,
        date_precision=precision,
        date_evidence="listing" if entry.published_at else None,
    )
    return _labelled(step, request, page, "too_costly")


def _labelled(step: _Step, request: ReadRequest, page: CleanPage, status: Any) -> Article | Rejection:
    source = request.source
    body = "\n\n".join(page.paragraphs)
    if len(body) > MAX_BODY_CHARS:
        body, status = body[:MAX_BODY_CHARS].rsplit("\n\n", 1)[0], "too_long"
    title = (page.title or request.entry.title or "")[:MAX_TITLE_CHARS].strip()
    if not title and not body:
        return Rejection("not_an_article", "empty")
    found = step.rules.find(title, body)
    if not step.keep_all and not request.kept and TOPIC not in found:
        return Rejection("off_topic")
    labels = label(title, body, on_topic=TOPIC in found)
    address = _address(page, request.entry)
    place = find_place(title, body, outlet_region=source.region, url=address)
    article = Article(
        source=source.id,
        url=address,
        fetched_url=page.url,
        title=title or page.paragraphs[0][:MAX_TITLE_CHARS],
        body=body,
        author=page.author,
        image=page.image,
        published_at=page.published_at,
        modified_at=page.modified_at,
        date_precision=page.date_precision,
        date_evidence=page.date_evidence,
        fetched_at=request.now,
        content_sha256=content_sha256(body),
        topic=found.get(TOPIC, ()),
        category=labels.category,
        province_code=place.province_code,
        regency_code=place.regency_code,
        flags=labels.flags,
        traits=traits_of(title, body, page.published_at),
        signature=sign(body),
        body_status=status,
        from_listing=not request.pages,
        etag=request.pages[0].etag if len(request.pages) == 1 else None,
        last_modified=request.pages[0].last_modified if len(request.pages) == 1 else None,
        cut=page.cut,
    )
    code = place.regency_code or place.province_code
    return replace(article, rules=step.rules.hit(found, labels.category, code))


def _address(page: CleanPage, entry: Entry) -> str:
    """Return the address the article is known by: its canonical link where it has a credible one, else where it was found."""
    return canonical_url(page.canonical or page.url or entry.url)


def _is_html(page: Page) -> bool:
    kind = page.content_type.partition(";")[0].strip().lower()
    if kind in ("", "text/html", "application/xhtml+xml", "text/plain", "application/octet-stream"):
        return b"<" in page.body[:4096]
    return False
