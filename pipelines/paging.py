"""Which addresses hold the rest of an article that is spread over several pages.

The page itself is the evidence: links to its own address with a page number, an offset or "all" behind it. So the next
*article* can never be taken for the next page. Known sites (data/paging.yaml) only say how "all at once" is spelt where
the page has no such link. Imports nothing of `crawler`. Its test is tests/pipelines/test_paging.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pipelines.blocks import select
from pipelines.metadata import absolute
from pipelines.tables import read_table

MAX_PAGES = 20  # of one article; more is a calendar or a trap
_PAGE_KEYS = frozenset({"page", "halaman", "hal", "page_num", "pagenum", "p", "pg", "start", "offset", "hlm", "paged"})
_ALL_KEYS = {
    "page": {"all", "semua", "full"},
    "showpage": {"all"},
    "single": {"1"},
    "view": {"all", "full"},
    "halaman": {"all", "semua"},
    "tampil": {"all"},
}
_NUMBERED = re.compile(
    r"^(?P<stem>.+?)(?:/(?:page|halaman|hal)?/?|-part-?|/part-?|[_-](?:page|halaman|"
    r"hal)-?)(?P<n>\d{1,3})/?$",
    re.IGNORECASE,
)
_ALL_PATH = re.compile(r"^(?P<stem>.+?)/(?:all|0|semua|full)/?$", re.IGNORECASE)
_LABEL = re.compile(
    r"^\W*(?:\d{1,3}|(?:halaman|page|hal|laman)\s*:?\s*\d{1,3}|next(?: page)?|selanjutnya|berikutnya|"
    r"lanjut(?:kan)?(?: membaca)?|prev(?:ious)?(?: page)?|sebelumnya|"
    r"halaman (?:selanjutnya|berikutnya|sebelumnya)|baca (?:selanjutnya|halaman (?:selanjutnya|"
    r"berikutnya)|selengkapnya)|"
    r"(?:show|view|see|read|tampilkan|lihat|baca)? ?(?:all|semua)(?: (?:pages?|halaman))?|tampilkan semua|"
    r"selengkapnya|single page|satu halaman|[»›>→<‹«]+)\W*$",
    re.IGNORECASE,
)
_CONTAINER = re.compile(r"pag(?:e|ing|ination|inate|er)|halaman|multiple|link_?pages", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Paging:
    """What else belongs to the article: `next_pages` is `whole_at` alone where there is one, else all in order."""

    next_pages: tuple[str, ...] = ()
    whole_at: str | None = None


@dataclass(frozen=True, slots=True)
class _Variant:
    stem: str
    number: int  # 0: all at once
    address: str


def find_pages(root: Any, url: str, canonical: str | None, *, hint: str | None = None) -> Paging:
    """Return the other pages of the article at `url`. `hint` is the source's CSS for the link to the next page."""
    if hint is not None:
        return _hinted(root, url, hint)
    here = _variant(url, loose=True)
    stems = {here.stem, _variant(canonical, loose=True).stem} if canonical else {here.stem}
    stems |= {_bare(url), _bare(canonical)} if canonical else {_bare(url)}
    if _front(here.stem):
        return Paging()
    pages: dict[int, str] = {}
    whole: str | None = None
    mark = _mark(here.stem)
    for link, label, placed in _links(root, mark):
        address = absolute(url, link)
        if not address:
            continue
        variant = _variant(address, loose=placed or bool(_LABEL.match(label)))
        if variant.stem not in stems or _same(address, url):
            continue
        if variant.number == 0:
            whole = whole or address
        elif variant.number > 1 and _path_number_trusted(address, label, placed):
            pages.setdefault(variant.number, address)
    if here.number == 0 and _variant(url).number == 0:
        return Paging()  # this is the page that has it all
    if not pages and whole is None:
        return Paging()
    if _all_here(root, len(pages)):
        return Paging()
    whole = whole or _known_whole(url, canonical)
    if whole is not None:
        return Paging((whole,), whole)
    return Paging(_complete(pages, here))


def page_number(url: str, others: Collection[str] = ()) -> int:
    """Return which page of its article an address asks for: 1 where it names none, 0 for all at once.

    A number at the end of the path counts where one of the `others` is the same address without it.
    """
    variant = _variant(url)
    if variant.number == 1 and others:
        loose = _variant(url, loose=True)
        if loose.number != 1 and any(_bare(other) == loose.stem for other in others):
            return loose.number
    return variant.number


def _hinted(root: Any, url: str, hint: str) -> Paging:
    links: list[str] = []
    for element in select(root, hint)[:MAX_PAGES]:
        address = absolute(url, element.get("href") or "")
        if address and not _same(address, url) and address not in links:
            links.append(address)
    return Paging(tuple(links))


