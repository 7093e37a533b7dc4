from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
import time_machine

from crawler.errors import StoreUnwritable
from newsroom import WebhookReceiver
from pipelines.attempt import Attempt
from pipelines.channels import Sender
from pipelines.outbox import Relay, pause_s
from pipelines.reader import Reader
from pipelines.store import Store
from tests.alerting import (
    SECRET,
    START,
    ZONE,
    Clock,
    Endpoint,
    Hook,
    People,
    fill,
    local,
    pass_time,
    relay_to,
    rows,
    run,
    seconds,
    sender_to,
    states,
)
from tests.pipelines.conftest import LATER, NOW, PLAN, article, report, waiting

UNRELATED = [
    "banjir merendam ratusan rumah di bantaran sungai sejak malam hingga pagi warga mengungsi ke balai desa bersama ternak mereka masing masing dengan perahu karet kecil",
    "harga cabai rawit di pasar induk kembali naik menjelang akhir pekan karena pasokan dari petani berkurang akibat hujan yang turun terus menerus selama dua minggu ini",
    "tim sepak bola tuan rumah menang tipis berkat gol tunggal pada menit akhir babak kedua di hadapan ribuan pendukung yang memadati tribun stadion sejak siang hari",
]


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    async with Sender(local, "id", ZONE, seconds) as opened:
        yield opened


@pytest.fixture
def relay(store: Store, sender: Sender, receiver: WebhookReceiver) -> Relay:
    store.record(report(*(article(str(n), body=text) for n, text in enumerate(UNRELATED))), LATER, PLAN)
    channels = {name: Hook(name, receiver.url, receiver.secret) for name in ("arsip", "redaksi")}
    return Relay(store, run, channels, sender, zone=ZONE)


async def test_every_alert_is_sent_once_and_verified(relay: Relay, receiver: WebhookReceiver) -> None:
    assert await relay.deliver_due() == {"sent": 6}
    assert await relay.deliver_due() == {}
    assert len({delivery.id for delivery in receiver.deliveries}) == 6
    assert all(delivery.verified for delivery in receiver.deliveries)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 301, 307])
async def test_what_may_pass_is_tried_again_under_the_same_id(
    relay: Relay, receiver: WebhookReceiver, store: Store, status: int
) -> None:
    receiver.status = status
    assert await relay.deliver_due() == {"retry": 6}  # one of each channel was tried, the later ones wait with it
    assert await relay.deliver_due() == {}
    receiver.status = 200
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=7), tick=True):
        assert await relay.deliver_due() == {"sent": 6}
    assert len(receiver.deliveries) == 8
    assert {delivery.id for delivery in receiver.accepted} == {delivery.id for delivery in receiver.deliveries}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
async def test_what_will_not_pass_is_final_at_once(
    relay: Relay, receiver: WebhookReceiver, store: Store, status: int
) -> None:
    receiver.answer_next(1, status=status)
    counts = await relay.deliver_due()
    assert counts == {"sent": 5, "final": 1}
    assert waiting(store) == []
    assert store.retry_alerts(NOW) == 1


async def test_retry_after_holds_the_whole_channel(store: Store) -> None:
    clock = Clock()
    fill(store, "arsip", 3)
    endpoint = Endpoint(clock, lambda name, now: httpx.Response(429, headers={"retry-after": "1800"}))
    relay = relay_to(store, sender_to(endpoint), [Hook("arsip", "http://127.0.0.1/", SECRET)], clock)
    await pass_time(relay, clock, 0.4999, 1)
    assert len(endpoint.requests) == 1
    endpoint.answer = lambda name, now: 200
    await pass_time(relay, clock, 0.001, 1)
    assert len(endpoint.accepted) == 3


async def test_given_up_after_a_day_and_not_before_with_those_that_waited_as_long(store: Store) -> None:
    clock = Clock()
    old = fill(store, "arsip", 9)
    endpoint = Endpoint(clock, lambda name, now: 500)
    relay = relay_to(store, sender_to(endpoint), [Hook("arsip", "http://127.0.0.1/", SECRET)], clock)
    await pass_time(relay, clock, 1)
    late = fill(store, "arsip", 1, clock.now, first=9)
    await pass_time(relay, clock, 22.9)
    assert states(store) == {"waiting": 10}
    await pass_time(relay, clock, 1)
    found = dict(rows(store, "SELECT id, state FROM alerts WHERE type = 'article.matched'"))
    assert found == dict.fromkeys(old, "failed") | dict.fromkeys(late, "waiting")
    gaps = [(after[0] - before[0]).total_seconds() for before, after in pairwise(endpoint.requests)]
    assert max(gaps) <= 11 * 60
    assert len(endpoint.requests) < 200


