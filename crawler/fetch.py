"""One request done properly: guard, robots.txt, pacing, redirects, limits, Retry-After, one retry.

`Fetcher.get` is the only way out to the web for a poll. It calls a `download` coroutine (Scrapy's downloader in a crawl, a
fake in unit tests) for each hop and turns everything that can go wrong into one FetchError with a word that names it.
Tests: tests/crawler/test_fetch.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

from crawler.errors import FetchError
from crawler.identity import host_key, redacted, split, without_login
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
_NO_ANSWER = frozenset({"connect", "timeout", "dns", "tls", "truncated"})


@dataclass(frozen=True, slots=True)
class _Ask:
    """What a request asks for, the same at every hop; but `login` is for `origin` alone (GHSA-cw9j-q3vf-hrrv)."""

    headers: Mapping[str, str]
    max_bytes: int
    timeout_s: float
    probe: bool
    origin: str = ""
    login: str | None = None

    def headers_for(self, url: str) -> Mapping[str, str]:
        if self.login is None or _origin(url) != self.origin:
            return self.headers
        return {**self.headers, "Authorization": self.login}


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
        probe: bool = False,
    ) -> Answer:
        """Return the 2xx or 304 answer to GET url, after at most LIMITS.max_redirects hops.

        User and password of the address are sent to its scheme, host and port, never to where a redirect leads. `probe`:
        ask even a host that rests after failures, to learn whether it works again. Raises FetchError: its `kind` names
        what happened and `retry` whether a later try makes sense.
        """
        url, login = without_login(url)
        max_bytes, timeout_s = max_bytes or LIMITS.max_page_bytes, timeout_s or LIMITS.fetch_timeout_s
        ask = _Ask(headers or {}, int(max_bytes), float(timeout_s), probe, _origin(url), login)
        for attempt in range(1, int(LIMITS.fetch_attempts) + 1):
            try:
                return await self._follow(url, ask)
            except FetchError as error:
                if attempt == LIMITS.fetch_attempts or not await self._worth_waiting(error):
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _worth_waiting(self, error: FetchError) -> bool:
        """Wait as the error asks and return True, or return False when this poll should go on without the page."""
        if error.kind == "wait":
            if error.wait_s is None or error.wait_s > LIMITS.wait_in_poll_s:
                return False
            await asyncio.sleep(error.wait_s)
            return True
        host = self.hosts.of(host_key(error.url))
        # A 4xx is no failure of the host: it works, and means what it says.
        if error.kind not in ("connect", "truncated", "http") or not 0 < host.failures < LIMITS.host_failures:
            return False
        await asyncio.sleep(back_off_s(1, base_s=min(2.0, host.delay_s + 0.2), cap_s=5, rng=self.rng))
        return True

    async def _follow(self, url: str, ask: _Ask) -> Answer:
        start = url
        for _ in range(int(LIMITS.max_redirects) + 1):
            host = self.check(url)
            await self._check_robots(url, host, ask)
            answer = await self._paced(url, ask, host)
            if answer.status not in _REDIRECTS:
                return _judged(answer, host, ask)
            url = _target(answer)
        message = f"more than {int(LIMITS.max_redirects)} redirects, the last to {redacted(url)}"
        raise FetchError("redirects", start, message, retry=True)

    def check(self, url: str) -> Host:
        """Return the host to call for this address. Raises FetchError where it may not be called at all."""
        parts = split(url)
        scheme = parts.scheme.lower() if parts else ""
        if scheme not in ("http", "https"):
            message = f"{scheme or 'no'} scheme; only http and https are fetched"
            raise FetchError("refused_scheme", url[:200], message, retry=False)
        if parts is None or not parts.hostname:
            raise FetchError("refused_scheme", url[:200], "no host", retry=False)
        if len(url.encode("utf-8", "replace")) > LIMITS.max_url_bytes:
            raise FetchError("refused_scheme", url[:200], f"longer than {int(LIMITS.max_url_bytes)} bytes", retry=False)
        reason = self.guard.port_refusal(parts.hostname, parts.port or (443 if scheme == "https" else 80))
        if reason is not None:
            raise FetchError("refused_address", url, reason, retry=False)
        return self.hosts.of(host_key(url))

    async def _paced(self, url: str, ask: _Ask, host: Host) -> Answer:
        """Return the answer to one request, sent when it is the host's turn. Raises FetchError."""
        async with host.slots:
            _check_rest(url, host, ask)  # only now: who waited must heed what those before were told
            await host.start_turn()
            self.requests += 1
            try:
                answer = await self.download(url, ask.headers_for(url), ask.max_bytes, ask.timeout_s)
            except FetchError as error:
                if error.kind in _NO_ANSWER:
                    host.failed(time.monotonic())
                raise
            self.downloaded_bytes += len(answer.body)
            _heed(answer, host)
            return answer

    async def _check_robots(self, url: str, host: Host, ask: _Ask) -> None:
        async with host.robots_lock:
            robots = host.usable_robots(time.monotonic())
            if robots is None:
                await self._read_robots(url, host, ask)
                robots = host.usable_robots(time.monotonic())
        assert robots is not None  # just read
        if robots.unreachable is not None:
            raise FetchError("robots", url, f"robots.txt could not be read: {robots.unreachable}", retry=True)
        if not robots.allows(url):
            raise FetchError("robots", url, "robots.txt forbids it", retry=False)

    async def _read_robots(self, url: str, host: Host, ask: _Ask) -> None:
        """Fetch the host's robots.txt into `host`, following redirects; they may lead to another host (RFC 9309).

        Raises FetchError where the host cannot be reached at all: that is not about robots.txt.
        """
        parts = urlsplit(url)
        address = f"{parts.scheme}://{parts.netloc}/robots.txt"
        ask = _Ask({}, int(LIMITS.max_feed_bytes), float(LIMITS.fetch_timeout_s), ask.probe)
        status: int | None = 404  # five hops and no end: unavailable, which allows (RFC 9309 section 2.3.1.2)
        body, why = b"", ""
        try:
            for _ in range(int(LIMITS.max_redirects) + 1):
                answer = await self._paced(address, ask, self.check(address))
                if answer.status not in _REDIRECTS:
                    status, body = answer.status, answer.body
                    break
                address = _target(answer)
        except FetchError as error:
            was_readable = host.good_robots is not None and error.kind in _NO_ANSWER
            if not was_readable and error.kind not in ("timeout", "too_large", "http"):
                raise
            status, why = None, f"{error.kind}: {error}"
        host.remember_robots(read_robots(status, body, why, time.monotonic()))


