"""The parent's side of the crawl processes: start them, hand out polls, kill and replace those that hang or grow.

`Crew.poll` always returns a report: where a process dies under a poll, one with the outcome `killed`. It knows no database.
Tests: tests/crawler/test_worker.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from crawler.config import Config
from crawler.errors import WorkerError
from crawler.identity import host_key, redacted, split
from crawler.items import CrawlSettings, PollError, PollReport, PollTask, Source, from_json, to_json
from crawler.settings import LIMITS
from crawler.worker import LINE_LIMIT
from pipelines.screen import search_words

log = logging.getLogger(__name__)
POLLS_AT_ONCE = 96  # a crawl process: fifty outlets that drip until the limit must leave room for the others
START_S = 60  # a crawl process is ready after 1-3 s; a busy machine may need ten times that
STOP_S = 2  # what runs is given up after that: the next start polls it again

Progress = Callable[[str, int, int], None]


class Crew:
    """Some crawl processes, started when first needed. Use as an async context manager."""

    def __init__(
        self,
        settings: CrawlSettings,
        rules: str,
        *,
        workers: int = 1,
        on_progress: Progress | None = None,
        command: tuple[str, ...] = (sys.executable, "-P", "-m", "crawler.worker"),
    ) -> None:
        self._first_line = {"settings": to_json(settings), "rules": rules}
        self._on_progress = on_progress or (lambda source, done, total: None)
        self._command = command
        self._processes: list[_Process | None] = [None] * workers
        self._retired: list[_Process] = []  # they finish their polls, and get no more
        self._starting = [asyncio.Lock() for _ in range(workers)]

    async def poll(self, task: PollTask) -> PollReport:
        """Return the report of one poll. Raises WorkerError where no crawl process can be started."""
        started_at = datetime.now(UTC)
        try:
            return await (await self._process_for(task)).poll(task)
        except _Died as error:
            problem = PollError(redacted(task.source.url), "killed", str(error))
            return PollReport(task.source.id, "killed", started_at, datetime.now(UTC), errors=(problem,))

    async def _process_for(self, task: PollTask) -> _Process:
        """Return the process for a source: always the same one for a host, because pacing and robots.txt live there."""
        place = self._place(task.source)
        async with self._starting[place]:
            process = self._processes[place]
            if process is None or not process.usable:
                self._retired = [old for old in (*self._retired, process) if old is not None and not old.dead]
                process = self._processes[place] = await self._begun()
            await process.until_ready()
            return process

    async def begin(self, sources: Iterable[Source]) -> None:
        """Begin to start the processes that will poll these sources; `poll` waits for them. Raises WorkerError."""
        for place in set(map(self._place, sources)):
            async with self._starting[place]:
                self._processes[place] = self._processes[place] or await self._begun()

    def _place(self, source: Source) -> int:
        digest = hashlib.sha256(host_key(source.url).encode()).digest()
        return int.from_bytes(digest[:4]) % len(self._processes)

    async def _begun(self) -> _Process:
        return await _Process.begun(self._command, self._first_line, self._on_progress)

    @property
    def width(self) -> int:
        """How many polls it takes at a time."""
        return POLLS_AT_ONCE * len(self._processes)

    async def ready(self) -> int:
        """Return the width: there is nothing to wait for."""
        return self.width

    def serves(self, config: Config, settings: CrawlSettings, rules: str) -> bool:
        """Return whether it crawls where and as this configuration says."""
        here = config.settings.dask is None and len(self._processes) == config.settings.workers
        return here and self._first_line == {"settings": to_json(settings), "rules": rules}

    async def retire(self) -> None:
        """Let the processes finish their polls, and end."""
        processes = [process for process in (*self._processes, *self._retired) if process is not None]
        for process in processes:
            process.take_no_more()
        await asyncio.gather(*(process.child.wait() for process in processes))
        await self.stop()

    async def stop(self) -> None:
        """End the processes within STOP_S."""
        await asyncio.gather(*(process.stop() for process in (*self._processes, *self._retired) if process is not None))

    async def __aenter__(self) -> Crew:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


class _Died(Exception):
    """The process ended, or was ended, with polls under way."""


class _Process:
    """One crawl process and the polls it has under way."""

    def __init__(self, child: asyncio.subprocess.Process, on_progress: Progress) -> None:
        self.child = child
        self.polls: dict[str, asyncio.Future[PollReport]] = {}
        self.on_progress = on_progress
        self.done = 0
        self.mib = 0.0
        self.dead = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.reading: asyncio.Task[None] | None = None

    @classmethod
    async def begun(cls, command: tuple[str, ...], first_line: dict[str, object], on_progress: Progress) -> _Process:
        """Return a process that has begun to start. Raises WorkerError."""
        try:
            child = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=LINE_LIMIT,
                start_new_session=True,  # one group, so that its own children die with it
            )
        except OSError as error:
            raise WorkerError(f"the crawl process did not start: {error}") from error
        process = cls(child, on_progress)
        process.reading = asyncio.create_task(process._read())
        try:
            process._write(first_line)
        except _Died as error:  # ended already
            await process.kill("it did not start")
            raise WorkerError(f"the crawl process did not start: {error}") from error
        return process

    async def until_ready(self) -> None:
        """Wait until it takes polls. Raises WorkerError."""
        try:
            async with asyncio.timeout(START_S):
                await asyncio.shield(self.ready)
        except (_Died, TimeoutError) as error:
            await self.kill("it did not start")
            raise WorkerError(f"the crawl process did not start: {error or f'not ready after {START_S} s'}") from error

    @property
    def usable(self) -> bool:
        """Whether it takes another poll: it lives, and is neither too large nor too old. A retired one finishes its polls."""
        if self.dead:
            return False
        if self.mib > LIMITS.max_worker_mib or self.done > LIMITS.max_worker_polls:
            if self.child.stdin is not None and not self.child.stdin.is_closing():
                log.info("crawl process replaced: pid=%d mib=%.0f polls=%d", self.child.pid, self.mib, self.done)
                self.take_no_more()
            return False
        return True

    def take_no_more(self) -> None:
        """Let it end after the polls that it has under way."""
        if self.child.stdin is not None and not self.child.stdin.is_closing():
            self.child.stdin.close()

    async def poll(self, task: PollTask) -> PollReport:
        future: asyncio.Future[PollReport] = asyncio.get_running_loop().create_future()
        assert task.source.id not in self.polls, "a source is never polled twice at a time"
        self.polls[task.source.id] = future
        try:
            self._write({"poll": to_json(task)})
            async with asyncio.timeout(LIMITS.poll_timeout_s * 1.5):
                return await future
        except TimeoutError:
            await self.kill(f"a poll of {task.source.id} did not end")
            raise _Died(f"did not end within {LIMITS.poll_timeout_s * 1.5:.0f} s") from None
        finally:
            self.polls.pop(task.source.id, None)

    def _write(self, message: dict[str, object]) -> None:
        assert self.child.stdin is not None
        if self.dead or self.child.stdin.is_closing():
            raise _Died("the crawl process has ended")
        self.child.stdin.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")

    async def _read(self) -> None:
        """Take its lines until it ends; kill it when it gives no sign of life."""
        assert self.child.stdout is not None
        why = "the crawl process ended"
        try:
            while True:
                async with asyncio.timeout(LIMITS.hang_s if self.ready.done() else START_S):
                    line = await self.child.stdout.readline()
                if not line:
                    break
                self._take(json.loads(line))
        except TimeoutError:
            why = f"no sign of life for {int(LIMITS.hang_s)} s"
        except _Died as error:
            why = str(error)
        except (ValueError, TypeError, LookupError, AttributeError) as error:  # too long, no JSON, or not our words
            why = f"it wrote nonsense: {type(error).__name__}: {error}"
        await self.kill(why)

    def _take(self, message: dict[str, Any]) -> None:
        """Act on one line. Raises ValueError, TypeError, LookupError or AttributeError for nonsense, _Died past the memory limit."""
        if "report" in message:
            report = from_json(PollReport, message["report"])
            self.done += 1
            future = self.polls.get(report.source)
            if future and not future.done():
                future.set_result(report)
        elif "progress" in message:
            self.on_progress(*message["progress"])
        elif "alive" in message:
            self.mib = float(message["mib"])
            if self.mib > LIMITS.kill_worker_mib:
                raise _Died(f"it grew to {self.mib:.0f} MiB")
        elif "ready" in message:
            if not self.ready.done():
                self.ready.set_result(None)
        else:
            raise ValueError("not one of our words")

    async def kill(self, why: str) -> None:
        """End it and all its children at once; its polls fail."""
        if not self.dead:
            self.dead = True
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.child.pid, signal.SIGKILL)
            code = await self.child.wait()
            if self.polls:
                log.warning(
                    "crawl process killed: pid=%d code=%s why=%s polls=%s",
                    self.child.pid,
                    code,
                    why,
                    ",".join(self.polls),
                )
        futures: list[asyncio.Future[Any]] = [*self.polls.values(), self.ready]
        for future in futures:
            if not future.done():
                future.set_exception(_Died(why))
        if self.ready.done() and not self.ready.cancelled():
            self.ready.exception()  # seen, so that asyncio does not report it as lost

    async def stop(self) -> None:
        """Let it end; kill it when it does not within STOP_S."""
        if not self.dead:
            with contextlib.suppress(OSError):
                assert self.child.stdin is not None
                self.child.stdin.close()
            if self.ready.done():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(STOP_S if self.polls else 2):
                        await self.child.wait()
            await self.kill("stopped")
        if self.reading is not None:
            self.reading.cancel()
            await asyncio.gather(self.reading, return_exceptions=True)


def crawl_settings(config: Config) -> tuple[CrawlSettings, str]:
    """Return what crawl processes are told of a configuration, and the digest of its topic.

    Under another digest, what was off topic is new again (crawler.poll).
    """
    rules = {
        rule.id: {"match": rule.match, "categories": list(rule.categories), "regions": list(rule.regions)}
        for rule in config.rules
    }
    addresses = [source.url for source in config.sources]
    addresses += [discover.url for source in config.sources for discover in source.discover]
    addresses += [url for source in config.sources for url in source.urls]
    hosts = {host_key(address) for address in addresses}
    passwords = {parts.password or "" for parts in map(split, addresses) if parts is not None}
    secrets = {secret for secret in config.secrets() | passwords if secret and any(secret in url for url in addresses)}
    settings = CrawlSettings(
        contact=config.settings.contact or "",
        delay_s=config.settings.delay_s,
        allow_private_networks=config.settings.allow_private_networks,
        keep=config.settings.keep,
        topic=config.topic,
        rules=rules,
        search_words=search_words(config.topic) if config.settings.keep == "matching" else (),
        archive=config.settings.archive,
        ports=tuple(sorted(host for host in hosts if host.rpartition(":")[2] not in ("80", "443"))),
        secrets=tuple(sorted(secrets)),
    )
    decided_by = json.dumps([settings.keep, settings.topic], sort_keys=True, ensure_ascii=False)
    return settings, hashlib.sha256(decided_by.encode()).hexdigest()[:16]