async def test_order_is_kept_while_an_alert_is_tried_again(store: Store) -> None:
    clock = Clock()
    ids = fill(store, "arsip", 5)
    fails = iter([200, 500, 503])
    endpoint = Endpoint(clock, lambda name, now: next(fails, 200))
    relay = relay_to(store, sender_to(endpoint), [Hook("arsip", "http://127.0.0.1/", SECRET)], clock)
    await pass_time(relay, clock, 0.1, 1)
    assert endpoint.accepted == ids
    assert [name for _, name, _ in endpoint.requests] == [ids[0], ids[1], ids[1], *ids[1:]]


async def test_one_that_always_fails_holds_nobody_up_for_long(store: Store) -> None:
    clock = Clock()
    ids = fill(store, "arsip", 50)
    poison = ids[1]
    endpoint = Endpoint(clock, lambda name, now: 500 if name == poison else 200)
    relay = relay_to(store, sender_to(endpoint), [Hook("arsip", "http://127.0.0.1/", SECRET)], clock)
    await pass_time(relay, clock, 0.05, 1)
    assert endpoint.accepted == [name for name in ids if name != poison]
    for hour in range(30):
        ids += fill(store, "arsip", 1, clock.now, first=100 + hour)
        await pass_time(relay, clock, 1, 20)
    assert endpoint.accepted == [name for name in ids if name != poison]
    assert states(store) == {"sent": 79, "failed": 1}
    assert sum(name == poison for _, name, _ in endpoint.requests) < 24 * 12


async def test_one_that_is_refused_for_good_blocks_nobody(store: Store) -> None:
    clock = Clock()
    ids = fill(store, "arsip", 5)
    endpoint = Endpoint(clock, lambda name, now: 422 if name == ids[0] else 200)
    relay = relay_to(store, sender_to(endpoint), [Hook("arsip", "http://127.0.0.1/", SECRET)], clock)
    assert await relay.deliver_due() == {"final": 1, "sent": 4}
    assert endpoint.accepted == ids[1:]


async def test_a_receiver_that_is_gone_is_not_waited_for_alert_by_alert(
    relay: Relay, store: Store, receiver: WebhookReceiver
) -> None:
    relay._channels = {
        "arsip": Hook("arsip", "http://127.0.0.1:1/", receiver.secret),
        "redaksi": Hook("redaksi", receiver.url, receiver.secret),
    }
    counts = await relay.deliver_due()
    assert counts == {"sent": 3, "retry": 3}


async def test_alerts_of_a_channel_that_left_the_configuration_wait_a_day_and_trouble_nobody(store: Store) -> None:
    clock = Clock()
    ids = fill(store, "hilang", 3)
    people = People(clock)
    relay = relay_to(store, people, [Hook("satu", "http://127.0.0.1/", SECRET)], clock)
    await pass_time(relay, clock, 23)
    assert states(store) == {"waiting": 3}
    relay._channels = {"hilang": Hook("hilang", "http://127.0.0.1/", SECRET)}  # it comes back: nothing was lost
    await pass_time(relay, clock, 0.1)
    assert people.listed() == ids
    fill(store, "hilang", 2, clock.now, first=3)
    relay._channels = {}
    await pass_time(relay, clock, 25)
    assert states(store) == {"sent": 3, "failed": 2}
    assert rows(store, "SELECT DISTINCT error FROM alerts WHERE state = 'failed'") == [
        ("sources.yaml has no channel 'hilang' any more",)
    ]
    assert not rows(store, "SELECT 1 FROM alerts WHERE type LIKE 'channel.%'")
    store.sync_channels(["satu"])
    assert rows(store, "SELECT id FROM channels") == []


