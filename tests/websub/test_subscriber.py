"""Subscriptions against a real hub, over a real database, under a clock that is told the time."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from crawler.identity import host_key
from crawler.items import Hub as Named
from crawler.items import Source
from crawler.netguard import AddressGuard, resolve_allowed
from crawler.politeness import Hosts
from crawler.settings import LIMITS
from pipelines.guarded import GuardedTransport
from pipelines.store import Store
from pipelines.subscriptions import Subscription
from tests.pipelines.conftest import NOW
from tests.test_operation import free_port
from tests.websub_hub import Hub
from websub.callback import CallbackServer, Unavailable
from websub.subscriber import Subscriber

TOPIC = "https://satu.example/feed"
FEEDS = {"satu": ["f1"], "dua": ["f2"], "tiga": ["f3"]}


class Desk:
    """A subscriber with all that belongs to it; `restart` makes it anew over the same database."""

    def __init__(self, path: Path, hub: Hub, port: int) -> None:
        self.hub, self.port, self.path, self.now = hub, port, path, NOW
        self.guard = AddressGuard(True, {host_key(hub.url)})
        self.told: list[str] = []
        self.counts: Counter[str] = Counter()
        self.store = Store(path)
        self.store.sync_sources([Source(name, name, f"https://{name}.example") for name in FEEDS])

    async def start(self, **feeds: list[str]) -> None:
        client = httpx.AsyncClient(transport=GuardedTransport(partial(resolve_allowed, self.guard)), trust_env=False)
        self.subscriber = Subscriber(
            self.store, self.call, client, self.told.append, clock=lambda: self.now, rng=random.Random(1)
        )
        self.subscriber.base = f"http://127.0.0.1:{self.port}/websub"
        await self.subscriber.take_up(feeds or FEEDS)
        count: Callable[[str], None] = lambda result: self.counts.update([result])  # noqa: E731
        self.server = await CallbackServer("127.0.0.1", self.port, self.subscriber, count).__aenter__()

    async def stop(self) -> None:
        await self.subscriber.close()
        await self.server.__aexit__()

    async def call(self, method: Callable[..., Any], *values: Any) -> Any:
        await asyncio.sleep(0)
        return method(*values)

    async def heed(self, source: str = "satu", topic: str = TOPIC, hub: str | None = None) -> None:
        named = Named(self.hub.url if hub is None else hub, topic) if topic else Named()
        await self.subscriber.heed(source, {FEEDS[source][0]: named})

    async def pass_time(self, seconds: float = 0) -> None:
        """Let time pass, then do what is due and wait for the hub's answers to it."""
        self.now += timedelta(seconds=seconds)
        await self.subscriber.tick()
        await self.subscriber.settle()
        async with asyncio.timeout(10):
            while len(self.hub.answers) < self.hub.verifying:  # noqa: ASYNC110  in another thread
                await asyncio.sleep(0.01)
        await self.subscriber.settle()

    def rows(self) -> list[Subscription]:
        return self.store.subscriptions()

    def row(self) -> Subscription:
        (found,) = self.rows()
        return found


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


@pytest.fixture
async def desk(tmp_path: Path, hub: Hub) -> AsyncIterator[Desk]:
    made = Desk(tmp_path / "pantau.db", hub, free_port())
    await made.start()
    yield made
    await made.stop()
    made.store.close()


# ------------------------------------------------------------------------------------------------------ the ordinary course


