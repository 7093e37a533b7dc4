from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from newsroom.httpd import Request, Response, Servers


def answer(request: Request) -> Response:
    if request.path == "/lambat":
        return Response(200, b"lambat", delay_s=0.15)
    if request.path == "/putus":
        return Response(drop=True)
    text = f"{request.method} {request.path} {sorted(request.query.items())} {request.body.decode()}"
    return Response(200, text.encode(), (("Content-Type", "text/plain"),))


@pytest.fixture
def talk() -> Iterator[socket.socket]:
    with Servers() as servers, socket.create_connection(("127.0.0.1", servers.listen(answer)), timeout=5) as client:
        yield client


def read(client: socket.socket, until: bytes) -> bytes:
    data = b""
    while until not in data:
        piece = client.recv(65_536)
        if not piece:
            return data
        data += piece
    return data


def test_pipelined_requests_are_answered_in_order_even_when_the_first_is_slow(talk: socket.socket) -> None:
    start = time.monotonic()
    talk.sendall(b"GET /lambat HTTP/1.1\r\nHost: x\r\n\r\nGET /b?c=1+2 HTTP/1.1\r\nHost: x\r\n\r\n")
    data = read(talk, b"GET /b")
    assert time.monotonic() - start >= 0.15
    assert data.index(b"lambat") < data.index(b"GET /b [('c', '1 2')]")


def test_a_body_in_pieces_is_read_whole(talk: socket.socket) -> None:
    talk.sendall(b"POST /x HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc")
    time.sleep(0.02)
    talk.sendall(b"def")
    assert b"POST /x [] abcdef" in read(talk, b"abcdef")


def test_head_and_close_are_honoured(talk: socket.socket) -> None:
    talk.sendall(b"HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n")
    data = read(talk, b"never")
    assert data.startswith(b"HTTP/1.1 200 OK")
    assert b"Content-Length: 11\r\n" in data
    assert data.endswith(b"\r\n\r\n")


def test_a_dropped_connection_sends_nothing(talk: socket.socket) -> None:
    talk.sendall(b"GET /putus HTTP/1.1\r\n\r\n")
    with contextlib.suppress(ConnectionResetError):
        assert talk.recv(100) == b""


@pytest.mark.parametrize("head", [b"GARBAGE\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"])
def test_nonsense_gets_400_and_the_door(talk: socket.socket, head: bytes) -> None:
    talk.sendall(head)
    assert read(talk, b"never").startswith(b"HTTP/1.1 400")
