from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from crawler.errors import StoreBusy
from newsroom import WebhookReceiver
from pipelines.channels import Attempt, Sender
from pipelines.outbox import GIVE_UP_S, Relay, pause_s
from pipelines.store import Store
from tests.pipelines.conftest import LATER, NOW, PLAN, article, report

UNRELATED = [
    "banjir merendam ratusan rumah di bantaran sungai sejak malam hingga pagi warga mengungsi ke balai desa bersama ternak mereka masing masing dengan perahu karet kecil",
    "harga cabai rawit di pasar induk kembali naik menjelang akhir pekan karena pasokan dari petani berkurang akibat hujan yang turun terus menerus selama dua minggu ini",
    "tim sepak bola tuan rumah menang tipis berkat gol tunggal pada menit akhir babak kedua di hadapan ribuan pendukung yang memadati tribun stadion sejak siang hari",
]


@dataclass(frozen=True)
class Hook:
    id: str
    webhook: str | None
    secret: str | None
    apprise: str | None = None


async def run(method: Callable[..., Any], *values: Any) -> Any:
    return method(*values)


async def local(host: str, port: int) -> list[str]:
    return [host]


def no_wait(value: str | None, now: datetime) -> float | None:
    return float(value) if value else None


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    async with Sender(local, "id", ZoneInfo("Asia/Jakarta"), no_wait) as opened:
        yield opened


@pytest.fixture
def relay(store: Store, sender: Sender, receiver: WebhookReceiver) -> Relay:
    store.record(report(*(article(str(n), body=text) for n, text in enumerate(UNRELATED))), LATER, PLAN)
    channels = {name: Hook(name, receiver.url, receiver.secret) for name in ("arsip", "redaksi")}
    return Relay(store, run, channels, sender)


async def test_every_alert_is_sent_once_and_verified(relay: Relay, receiver: WebhookReceiver) -> None:
    assert await relay.deliver_due() == {"sent": 6}
    assert await relay.deliver_due() == {}
    assert len({delivery.id for delivery in receiver.deliveries}) == 6
    assert all(delivery.verified for delivery in receiver.deliveries)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 301, 307])
async def test_what_may_pass_is_tried_again_under_the_same_id(
    relay: Relay, receiver: WebhookReceiver, store: Store, status: int
) -> None:
    receiver.answer_next(6, status=status)
    assert await relay.deliver_due() == {"retry": 6}
    with time_machine.travel(store.next_alert_at() + timedelta(hours=1), tick=True):  # type: ignore[operator]
        assert await relay.deliver_due() == {"sent": 6}
    assert len({delivery.id for delivery in receiver.deliveries}) == 6
    assert {delivery.id for delivery in receiver.accepted} == {delivery.id for delivery in receiver.deliveries}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
async def test_what_will_not_pass_is_final_at_once(
    relay: Relay, receiver: WebhookReceiver, store: Store, status: int
) -> None:
    receiver.answer_next(1, status=status)
    counts = await relay.deliver_due()
    assert counts == {"sent": 5, "final": 1}
    assert store.next_alert_at() is None
    assert store.retry_alerts(NOW) == 1


async def test_retry_after_is_obeyed(relay: Relay, receiver: WebhookReceiver, store: Store) -> None:
    receiver.answer_next(6, status=429, retry_after=1800)
    await relay.deliver_due()
    due = store.next_alert_at()
    assert due is not None
    assert due >= datetime.now(due.tzinfo) + timedelta(seconds=1790)


async def test_given_up_after_a_day_and_not_before(relay: Relay, receiver: WebhookReceiver, store: Store) -> None:
    receiver.answer_next(10_000, status=500)
    start = datetime.now(NOW.tzinfo)
    attempts = 0
    with time_machine.travel(start, tick=False) as clock:
        while (due := store.next_alert_at()) is not None:
            clock.move_to(max(due, datetime.now(NOW.tzinfo)))
            attempts += 1
            await relay.deliver_due()
            assert attempts < 200
        hours = (datetime.now(NOW.tzinfo) - start).total_seconds() / 3600
    assert 21 <= hours <= GIVE_UP_S / 3600
    assert attempts >= 15


async def test_a_receiver_that_is_gone_is_not_waited_for_alert_by_alert(
    relay: Relay, store: Store, receiver: WebhookReceiver
) -> None:
    relay._channels = {
        "arsip": Hook("arsip", "http://127.0.0.1:1/", receiver.secret),
        "redaksi": Hook("redaksi", receiver.url, receiver.secret),
    }
    counts = await relay.deliver_due()
    assert counts == {"sent": 3, "retry": 3}


async def test_alerts_of_a_channel_that_left_the_configuration_wait(relay: Relay, store: Store) -> None:
    relay._channels = {}
    assert await relay.deliver_due() == {"retry": 6}
    assert store.next_alert_at() is not None


async def test_a_bug_in_a_sender_stops_nobody_else(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    real = relay._sender.send

    async def broken(channel: Hook, alert_id: str, payload: str) -> Attempt:
        if channel.id == "arsip":
            raise KeyError("bug")
        return await real(channel, alert_id, payload)

    monkeypatch.setattr(relay._sender, "send", broken)
    assert await relay.deliver_due() == {"sent": 3, "retry": 3}


async def test_killed_between_sending_and_noting_the_alert_is_sent_again_under_its_id(
    relay: Relay, receiver: WebhookReceiver, store: Store
) -> None:
    async def dies(method: Callable[..., Any], *values: Any) -> Any:
        if method == store.alert_sent:
            raise StoreBusy("as good as killed")
        return method(*values)

    relay._call = dies
    with pytest.raises(StoreBusy):
        await relay.deliver_due()
    relay._call = run
    await relay.deliver_due()
    assert len({delivery.id for delivery in receiver.deliveries}) == 6
    assert len(receiver.deliveries) > 6


def test_pauses_grow_from_seconds_to_hours() -> None:
    rng = random.Random(1)
    pauses = [pause_s(n, rng) for n in range(1, 20)]
    assert 5 <= pauses[0] <= 6
    assert all(later >= earlier * 0.83 for earlier, later in pairwise(pauses))
    assert 7200 <= pauses[-1] <= 8640