async def test_a_bug_in_a_sender_stops_nobody_else_and_tells_no_secret(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = relay._sender.send

    async def broken(channel: Hook, alert_id: str, payload: str) -> Attempt:
        if channel.id == "arsip":
            raise KeyError("https://host/RAHASIA")
        return await real(channel, alert_id, payload)

    monkeypatch.setattr(relay._sender, "send", broken)
    assert await relay.deliver_due() == {"sent": 3, "retry": 3}
    assert "error=KeyError at=test_outbox.py:" in caplog.text
    assert "RAHASIA" not in caplog.text


def test_pauses_grow_from_seconds_to_hours() -> None:
    rng = random.Random(1)
    pauses = [pause_s(n, rng) for n in range(1, 20)]
    assert 5 <= pauses[0] <= 6
    assert all(later >= earlier * 0.83 for earlier, later in pairwise(pauses))
    assert 7200 <= pauses[-1] <= 8640


# ------------------------------------------------------------------------------------------------------------ digests

READERS = Hook("meja", apprise="json://127.0.0.1/")


def at(clock: str, day: int = 13) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return datetime(2024, 11, day, hour, minute, tzinfo=ZONE)


async def test_a_daily_digest_is_one_message_a_day_with_all_of_it_and_none_without_news(store: Store) -> None:
    clock = Clock(at("08:00"))
    people = People(clock)
    relay = relay_to(store, people, [Hook("meja", apprise="json://127.0.0.1/", digest="07:00")], clock)
    ids = fill(store, "meja", 9, clock.now)
    await pass_time(relay, clock, 22.9)
    assert people.sent == []
    await pass_time(relay, clock, 72)
    assert [document["type"] for _, _, document in people.sent] == ["digest"]
    assert at("07:00", 14) <= people.sent[0][0] < at("07:02", 14)
    assert people.listed() == ids
    assert states(store) == {"sent": 9}


async def test_a_digest_every_half_hour_and_quiet_at_night(store: Store) -> None:
    clock = Clock(at("21:00"))
    people = People(clock)
    hook = Hook("meja", apprise="json://127.0.0.1/", digest=1800.0, quiet=("22:00", "06:00"))
    relay = relay_to(store, people, [hook], clock)
    ids = []
    for number in range(11):
        ids += fill(store, "meja", 1, clock.now, first=number)
        await pass_time(relay, clock, 1, 30)
    sent = [when.astimezone(ZONE).strftime("%d %H:%M") for when, _, _ in people.sent]
    assert sent == ["13 21:30", "14 06:00", "14 07:00"]
    assert people.listed() == ids


async def test_quiet_holds_single_messages_too(store: Store) -> None:
    clock = Clock(at("23:00"))
    people = People(clock)
    relay = relay_to(store, people, [Hook("meja", apprise="json://127.0.0.1/", quiet=("22:00", "06:00"))], clock)
    ids = fill(store, "meja", 3, clock.now)
    await pass_time(relay, clock, 6.99)
    assert people.sent == []
    await pass_time(relay, clock, 0.1)
    assert [alert_id for _, alert_id, _ in people.sent] == ids


async def test_a_webhook_s_digest_has_documents_of_under_20_kb_with_all_alerts_once(store: Store) -> None:
    clock = Clock()
    endpoint = Endpoint(clock)
    hook = Hook("arsip", "http://127.0.0.1/", SECRET, digest=60.0)
    relay = relay_to(store, sender_to(endpoint), [hook], clock)
    ids = fill(store, "arsip", 200, outlet="Koran " + "x" * 300)
    await pass_time(relay, clock, 0.05)
    documents = [json.loads(endpoint.bodies[name]) for name in endpoint.accepted]
    assert {document["type"] for document in documents} == {"digest"}
    assert max(map(len, endpoint.bodies.values())) < 20_000
    assert len(documents) < 20
    items = [item for document in documents for item in document["data"]["alerts"]]
    assert [item["id"] for item in items] == ids
    assert items[0].keys() == {"id", "type", "rules", "story", "article"}
    assert "body" not in items[0]["article"]
    assert [document["data"]["part"] for document in documents] == list(range(1, len(documents) + 1))


async def test_an_item_with_endless_matches_still_fits_a_document(store: Store) -> None:
    clock = Clock()
    endpoint = Endpoint(clock)
    relay = relay_to(store, sender_to(endpoint), [Hook("arsip", "http://127.0.0.1/", SECRET, digest=60.0)], clock)
    match = {"rule": "semua", "term": "ASN", "text": "ASN", "start": 1, "end": 4, "field": "body"}
    fill(store, "arsip", 2, matches=[match] * 1000)
    await pass_time(relay, clock, 0.05)
    assert all(len(body) < 20_000 for body in endpoint.bodies.values())
    article_ = json.loads(endpoint.bodies[endpoint.accepted[0]])["data"]["alerts"][0]["article"]
    assert (article_["matches"], article_["matches_truncated"]) == ([], True)


async def test_a_digest_counts_the_outlets_that_tell_the_story_when_it_is_made(store: Store) -> None:
    clock = Clock()
    people = People(clock)
    store.record(report(article()), LATER, PLAN)
    relay = relay_to(store, people, [Hook("arsip", apprise="json://127.0.0.1/", digest="07:00")], clock)
    store.record(report(article("x", source="dua", title="Dari dua"), source="dua"), LATER, PLAN)
    clock.now = NOW + timedelta(days=1)
    await relay.deliver_due()
    [(_, _, document)] = people.sent
    assert [item["story"]["outlets"] for item in document["data"]["alerts"]] == [2]


async def test_a_digest_that_is_refused_takes_its_alerts_with_it_and_retry_sends_it_once_more(store: Store) -> None:
    clock = Clock()
    endpoint = Endpoint(clock, lambda name, now: 410)
    relay = relay_to(store, sender_to(endpoint), [Hook("arsip", "http://127.0.0.1/", SECRET, digest=60.0)], clock)
    fill(store, "arsip", 3)
    clock.now += timedelta(minutes=2)
    assert await relay.deliver_due() == {"final": 3}
    assert states(store) == {"failed": 3}
    assert store.retry_alerts(clock.now) == 3
    assert states(store) == {"waiting": 3}
    endpoint.answer = lambda name, now: 200
    assert await relay.deliver_due() == {"sent": 3}
    assert len({name for _, name, _ in endpoint.requests}) == 1
    assert states(store) == {"sent": 3}


async def test_the_first_round_of_a_busy_crawl_sends_twelve_and_the_rest_in_one(store: Store) -> None:
    clock = Clock()
    people = People(clock)
    relay = relay_to(store, people, [READERS], clock)
    ids = fill(store, "meja", 30)
    assert await relay.deliver_due() == {"sent": 30}
    assert [document["type"] for _, _, document in people.sent] == ["article.matched"] * 12 + ["digest"]
    assert people.listed() == ids
    gaps = {(after[0] - before[0]).total_seconds() for before, after in pairwise(people.sent)}
    assert gaps == {1.0}


# ---------------------------------------------------------------------------------------------------- failing channels


async def test_a_channel_that_fails_for_a_day_is_told_to_the_others_once_and_when_it_works_again(store: Store) -> None:
    clock = Clock()
    endpoint = Endpoint(clock, lambda name, now: 500)
    endpoint.answer = lambda name, now: 500 if endpoint.requests[-1][2] == "/mati" and now < START + 2 * DAY else 200
    hooks = [Hook(name, f"http://127.0.0.1/{name}", SECRET) for name in ("mati", "satu", "dua")]
    relay = relay_to(store, sender_to(endpoint), hooks, clock)
    for hour in range(0, 72, 3):
        fill(store, "mati", 1, clock.now, first=hour)
        await pass_time(relay, clock, 3)
    notices = [json.loads(endpoint.bodies[name]) for name in endpoint.accepted]
    told = [(notice["type"], notice["data"]["channel"]) for notice in notices if "channel" in notice["data"]]
    assert told == [("channel.failing", "mati")] * 2 + [("channel.recovered", "mati")] * 2
    assert notices[0]["data"]["detail"] == "answered 500"
    assert rows(store, "SELECT failing_since, error FROM channels WHERE id = 'mati'") == [(None, None)]
    # Those that were tried for a day are given up; all that waited behind them arrived.
    assert states(store)["failed"] == 3


async def test_a_channel_that_refuses_three_in_a_row_is_told_at_once_and_when_it_takes_alerts_again(
    store: Store,
) -> None:
    clock = Clock()
    endpoint = Endpoint(clock, lambda name, now: 200)
    refuses = True
    endpoint.answer = lambda name, now: 401 if refuses and endpoint.requests[-1][2] == "/mati" else 200
    hooks = [Hook(name, f"http://127.0.0.1/{name}", SECRET) for name in ("mati", "satu")]
    relay = relay_to(store, sender_to(endpoint), hooks, clock)
    for number, told in enumerate(([], [], [("satu", "channel.failing")], [("satu", "channel.failing")])):
        fill(store, "mati", 1, clock.now, first=number)
        await pass_time(relay, clock, 0.1)
        assert rows(store, "SELECT channel, type FROM alerts WHERE type LIKE 'channel.%'") == told
    refuses = False
    fill(store, "mati", 1, clock.now, first=9)
    await pass_time(relay, clock, 0.1)
    assert rows(store, "SELECT type FROM alerts WHERE type LIKE 'channel.%'")[1:] == [("channel.recovered",)]


async def test_single_refusals_among_what_is_taken_say_nothing_of_the_channel(store: Store) -> None:
    clock = Clock()
    endpoint = Endpoint(clock, lambda name, now: 410 if len(endpoint.requests) % 2 else 200)
    relay = relay_to(store, sender_to(endpoint), [Hook(n, f"http://127.0.0.1/{n}", SECRET) for n in ("a", "b")], clock)
    for number in range(12):
        fill(store, "a", 1, clock.now, first=number)
        await pass_time(relay, clock, 0.1)
    assert states(store) == {"failed": 6, "sent": 6}


async def test_a_channel_that_refuses_everything_for_a_day_is_told_once(store: Store) -> None:
    clock = Clock()
    endpoint = Endpoint(clock, lambda name, now: 200)
    endpoint.answer = lambda name, now: 410 if endpoint.requests[-1][2] == "/mati" else 200
    hooks = [Hook(name, f"http://127.0.0.1/{name}", SECRET) for name in ("mati", "satu")]
    relay = relay_to(store, sender_to(endpoint), hooks, clock)
    for hour in range(30):
        fill(store, "mati", 1, clock.now, first=hour)
        await pass_time(relay, clock, 1)
        told = rows(
            store, "SELECT channel, json_extract(payload, '$.data.detail') FROM alerts WHERE type LIKE 'channel.%'"
        )
        assert told == ([] if hour < 2 else [("satu", "answered 410")])
    assert states(store) == {"failed": 30, "sent": 1}


async def test_only_the_channels_for_health_are_told(store: Store) -> None:
    clock = Clock()
    people = People(clock, takes=lambda name: name not in dead)
    dead = set(fill(store, "mati", 1))
    hooks = [Hook(name, "http://127.0.0.1/", SECRET) for name in ("mati", "satu", "dua")]
    relay = relay_to(store, people, hooks, clock, health=("dua", "mati", "hilang"))
    await pass_time(relay, clock, 26)
    assert rows(store, "SELECT channel, type FROM alerts WHERE type LIKE 'channel.%'") == [("dua", "channel.failing")]


async def test_one_alert_given_up_by_a_channel_that_works_is_told_too(store: Store) -> None:
    clock = Clock()
    ids = fill(store, "satu", 1)
    people = People(clock, takes=lambda name: name != ids[0])
    relay = relay_to(store, people, [Hook(name, "http://127.0.0.1/", SECRET) for name in ("satu", "dua")], clock)
    for hour in range(26):
        fill(store, "satu", 1, clock.now, first=1 + hour)
        await pass_time(relay, clock, 1)
    assert [document["type"] for _, _, document in people.sent if document["type"].startswith("channel.")] == [
        "channel.failing"
    ]
    assert states(store)["failed"] == 1


async def test_the_channels_of_a_database_say_how_they_are(store: Store) -> None:
    clock = Clock()
    fill(store, "arsip", 2)
    endpoint = Endpoint(clock)
    relay = relay_to(store, sender_to(endpoint), [Hook("arsip", "http://127.0.0.1/", SECRET)], clock)
    await relay.deliver_due()
    assert rows(store, "SELECT * FROM channels") == [("arsip", "2024-11-13T03:00:00Z", None, None, None, None)]
    fill(store, "arsip", 2, first=2)
    endpoint.answer = lambda name, now: 503
    await relay.deliver_due()
    sent, since, error, held = rows(store, "SELECT last_sent_at, failing_since, error, held_until FROM channels")[0]
    assert (since, error, held) == ("2024-11-13T03:00:00Z", "answered 503", "2024-11-13T03:00:05Z")
    assert sent is not None


async def test_the_list_shows_what_tells_of_no_article(store: Store) -> None:
    with store._transaction():
        data = {
            "source": {"id": "satu", "name": "Satu", "url": "https://satu.example", "region": None},
            "state": "silent",
        }
        assert store._raise_notice("source.silent", ["arsip", "meja"], "satu:1", data, NOW) == 2
        assert store._raise_notice("source.silent", ["arsip", "meja"], "satu:1", data, NOW) == 0
        assert store._raise_notice("source.recovered", ["arsip"], "satu:1", data, NOW) == 1
    with Reader(store.path) as reader:
        listed = [(row["type"], row["channel"], row["title"]) for row in reader.alerts()]
        assert reader.counts()["alerts_waiting"] == 3
    assert listed == [
        ("source.recovered", "arsip", None),
        ("source.silent", "meja", None),
        ("source.silent", "arsip", None),
    ]


DAY = timedelta(days=1)


async def test_what_was_taken_is_not_sent_again_while_that_cannot_be_written(
    relay: Relay, receiver: WebhookReceiver, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    true, refusals = store.alert_sent, 3

    def sent(*values: Any) -> int:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise StoreUnwritable("no room")
        return true(*values)

    async def at_once(seconds: float) -> None:
        pass

    monkeypatch.setattr(store, "alert_sent", sent)
    monkeypatch.setattr(relay, "_sleep", at_once)
    await relay.deliver_due()
    ids = [delivery.id for delivery in receiver.deliveries]
    assert refusals == 0
    assert len(ids) == len(set(ids))
    assert waiting(store) == []
