"""The senders: one attempt at one channel, and what it came to. Webhooks by httpx, everything else by Apprise.

No retries here (the outbox has them) and no database. Webhooks are signed by the Standard Webhooks specification and pass
the address guard. Tests: tests/pipelines/test_channels.py.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

import httpcore
import httpx

from pipelines.render import Message, render_message

DEADLINE_S = 20  # Standard Webhooks: 15-30 s for a whole attempt
_RETRIED = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Attempt:
    """What an attempt came to. `error` is for people and holds no secret; `wait_s` is what the receiver asked for."""

    result: Literal["sent", "retry", "final"]
    error: str = ""
    wait_s: float | None = None


class ChannelLike(Protocol):
    """What is read of a channel of sources.yaml: either a webhook with its secret, or an Apprise address."""

    @property
    def id(self) -> str: ...
    @property
    def webhook(self) -> str | None: ...
    @property
    def secret(self) -> str | None: ...
    @property
    def apprise(self) -> str | None: ...


# Given (host, port): the addresses that may be connected to. The guard's, handed in: pipelines do not import it.
Resolve = Callable[[str, int], Awaitable[list[str]]]


class Sender:
    """Sends alerts; keeps its connections. Use as an async context manager."""

    def __init__(
        self,
        resolve: Resolve,
        language: str,
        zone: ZoneInfo,
        retry_after_s: Callable[[str | None, datetime], float | None],
    ) -> None:
        self._client = httpx.AsyncClient(
            transport=_GuardedTransport(resolve),
            follow_redirects=False,  # a redirect would carry the signed body to an address nobody named
            timeout=DEADLINE_S,
            trust_env=False,  # a proxy would connect in our place, past the guard
        )
        self._language, self._zone, self._retry_after_s = language, zone, retry_after_s

    async def __aenter__(self) -> Sender:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def send(self, channel: ChannelLike, alert_id: str, payload: str) -> Attempt:
        """Return what one attempt to deliver the payload came to. Never raises for what the other side does."""
        if channel.webhook:
            return await self._send_webhook(channel, alert_id, payload)
        return await self._send_apprise(channel, render_message(payload, self._language, self._zone))

    async def _send_webhook(self, channel: ChannelLike, alert_id: str, payload: str) -> Attempt:
        body = payload.encode("utf-8")
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "user-agent": "pantau-asn/0.1",
            "webhook-id": alert_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature(channel.secret or "", alert_id, int(now.timestamp()), body),
        }
        try:
            async with asyncio.timeout(DEADLINE_S):
                # Streamed and never read: the status is all we want, and an endless answer must not hold us.
                async with self._client.stream(
                    "POST", channel.webhook or "", content=body, headers=headers
                ) as response:
                    return self._judged(response, now)
        except TimeoutError:
            return Attempt("retry", f"no answer within {DEADLINE_S} s")
        except httpx.HTTPError as error:
            # Never str(error): it may hold the address with what is secret in it (measured with another client).
            return Attempt("retry", f"{type(error).__name__}: {_cause(error)}")

    def _judged(self, response: httpx.Response, now: datetime) -> Attempt:
        status = response.status_code
        if 200 <= status < 300:
            return Attempt("sent")
        if status in _RETRIED or status >= 500 or 300 <= status < 400:
            wait_s = self._retry_after_s(response.headers.get("retry-after"), now) if status in (429, 503) else None
            return Attempt("retry", f"answered {status}", wait_s)
        return Attempt("final", f"answered {status}")

    async def _send_apprise(self, channel: ChannelLike, message: Message) -> Attempt:
        import apprise

        target = apprise.Apprise()
        if not target.add(channel.apprise or ""):
            return Attempt("final", "Apprise does not know this kind of address")
        try:
            async with asyncio.timeout(DEADLINE_S * 2):  # some services take several requests
                sent = await target.async_notify(
                    title=message.title, body=message.body, body_format=apprise.NotifyFormat.TEXT
                )
        except TimeoutError:
            return Attempt("retry", f"no answer within {DEADLINE_S * 2} s")
        return Attempt("sent") if sent else Attempt("retry", "the service did not take the message")


def signature(secret: str, alert_id: str, timestamp_s: int, body: bytes) -> str:
    """Return the webhook-signature header: "v1," and the base64 HMAC-SHA256 of "id.timestamp.body" under the decoded secret.

    `secret` is "whsec_" and base64 (checked when sources.yaml is read).
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{alert_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _cause(error: BaseException) -> str:
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


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport, with the guard between the name and the connection."""

    def __init__(self, resolve: Resolve) -> None:
        super().__init__(retries=0)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(), network_backend=_GuardedBackend(resolve), keepalive_expiry=30
        )


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError("cannot resolve") from error
        if not addresses:
            raise RefusedAddress("the address guard refused the receiver's address")
        for address in addresses[:-1]:
            with contextlib.suppress(httpcore.ConnectError):
                return await self._inner.connect_tcp(address, port, *args, **kwargs)
        return await self._inner.connect_tcp(addresses[-1], port, *args, **kwargs)

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        raise RefusedAddress("no sockets of the file system")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
