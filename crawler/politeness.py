"""How we behave towards a host: robots.txt (RFC 9309), pacing, Retry-After, back-off. No network here.

`Hosts` keeps one `Host` for each host:port for as long as the crawl process lives. Durations run on the monotonic clock;
what outlives the process (`blocked_until`) is wall time. Imports crawler.settings only. Tests: tests/crawler/test_politeness.py.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
import re
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from protego import Protego

from crawler.settings import LIMITS

ROBOTS_TOKEN = "pantau"  # noqa: S105  the product token that robots.txt groups name


@dataclass(frozen=True, slots=True)
class Robots:
    """What a robots.txt says. `rules` None: everything is allowed, or nothing where `unreachable` says why."""

    rules: Protego | None
    unreachable: str | None
    read_at: float  # monotonic seconds

    def allows(self, url: str) -> bool:
        if self.unreachable is not None:
            return False
        return self.rules is None or bool(self.rules.can_fetch(url, ROBOTS_TOKEN))

    @property
    def crawl_delay_s(self) -> float:
        """The Crawl-delay that it asks of us, 0 without one, never more than LIMITS says."""
        delay = self.rules.crawl_delay(ROBOTS_TOKEN) if self.rules is not None else None
        return min(float(delay or 0), float(LIMITS.max_crawl_delay_s))


def read_robots(status: int | None, body: bytes, why: str, now_s: float) -> Robots:
    """Return what an answer to /robots.txt means (RFC 9309 section 2.3.1).

    2xx: its rules, of the first 500 KiB. Other 4xx: everything is allowed. 5xx, 429 and no answer at all (`status` None,
    `why` says what happened): nothing is allowed until it can be read.
    """
    if status is None or status >= 500 or status == 429:
        return Robots(None, why or f"robots.txt answered {status}", now_s)
    if not 200 <= status < 300:
        return Robots(None, None, now_s)
    text = body[: LIMITS.max_robots_bytes].decode("utf-8-sig", "replace")
    if text.lstrip()[:1] == "<":  # an HTML page at /robots.txt has no rules for anyone
        return Robots(None, None, now_s)
    return Robots(Protego.parse(text), None, now_s)


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for (seconds or an HTTP date), at most 24 h; None when it says nothing."""
    if not value:
        return None
    value = value.strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        seconds = float(value)
    else:
        try:
            at = parsedate_to_datetime(value)
            seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), float(LIMITS.max_retry_after_s))


def back_off_s(failures: int, *, base_s: float, cap_s: float, rng: random.Random) -> float:
    """Return how long to wait after so many failures in a row: exponential with full jitter, at least half of the step."""
    step = min(cap_s, base_s * 2.0 ** min(max(failures - 1, 0), 60))
    return step * (0.5 + rng.random() / 2)


def is_loopback_host(host: str) -> bool:
    """Return whether this name or literal is this machine itself, where no pacing is due."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(slots=True)
class Host:
    """One host:port. `turn` paces: at most `width` requests at a time, their starts at least `delay_s` apart."""

    delay_s: float
    width: int
    blocked_until: datetime | None = None
    failures: int = 0  # in a row
    rest_until_s: float = 0.0
    robots: Robots | None = None
    good_robots: Robots | None = None
    robots_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    next_start_s: float = 0.0
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def start_turn(self) -> None:
        """Wait for this host's next turn. Call inside `async with host.slots`."""
        now_s = time.monotonic()
        start_s = max(now_s, self.next_start_s)
        # Taken before waiting, so that two waiters never share a turn.
        self.next_start_s = start_s + max(self.delay_s, self.robots.crawl_delay_s if self.robots else 0.0)
        if start_s > now_s:
            await asyncio.sleep(start_s - now_s)

    def block(self, seconds: float, now: datetime) -> None:
        """Leave the host alone for so long, unless it is left alone for longer already."""
        until = now + timedelta(seconds=seconds)
        if self.blocked_until is None or until > self.blocked_until:
            self.blocked_until = until

    def failed(self, now_s: float) -> None:
        """Count a failure; after LIMITS.host_failures in a row the host rests, and after that has one try at a time."""
        self.failures += 1
        if self.failures >= LIMITS.host_failures:
            self.rest_until_s = now_s + LIMITS.host_rest_s

    def answered(self) -> None:
        """End the row of failures: the host works."""
        self.failures, self.rest_until_s = 0, 0.0

    def rests(self, now_s: float) -> bool:
        """Return whether the host has failed so often that it is left alone for now."""
        return now_s < self.rest_until_s

    def wait_s(self, now: datetime) -> float:
        """Return for how long the host must still be left alone; 0 when it may be called."""
        return max(0.0, (self.blocked_until - now).total_seconds()) if self.blocked_until else 0.0

    def usable_robots(self, now_s: float) -> Robots | None:
        """Return the robots.txt to go by, or None when it must be read (again).

        Read within the hour: that one. Could not be read this time: the last good one for up to a day, else none may pass.
        """
        if self.robots is None or now_s - self.robots.read_at > LIMITS.robots_ttl_s:
            return None
        good = self.good_robots
        if self.robots.unreachable is not None and good and now_s - good.read_at <= LIMITS.robots_stale_s:
            return good
        return self.robots

    def remember_robots(self, robots: Robots) -> None:
        self.robots = robots
        if robots.unreachable is None:
            self.good_robots = robots


class Hosts:
    """Every host that this process has called, the least recently used forgotten first."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self._hosts: OrderedDict[str, Host] = OrderedDict()

    def of(self, key: str) -> Host:
        """Return the host of "host:port" (see identity.host_key). Loopback is not paced and takes many at a time."""
        host = self._hosts.get(key)
        if host is None:
            loopback = is_loopback_host(key.rpartition(":")[0])
            width = LIMITS.loopback_width if loopback else 1
            host = Host(delay_s=0.0 if loopback else self.delay_s, width=width, slots=asyncio.Semaphore(width))
            self._hosts[key] = host
            if len(self._hosts) > LIMITS.max_hosts:
                self._forget_idle()
        self._hosts.move_to_end(key)
        return host

    def _forget_idle(self) -> None:
        for key, host in list(self._hosts.items())[: len(self._hosts) // 10]:
            idle = not host.slots.locked() and not host.robots_lock.locked() and host.next_start_s < time.monotonic()
            if idle and not host.wait_s(datetime.now(UTC)):
                del self._hosts[key]
