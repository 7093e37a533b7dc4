"""From the text of a page to an article's body, title, author, image, dates and further pages: the clean step, pure.

    text ─ parse_html ─► tree ─┬─ read_blocks ─► find_body, kind_of            blocks, body, lines, clutter, kinds
                               ├─ read_head ───► title, author, image, dates   metadata, bylines, embedded, dating
                               └─ find_pages                                   paging

One parse and one walk a page; every step is linear in the page. Imports of `crawler` only the items. Its test is
tests/pipelines/test_clean.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from crawler.items import ArticleHints, Entry
from pipelines import bylines, dating, metadata
from pipelines.blocks import drop, parse_html, read_blocks, select
from pipelines.body import Body, find_body
from pipelines.charset import decode_page
from pipelines.clutter import judge
from pipelines.embedded import next_data_body, text_of
from pipelines.kinds import kind_of
from pipelines.lines import flat
from pipelines.paging import Paging, find_pages, page_number

MAX_HTML_CHARS = 8_000_000  # the largest real article page seen has 1.1 million
_FEED = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*|<!--.{0,300}?-->\s*|<\?xml-stylesheet[^>]*>\s*)*<(?:rss|feed|urlset|"
    r"sitemapindex|rdf:RDF)\b",
    re.DOTALL,
)
_NO_HINTS = ArticleHints()
_MARKUP = re.compile(r"<(?:p|br|div|li|h\d)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CleanPage:
    """One page of an article, or of something else (`kind`).

    `canonical`: the address the page gives as its own, where it may be believed. `paragraphs`: the body, NFC, single
    spaces. Dates are aware UTC; `date_evidence` is "where: text as read". `next_pages`: what else belongs to the
    article, `whole_at` alone where one address gives all of it. `kind`: article, soft_404, blocked, login, paywall,
    listing, gambling, video, photo or empty. `cut`: "rule: text" of each line taken out.
    """

    url: str
    canonical: str | None = None
    title: str = ""
    author: str | None = None
    image: str | None = None
    paragraphs: tuple[str, ...] = ()
    published_at: datetime | None = None
    modified_at: datetime | None = None
    date_precision: Literal["minute", "day"] | None = None
    date_evidence: str | None = None
    next_pages: tuple[str, ...] = ()
    whole_at: str | None = None
    kind: str = "article"
    cut: tuple[str, ...] = ()
    site_name: str | None = None


def clean_page(
    html: str,
    url: str,
    *,
    hints: ArticleHints = _NO_HINTS,
    zone: str = "Asia/Jakarta",
    fetched_at: datetime | None = None,
    entry: Entry | None = None,
) -> CleanPage:
    """Return what a page holds. Never raises on any text; what cannot be read is an empty page.

    The CSS of `hints` wins over every guess. `entry` is what the listing said: it fills what the page lacks. `zone` is
    the source's, for times that name none. Dates more than a day after `fetched_at` are refused. At most 8,000,000
    characters are read.
    """
    if _FEED.match(html[:600]):
        return CleanPage(url, title=(entry.title or "") if entry else "", kind="listing")
    root = parse_html(html[:MAX_HTML_CHARS])
    if root is None:
        return CleanPage(url, title=(entry.title or "") if entry else "", kind="empty")
    head = metadata.read_head(root, url)
    chosen = _prepare(root, hints)
    reading = read_blocks(root, judge)
    title = metadata.title_of(head, reading, entry.title if entry else None)
    author = bylines.author_of(head, reading, entry.author if entry else None)
    known = _known_body(head)
    body = find_body(reading, title=title, author=author or "", known=known, chosen=chosen, url=url)
    body = _or_embedded(body, head, known, title)
    canonical = metadata.canonical_of(head)
    dates = dating.date_article(
        head,
        reading,
        body.headline,
        body.start,
        zone=zone,
        fetched_at=fetched_at,
        entry_published_at=entry.published_at if entry else None,
        entry_modified_at=entry.modified_at if entry else None,
    )
    kind = kind_of(head, reading, body, title, url)
    paging = find_pages(root, url, canonical, hint=hints.next) if kind == "article" else Paging()
    return CleanPage(
        url=url,
        canonical=canonical,
        title=title,
        author=author or bylines.signed_by(body.cut),
        image=metadata.image_address(head, entry.image if entry else None),
        paragraphs=body.paragraphs,
        published_at=dates.published_at,
        modified_at=dates.modified_at,
        date_precision=dates.precision,
        date_evidence=dates.evidence,
        next_pages=paging.next_pages,
        whole_at=paging.whole_at,
        kind=kind,
        cut=body.cut,
        site_name=metadata.site_name_of(head),
    )


def clean_fragment(html: str, url: str, *, title: str = "") -> tuple[str, ...]:
    """Return the paragraphs of a body that a feed or an API gives as HTML (content:encoded, content.rendered)."""
    return _fragment(html, title).paragraphs


def _fragment(html: str, title: str) -> Body:
    if not _MARKUP.search(html):
        html = "".join(f"<p>{line}</p>" for line in html.splitlines() if line.strip())
    root = parse_html(f"<html><body><div class='article-body'>{html[:MAX_HTML_CHARS]}</div></body></html>")
    if root is None:
        return Body()
    chosen = next(iter(root.iterfind(".//div")), None)
    return find_body(read_blocks(root, judge), title=title, chosen=chosen)


def _prepare(root: Any, hints: ArticleHints) -> Any:
    """Take out what the source's hints remove; return the element they call the body, or None."""
    for selector in hints.remove:
        for element in select(root, selector):
            drop(element)
    if hints.body is None:
        return None
    return next((e for e in select(root, hints.body) if "".join(e.itertext()).strip()), None)


