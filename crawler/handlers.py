"""Scrapy's HTTP download handler, with limits on the headers of an answer and on how long a connection is kept idle.

Twisted limits a line, not how many there are: an endless header filled 1.8 GB in four seconds (measured), and the polls of all
other sources died with the crawl process. Imports crawler.settings only. Tests: tests/faults/test_answers.py.
"""

from __future__ import annotations

from typing import Any

from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
)
from twisted.python.failure import Failure
from twisted.web._newclient import HEADER, STATUS

from crawler.settings import LIMITS


class HeadersTooLarge(Exception):
    """An answer whose headers exceed LIMITS.max_header_bytes."""


class BoundedHandler(HTTP11DownloadHandler):
    """The handler of http and https."""

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        self._pool._factory = _Factory
        self._pool.cachedConnectionTimeout = int(LIMITS.idle_connection_s)


class _Protocol(_LenientHTTP11ClientProtocol):
    _header_bytes = 0

    def request(self, request: Any) -> Any:
        self._header_bytes = 0
        return super().request(request)

    def dataReceived(self, data: bytes) -> None:
        if self._parser is not None and self._parser.state in (STATUS, HEADER):
            self._header_bytes += len(data)
            if self._header_bytes > LIMITS.max_header_bytes:
                error = HeadersTooLarge(f"headers of more than {int(LIMITS.max_header_bytes)} bytes")
                self._giveUp(Failure(error))  # type: ignore[no-untyped-call]
                return
        super().dataReceived(data)  # type: ignore[no-untyped-call]


class _Factory(_LenientHTTP11ClientFactory):
    def buildProtocol(self, addr: Any) -> _Protocol:
        return _Protocol(self._quiescentCallback)  # type: ignore[no-untyped-call]