async def test_a_subscription_is_asked_for_confirmed_told_and_renewed(desk: Desk, hub: Hub) -> None:
    await desk.heed()
    assert desk.row().state == "new"
    await desk.pass_time()
    (form,) = hub.requests
    assert (form["hub.mode"], form["hub.topic"], form["hub.lease_seconds"]) == ("subscribe", TOPIC, "864000")
    assert form["hub.callback"] == f"http://127.0.0.1:{desk.port}/websub/{desk.row().token}"
    assert (len(form["hub.secret"]) >= 43, len(form["hub.secret"]) < 200, len(desk.row().token)) == (True, True, 43)
    row = desk.row()
    assert (row.state, row.lease_until, row.error) == ("active", NOW + timedelta(days=10), None)
    assert timedelta(days=8) <= row.next_try_at - NOW <= timedelta(days=9)

    assert await asyncio.to_thread(hub.tell, TOPIC) == 202
    assert await asyncio.to_thread(partial(hub.tell, TOPIC, signature="sha1=x")) == 202
    await desk.subscriber.settle()
    assert (desk.told, desk.row().last_push_at) == (["satu"], NOW)

    await desk.pass_time(7 * 86400)
    assert len(hub.requests) == 1
    await desk.pass_time(2 * 86400)
    assert [form["hub.mode"] for form in hub.requests] == ["subscribe"] * 2
    assert desk.row().lease_until == desk.now + timedelta(days=10)
    assert hub.requests[1]["hub.callback"] == form["hub.callback"]


async def test_the_same_hub_again_costs_nothing_and_none_ends_it(desk: Desk, hub: Hub) -> None:
    await desk.heed()
    await desk.pass_time()
    desk.store.close()  # whoever touches it now fails
    await desk.heed()
    desk.store = desk.subscriber.store = Store(desk.path)
    await desk.heed(topic="")
    assert desk.row().state == "leaving"
    await desk.pass_time()
    assert [form["hub.mode"] for form in hub.requests] == ["subscribe", "unsubscribe"]
    assert "hub.secret" not in hub.requests[1]
    assert (desk.rows(), hub.subscribers) == ([], {})
    await desk.heed(topic="")
    assert desk.rows() == []


async def test_a_topic_that_moved_is_subscribed_anew_and_the_old_one_ended(desk: Desk, hub: Hub) -> None:
    await desk.heed()
    await desk.pass_time()
    await desk.heed(topic="https://satu.example/feed2")
    for _ in range(3):
        await desk.pass_time(1)
    assert list(hub.subscribers) == ["https://satu.example/feed2"]
    assert [row.topic for row in desk.rows()] == ["https://satu.example/feed2"]
    assert len({form["hub.secret"] for form in hub.requests if "hub.secret" in form}) == 2


async def test_a_restart_goes_on_with_what_is_subscribed(desk: Desk, hub: Hub) -> None:
    await desk.heed()
    await desk.pass_time()
    before = desk.row()
    await desk.stop()
    await desk.start()
    await desk.pass_time()
    assert (desk.row(), len(hub.requests)) == (before, 1)
    assert await asyncio.to_thread(hub.tell, TOPIC) == 202
    assert desk.told == ["satu"]


async def test_another_callback_is_told_to_the_hub_and_a_source_that_is_gone_is_ended(desk: Desk, hub: Hub) -> None:
    await desk.heed()
    await desk.pass_time()
    await desk.heed("dua", "https://dua.example/feed")
    await desk.pass_time()
    desk.subscriber.base += "/baru"
    await desk.subscriber.take_up({"satu": ["f1"]})
    for _ in range(4):
        await desk.pass_time(1)
    assert list(hub.subscribers) == [TOPIC]
    assert hub.subscribers[TOPIC].callback.startswith(f"http://127.0.0.1:{desk.port}/websub/baru/")
    assert [row.source for row in desk.rows()] == ["satu"]


# -------------------------------------------------------------------------------------------------------- what hubs may not


async def test_only_what_was_asked_for_is_confirmed(desk: Desk, hub: Hub) -> None:
    await desk.heed()
    token = desk.row().token
    good = {"hub.mode": "subscribe", "hub.topic": TOPIC, "hub.challenge": "c", "hub.lease_seconds": "60"}
    assert await desk.subscriber.confirm(token, good) is None  # nobody was asked yet
    hub.mode = "silent"
    await desk.pass_time()
    for wrong in (
        {"hub.topic": TOPIC + "/"},
        {"hub.topic": ""},
        {"hub.mode": "unsubscribe"},
        {"hub.mode": "publish"},
        {"hub.mode": ""},
        {"hub.challenge": ""},
    ):
        assert await desk.subscriber.confirm(token, good | wrong) is None
    assert await desk.subscriber.confirm("lain", good) is None
    assert await desk.subscriber.confirm(token, {}) is None
    assert desk.row().state == "pending"
    assert await desk.subscriber.confirm(token, good) == b"c"
    assert desk.row().state == "active"
    assert await desk.subscriber.confirm(token, good | {"hub.mode": "unsubscribe"}) is None
    assert desk.row().state == "active"


