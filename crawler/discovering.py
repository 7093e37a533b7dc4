"""The first half of a poll: a source's listings, fetched conditionally and read into entries.

It never raises for what a listing does wrong: what went wrong is in `errors`, what a host asked for in `wait_s`.
Tests: tests/crawler/test_discovering.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from crawler import discovery
from crawler.discovery.hubs import hub_of
from crawler.discovery.wordpress import rest_route
from crawler.errors import DiscoveryError, FetchError
from crawler.fetch import Answer, Fetcher
from crawler.identity import entry_key, host_key, redacted
from crawler.items import Discover, Entry, Hub, Outcome, PollError, Source, Validator
from crawler.settings import LIMITS

_REFUSALS = frozenset({"refused_address", "refused_scheme", "robots", "wait", "blocked"})
FEEDS = frozenset({"feed", "blogger"})  # which may name a hub
_WHOLE_BODIES = frozenset({"wordpress", "blogger"})  # whose listings carry bodies that are the article


@dataclass(slots=True)
class Discovery:
    """Reads the listings of one poll. `validators` is what they are known by (see `listing_key`), before `run` and after it.

    `limit`: so many entries are enough. `known`: the keys of entries that are no news. `remembers`: there are some, so that a
    listing without any of them has a gap before it, which its older pages and the site's maps may fill.
    """

    fetcher: Fetcher
    source: Source
    validators: dict[str, Validator]
    known: Container[str]
    limit: int
    search_words: tuple[str, ...]
    clock: Callable[[], datetime]
    started_at: datetime
    remembers: bool = False
    entries: dict[str, Entry] = field(default_factory=dict)  # by entry key, in the listings' order
    marks: dict[str, dict[str, str]] = field(default_factory=dict)  # entry key -> place in `discover` -> digest
    whole: set[str] = field(default_factory=set)  # keys whose listing carries the article's body
    errors: list[PollError] = field(default_factory=list)
    wait_s: float = 0.0
    hubs: dict[str, Hub] = field(default_factory=dict)  # see PollReport
    cut_short: bool = False  # `limit` was reached before all listings were read
    met: bool = False  # something listed was known
    _before: dict[str, Validator] = field(default_factory=dict)

    async def run(self) -> Outcome:
        """Read all listings; return what that came to."""
        self._before = dict(self.validators)
        for url in self.source.urls:
            self.entries[entry_key(url)] = Entry(url=url)
        answered = changed = 0
        failures = []
        for place, discover in enumerate(self.source.discover):
            try:
                changed += await self._read_all(discover, str(place))
                answered += 1
            except (FetchError, DiscoveryError) as error:
                failures.append(self._note(error, discover.url))
        if self.remembers and changed and self.entries and not self.met:
            await self._look_into_sitemaps()
        if failures and not answered:
            return "refused" if all(failure.kind in _REFUSALS for failure in failures) else "failed"
        if answered and not changed:
            return "not_modified"
        return "ok" if self.entries else "empty"

    def _goes_on(self, discover: Discover, *, fresh: bool) -> bool:
        """Return whether the next listings are wanted: all of a sitemap's and of a listing page's, an API's while there is news, a
        feed's older pages while nothing that was known is met."""
        if discover.kind == "feed":
            return self.remembers and fresh and not self.met
        return discover.kind in ("sitemap", "page") or fresh

    async def _look_into_sitemaps(self) -> None:
        """Fill a gap from the sitemaps that robots.txt names, those for news first; what they do wrong is nobody's problem."""
        if any(discover.kind == "sitemap" for discover in self.source.discover):
            return
        host = self.fetcher.hosts.of(host_key(self.source.discover[0].url))
        rules = host.robots.rules if host.robots else None
        named = (
            sorted(rules.sitemaps, key=lambda url: "news" not in url)[: int(LIMITS.max_gap_sitemaps)] if rules else []
        )
        horizon = self.started_at - timedelta(days=LIMITS.gap_days)
        for url in named:
            if self.met:
                return
            try:
                listing = await self._read(Discover("sitemap", url), url)
            except (FetchError, DiscoveryError):
                continue
            self.validators.pop(listing_key(url), None)
            found = listing.entries if listing else ()
            recent = tuple(e for e in found if (e.published_at or e.modified_at or horizon) > horizon)
            self._merge(recent, "gap", Discover("sitemap", url))

    def _note(self, error: FetchError | DiscoveryError, url: str) -> PollError:
        if isinstance(error, FetchError):
            url = error.url
            self.wait_s = max(self.wait_s, (error.wait_s or 0.0) if error.kind == "wait" else 0.0)
        self.errors.append(PollError(redacted(url), error.kind, str(error)))
        return self.errors[-1]

    async def _read_all(self, discover: Discover, place: str) -> int:
        """Read the listings of one way of discovery; return how many had changed.

        The first must answer (raises FetchError, DiscoveryError); a further one that fails is noted and the rest still counts.
        """
        queue = [(url, 0) for url in discovery.first_requests(discover, self.search_words)]
        first = {url for url, _ in queue}
        budget = (discover.max_pages if discover.kind == "page" else int(LIMITS.max_sitemaps)) + len(first) - 1
        older = int(LIMITS.max_older_pages) if self.remembers and discover.kind in ("page", "feed") else 0
        deepest = LIMITS.max_sitemap_depth if discover.kind == "sitemap" else LIMITS.max_listing_pages
        seen: set[str] = set()
        changed = covered = 0
        failed = False
        while queue and covered < self.limit:
            if len(seen) >= budget:
                if not older or self.met:
                    break
                older -= 1
            url, depth = queue.pop(0)
            if url in seen:
                continue
            seen.add(url)
            try:
                listing = await self._read(discover, url)
            except (FetchError, DiscoveryError) as error:
                if url in first:
                    raise
                if discover.kind == "feed":  # most feeds have no older pages, whatever they say
                    break
                self._note(error, url)
                failed = True
                continue
            if listing is None:  # unchanged: nothing new in it, but an index still leads to its children
                covered += self.validators[listing_key(url)].entries
                more = self.validators[listing_key(url)].more
            else:
                changed += 1
                covered += len(listing.entries)
                fresh = self._merge(listing.entries, place, discover)
                more = listing.more if self._goes_on(discover, fresh=fresh) else ()
            if depth < deepest:
                queue += [(found, depth + 1) for found in more]
        if discover.kind == "feed":  # older pages are read for a gap, and not remembered
            for url in seen - first:
                self.validators.pop(listing_key(url), None)
        if failed and discover.kind != "sitemap":  # the way to what failed leads through those before it
            self._forget(seen)
        self.cut_short = self.cut_short or bool(queue and covered >= self.limit)
        return changed

    def _forget(self, urls: set[str]) -> None:
        """Let the next poll read these listings as if this one had not."""
        for key in map(listing_key, urls):
            self.validators.pop(key, None)
            if key in self._before:
                self.validators[key] = self._before[key]

    async def _read(self, discover: Discover, url: str) -> discovery.Listing | None:
        """Return a listing, or None where it is as it was. A full fetch is due once in LIMITS.full_fetch_s."""
        memory = self.validators.get(listing_key(url))
        now = self.clock()
        if (now - self.started_at).total_seconds() > LIMITS.poll_timeout_s / 2:
            raise FetchError("timeout", url, "reading the listings took half of the poll's time", retry=True)
        conditional: dict[str, str] = {}
        if memory and memory.full_at and now - memory.full_at < timedelta(seconds=LIMITS.full_fetch_s):
            if memory.etag:
                conditional["If-None-Match"] = memory.etag
            if memory.last_modified:
                conditional["If-Modified-Since"] = memory.last_modified
        answer = await self._get(discover, url, conditional)
        if answer.status == 304:
            return None
        digest = hashlib.sha256(answer.body).hexdigest()
        if memory and memory.sha256 == digest:
            self.validators[listing_key(url)] = replace(memory, full_at=now)
            return None
        content_type = answer.headers.get("content-type", "")
        listing = discovery.read_listing(discover, answer.body, answer.url, content_type, self.source.timezone)
        if discover.kind in FEEDS and url in discovery.first_requests(discover):
            self.hubs[listing_key(discover.url)] = hub_of(answer.headers.get("link", ""), listing.links, answer.url)
        self.validators[listing_key(url)] = Validator(
            etag=answer.headers.get("etag"),
            last_modified=answer.headers.get("last-modified"),
            sha256=digest,
            full_at=now,
            entries=len(listing.entries),
            more=listing.more[: int(LIMITS.max_sitemaps)] if discover.kind == "sitemap" else (),
        )
        return listing

    async def _get(self, discover: Discover, url: str, headers: dict[str, str]) -> Answer:
        sitemap = discover.kind == "sitemap"
        get = partial(
            self.fetcher.get,
            headers=headers,
            max_bytes=LIMITS.max_sitemap_bytes if sitemap else LIMITS.max_feed_bytes,
            timeout_s=LIMITS.sitemap_timeout_s if sitemap else LIMITS.fetch_timeout_s,
            probe=True,
        )
        # Sites without pretty addresses have the API at ?rest_route=, and a 404 or their home page where it should be.
        other = rest_route(url) if discover.kind == "wordpress" else None
        try:
            answer = await get(url)
        except FetchError as error:
            if error.kind != "gone" or other is None:
                raise
            return await get(other)
        return await get(other) if other and answer.body.lstrip()[:1] == b"<" else answer

    def _merge(self, found: tuple[Entry, ...], place: str, discover: Discover) -> bool:
        """Add a listing's entries; what one listing says of an entry is completed by the others. True: some are news."""
        fresh = False
        for entry in found:
            key = entry_key(entry.url)
            self.met = self.met or key in self.known
            fresh = fresh or key not in self.known
            had = self.entries.get(key)
            self.entries[key] = _completed(had, entry) if had else entry
            if discover.kind in _WHOLE_BODIES and entry.body_html:
                self.whole.add(key)
            stamp = f"{entry.title}|{entry.modified_at.isoformat() if entry.modified_at else ''}"
            self.marks.setdefault(key, {})[place] = hashlib.sha256(stamp.encode()).hexdigest()[:8]
        return fresh


def listing_key(url: str) -> str:
    """Return what a listing is remembered under: a digest, because its address may hold a token and memory is stored."""
    return hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()[:16]


def _completed(first: Entry, second: Entry) -> Entry:
    """Return the first entry with what only the second one knows."""
    missing = {name: getattr(second, name) for name in Entry.__slots__ if getattr(first, name) is None}
    return replace(first, **missing)
