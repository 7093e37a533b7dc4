"""The outlets of benchmarks.countrypress on loopback, each a host of its own (127.x.y.z), all answered by one process.

Linux answers the whole of 127/8, so 47,000 hosts need one socket and no resolver.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import random
import re
import resource
import socket
import threading
import time
from typing import Any, cast

from benchmarks.countrypress import HOSTILE_FEEDS, HOSTILE_PAGES, TITLE, Press, bank, outlets

ENDLESS_BYTES = 40_000_000


class Web:
    """The outlets, answering from `__enter__` to `__exit__`; made for newsroom.child.Remote. Not before `open` is anything new published."""

    def __init__(self, port: int = 0, seed: int = 1, opened_at: float = 0.0, **world: Any) -> None:
        self._world = {"seed": seed, **world}
        self._port, self._seed, self._opened_at = port, seed, opened_at
        self.asked: list[tuple[int, float]] = []  # (outlet, Unix time) of the first request of a poll
        self.answers = {"304": 0, "feed": 0, "page": 0, "page on topic": 0, "robots": 0, "other": 0}
        self.told: dict[tuple[int, int], float] = {}  # (outlet, number) on topic -> when its feed first named it

    def __enter__(self) -> Web:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.outlets = outlets(**self._world)
        self.pages = bank(self._seed)
        self.robots_at: dict[int, float] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # nobody but this machine is answered
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        try:
            listening.bind(("0.0.0.0", self._port))  # all of 127/8
        except OSError:  # port 80 is not ours to have
            listening.bind(("0.0.0.0", 0))
        listening.listen(4096)
        self.port = int(listening.getsockname()[1])
        self.press = Press(self.port, self._opened_at, self._seed)

        async def serve() -> None:
            self._server = await self._loop.create_server(lambda: _Connection(self), sock=listening, backlog=4096)

        asyncio.run_coroutine_threadsafe(serve(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def where(self) -> int:
        return self.port

    def open(self, opened_at: float) -> None:
        """From this Unix time on what is new is published."""
        self.press = Press(self.port, opened_at, self._seed)

    def seen(self) -> dict[str, Any]:
        """Return what was asked since the last call, and the counts of all answers."""
        asked, self.asked = self.asked, []
        used = time.process_time()
        return {"asked": asked, "answers": dict(self.answers), "told": dict(self.told), "cpu_s": used}


class _Connection(asyncio.Protocol):
    """One client of one outlet, whose address is the one that it called."""

    def __init__(self, web: Web) -> None:
        self.web = web
        self.buffer = b""
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        address = self.transport.get_extra_info("sockname")[0]
        index = int.from_bytes(socket.inet_aton(address)) - (127 << 24) - (1 << 16) - 1
        if not 0 <= index < len(self.web.outlets):
            self.transport.abort()
            return
        self.outlet = self.web.outlets[index]
        if self.outlet.kind == "reset":
            self._note(True)
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while not self.transport.is_closing():
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            if not end:
                return
            self.buffer = rest
            path = head.split(b" ", 2)[1].decode("latin-1")
            self._note(path == "/robots.txt")
            if self.outlet.kind == "silent":
                return
            if self.outlet.latency_s:
                self._later(self.outlet.latency_s, self._answer, path, head)
            else:
                self._answer(path, head)

    def _note(self, robots: bool) -> None:
        """Note when a poll began: with its request for robots.txt where it makes one."""
        now, index = time.time(), self.outlet.index
        if robots:
            self.web.robots_at[index] = now
        self.now = now

    def _later(self, seconds: float, method: Any, *values: Any) -> None:
        if self.timer:
            self.timer.cancel()
        self.timer = asyncio.get_running_loop().call_later(seconds, method, *values)

    def _answer(self, path: str, head: bytes) -> None:
        if self.transport.is_closing():
            return
        web, outlet = self.web, self.outlet
        if path == "/robots.txt":
            web.answers["robots"] += 1
            self._send(200, "text/plain", b"User-agent: *\nDisallow: /wp-admin/\nAllow: /wp-admin/admin-ajax.php\n")
        elif outlet.kind == "broken":
            self._send(500, "text/html", b"<h1>Error establishing a database connection</h1>")
        elif path == "/feed/" or path.startswith("/feed/maze"):
            if path == "/feed/":
                web.asked.append((outlet.index, web.robots_at.pop(outlet.index, self.now)))
            self._feed(head)
        elif path.startswith("/berita/") and outlet.kind in HOSTILE_PAGES:
            self._hostile(path)
        else:
            self._page(path)

    def _feed(self, head: bytes) -> None:
        web, outlet = self.web, self.outlet
        if outlet.kind in HOSTILE_FEEDS:
            self._hostile("/feed/maze")
            return
        now = time.time()
        count = web.press.count(outlet, now)
        last = web.press.opened_at + outlet.entries[count - 1][0]
        found = web.press.validators(outlet, count)
        validators = "".join(f"{name}: {value}\r\n" for name, value in found.items())
        if found and re.search(rb"(?i)\r\nif-none-match: *" + re.escape(found["etag"].encode()), head):
            web.answers["304"] += 1
            self._write(f"HTTP/1.1 304 Not Modified\r\n{validators}\r\n".encode())
            return
        web.answers["feed"] += 1
        for _, number, on_topic in outlet.entries[max(outlet.listed, count - outlet.listed) : count]:
            if on_topic:
                web.told.setdefault((outlet.index, number), now)
        body = web.press.feed(outlet, count, now if outlet.answer == "restless" else last)
        self._send(200, "application/rss+xml; charset=UTF-8", body, validators)

    def _page(self, path: str) -> None:
        web = self.web
        on_topic = web.press.page(self.outlet, path)
        if on_topic is not None:
            web.answers["page on topic"] += 1
            self._send(200, "text/html; charset=UTF-8", on_topic.encode())
        elif path.startswith("/berita/"):
            web.answers["page"] += 1
            number, _, slug = path[8:].partition("/")
            title = slug.replace("-", " ").title().encode()
            page = web.pages[(self.outlet.index + int(number)) % len(web.pages)]
            self._send(200, "text/html; charset=UTF-8", page.replace(TITLE.encode(), title))
        else:
            web.answers["other"] += 1
            self._send(404, "text/html", b"<h1>Halaman tidak ditemukan</h1>")

    def _hostile(self, path: str) -> None:
        self.web.answers["other"] += 1
        what = self.outlet.kind
        if "garbage" in what:
            self._send(200, "application/rss+xml", random.Random(self.outlet.index).randbytes(30_000))
        elif "maze" in what:
            turn = random.randrange(10**9)
            where = f"/feed/maze{turn}" if "feed" in what else f"/berita/{turn}/maze"
            self._write(f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode())
        elif "million" in what:
            self._send(200, "text/html", b"<html><body>" + b"<p>ASN netral di kabupaten ini.</p>" * 30_000)
        else:
            kind = "application/rss+xml" if "feed" in what else "text/html"
            start = "<rss><channel>" if "feed" in what else "<html><body>"
            self._write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n{start}".encode())
            endless = "endless" in what
            self._go_on(b"<p>ASN tanpa akhir</p>" * 3000 if endless else b"a", 0.001 if endless else 1.0, 0)

    def _go_on(self, piece: bytes, pause_s: float, sent: int) -> None:
        if self.transport.is_closing():
            return
        if sent > ENDLESS_BYTES:
            self.transport.close()
            return
        if self.transport.get_write_buffer_size() < 200_000:
            self.transport.write(piece)
            sent += len(piece)
        self._later(pause_s, self._go_on, piece, pause_s, sent)

    def _send(self, status: int, kind: str, body: bytes, headers: str = "") -> None:
        packed = gzip.compress(body, 1) if len(body) > 500 else body
        zipped = "Content-Encoding: gzip\r\n" if packed is not body else ""
        head = f"HTTP/1.1 {status} OK\r\nServer: tiruan\r\nContent-Type: {kind}\r\n{headers}{zipped}Content-Length: {len(packed)}\r\n\r\n"
        self._write(head.encode() + packed)

    def _write(self, answer: bytes) -> None:
        self.transport.write(answer)
        self._later(self.outlet.kept_s, self.transport.close)
