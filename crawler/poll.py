"""A poll: (source, its memory) -> (articles, new memory, report), as straight-line code.

    discover  listings, conditionally (crawler.discovering) ──► entries: newest first, each once, at most `limit`
    choose    known ones out, changed ones and due retries in
    read      fetch the pages, hand them to the article step (screen, clean, label: in other processes)
    report    what was kept, what went wrong, what to remember

It touches the web only through a Fetcher and knows no database: killed at any moment, it is simply done again.
Tests: tests/crawler/test_poll.py.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import ChainMap
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import cast

from crawler.discovering import Discovery
from crawler.errors import FetchError
from crawler.fetch import Answer, Fetcher
from crawler.finding import find
from crawler.identity import entry_key, host_key, redacted
from crawler.items import (
    Article,
    Entry,
    Memory,
    MorePages,
    Page,
    Pending,
    PollError,
    PollReport,
    PollTask,
    ReadRequest,
    Recheck,
    Rechecked,
    Rejection,
    Source,
    Validator,
    response_of,
)
from crawler.ledger import Known, Ledger
from crawler.politeness import back_off_s
from crawler.settings import LIMITS

# The article step; raises TimeoutError where a page costs more than it may, FetchError where it breaks on one.
Reader = Callable[[ReadRequest], Awaitable["Article | Rejection | MorePages"]]
Progress = Callable[[str, int, int], None]  # source id, articles done, articles to do


# What a page may be for a moment instead of the article that it is: fresh posts are listed before caches have them.
_PASSING = frozenset({"soft_404", "blocked", "empty"})
_PASSING_ATTEMPTS = 3


@dataclass(slots=True)
class Poller:
    """Does polls. `rules` is the digest of the topic; under another one, what was off topic is looked at again."""

    fetcher: Fetcher
    read: Reader
    rules: str = ""
    search_words: tuple[str, ...] = ()
    archive: bool = False
    progress: Progress = lambda source, done, total: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def poll(self, task: PollTask) -> PollReport:
        """Return the report of one poll. Never raises but for cancellation: what fails is in the report."""
        started_at = self.clock()
        own = replace(self, fetcher=replace(self.fetcher, requests=0, downloaded_bytes=0))  # counts of this poll alone
        try:
            if task.find:
                return await find(own.fetcher, task.source, self.clock)
            return await _Poll(own, task, started_at).run()
        except Exception as error:  # noqa: BLE001  the boundary "per source": a bug met by one source must not stop the others
            problem = PollError(redacted(task.source.url), "failed", f"{type(error).__name__}: {error}")
            return PollReport(task.source.id, "failed", started_at, self.clock(), errors=(problem,))


@dataclass(slots=True)
class _Poll:
    poller: Poller
    task: PollTask
    started_at: datetime
    validators: dict[str, Validator] = field(default_factory=dict)  # as they were
    past: Ledger = field(default_factory=Ledger)  # what earlier polls knew of entries that still counts
    learned: dict[str, Known] = field(default_factory=dict)  # and this one
    pending: dict[str, Pending] = field(default_factory=dict)
    articles: list[Article] = field(default_factory=list)
    errors: list[PollError] = field(default_factory=list)
    off_topic: int = 0
    found: Discovery = field(init=False)
    left_out: bool = False  # --limit or --since passed over something listed: the listings must be read again next time
    not_before: datetime | None = None
    held_chars: int = 0  # text of the articles read so far: a report must fit into memory, several times

    @property
    def source(self) -> Source:
        return self.task.source

    async def run(self) -> PollReport:
        memory = self.task.memory
        if memory.not_before and not self._due(memory.not_before):
            message = f"the host asked not to be called before {memory.not_before:%Y-%m-%dT%H:%M:%SZ}"
            wait = PollError(redacted(self.source.url), "wait", message)
            return PollReport(self.source.id, "refused", self.started_at, self.poller.clock(), errors=(wait,))
        same_topic = memory.rules == self.poller.rules
        assert isinstance(memory.known, Ledger)
        self.past = memory.known
        if not same_topic:
            self.past = Ledger({key: item for key, item in memory.known.items() if item.outcome != "off_topic"})
        self.validators = self._valid_validators() if same_topic else {}
        self.pending = dict(memory.pending)

        found = self.found = Discovery(
            self.poller.fetcher,
            self.source,
            dict(self.validators),
            self,
            self.task.limit,
            self.poller.search_words,
            self.poller.clock,
            self.started_at,
            remembers=same_topic and bool(memory.known),
        )
        outcome = await found.run()
        self.errors += found.errors
        self._heed(found.wait_s)
        listed = _newest_first(found.entries)
        truncated = len(listed) > self.task.limit
        self.left_out = (truncated or found.cut_short) and self.task.limit < LIMITS.max_entries
        listed = listed[: self.task.limit]
        chosen, new = self._choose(listed)
        await self._read_all(chosen)
        rechecked = [await self._recheck(item) for item in self.task.rechecks]

        return PollReport(
            source=self.source.id,
            outcome=outcome,
            started_at=self.started_at,
            finished_at=self.poller.clock(),
            found=len(listed),
            new=new,
            off_topic=self.off_topic,
            articles=tuple(self.articles),
            rechecked=tuple(item for item in rechecked if item),
            errors=tuple(self.errors),
            memory=self._new_memory(),
            requests=self.poller.fetcher.requests,
            downloaded_bytes=self.poller.fetcher.downloaded_bytes,
            truncated=truncated,
            arrivals=self._arrivals(listed),
            hubs=found.hubs,
            gap=bool(listed) and bool(memory.known) and not any(self._was_known(key, entry) for key, entry in listed),
        )

    @property
    def known(self) -> MutableMapping[str, Known]:
        """What became of entries, to be added to."""
        return ChainMap(self.learned, cast(MutableMapping[str, Known], self.past))  # only the first is ever changed

    def __contains__(self, key: object) -> bool:
        """Return whether an entry's key is known: what its listings want to hear of us."""
        return key in self.known

    def _was_known(self, key: str, entry: Entry) -> bool:
        known = self.task.memory
        return key in known.known or key in known.pending or _guid_key(entry) in known.known

    def _arrivals(self, listed: list[tuple[str, Entry]]) -> tuple[datetime, ...]:
        """Return when the new entries were published; undated ones came just now, but for those of a first poll: nobody knows."""
        found = []
        for key, entry in listed:
            if self._was_known(key, entry):
                continue
            if entry.published_at and entry.published_at <= self.started_at:
                found.append(entry.published_at)
            elif self.task.memory.known:
                found.append(self.started_at)
        return tuple(found)

    def _due(self, at: datetime) -> bool:
        """Return whether the moment has come, or lies so far ahead that the clock must have been set back since."""
        return at <= self.started_at or at > self.started_at + timedelta(seconds=LIMITS.max_retry_after_s)

    def _valid_validators(self) -> dict[str, Validator]:
        """Return the validators by which a fetch may be conditional or an answer unchanged: none that nobody asked for lately."""
        oldest = self.started_at - timedelta(days=LIMITS.known_days)
        listings = self.task.memory.validators.items()
        return {url: item for url, item in listings if item.full_at and oldest < item.full_at <= self.started_at}

    # --------------------------------------------------------------------------------------------------------- choose

    def _choose(self, listed: list[tuple[str, Entry]]) -> tuple[list[tuple[str, Entry]], int]:
        """Return the entries whose pages are wanted now, and how many of those listed are new."""
        chosen: list[tuple[str, Entry]] = []
        new = 0
        today = self.started_at.date().isoformat()
        for key, entry in listed:
            known = self.known.get(key) or self.known.get(_guid_key(entry))
            marks = self.found.marks.get(key, {})
            if known is not None:
                changed = any(known.marks.get(place, mark) != mark for place, mark in marks.items())
                self.known[key] = replace(
                    known, day=today, marks={**known.marks, **marks}, changes=known.changes + changed
                )
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
            message = f"{len(late)} articles left for the next poll after {int(LIMITS.poll_timeout_s)} s"
            self.errors.append(PollError(redacted(self.source.url), "timeout", message))
        for (key, entry), task in zip(chosen, tasks, strict=True):
            if task.cancelled():
                self._put_off(key, entry, "not read in time", count=False)
            else:
                task.result()  # a bug in reading is this source's failure, not a silent loss

    async def _read_one(self, key: str, entry: Entry) -> None:
        host = self.poller.fetcher.hosts.of(host_key(entry.url))
        if host.rests(time.monotonic()):
            self._put_off(key, entry, "the host failed too often in a row", count=False)
            return
        if self.held_chars > LIMITS.max_poll_chars:
            self._put_off(key, entry, "the poll holds as much text as it may", count=False)
            return
        try:
            result = await self._article(key, entry)
        except FetchError as error:
            self._failed(key, entry, error)
            return
        self._settle(key, entry, result)

    async def _article(self, key: str, entry: Entry) -> Article | Rejection:
        """Return what the entry's pages are."""
        request = ReadRequest(self.source, entry, (), self.poller.clock(), by_hand=bool(self.source.urls))
        if key not in self.found.whole or self.poller.archive:  # what is archived is the page itself
            request = replace(request, entry=replace(entry, body_html=None), pages=(await self._page(entry.url),))
        return await self._read(request)

    async def _read(self, request: ReadRequest) -> Article | Rejection:
        """Return what the article step says, all pages of a long article joined."""
        entry = request.entry
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
            if isinstance(result, Article) and self.poller.archive:
                result = replace(result, responses=tuple(map(response_of, request.pages)))
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
        return self._page_of(await self.poller.fetcher.get(url))

    def _page_of(self, answer: Answer) -> Page:
        found = answer.headers.get
        at = self.poller.clock()
        page = Page(answer.url, answer.body, found("content-type", ""), at, found("etag"), found("last-modified"))
        return replace(page, status=answer.status, headers=dict(answer.headers)) if self.poller.archive else page

    # -------------------------------------------------------------------------------------------------------- recheck

    async def _recheck(self, item: Recheck) -> Rechecked | None:
        """Look at a kept article again, cheaply; None where the host would not say, so that it stays due."""
        conditions = {"If-None-Match": item.etag, "If-Modified-Since": item.last_modified}
        try:
            answer = await self.poller.fetcher.get(
                item.fetched_url, headers={name: value for name, value in conditions.items() if value}
            )
            if answer.status == 304:
                return Rechecked(item.url, "same")
            entry = Entry(url=item.fetched_url)
            request = ReadRequest(self.source, entry, (self._page_of(answer),), self.poller.clock(), kept=True)
            result = await self._read(request)
        except FetchError as error:
            if error.kind in ("wait", "connect", "timeout", "dns", "robots"):
                self._heed(error.wait_s or 0.0)
                return None
            return Rechecked(item.url, "gone" if error.kind == "gone" else "failed")
        if isinstance(result, Rejection):
            return Rechecked(item.url, "failed")
        self.articles.append(replace(result, url=item.url))
        return Rechecked(item.url, "read")

    # --------------------------------------------------------------------------------------------------------- settle

    def _settle(self, key: str, entry: Entry, result: Article | Rejection) -> None:
        if isinstance(result, Rejection) and result.detail in _PASSING:
            # What a cache or a guard shows for a while; looked at again before it is believed.
            attempts = self.pending[key].attempts + 1 if key in self.pending else 1
            if attempts < _PASSING_ATTEMPTS:
                self.errors.append(_rejected(entry.url, result))
                self._put_off(key, entry, result.detail, count=True)
                return
        self.pending.pop(key, None)
        if isinstance(result, Rejection):
            self.off_topic += result.kind == "off_topic"
            if result.kind not in ("off_topic", "old"):
                self.errors.append(_rejected(entry.url, result))
            self._know(key, entry, result.kind)
            return
        if self.task.since and result.published_at and result.published_at < self.task.since:
            self.left_out = True
            if key in self.task.memory.known:  # an edit: still to be seen by a poll that looks so far back
                self.known[key] = self.task.memory.known[key]
            return
        self.articles.append(result)
        self.held_chars += len(result.body) + sum(map(len, result.cut))
        self._know(key, entry, "kept")
        self.known.setdefault(entry_key(result.url), self.known[key])

    def _know(self, key: str, entry: Entry, outcome: str) -> None:
        changes = self.known[key].changes if key in self.known else 0
        known = Known(self.started_at.date().isoformat(), outcome, self.found.marks.get(key, {}), changes)
        self.known[key] = known
        guid = _guid_key(entry)
        if guid:
            self.known[guid] = known

    def _failed(self, key: str, entry: Entry, error: FetchError) -> None:
        if error.kind == "wait":
            self._heed(error.wait_s or 0.0)
            self._put_off(key, entry, str(error), count=False)
            if not any(known.kind == "wait" for known in self.errors):  # once: it is the same for all that follow
                self.errors.append(PollError(entry.url, "wait", str(error)))
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
        """Try the entry again: later each time when the attempt counts, else with the next poll."""
        attempts = (self.pending[key].attempts if key in self.pending else 0) + count
        rng = self.poller.fetcher.rng
        wait_s = (
            back_off_s(attempts, base_s=LIMITS.attempt_base_s, cap_s=LIMITS.max_retry_after_s, rng=rng) if count else 0
        )
        not_before = self.poller.clock() + timedelta(seconds=wait_s)
        self.pending[key] = Pending(replace(entry, body_html=None), attempts, not_before, why)

    def _heed(self, wait_s: float) -> None:
        """Remember what a host of ours asked for, for polls after this process too."""
        if wait_s:
            until = self.poller.clock() + timedelta(seconds=wait_s)
            self.not_before = max(self.not_before or until, until)

    def _new_memory(self) -> Memory | None:
        """Return what to remember, or None where nothing changed. Listings are forgotten where something was passed over."""
        validators = self.validators if self.left_out else self.found.validators
        memory = Memory(validators, self._kept(), self.pending, self.poller.rules, self.not_before)
        return None if memory == self.task.memory else memory

    def _kept(self) -> Ledger:
        """Return what is still worth knowing of entries."""
        if not self.past.is_read and not self.learned:  # all listings are as they were
            return self.past
        earliest = (self.started_at - timedelta(days=LIMITS.known_days)).date().isoformat()
        return self.past.updated(self.learned, earliest, int(LIMITS.max_known))


def _rejected(url: str, rejection: Rejection) -> PollError:
    """Return the error for a page that is no article; one that only stands in the way has the kind that listings give it."""
    if rejection.detail in ("blocked", "login"):
        return PollError(url, "blocked", "a login" if rejection.detail == "login" else "a block or challenge page")
    return PollError(url, rejection.kind, rejection.detail or rejection.kind)


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


def _guid_key(entry: Entry) -> str:
    """Return the key of an entry's guid where that says more than its address, else ""."""
    if not entry.guid or (entry.guid.startswith("http") and entry_key(entry.guid) == entry_key(entry.url)):
        return ""
    return "g" + hashlib.sha256(entry.guid.encode("utf-8", "replace")).hexdigest()[:16]