def _origin(url: str) -> str:
    """Return what credentials belong to: scheme, host and port."""
    return f"{url.partition(':')[0].lower()}://{host_key(url)}"


def _check_rest(url: str, host: Host, ask: _Ask) -> None:
    """Raise FetchError `wait` where the host asked for rest, or rests because it failed too often."""
    wait_s = host.wait_s(datetime.now(UTC))
    if wait_s:
        raise FetchError("wait", url, f"the host asked for {wait_s:.0f} s of rest", retry=True, wait_s=wait_s)
    if host.rests(time.monotonic()) and not ask.probe:
        raise FetchError("wait", url, f"the host failed {host.failures} times in a row and is left alone", retry=True)


def _heed(answer: Answer, host: Host) -> None:
    """Note whether the host works, and for how long it wants to be left alone."""
    if answer.status != 429 and answer.status < 500:
        host.answered()
        return
    now = datetime.now(UTC)
    asked_s = retry_after_s(answer.headers.get("retry-after"), now) if answer.status in _BUSY else None
    if asked_s is None and answer.status != 429:
        host.failed(time.monotonic())
    else:  # "0" and a moment that is past are no pause
        host.block(asked_s or LIMITS.default_retry_after_s, now)


def _judged(answer: Answer, host: Host, ask: _Ask) -> Answer:
    """Return a useful answer; raise FetchError for the rest."""
    status = answer.status
    wait_s = host.wait_s(datetime.now(UTC)) if status in _BUSY else 0.0
    if wait_s:
        raise FetchError("wait", answer.url, f"{status}, busy", retry=True, wait_s=wait_s)
    if status >= 500:
        raise FetchError("http", answer.url, f"{status}, the server failed", retry=True)
    if status in (404, 410):
        raise FetchError("gone", answer.url, f"{status}, not there", retry=status == 404)
    if not 200 <= status < 300 and not (status == 304 and ask.headers):
        raise FetchError("http", answer.url, f"{status}, refused", retry=status in (401, 403, 408, 425))
    return answer


def _target(answer: Answer) -> str:
    """Return where a redirect leads. Raises FetchError where it names no address."""
    location = answer.headers.get("location", "").strip()
    with contextlib.suppress(ValueError):  # "http://[" is nowhere
        if location:
            return without_login(urljoin(answer.url, location))[0]
    raise FetchError("http", answer.url, f"{answer.status} to nowhere: {location[:100]!r}", retry=True)
