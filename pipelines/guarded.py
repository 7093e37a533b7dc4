"""httpx's transport with the address guard in front, for addresses that somebody else chose: webhooks, hubs.

Tests: tests/faults/test_addresses.py, tests/pipelines/test_channels.py.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import httpcore
import httpx

# Given (host, port): the addresses that may be connected to. The guard's, handed in: pipelines do not import it.
Resolve = Callable[[str, int], Awaitable[list[str]]]


def cause(error: BaseException) -> str:
    """Return the guard's or the system's words for a failed connection, which hold no address of ours."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, RefusedAddress):
            return str(found)
        if isinstance(found, OSError) and found.strerror:
            return found.strerror
        found = found.__cause__ or found.__context__
    return "connection failed"


class RefusedAddress(httpcore.ConnectError):
    """The address guard lets nobody reach this host. An error of httpcore's, because its pool drops the cause of others."""


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport, with the guard between the name and the connection."""

    def __init__(self, resolve: Resolve) -> None:
        context = httpx.create_ssl_context()  # once: it reads the system's certificates, 20 ms
        super().__init__(verify=context, retries=0)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context, network_backend=_GuardedBackend(resolve), keepalive_expiry=30
        )


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:  # the latter of "a..b" and labels past 63 characters
            raise httpcore.ConnectError("cannot resolve") from error
        if not addresses:
            raise RefusedAddress("the address guard refused this address")
        for address in addresses[:-1]:
            with contextlib.suppress(httpcore.ConnectError):
                return await self._inner.connect_tcp(address, port, *args, **kwargs)
        return await self._inner.connect_tcp(addresses[-1], port, *args, **kwargs)

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        raise RefusedAddress("no sockets of the file system")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
