"""All outlets of the newsroom in one process: listening, answering, changing while they run.
tests/newsroom/test_newsroom.py.

`newsroom.Newsroom` holds one of these, or a `newsroom.child.Remote` of one; every public method's arguments and results
therefore pickle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic
from urllib.parse import urlsplit

from newsroom.articles import all_articles
from newsroom.families import FAMILIES
from newsroom.httpd import Request, Response, Servers
from newsroom.model import Article, Block, Outlet, Truth
from newsroom.site import Failure, Record, Site

# id, name, region, time zone, family. Names are invented; the places are real.
OUTLETS = (
    ("koransekanak", "Koran Sekanak", "Sumatera Selatan", "Asia/Jakarta", "disway"),
    ("cikapundungtimes", "Cikapundung Times", "Jawa Barat", "Asia/Jakarta", "idn"),
    ("simpurmerdeka", "Simpur Merdeka", "Lampung", "Asia/Jakarta", "rmol"),
    ("tepiansiak", "tepiansiak.co", "Riau", "Asia/Jakarta", "blogger"),
    ("tingangmedia", "Tingangmedia.com", "Kalimantan Tengah", "Asia/Jakarta", "wordpress"),
    ("wartabrantas", "Warta Brantas", "Jawa Timur", "Asia/Jakarta", "tribun"),
    ("phinisi", "Kantor Berita Phinisi", "Sulawesi Selatan", "Asia/Makassar", "antara"),
    ("tolirepost", "Tolire Post", "Maluku Utara", "Asia/Jayapura", "jnews"),
)

# Entries that listings show and that lead nowhere: outlet, kind of ghost, title, age in minutes.
GHOSTS = (
    ("koransekanak", "soft", "Camat Diperiksa Bawaslu soal Netralitas ASN, Begini Kronologinya", 75),
    ("simpurmerdeka", "404", "Netralitas ASN Jadi Perhatian Pengawas Pemilu di Lampung Tengah", 140),
)


class Engine:
    """The outlets and what was asked of them. A context manager; times are relative to now, floored to the minute."""

    def __init__(
        self,
        now: datetime | None = None,
        *,
        latency_s: float = 0.0,
        port: int = 0,
        articles: Sequence[Article] | None = None,
    ) -> None:
        self.now = (now or datetime.now(UTC)).astimezone(UTC).replace(second=0, microsecond=0)
        self._latency_s = latency_s
        self._port = port
        self._articles = all_articles() if articles is None else articles
        self._log: list[tuple[str, str, str, int]] = []
        self._lock = Lock()
        self._servers = Servers()
        self.sites: dict[str, Site] = {}

    def __enter__(self) -> Engine:
        self._started = monotonic()
        self._servers.__enter__()
        for i, (name_id, name, region, zone, kind) in enumerate(OUTLETS):
            site = Site(name_id, name, region, zone, FAMILIES[kind], latency_s=self._latency_s)
            port = self._servers.listen(self._handler(site), self._port + i if self._port else 0)
            site.base = f"http://127.0.0.1:{port}"
            self.sites[name_id] = site
        for article in self._articles:
            at = article.published_at or self.now - timedelta(minutes=article.age_min)
            edited = article.modified_at
            if edited is None and article.modified_min is not None:
                edited = self.now - timedelta(minutes=article.modified_min)
            self.sites[article.outlet].add(article, at, edited)
        for outlet, kind, title, age in GHOSTS if self._articles else ():
            ghost = Article.of(outlet, title, ["Artikel ini sudah tidak tersedia."])
            self.sites[outlet].add(ghost, self.now - timedelta(minutes=age), None, ghost=kind)
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.__exit__()

    def _handler(self, site: Site) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            response = site.respond(request)
            self._log.append((site.id, request.method, request.target, 0 if response.drop else response.status))
            return response

        return answer

    # what is there

    def outlets(self) -> list[Outlet]:
        """Return the outlets, in the order of `OUTLETS`."""
        return [site.outlet for site in self.sites.values()]

    def truths(self) -> list[Truth]:
        """Return the truth of every article that stands, newest first; a twin is part of its first."""
        found = [
            site.truth(r) for site in self.sites.values() for r in site.records if not (r.ghost or r.twin or r.gone)
        ]
        return sorted(found, key=lambda t: t.published_at, reverse=True)

    def requests(self) -> list[tuple[str, str, str, int]]:
        """Return (outlet id, method, path with query, status) of every answer so far; 0 for a dropped connection."""
        return list(self._log)

    def clear(self) -> None:
        """Forget the requests seen."""
        self._log.clear()

    # changing the web

    def _moment(self) -> datetime:
        late = self.now + timedelta(seconds=monotonic() - self._started)
        return late.replace(second=0, microsecond=0)

    def publish(self, outlet_id: str, article: Article) -> Truth:
        """Add an article to an outlet and return its truth; without a date of its own it appears this minute
        less age_min.
        """
        site = self.sites[outlet_id]
        at = article.published_at or self._moment() - timedelta(minutes=article.age_min)
        with self._lock:
            return site.truth(site.add(replace(article, outlet=outlet_id), at, article.modified_at))

    def edit(
        self,
        url: str,
        *,
        title: str | None = None,
        paragraphs: Sequence[str] | None = None,
        modified_at: datetime | None = None,
    ) -> Truth:
        """Change an article's headline or text, as an editor does, and return its new truth; modified_at is this
        minute.

        Raises: KeyError when no outlet has the address.
        """
        site, record = self._find(url)
        article = record.article
        if title is not None:
            article = replace(article, title=title)
        if paragraphs is not None:
            article = replace(article, blocks=tuple(Block("p", p) for p in paragraphs))
        new = site.remade(record, article, modified_at or self._moment())
        site.swap(record.path, new)
        return site.truth(site.find(record.path))

    def take_down(self, url: str, status: int = 410) -> None:
        """Answer the article with 410 (or 404) from now on, and list it no more."""
        site, record = self._find(url)
        site.take_down(record.path, status)

    def broken(
        self, outlet_id: str, status: int | None = 503, *, retry_after: str | int | None = None, drop: bool = False
    ) -> None:
        """Let every request to an outlet fail with status, or by a closed connection (drop); status None mends it."""
        wait = None if retry_after is None else str(retry_after)
        self.sites[outlet_id].failure = Failure(status or 503, wait, drop) if status is not None or drop else None

    def advertise(self, outlet_id: str, hub: str) -> None:
        """Let an outlet's RSS feed name a hub (WebSub), or with "" none."""
        site = self.sites[outlet_id]
        with self._lock:
            site.hub = hub
            site.forget()

    def slow(self, outlet_id: str, latency_s: float) -> None:
        """Let an outlet wait before every answer."""
        self.sites[outlet_id].latency_s = latency_s

    def _find(self, url: str) -> tuple[Site, Record]:
        parts = urlsplit(url)
        for site in self.sites.values():
            if site.base == f"{parts.scheme}://{parts.netloc}":
                return site, site.find(parts.path + (f"?{parts.query}" if parts.query else ""))
        raise KeyError(f"no outlet at {url}")
