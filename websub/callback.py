"""The server that hubs call: HTTP/1.1 by h11, one request a connection, everything bounded. Knows neither sources nor hubs.

    GET  …/TOKEN?hub.mode=…   answered with hub.challenge as plain text where `confirm` says so, else 404
    POST …/TOKEN              2xx for whoever knows the token, whether the signature is right or not (the recommendation wants it so);
                              `pushed` is called for a right one alone. Nobody's token: 410, by which a hub may forget it

The body runs through HMAC and is gone; none of it is kept or parsed. It listens on loopback unless told otherwise: a proxy in front of it
has the certificate. Tests: tests/websub/test_callback.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Literal, Protocol
from urllib.parse import parse_qsl

import h11

from crawler.settings import LIMITS

Result = Literal["pushed", "forged", "unknown", "too_large", "confirmed", "refused", "malformed", "failed"]
MAX_HEAD_BYTES = 16_384  # request line and headers; a proxy adds a few hundred to a hub's
_READ_BYTES = 8192  # at a time: h11 looks at the head's size between two of them
# A body in pieces smaller than this, but for the first thousand, is no hub's: each costs as much time as a large one.
_LEAST_PIECE_BYTES = 256
_METHODS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}


class Unavailable(Exception):
    """The callback cannot answer now (the database is locked, say); the hub gets 503 and may try again."""


class Callbacks(Protocol):
    """What the server asks. Tokens come from the network and may be anything."""

    async def confirm(self, token: str, fields: Mapping[str, str]) -> bytes | None:
        """Return what a verification of intent is answered with, None where we did not ask for that. Raises Unavailable."""

    def secret_of(self, token: str) -> str | None:
        """Return the secret that notices to this token are signed with, None where there is none such."""

    def pushed(self, token: str) -> None:
        """Hear that a rightly signed notice came. Must not block."""


class CallbackServer:
    """Serves `callbacks` on host:port; use as an async context manager. `count` hears what each request came to.

    Entering raises OSError where the port cannot be had.
    """

    def __init__(self, host: str, port: int, callbacks: Callbacks, count: Callable[[Result], None]) -> None:
        self._host, self._port, self._count = host, port, count
        self.callbacks = callbacks
        self._open = 0

    async def __aenter__(self) -> CallbackServer:
        self._server = await asyncio.start_server(self._serve, self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= LIMITS.push_connections:
            writer.close()
            return
        self._open += 1
        try:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(LIMITS.push_timeout_s):
                    await self._exchange(_Line(reader, writer))
        finally:
            self._open -= 1
            writer.close()

    async def _exchange(self, line: _Line) -> None:
        try:
            request = await line.request()
            if request is None:
                return
            token = request.target.partition(b"?")[0].rpartition(b"/")[2].decode("latin-1")
            if request.method == b"POST":
                result, status, body = await self._notice(line, request, token)
            elif request.method == b"GET":
                result, status, body = await self._confirm(request, token)
            else:
                result, status, body = "malformed", 405, b""
        except h11.RemoteProtocolError:
            result, status, body = "malformed", 400, b""
        self._count(result)
        await line.answer(status, body)

    async def _confirm(self, request: h11.Request, token: str) -> tuple[Result, int, bytes]:
        try:
            fields = dict(parse_qsl(request.target.partition(b"?")[2].decode("latin-1"), max_num_fields=20))
        except ValueError:
            return "malformed", 400, b""
        try:
            challenge = await self.callbacks.confirm(token, fields)
        except Unavailable:
            return "failed", 503, b""
        return ("refused", 404, b"") if challenge is None else ("confirmed", 200, challenge)

    async def _notice(self, line: _Line, request: h11.Request, token: str) -> tuple[Result, int, bytes]:
        headers = dict(request.headers)
        method, _, signed = headers.get(b"x-hub-signature", b"").decode("latin-1").strip().partition("=")
        secret = self.callbacks.secret_of(token)
        digest = _METHODS.get(method.lower(), hashlib.sha256)
        mac = hmac.new((secret or "").encode(), digestmod=digest)
        size = pieces = 0
        while (chunk := await line.piece()) is not None:  # to its end: an answer before it might never be read
            size, pieces = size + len(chunk), pieces + 1
            if size > LIMITS.push_bytes or pieces > 1000 + size // _LEAST_PIECE_BYTES:
                return "too_large", 413, b""
            mac.update(chunk)
        if secret is None:
            return "unknown", 410, b""
        right = hmac.compare_digest(mac.hexdigest().encode(), signed.lower().encode("latin-1"))
        if not right or method.lower() not in _METHODS:
            return "forged", 202, b""
        self.callbacks.pushed(token)
        return "pushed", 202, b""


class _Line:
    """One connection: a request in, an answer out. Raises h11.RemoteProtocolError, OSError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)

    async def request(self) -> h11.Request | None:
        """Return the request without its body; None where the connection ends before there is one."""
        event = await self._event()
        return event if isinstance(event, h11.Request) else None

    async def piece(self) -> bytes | None:
        """Return the next piece of the body, None after its end."""
        event = await self._event()
        return bytes(event.data) if isinstance(event, h11.Data) else None

    async def _event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                self._writer.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            self._http.receive_data(await self._reader.read(_READ_BYTES))

    async def answer(self, status: int, body: bytes) -> None:
        """Send an answer: text without any meaning to a browser, and the connection's end."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE, h11.ERROR):
            return
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("X-Content-Type-Options", "nosniff"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        response = h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase)
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()
