"""The relay: takes from the database what each channel is to get now, tries it, notes what it came to. At least once, one id for ever.

    store.queue ─► pacing.decide ─► send one · bundle into digests · hold        again, until a channel holds or has nothing

An alert is in the database from the transaction of its article on, a digest from before it is sent; killed between sending and
noting, it is sent again under the same id. Channels are served side by side, the alerts of one channel in order.
What is promised: docs/alerts.md. Tests: tests/pipelines/test_outbox.py, tests/faults/test_alerts_outage.py.
"""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from crawler.errors import StoreBusy, StoreUnwritable
from pipelines.alerts import DueAlert
from pipelines.attempt import Attempt
from pipelines.channels import ChannelLike, Sender
from pipelines.pacing import Policy, decide
from pipelines.store import Store

log = logging.getLogger(__name__)
GIVE_UP_S = 24 * 3600  # INTERFACE section 6
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 2 * 3600.0
NOTE_PAUSE_S = 5.0  # as long as the writer waits for a lock
REFUSED_TOLD = 3  # refusals for good in a row: a revoked token or a moved hook, and not one odd alert
MOST_AT_ONCE = 5000  # alerts that one digest takes in; at 3 kB an alert 15 MB for a moment

# Runs a store method where the store lives (the daemon keeps it in one thread) and returns what it returns.
StoreCall = Callable[..., Awaitable[Any]]


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Relay:
    """Delivers what is due. One at a time for a database: the store's lock sees to it.

    `zone`: in which channels say their times; `health`: the channels told when another one fails (none: all others).
    """

    def __init__(
        self,
        store: Store,
        call: StoreCall,
        channels: Mapping[str, ChannelLike],
        sender: Sender,
        *,
        zone: ZoneInfo,
        health: Sequence[str] = (),
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store, self._call, self._channels, self._sender = store, call, channels, sender
        self._zone, self._health, self._clock, self._sleep = zone, health, clock, sleep
        self._busy: set[str] = set()
        self._free_at: dict[str, datetime] = {}  # by channel: when the service takes the next message
        self._refused: Counter[str] = Counter()  # by channel: alerts refused for good, one after the other
        self._rng = random.Random()  # noqa: S311  jitter, not a secret

    @property
    def sender(self) -> Sender:
        """What it sends with now."""
        return self._sender

    def reconfigured(
        self, channels: Mapping[str, ChannelLike], sender: Sender, *, zone: ZoneInfo, health: Sequence[str] = ()
    ) -> Sender:
        """Go on with other channels; return the old sender, to be closed when its last deliveries have ended."""
        old = self._sender
        self._channels, self._sender, self._zone, self._health = channels, sender, zone, health
        return old

    async def deliver_due(self) -> Counter[str]:
        """Send what is due; return how many alerts were sent, put off (retry) and given up (final).

        A channel that an earlier call is still busy with is left to it: a slow one holds up nobody else.
        """
        names = [name for name in await self._call(self._store.waiting_channels) if name not in self._busy]
        self._busy.update(names)
        counts: Counter[str] = Counter()
        # One channel's trouble with the database must not leave the others unwatched.
        for found in await asyncio.gather(*(self._deliver(name) for name in names), return_exceptions=True):
            if isinstance(found, BaseException):
                raise found
            counts += found
        return counts

    async def _deliver(self, name: str) -> Counter[str]:
        try:
            return await self._deliver_in_order(name)
        finally:
            self._busy.discard(name)

    async def _deliver_in_order(self, name: str) -> Counter[str]:
        counts: Counter[str] = Counter()
        while True:
            channel = self._channels.get(name)  # each time: a reload may have changed or removed it
            if channel is None:
                counts["final"] += await self._give_up_orphans(name)
                return counts
            policy = policy_of(channel, self._zone)
            now = self._clock()
            queue, alert = await self._call(self._store.queue, name, now, policy.digest is not None)
            step = decide(policy, queue, now)
            if step.do == "bundle":
                items = await self._call(self._store.fresh_alerts, name, MOST_AT_ONCE)
                parts = self._sender.parts(channel, items, step.parts)
                assert parts and all(parts)  # else this would go round for ever
                await self._call(self._store.bundle, name, parts, now)
            elif step.do == "send" and alert is not None:
                attempt = await self._attempt(name, channel, alert)
                result, alerts = await self._note(alert, attempt)
                counts[result] += alerts
            else:
                return counts

    async def _give_up_orphans(self, name: str) -> int:
        """Keep the alerts of a channel that is gone from sources.yaml for a day, for it may come back; then give them up."""
        error = f"sources.yaml has no channel {name!r} any more"
        cutoff = self._clock() - timedelta(seconds=GIVE_UP_S)
        given_up = int(await self._call(self._store.give_up_orphans, name, cutoff, error))
        if given_up:
            log.error("alerts given up: channel=%s alerts=%d error=%s", name, given_up, error)
        return given_up

    async def _attempt(self, name: str, channel: ChannelLike, alert: DueAlert) -> Attempt:
        wait_s = (self._free_at.get(name, self._clock()) - self._clock()).total_seconds()
        if wait_s > 0:
            await self._sleep(wait_s)
        try:
            return await self._sender.send(channel, alert.id, alert.payload)
        except Exception as error:  # noqa: BLE001  the boundary "per delivery": a bug in one sender must not stop the others
            # Its name and place, never its text: that may hold an address with what is secret in it.
            place = traceback.extract_tb(error.__traceback__)[-1]
            event = (name, alert.id, type(error).__name__, Path(place.filename).name, place.lineno)
            log.error("alert failed: channel=%s id=%s error=%s at=%s:%s", *event)
            return Attempt("retry", type(error).__name__)
        finally:
            self._free_at[name] = self._clock() + timedelta(seconds=self._sender.gap_s(channel))

    async def _note(self, alert: DueAlert, attempt: Attempt) -> tuple[str, int]:
        """Note what the attempt came to; return that and how many alerts share it."""
        now, told = self._clock(), self._told_of(alert.channel)
        event = (alert.channel, alert.type, alert.id, alert.attempts + 1)
        if attempt.result == "sent":
            self._refused.pop(alert.channel, None)
            sent = await self._noted(self._store.alert_sent, alert.id, now, told)
            log.info("alert sent: channel=%s type=%s id=%s attempt=%d alerts=%d", *event, sent)
            return "sent", sent
        give_up_at = (alert.first_attempt_at or now) + timedelta(seconds=GIVE_UP_S)
        late = attempt.result == "retry" and now >= give_up_at
        if attempt.result == "final" or late:
            self._refused[alert.channel] += attempt.result == "final"
            refused = self._refused[alert.channel]
            given_up = await self._noted(
                self._store.alert_failed,
                *(alert.id, now, attempt.error, told, late, refused if refused >= REFUSED_TOLD else 0),
            )
            log.error(
                "alert given up: channel=%s type=%s id=%s attempt=%d alerts=%d error=%s",
                *event,
                given_up,
                attempt.error,
            )
            return "final", given_up
        next_at = min(now + timedelta(seconds=pause_s(alert.attempts + 1, self._rng)), give_up_at)
        if attempt.wait_s is not None:
            next_at = max(next_at, now + timedelta(seconds=attempt.wait_s))
        waiting = await self._noted(
            self._store.alert_postponed, alert.id, now, next_at, attempt.error, attempt.wait_s, told
        )
        log.warning(
            "alert put off: channel=%s type=%s id=%s attempt=%d waiting=%d error=%s", *event, waiting, attempt.error
        )
        return "retry", waiting

    async def _noted(self, method: Callable[..., Any], *values: Any) -> Any:
        """Write what an attempt came to; wait for as long as that cannot be written, for else it would be sent again."""
        while True:
            try:
                return await self._call(method, *values)
            except (StoreBusy, StoreUnwritable) as error:
                log.warning("delivery waits to be noted: error=%s", error)
                await self._sleep(NOTE_PAUSE_S)

    def _told_of(self, name: str) -> list[str]:
        """Return the channels that are told when this one fails."""
        wanted = [other for other in self._health if other != name and other in self._channels]
        return wanted or [other for other in self._channels if other != name]


def policy_of(channel: ChannelLike, zone: ZoneInfo) -> Policy:
    """Return what a channel of sources.yaml wants."""
    return Policy(channel.digest, channel.quiet, people=channel.webhook is None, zone=zone)


def pause_s(attempts: int, rng: random.Random) -> float:
    """Return the pause after so many attempts: 5 s, 15 s, 45 s … 2 h, each up to a fifth longer so that receivers are not hit in step."""
    return min(FIRST_PAUSE_S * 3.0 ** (attempts - 1), LONGEST_PAUSE_S) * (1 + rng.random() / 5)
