"""A daemon in this process over a real database, with crawl processes that only pretend: hours pass in seconds.

async with Simulation(folder, sources=300) as sim:
    sim.outcome = lambda source, now: ("failed", "connect")
    await sim.run(hours=6)
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import time_machine

from crawler.config import Config, load_config
from crawler.items import Article, Memory, PollError, PollReport, PollTask
from crawler.ledger import Known
from operation import Clock
from pipelines.store import Store
from scheduler import Daemon
from watch import Watch

START = datetime(2024, 11, 13, 1, 0, tzinfo=UTC)
STEP_S = 10


class Simulation:
    """Polls end at once, or after `takes_s` simulated seconds. `polls`: (source, when begun), in order."""

    def __init__(
        self, folder: Path, sources: int = 10, *, every: str = "", start: datetime = START, step_s: int = STEP_S
    ) -> None:
        self.polls: list[tuple[str, datetime]] = []
        self.outcome: Callable[[str, datetime], tuple[str, str]] = lambda source, now: ("ok", "")
        self.takes_s: Callable[[str], float] = lambda source: 0.0
        self.together = 0  # the most polls of one host at a time
        self._hosts: Counter[str] = Counter()
        self.articles: Callable[[str, datetime], tuple[Article, ...]] = lambda source, now: ()
        self._step_s = step_s
        self._folder, self._count, self._every, self._start = folder, sources, every, start

    async def __aenter__(self) -> Simulation:
        self.travel = time_machine.travel(self._start, tick=False)
        self.clock = self.travel.start()
        self.store = Store(self.config().settings.database, daemon=True)
        self.store.sync_sources(self.config().sources)
        self.watch = Watch(self.config(), self.store, SimpleNamespace(poll=self._poll, width=96), SimpleNamespace())  # type: ignore[arg-type]
        self.daemon = Daemon(self.watch)
        self.daemon._clock = Clock(steady=lambda: datetime.now(UTC).timestamp())  # time passes: nothing jumps
        await self.daemon._take_up()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self.daemon._running.values():
            task.cancel()
        await asyncio.gather(*self.daemon._running.values(), return_exceptions=True)
        self.watch._thread.shutdown(wait=True)
        self.store.close()
        self.travel.stop()

    def config(self) -> Config:
        path = self._folder / "sources.yaml"
        every = f", every: {self._every}" if self._every else ""
        lines = [
            f"  - {{id: s{n}, name: S{n}, url: 'https://s{n}.example', discover: [{{feed: 'https://s{n}.example/feed'}}]{every}}}"
            for n in range(self._count)
        ]
        channel = "channels:\n  darurat: {webhook: 'https://hook.example/a', secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}\n"
        path.write_text("sources:\n" + "\n".join(lines) + f"\n{channel}alerts: {{health: [darurat]}}\n", "utf-8")
        return load_config(path)

    async def _poll(self, task: PollTask) -> PollReport:
        name, begun = task.source.id, datetime.now(UTC)
        self.polls.append((name, begun))
        self._hosts[name] += 1
        self.together = max(self.together, self._hosts[name])
        while (datetime.now(UTC) - begun).total_seconds() < self.takes_s(name):  # noqa: ASYNC110  simulated time
            await asyncio.sleep(0)
        self._hosts[name] -= 1
        outcome, kind = self.outcome(name, datetime.now(UTC))
        errors = (PollError(task.source.url, kind, "a message"),) if kind else ()
        found = 20 if outcome in ("ok", "not_modified") else 0
        report = PollReport(name, outcome, begun, datetime.now(UTC), found, errors=errors)  # type: ignore[arg-type]
        if outcome != "ok":
            return report
        known = {str(begun.date()): Known(begun.date().isoformat(), "off_topic")}
        articles = self.articles(name, begun)
        return replace(report, new=1, arrivals=(begun,), articles=articles, memory=Memory(known=known))

    async def run(self, *, hours: float = 0, minutes: float = 0) -> None:
        """Let so much time pass, in steps, as the daemon's timer would."""
        end = datetime.now(UTC) + timedelta(hours=hours, minutes=minutes)
        while datetime.now(UTC) < end:
            await self.daemon.start_due()
            for _ in range(200):
                quick = [name for name in self.daemon._running if not self.takes_s(name)]
                if not quick:
                    break
                await asyncio.wait([self.daemon._running[name] for name in quick], timeout=5)
            self.clock.shift(self._step_s)
            await asyncio.sleep(0)

    def notices(self) -> list[str]:
        return [row[0] for row in self.store._conn.execute("SELECT type FROM alerts ORDER BY rowid")]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        cursor = self.store._conn.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]
