"""The senders: one attempt at one channel, and what it came to. Webhooks and Telegram by httpx, everything else by Apprise.

No retries here (the outbox has them) and no database. Webhooks are signed by the Standard Webhooks specification and pass
the address guard. Tests: tests/pipelines/test_channels.py.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from pipelines.attempt import Attempt
from pipelines.forms import HTML, MARKDOWN, TELEGRAM, TEXT, Form, Message, fitted, shortened
from pipelines.messages import render_message, split_digest
from pipelines.render import MAX_DIGEST_BYTES, DigestItem, digest_bytes
from pipelines.telegram import API, GAP_S, MAX_UNITS, Telegram, parse_address

if TYPE_CHECKING:
    import httpx

    from pipelines.guarded import Resolve

__all__ = ["Attempt", "ChannelLike", "Sender", "signature"]

DEADLINE_S = 20  # Standard Webhooks: 15-30 s for a whole attempt
MAX_ANSWER_BYTES = 65_536  # Telegram answers with the message it made of ours
SMALLEST_BODY = 600  # a digest's part has an item at least; what does not fit a text message is cut when it is sent
_RETRIED = frozenset({408, 425, 429})


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
    @property
    def digest(self) -> str | float | None: ...
    @property
    def quiet(self) -> tuple[str, str] | None: ...


class Sender:
    """Sends alerts; keeps its connections. Use as an async context manager."""

    def __init__(
        self,
        resolve: Resolve,
        language: str,
        zone: ZoneInfo,
        retry_after_s: Callable[[str | None, datetime], float | None],
        *,
        telegram_api: str = API,
    ) -> None:
        self._resolve = resolve
        self._language, self._zone, self._retry_after_s = language, zone, retry_after_s
        self._telegram = Telegram(self._post_json, telegram_api)

    async def __aenter__(self) -> Sender:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        # Imported here: httpx takes 0.3 s, and a crawl that alerts nobody needs none of it.
        import httpx

        from pipelines.guarded import GuardedTransport

        return httpx.AsyncClient(
            transport=GuardedTransport(self._resolve),
            follow_redirects=False,  # a redirect would carry the signed body to an address nobody named
            timeout=DEADLINE_S,
            trust_env=False,  # a proxy would connect in our place, past the guard
        )

    async def close(self) -> None:
        """Close its connections."""
        if "_client" in vars(self):
            await self._client.aclose()

    async def send(self, channel: ChannelLike, alert_id: str, payload: str) -> Attempt:
        """Return what one attempt to deliver the payload came to. Never raises for what the other side does."""
        import httpx

        from pipelines.guarded import cause

        try:
            if channel.webhook:
                return await self._send_webhook(channel, alert_id, payload)
            message = render_message(payload, self._language, self._zone)
            if address := parse_address(channel.apprise or ""):
                async with asyncio.timeout(DEADLINE_S * len(address.chats)):
                    return await self._telegram.send(address, alert_id, message)
            return await self._send_apprise(channel, message)
        except TimeoutError:
            return Attempt("retry", f"no answer within {DEADLINE_S} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Never str(error): it may hold the address with what is secret in it (measured with another client).
            return Attempt("retry", f"{type(error).__name__}: {cause(error)}")

    def gap_s(self, channel: ChannelLike) -> float:
        """Return how long after one message the next one to the channel may follow. Programs need no pause."""
        if channel.webhook:
            return 0.0
        address = parse_address(channel.apprise or "")
        return address.gap_s if address else GAP_S

    def parts(self, channel: ChannelLike, items: Sequence[DigestItem], most: int | None) -> list[list[DigestItem]]:
        """Return the items of a digest in order, in parts of which each fits one message to the channel; at most `most` parts."""
        if channel.webhook:
            return _documents(items)
        form, limit = TELEGRAM, MAX_UNITS
        if parse_address(channel.apprise or "") is None and (service := _service(channel)) is not None:
            form, limit = _form(service), max(int(service.body_maxlen), SMALLEST_BODY)
        return split_digest(items, self._language, self._zone, form, limit, most)

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
        async with asyncio.timeout(DEADLINE_S):
            # Streamed and never read: the status is all we want, and an endless answer must not hold us.
            async with self._client.stream("POST", channel.webhook or "", content=body, headers=headers) as response:
                return self._judged(response, now)

    async def _post_json(self, url: str, document: bytes) -> tuple[int, bytes]:
        headers = {"content-type": "application/json", "user-agent": "pantau-asn/0.1"}
        async with self._client.stream("POST", url, content=document, headers=headers) as response:
            answer = b""
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > MAX_ANSWER_BYTES:
                    break
            return response.status_code, answer

    def _judged(self, response: httpx.Response, now: datetime) -> Attempt:
        status = response.status_code
        if 200 <= status < 300:
            return Attempt("sent")
        if status in _RETRIED or status >= 500 or 300 <= status < 400:
            wait_s = self._retry_after_s(response.headers.get("retry-after"), now) if status in (429, 503) else None
            return Attempt("retry", f"answered {status}", wait_s)
        return Attempt("final", f"answered {status}")

    async def _send_apprise(self, channel: ChannelLike, message: Message) -> Attempt:
        service = _service(channel)
        if service is None:
            return Attempt("final", "Apprise does not know this kind of address")
        for form in dict.fromkeys((_form(service), TEXT)):  # what the markup may have broken must arrive as plain words
            title, body = _cut_for(service, message, form)
            try:
                async with asyncio.timeout(DEADLINE_S * 2):  # some services take several requests
                    if await _in_thread(partial(_notify, service, title, body, form)):
                        return Attempt("sent")
            except TimeoutError:
                return Attempt("retry", f"no answer within {DEADLINE_S * 2} s")
        return Attempt("retry", "the service did not take the message")


def _documents(items: Sequence[DigestItem]) -> list[list[DigestItem]]:
    """Return the items in order, in documents of under 20 kB."""
    parts: list[list[DigestItem]] = []
    used = MAX_DIGEST_BYTES
    for item in items:
        size = digest_bytes([item])
        if used + size > MAX_DIGEST_BYTES:
            parts.append([])
            used = 0
        parts[-1].append(item)
        used += size
    return parts


def warm_up(channels: Iterable[ChannelLike]) -> None:
    """Load what sending to these needs. Apprise and its services take half a second, which a loop must not wait for."""
    for channel in channels:
        import pipelines.guarded  # noqa: F401  and httpx a third of one

        if channel.apprise and parse_address(channel.apprise) is None:
            _service(channel)


def _service(channel: ChannelLike) -> Any:
    """Return Apprise's object for the channel's address; None where it knows no such address."""
    import apprise

    target = apprise.Apprise()
    return target[0] if target.add(channel.apprise or "") and len(target) else None


def _form(service: Any) -> Form:
    """Return how a service wants its messages. One that takes text or Markdown shows both as Markdown (Discord)."""
    import apprise

    formats = apprise.NotifyFormat
    if service.resolve_format() == formats.HTML:
        return HTML
    markdown = service.resolve_format(formats.MARKDOWN) == formats.MARKDOWN
    return MARKDOWN if markdown and service.resolve_format(formats.HTML) != formats.HTML else TEXT


def _cut_for(service: Any, message: Message, form: Form) -> tuple[str, str]:
    """Return title and body within the service's limits; the title is in the body where it has none or it had to be cut."""
    body_most, title_most = max(int(service.body_maxlen), 1), int(service.title_maxlen)
    title = shortened(message.title, title_most) if title_most > 0 else ""
    lines = message.lines if title == message.title and message.lines else message.whole
    return title, fitted(lines, form, body_most)


def _notify(service: Any, title: str, body: str, form: Form) -> bool:
    import apprise

    body_format = {HTML: apprise.NotifyFormat.HTML, MARKDOWN: apprise.NotifyFormat.MARKDOWN}.get(form)
    target = apprise.Apprise()
    target.add(service)
    return bool(target.notify(title=title, body=body, body_format=body_format or apprise.NotifyFormat.TEXT))


async def _in_thread(work: Callable[[], bool]) -> bool:
    """Run what blocks in a thread of its own, which an interpreter that ends does not wait for: a service may hang for minutes."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bool] = loop.create_future()

    def finish(result: bool, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    def run() -> None:
        result, error = False, None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001  carried to whoever awaits it, the boundary "per delivery"
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is gone, and with it whoever waited
            loop.call_soon_threadsafe(finish, result, error)

    threading.Thread(target=run, name="apprise", daemon=True).start()
    return await done


def signature(secret: str, alert_id: str, timestamp_s: int, body: bytes) -> str:
    """Return the webhook-signature header: "v1," and the base64 HMAC-SHA256 of "id.timestamp.body" under the decoded secret.

    `secret` is "whsec_" and base64 (checked when sources.yaml is read).
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{alert_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