@pytest.mark.parametrize(
    ("lease", "lasts_s", "renewed_after_s"),
    [
        ("3600", 3600, 3600),
        ("60", 60, LIMITS.min_lease_s),
        ("0", LIMITS.lease_s, LIMITS.lease_s),
        ("-5", LIMITS.lease_s, LIMITS.lease_s),
        ("²", LIMITS.lease_s, LIMITS.lease_s),
        ("1e3", LIMITS.lease_s, LIMITS.lease_s),
        ("", LIMITS.lease_s, LIMITS.lease_s),
        ("99999999999", LIMITS.max_lease_s, LIMITS.max_lease_s),
        ("9" * 400, LIMITS.lease_s, LIMITS.lease_s),
    ],
)
async def test_leases_are_taken_as_far_as_they_make_sense(
    desk: Desk, hub: Hub, lease: str, lasts_s: float, renewed_after_s: float
) -> None:
    hub.mode = "silent"
    await desk.heed()
    await desk.pass_time()
    fields = {"hub.mode": "subscribe", "hub.topic": TOPIC, "hub.challenge": "c", "hub.lease_seconds": lease}
    assert await desk.subscriber.confirm(desk.row().token, fields) == b"c"
    row = desk.row()
    assert row.lease_until == NOW + timedelta(seconds=lasts_s)
    assert 0.79 * renewed_after_s <= (row.next_try_at - NOW).total_seconds() <= 0.9 * renewed_after_s


async def test_a_hub_that_denies_is_asked_again_after_a_week(desk: Desk, hub: Hub) -> None:
    hub.mode = "deny"
    await desk.heed()
    await desk.pass_time()
    assert (desk.row().state, desk.row().error) == ("denied", "denied: tidak  boleh")
    assert desk.subscriber.secret_of(desk.row().token) is None
    hub.mode = "verify"
    await desk.pass_time(6 * 86400)
    assert len(hub.requests) == 1
    await desk.pass_time(86400 + 1)
    assert desk.row().state == "active"
    hub.mode = "deny"  # an active one, too
    await asyncio.to_thread(hub.verify, hub.requests[-1], "deny")
    assert desk.row().state == "denied"


async def test_a_hub_that_never_calls_back_is_asked_ever_more_rarely(desk: Desk, hub: Hub) -> None:
    hub.mode = "silent"
    await desk.heed()
    times = []
    for _ in range(3 * 24 * 12):
        seen = len(hub.requests)
        await desk.pass_time(300)
        if len(hub.requests) > seen:
            times.append(desk.now)
    gaps_h = [(later - earlier).total_seconds() / 3600 for earlier, later in pairwise(times)]
    assert 8 <= len(times) <= 14
    assert gaps_h == sorted(gaps_h)
    assert gaps_h[-1] >= 10
    assert (desk.row().lease_until, desk.row().state in ("failing", "pending")) == (None, True)
    assert desk.row().failures == len(times) - (desk.row().state == "pending")


async def test_a_hub_that_asks_for_another_topic_gets_nothing(desk: Desk, hub: Hub) -> None:
    hub.mode = "wrong_topic"
    await desk.heed()
    await desk.pass_time()
    assert (hub.answers, desk.row().state) == ([404], "pending")


async def test_a_hub_may_verify_before_it_answers(desk: Desk, hub: Hub) -> None:
    hub.mode = "sync"
    await desk.heed()
    await desk.pass_time()
    assert (desk.row().state, desk.row().asked_at) == ("active", None)


