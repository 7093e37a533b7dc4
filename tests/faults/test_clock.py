"""The clock jumps (GUARANTEES B6): no source stalls, nothing bursts, no alert is told twice or given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from operation import Clock
from pipelines.database import parse_stamp
from tests.faults.watching import START, Simulation

MINUTE = 60
JUMPS_S = [
    5 * MINUTE,
    -5 * MINUTE,
    3600,
    -3600,
    8 * 3600,
    86_400,
    -86_400,
    30 * 86_400,
    -30 * 86_400,
    365 * 86_400,
    -365 * 86_400,
    61,
]


@pytest.mark.parametrize("jump_s", JUMPS_S)
async def test_after_a_jump_every_source_is_polled_within_its_interval_and_none_at_once(
    tmp_path: Path, jump_s: int
) -> None:
    async with Simulation(tmp_path, 40, every="10m") as sim:
        shifted = 0.0
        sim.daemon._clock = Clock(steady=lambda: datetime.now(UTC).timestamp() - shifted)
        await sim.run(hours=1)
        count = len(sim.polls)
        sim.clock.shift(jump_s)
        shifted += jump_s
        at = datetime.now(UTC)
        await sim.run(minutes=0.5)
        assert len(sim.polls) - count <= 12  # no burst: what is due in half a minute of ten, and what was
        await sim.run(minutes=11.5)
        polled = {source for source, when in sim.polls[count:] if when >= at}
        assert polled == {f"s{n}" for n in range(40)}  # within one interval, its jitter and a minute


def test_a_clock_that_is_corrected_by_seconds_has_not_jumped() -> None:
    wall = [1000.0]
    clock = Clock(wall=lambda: wall[0], steady=lambda: 0.0)
    wall[0] += 59
    assert clock.jump_s() == 0
    wall[0] += 100
    assert clock.jump_s() == 159
    assert clock.jump_s() == 159  # until it was heeded
    clock.heeded(159)
    assert clock.jump_s() == 0
    wall[0] -= 4000
    assert clock.jump_s() == -4000


async def test_waiting_alerts_move_with_the_clock_and_keep_their_24_hours(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 1) as sim:
        sim.store._conn.execute(
            "INSERT INTO alerts (id, type, channel, subject, payload, created_at, next_attempt_at, first_attempt_at) "
            "VALUES ('a', 't', 'c', 's', '{}', '2024-11-13T00:00:00Z', '2024-11-13T02:00:00Z', '2024-11-13T00:30:00Z')"
        )
        sim.store.move_times(timedelta(days=365), datetime.now(UTC))
        row = sim.rows("SELECT next_attempt_at, first_attempt_at, created_at FROM alerts")[0]
        assert row == {
            "next_attempt_at": "2025-11-13T02:00:00Z",
            "first_attempt_at": "2025-11-13T00:30:00Z",
            "created_at": "2024-11-13T00:00:00Z",
        }


async def test_a_clock_set_back_while_no_daemon_ran_stalls_nothing(tmp_path: Path) -> None:
    async with Simulation(tmp_path, 5) as sim:
        sim.clock.shift(400 * 86_400)
        await sim.run(minutes=1)
        assert len(sim.polls) == 5
    async with Simulation(tmp_path, 5) as sim:  # begins at START again
        assert all(parse_stamp(row["next_poll_at"]) <= START for row in sim.rows("SELECT next_poll_at FROM sources"))
        await sim.run(minutes=1)
        assert len(sim.polls) == 5