def _known_body(head: metadata.Head) -> str:
    text = text_of(head.embedded.article.get("articleBody"))
    if "<" in text and _MARKUP.search(text):
        text = "\n".join(_fragment(text, "").paragraphs)
    return text


def _or_embedded(body: Body, head: metadata.Head, known: str, title: str) -> Body:
    """Return the body, or the one that the page carries as JSON where what is visible is a stub or something else."""
    candidates = [known] if len(known) > 300 else []
    if head.next_data:
        candidates.append(next_data_body(head.next_data))
    for text in candidates:
        if len(text) < 200 or (body.prose > 0.5 * len(text) and _says(text, body)):
            continue
        found = _fragment(text if _MARKUP.search(text) else text.replace("\\n", "\n"), title)
        if found.prose > 200 and (found.prose > 2 * body.prose or not _says(text, body)):
            body = replace(found, start=body.start, headline=body.headline, link_share=0.0)
    return body


def _says(text: str, body: Body) -> bool:
    """Whether the page's JSON and the body are the same article: each may be shorter than the other, or of another form."""
    said, shown = flat(text[:200_000]), flat(" ".join(body.paragraphs)[:200_000])
    probes = [flat(p)[:40] for p in body.paragraphs if len(p) > 60][:30]
    if not probes or sum(probe in said for probe in probes) > 0.3 * len(probes):
        return True
    pieces = [said[len(said) * n // 10 :][:40] for n in range(9)]
    return sum(piece in shown for piece in pieces) >= 3  # one or two may be a related link that both have


def join_pages(pages: Sequence[CleanPage]) -> CleanPage:
    """Return the article of several pages: the first page's words about it, and every page's paragraphs in order, once.

    Order is by the page number in the address, then as given. A paragraph of over 40 characters that an earlier page
    had (a summary box, a lead shown again) is not repeated. An address that gives everything at once replaces the
    others where its body is no shorter than each of theirs. Raises: ValueError when there is no page.
    """
    if not pages:
        raise ValueError("join_pages: no page to join")
    urls = [page.url for page in pages]
    numbers = [page_number(url, urls) for url in urls]
    ordered = sorted(zip(numbers, range(len(pages)), strict=True), key=lambda item: (max(1, item[0]), item[1]))
    first = pages[ordered[0][1]]
    wholes = {page.whole_at for page in pages}
    whole = next((p for p, n in zip(pages, numbers, strict=True) if n == 0 or p.url in wholes), None)
    if whole is not None and all(_size(whole) >= _size(p) for p in pages):
        used = [whole]
    else:
        rest = [pages[index] for _, index in ordered]
        used = [page for page in rest if page is first or (page.kind == "article" and page is not whole)]
    paragraphs: list[str] = []
    seen: set[str] = set()
    cut: list[str] = []
    for number, page in enumerate(used):
        cut.extend(page.cut)
        for text in page.paragraphs:
            key = flat(text)
            if number and key in seen and len(key) > 15:
                cut.append(f"repeat: {text[:200]}")
                continue
            seen.add(key)
            paragraphs.append(text)
    kind = "article" if any(p.kind == "article" for p in used) else first.kind
    return replace(first, paragraphs=tuple(paragraphs), cut=tuple(cut), kind=kind, next_pages=(), whole_at=None)


def _size(page: CleanPage) -> int:
    return sum(len(p) for p in page.paragraphs)


__all__ = ["CleanPage", "clean_fragment", "clean_page", "decode_page", "join_pages"]
