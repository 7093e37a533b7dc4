"""Real crawl processes under attack: what the fault tests share. See tests/faults/names.py for the names they know."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from crawler.crew import Crew
from crawler.items import CrawlSettings, Discover, DiscoveryKind, Memory, PollReport, PollTask, Source
from crawler.settings import LIMITS, MIB
from tests.servers import HostileServer, Reply

ROOT = Path(__file__).parent.parent.parent
REAL = (sys.executable, "-m", "crawler.worker")  # without -P: it must find the tests' settings
XML = {"Content-Type": "application/rss+xml"}
HTML = {"Content-Type": "text/html; charset=utf-8"}


@dataclass
class Crawled:
    """What a crawl came to. `lag_s`: how late our own event loop was meanwhile, each time; `peak_mib`: of the whole tree."""

    reports: dict[str, PollReport]
    seconds: float
    lag_s: list[float] = field(default_factory=list)
    peak_mib: float = 0.0

    def kinds(self, name: str) -> list[str]:
        return [error.kind for error in self.reports[name].errors]


def environment(patch: pytest.MonkeyPatch, audit: Path | None = None, reader: str = "", **limits: float) -> None:
    """Let crawl processes that are started from now on use the tests' names, these limits, and note what they do."""
    patch.chdir(ROOT)
    patch.setenv("SCRAPY_SETTINGS_MODULE", "tests.faults.names")
    patch.setenv("PYTHONPATH", str(ROOT))
    patch.setenv("PANTAU_TEST_LIMITS", json.dumps(limits))
    for name, value in (("PANTAU_TEST_AUDIT", str(audit or "")), ("PANTAU_TEST_READER", reader)):
        patch.setenv(name, value)


def crawl(
    settings: CrawlSettings,
    tasks: Sequence[Source | PollTask],
    *,
    audit: Path | None = None,
    reader: str = "tests.crawler.fakereader",
    **limits: float,
) -> Crawled:
    """Poll the sources in one real crawl process, all at once. `reader` "": the real article step."""

    async def polled() -> Crawled:
        async with Crew(settings, "t", command=REAL) as crew:
            await crew._process_for(PollTask(Source("start", "start", "http://start.test"), Memory()))
            process = crew._processes[0]
            assert process is not None
            started = time.monotonic()
            lags: list[float] = []
            watching = asyncio.create_task(measure_lag(lags))
            with Watching(process.child.pid) as watch:
                jobs = [task if isinstance(task, PollTask) else PollTask(task, Memory()) for task in tasks]
                reports = await asyncio.gather(*(crew.poll(job) for job in jobs))
            seconds = time.monotonic() - started
            watching.cancel()
        return Crawled({report.source: report for report in reports}, seconds, lags, watch.peak_mib)

    with pytest.MonkeyPatch.context() as patch:
        environment(patch, audit, reader, **limits)
        for name, value in limits.items():
            patch.setattr(LIMITS, name, value)
        return asyncio.run(polled())


async def measure_lag(lags: list[float], every_s: float = 0.01) -> None:
    """Note again and again how much later than asked the event loop comes back."""
    while True:
        asked = time.monotonic()
        await asyncio.sleep(every_s)
        lags.append(time.monotonic() - asked - every_s)


class Watching:
    """Samples the memory of a process and its descendants from another thread. `peak_mib`: the most of all together."""

    def __init__(self, pid: int, every_s: float = 0.05) -> None:
        self.peak_mib = 0.0
        self._root, self._every_s = psutil.Process(pid), every_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watching:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        with suppress(OSError):  # between two samples it may have had more
            status = Path(f"/proc/{self._root.pid}/status").read_text("ascii")
            self.peak_mib = max(self.peak_mib, int(status.partition("VmHWM:")[2].split()[0]) / 1024)

    def _watch(self) -> None:
        while not self._done.wait(self._every_s):
            total = 0
            with suppress(psutil.Error):
                for process in (self._root, *self._root.children(recursive=True)):
                    with suppress(psutil.Error):
                        total += process.memory_info().rss
            self.peak_mib = max(self.peak_mib, total / MIB)


def source(
    server: HostileServer, name: str, kind: DiscoveryKind = "feed", path: str = "/listing", **more: Any
) -> Source:
    """Return an outlet of its own name on the server."""
    home = server.name(f"{name}.test")
    return Source(name, name, home, (Discover(kind, home + path, **more),))


def open_ports(server: HostileServer, *names: str) -> tuple[str, ...]:
    return tuple(f"{name}:{server.port}" for name in names)


def rss(*links: str, title: str = "Judul") -> Reply:
    items = "".join(f"<item><title>{title}</title><link>{link}</link></item>" for link in links)
    return Reply(f"<rss><channel>{items}</channel></rss>", headers=XML)


def article(title: str = "ASN Wajib Netral", head: str = "", text: str = "") -> str:
    """Return a page with an article on the subject."""
    text = text or (
        "Aparatur sipil negara wajib menjaga netralitas selama pemilihan kepala daerah, kata ketua pengawas pemilu setempat."
    )
    body = "".join(f"<p>{text} Alinea {number} dari {title}.</p>" for number in range(6))
    return (
        f"<!doctype html><html><head><title>{title}</title>{head}</head>"
        f"<body><article><h1>{title}</h1>{body}</article></body></html>"
    )


def audited(path: Path, event: str) -> list[str]:
    """Return what the crawl processes did, in order: "connect" (host:port) or "open" (path)."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [what for kind, what in map(json.loads, lines) if kind == event]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
