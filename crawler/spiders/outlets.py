"""The one spider: polls of many outlets in one long crawl, through Scrapy's downloader.

In the daemon it lives for hours: the crawl process feeds `inbox` and takes reports from `on_report`. By hand,
`scrapy crawl outlets -a source=ID [-a config=sources.yaml] [-a limit=20] -O items.jsonl` polls once, remembers and sends
nothing, and yields each article as an item. Tests: tests/crawler/test_spider.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import scrapy
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)

from crawler.errors import FetchError, FetchKind, UsageError
from crawler.fetch import Answer, Fetcher
from crawler.handlers import HeadersTooLarge
from crawler.identity import host_key
from crawler.items import CrawlSettings, Memory, PollReport, PollTask, to_json
from crawler.logs import hider
from crawler.netguard import AddressGuard, installed_resolver
from crawler.politeness import Hosts
from crawler.poll import Poller
from crawler.reading import ReadingPool
from crawler.settings import LIMITS, USER_AGENT

# What Scrapy raises, as our words; whether a later try may do better.
_FAILURES: tuple[tuple[type[Exception], FetchKind, bool], ...] = (
    (DownloadTimeoutError, "timeout", True),
    (DownloadConnectionRefusedError, "connect", True),
    (CannotResolveHostError, "dns", True),
    (DownloadCancelledError, "too_large", False),
    (IgnoreRequest, "too_large", False),  # the decompression limit
    (ResponseDataLossError, "truncated", True),
    (UnsupportedURLSchemeError, "refused_scheme", False),
    (ValueError, "refused_scheme", False),  # an address Scrapy cannot read
    (DownloadFailedError, "connect", True),
)
# What OpenSSL and Twisted say of a certificate, in words; they do not say more.
_TLS = (
    (
        "certificate verify failed",
        "the certificate is expired, not valid yet, self-signed or of an authority unknown here",
    ),
    ("VerificationError", "the certificate is for another name"),
)


class OutletsSpider(scrapy.Spider):
    """Polls the sources that `inbox` brings (None ends it) and hands each report to `on_report` as soon as it is there."""

    name = "outlets"

    def __init__(
        self,
        crawl: CrawlSettings | None = None,
        inbox: asyncio.Queue[PollTask | None] | None = None,
        on_report: Callable[[PollReport], None] | None = None,
        on_progress: Callable[[str, int, int], None] | None = None,
        on_ready: Callable[[], None] | None = None,
        pool: ReadingPool | None = None,
        rules: str = "",
        source: str | None = None,
        config: str = "sources.yaml",
        limit: str | int = int(LIMITS.max_entries),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if crawl is None or inbox is None:
            crawl, inbox = _by_hand(source, config, int(limit))
        self.crawl_settings, self.inbox, self.pool, self.rules = crawl, inbox, pool, rules
        self.on_report = on_report or self._log_report
        self.on_progress = on_progress or (lambda source, done, total: None)
        self.on_ready = on_ready or (lambda: None)
        self.yield_items = on_report is None

    async def start(self) -> AsyncIterator[Any]:
        from twisted.internet import reactor

        crawl = self.crawl_settings
        guard = AddressGuard(crawl.allow_private_networks, set(crawl.ports))
        resolver = installed_resolver(reactor)
        await self._prove_guard(resolver)
        resolver.guard = guard
        reports: asyncio.Queue[PollReport | None] = asyncio.Queue()
        with contextlib.nullcontext(self.pool) if self.pool else ReadingPool(crawl) as pool:
            poller = Poller(
                Fetcher(self._download, Hosts(crawl.delay_s), guard),
                pool.read,
                rules=self.rules,
                search_words=crawl.search_words,
                archive=crawl.archive,
                progress=self.on_progress,
            )
            self.guard = guard
            self.on_ready()
            feeder = asyncio.create_task(self._poll_all(poller, reports))
            while (report := await reports.get()) is not None:
                self.on_report(report)
                if self.yield_items:
                    for article in report.articles:
                        yield to_json(article)
            await feeder

    async def _poll_all(self, poller: Poller, reports: asyncio.Queue[PollReport | None]) -> None:
        running: set[asyncio.Task[None]] = set()

        hide = hider(self.crawl_settings.secrets)

        async def one(task: PollTask) -> None:
            report = await poller.poll(task)
            errors = tuple(replace(error, url=hide(error.url), message=hide(error.message)) for error in report.errors)
            reports.put_nowait(replace(report, errors=errors))

        while (task := await self.inbox.get()) is not None:
            poll = asyncio.create_task(one(task))
            running.add(poll)
            poll.add_done_callback(running.discard)
        await asyncio.gather(*running)
        reports.put_nowait(None)

    async def _download(self, url: str, headers: Mapping[str, str], max_bytes: int, timeout_s: float) -> Answer:
        """Return one answer from Scrapy's downloader. Raises FetchError."""
        contact = self.crawl_settings.contact
        agent = f"{USER_AGENT} (+{contact})" if contact else USER_AGENT
        try:
            request = scrapy.Request(
                url,
                headers={**headers, "User-Agent": agent},
                meta={"download_timeout": timeout_s, "download_maxsize": max_bytes, "download_slot": host_key(url)},
            )
            assert self.crawler.engine is not None
            response = await self.crawler.engine.download_async(request)
        except tuple(kind for kind, _, _ in _FAILURES) as error:
            raise self._named(error, url, max_bytes, timeout_s) from error
        found = {_text(name).lower(): _text(values[-1]) for name, values in response.headers.items() if values}
        if response.status == 200 and "link" in found:  # the one header that is sent several times, one link each
            found["link"] = ", ".join(map(_text, response.headers.getlist("Link")))
        return Answer(response.url, response.status, found, response.body)

    def _named(self, error: Exception, url: str, max_bytes: int, timeout_s: float) -> FetchError:
        kind, retry = next((kind, retry) for cls, kind, retry in _FAILURES if isinstance(error, cls))
        host, _, port = host_key(url).rpartition(":")
        refused = self.guard.refused(host, int(port or 0)) if kind in ("dns", "connect") else None
        if refused:
            return FetchError("refused_address", url, refused, retry=False)
        text = str(error) or type(error).__name__
        reasons = getattr(error.__cause__, "reasons", ())  # of Twisted, where an answer ended before its body began
        large = next((reason.value for reason in reasons if isinstance(reason.value, HeadersTooLarge)), None)
        if large is not None:
            return FetchError("too_large", url, str(large), retry=False)
        if kind == "too_large":
            return FetchError(kind, url, f"more than {max_bytes} bytes", retry=False)
        if kind == "timeout":
            return FetchError(kind, url, f"no whole answer within {timeout_s:.0f} s", retry=True)
        if re.search(r"SSL|certificate|tls|VerificationError", text, re.I):
            return FetchError("tls", url, next((words for mark, words in _TLS if mark in text), text[:300]), retry=True)
        return FetchError(kind, url, text[:300], retry=retry)

    async def _prove_guard(self, resolver: Any) -> None:
        """Try to reach this machine under the strictest guard; unless that is refused, crawl nothing. Raises RuntimeError."""
        self.guard = resolver.guard = AddressGuard()
        try:
            await self._download("http://127.0.0.1:80/", {}, 1, 5)
        except FetchError as error:
            if error.kind == "refused_address":
                return
        raise RuntimeError("the address guard does not work: a connection to 127.0.0.1 was not refused")

    def _log_report(self, report: PollReport) -> None:
        self.logger.info(
            "%s: %s, found %d, kept %d, errors %d",
            report.source,
            report.outcome,
            report.found,
            len(report.articles),
            len(report.errors),
        )
        for error in report.errors:
            self.logger.warning("%s: %s %s", error.kind, error.url, error.message)


def _text(value: bytes) -> str:
    """Return a header as text: UTF-8, which servers put into Location against the rules, else Latin-1."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _by_hand(source: str | None, config: str, limit: int) -> tuple[CrawlSettings, asyncio.Queue[PollTask | None]]:
    """Return what `scrapy crawl outlets -a source=ID` polls: the named source, or all of them, remembering nothing."""
    from crawler.config import load_config
    from crawler.crew import crawl_settings

    loaded = load_config(Path(config))
    wanted = [item for item in loaded.sources if source in (None, item.id)]
    if not wanted:
        raise UsageError(
            f"no source {source!r} in {config}; there are: {', '.join(item.id for item in loaded.sources)}"
        )
    inbox: asyncio.Queue[PollTask | None] = asyncio.Queue()
    for item in wanted:
        inbox.put_nowait(PollTask(item, Memory(), limit=limit))
    inbox.put_nowait(None)
    return crawl_settings(loaded)[0], inbox
