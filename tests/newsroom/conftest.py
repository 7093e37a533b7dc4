"""A newsroom that all tests of this folder share and none changes, and plain HTTP to ask it."""

from __future__ import annotations

import gzip
import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from newsroom import Newsroom

NOW = datetime(2024, 11, 13, 1, 4, tzinfo=UTC)  # Rabu, 08:04 WIB


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def get(url: str, method: str = "GET", **headers: str) -> Answer:
    """Return the answer to one request; header names are written with underscores."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        path = url.partition(parts.netloc)[2] or "/"
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        body = response.read()
        names = {k.lower(): v for k, v in response.getheaders()}
        if names.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        return Answer(response.status, names, body)
    finally:
        connection.close()


@pytest.fixture(scope="session")
def room() -> Iterator[Newsroom]:
    """The bundled newsroom at a fixed moment; for tests that only read."""
    with Newsroom(NOW) as running:
        yield running
