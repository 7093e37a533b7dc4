"""Months go by (GUARANTEES B14): memory and file handles stay flat, the database grows with its data alone."""

from __future__ import annotations

import gc
import random
import subprocess
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from crawler.items import Article
from tests.conftest import Desk, end, wait_for
from tests.faults.watching import Simulation
from tests.pipelines.conftest import article

SYLLABLES = [
    "ba",
    "ca",
    "da",
    "fa",
    "ga",
    "ha",
    "ja",
    "ka",
    "la",
    "ma",
    "na",
    "pa",
    "ra",
    "sa",
    "ta",
    "wa",
    "ya",
    "nya",
    "nga",
    "lu",
    "mi",
    "so",
    "ke",
    "ti",
]


def text_of(rng: random.Random) -> str:
    words = ["".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))) for _ in range(400)]
    return "\n\n".join(" ".join(words[n : n + 50]).capitalize() + "." for n in range(0, 400, 50))


def size_of(sim: Simulation) -> int:
    sim.store._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return sim.store.path.stat().st_size


@pytest.mark.parametrize(("days", "sources"), [(4, 3), pytest.param(90, 12, marks=pytest.mark.slow)])
async def test_months_of_polls_leave_memory_handles_and_database_as_they_should_be(
    tmp_path: Path, days: int, sources: int
) -> None:
    rng = random.Random(3)
    count = 0

    def articles(source: str, now: datetime) -> tuple[Article, ...]:
        nonlocal count
        if rng.random() > 0.3:
            return ()
        count += 1
        made = article(f"{count}", source=source, title=f"Judul {count}", body=text_of(rng), fetched_at=now)
        return (made,)

    async with Simulation(tmp_path, sources, step_s=60) as sim:
        sim.articles = articles
        process = psutil.Process()
        await sim.run(hours=24 * days / 4)
        gc.collect()
        rss, handles, stored, size = process.memory_info().rss, process.num_fds(), count, size_of(sim)
        await sim.run(hours=24 * days * 3 / 4)
        gc.collect()
        assert process.memory_info().rss - rss < 20 * 2**20
        assert process.num_fds() <= handles
        each = (size_of(sim) - size) / (count - stored)
        assert each < 1.5 * size / stored
        assert len(sim.polls) > days * sources * 10
        assert sim.rows("SELECT count(*) AS n FROM articles") == [{"n": count}]
        assert sim.notices() == []


def tree_mib(process_id: int) -> tuple[float, int]:
    """Return the memory of a process and its children (unique to them), and their file handles."""
    parent = psutil.Process(process_id)
    tree = [parent, *parent.children(recursive=True)]
    return sum(one.memory_full_info().uss for one in tree) / 2**20, sum(one.num_fds() for one in tree)


@pytest.mark.slow
def test_the_real_processes_stay_as_large_as_they_are(desk: Desk) -> None:
    """Some 600 polls."""
    desk.configure(every="5s")
    with (desk.folder / "log").open("w") as log:
        process = subprocess.Popen(desk.command("run"), cwd=desk.folder, stdout=log, stderr=log, text=True)
    try:
        wait_for(lambda: _polls(desk) > 100, 200)
        mib, handles = tree_mib(process.pid)
        wait_for(lambda: _polls(desk) > 600, 600)
        later_mib, later_handles = tree_mib(process.pid)
        assert later_mib - mib < 20
        assert later_handles <= handles + 5
    finally:
        end(process)


def _polls(desk: Desk) -> int:
    if not desk.database.exists() or not desk.rows("SELECT name FROM sqlite_master WHERE name = 'feed'"):
        return 0
    found: int = desk.rows("SELECT coalesce(sum(polls), 0) AS n FROM sources")[0]["n"]
    return found
