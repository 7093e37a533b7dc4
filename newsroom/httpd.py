"""A small HTTP/1.1 server on loopback: keep-alive, pipelining, HEAD, delays, dropped connections; thousands of answers
a second.

Owns the bytes on the wire and nothing of news: a handler turns a `Request` into a `Response`. All sites of a process
share one event loop in one thread. It serves `newsroom.engine`, `newsroom.receiver` and `newsroom.scale`;
tests/newsroom/test_httpd.py tests it.

Why: http.server starts a thread a connection and parses headers with the email package, about ten times slower than
this, and the benchmarks share two cores with what they measure.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from time import time
from typing import cast
from urllib.parse import parse_qsl, unquote

MAX_HEAD_BYTES = 65_536
MAX_BODY_BYTES = 8_388_608


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked. `target` is the path with its query as sent; header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back. `delay_s` is waited before the first byte; `drop` closes the connection without any."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0.0
    drop: bool = False


Handler = Callable[[Request], Response]


class _Clock:
    """The Date header, made once a second."""

    second = 0
    text = b""

    @classmethod
    def header(cls) -> bytes:
        now = int(time())
        if now != cls.second:
            cls.second, cls.text = now, b"Date: " + formatdate(now, usegmt=True).encode() + b"\r\n"
        return cls.text


def encode(response: Response, *, head_only: bool, close: bool) -> bytes:
    """Return the response as sent: status line, headers, Content-Length and, but for HEAD and 304, the body."""
    reason = HTTPStatus(response.status).phrase if response.status in HTTPStatus._value2member_map_ else "Unknown"
    lines = [f"HTTP/1.1 {response.status} {reason}\r\n".encode(), _Clock.header()]
    lines += [f"{name}: {value}\r\n".encode("latin-1", "replace") for name, value in response.headers]
    if response.status not in (204, 304):
        lines.append(b"Content-Length: %d\r\n" % len(response.body))
    lines.append(b"Connection: close\r\n\r\n" if close else b"Connection: keep-alive\r\n\r\n")
    if not head_only and response.status not in (204, 304):
        lines.append(response.body)
    return b"".join(lines)


class _Connection(asyncio.Protocol):
    """One client. Answers in order: while one waits for its delay, what comes after it waits in the buffer."""

    def __init__(self, handler: Handler, open_transports: set[asyncio.Transport]) -> None:
        self.handler = handler
        self.open_transports = open_transports
        self.buffer = b""
        self.waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.open_transports.add(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open_transports.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.waiting:
            self.answer_buffered()

    def answer_buffered(self) -> None:
        while not self.waiting and not self.transport.is_closing():
            head, separator, rest = self.buffer.partition(b"\r\n\r\n")
            if not separator:
                if len(self.buffer) > MAX_HEAD_BYTES:
                    self.send(Response(431), head_only=False, close=True)
                return
            lines = head.decode("latin-1").split("\r\n")
            words = lines[0].split(" ")
            headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
            length = headers.get("content-length", "0")
            if (
                len(words) != 3
                or not length.isdigit()
                or int(length) > MAX_BODY_BYTES
                or "transfer-encoding" in headers
            ):
                self.send(Response(400), head_only=False, close=True)
                return
            if len(rest) < int(length):
                if headers.get("expect", "").lower() == "100-continue" and not rest:
                    self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            self.buffer = rest[int(length) :]
            request = Request(words[0], words[1], headers, rest[: int(length)])
            keep = headers.get("connection", "keep-alive" if words[2] == "HTTP/1.1" else "close").lower()
            self.answer(request, close=keep == "close")

    def answer(self, request: Request, *, close: bool) -> None:
        response = self.handler(request)
        if response.delay_s > 0:
            self.waiting = True
            loop = asyncio.get_running_loop()
            loop.call_later(response.delay_s, self.send_late, response, request.method == "HEAD", close)
        else:
            self.send(response, head_only=request.method == "HEAD", close=close)

    def send_late(self, response: Response, head_only: bool, close: bool) -> None:
        self.waiting = False
        if not self.transport.is_closing():
            self.send(response, head_only=head_only, close=close)
            self.answer_buffered()

    def send(self, response: Response, *, head_only: bool, close: bool) -> None:
        if response.drop:
            self.transport.abort()
            return
        self.transport.write(encode(response, head_only=head_only, close=close))
        if close:
            self.transport.close()


@dataclass
class Servers:
    """The event loop thread and the sockets of one process; a context manager."""

    _servers: list[asyncio.Server] = field(default_factory=list)
    _transports: set[asyncio.Transport] = field(default_factory=set)

    def __enter__(self) -> Servers:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="newsroom", daemon=True)
        self._thread.start()
        return self

    def listen(self, handler: Handler, port: int = 0) -> int:
        """Serve handler on 127.0.0.1 and return the port; 0 takes a free one.

        Raises: OSError when the port is taken.
        """

        async def start() -> asyncio.Server:
            return await self._loop.create_server(
                lambda: _Connection(handler, self._transports), "127.0.0.1", port, backlog=512
            )

        server = asyncio.run_coroutine_threadsafe(start(), self._loop).result(10)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def __exit__(self, *_: object) -> None:
        async def stop() -> None:
            for server in self._servers:
                server.close()
            for transport in list(self._transports):
                transport.abort()
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._servers.clear()
