"""A web in memory for tests of fetching and polling: no sockets, no waiting, a clock that is told the time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from crawler.errors import FetchError, FetchKind
from crawler.fetch import Answer, Fetcher
from crawler.items import Article, Discover, Memory, MorePages, PollReport, PollTask, ReadRequest, Rejection, Source
from crawler.netguard import AddressGuard
from crawler.politeness import Hosts
from crawler.poll import Poller

START = datetime(2024, 11, 13, 1, 4, tzinfo=UTC)


@dataclass
class Asked:
    url: str
    headers: Mapping[str, str]
    max_bytes: int
    timeout_s: float


Reply = Answer | FetchError | Callable[[Asked], Any]


class FakeWeb:
    """Answers `download`. `pages` holds what is at an address; robots.txt is 404 unless said otherwise."""

    def __init__(self, pages: dict[str, Any] | None = None) -> None:
        self.pages: dict[str, Any] = pages or {}
        self.asked: list[Asked] = []

    @property
    def urls(self) -> list[str]:
        """The addresses asked for, without robots.txt."""
        return [asked.url for asked in self.asked if not asked.url.endswith("/robots.txt")]

    async def download(self, url: str, headers: Mapping[str, str], max_bytes: int, timeout_s: float) -> Answer:
        asked = Asked(url, dict(headers), max_bytes, timeout_s)
        self.asked.append(asked)
        await asyncio.sleep(0)
        found = self.pages.get(url, answer("tidak ada", 404))
        if callable(found):
            found = found(asked)
        if isinstance(found, FetchError):
            raise found
        if isinstance(found, str | bytes):
            found = answer(found)
        return Answer(url, found.status, found.headers, found.body)


def answer(body: str | bytes = "", status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer("", status, named, body.encode() if isinstance(body, str) else body)


def failure(kind: FetchKind, *, retry: bool = True) -> Callable[[Asked], Any]:
    return lambda asked: FetchError(kind, asked.url, f"fake {kind}", retry=retry)


def fetcher(web: FakeWeb, delay_s: float = 0.0, guard: AddressGuard | None = None) -> Fetcher:
    return Fetcher(web.download, Hosts(delay_s), guard or AddressGuard(), random.Random(1))


async def read(request: ReadRequest) -> Article | Rejection | MorePages:
    """An article step: the body is what was fetched; "off" in it is off topic, "next:URL" names a further page."""
    pages = [page.body.decode() for page in request.pages] or [request.entry.body_html or ""]
    if "slow" in pages[0] and not request.cheap:
        raise TimeoutError
    if "broken" in pages[0]:
        raise FetchError("failed", request.entry.url, "the article step failed", retry=True)
    more = tuple(page.partition("next:")[2] for page in pages if "next:" in page)
    if more and not request.incomplete and len(request.pages) < 2:
        return MorePages(more)
    if "off" in pages[0]:
        return Rejection("off_topic")
    url = request.pages[0].url if request.pages else request.entry.url
    status = "too_costly" if request.cheap else "incomplete" if request.incomplete else "whole"
    entry = request.entry
    return Article(
        request.source.id,
        url,
        url,
        entry.title or "",
        "|".join(pages),
        published_at=entry.published_at,
        body_status=status,
    )


@dataclass
class Outlet:
    """A source under poll: its web, its clock, what it remembers."""

    web: FakeWeb
    discover: tuple[Discover, ...]
    now: datetime = START
    memory: Memory = field(default_factory=Memory)
    rules: str = "t1"
    hosts: Hosts = field(default_factory=lambda: Hosts(0.0))
    search_words: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    async def poll(self, *, after_s: float = 600, limit: int = 500, since: datetime | None = None) -> PollReport:
        """Let time pass, poll, and remember what the report says, as the store does."""
        self.now += timedelta(seconds=after_s)
        self.web.asked.clear()
        one = Fetcher(self.web.download, self.hosts, AddressGuard(), random.Random(1))
        poller = Poller(one, read, self.rules, self.search_words, clock=lambda: self.now)
        source = Source("o", "O", "https://o.id", self.discover, urls=self.urls)
        report = await poller.poll(PollTask(source, self.memory, since, limit))
        self.memory = report.memory or self.memory
        return report


def feed(*entries: tuple[str, str, str] | str) -> str:
    """Return an RSS feed of (path, title, date) or paths."""
    items = []
    for entry in entries:
        path, title, at = (entry, f"Judul {entry}", "") if isinstance(entry, str) else entry
        date = f"<pubDate>{at}</pubDate>" if at else ""
        items.append(f"<item><title>{title}</title><link>https://o.id{path}</link>{date}</item>")
    return f'<rss version="2.0"><channel>{"".join(items)}</channel></rss>'


FEED = Discover("feed", "https://o.id/feed")
DAY_S = 24 * 3600


def outlet(pages: dict[str, object] | None = None, *discover: Discover) -> Outlet:
    return Outlet(FakeWeb(pages), discover or (FEED,))


def with_articles(*paths: str, text: str = "isi", **more: object) -> Outlet:
    return outlet({"https://o.id/feed": feed(*paths), **{f"https://o.id{path}": text for path in paths}, **more})
