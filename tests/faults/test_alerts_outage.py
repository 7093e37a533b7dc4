"""Receivers that are down, slow, wrong or cut off: nothing is lost, nothing is acted on twice (GUARANTEES C1, C2, section 6).

The clock is the test's; senders, relay and database are the real ones.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from crawler.items import Source
from newsroom import WebhookReceiver
from pipelines.channels import Sender
from pipelines.store import Store
from tests.alerting import (
    SECRET,
    START,
    ZONE,
    Clock,
    Endpoint,
    Hook,
    fill,
    local,
    pass_time,
    relay_to,
    rows,
    seconds,
    sender_to,
    states,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DOWN = Hook("mati", "http://127.0.0.1/mati", SECRET)
WELL = Hook("sehat", "http://127.0.0.1/sehat", SECRET)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    with Store(tmp_path / "pantau.db") as opened:
        opened.sync_sources([Source("satu", "Satu", "https://satu.example")])
        opened._conn.execute("PRAGMA synchronous = OFF")  # what power loss does is tested elsewhere
        yield opened


def broken(rng: random.Random) -> int | httpx.Response | Exception:
    return rng.choice(
        [
            500,
            502,
            httpx.Response(503, headers={"retry-after": "120"}),
            httpx.Response(429, headers={"retry-after": "600"}),
            302,
            httpx.ReadTimeout("hangs"),
            httpx.ConnectError("refused"),
        ]
    )


async def outage(store: Store, count: int, step_s: float) -> None:
    """C1: twenty hours down, alerts raised all the while."""
    rng, clock, end = random.Random(7), Clock(), START + 20 * HOUR

    def answer(name: str, now: datetime) -> int | httpx.Response | Exception:
        return broken(rng) if now < end and endpoint.requests[-1][2] == "/mati" else 200

    endpoint = Endpoint(clock, answer)
    relay = relay_to(store, sender_to(endpoint), [DOWN, WELL], clock)
    ids, well = [], []
    while clock.now < end:
        share = count // 40
        ids += fill(store, "mati", share, clock.now, first=len(ids))
        well += fill(store, "sehat", 5, clock.now, first=len(well))
        await pass_time(relay, clock, 0.5, step_s)
        assert set(well) <= endpoint.accepted_set  # nobody waits for a dead neighbour
    tries = [when for when, _, path in endpoint.requests if path == "/mati"]
    assert len(tries) < 400
    assert not endpoint.accepted_set & set(ids)
    ids += fill(store, "mati", count - len(ids), clock.now, first=len(ids))
    await pass_time(relay, clock, 0.5, step_s)  # drained within half an hour
    delivered = [name for name in endpoint.accepted if name not in set(well)]
    assert sorted(delivered) == sorted(ids)  # none lost, none acted on twice
    out_of_order = sum(name != wanted for name, wanted in zip(delivered, ids, strict=True))
    assert out_of_order <= 3  # the one that proved that it works again came first
    assert states(store) == {"sent": count + len(well)}
    assert Counter(kind for (kind,) in rows(store, "SELECT type FROM alerts"))["channel.failing"] == 0


async def test_twenty_hours_down_lose_nothing_and_are_made_up_in_half_an_hour(store: Store) -> None:
    await outage(store, 600, 60)


@pytest.mark.slow
async def test_ten_thousand_alerts_survive_twenty_hours_down(store: Store) -> None:
    await outage(store, 10_000, 5)


@pytest.mark.parametrize(("status", "final"), [(410, True), (404, True), (301, False), (308, False)])
async def test_gone_is_final_and_a_redirect_is_tried_again(store: Store, status: int, final: bool) -> None:
    clock = Clock()
    endpoint = Endpoint(clock, lambda name, now: httpx.Response(status, headers={"location": "http://127.0.0.1/x"}))
    relay = relay_to(store, sender_to(endpoint), [DOWN], clock)
    ids = fill(store, "mati", 3)
    await relay.deliver_due()
    assert states(store) == ({"failed": 3} if final else {"waiting": 3})
    assert {path for _, _, path in endpoint.requests} == {"/mati"}  # never followed
    endpoint.answer = lambda name, now: 200
    store.retry_alerts(clock.now)
    await relay.deliver_due()
    assert endpoint.accepted == ids


async def test_five_hundred_answers_cut_off_lose_nothing_and_are_asked_for_under_the_same_id(
    store: Store, receiver: WebhookReceiver
) -> None:
    """C2: the receiver has read and acted, the connection dies before we read its answer."""
    cuts = 500
    rng, clock = random.Random(3), Clock()
    ids = fill(store, "arsip", cuts)
    left = cuts
    while left:  # never three in a row: the order is kept for that long
        run = min(rng.randint(0, 2), left)
        receiver.answer_next(run, status=0)
        receiver.answer_next(1)
        left -= run
    async with Sender(local, "id", ZONE, seconds) as sender:
        relay = relay_to(store, sender, [Hook("arsip", receiver.url, receiver.secret)], clock)
        for _ in range(cuts * 4):
            if states(store) == {"sent": cuts}:
                break
            await relay.deliver_due()
            clock.now += timedelta(seconds=20)
    assert states(store) == {"sent": cuts}
    seen = Counter(delivery.id for delivery in receiver.deliveries)
    assert seen.keys() == set(ids)
    assert seen.total() == 2 * cuts
    assert all(delivery.verified for delivery in receiver.deliveries)
    assert list(dict.fromkeys(delivery.id for delivery in receiver.deliveries)) == ids
    assert len({(delivery.id, delivery.body) for delivery in receiver.deliveries}) == cuts


async def test_a_pause_that_was_asked_for_outlives_a_restart(store: Store) -> None:
    clock = Clock()
    endpoint = Endpoint(clock, lambda name, now: httpx.Response(429, headers={"retry-after": "3600"}))
    fill(store, "mati", 5)
    for _ in range(5):
        await pass_time(relay_to(store, sender_to(endpoint), [DOWN], clock), clock, 0.1)
    assert len(endpoint.requests) == 1


async def test_what_is_posted_to_people_is_the_same_digest_after_an_outage(store: Store) -> None:
    clock = Clock()
    endpoint = Endpoint(clock, lambda name, now: 503)
    hook = Hook("mati", "http://127.0.0.1/mati", SECRET, digest=600.0)
    relay = relay_to(store, sender_to(endpoint), [hook], clock)
    ids = fill(store, "mati", 12)
    await pass_time(relay, clock, 2)
    later = fill(store, "mati", 3, clock.now, first=50)
    endpoint.answer = lambda name, now: 200
    await pass_time(relay, clock, 1)
    documents = [json.loads(endpoint.bodies[name])["data"]["alerts"] for name in endpoint.accepted]
    assert [item["id"] for items in documents for item in items] == ids + later
