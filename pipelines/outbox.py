"""The relay: takes due alerts from the database, tries each once, notes what it came to. At least once, one id for ever.

An alert is in the database from the transaction of its article on; killed between sending and noting, it is sent again under
the same id. Channels are served side by side, the alerts of one channel in order. Tests: tests/pipelines/test_outbox.py.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.alerts import DueAlert
from pipelines.channels import Attempt, ChannelLike, Sender
from pipelines.store import Store

log = logging.getLogger(__name__)
GIVE_UP_S = 24 * 3600  # INTERFACE section 6
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 2 * 3600.0
ROUND_FAILURES = 3  # a receiver that fails so often in a row is left alone until the next round

# Runs a store method where the store lives (the daemon keeps it in one thread) and returns what it returns.
StoreCall = Callable[..., Awaitable[Any]]


class Relay:
    """Delivers what is due. One at a time for a database: the store's lock sees to it."""

    def __init__(self, store: Store, call: StoreCall, channels: Mapping[str, ChannelLike], sender: Sender) -> None:
        self._store, self._call, self._channels, self._sender = store, call, channels, sender
        self._busy: set[str] = set()
        self._rng = random.Random()  # noqa: S311  jitter, not a secret

    async def deliver_due(self) -> Counter[str]:
        """Try each due alert once; return how many were sent, put off (retry) and given up (final).

        A channel that an earlier call is still busy with is left to it: a slow one holds up nobody else.
        """
        due: Sequence[DueAlert] = await self._call(self._store.due_alerts, datetime.now(UTC), tuple(self._busy))
        by_channel: dict[str, list[DueAlert]] = {}
        for alert in due:
            by_channel.setdefault(alert.channel, []).append(alert)
        free = {name: alerts for name, alerts in by_channel.items() if name not in self._busy}
        self._busy.update(free)
        counts: Counter[str] = Counter()
        for found in await asyncio.gather(*(self._deliver(name, alerts) for name, alerts in free.items())):
            counts += found
        return counts

    async def _deliver(self, name: str, alerts: Sequence[DueAlert]) -> Counter[str]:
        try:
            return await self._deliver_in_order(name, alerts)
        finally:
            self._busy.discard(name)

    async def _deliver_in_order(self, name: str, alerts: Sequence[DueAlert]) -> Counter[str]:
        counts: Counter[str] = Counter()
        failures = 0
        for alert in alerts:
            if failures >= ROUND_FAILURES:
                attempt = Attempt("retry", "the channel failed several times in a row")
            else:
                attempt = await self._attempt(name, alert)
                failures = failures + 1 if attempt.result == "retry" else 0
            counts[await self._note(alert, attempt)] += 1
        return counts

    async def _attempt(self, name: str, alert: DueAlert) -> Attempt:
        channel = self._channels.get(name)
        if channel is None:
            return Attempt("retry", f"sources.yaml has no channel {name!r} any more")
        try:
            return await self._sender.send(channel, alert.id, alert.payload)
        except Exception as error:
            # The boundary "per delivery": a bug in one service's sender must not stop the others.
            log.exception("alert failed: channel=%s id=%s", name, alert.id)
            return Attempt("retry", type(error).__name__)

    async def _note(self, alert: DueAlert, attempt: Attempt) -> str:
        now = datetime.now(UTC)
        if attempt.result == "sent":
            await self._call(self._store.alert_sent, alert.id, now)
            log.info("alert sent: channel=%s id=%s attempt=%d", alert.channel, alert.id, alert.attempts + 1)
            return "sent"
        next_at = now + timedelta(seconds=max(pause_s(alert.attempts + 1, self._rng), attempt.wait_s or 0.0))
        give_up_at = (alert.first_attempt_at or now) + timedelta(seconds=GIVE_UP_S)
        if attempt.result == "final" or next_at > give_up_at:
            await self._call(self._store.alert_failed, alert.id, now, attempt.error)
            log.error(
                "alert given up: channel=%s id=%s attempt=%d error=%s",
                alert.channel,
                alert.id,
                alert.attempts + 1,
                attempt.error,
            )
            return "final"
        await self._call(self._store.alert_postponed, alert.id, now, next_at, attempt.error)
        log.warning(
            "alert put off: channel=%s id=%s attempt=%d error=%s",
            alert.channel,
            alert.id,
            alert.attempts + 1,
            attempt.error,
        )
        return "retry"


def pause_s(attempts: int, rng: random.Random) -> float:
    """Return the pause after so many attempts: 5 s, 15 s, 45 s … 2 h, each up to a fifth longer so that receivers are not hit in step."""
    return min(FIRST_PAUSE_S * 3.0 ** (attempts - 1), LONGEST_PAUSE_S) * (1 + rng.random() / 5)
