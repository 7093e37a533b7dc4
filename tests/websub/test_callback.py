"""The server that hubs call: signatures, sizes, floods, broken HTTP; nothing but a rightly signed notice is heard."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace

import httpx
import pytest

from crawler.settings import LIMITS
from tests.test_operation import free_port
from websub.callback import CallbackServer, Unavailable

TOKEN, SECRET = "t0ken", "r4hasia"


class Known:
    """One subscription; hears what the server passes on."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.asked: list[dict[str, str]] = []
        self.busy = False

    async def confirm(self, token: str, fields: Mapping[str, str]) -> bytes | None:
        self.asked.append(dict(fields))
        if self.busy:
            raise Unavailable
        return fields["hub.challenge"].encode() if token == TOKEN else None

    def secret_of(self, token: str) -> str | None:
        return SECRET if token == TOKEN else None

    def pushed(self, token: str) -> None:
        self.heard.append(token)


class Bench(SimpleNamespace):
    known: Known
    counts: Counter[str]
    port: int
    client: httpx.AsyncClient

    async def post(self, body: bytes, signature: str | None, token: str = TOKEN) -> int:
        headers = {} if signature is None else {"X-Hub-Signature": signature}
        return (await self.client.post(f"/websub/{token}", content=body, headers=headers)).status_code

    async def raw(self, text: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(text)
        if not text:
            writer.write_eof()
        try:
            return await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    known, counts, port = Known(), Counter[str](), free_port()
    async with (
        CallbackServer("127.0.0.1", port, known, lambda result: counts.update([result])),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield Bench(known=known, counts=counts, port=port, client=client)


def signed(body: bytes, method: str = "sha256", secret: str = SECRET) -> str:
    return f"{method}={hmac.new(secret.encode(), body, method).hexdigest()}"


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
async def test_a_rightly_signed_notice_is_heard(bench: Bench, method: str) -> None:
    assert await bench.post(b"<rss/>", signed(b"<rss/>", method)) == 202
    assert await bench.post(b"", signed(b"", method).upper().replace("SHA", "sha")) == 202
    assert bench.known.heard == [TOKEN] * 2
    assert bench.counts == {"pushed": 2}


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256",
        "sha256=",
        "sha256=" + "0" * 64,
        signed(b"<rss/>", secret="lain"),
        signed(b"<rss></rss>"),
        signed(b"<rss/>").replace("sha256", "sha1"),
        signed(b"<rss/>").removeprefix("sha256="),
        "md5=" + hmac.new(SECRET.encode(), b"<rss/>", hashlib.md5).hexdigest(),
        "none=" + signed(b"<rss/>").partition("=")[2],
        "sha256=é",
    ],
)
async def test_another_signature_is_answered_alike_and_not_heard(bench: Bench, signature: str | None) -> None:
    value = signature.encode("latin-1").decode("latin-1") if signature else signature
    headers = {} if value is None else {"X-Hub-Signature": value.encode("latin-1")}
    answer = await bench.client.post(f"/websub/{TOKEN}", content=b"<rss/>", headers=headers)
    assert (answer.status_code, answer.content) == (202, b"")
    assert (bench.known.heard, bench.counts) == ([], {"forged": 1})


async def test_a_token_of_nobody_is_gone(bench: Bench) -> None:
    for token in ("", "lain", TOKEN + "x", "%00", "..%2f"):
        assert await bench.post(b"<rss/>", signed(b"<rss/>"), token) == 410
    assert (bench.known.heard, bench.counts) == ([], {"unknown": 5})


async def test_the_proxy_s_path_makes_no_difference(bench: Bench) -> None:
    for path in (f"/{TOKEN}", f"/a/b/{TOKEN}", f"/websub/{TOKEN}?x=/y"):
        assert (
            await bench.client.post(path, content=b"x", headers={"X-Hub-Signature": signed(b"x")})
        ).status_code == 202
    assert len(bench.known.heard) == 3


async def test_a_body_has_an_end(bench: Bench) -> None:
    largest = b"x" * int(LIMITS.push_bytes)
    assert await bench.post(largest, signed(largest)) == 202

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"abc"

    headers = {"X-Hub-Signature": signed(b"abc" * 3)}
    assert (await bench.client.post(f"/{TOKEN}", content=pieces(), headers=headers)).status_code == 202  # chunked
    head = f"POST /{TOKEN} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(largest) + 1}\r\n\r\n".encode()
    assert (await bench.raw(head + largest + b"x")).startswith(b"HTTP/1.1 413 ")
    # Bytes that come one by one take a second of our time for 60 kB; a hub's come in some thousand pieces at most.
    head = f"POST /{TOKEN} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    assert (await bench.raw(head + b"1\r\nx\r\n" * 1300)).startswith(b"HTTP/1.1 413 ")
    assert len(bench.known.heard) == 2


async def test_a_challenge_comes_back_as_plain_text(bench: Bench) -> None:
    challenge = "<script>alert(1)</script>\r\nX: y"
    answer = await bench.client.get(f"/websub/{TOKEN}", params={"hub.mode": "subscribe", "hub.challenge": challenge})
    assert (answer.status_code, answer.text) == (200, challenge)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "x" not in answer.headers
    refused = await bench.client.get("/websub/lain", params={"hub.mode": "subscribe", "hub.challenge": challenge})
    assert (refused.status_code, refused.content) == (404, b"")
    bench.known.busy = True
    assert (await bench.client.get(f"/websub/{TOKEN}?hub.challenge=x")).status_code == 503
    assert bench.counts == {"confirmed": 1, "refused": 1, "failed": 1}


async def test_it_survives_whoever_knocks(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for knock in (
        b"",
        b"\r\n\r\n",
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no host
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /x?" + b"&".join(b"a%d=1" % n for n in range(50)) + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    ):
        answered = await bench.raw(knock)
        assert answered == b"" or answered.startswith(b"HTTP/1.1 4"), (knock[:40], answered)
    assert await bench.post(b"x", signed(b"x")) == 202
    head = f"POST /{TOKEN} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n".encode()
    assert (await bench.raw(head + b"a:\r\n" * 12_000 + b"\r\n")).startswith(b"HTTP/1.1 400 ")  # all in one go

    # Whoever sends nothing is not waited for, and only so many are held.
    monkeypatch.setattr(LIMITS, "push_timeout_s", 0.3)
    idle = [await asyncio.open_connection("127.0.0.1", bench.port) for _ in range(int(LIMITS.push_connections) + 5)]
    ends = await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in idle)), 10)
    assert set(ends) == {b""}
    for _, writer in idle:
        writer.close()
    assert await bench.post(b"x", signed(b"x")) == 202


async def test_a_client_that_waits_for_100_continue_gets_it(bench: Bench) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
    head = f"POST /{TOKEN} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\nX-Hub-Signature: {signed(b'x')}\r\n\r\n"
    writer.write(head.encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    writer.write(b"x")
    assert (await reader.read()).startswith(b"HTTP/1.1 202 ")
    writer.close()
    assert bench.known.heard == [TOKEN]
