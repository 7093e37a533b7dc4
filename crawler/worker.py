"""The crawl process: polls in, reports out, one JSON line each; it knows no database and may be killed at any moment.

    stdin   {"settings": …, "rules": "digest"}   once        stdout  {"ready": pid}       the address guard is proved active
            {"poll": PollTask}                   any number          {"report": PollReport}   as each is done
            end of file: finish what runs, then exit                 {"progress": [source, done, total]}
                                                                     {"alive": polls running, "mib": memory}

Run by crawler.crew as `python -m crawler.worker`. Its real stdout is kept for the lines above; whatever else prints goes to
stderr. Tests: tests/crawler/test_worker.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from importlib import import_module
from typing import IO, TYPE_CHECKING, Any

from crawler.confine import confine_memory
from crawler.items import CrawlSettings, PollReport, PollTask, from_json, to_json
from crawler.logs import set_up_logging
from crawler.settings import LIMITS

if TYPE_CHECKING:
    from crawler.reading import ReadingPool

LINE_LIMIT = 256 * 1024 * 1024  # a report of 500 articles has 5 MB; a line past this is no report of ours


def main() -> None:
    """Run until standard input ends. Exits 1 where the address guard cannot be proved active."""
    confine_memory()
    lines = _claim_stdout()
    # Unbuffered: what is read ahead here would be lost to the event loop, which reads the rest.
    stdin = open(0, "rb", buffering=0)  # noqa: SIM115  it stays open as long as the process lives
    first = json.loads(stdin.readline())
    crawl = from_json(CrawlSettings, first["settings"])
    os.environ.setdefault("SCRAPY_SETTINGS_MODULE", "crawler.settings")
    import_module(os.environ["SCRAPY_SETTINGS_MODULE"])  # others may name another article step
    from crawler.reading import ReadingPool

    with ReadingPool(crawl) as pool:  # its processes start while this one imports Scrapy
        _crawl(crawl, pool, first["rules"], stdin, lines)


def _crawl(crawl: CrawlSettings, pool: ReadingPool, rules: str, stdin: IO[bytes], lines: IO[str]) -> None:
    from scrapy.crawler import AsyncCrawlerProcess
    from scrapy.settings import Settings

    settings = (
        Settings()
    )  # by itself Scrapy would look for a scrapy.cfg of the user and the system, which may name other code
    settings.setmodule(os.environ["SCRAPY_SETTINGS_MODULE"], priority="project")
    settings.set("LOG_INSTALL_ROOT_HANDLER", False)  # its lines would show what ours hide
    set_up_logging(crawl.secrets, "DEBUG" if os.environ.get("PANTAU_DEBUG") else "WARNING")
    # Installs the asyncio reactor: nothing before may import one.
    process = AsyncCrawlerProcess(settings)
    worker = _Worker(stdin, lines)
    from crawler.spiders.outlets import OutletsSpider

    process.crawl(
        OutletsSpider,
        crawl=crawl,
        pool=pool,
        rules=rules,
        inbox=worker.inbox,
        on_report=worker.send_report,
        on_progress=worker.send_progress,
        on_ready=worker.ready,
    )
    process.start(install_signal_handlers=False)
    if not worker.was_ready:
        sys.exit(1)


def _claim_stdout() -> IO[str]:
    """Return the real stdout for our lines and point file descriptor 1 at stderr, so that no print can break a line."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return lines


class _Worker:
    def __init__(self, stdin: IO[bytes], lines: IO[str]) -> None:
        self.stdin, self.lines = stdin, lines
        self.inbox: asyncio.Queue[PollTask | None] = asyncio.Queue()
        self.was_ready = False
        self.running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def ready(self) -> None:
        self.was_ready = True
        self._send({"ready": os.getpid()})
        for job in (self._read_stdin(), self._beat()):
            self._tasks.add(asyncio.create_task(job))

    def send_report(self, report: PollReport) -> None:
        self.running -= 1
        self._send({"report": to_json(report)})

    def send_progress(self, source: str, done: int, total: int) -> None:
        self._send({"progress": [source, done, total]})

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self.lines.write(json.dumps(message, ensure_ascii=False, separators=(",", ":")) + "\n")
            self.lines.flush()
        except BrokenPipeError:  # nobody listens any more: what was polled is polled again by the next process
            os._exit(1)  # at once; the reading processes end with us

    async def _read_stdin(self) -> None:
        reader = asyncio.StreamReader(limit=LINE_LIMIT)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), self.stdin)
        while line := await reader.readline():
            self.running += 1
            self.inbox.put_nowait(from_json(PollTask, json.loads(line)["poll"]))
        self.inbox.put_nowait(None)

    async def _beat(self) -> None:
        while True:
            self._send({"alive": self.running, "mib": memory_mib()})
            await asyncio.sleep(LIMITS.heartbeat_s)


def memory_mib() -> float:
    """Return this process's resident memory in MiB (its peak where the system has no /proc)."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123  (read every two seconds)
            return int(statm.read().split()[1]) * resource.getpagesize() / 1024 / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