@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_a_hub_that_does_not_take_it_is_noted_and_asked_again(desk: Desk, hub: Hub, status: int) -> None:
    hub.status = status
    await desk.heed()
    await desk.pass_time()
    assert (desk.row().state, desk.row().failures, desk.row().error) == ("failing", 1, f"answered {status}")
    hub.status = 202
    await desk.pass_time(LIMITS.hub_retry_s)
    assert (desk.row().state, desk.row().failures, desk.row().error) == ("active", 0, None)


async def test_a_renewal_that_fails_leaves_the_lease_as_it_is(desk: Desk, hub: Hub) -> None:
    await desk.heed()
    await desk.pass_time()
    hub.status = 500
    await desk.pass_time(9 * 86400)
    assert (desk.row().state, desk.row().failures) == ("active", 1)
    assert await asyncio.to_thread(hub.tell, TOPIC) == 202
    assert desk.told == ["satu"]
    for _ in range(30):
        desk.subscriber.hosts = Hosts(0.0)  # its rest is told by a clock that does not move here
        await desk.pass_time(3600)
    assert desk.row().state == "failing"


async def test_a_dead_hub_fails_quietly_and_a_hub_s_wish_to_rest_is_heeded(desk: Desk, hub: Hub) -> None:
    dead = f"http://127.0.0.1:{free_port()}/"
    desk.guard.ports.add(host_key(dead))
    await desk.heed(hub=dead)
    await desk.pass_time()
    assert (desk.row().state, str(desk.row().error).startswith("ConnectError: Connect")) == ("failing", True)
    hub.status, hub.retry_after = 429, "7200"
    await desk.heed("dua", "https://dua.example/feed")
    await desk.heed("tiga", "https://tiga.example/feed")
    await desk.pass_time()
    assert len(hub.requests) == 1
    hub.status = 202
    await desk.pass_time(7000)
    assert len(hub.requests) == 1
    await desk.pass_time(300)
    assert len(hub.requests) == 2


async def test_thousands_of_feeds_at_one_hub_are_asked_for_one_by_one_and_hide_no_other(desk: Desk, hub: Hub) -> None:
    await desk.subscriber.heed("satu", {f"f{n}": Named(hub.url, f"https://satu.example/{n}") for n in range(50)})
    with Hub() as other:
        desk.guard.ports.add(host_key(other.url))
        await desk.heed("dua", "https://dua.example/feed", other.url)
        await desk.pass_time()
        assert (len(hub.requests), len(other.requests)) == (1, 1)
        await desk.pass_time(1)
        assert (len(hub.requests), len(other.requests)) == (2, 1)


# ------------------------------------------------------------------------------------------------------------ whom we call


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://2130706433/",
        "http://100.64.0.1/",
    ],
)
async def test_no_hub_leads_into_a_private_network(desk: Desk, hub: Hub, address: str) -> None:
    desk.guard.allow_private = False
    await desk.heed(hub=address.format(port=hub.port))
    await desk.pass_time()
    assert (desk.row().state, hub.requests) == ("failing", [])
    assert desk.row().error == "ConnectError: the address guard refused this address"


@pytest.mark.parametrize("name", ["a..b", "a" * 64 + ".example", "xn--", "xn--999999999"])
async def test_a_name_that_none_can_have_is_a_failure_like_others(desk: Desk, name: str) -> None:
    await desk.heed(hub=f"http://{name}/")
    await desk.pass_time()
    assert desk.row().state == "failing"
    assert desk.row().error in ("ConnectError: connection failed", "IDNAError: connection failed")


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("http://169.254.169.254/", "ConnectError: the address guard refused this address"),
        ("http://127.0.0.1:1/", "ConnectError: the address guard refused this address"),  # a port that nobody named
        ("file:///etc/passwd", "redirected to nowhere"),
        ("http://[", "redirected to nowhere"),
        ("/hub", "answered 307"),  # for ever
    ],
)
async def test_a_redirect_leads_nowhere_that_the_guard_forbids(desk: Desk, hub: Hub, location: str, error: str) -> None:
    hub.location = location
    await desk.heed()
    await desk.pass_time()
    assert desk.row().error == error
    assert len(hub.requests) == (1 + LIMITS.hub_redirects if location == "/hub" else 1)


