"""A hostile web server on loopback: slow, huge, cut off, lying. Each reply is data; what was asked is recorded.

with HostileServer() as server:
    server.at("/feed.xml", Reply(feed))
    server.at("dripping.test/feed.xml", drip())     # for one host name only; others fall back to the bare path
"""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Seen:
    """One request as it came. `at_s` is monotonic."""

    host: str
    path: str
    headers: Mapping[str, str]
    at_s: float


@dataclass(frozen=True)
class Reply:
    """What to answer. `write` replaces everything: it gets the connection's file and writes what it likes."""

    body: bytes | str = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    write: Callable[[Any], None] | None = None

    @property
    def content(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else self.body


class HostileServer:
    """Serves from `__enter__` to `__exit__`. Without a reply for a path it answers 404, robots.txt included."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self._replies: dict[str, Reply | Callable[[Seen], Reply]] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.hostile = self
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> HostileServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def at(self, place: str, reply: Reply | Callable[[Seen], Reply]) -> None:
        self._replies[place] = reply

    def name(self, host: str) -> str:
        """Return the address of this server under another name."""
        return f"http://{host}:{self.port}"

    def asked(self, path: str = "", host: str = "") -> list[Seen]:
        """Return the requests whose path begins so, on this host name (all without)."""
        return [seen for seen in self.seen if seen.path.startswith(path) and (not host or seen.host == host)]

    def reply(self, seen: Seen) -> Reply:
        self.seen.append(seen)
        found = self._replies.get(seen.host + seen.path) or self._replies.get(seen.path) or Reply("tidak ada", 404)
        return found(seen) if callable(found) else found


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # many outlets are asked at once; by default the sixth waits a second
    hostile: HostileServer

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what we are here for."""

    def process_request(self, request: Any, client_address: Any) -> None:
        self.hostile.connections += 1
        super().process_request(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart; together with delayed ACKs that costs 40 ms
    server: _Server

    def do_GET(self) -> None:
        host = self.headers.get("Host", "").rpartition(":")[0]
        reply = self.server.hostile.reply(Seen(host, self.path, dict(self.headers.items()), time.monotonic()))
        if reply.write is not None:
            self.close_connection = True
            reply.write(self.wfile)
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value.encode().decode("latin-1"))  # servers send UTF-8 against the rules
        if reply.status not in (204, 304):
            self.send_header("Content-Length", str(len(reply.content)))
        self.end_headers()
        if reply.status not in (204, 304):
            self.wfile.write(reply.content)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def redirect(to: str, status: int = 302) -> Reply:
    return Reply("", status, {"Location": to})


def busy(status: int = 429, retry_after: str | None = None) -> Reply:
    return Reply("sibuk", status, {"Retry-After": retry_after} if retry_after is not None else {})


def drip(seconds: float = 60.0, every_s: float = 0.1) -> Reply:
    """Two bytes at a time, for so long."""

    def write(out: Any) -> None:
        out.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            out.write(b"  ")
            out.flush()
            time.sleep(every_s)

    return Reply(write=write)


def cut_off(body: bytes, *, chunked: bool = False, promised: int = 0) -> Reply:
    """A body that ends before its announced length, or before its last chunk."""

    def write(out: Any) -> None:
        out.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nETag: "cut"\r\n')
        if chunked:
            out.write(b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(body), body))
        else:
            out.write(b"Content-Length: %d\r\n\r\n%s" % (promised or len(body) * 2, body))

    return Reply(write=write)


def hang_up() -> Reply:
    return Reply(write=lambda out: None)


def garbage() -> Reply:
    return Reply(write=lambda out: out.write(b"\x00\xff this is no HTTP\r\n\r\n"))


def many_headers(count: int = 2000) -> Reply:
    def write(out: Any) -> None:
        out.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 500) for n in range(count)) + b"\r\n")

    return Reply(write=write)


def gzip_bomb(mib: int) -> bytes:
    """Return some kB that unpack to so many MiB."""
    return gzip.compress(b" " * 1024 * 1024 * mib)
