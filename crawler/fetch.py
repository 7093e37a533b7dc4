"""One request done properly: guard, robots.txt, pacing, redirects, limits, Retry-After, one retry.

`Fetcher.get` is the only way out to the web for a poll. It calls a `download` coroutine (Scrapy's downloader in a crawl, a
fake in unit tests) for each hop and turns everything that can go wrong into one FetchError with a word that names it.
Tests: tests/crawler/test_fetch.py.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from crawler.errors import FetchError
from crawler.identity import host_key, redacted
from crawler.netguard import AddressGuard
from crawler.politeness import Host, Hosts, back_off_s, read_robots, retry_after_s
from crawler.settings import LIMITS


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, body decompressed. Header names in lower case. `url` is the address that answered."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


# (url, headers, max_bytes, timeout_s) -> Answer; raises FetchError. Never follows redirects, never retries.
Download = Callable[[str, Mapping[str, str], int, float], Awaitable[Answer]]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 503})


@dataclass(slots=True)
class Fetcher:
    """Fetches for many polls at once; `requests` and `downloaded_bytes` count what really left and came."""

    download: Download
    hosts: Hosts
    guard: AddressGuard
    rng: random.Random = field(default_factory=random.Random)
    requests: int = 0
    downloaded_bytes: int = 0

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: float | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Return the 2xx or 304 answer to GET url, after at most LIMITS.max_redirects hops.

        Raises FetchError: its `kind` names what happened and `retry` whether a later try makes sense.
        """
        limit = int(max_bytes or LIMITS.max_page_bytes)
        timeout = float(timeout_s or LIMITS.fetch_timeout_s)
        for attempt in range(1, int(LIMITS.fetch_attempts) + 1):
            try:
                return await self._follow(url, headers or {}, limit, timeout)
            except FetchError as error:
                if attempt == LIMITS.fetch_attempts or not await self._worth_waiting(error):
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _worth_waiting(self, error: FetchError) -> bool:
        """Wait as the error asks and return True, or return False when this poll should go on without the page."""
        if error.kind == "wait" and (error.wait_s or 0) <= LIMITS.wait_in_poll_s:
            await asyncio.sleep(error.wait_s or 0)
            return True
        if error.kind in ("connect", "truncated") or (error.kind == "http" and error.retry):
            host = self.hosts.of(host_key(error.url))
            if host.failures >= LIMITS.host_failures:
                return False
            await asyncio.sleep(back_off_s(1, base_s=min(2.0, host.delay_s + 0.2), cap_s=5, rng=self.rng))
            return True
        return False

    async def _follow(self, url: str, headers: Mapping[str, str], limit: int, timeout: float) -> Answer:
        start = url
        for _ in range(int(LIMITS.max_redirects) + 1):
            host = self.check(url)
            await self._check_robots(url, host)
            answer = await self._paced(url, headers, limit, timeout, host)
            if answer.status not in _REDIRECTS:
                return self._judged(answer, host)
            location = answer.headers.get("location", "").strip()
            if not location:
                raise FetchError("http", url, f"{answer.status} without a Location", retry=True)
            url = urljoin(url, location)
        raise FetchError(
            "redirects", start, f"more than {int(LIMITS.max_redirects)} redirects, the last to {redacted(url)}", retry=True
        )

    def check(self, url: str) -> Host:
        """Return the host to call for this address. Raises FetchError where it may not be called at all."""
        parts = urlsplit(url)
        if parts.scheme.lower() not in ("http", "https"):
            raise FetchError("refused_scheme", url, f"{parts.scheme or 'no'} scheme; only http and https are fetched", retry=False)
        try:
            port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
        except ValueError:
            raise FetchError("refused_scheme", url, "the port is not a number below 65536", retry=False) from None
        if not parts.hostname:
            raise FetchError("refused_scheme", url, "no host", retry=False)
        if len(url.encode("utf-8", "replace")) > LIMITS.max_url_bytes:
            raise FetchError("refused_scheme", url[:200], f"longer than {int(LIMITS.max_url_bytes)} bytes", retry=False)
        reason = self.guard.port_refusal(parts.hostname, port)
        if reason is not None:
            raise FetchError("refused_address", url, reason, retry=False)
        return self.hosts.of(host_key(url))

    async def _paced(self, url: str, headers: Mapping[str, str], limit: int, timeout: float, host: Host) -> Answer:
        wait_s = host.wait_s(datetime.now(UTC))
        if wait_s > 0:
            raise FetchError("wait", url, f"the host asked for {wait_s:.0f} s of rest", retry=True, wait_s=wait_s)
        async with host.slots:
            await host.start_turn()
            self.requests += 1
            try:
                answer = await self.download(url, headers, limit, timeout)
            except FetchError as error:
                if error.kind in ("connect", "timeout", "dns", "tls", "truncated"):
                    host.failures += 1
                raise
        self.downloaded_bytes += len(answer.body)
        return answer

    def _judged(self, answer: Answer, host: Host) -> Answer:
        """Return a useful answer; raise FetchError for the rest, and note what the host asks for."""
        status = answer.status
        if status in _BUSY:
            now = datetime.now(UTC)
            asked_s = retry_after_s(answer.headers.get("retry-after"), now)
            if asked_s is None and status == 503:
                host.failures += 1
                raise FetchError("http", answer.url, "503, busy", retry=True)
            host.block(asked_s if asked_s is not None else LIMITS.default_retry_after_s, now)
            raise FetchError("wait", answer.url, f"{status}, busy", retry=True, wait_s=host.wait_s(now))
        if status >= 500:
            host.failures += 1
            raise FetchError("http", answer.url, f"{status}, the server failed", retry=True)
        host.failures = 0
        if status in (404, 410):
            raise FetchError("gone", answer.url, f"{status}, not there", retry=status == 404)
        if status != 304 and not 200 <= status < 300:
            raise FetchError("http", answer.url, f"{status}, refused", retry=status in (401, 403, 408, 425))
        return answer

    async def _check_robots(self, url: str, host: Host) -> None:
        async with host.robots_lock:
            robots = host.usable_robots(time.monotonic())
            if robots is None:
                await self._read_robots(url, host)
                robots = host.usable_robots(time.monotonic())
        assert robots is not None  # just read
        if robots.unreachable is not None:
            raise FetchError("robots", url, f"robots.txt could not be read: {robots.unreachable}", retry=True)
        if not robots.allows(url):
            raise FetchError("robots", url, "robots.txt forbids it", retry=False)

    async def _read_robots(self, url: str, host: Host) -> None:
        """Fetch the host's robots.txt into `host`, following redirects; they may lead to another host (RFC 9309)."""
        parts = urlsplit(url)
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/robots.txt"
        status, body, why = None, b"", ""
        try:
            for _ in range(int(LIMITS.max_redirects) + 1):
                answer = await self._paced(address, {}, int(LIMITS.max_feed_bytes), LIMITS.fetch_timeout_s, self.check(address))
                if answer.status not in _REDIRECTS or not answer.headers.get("location"):
                    status, body = answer.status, answer.body
                    asked_s = retry_after_s(answer.headers.get("retry-after"), datetime.now(UTC))
                    if status in _BUSY and asked_s:
                        host.block(asked_s, datetime.now(UTC))
                    break
                address = urljoin(address, answer.headers["location"].strip())
            else:
                status = 404  # five hops and no end: unavailable, which allows (RFC 9309 section 2.3.1.2)
        except FetchError as error:
            if error.kind in ("refused_address", "refused_scheme", "wait", "dns"):
                raise
            why = f"{error.kind}: {error}"
        host.remember_robots(read_robots(status, body, why, time.monotonic()))
