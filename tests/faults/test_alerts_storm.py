"""A disaster day: thousands of hits; people get at most 20 messages an hour and are told of all of them (GUARANTEES A9, C9)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pipelines.channels import Sender
from pipelines.store import Store
from tests.alerting import (
    SECRET,
    ZONE,
    Clock,
    Endpoint,
    Hook,
    fill,
    local,
    pass_time,
    relay_to,
    seconds,
    sender_to,
    states,
)
from tests.telegram import TOKEN, StrictTelegram

HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "pantau.db") as opened:
        opened._conn.execute("PRAGMA synchronous = OFF")
        yield opened


class Timed(Sender):
    """The real sender, with the time of each message kept."""

    def __init__(self, clock: Clock, telegram: StrictTelegram) -> None:
        super().__init__(local, "id", ZONE, seconds, telegram_api=telegram.url)
        self.clock, self.at = clock, list[datetime]()

    async def send(self, channel: Hook, alert_id: str, payload: str):  # type: ignore[no-untyped-def,override]
        self.at.append(self.clock.now)
        return await super().send(channel, alert_id, payload)


async def storm(store: Store, count: int, minutes: int) -> StrictTelegram:
    clock, ids = Clock(), list[str]()
    with StrictTelegram() as telegram:
        async with Timed(clock, telegram) as sender:
            relay = relay_to(store, sender, [Hook("meja", apprise=f"tgram://{TOKEN}/77")], clock)
            for minute in range(minutes):
                share = count * (minute + 1) // minutes - len(ids)
                ids += fill(store, "meja", share, clock.now, first=len(ids))
                await pass_time(relay, clock, 1 / 60, 20)
            await pass_time(relay, clock, count / 300 + 1.5, 60)
    assert states(store) == {"sent": count}
    assert telegram.refused == []
    told = [int(number) for shown in telegram.shown for number in re.findall(r"Camat (\d+) dipanggil", shown.text)]
    assert sorted(told) == list(range(count))  # each once
    for first in sender.at:
        assert sum(first <= at < first + HOUR for at in sender.at) <= 20
    # In order from message to message; inside one it is by what matters.
    parts = [sorted(map(int, re.findall(r"Camat (\d+) dipanggil", shown.text))) for shown in telegram.shown]
    assert [number for part in parts for number in part] == list(range(count))
    return telegram


async def test_three_hundred_hits_at_once_are_all_told_in_few_messages(store: Store) -> None:
    telegram = await storm(store, 300, 1)
    assert len(telegram.shown) <= 12 + 300 // 20
    assert sum(shown.text.startswith("Ringkasan") for shown in telegram.shown) == len(telegram.shown) - 12


@pytest.mark.parametrize("minutes", [1, 60])
async def test_two_thousand_hits_are_all_told_in_twenty_messages_an_hour(store: Store, minutes: int) -> None:
    await storm(store, 2000, minutes)


async def test_programs_get_a_storm_at_once(store: Store) -> None:
    clock = Clock()
    endpoint = Endpoint(clock)
    ids = fill(store, "arsip", 500)
    relay = relay_to(store, sender_to(endpoint), [Hook("arsip", "http://127.0.0.1/", SECRET)], clock)
    assert await relay.deliver_due() == {"sent": 500}
    assert endpoint.accepted == ids


async def test_a_group_is_sent_a_message_every_three_seconds_at_most(store: Store) -> None:
    clock = Clock()
    with StrictTelegram() as telegram:
        async with Timed(clock, telegram) as sender:
            fill(store, "meja", 8)
            await relay_to(store, sender, [Hook("meja", apprise=f"tgram://{TOKEN}/-77")], clock).deliver_due()
    gaps = {(after - before).total_seconds() for before, after in zip(sender.at, sender.at[1:], strict=False)}
    assert gaps == {3.0}
