"""Finding how an unknown site is read: its home page, then one way of discovery after another until enough of them work.

Runs in the crawl process, so that every request passes the address guard, robots.txt and pacing. Tests:
tests/crawler/test_finding.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from crawler import discovery
from crawler.discovery import autodiscover
from crawler.discovery.wordpress import rest_route
from crawler.errors import DiscoveryError, FetchError
from crawler.fetch import Answer, Fetcher
from crawler.identity import host_key, redacted
from crawler.items import Discover, Entry, Found, PollError, PollReport, Source
from crawler.settings import LIMITS

ENOUGH = 2  # of the ways that a site names; the second is there for when no article of the first can be read
_FORSAKEN = timedelta(days=120)  # a listing whose newest article is older than that is nobody's any more
PATIENCE = 3  # requests in a row without an answer, or told to wait: then the host is left alone
_NO_ANSWER = frozenset({"dns", "connect", "tls", "timeout", "truncated", "wait"})
_HOPELESS = _NO_ANSWER | {"refused_address", "refused_scheme", "robots"}


async def find(fetcher: Fetcher, source: Source, clock: Callable[[], datetime]) -> PollReport:
    """Return a report whose `found_site` says how the site at the source's address is read; `errors`: what was tried in vain."""
    started_at = clock()
    search = _Search(fetcher, source.timezone, clock)
    site = await search.site(source.url)
    if site is not None:
        await search.try_all(site)
    name = site.name if site else None
    url = site.url if site else source.url
    return PollReport(
        source.id,
        "ok" if search.ways else "failed",
        started_at,
        clock(),
        errors=tuple(search.errors),
        requests=fetcher.requests,
        found_site=Found(url, name, tuple(search.ways)),
    )


@dataclass(slots=True)
class _Search:
    fetcher: Fetcher
    zone: str
    clock: Callable[[], datetime]
    ways: list[Discover] = field(default_factory=list)
    forsaken: list[Discover] = field(default_factory=list)
    errors: list[PollError] = field(default_factory=list)
    unanswered: int = 0  # requests in a row

    async def site(self, url: str) -> autodiscover.Site | None:
        """Return what the site says of itself, or None where it cannot be asked."""
        try:
            answer = await self.fetcher.get(url, probe=True)
        except FetchError as error:
            self._note(url, error)
            if error.kind in _HOPELESS:
                return None
            return autodiscover.Site(url)  # a home page that fails may have a feed that works
        return autodiscover.read_site(answer.body, answer.url, answer.headers.get("content-type", ""))

    async def try_all(self, site: autodiscover.Site) -> None:
        """Fill `ways` with those that list something, the best first; at the end those that nothing was added to for long."""
        host = self.fetcher.hosts.of(host_key(site.url))
        rules = host.robots.rules if host.robots else None
        sitemaps = [url for url in (rules.sitemaps if rules else ()) if _is_web(url)]
        named, guessed = autodiscover.ways_of(site, sitemaps)
        for group in named:
            if len(self.ways) < ENOUGH:
                await self._try(group)
        for group in guessed:
            if not self.ways:
                await self._try(group)
        if not self.ways:
            self.ways = self.forsaken

    async def _try(self, group: list[Discover]) -> None:
        for way in group:
            if self.unanswered >= PATIENCE or await self._works(way):
                return

    async def _works(self, way: Discover) -> bool:
        try:
            entries = await self._entries(way)
        except (FetchError, DiscoveryError) as error:
            self._note(way.url, error)
            self.unanswered = self.unanswered + 1 if error.kind in _NO_ANSWER else 0
            return False
        self.unanswered = 0
        if not entries:
            self.errors.append(PollError(redacted(way.url), "empty", "it lists no article"))
            return False
        newest = max((at for entry in entries if (at := entry.published_at or entry.modified_at)), default=None)
        if newest is not None and newest < self.clock() - _FORSAKEN:
            self.errors.append(PollError(redacted(way.url), "old", f"its newest article is of {newest:%Y-%m-%d}"))
            self.forsaken.append(way)
            return False
        self.ways.append(way)
        return True

    async def _entries(self, way: Discover) -> tuple[Entry, ...]:
        """Return what a way lists first. Raises FetchError, DiscoveryError."""
        url = discovery.first_requests(way)[0]
        listing = discovery.read_listing(way, *await self._listing(way, url), self.zone)
        if way.kind == "sitemap" and not listing.entries and listing.more:
            url = listing.more[0]
            listing = discovery.read_listing(way, *await self._listing(way, url), self.zone)
        return listing.entries

    async def _listing(self, way: Discover, url: str) -> tuple[bytes, str, str]:
        limit = LIMITS.max_sitemap_bytes if way.kind == "sitemap" else LIMITS.max_feed_bytes
        other = rest_route(url) if way.kind == "wordpress" else None
        answer: Answer
        try:
            answer = await self.fetcher.get(url, max_bytes=limit, probe=True)
        except FetchError as error:
            if error.kind != "gone" or other is None:
                raise
            answer = await self.fetcher.get(other, max_bytes=limit, probe=True)
        return answer.body, answer.url, answer.headers.get("content-type", "")

    def _note(self, url: str, error: FetchError | DiscoveryError) -> None:
        self.errors.append(PollError(redacted(url), error.kind, str(error)))


def _is_web(url: str) -> bool:
    return urlsplit(url).scheme in ("http", "https")
