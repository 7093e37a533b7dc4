"""Children that hang, fork, will not end, eat memory or print without end: ended with all of theirs (GUARANTEES B8)."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from typing import Any

import psutil
import pytest

from crawler import crew as crew_module
from crawler.crew import Crew
from crawler.items import CrawlSettings, Memory, PollTask, Source
from crawler.settings import LIMITS, MIB
from tests.conftest import wait_for
from tests.crawler.test_worker import POLLS
from tests.faults.crawling import ROOT, alive, measure_lag

SAY_PID = "    say({'progress': [str(os.getpid()), 0, 0]})\n"
FORK = """
    for _ in range(5):
        child = os.fork()
        if not child:
            signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)
        say({'progress': [str(child), 0, 0]})
    os._exit(0)
"""
EAT = """
    from crawler import confine
    confine.LIMITS.max_space_mib = 400
    confine.confine_memory()
    eaten = []
    while True:
        eaten.append(bytes(range(256)) * 40_000)
"""
PRINT = """
    block = b'x' * 1_000_000
    for _ in range(1_000):
        sys.stdout.buffer.write(block)
"""
MISDEEDS = {
    "hangs": "    time.sleep(600)\n",
    "forks": FORK,
    "ignores SIGTERM": "    [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; time.sleep(600)\n",
    "eats memory": EAT,
    "prints a gigabyte": PRINT,
}


async def misbehaves(misdeed: str, lags: list[float]) -> tuple[list[int], float]:
    """Let a child misbehave under a poll; return the ids of all its processes and how long that poll took."""
    pids: list[int] = []
    body = POLLS.replace("import json", "import json, signal", 1) + SAY_PID + MISDEEDS[misdeed]
    watching = asyncio.create_task(measure_lag(lags))
    command = (sys.executable, "-c", body)
    async with Crew(CrawlSettings(), "t", command=command, on_progress=lambda pid, *_: pids.append(int(pid))) as crew:
        started = time.monotonic()
        report = await crew.poll(PollTask(Source("a", "a", "https://o.id"), Memory()))
        seconds = time.monotonic() - started
        assert (report.outcome, report.errors[0].kind) == ("killed", "killed"), misdeed
    watching.cancel()
    return pids, seconds


async def check(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LIMITS, "hang_s", 0.5)
    monkeypatch.setattr(crew_module, "STOP_S", 0.2)
    monkeypatch.chdir(ROOT)
    lags: list[float] = []
    before_mib = psutil.Process().memory_info().rss / MIB
    for misdeed in MISDEEDS:
        for _ in range(times):
            pids, seconds = await misbehaves(misdeed, lags)
            assert pids, misdeed
            assert seconds < 5, misdeed
            wait_for(lambda pids=pids: not any(map(alive, pids)), 5)  # type: ignore[misc]
    assert max(lags) < 1, max(lags)
    grown_mib = psutil.Process().memory_info().rss / MIB - before_mib
    print(
        f"{len(MISDEEDS) * times} children, no orphan, lag at most {max(lags) * 1000:.0f} ms, grew by {grown_mib:.0f} MiB"
    )
    assert grown_mib < 300


async def test_nothing_is_left_of_a_child_that_misbehaves(monkeypatch: pytest.MonkeyPatch) -> None:
    await check(2, monkeypatch)


@pytest.mark.slow
async def test_nothing_is_left_of_a_hundred_children_that_misbehave(monkeypatch: pytest.MonkeyPatch) -> None:
    await check(20, monkeypatch)


def confined(body: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from crawler import confine\n" + body],
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_cpu_and_memory_of_a_process_of_ours_have_an_end_that_the_system_sets() -> None:
    started = time.monotonic()
    assert confined("confine.confine_cpu(0)\nwhile True: pass").returncode == -signal.SIGXCPU
    assert time.monotonic() - started < 10
    done = confined("confine.LIMITS.max_space_mib = 500\nconfine.confine_memory()\nbytearray(600 << 20)")
    assert done.stderr.rstrip().endswith("MemoryError")
    limits = confined("confine.confine_memory()\nimport resource; print(resource.getrlimit(resource.RLIMIT_CORE)[0])")
    assert json.loads(limits.stdout) == 0


@pytest.mark.slow
async def test_a_crawl_process_that_stands_still_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one, stopped: it can neither answer nor obey."""
    monkeypatch.setattr(LIMITS, "hang_s", 2.3)
    monkeypatch.chdir(ROOT)
    task: Any = PollTask(Source("a", "a", "https://tidak-ada.invalid"), Memory())
    async with Crew(CrawlSettings(), "t", command=(sys.executable, "-m", "crawler.worker")) as crew:
        process = await crew._process_for(task)
        psutil.Process(process.child.pid).suspend()
        assert (await crew.poll(task)).outcome == "killed"
        assert not alive(process.child.pid)
        assert (await crew.poll(task)).outcome in ("failed", "ok", "empty")
