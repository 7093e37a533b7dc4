"""Subscriptions: what is asked of hubs and when, and what is confirmed to them. Rows are pipelines.subscriptions'.

    new ──asked──► pending ──confirmed──► active ──asked again at 80-90 % of its lease──► active …
      pending, not confirmed within LIMITS.hub_verify_s, or the hub did not take it ──► failing ──ever rarer──► pending
      denied by the hub ──after LIMITS.denied_s──► pending
      the feed names another hub or none, or the source is gone ──► leaving ──one request to unsubscribe──► forgotten

The hub's address is an outlet's word, so it is asked through the address guard, one request at a time and one a second by host, and
a host that fails or says Retry-After is left alone as outlets are. Tests: tests/websub/test_subscriber.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import httpx

from crawler.errors import StoreError
from crawler.identity import host_key, split
from crawler.items import Hub
from crawler.politeness import Hosts, back_off_s, retry_after_s
from crawler.settings import LIMITS, USER_AGENT
from pipelines.guarded import cause
from pipelines.subscriptions import State, Subscription
from websub.callback import Unavailable

if TYPE_CHECKING:
    from pipelines.store import Store

log = logging.getLogger("pantau")
MAX_REASON_CHARS = 200
_BUSY = frozenset({429, 503})


class HubRefused(Exception):
    """A hub did not take a request; the text says why and holds no secret."""


@dataclass(slots=True)
class Subscriber:
    """Subscribes. `call` runs a store method in the store's thread, `on_push` hears the source of each rightly signed notice.

    `base`: our callback's public address. `private`: texts that no hub may be told, what is secret in addresses.
    """

    store: Store
    call: Callable[..., Awaitable[Any]]
    client: httpx.AsyncClient
    on_push: Callable[[str], None]
    base: str = ""
    contact: str | None = None
    private: frozenset[str] = frozenset()
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    rng: random.Random = field(default_factory=random.Random)
    hosts: Hosts = field(default_factory=lambda: Hosts(0.0))  # of hubs: who fails or asked for rest
    _rows: dict[str, Subscription] = field(default_factory=dict)  # by token
    _by_feed: dict[tuple[str, str], str] = field(
        default_factory=dict
    )  # (source, feed) -> token, but for those that are ended
    _asking: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # by hub's host
    _changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _noting: set[asyncio.Task[None]] = field(default_factory=set)

    # ---------------------------------------------------------------------------------------------------------- what we want

    async def take_up(self, feeds: Mapping[str, Iterable[str]]) -> None:
        """Read the database's subscriptions and end those whose feed is in no source any more. Raises StoreError.

        `feeds`: the keys of each source's feeds. One that the hub calls at another address than `base` is made anew.
        """
        async with self._changing:
            now = self.clock()
            wanted = {(source, feed) for source, keys in feeds.items() for feed in keys}
            rows = {row.token: row for row in await self.call(self.store.subscriptions)}
            changed = []
            for row in rows.values():
                if row.state != "leaving" and (row.source, row.feed) not in wanted:
                    changed.append(replace(row, state="leaving", next_try_at=now, asked_at=None))
                elif row.state not in ("leaving", "new") and row.callback != self._callback(row.token):
                    changed.append(replace(row, state="new", next_try_at=now, asked_at=None, lease_until=None))
            if changed:
                await self.call(self.store.save_subscriptions, changed)
            self._rows = rows | {row.token: row for row in changed}
            self._by_feed = {(row.source, row.feed): row.token for row in self._rows.values() if row.state != "leaving"}

    async def read_again(self) -> None:
        """Read what the database says: its times were moved with the clock. Raises StoreError."""
        async with self._changing:
            self._rows = {row.token: row for row in await self.call(self.store.subscriptions)}

    async def heed(self, source: str, hubs: Mapping[str, Hub]) -> None:
        """Subscribe to what a poll's feeds name, and end what they name no more. Raises StoreError.

        Costs nothing where all is as it was.
        """
        for feed, named in hubs.items():
            hub = named if not any(text in named.topic or text in named.url for text in self.private) else Hub()
            old = self._rows.get(self._by_feed.get((source, feed), ""))
            if (hub.url, hub.topic) == ((old.hub, old.topic) if old else ("", "")):
                continue
            async with self._changing:
                old = self._rows.get(self._by_feed.get((source, feed), ""))
                now = self.clock()
                if old and old.lease_until is None:
                    # Nothing to end. Kept, a feed with another hub at every poll would pile them up while those hubs rest.
                    await self._forget(old)
                    old = None
                rows = [replace(old, state="leaving", next_try_at=now, asked_at=None)] if old else []
                if hub.url:
                    token, secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
                    host = host_key(hub.url)
                    rows.append(Subscription(token, source, feed, hub.url, host, hub.topic, secret, "", "new", now))
                await self.call(self.store.save_subscriptions, rows)
                self._by_feed.pop((source, feed), None)
                for row in rows:
                    self._rows[row.token] = row
                    if row.state != "leaving":
                        self._by_feed[source, feed] = row.token
            log.info("hub named source=%s hub=%s", source, host_key(hub.url) or "none")

    # ----------------------------------------------------------------------------------------------------------- asking hubs

    async def tick(self) -> None:
        """Begin what is due: one request to each hub's host, none to one that is being asked or left alone. Raises StoreError."""
        now = self.clock()
        for token in await self.call(self.store.due_subscriptions, now):
            row = self._rows.get(token)
            if row is None or row.host in self._asking or len(self._asking) >= LIMITS.hubs_at_a_time:
                continue
            host = self.hosts.of(row.host)
            if host.wait_s(now) or host.rests(time.monotonic()):
                continue
            task = asyncio.create_task(self._ask(token))
            self._asking[row.host] = task
            task.add_done_callback(partial(self._asked, row.host))

    def _asked(self, host: str, _: asyncio.Task[None]) -> None:
        self._asking.pop(host, None)

    async def settle(self) -> None:
        """Wait until nothing is being asked or noted."""
        while under_way := [*self._asking.values(), *self._noting]:
            await asyncio.gather(*under_way, return_exceptions=True)

    async def close(self) -> None:
        """Give up what is being asked: it is asked again when its time comes."""
        under_way = [*self._asking.values(), *self._noting]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self.client.aclose()

    async def _ask(self, token: str) -> None:
        """Ask for one subscription or its end, or note that what was asked came to nothing."""
        try:
            row = await self._begin(token)
            if row is None:
                return
            try:
                await self._post(row)
            except HubRefused as refused:
                await self._fail(token, str(refused))
        except StoreError as error:
            log.warning("hubs wait error=%s", error)

    async def _begin(self, token: str) -> Subscription | None:
        """Note that a hub is asked and return the row as it is asked for; None where nothing is to be asked now."""
        async with self._changing:
            row = self._rows.get(token)
            if row is None:
                return None
            now = self.clock()
            if row.state == "leaving" and (
                row.asked_at is not None or row.lease_until is None or row.lease_until < now
            ):
                await self._forget(row)  # asked once is enough: its lease ends by itself
                return None
            if row.asked_at is not None:
                await self._failed(row, f"did not call back within {LIMITS.hub_verify_s / 60:.0f} minutes")
                return None
            # Before the request: a hub may call back while it is being sent.
            until = now + timedelta(seconds=LIMITS.hub_verify_s)
            state: State = row.state if row.state in ("active", "leaving") else "pending"
            callback = row.callback if state == "leaving" else self._callback(token)
            return await self._put(replace(row, state=state, callback=callback, asked_at=now, next_try_at=until))

    async def _fail(self, token: str, why: str) -> None:
        async with self._changing:
            row = self._rows.get(token)
            if row is not None and row.asked_at is not None:  # else it was confirmed or denied meanwhile
                await self._failed(row, why)

    async def _failed(self, row: Subscription, why: str) -> None:
        """Note that a hub did not take what was asked. Within `_changing`."""
        log.warning("hub failed source=%s hub=%s failures=%d error=%s", row.source, row.host, row.failures + 1, why)
        if row.state == "leaving":
            await self._forget(row)
            return
        now = self.clock()
        lives = row.state == "active" and row.lease_until is not None and row.lease_until > now
        pause_s = back_off_s(row.failures + 1, base_s=LIMITS.hub_retry_s, cap_s=LIMITS.max_hub_retry_s, rng=self.rng)
        at = now + timedelta(seconds=pause_s)
        state: State = "active" if lives else "failing"
        await self._put(replace(row, state=state, asked_at=None, next_try_at=at, failures=row.failures + 1, error=why))

    async def _post(self, row: Subscription) -> None:
        """Send the request. Raises HubRefused where the hub does not take it, or cannot be reached."""
        form = {"hub.mode": "unsubscribe", "hub.topic": row.topic, "hub.callback": row.callback}
        if row.state != "leaving":
            form |= {"hub.mode": "subscribe", "hub.secret": row.secret, "hub.lease_seconds": str(int(LIMITS.lease_s))}
        agent = f"{USER_AGENT} (+{self.contact})" if self.contact else USER_AGENT
        url, host = row.hub, self.hosts.of(row.host)
        try:
            async with asyncio.timeout(LIMITS.hub_timeout_s):
                for _ in range(int(LIMITS.hub_redirects) + 1):
                    # Streamed and never read: the status is all that counts.
                    async with self.client.stream("POST", url, data=form, headers={"user-agent": agent}) as answer:
                        status, headers = answer.status_code, answer.headers
                    if status not in (307, 308):
                        break
                    url = _redirected(url, headers.get("location", ""))
        except TimeoutError:
            host.failed(time.monotonic())
            raise HubRefused(f"no answer within {LIMITS.hub_timeout_s:.0f} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # the last of "xn--" as a host's name
            host.failed(time.monotonic())
            raise HubRefused(f"{type(error).__name__}: {cause(error)}") from None
        if status in _BUSY:
            now = self.clock()
            host.block(retry_after_s(headers.get("retry-after"), now) or LIMITS.default_retry_after_s, now)
        elif status >= 500:
            host.failed(time.monotonic())
        else:
            host.answered()
        if not 200 <= status < 300:
            raise HubRefused(f"answered {status}")

    # ------------------------------------------------------------------------------------------------------ what hubs ask us

    async def confirm(self, token: str, fields: Mapping[str, str]) -> bytes | None:
        """Answer a hub that wants to know whether we asked for this; see websub.callback. Raises Unavailable."""
        try:
            async with self._changing:
                row = self._rows.get(token)
                if row is None or fields.get("hub.topic") != row.topic:
                    return None
                mode, challenge = fields.get("hub.mode"), fields.get("hub.challenge", "").encode()
                if mode == "denied":
                    return await self._denied(row, fields.get("hub.reason", ""))
                if mode == "subscribe" and challenge and row.state in ("pending", "active", "failing"):
                    # Again and unasked, it changes nothing: a hub that never stops verifying must not make us write.
                    if row.state != "active" or row.asked_at is not None or row.failures:
                        await self._confirmed(row, fields.get("hub.lease_seconds", ""))
                    return challenge
                if mode == "unsubscribe" and challenge and row.state == "leaving":
                    await self._forget(row)
                    return challenge
                return None
        except StoreError as error:
            log.warning("hubs wait error=%s", error)
            raise Unavailable from error

    async def _confirmed(self, row: Subscription, lease: str) -> None:
        given_s = float(lease) if lease.isascii() and lease.isdigit() and len(lease) < 12 else 0.0
        lease_s = min(given_s or LIMITS.lease_s, LIMITS.max_lease_s)
        now = self.clock()
        # Not all at one moment, and early enough for some failed attempts.
        renew_s = max(lease_s, LIMITS.min_lease_s) * self.rng.uniform(0.8, 0.9)
        log.info("hub subscribed source=%s hub=%s lease_seconds=%d", row.source, row.host, lease_s)
        await self._put(
            replace(
                row,
                state="active",
                asked_at=None,
                lease_until=now + timedelta(seconds=lease_s),
                next_try_at=now + timedelta(seconds=renew_s),
                failures=0,
                error=None,
            )
        )

    async def _denied(self, row: Subscription, reason: str) -> bytes | None:
        if row.state == "leaving":
            await self._forget(row)
            return b""
        if row.state not in ("pending", "active", "failing"):
            return None
        # "cannot reach https://…/TOKEN": what a hub was told must not come into logs by its words.
        for known in (row.token, row.secret):
            reason = reason.replace(known, "***")
        said = "".join(c if c.isprintable() else " " for c in reason)[:MAX_REASON_CHARS].strip() or "no reason given"
        log.warning("hub denied source=%s hub=%s reason=%s", row.source, row.host, said)
        at = self.clock() + timedelta(seconds=LIMITS.denied_s)
        denied = replace(row, state="denied", asked_at=None, lease_until=None, next_try_at=at, error=f"denied: {said}")
        await self._put(denied)
        return b""

    def secret_of(self, token: str) -> str | None:
        """Return what notices to this token are signed with; None where we want none."""
        row = self._rows.get(token)
        return row.secret if row is not None and row.state in ("pending", "active", "failing") else None

    def pushed(self, token: str) -> None:
        """Hear of a rightly signed notice; that it came is written when there is time, at most once in LIMITS.push_gap_s."""
        row = self._rows.get(token)
        if row is None:  # ended while its notice was being read
            return
        self.on_push(row.source)
        now = self.clock()
        if row.last_push_at is None or abs((now - row.last_push_at).total_seconds()) >= LIMITS.push_gap_s:
            self._rows[token] = replace(row, last_push_at=now)  # at once: a flood must not become one of writes
            task = asyncio.create_task(self._note_push(token))
            self._noting.add(task)
            task.add_done_callback(self._noting.discard)

    async def _note_push(self, token: str) -> None:
        with contextlib.suppress(StoreError):  # it is for `status`, and for a daemon that ends before the poll
            async with self._changing:
                row = self._rows.get(token)
                if row is not None:
                    await self._put(row)

    # ----------------------------------------------------------------------------------------------------------------- rows

    def _callback(self, token: str) -> str:
        return f"{self.base}/{token}"

    async def _put(self, row: Subscription) -> Subscription:
        await self.call(self.store.save_subscriptions, [row])
        self._rows[row.token] = row
        return row

    async def _forget(self, row: Subscription) -> None:
        await self.call(self.store.drop_subscription, row.token)
        del self._rows[row.token]


def _redirected(url: str, location: str) -> str:
    """Return where a hub sends us. Raises HubRefused where that is no http(s) address, or a step back from https."""
    target = None
    with contextlib.suppress(ValueError):
        target = urljoin(url, location.strip()) if location.strip() else None
    parts = split(target) if target else None
    if target is None or parts is None or parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise HubRefused("redirected to nowhere")
    if url.startswith("https:") and parts.scheme == "http":
        raise HubRefused("redirected from https to http")
    return target
