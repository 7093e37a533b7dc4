"""One replica outlet: its articles, their addresses, and what it answers to a request, without sockets.

Its test is tests/newsroom/test_outlets.py.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from threading import RLock

from newsroom import times
from newsroom.families.base import Family, Listing, urlset
from newsroom.httpd import Request, Response
from newsroom.model import Article, Outlet, Truth
from newsroom.page import Link, Page, split_pages

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Record:
    """An article at one address. `ghost` entries are listed but lead to a 404 ("404") or to a page that says so
    with 200 ("soft").
    """

    article: Article
    path: str
    published_at: datetime
    modified_at: datetime | None
    title: str
    lead: str
    twin: bool = False
    ghost: str = ""
    gone: int = 0  # status since it was taken down


@dataclass(slots=True)
class _Cached:
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]
    etag: str | None
    last_modified: datetime | None
    packed: bytes = b""


@dataclass
class Failure:
    """How an outlet fails: every request gets this status, or a closed connection when drop is set."""

    status: int = 503
    retry_after: str | None = None
    drop: bool = False


@dataclass
class Site:
    """An outlet's state. Every public method is safe to call from any thread."""

    id: str
    name: str
    region: str
    zone: str
    family: Family
    base: str = ""
    records: list[Record] = field(default_factory=list)
    failure: Failure | None = None
    latency_s: float = 0.0
    hub: str = ""  # that its RSS feeds name (WebSub)

    def __post_init__(self) -> None:
        self._lock = RLock()
        self._cache: dict[str, _Cached] = {}
        self._truths: dict[str, Truth] = {}

    # what it has

    @property
    def outlet(self) -> Outlet:
        """The outlet as the public sees it."""
        f = self.family
        return Outlet(
            self.id, self.name, self.base, f.kind, self.region, self.zone, f.discover(self.base), f.also(self.base)
        )

    def add(self, article: Article, published_at: datetime, modified_at: datetime | None, ghost: str = "") -> Record:
        """List an article (its twin too) and return its record."""
        path = self.family.path(article, times.local(published_at, self.zone))
        record = self.remade(Record(article, path, published_at, None, "", "", ghost=ghost), article, modified_at)
        with self._lock:
            self.records.append(record)
            if article.twin:
                self.records.append(replace(record, path=self.family.twin_path(path), twin=True))
            self.records.sort(key=lambda r: r.published_at, reverse=True)
            self._changed()
        return record

    def remade(self, record: Record, article: Article, modified_at: datetime | None) -> Record:
        """Return the record with another text, at the same address and published at the same moment."""
        day = times.local(record.published_at, self.zone)
        lead = next((b.text for b in article.blocks if b.kind == "p"), "")
        return replace(
            record,
            article=article,
            modified_at=modified_at,
            title=times.fill(article.title, day),
            lead=times.fill(lead, day),
        )

    def swap(self, path: str, new: Record) -> None:
        """Put a changed record in the place of the one at path (of its twin too).

        Raises: KeyError when the outlet has no article there.
        """
        with self._lock:
            old = self.find(path)
            for i, r in enumerate(self.records):
                if r.article.slug == old.article.slug:
                    self.records[i] = replace(new, path=r.path, twin=r.twin)
            self._changed()

    def find(self, path: str) -> Record:
        """Return the record whose first page is at path.

        Raises: KeyError when there is none.
        """
        for r in self.records:
            if r.path == path and not r.ghost:
                return r
        raise KeyError(f"{self.id} has no article at {path}")

    def listed(self) -> list[Record]:
        """Return what listings show, newest first: everything not taken down, ghosts too."""
        return [r for r in self.records if not r.gone]

    def truth(self, record: Record) -> Truth:
        """Return what a crawl must find of a record."""
        with self._lock:
            known = self._truths.get(record.path)
            if known is None:
                known = self._truths[record.path] = self._truth(record)
            return known

    def _truth(self, record: Record) -> Truth:
        pages = [self._page(record, n) for n in range(1, len(split_pages(record.article.blocks)) + 1)]
        for page in pages:
            self.family.page(page)
        dateline = self.family.dateline(record.article, self.name)
        blocks = [b for page in pages for b in page.blocks(dateline)]
        body = "\n\n".join(b.text for b in blocks if b.kind in "ph")
        folded = body.casefold()
        a = record.article
        place = a.place or ""
        return Truth(
            url=self.base + record.path,
            canonical=self.base + record.path,
            outlet=self.id,
            title=record.title,
            author=None if (a.author or "").startswith("Redaksi") else a.author,  # a desk is no reporter
            published_at=record.published_at,
            modified_at=record.modified_at,
            image=pages[0].image,
            body=body,
            headings=tuple(b.text for b in blocks if b.kind == "h"),
            pages=len(pages),
            on_topic=a.on_topic,
            near_miss=a.near_miss,
            category=a.category,
            regency_code=place if "." in place else None,
            province_code=place[:2] or None,
            copy_of=a.copy_of,
            event=a.event,
            clutter=tuple(
                # A tag such as "Netralitas ASN" is clutter on the page but also words of the text.
                dict.fromkeys(line for page in pages for line in page.clutter if line.casefold() not in folded)
            ),
            also_at=tuple(
                self.base + r.path for r in self.records if r.twin and r.article.slug == a.slug and r is not record
            ),
        )

    def draft(self, record: Record, number: int = 1) -> Page:
        """Return a page of the article for feeds that carry whole bodies; what it prints counts for no truth."""
        return self._page(record, number)

    # what it answers

    def respond(self, request: Request) -> Response:
        """Return the answer to a request, with 304 where the client has it already."""
        if self.failure is not None:
            wait = (("Retry-After", self.failure.retry_after),) if self.failure.retry_after else ()
            return Response(
                self.failure.status,
                b"<h1>Maaf, server sibuk</h1>",
                (("Content-Type", HTML), *wait),
                self.latency_s,
                self.failure.drop,
            )
        if request.method not in ("GET", "HEAD"):
            return Response(405, b"", (("Allow", "GET, HEAD"),), self.latency_s)
        with self._lock:
            cached = self._cache.get(request.target)
            if cached is None:
                cached = self._answer(request)
                if len(self._cache) < 5_000:
                    self._cache[request.target] = cached
            return self._sent(cached, request)

    def _sent(self, cached: _Cached, request: Request) -> Response:
        headers = list(cached.headers)
        if cached.etag:
            headers.append(("ETag", cached.etag))
        if cached.last_modified:
            headers.append(("Last-Modified", format_datetime(cached.last_modified.astimezone(UTC), usegmt=True)))
        if cached.status == 200 and _not_modified(cached, request.headers):
            return Response(304, b"", tuple(headers), self.latency_s)
        body = cached.body
        if (
            len(body) > 512
            and "gzip" in request.headers.get("accept-encoding", "")
            and not cached.body.startswith(b"\x1f\x8b")
        ):
            cached.packed = cached.packed or gzip.compress(body, 5, mtime=0)
            body = cached.packed
            headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        return Response(cached.status, body, tuple(headers), self.latency_s)

    def _answer(self, request: Request) -> _Cached:
        path = request.path
        if path.startswith("/img/"):
            return _cached(Listing("image/png", _PIXEL))
        if path == "/robots.txt":
            rules = f"User-agent: *\nDisallow: /admin\n{self.family.robots_extra}Allow: /\n\n"
            rules += f"Sitemap: {self.base}/sitemap.xml\n"
            return _cached(Listing("text/plain; charset=utf-8", rules))
        if path.startswith("/admin"):
            return _cached(Listing(HTML, "<h1>Masuk</h1>", status=403))
        if path.startswith(("/js/", "/css/")):
            return _cached(Listing("text/javascript" if path.startswith("/js/") else "text/css", "/* kosong */"))
        listing = self.family.listing(self, request)
        if listing is None and path == "/sitemap.xml":
            listing = urlset(self, self.listed())
        if listing is None and (path == "/" or path.startswith("/rubrik/")):
            listing = Listing(HTML, self.family.home(self, f"{self.name} - Berita {self.region} Terkini"))
        if listing is not None:
            return _cached(listing)
        return self._article(request)

    def _article(self, request: Request) -> _Cached:
        target = request.target.split("&utm")[0].split("?utm")[0].split("?fbclid")[0]
        for record in self.records:
            if not (target == record.path or target.startswith((record.path, record.path.rstrip("/")))):
                continue
            if record.ghost == "soft" and target == record.path:
                return _cached(Listing(HTML, self.family.missing(self)))
            if record.ghost:
                continue
            number = self._number(record, target)
            if number is None:
                continue
            if record.gone:
                return _cached(Listing(HTML, self.family.missing(self), status=record.gone))
            page = self._page(record, number or 1)
            if number == 0:
                page.article = replace(
                    record.article, blocks=tuple(b for b in record.article.blocks if b.kind != "break")
                )
                page.total = 1
            modified = record.modified_at or record.published_at
            cached = _cached(Listing(HTML, self.family.page(page), modified))
            if not self.family.page_validators:
                cached.etag = cached.last_modified = None
            return cached
        return _cached(Listing(HTML, self.family.missing(self), status=404))

    def _number(self, record: Record, target: str) -> int | None:
        """Return which page of the article the target is: 0 for all at once, None for none of them."""
        total = len(split_pages(record.article.blocks))
        for number in range(1, total + 1):
            if target == self.family.page_path(record.path, number):
                return number
        return 0 if target == self.family.whole_path(record.path) else None

    def _page(self, record: Record, number: int) -> Page:
        path = record.path
        own: list[Link] = [
            (r.title, self.base + r.path)
            for r in self.listed()
            if r.article.slug != record.article.slug and not r.ghost
        ]
        return Page(
            site_id=self.id,
            site_name=self.name,
            base=self.base,
            zone=self.zone,
            article=record.article,
            number=number,
            total=len(split_pages(record.article.blocks)),
            path=path,
            page_path=lambda n: self.family.page_path(path, n),
            published=times.local(record.published_at, self.zone),
            modified=times.local(record.modified_at, self.zone) if record.modified_at else None,
            own_links=own,
            twin=record.twin,
        )

    def take_down(self, path: str, status: int) -> None:
        """Answer the article at path (its twin too) with status from now on and list it no more."""
        with self._lock:
            self.swap(path, replace(self.find(path), gone=status))

    def forget(self) -> None:
        """Render everything anew from now on."""
        with self._lock:
            self._changed()

    def _changed(self) -> None:
        """Forget everything rendered: an article's title stands in the side lists of all others."""
        self._cache.clear()
        self._truths.clear()


def _cached(listing: Listing) -> _Cached:
    body = listing.body if isinstance(listing.body, bytes) else listing.body.encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"' if listing.status == 200 else None
    moment = listing.modified_at.replace(microsecond=0) if listing.modified_at else None
    headers = (("Content-Type", listing.content_type), *listing.headers)
    return _Cached(listing.status, body, headers, etag, moment)


def _not_modified(cached: _Cached, headers: dict[str, str]) -> bool:
    if (known := headers.get("if-none-match")) is not None:
        tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        return "*" in tags or cached.etag in tags
    since = headers.get("if-modified-since")
    if since and cached.last_modified:
        try:
            return cached.last_modified <= parsedate_to_datetime(since)
        except (TypeError, ValueError):
            return False
    return False


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


_PIXEL = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\0\xcc"))
    + _chunk(b"IEND", b"")
)
