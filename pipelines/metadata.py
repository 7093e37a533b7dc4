"""Title, image and address of one article page, each by a written order of trust.

Authors are in `bylines`, dates in `dating`. `read_head` walks the tree once for all three. Imports nothing of `crawler`.
Its test is tests/pipelines/test_metadata.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml.etree import XPath

from pipelines.blocks import Reading, plain
from pipelines.embedded import Embedded, image_of, read_json_ld, text_of
from pipelines.lines import flat

_SEPARATOR = re.compile(r"\s+[|\-–—:»•·~/]{1,2}\s+|\s*::\s*|\s*[|»]\s*|(?<=\w):\s+")
_PAGE_WORD = re.compile(
    r"\s*[-–|(,]?\s*\b(?:halaman|page|laman|hal)\.?\s*(?:\d{1,2}|all|semua)\)?\s*$",
    re.IGNORECASE,
)
_NO_PICTURE = re.compile(
    r"logo|favicon|avatar|placeholder|default|no-?image|blank\.|spacer|sprite|1x1|pixel\.|icon|\.svg(?:$|"
    r"\?)",
    re.IGNORECASE,
)


_MARKED_AUTHORS = XPath(
    "(//*[contains(concat(' ', normalize-space(@class), ' '), ' vcard ') or @rel = 'author'])[position() <= 24]"
)
_NOT_HERE = re.compile(r"comment|komentar|related|terkait|sidebar|widget|popul", re.IGNORECASE)  # another's author
_TWIN_HOST = re.compile(r"^(?:www\d?|m|amp|mobile|wap|beta)\.")
_TITLE_NAMES = re.compile(r"title|judul|headline", re.IGNORECASE)


@dataclass(slots=True)
class Head:
    """What the page says outside its text. `meta`: by lower-case name or property, first value of each."""

    url: str
    meta: dict[str, str] = field(default_factory=dict)
    title: str = ""
    canonical: str = ""
    amp: bool = False
    h1: list[str] = field(default_factory=list)
    times: list[tuple[str, str, str]] = field(default_factory=list)  # (datetime, text, itemprop and class)
    marked_authors: list[str] = field(default_factory=list)
    embedded: Embedded = field(default_factory=Embedded)
    next_data: str = ""
    base: str = ""


def read_head(root: Any, url: str) -> Head:
    """Return what the head, the JSON-LD and the marked elements of a parsed page say."""
    head = Head(url)
    scripts: list[str] = []
    for element in root.iter("meta", "link", "title", "script", "h1", "time", "abbr", "base"):
        tag = element.tag
        if tag == "meta":
            _read_meta(element, head)
        elif tag == "script":
            kind = (element.get("type") or "").lower()
            if "ld+json" in kind:
                scripts.append(element.text or "")
            elif element.get("id") == "__NEXT_DATA__":
                head.next_data = element.text or ""
        elif tag == "link":
            if "canonical" in (element.get("rel") or "").lower() and not head.canonical:
                head.canonical = (element.get("href") or "").strip()
        elif tag == "title":
            head.title = head.title or plain(element.text or "")
        elif tag == "h1":
            head.h1.append(plain(" ".join(element.itertext()))[:500])
        elif tag == "base":
            head.base = (element.get("href") or "").strip()
        elif len(head.times) < 60 and (tag == "time" or element.get("title")):
            head.times.append(  # <abbr class="published" title="…"> is how Blogger and hAtom mark a time
                (
                    element.get("datetime") or element.get("title") or "",
                    plain(" ".join(element.itertext()))[:200],
                    f"{element.get('itemprop') or ''} {element.get('class') or ''}",
                )
            )
    head.embedded = read_json_ld(scripts)
    for element in root.iterfind(".//*[@itemprop]"):
        _read_itemprop(element, head)
    for element in _MARKED_AUTHORS(root):  # WordPress and Blogger mark the author by hCard, others by rel=author
        around = " ".join(e.get("class") or "" for e in islice(element.iterancestors(), 6))
        name = plain(" ".join(islice(element.itertext(), 12)))
        if len(head.marked_authors) < 8 and not _NOT_HERE.search(around) and 2 < len(name) <= 120:
            head.marked_authors.append(name)
    return head


def _read_meta(element: Any, head: Head) -> None:
    key = (element.get("property") or element.get("name") or element.get("itemprop") or "").strip().lower()
    value = plain(element.get("content") or "")
    if key and value:
        head.meta.setdefault(key, value)


def _read_itemprop(element: Any, head: Head) -> None:
    for prop in (element.get("itemprop") or "").lower().split():
        if prop in ("datepublished", "datemodified", "datecreated") and element.tag not in ("meta", "time"):
            value = element.get("content") or element.get("datetime") or plain(" ".join(element.itertext()))[:200]
            if value:
                head.meta.setdefault(prop, plain(value))
        elif prop == "author" and element.tag not in ("meta", "link") and len(head.marked_authors) < 8:
            head.marked_authors.append(plain(" ".join(element.itertext()))[:120])


def absolute(url: str, link: str) -> str:
    """Return link as an absolute http(s) address, or "" where it is none."""
    try:
        joined = urljoin(url, link.strip())
        parts = urlsplit(joined)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return ""
        _ = parts.port
    except ValueError:
        return ""
    return joined


def same_site(one: str, other: str) -> bool:
    """Whether two addresses belong to one outlet: one host:port but for "www.", "m." or "amp.", or one
    registered domain."""
    try:
        a, b = urlsplit(one), urlsplit(other)
        if _TWIN_HOST.sub("", a.netloc.lower()) == _TWIN_HOST.sub("", b.netloc.lower()):
            return True
    except ValueError:
        return False
    domain = _domain_of(one)
    return domain is not None and domain == _domain_of(other)


def _domain_of(url: str) -> str | None:
    """Return the registered domain of an address."""
    from courlan import extract_domain  # here: 0.1 s to import, and most pages are off topic and never come so far

    return extract_domain(url)


def canonical_of(head: Head) -> str | None:
    """Return the address that the page gives as its own where it may be believed: same outlet, not its front page."""
    for link in (head.canonical, head.meta.get("og:url", "")):
        address = absolute(head.url, link) if link else ""
        if not address or not same_site(address, head.url):
            continue
        parts = urlsplit(address)
        if parts.path.strip("/") in ("", "index.php", "index.html", "home", "amp") and not parts.query:
            continue
        return address.split("#")[0]
    return None


def site_name_of(head: Head) -> str | None:
    """Return what the outlet calls itself on this page."""
    article = head.embedded.article
    name = (
        head.meta.get("og:site_name") or text_of(article.get("publisher")) or next(iter(head.embedded.publishers), "")
    )
    return plain(name)[:120] or None


def title_of(head: Head, reading: Reading | None = None, entry_title: str | None = None) -> str:
    """Return the headline as it reads on the page, without the outlet's name.

    Order: the <h1>, then any other heading, that the page's other titles confirm; then og:title, <title>, the JSON-LD
    headline and the feed's title, without the parts that name the outlet or a page number.
    """
    names = site_words(head)
    headline = plain(text_of(head.embedded.article.get("headline")))
    others = [
        t
        for t in (
            head.meta.get("og:title", ""),
            head.title,
            headline,
            head.meta.get("twitter:title", ""),
            entry_title or "",
        )
        if t
    ]
    flats = [flat(t) for t in others]
    ones = [(h1, flat(h1)) for h1 in head.h1 if len(h1) >= 12 and not names_site(h1, names)]
    for h1, own in ones:
        if any(own in other for other in flats):
            return _without_page(h1)
    for h1, own in ones:  # a headline that search engines get a shorter form of
        if any(len(other) > 25 and other in own and len(own) < 1.6 * len(other) for other in flats):
            return _without_site(h1, names)
    if reading is not None and (shown := _shown_title(reading, flats)):
        return _without_page(shown)
    for candidate in others:
        stripped = _without_site(candidate, names)
        if stripped and len(flat(stripped)) > 5 and not stripped.endswith(("...", "…")):
            return stripped
    for h1 in head.h1:
        if len(h1) > 20:
            return _without_page(h1)
    return _without_site(others[0], names) if others else ""


def _shown_title(reading: Reading, flats: list[str]) -> str:
    """The first heading on the page that is most of one of its titles: a headline that is not in an <h1>."""
    for block in reading.blocks:
        if 20 <= len(block.text) <= 250 and not block.links:
            names = reading.nodes[block.owner].names if block.owner >= 0 else ""
            if block.tag in ("h1", "h2", "h3") or _TITLE_NAMES.search(names):
                own = flat(block.text)
                if any(own in other and len(own) > 0.5 * len(other) for other in flats):
                    return block.text
    return ""


def site_words(head: Head) -> set[str]:
    """Names of the outlet, flat and without spaces."""
    words = set()
    try:
        host = (urlsplit(head.url).hostname or "").removeprefix("www.")
    except ValueError:
        host = ""
    domain = _domain_of(head.url) or host
    label = domain.split(".")[0]
    names = [label, domain, host, site_name_of(head) or "", *head.embedded.publishers[:4]]
    names.append(head.meta.get("application-name", ""))
    for name in names:
        word = flat(name).replace(" ", "")
        if len(word) >= 3:
            words.add(word)
    return words


def names_site(part: str, names: set[str]) -> bool:
    word = flat(part).replace(" ", "")
    if not word or len(part) > 60:
        return False
    return any(word == name or (len(name) >= 4 and name in word) or (len(word) >= 4 and word in name) for name in names)


def _without_site(title: str, names: set[str]) -> str:
    title = _without_page(title)
    for _ in range(4):
        cuts = list(_SEPARATOR.finditer(title))
        if not cuts:
            break
        if names_site(title[cuts[-1].end() :], names):
            title = title[: cuts[-1].start()]
        elif names_site(title[: cuts[0].start()], names):
            title = title[cuts[0].end() :]
        else:
            break
        title = _without_page(title)
    return title.strip()


def _without_page(title: str) -> str:
    return _PAGE_WORD.sub("", title).strip() or title.strip()


def image_address(head: Head, entry_image: str | None = None) -> str | None:
    """Return the article's picture as an absolute address; logos and placeholders are no pictures of an article."""
    meta = head.meta
    for link in (
        meta.get("og:image", ""),
        meta.get("og:image:url", ""),
        image_of(head.embedded.article.get("image")),
        image_of(head.embedded.article.get("thumbnailUrl")),
        meta.get("twitter:image", ""),
        meta.get("twitter:image:src", ""),
        meta.get("image", ""),
        entry_image or "",
    ):
        address = absolute(head.url, link) if link and len(link) < 2_000 and not link.startswith("data:") else ""
        path = urlsplit(address).path if address else ""
        if len(path) > 8 and not _NO_PICTURE.search(path.rsplit("/", 1)[-1]) and "logo" not in path.lower():
            return address
    return None
