"""A poll: (source, its memory) -> (articles, new memory, report), as straight-line code.

    discover  listings, conditionally ──► entries: newest first, each once, at most `limit`
    choose    known ones out, changed ones and due retries in
    read      fetch the pages, hand them to the article step (screen, clean, label: in other processes)
    report    what was kept, what went wrong, what to remember

It touches the web only through a Fetcher and knows no database: killed at any moment, it is simply done again.
Tests: tests/crawler/test_poll.py.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from crawler import discovery
from crawler.discovery.wordpress import rest_route
from crawler.errors import DiscoveryError, FetchError
from crawler.fetch import Answer, Fetcher
from crawler.identity import entry_key, host_key
from crawler.items import (
    Article,
    Discover,
    Entry,
    Known,
    Memory,
    MorePages,
    Outcome,
    Page,
    Pending,
    PollError,
    PollReport,
    PollTask,
    ReadRequest,
    Rejection,
    Source,
    Validator,
)
from crawler.politeness import back_off_s
from crawler.settings import LIMITS

# The article step; raises TimeoutError where a page costs more than it may.
Reader = Callable[[ReadRequest], Awaitable["Article | Rejection | MorePages"]]
Progress = Callable[[str, int, int], None]  # source id, articles done, articles to do

_REFUSALS = frozenset({"refused_address", "refused_scheme", "robots", "wait", "blocked"})
_WHOLE_BODIES = frozenset({"wordpress", "blogger"})  # whose listings carry bodies that are the article


@dataclass(slots=True)
class Poller:
    """Does polls. `rules` is the digest of the topic; under another one, what was off topic is looked at again."""

    fetcher: Fetcher
    read: Reader
    rules: str = ""
    search_words: tuple[str, ...] = ()
    progress: Progress = lambda source, done, total: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def poll(self, task: PollTask) -> PollReport:
        """Return the report of one poll. Never raises but for cancellation: what fails is in the report."""
        started_at = self.clock()
        own = replace(self, fetcher=replace(self.fetcher, requests=0, downloaded_bytes=0))  # counts of this poll alone
        try:
            return await _Poll(own, task, started_at).run()
        except Exception as error:  # the boundary "per source": a bug met by one source must not stop the others
            problem = PollError(task.source.url, "failed", f"{type(error).__name__}: {error}")
            return PollReport(task.source.id, "failed", started_at, self.clock(), errors=(problem,))


@dataclass(slots=True)
class _Poll:
    poller: Poller
    task: PollTask
    started_at: datetime
    validators: dict[str, Validator] = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)
    pending: dict[str, Pending] = field(default_factory=dict)
    marks: dict[str, dict[str, str]] = field(default_factory=dict)  # entry key -> listing -> digest
    whole: set[str] = field(default_factory=set)  # keys whose listing carries the article's body
    articles: list[Article] = field(default_factory=list)
    errors: list[PollError] = field(default_factory=list)
    off_topic: int = 0
    old_validators: dict[str, Validator] = field(default_factory=dict)
    left_out: bool = False  # --limit or --since passed over something listed: the listings must be read again next time
    not_before: datetime | None = None

    @property
    def source(self) -> Source:
        return self.task.source

    async def run(self) -> PollReport:
        memory = self.task.memory
        if memory.not_before and not self._due(memory.not_before):
            message = f"the host asked not to be called before {memory.not_before:%Y-%m-%dT%H:%M:%SZ}"
            wait = PollError(self.source.url, "wait", message)
            return PollReport(self.source.id, "refused", self.started_at, self.poller.clock(), errors=(wait,))
        same_topic = memory.rules == self.poller.rules
        self.known = {key: item for key, item in memory.known.items() if same_topic or item.outcome != "off_topic"}
        self.old_validators = self._valid_validators() if same_topic else {}
        self.validators = dict(self.old_validators)
        self.pending = dict(memory.pending)

        entries, outcome = await self._discover()
        listed = _newest_first(entries)
        truncated = len(listed) > self.task.limit
        self.left_out = self.left_out or (truncated and self.task.limit < LIMITS.max_entries)
        listed = listed[: self.task.limit]
        chosen, new = self._choose(listed)
        await self._read_all(chosen)

        return PollReport(
            source=self.source.id,
            outcome=outcome,
            started_at=self.started_at,
            finished_at=self.poller.clock(),
            found=len(listed),
            new=new,
            off_topic=self.off_topic,
            articles=tuple(self.articles),
            errors=tuple(self.errors),
            memory=self._new_memory(),
            requests=self.poller.fetcher.requests,
            downloaded_bytes=self.poller.fetcher.downloaded_bytes,
            truncated=truncated,
        )

    def _due(self, at: datetime) -> bool:
        """Return whether the moment has come, or lies so far ahead that the clock must have been set back since."""
        return at <= self.started_at or at > self.started_at + timedelta(seconds=LIMITS.max_retry_after_s)

    def _valid_validators(self) -> dict[str, Validator]:
        """Return the validators by which a fetch may be conditional or an answer unchanged: none that nobody asked for lately."""
        oldest = self.started_at - timedelta(days=LIMITS.known_days)
        listings = self.task.memory.validators.items()
        return {url: item for url, item in listings if item.full_at and oldest < item.full_at <= self.started_at}

    # ------------------------------------------------------------------------------------------------------- discover

    async def _discover(self) -> tuple[dict[str, Entry], Outcome]:
        """Return what is listed by entry key, and what the discovery came to."""
        entries: dict[str, Entry] = {}
        for url in self.source.urls:
            entries[entry_key(url)] = Entry(url=url)
        answered = changed = 0
        problems = []
        for place, discover in enumerate(self.source.discover):
            try:
                read = await self._read_listings(discover, str(place), entries)
            except (FetchError, DiscoveryError) as error:
                url = error.url if isinstance(error, FetchError) else discover.url
                problems.append(PollError(url, error.kind, str(error)))
                self._heed(error)
                continue
            answered += 1
            changed += read
        self.errors += problems
        if answered == 0 and problems:
            refused = all(problem.kind in _REFUSALS for problem in problems)
            return entries, "refused" if refused else "failed"
        if answered and not changed:
            return entries, "not_modified"
        return entries, "ok" if entries else "empty"

    async def _read_listings(self, discover: Discover, place: str, entries: dict[str, Entry]) -> int:
        """Read one discovery's listings into `entries`; return how many had changed.

        The first one must answer; a further one that fails is noted and the rest still counts.
        """
        queue = [(url, 0) for url in discovery.first_requests(discover, self.poller.search_words)]
        first = {url for url, _ in queue}
        seen: set[str] = set()
        changed = covered = 0
        failed = False
        budget = discover.max_pages if discover.kind == "page" else int(LIMITS.max_sitemaps)
        while queue and len(seen) < budget + len(first) - 1 and covered < self.task.limit:
            url, depth = queue.pop(0)
            if url in seen:
                continue
            seen.add(url)
            try:
                listing = await self._read_listing(discover, url)
            except (FetchError, DiscoveryError) as error:
                if url in first:
                    raise
                self.errors.append(PollError(url, error.kind, str(error)))
                self._heed(error)
                failed = True
                continue
            if listing is None:  # unchanged: nothing new in it, but an index still leads to its children
                validator = self.validators[url]
                covered += validator.entries
                more = validator.more if discover.kind == "sitemap" else ()
            else:
                changed += 1
                covered += len(listing.entries)
                fresh = self._merge(listing.entries, place, discover, entries)
                more = listing.more if discover.kind in _ALL_PAGES or (discover.kind in _WHOLE_BODIES and fresh) else ()
            if depth < (LIMITS.max_sitemap_depth if discover.kind == "sitemap" else LIMITS.max_listing_pages):
                queue += [(found, depth + 1) for found in more]
        if failed and discover.kind != "sitemap":  # the way to the page that failed leads through the one before it
            for url in seen:
                self._forget_validator(url)
        self.left_out = self.left_out or bool(queue and self.task.limit <= covered < LIMITS.max_entries)
        return changed

    def _forget_validator(self, url: str) -> None:
        """Let the next poll read this listing as if this one had not."""
        self.validators.pop(url, None)
        if url in self.old_validators:
            self.validators[url] = self.old_validators[url]

    async def _read_listing(self, discover: Discover, url: str) -> discovery.Listing | None:
        """Return a listing, or None where it is as it was. A full fetch is due once in LIMITS.full_fetch_s."""
        memory = self.validators.get(url)
        now = self.poller.clock()
        if (now - self.started_at).total_seconds() > LIMITS.poll_timeout_s / 2:
            raise FetchError("timeout", url, "reading the listings took half of the poll's time", retry=True)
        conditional: dict[str, str] = {}
        if memory and memory.full_at and now - memory.full_at < timedelta(seconds=LIMITS.full_fetch_s):
            if memory.etag:
                conditional["If-None-Match"] = memory.etag
            if memory.last_modified:
                conditional["If-Modified-Since"] = memory.last_modified
        answer = await self._get_listing(discover, url, conditional)
        if answer.status == 304:
            if memory and conditional:
                return None
            raise FetchError("http", url, "304 to a request without conditions", retry=True)
        digest = hashlib.sha256(answer.body).hexdigest()
        if memory and memory.sha256 == digest:
            self.validators[url] = replace(memory, full_at=now)
            return None
        content_type = answer.headers.get("content-type", "")
        listing = discovery.read_listing(discover, answer.body, answer.url, content_type, self.source.timezone)
        self.validators[url] = Validator(
            etag=answer.headers.get("etag"),
            last_modified=answer.headers.get("last-modified"),
            sha256=digest,
            full_at=now,
            entries=len(listing.entries),
            more=listing.more[: int(LIMITS.max_sitemaps)] if discover.kind == "sitemap" else (),
        )
        return listing

    async def _get_listing(self, discover: Discover, url: str, headers: dict[str, str]) -> Answer:
        sitemap = discover.kind == "sitemap"
        get = partial(
            self.poller.fetcher.get,
            headers=headers,
            max_bytes=LIMITS.max_sitemap_bytes if sitemap else LIMITS.max_feed_bytes,
            timeout_s=LIMITS.sitemap_timeout_s if sitemap else LIMITS.fetch_timeout_s,
            probe=True,
        )
        other = rest_route(url) if discover.kind == "wordpress" else None
        try:
            answer = await get(url)
        except FetchError as error:
            if error.kind != "gone" or other is None:
                raise
            return await get(other)
        # Sites without pretty addresses have the API at ?rest_route=, and their home page or a 404 where it should be.
        return await get(other) if other and answer.status == 200 and answer.body.lstrip()[:1] == b"<" else answer

    def _merge(self, found: tuple[Entry, ...], place: str, discover: Discover, entries: dict[str, Entry]) -> bool:
        """Add a listing's entries; what one listing says of an entry is completed by the others. True: some were not known."""
        fresh = False
        for entry in found:
            key = entry_key(entry.url)
            fresh = fresh or key not in self.known
            known = entries.get(key)
            entries[key] = _completed(known, entry) if known else entry
            if discover.kind in _WHOLE_BODIES and entry.body_html:
                self.whole.add(key)
            stamp = f"{entry.title}|{entry.modified_at.isoformat() if entry.modified_at else ''}"
            self.marks.setdefault(key, {})[place] = hashlib.sha256(stamp.encode()).hexdigest()[:8]
        return fresh

    # --------------------------------------------------------------------------------------------------------- choose

    def _choose(self, listed: list[tuple[str, Entry]]) -> tuple[list[tuple[str, Entry]], int]:
        """Return the entries whose pages are wanted now, and how many of those listed are new."""
        chosen: list[tuple[str, Entry]] = []
        new = 0
        today = self.started_at.date().isoformat()
        for key, entry in listed:
            known = self.known.get(key) or self.known.get(_guid_key(entry))
            marks = self.marks.get(key, {})
            if known is not None:
                changed = any(known.marks.get(place, mark) != mark for place, mark in marks.items())
                self.known[key] = replace(known, day=today, marks={**known.marks, **marks}, changes=known.changes + changed)
                if changed and known.outcome in ("kept", "off_topic") and known.changes < LIMITS.max_changes:
                    chosen.append((key, entry))
                continue
            if key in self.pending:
                continue
            new += 1
            if self.task.since and entry.published_at and entry.published_at < self.task.since:
                self.left_out = True
                continue
            chosen.append((key, entry))
        listed_keys = {key for key, _ in chosen}
        for key, pending in self.pending.items():
            if self._due(pending.not_before) and key not in listed_keys:
                chosen.append((key, pending.entry))
        return chosen, new

    # ----------------------------------------------------------------------------------------------------------- read

    async def _read_all(self, chosen: list[tuple[str, Entry]]) -> None:
        """Read the chosen entries, at most LIMITS.poll_width at a time; what is not done in time waits for the next poll."""
        width = asyncio.Semaphore(int(LIMITS.poll_width))
        done = 0

        async def one(key: str, entry: Entry) -> None:
            nonlocal done
            async with width:
                await self._read_one(key, entry)
            done += 1
            self.poller.progress(self.source.id, done, len(chosen))

        if not chosen:
            return
        self.poller.progress(self.source.id, 0, len(chosen))
        tasks = [asyncio.create_task(one(key, entry)) for key, entry in chosen]
        try:
            spent_s = (self.poller.clock() - self.started_at).total_seconds()
            _, late = await asyncio.wait(tasks, timeout=max(1.0, LIMITS.poll_timeout_s - spent_s))
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            raise
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
            self.errors.append(
                PollError(
                    self.source.url,
                    "timeout",
                    f"{len(late)} articles left for the next poll after {int(LIMITS.poll_timeout_s)} s",
                )
            )
        for (key, entry), task in zip(chosen, tasks, strict=True):
            if task.cancelled():
                self.pending.setdefault(key, Pending(entry, 0, self.started_at, "not read in time"))
            else:
                task.result()  # a bug in reading is this source's failure, not a silent loss

    async def _read_one(self, key: str, entry: Entry) -> None:
        host = self.poller.fetcher.hosts.of(host_key(entry.url))
        if host.failures >= LIMITS.host_failures:
            self._put_off(key, entry, "the host failed too often in a row", count=False)
            return
        try:
            result = await self._article(key, entry)
        except FetchError as error:
            self._failed(key, entry, error)
            return
        self._settle(key, entry, result)

    async def _article(self, key: str, entry: Entry) -> Article | Rejection:
        """Return what the entry's pages are, all pages of a long article joined."""
        request = ReadRequest(self.source, entry, (), self.poller.clock(), by_hand=bool(self.source.urls))
        if key not in self.whole:
            request = replace(request, entry=replace(entry, body_html=None), pages=(await self._page(entry.url),))
        tried = {request.pages[0].url, entry.url} if request.pages else {entry.url}
        while True:
            try:
                result = await self.poller.read(request)
            except TimeoutError:
                if request.cheap:
                    raise FetchError(
                        "failed", entry.url, "even its title could not be read in time", retry=False
                    ) from None
                request = replace(request, cheap=True)
                continue
            if not isinstance(result, MorePages):
                return result
            wanted = [url for url in result.urls if url not in tried]
            if not wanted or len(request.pages) >= LIMITS.max_article_pages:
                request = replace(request, incomplete=True)
                continue
            for url in wanted[: int(LIMITS.max_article_pages) - len(request.pages)]:
                tried.add(url)
                try:
                    request = replace(request, pages=(*request.pages, await self._page(url)))
                except FetchError as error:
                    self.errors.append(PollError(url, error.kind, str(error)))
                    request = replace(request, incomplete=True)
                    break

    async def _page(self, url: str) -> Page:
        answer = await self.poller.fetcher.get(url)
        return Page(answer.url, answer.body, answer.headers.get("content-type", ""), self.poller.clock())

    # --------------------------------------------------------------------------------------------------------- settle

    def _settle(self, key: str, entry: Entry, result: Article | Rejection) -> None:
        self.pending.pop(key, None)
        if isinstance(result, Rejection):
            self.off_topic += result.kind == "off_topic"
            if result.kind not in ("off_topic", "old"):
                self.errors.append(PollError(entry.url, result.kind, result.detail or result.kind))
            self._know(key, entry, result.kind)
            return
        if self.task.since and result.published_at and result.published_at < self.task.since:
            self.left_out = True
            return
        self.articles.append(result)
        self._know(key, entry, "kept")
        self.known.setdefault(entry_key(result.url), self.known[key])

    def _know(self, key: str, entry: Entry, outcome: str) -> None:
        known = Known(self.started_at.date().isoformat(), outcome, self.marks.get(key, {}))
        self.known[key] = known
        guid = _guid_key(entry)
        if guid:
            self.known[guid] = known

    def _failed(self, key: str, entry: Entry, error: FetchError) -> None:
        self._heed(error)
        if error.kind == "wait":
            self._put_off(key, entry, str(error), count=False)
            return
        self.errors.append(PollError(entry.url, error.kind, str(error)))
        attempts = self.pending[key].attempts + 1 if key in self.pending else 1
        # A page that is gone is looked for once more: fresh posts are listed before caches have them.
        limit = 2 if error.kind == "gone" else LIMITS.max_attempts
        if not error.retry or attempts >= limit:
            self.pending.pop(key, None)
            self._know(key, entry, error.kind)
        else:
            self._put_off(key, entry, str(error), count=True)

    def _put_off(self, key: str, entry: Entry, why: str, *, count: bool) -> None:
        attempts = (self.pending[key].attempts if key in self.pending else 0) + count
        wait_s = back_off_s(
            max(attempts, 1), base_s=LIMITS.attempt_base_s, cap_s=LIMITS.max_retry_after_s, rng=self.poller.fetcher.rng
        )
        self.pending[key] = Pending(
            entry, attempts, self.poller.clock() + timedelta(seconds=wait_s if count else 0), why
        )

    def _heed(self, error: FetchError | DiscoveryError) -> None:
        """Remember what a host of ours asked for, for polls after this process too."""
        if isinstance(error, FetchError) and error.kind == "wait" and error.wait_s:
            until = self.poller.clock() + timedelta(seconds=error.wait_s)
            self.not_before = max(self.not_before or until, until)

    def _new_memory(self) -> Memory | None:
        """Return what to remember, or None where nothing changed. Listings are forgotten where something was passed over."""
        earliest = (self.started_at - timedelta(days=LIMITS.known_days)).date().isoformat()
        kept = [(key, item) for key, item in self.known.items() if item.day >= earliest]
        if len(kept) > LIMITS.max_known:
            kept = sorted(kept, key=lambda pair: pair[1].day)[-int(LIMITS.max_known) :]
        validators = self.task.memory.validators if self.left_out else self.validators
        memory = Memory(validators, dict(kept), self.pending, self.poller.rules, self.not_before)
        return None if memory == self.task.memory else memory


def _newest_first(entries: dict[str, Entry]) -> list[tuple[str, Entry]]:
    """Return the entries newest first. An undated one takes the place its listing gives it: after the entry before it."""
    order = []
    last = datetime.max.replace(tzinfo=UTC)
    for place, (key, entry) in enumerate(entries.items()):
        at = entry.published_at or entry.modified_at
        last = at or last
        order.append((-last.timestamp(), place, key, entry))
    order.sort(key=lambda item: item[:2])
    return [(key, entry) for _, _, key, entry in order]


def _completed(first: Entry, second: Entry) -> Entry:
    """Return the first entry with what only the second one knows."""
    missing = {name: getattr(second, name) for name in Entry.__slots__ if getattr(first, name) is None}
    return replace(first, **missing)


def _guid_key(entry: Entry) -> str:
    """Return the key of an entry's guid where that says more than its address, else ""."""
    if not entry.guid or (entry.guid.startswith("http") and entry_key(entry.guid) == entry_key(entry.url)):
        return ""
    return "g" + hashlib.sha256(entry.guid.encode("utf-8", "replace")).hexdigest()[:16]
