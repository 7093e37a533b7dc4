"""WebSub under one configuration: server, subscriptions and pushes together; what the scheduler sees.

Without `settings.websub` there is none of it: no port, no request, no query. Tests: tests/websub/test_service.py,
tests/websub/test_daemon.py.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from crawler.config import Config, WebSub
from crawler.discovering import FEEDS, listing_key
from crawler.errors import StoreError, UsageError
from crawler.identity import host_key
from crawler.items import PollReport
from crawler.netguard import AddressGuard, resolve_allowed
from crawler.settings import LIMITS
from pipelines.guarded import GuardedTransport
from websub.callback import CallbackServer, Result
from websub.pushes import Pushes
from websub.subscriber import Subscriber

if TYPE_CHECKING:
    from watch import Watch

log = logging.getLogger("pantau")
TICK_S = 1.0  # a hub is asked once in that time
MOST_AT_ONCE = 1000  # sources looked up in one query; polls take longer than the next tick


class WebSubService:
    """Hubs' notices for a watch. `wake` is called when one makes a source due now, `count` hears what each request came to."""

    def __init__(
        self,
        watch: Watch,
        steady_s: Callable[[], float],
        wake: Callable[[], None],
        count: Callable[[Result], None],
    ) -> None:
        self._watch, self._wake, self._count = watch, wake, count
        self._pushes = Pushes(steady_s)
        self._subscriber: Subscriber | None = None
        self._server: CallbackServer | None = None
        self._setting: WebSub | None = None  # that the server was opened by
        self._asking: asyncio.Task[None] | None = None
        self._guard = AddressGuard()

    async def follow(self, config: Config) -> None:
        """Go by this configuration from now on. Raises StoreError, and UsageError where the port cannot be had: then WebSub is off."""
        setting = config.settings.websub
        if setting is None:
            await self.close()
            await self._watch.call(self._watch.store.forget_subscriptions)
            return
        # The database first: where it is locked, the server goes on.
        subscriber = await self._follow_feeds(config, setting)
        if self._setting != setting:
            await self._close_server()
        if self._server is None:
            server = CallbackServer(setting.host, setting.port, subscriber, self._count)
            try:
                self._server = await server.__aenter__()
            except OSError as error:
                await self.close()
                raise UsageError(f"settings.websub: port {setting.port} cannot be used: {error.strerror}") from error
            log.info("hubs may call callback=%s", setting.callback)
        self._setting = setting
        self._asking = self._asking or asyncio.create_task(self._ask_hubs())

    async def _follow_feeds(self, config: Config, setting: WebSub) -> Subscriber:
        self._guard.allow_private = config.settings.allow_private_networks
        self._guard.ports = {host_key(way.url) for source in config.sources for way in source.discover}
        first = self._subscriber is None
        if self._subscriber is None:
            client = httpx.AsyncClient(
                transport=GuardedTransport(partial(resolve_allowed, self._guard)),
                follow_redirects=False,
                timeout=LIMITS.hub_timeout_s,
                trust_env=False,  # a proxy would connect in our place, past the guard
            )
            self._subscriber = Subscriber(self._watch.store, self._watch.call, client, self._pushed)
        subscriber = self._subscriber
        subscriber.base, subscriber.contact = setting.callback, config.settings.contact
        subscriber.private = frozenset(
            spelling for secret in config.secrets() for spelling in (secret, quote(secret, safe=""))
        )
        await subscriber.take_up(
            {
                source.id: [listing_key(way.url) for way in source.discover if way.kind in FEEDS]
                for source in config.sources
            }
        )
        if first:  # what hubs told the last daemon, and it did not come to
            for source in await self._watch.call(self._watch.store.told_unpolled):
                self._pushes.tell(source)
        return subscriber

    async def _ask_hubs(self) -> None:
        while True:
            try:
                if self._subscriber is not None:
                    await self._subscriber.tick()
            except StoreError as error:
                log.warning("hubs wait error=%s", error)
            await asyncio.sleep(TICK_S)

    async def close(self) -> None:
        """Hear and ask no more. What is subscribed stays so until the hub's lease ends, for a restart to go on with."""
        await self._close_server()
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        if self._subscriber is not None:
            await self._subscriber.close()
        self._asking = self._subscriber = self._setting = None

    async def _close_server(self) -> None:
        if self._server is not None:
            await self._server.__aexit__()
            self._server = None

    def _pushed(self, source: str) -> None:
        if self._pushes.tell(source):
            self._wake()

    # ---------------------------------------------------------------------------------------------------- for the scheduler

    async def due(self) -> list[str]:
        """Return the sources that hubs want polled now; one that fails or must rest keeps to its pause. Raises StoreError."""
        wanted = self._pushes.due()[:MOST_AT_ONCE]
        if not wanted:
            return []
        hurried = set(await self._watch.call(self._watch.store.hurried, wanted))
        for source in wanted:
            if source not in hurried:
                self._pushes.leave(source)
        return [source for source in wanted if source in hurried]

    def begun(self, source: str) -> None:
        """Note that a poll of the source begins."""
        self._pushes.begun(source)

    def ended(self, source: str, *, brought: bool) -> None:
        """Note that a poll ended, and whether it brought something."""
        self._pushes.ended(source, brought=brought)

    async def heed(self, report: PollReport) -> None:
        """Subscribe to what the polled feeds name."""
        if self._subscriber is not None and report.hubs:
            try:
                await self._subscriber.heed(report.source, report.hubs)
            except StoreError as error:  # it is named again when the feed changes
                log.warning("hubs wait error=%s", error)

    async def clock_moved(self) -> None:
        """Note that times in the database were moved with the clock. Raises StoreError."""
        if self._subscriber is not None:
            await self._subscriber.read_again()
