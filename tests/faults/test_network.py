"""Our own network goes down and comes back (GUARANTEES B7): one notice, nothing counted against any outlet, all due again."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults.watching import START, Simulation


@pytest.mark.parametrize(("sources", "hours"), [(40, 6), pytest.param(300, 6, marks=pytest.mark.slow)])
async def test_six_hours_without_a_network_are_one_notice_and_a_clean_recovery(
    tmp_path: Path, sources: int, hours: int
) -> None:
    async with Simulation(tmp_path, sources) as sim:
        await sim.run(hours=1)
        assert sim.notices() == []
        before = len(sim.polls)
        sim.outcome = lambda source, now: ("failed", "dns")
        await sim.run(hours=hours)
        assert sim.notices() == ["network.down"]
        assert {row["state"] for row in sim.rows("SELECT state FROM sources")} <= {"ok", "failing"}
        # They were tried, but not hammered: no more often than in good times.
        assert sources < len(sim.polls) - before < sources * hours * 8
        back = datetime.now(sim.polls[0][1].tzinfo)
        sim.outcome = lambda source, now: ("ok", "")
        await sim.run(minutes=30)
        assert {source for source, at in sim.polls if at >= back} == {f"s{n}" for n in range(sources)}
        assert sim.notices() == ["network.down", "network.up"]
        states = sim.rows("SELECT state, failures FROM sources")
        assert {(row["state"], row["failures"]) for row in states} == {("ok", 0)}
        assert sim.together == 1


async def test_one_outlet_that_is_down_is_no_network_down_and_told_after_a_day(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 8, every="30m") as sim:
        await sim.run(hours=1)
        sim.outcome = lambda source, now: ("failed", "dns") if source == "s3" else ("ok", "")
        await sim.run(hours=20)
        assert sim.notices() == []
        await sim.run(hours=12)
        assert sim.notices() == ["source.failing"]
        sim.outcome = lambda source, now: ("ok", "")
        await sim.run(hours=8)
        assert sim.notices() == ["source.failing", "source.recovered"]


async def test_a_daemon_started_while_the_network_is_down_tells_when_it_is_up(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 10, every="10m") as sim:
        await sim.run(hours=1)
        sim.outcome = lambda source, now: ("failed", "timeout")
        await sim.run(hours=1)
    async with Simulation(tmp_path, 10, every="10m", start=START + timedelta(hours=2)) as sim:
        assert sim.watch.network is not None and sim.watch.network.down_since is not None
        await sim.run(hours=1)
        assert sim.notices() == ["network.down", "network.up"]


async def test_a_poll_that_takes_longer_than_its_interval_is_counted_and_never_runs_beside_itself(
    tmp_path: Path,
) -> None:
    async with Simulation(tmp_path, 3, every="1m") as sim:
        sim.takes_s = lambda source: 150.0 if source == "s1" else 0.0
        await sim.run(hours=2)
        rows = {row["id"]: row for row in sim.rows("SELECT id, overruns, polls FROM sources")}
        assert sim.together == 1
        assert rows["s1"]["overruns"] == rows["s1"]["polls"] - 1  # nothing was planned before the first
        assert rows["s1"]["polls"] >= 30
        assert rows["s0"]["overruns"] == 0
        assert rows["s0"]["polls"] >= 100
        starts = [at for source, at in sim.polls if source == "s1"]
        assert all(b - a >= timedelta(seconds=150) for a, b in pairwise(starts))


async def test_outlets_that_never_answered_are_no_network_down(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 12, every="10m") as sim:
        dead = {"s0", "s1", "s2", "s3"}
        sim.outcome = lambda source, now: ("failed", "dns") if source in dead else ("ok", "")
        await sim.run(hours=6)
        assert sim.notices() == []


async def test_a_network_that_loses_most_is_not_down_and_up_all_the_time(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 60, every="10m") as sim:
        await sim.run(hours=1)
        rng = random.Random(1)
        sim.outcome = lambda source, now: ("failed", "connect") if rng.random() < 0.85 else ("ok", "")
        await sim.run(hours=6)
        assert sim.notices().count("network.down") <= 4


async def test_many_sources_of_one_slow_host_do_not_hide_the_others(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 130, every="10m") as sim:
        hosts = {f"s{n}": "https://besar.example" for n in range(125)}
        sim.watch._sources.update(
            {name: replace(sim.watch._sources[name], url=url, discover=()) for name, url in hosts.items()}
        )
        sim.takes_s = lambda source: 60.0 if source in hosts else 0.0
        await sim.run(hours=2)
        for name in ("s125", "s129"):
            assert sum(source == name for source, _ in sim.polls) >= 10


async def test_a_poll_that_ends_makes_room_for_the_next_at_once(tmp_path: Path) -> None:
    """Not with the timer's next second: most polls take a third of one, and ten thousand may be due."""
    async with Simulation(tmp_path, sources=200) as sim:
        assert sim.watch.crew.width < 200
        await sim.daemon.start_due()
        while sim.daemon._running:
            await asyncio.wait(list(sim.daemon._running.values()))
        assert sorted(name for name, _ in sim.polls) == sorted(f"s{number}" for number in range(200))