async def test_a_redirect_is_followed_with_the_same_request(desk: Desk, hub: Hub) -> None:
    hub.location = "/hub-baru"
    await desk.heed()
    await desk.pass_time()
    assert (len(hub.requests), hub.requests[0] == hub.requests[1], desk.row().state) == (2, True, "active")


async def test_what_is_secret_in_an_address_is_told_to_no_hub(desk: Desk, hub: Hub) -> None:
    desk.subscriber.private = frozenset({"kunci-rahasia"})
    await desk.heed(topic="https://satu.example/feed?token=kunci-rahasia")
    assert desk.rows() == []
    await desk.heed()
    await desk.heed(topic="https://satu.example/feed?token=kunci-rahasia")
    await desk.pass_time()
    assert (desk.rows(), hub.requests) == ([], [])  # nobody had been asked


async def test_a_hub_s_words_show_neither_token_nor_secret(desk: Desk, hub: Hub) -> None:
    hub.mode = "silent"
    await desk.heed()
    await desk.pass_time()
    asked = desk.row()
    fields = {"hub.mode": "denied", "hub.topic": TOPIC, "hub.reason": f"no way to {asked.callback}, {asked.secret}"}
    assert await desk.subscriber.confirm(asked.token, fields) == b""
    assert desk.row().error == f"denied: no way to {desk.subscriber.base}/***, ***"


async def test_a_feed_that_names_another_hub_at_every_poll_piles_up_nothing(desk: Desk, hub: Hub) -> None:
    desk.subscriber.hosts.of(host_key(hub.url)).block(86_400, NOW)
    for n in range(20):
        await desk.heed(topic=f"{TOPIC}?{n}")
        await desk.pass_time(10)
    assert [row.topic for row in desk.rows()] == [f"{TOPIC}?19"]


async def test_a_hub_that_never_stops_verifying_makes_us_write_nothing(desk: Desk, hub: Hub) -> None:
    hub.mode = "silent"
    await desk.heed()
    await desk.pass_time()
    fields = {"hub.mode": "subscribe", "hub.topic": TOPIC, "hub.challenge": "c", "hub.lease_seconds": "3600"}
    assert await desk.subscriber.confirm(desk.row().token, fields) == b"c"
    before, written = desk.row(), desk.store._conn.total_changes
    for lease in ("1", "864000"):
        again = fields | {"hub.lease_seconds": lease}
        assert await desk.subscriber.confirm(before.token, again) == b"c"
    assert (desk.row(), desk.store._conn.total_changes) == (before, written)
    await desk.pass_time(
        (before.next_try_at - NOW).total_seconds()
    )  # a renewal, confirmed too late, counts all the same
    await desk.pass_time(LIMITS.hub_verify_s)
    assert (desk.row().state, desk.row().failures) == ("active", 1)
    assert await desk.subscriber.confirm(before.token, fields) == b"c"
    assert (desk.row().failures, desk.row().error) == (0, None)


async def test_while_the_database_is_locked_hubs_hear_that_it_must_wait(desk: Desk, hub: Hub) -> None:
    hub.mode = "silent"
    await desk.heed()
    await desk.pass_time()
    desk.store._conn.execute("PRAGMA busy_timeout = 10")
    tool = sqlite3.connect(desk.path, isolation_level=None)
    tool.execute("BEGIN IMMEDIATE")
    fields = {"hub.mode": "subscribe", "hub.topic": TOPIC, "hub.challenge": "c"}
    with pytest.raises(Unavailable):
        await desk.subscriber.confirm(desk.row().token, fields)
    tool.close()
    assert await desk.subscriber.confirm(desk.row().token, fields) == b"c"


def test_a_row_shows_neither_secret_nor_token() -> None:
    row = Subscription("t0ken", "a", "f", "https://h", "h:443", TOPIC, "s3cret", "cb", "new", NOW)
    assert "t0ken" not in repr(row) and "s3cret" not in repr(row)
