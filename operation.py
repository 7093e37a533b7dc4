"""What running the daemon needs beside polling: the clock's jumps, systemd's notifications, /metrics and /healthz.

Knows nothing of sources and alerts; scheduler.Daemon feeds it. Tests: tests/test_operation.py, tests/faults/test_clock.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

REQUEST_S = 5.0  # a scraper on the same machine; whoever takes longer is not one
STUCK_S = 60.0  # no tick, or nothing could be recorded, for so long: not healthy


class Clock:
    """Tells when the wall clock jumped: set by hand, corrected, or the machine slept."""

    SLACK_S = 60.0  # GUARANTEES: more than that is a jump

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._ahead_s = wall() - steady()

    def steady_s(self) -> float:
        """Return a time that never jumps, for pauses."""
        return self._steady()

    def jump_s(self) -> float:
        """Return by how much the clock has jumped since the last call, 0 for less than SLACK_S."""
        ahead_s = self._wall() - self._steady()
        jump_s = ahead_s - self._ahead_s
        if abs(jump_s) <= self.SLACK_S:
            return 0.0
        return jump_s

    def heeded(self, jump_s: float) -> None:
        """Take the jump for done."""
        self._ahead_s += jump_s


def tell_systemd(state: str) -> None:
    """Send a state such as READY=1 to the service manager that started us (sd_notify(3)); without one do nothing."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), address)


class Meters:
    """What is counted while the daemon runs, in the names that Prometheus sees."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = CollectorRegistry()
        to: dict[str, Any] = {"registry": self.registry}
        self._polls = Counter("pantau_polls", "Polls by what they came to.", ["outcome"], **to)
        self._seconds = Histogram(
            "pantau_poll_seconds", "How long polls took.", buckets=(0.5, 1, 2, 5, 15, 60, 300, 900), **to
        )
        self._articles = Counter("pantau_articles", "Articles by what was done with them.", ["result"], **to)
        self._deliveries = Counter(
            "pantau_deliveries", "Alerts by what trying to deliver them came to.", ["result"], **to
        )
        self._callbacks = Counter(
            "pantau_callbacks", "Requests by hubs (WebSub) by what they came to.", ["result"], **to
        )
        self._gauges = {
            name: Gauge(f"pantau_{name}", text, labels, **to)
            for name, text, labels in (
                ("sources", "Sources by health.", ["state"]),
                ("subscriptions", "Subscriptions to hubs (WebSub) by state.", ["state"]),
                ("alerts", "Alerts that wait or have failed.", ["state"]),
                ("stored_articles", "Articles in the database.", []),
                ("database_bytes", "Size of the database.", []),
                ("wal_bytes", "Size of its write-ahead log.", []),
                ("polls_running", "Polls under way.", []),
                ("network_up", "1, or 0 while most sources cannot be reached.", []),
                ("loop_lag_seconds", "By how much the last tick came late.", []),
            )
        }

    def poll(self, outcome: str, seconds: float, articles: Mapping[str, int]) -> None:
        """Count a poll."""
        self._polls.labels(outcome).inc()
        self._seconds.observe(seconds)
        for result, count in articles.items():
            self._articles.labels(result).inc(count)

    def deliveries(self, counts: Mapping[str, int]) -> None:
        """Count deliveries."""
        for result, count in counts.items():
            self._deliveries.labels(result).inc(count)

    def callback(self, result: str) -> None:
        """Count a request by a hub."""
        self._callbacks.labels(result).inc()

    def text(self, gauges: Mapping[str, Any]) -> bytes:
        """Return the page that Prometheus reads; `gauges`: the values of the moment, by label where there is one."""
        from prometheus_client import generate_latest

        for name, value in gauges.items():
            gauge = self._gauges[name]
            if isinstance(value, Mapping):
                gauge.clear()
                for label, count in value.items():
                    gauge.labels(label).set(count)
            else:
                gauge.set(value)
        return generate_latest(self.registry)


Page = Callable[[], Awaitable[tuple[int, str, bytes]]]  # status, content type, body


class StatusServer:
    """Answers GET on loopback with the pages it is given; anything else gets an error. Use as an async context manager."""

    def __init__(self, port: int, pages: Mapping[str, Page]) -> None:
        self._port, self._pages = port, pages
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> StatusServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=8192)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            async with asyncio.timeout(REQUEST_S):
                method, path, *_ = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split(" ", 2)
                status, kind, body = await self._answer(method, path.partition("?")[0])
                reason = {200: "OK", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}[status]
                head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                writer.write(head.encode() + (b"" if method == "HEAD" else body))
                await writer.drain()
        writer.close()

    async def _answer(self, method: str, path: str) -> tuple[int, str, bytes]:
        if method not in ("GET", "HEAD"):
            return 405, "text/plain", b"GET only\n"
        page = self._pages.get(path)
        if page is None:
            return 404, "text/plain", f"there are: {' '.join(self._pages)}\n".encode()
        return await page()


def health_page(last_tick_s: float, waiting_since_s: float | None, *, network_up: bool) -> tuple[int, str, bytes]:
    """Return the page /healthz: 200 while the daemon ticks and can record, else 503. Times are monotonic."""
    now_s = time.monotonic()
    problems = []
    if now_s - last_tick_s > STUCK_S:
        problems.append(f"no tick for {now_s - last_tick_s:.0f} s")
    if waiting_since_s is not None and now_s - waiting_since_s > STUCK_S:
        problems.append(f"nothing could be written for {now_s - waiting_since_s:.0f} s")
    document = {
        "status": "stuck" if problems else "ok",
        "network": "up" if network_up else "down",
        "problems": problems,
    }
    return (503 if problems else 200), "application/json", json.dumps(document).encode() + b"\n"
