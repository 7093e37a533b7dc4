"""GUARANTEES B10, B11: polls that are lost for reasons of ours neither spin nor stay secret, and a damaged database ends the daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crawler.items import PollReport, PollTask
from tests.conftest import Desk
from tests.faults.watching import Simulation


async def test_a_bug_in_one_source_s_polls_is_retried_ever_later_and_told_as_its_failure(tmp_path: Path) -> None:
    async with Simulation(tmp_path, sources=2, every="10m") as sim:
        await sim.run(hours=1)
        real, broken = sim.watch.crew.poll, True

        async def poll(task: PollTask, **options: Any) -> PollReport:
            report = await real(task, **options)
            if broken and task.source.id == "s0":
                raise ZeroDivisionError("a bug")
            return report

        sim.watch.crew.poll = poll  # type: ignore[method-assign]
        sim.polls.clear()
        await sim.run(hours=40)  # told after a day at its next poll, by then some hours apart
        polls = [name for name, _ in sim.polls]
        assert 5 <= polls.count("s0") <= 60  # by the source's own back-off, not every second
        assert polls.count("s1") >= 220
        rows = sim.rows("SELECT state, error FROM sources WHERE id = 's0'")
        assert rows == [{"state": "failing", "error": "failed: polls are lost: ZeroDivisionError: a bug"}]
        assert sim.notices() == ["source.failing"]
        broken = False
        await sim.run(hours=8)
        assert sim.notices() == ["source.failing", "source.recovered"]
        assert not sim.daemon._lost and not sim.daemon._held_until_s


async def test_what_a_source_remembers_is_begun_anew_where_it_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Simulation(tmp_path, sources=3, every="10m") as sim:
        await sim.run(hours=1)
        for source, damage in (("s0", "{broken"), ("s1", '{"lists": 3, "unheard": []}'), ("s2", "[]")):
            sim.store._conn.execute("UPDATE memories SET memory = ? WHERE source = ?", (damage, source))
            sim.store._conn.execute(
                "UPDATE habits SET rhythm = ?, health = ? WHERE source = ?", (damage, damage, source)
            )
        sim.polls.clear()
        await sim.run(hours=1)
        assert {name for name, _ in sim.polls} == {"s0", "s1", "s2"}
        assert len(sim.polls) <= 21
        assert caplog.text.count("memory unreadable, begun anew") == 3
        assert {row["state"] for row in sim.rows("SELECT state FROM sources")} == {"ok"}


@pytest.mark.parametrize("table", [pytest.param("memories", marks=pytest.mark.slow), "sources"])
def test_a_daemon_whose_database_is_damaged_ends_and_says_so(desk: Desk, table: str) -> None:
    desk.configure(every="5s")
    assert desk.pantau("crawl").returncode == 0
    page = desk.rows("SELECT rootpage FROM sqlite_master WHERE name = ?", table)[0]["rootpage"]
    size = desk.rows("PRAGMA page_size")[0]["page_size"]
    desk.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    with desk.database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
    done = desk.pantau("run", timeout_s=60)
    assert done.returncode == 1, done.stderr
    assert "is not a usable SQLite database" in done.stderr
    assert "Traceback" not in done.stderr
