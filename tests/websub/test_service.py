"""What hubs tell, in the daemon's loop: hours pass in seconds, over a real database, with polls that only pretend."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from crawler.config import Config, WebSub, load_config
from crawler.discovering import listing_key
from crawler.errors import ConfigError, StoreError, UsageError
from crawler.items import Hub, PollReport
from crawler.settings import LIMITS
from pipelines.subscriptions import Subscription
from tests.faults.watching import Simulation
from tests.test_operation import free_port

SOURCES = "sources: [{id: a, name: A, url: 'https://a.example', discover: [{feed: 'https://a.example/rss'}]}]\n"


def of(sim: Simulation, source: str) -> list[float]:
    """Return when the source was polled, in seconds after the first time."""
    times = [at for name, at in sim.polls if name == source]
    return [(at - times[0]).total_seconds() for at in times]


async def test_a_notice_has_its_source_polled_at_once_and_no_other(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 5, every="1h") as sim:
        await sim.run(minutes=10)
        sim.daemon._websub._pushed("s1")
        await sim.run(minutes=10)
        assert of(sim, "s1") == [0, 600]
        assert len(sim.polls) == 6
        await sim.run(hours=2)  # and polls go on as before, from that one on
        assert len(of(sim, "s1")) in (3, 4)
        assert len(of(sim, "s2")) in (2, 3)


async def test_a_feed_that_is_still_old_is_looked_at_twice_more(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 1, every="1h") as sim:
        await sim.run(minutes=10)
        sim.outcome = lambda source, now: ("not_modified", "")
        sim.daemon._websub._pushed("s0")
        await sim.run(minutes=10)
        assert of(sim, "s0") == [0, 600, 610, 630]


async def test_what_is_told_while_a_poll_runs_is_not_lost(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 1, every="1h") as sim:
        sim.takes_s = lambda source: 60.0
        await sim.run(minutes=10)
        sim.daemon._websub._pushed("s0")
        await sim.run(minutes=0.5)
        sim.daemon._websub._pushed("s0")
        await sim.run(minutes=10)
        assert of(sim, "s0") in ([0, 600, 660], [0, 600, 670])
        assert sim.together == 1


async def test_a_flood_causes_no_more_polls_than_it_may(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 1, every="1h") as sim:
        sim.outcome = lambda source, now: ("not_modified", "")
        for _ in range(360):
            for _ in range(20):
                sim.daemon._websub._pushed("s0")
            await sim.run(minutes=1 / 6)
        assert len(sim.polls) <= 3600 / LIMITS.max_push_gap_s + 8


async def test_a_source_that_fails_keeps_its_pause(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 2, every="1h") as sim:
        sim.outcome = lambda source, now: ("failed", "http") if source == "s0" else ("ok", "")
        await sim.run(minutes=10)
        for _ in range(30):
            sim.daemon._websub._pushed("s0")
            sim.daemon._websub._pushed("unknown")
            await sim.run(minutes=1)
        assert of(sim, "s0") == [0]


async def test_what_the_last_daemon_was_told_and_did_not_come_to_is_polled(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 3, every="1h") as sim:
        await sim.run(minutes=10)
        now = datetime.now(UTC)
        row = Subscription(
            "t", "s2", "f", "https://h", "h:443", "https://s2.example/feed", "s", "c", "active", now + timedelta(days=9)
        )
        sim.store.save_subscriptions([row])
        assert sim.store.told_unpolled() == []
        sim.store.save_subscriptions([replace(row, last_push_at=now)])
        assert sim.store.told_unpolled() == ["s2"]


async def test_what_was_told_while_the_last_poll_ran_is_polled_after_a_restart(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 3, every="1h") as sim:
        await sim.run(minutes=1)
        polled_at = datetime.fromisoformat(
            sim.store._conn.execute("SELECT max(last_poll_at) FROM sources").fetchone()[0]
        )
        row = Subscription(
            "t", "s2", "f", "https://h", "h:443", "https://s2.example/feed", "s", "c", "active", polled_at
        )
        for before_s, found in ((20, ["s2"]), (120, [])):
            sim.store.save_subscriptions([replace(row, last_push_at=polled_at - timedelta(seconds=before_s))])
            assert sim.store.told_unpolled() == found


# -------------------------------------------------------------------------------------------------------------- the setting


def read(tmp_path: Path, **websub: object) -> object:
    path = tmp_path / "sources.yaml"
    path.write_text(f"settings: {{websub: {json.dumps(websub)}}}\n{SOURCES}", "utf-8")
    return load_config(path).settings.websub


def test_the_setting_says_where_hubs_call_and_where_we_listen(tmp_path: Path) -> None:
    found = read(tmp_path, callback="https://pantau.example.org/websub/", port=8081)
    assert str(found) == "WebSub(callback='https://pantau.example.org/websub', port=8081, host='127.0.0.1')"
    assert "host='::'" in str(read(tmp_path, callback="http://a.example", port=1, host="::"))


@pytest.mark.parametrize(
    ("websub", "allowed"),
    [
        ({"callback": "ftp://a.example", "port": 1}, "http and https only"),
        ({"callback": "https://user:pass@a.example", "port": 1}, "without login"),
        ({"callback": "https://a.example/?x=1", "port": 1}, "without login, parameters"),
        ({"callback": "https://a.example"}, "port"),
        ({"port": 80}, "callback"),
        ({"callback": "https://a.example", "port": 0}, "port"),
        ({"callback": "https://a.example", "port": "8081"}, "port"),
        ({"callback": "https://a.example", "port": 8081, "host": "semua"}, "an IP address of this machine"),
    ],
)
def test_what_is_wrong_with_it_is_said(tmp_path: Path, websub: dict[str, object], allowed: str) -> None:
    with pytest.raises(ConfigError, match="websub") as told:
        read(tmp_path, **websub)
    assert allowed in str(told.value)


# ---------------------------------------------------------------------------------------------------------------- reloading


async def test_a_changed_setting_is_followed(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 1) as sim:
        one, two = free_port(), free_port()
        config = sim.config()

        def under(port: int | None, path: str = "") -> Config:
            websub = WebSub(f"http://127.0.0.1:{port}/{path}", port, "127.0.0.1") if port else None
            return replace(config, settings=replace(config.settings, websub=websub))

        service = sim.daemon._websub
        key = listing_key(config.sources[0].discover[0].url)
        await service.follow(under(one))
        assert await answers(one) == 410
        await service.heed(replace(NOTHING, hubs={key: Hub("https://hub.example/", "https://s0.example/feed")}))
        assert [row.state for row in sim.store.subscriptions()] == ["new"]

        await service.follow(under(one))  # a reload that changes something else
        await service.follow(under(two, "baru"))
        assert (await answers(one), await answers(two)) == (None, 410)
        (row,) = sim.store.subscriptions()
        sim.store.save_subscriptions([replace(row, state="active")])
        await service.clock_moved()

        sim.store._conn.execute("PRAGMA busy_timeout = 10")
        with contextlib.closing(sqlite3.connect(sim.store.path, isolation_level=None)) as tool:
            tool.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError):
                await service.follow(under(one))
        assert (await answers(one), await answers(two)) == (None, 410)

        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="cannot be used"):
            await service.follow(under(taken.getsockname()[1]))
        assert await answers(two) is None
        await service.follow(under(two))
        assert await answers(two) == 410

        await service.follow(under(None))
        assert (await answers(two), sim.store.subscriptions()) == (None, [])
        await service.heed(replace(NOTHING, hubs={key: Hub("https://hub.example/", "https://s0.example/feed")}))
        assert sim.store.subscriptions() == []


async def test_a_reload_says_what_was_not_taken_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with Simulation(tmp_path, 1) as sim:
        key = listing_key(sim.config().sources[0].discover[0].url)
        now = datetime.now(UTC)
        row = Subscription(
            "t", "s0", key, "https://127.0.0.1", "127.0.0.1:443", "https://s0.example/feed", "s", "c", "active", now
        )
        sim.store.save_subscriptions([row])
        sim.store._conn.execute("PRAGMA busy_timeout = 10")
        tool = sqlite3.connect(sim.store.path, isolation_level=None)

        async def reconfigure(config: Config) -> None:
            sim.watch.config = config
            tool.execute("BEGIN IMMEDIATE")  # the database is locked from here on

        sim.watch.reconfigure = reconfigure  # type: ignore[method-assign]
        port = free_port()
        websub = WebSub(f"http://127.0.0.1:{port}", port, "127.0.0.1")
        changed = replace(sim.config(), settings=replace(sim.config().settings, websub=websub))
        sim.daemon._load = lambda: changed
        with caplog.at_level("INFO", "pantau"):
            await sim.daemon.reload()
        told = [record.getMessage().partition("error=")[0] for record in caplog.records]
        assert told == ["hubs cannot call, reload again when that is mended: ", "reloaded sources=1 rules=0 channels=1"]
        tool.close()
        await sim.daemon._websub.follow(changed)
        assert await answers(port) == 410
        await sim.daemon._websub.close()


async def test_a_secret_is_told_to_no_hub_however_it_is_spelled(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 1) as sim:
        port = free_port()
        websub = WebSub(f"http://127.0.0.1:{port}", port, "127.0.0.1")
        config = replace(sim.config(), _secrets=frozenset({"kunci+rahasia/1="}))
        service = sim.daemon._websub
        await service.follow(replace(config, settings=replace(config.settings, websub=websub)))
        key = listing_key(config.sources[0].discover[0].url)
        for spelled in ("kunci+rahasia/1=", "kunci%2Brahasia%2F1%3D"):
            named = Hub("https://hub.example/", f"https://s0.example/feed?token={spelled}")
            await service.heed(replace(NOTHING, hubs={key: named}))
        assert sim.store.subscriptions() == []
        await service.close()


NOTHING = PollReport("s0", "ok", datetime.now(UTC), datetime.now(UTC))


async def answers(port: int) -> int | None:
    """Return what the port answers to a notice for nobody; None where nobody listens."""
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return (await client.post(f"http://127.0.0.1:{port}/websub/x", content=b"x")).status_code
        except httpx.ConnectError:
            return None