def _mark(stem: str) -> str:
    """What every address of a page of this article has in it: the end of its path, without what may be a page there."""
    last = urlsplit(f"http:{stem}").path.rstrip("/").rsplit("/", 1)[-1]
    return re.sub(r"(?:\.html?|\.php|[-_]?\d{1,3})$", "", last)


def _links(root: Any, mark: str) -> list[tuple[str, str, bool]]:
    """(href, label, whether it stands in a paging box) of every link that could lead to another page."""
    found = []
    for element in root.iter("a", "link"):
        href = element.get("href")
        if not href or href[0] == "#" or len(href) > 1_000 or not (href[0] == "?" or mark in href):
            continue
        if element.tag == "link":
            if (element.get("rel") or "").lower() == "next":
                found.append((href, "next", True))
            continue
        label = " ".join("".join(element.itertext()).split())[:60]
        box = element.getparent()
        placed = False
        for _ in range(3):
            if box is None:
                break
            if _CONTAINER.search(f"{box.get('class') or ''} {box.get('id') or ''}"):
                placed = True
                break
            box = box.getparent()
        found.append((href, label, placed))
    return found


def _variant(url: str, *, loose: bool = False) -> _Variant:
    """Split an address into its article and its page. `loose`: a number at the end of the path may be a page."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return _Variant(url, 1, url)
    number = 1
    rest = []
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        low = key.lower()
        if value.lower() in _ALL_KEYS.get(low, ()):
            number = 0
        elif low in _PAGE_KEYS and value.isdigit() and len(value) < 4:
            number = int(value)
        elif not low.startswith("utm_") and low not in ("fbclid", "gclid", "ref", "source"):
            rest.append((key, value))
    path = parts.path.rstrip("/")
    if loose and number == 1:
        if match := _ALL_PATH.match(path):
            path, number = match["stem"], 0
        elif (match := _NUMBERED.match(path)) and len(match["stem"]) > 10:
            path, number = match["stem"].rstrip("/"), int(match["n"])
    stem = urlunsplit(("", parts.netloc.lower().removeprefix("www."), path, urlencode(rest), ""))
    return _Variant(stem, number, url)


def _bare(url: str | None) -> str:
    return _variant(url).stem if url else ""


def _front(stem: str) -> bool:
    return len(urlsplit(f"http:{stem}").path.strip("/")) < 2 and not urlsplit(f"http:{stem}").query


def _path_number_trusted(address: str, label: str, placed: bool) -> bool:
    """A number in the query is a page; one in the path only where the link is labelled or boxed as one."""
    return _variant(address).number != 1 or placed or bool(_LABEL.match(label))


def _same(one: str, other: str) -> bool:
    a, b = one.split("#")[0].rstrip("/"), other.split("#")[0].rstrip("/")
    return a == b


def _all_here(root: Any, pages: int) -> bool:
    """Whether the response already holds every page, as siblings that a script shows one by one."""
    parts = [e for e in root.iterfind(".//*[@data-page]") if e.tag in ("div", "section", "article")]
    return len(parts) > 1 and len(parts) >= pages and sum(len("".join(e.itertext())) > 200 for e in parts[:20]) > 1


def _complete(pages: dict[int, str], here: _Variant) -> tuple[str, ...]:
    """The pages in order, those between filled in where the spelling is plain ("1 2 3 … 7" links 2, 3 and 7)."""
    numbers = sorted(n for n in pages if n != here.number)
    if not numbers:
        return ()
    last = min(numbers[-1], MAX_PAGES)
    if numbers[-1] <= MAX_PAGES and numbers[0] <= 2 and len(numbers) > 1:
        model = pages[numbers[-1]]
        for n in range(2, last):
            if n not in pages and n != here.number:
                pages[n] = re.sub(rf"(?<!\d){numbers[-1]}(?=/?$|&|$)", str(n), model)
    chosen = [pages[n] for n in sorted(pages) if n != here.number]
    return tuple(dict.fromkeys(chosen))[: MAX_PAGES - 1]


@cache
def _known() -> dict[str, str]:
    return {
        domain: entry["form"] for entry in read_table("paging.yaml")["whole"] for domain in entry["domains"].split()
    }


def _known_whole(url: str, canonical: str | None) -> str | None:
    address = canonical or url
    variant = _variant(address, loose=True)
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    host = (parts.hostname or "").lower()
    form = next((f for d, f in _known().items() if host == d or host.endswith(f".{d}")), None)
    if form is None:
        return None
    path = urlsplit(f"http:{variant.stem}").path
    if form.startswith("?"):
        return urlunsplit((parts.scheme, parts.netloc, path, form[1:], ""))
    return urlunsplit((parts.scheme, parts.netloc, path + form, "", ""))
