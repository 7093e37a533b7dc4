"""The daemon, and the one picture of how data flows. `python scheduler.py` does the same as `pantau run`.

    sources.yaml ─► crawler.config ─► Config ──────────────── wrong: every problem with its line, exit 2, no request made
                                        │
    Watch (here)    every second: which sources are due?      due times live in the database, with the data
                                        │ PollTask: a source and what it remembers; never two of one host at a time
                                        ▼
    crawler.crew ─► crawler.worker      a child process that lives long and knows no database; killed when it hangs
        crawler.poll                    discover (crawler.discovery) ─► fetch (crawler.fetch: guard, robots, pacing, limits)
        pipelines.article               screen ─► clean, all pages joined ─► label;  in processes of their own (crawler.reading)
                                        │ PollReport, one JSON line a source: articles, new memory, what went wrong
                                        ▼
    pipelines.store                     ONE writer, ONE transaction a report: articles ─ story ─ alerts (outbox) ─ memory
                                        │ killed before it: the poll is simply done again; after it: all is there
                                        ▼
    pipelines.outbox ─► channels        webhook (signed) · everything else (Apprise)        at least once, one id for ever
    view `feed` ─► pipelines.reader     consumers, exports, searches

`crawl_once` is the same without the clock. Tests: tests/test_scheduler.py, tests/test_main_job.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import re
import secrets
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from crawler.config import Config
from crawler.crew import Crew, crawl_settings
from crawler.errors import PantauError, StoreBusy, StoreLocked, UsageError, WorkerError
from crawler.identity import entry_key, host_key
from crawler.items import Memory, PollReport, PollTask, Source
from crawler.netguard import AddressGuard, resolve_allowed
from crawler.politeness import retry_after_s
from crawler.rhythm import decide_next_poll
from crawler.settings import LIMITS

if TYPE_CHECKING:
    from pipelines.alerts import Plan
    from pipelines.channels import Attempt, Sender
    from pipelines.store import Recorded, Store

log = logging.getLogger("pantau")
TICK_S = 1.0
STOP_S = 4.0  # what runs is given up then; with the crawl process's own end SIGTERM takes at most 7 s
POLLS_AT_ONCE = 32  # a crawl process: enough to hide slow outlets, few enough to keep its memory small
FAILED = frozenset({"failed", "refused", "killed"})


@dataclass(slots=True)
class Summary:
    """What a crawl of one source came to; the row of `pantau crawl`."""

    source: str
    outcome: str = "failed"
    found: int = 0
    new: int = 0
    kept: int = 0
    revised: int = 0
    duplicates: int = 0
    off_topic: int = 0
    alerts: int = 0
    problems: list[dict[str, str]] = field(default_factory=list)
    report: PollReport | None = None


class Watch:
    """A store, a crew and a relay under one configuration: what the daemon and a one-off crawl share."""

    def __init__(self, config: Config, store: Store, crew: Crew, relay: Any) -> None:
        self.config, self.store, self.crew, self.relay = config, store, crew, relay
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._rng = random.Random()  # noqa: S311  jitter, not a secret
        self._plans = {alerts: _plan(config, alerts=alerts) for alerts in (True, False)}

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(
        cls, config: Config, on_progress: Callable[[str, int, int], None] | None = None, *, daemon: bool = False
    ) -> AsyncIterator[Watch]:
        """Open the database, take its lock and make ready to crawl and to send. Raises StoreError."""
        from pipelines.outbox import Relay
        from pipelines.store import Store

        settings, rules = crawl_settings(config)
        with Store(config.settings.database, daemon=daemon) as store:
            store.sync_sources(config.sources)
            async with (
                Crew(settings, rules, workers=config.settings.workers, on_progress=on_progress) as crew,
                _sender(config) as sender,
            ):
                watch = cls(config, store, crew, None)
                watch.relay = Relay(store, watch.call, config.channels, sender)
                try:
                    yield watch
                finally:
                    watch._thread.shutdown(wait=True)

    async def call(self, method: Callable[..., Any], *values: Any) -> Any:
        """Run a store method in the store's own thread: a slow disk must not stop the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(method, *values))

    async def poll(
        self, source: Source, *, since: datetime | None = None, limit: int | None = None, alerts: bool = True
    ) -> Summary:
        """Poll a source and record what came of it; return the summary. Raises StoreError where it could not be recorded."""
        memory, failures = (
            await self.call(self.store.memory, source.id),
            await self.call(self.store.failures, source.id),
        )
        rechecks = await self.call(self.store.due_rechecks, source.id, datetime.now(UTC))
        report = await self.crew.poll(PollTask(source, memory, since, limit or int(LIMITS.max_entries), rechecks))
        next_at = decide_next_poll(source, report, failures, datetime.now(UTC), self._rng)
        recorded: Recorded = await self._recorded(report, next_at, self._plans[alerts])
        summary = summarised(report, recorded)
        log.info(
            "poll source=%s outcome=%s found=%d new=%d kept=%d revised=%d duplicates=%d off_topic=%d alerts=%d errors=%d seconds=%.1f",
            *(source.id, report.outcome, report.found, report.new, summary.kept, summary.revised, summary.duplicates),
            *(
                report.off_topic,
                recorded.alerts,
                len(report.errors),
                (report.finished_at - report.started_at).total_seconds(),
            ),
        )
        return summary

    async def _recorded(self, report: PollReport, next_at: datetime, plan: Plan) -> Recorded:
        """Record a report; wait for as long as somebody else keeps the database locked, for the report is not lost by waiting."""
        for attempt in range(1, 61):
            try:
                recorded: Recorded = await self.call(self.store.record, report, next_at, plan)
            except StoreBusy as error:
                log.warning("report waits source=%s attempt=%d error=%s", report.source, attempt, error)
                await asyncio.sleep(1)
            else:
                return recorded
        raise StoreBusy(f"{self.store.path} stayed locked for minutes; the poll of {report.source} is done again later")


# ----------------------------------------------------------------------------------------------------------- once


async def crawl_once(
    config: Config,
    sources: Sequence[Source],
    *,
    since: datetime | None = None,
    limit: int | None = None,
    alerts: bool = True,
    on_progress: Callable[[str, int, int], None] | None = None,
    on_summary: Callable[[Summary], None] = lambda summary: None,
) -> tuple[list[Summary], Counter[str]]:
    """Poll the sources now, due or not; store, and send what is due. Return the summaries and how the alerts went.

    Raises StoreError and WorkerError.
    """
    sent: Counter[str] = Counter()
    async with Watch.opened(config, on_progress) as watch:
        width = asyncio.Semaphore(POLLS_AT_ONCE * config.settings.workers)

        async def one(source: Source) -> Summary:
            async with width:
                summary = await watch.poll(source, since=since, limit=limit, alerts=alerts)
            on_summary(summary)
            return summary

        tasks = [asyncio.create_task(one(source)) for source in sources]
        try:
            summaries = list(await asyncio.gather(*tasks))
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        if alerts:
            sent = await watch.relay.deliver_due()
    return summaries, sent


async def try_once(
    config: Config,
    sources: Sequence[Source],
    memories: dict[str, Memory],
    *,
    since: datetime | None = None,
    limit: int | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> list[Summary]:
    """Poll the sources and store and send nothing: `--dry-run`, `extract URL`, `sources check`. Raises WorkerError."""
    settings, rules = crawl_settings(config)
    async with Crew(settings, rules, workers=config.settings.workers, on_progress=on_progress) as crew:
        tasks = [
            PollTask(source, memories.get(source.id, Memory()), since, limit or int(LIMITS.max_entries))
            for source in sources
        ]
        reports = await asyncio.gather(*(crew.poll(task) for task in tasks))
    return [summarised(report, None) for report in reports]


def summarised(report: PollReport, recorded: Recorded | None) -> Summary:
    """Return the summary of a report; without `recorded` nothing was stored, and kept is what would have been."""
    distinct = {entry_key(article.url) for article in report.articles}
    return Summary(
        source=report.source,
        outcome=report.outcome,
        found=report.found,
        new=report.new,
        kept=len(recorded.kept) if recorded else len(distinct),
        revised=len(recorded.revised) if recorded else 0,
        duplicates=recorded.duplicates if recorded else len(report.articles) - len(distinct),
        off_topic=report.off_topic,
        alerts=recorded.alerts if recorded else 0,
        problems=[{"url": error.url, "kind": error.kind, "message": error.message} for error in report.errors],
        report=report,
    )


def named_sources(config: Config, names: Sequence[str]) -> list[Source]:
    """Return the sources of these ids, all without names. Raises UsageError for an id that is not there."""
    by_id = {source.id: source for source in config.sources}
    unknown = [name for name in names if name not in by_id]
    if unknown:
        raise UsageError(f"no source {', '.join(map(repr, unknown))} in {config.path}; there are: {', '.join(by_id)}")
    return [by_id[name] for name in dict.fromkeys(names)] if names else list(config.sources)


def _plan(config: Config, *, alerts: bool) -> Plan:
    from pipelines.alerts import Plan

    notify = {rule.id: rule.notify for rule in config.rules} if alerts else {}
    max_age = config.alerts.max_age_s
    return Plan(notify, None if max_age is None else timedelta(seconds=max_age), config.settings.recheck_s)


# ------------------------------------------------------------------------------------------------------- for ever


class Daemon:
    """Polls what is due and sends what is due, until it is told to stop."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.stopping = asyncio.Event()
        self._sources = {source.id: source for source in watch.config.sources}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._hosts: Counter[str] = Counter()
        self._width = POLLS_AT_ONCE * watch.config.settings.workers

    async def run(self) -> None:
        """Run until `stopping` is set; then give what runs STOP_S to end."""
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        clock = AsyncIOScheduler(
            timezone=UTC,
            # Without a grace time a tick that comes late is run late; by default it would be dropped after a second.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        clock.add_job(self.start_due, "interval", seconds=TICK_S, next_run_time=datetime.now(UTC))
        clock.add_job(self.deliver_due, "interval", seconds=TICK_S, next_run_time=datetime.now(UTC))
        clock.start()
        log.info("watching sources=%d database=%s", len(self._sources), self.watch.store.path)
        try:
            await self.stopping.wait()
        finally:
            clock.pause()
            under_way = [*self._running.values(), *self._sending]
            if under_way:
                await asyncio.wait(under_way, timeout=STOP_S)
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            clock.shutdown(wait=False)
            log.info("stopped")

    async def start_due(self) -> None:
        """Start a poll of each due source whose hosts nobody is polling."""
        free = self._width - len(self._running)
        if free <= 0 or self.stopping.is_set():
            return
        due = await self.watch.call(self.watch.store.due_sources, datetime.now(UTC), free + len(self._running))
        for name in due:
            source = self._sources.get(name)
            if source is None or name in self._running or len(self._running) >= self._width:
                continue
            hosts = {host_key(source.url), *(host_key(discover.url) for discover in source.discover)}
            if any(self._hosts[host] for host in hosts):
                continue
            self._hosts.update(hosts)
            self._running[name] = asyncio.create_task(self._poll(source, hosts))

    async def _poll(self, source: Source, hosts: set[str]) -> None:
        try:
            await self.watch.poll(source)
        except PantauError as error:  # the database or the crawl process; the source stays due and is polled again
            log.error("poll lost source=%s error=%s", source.id, error)
            await asyncio.sleep(5 if isinstance(error, WorkerError) else 1)
        except Exception as error:  # noqa: BLE001  the boundary "per source": a bug must neither spread nor spin
            log.error("poll lost source=%s error=%s: %s", source.id, type(error).__name__, error)
            await asyncio.sleep(60)
        finally:
            self._hosts.subtract(hosts)
            del self._running[source.id]

    async def deliver_due(self) -> None:
        """Start sending the alerts that are due; a channel that is slow does not keep the next tick waiting."""
        task = asyncio.create_task(self._deliver())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _deliver(self) -> None:
        try:
            await self.watch.relay.deliver_due()
        except StoreBusy as error:
            log.warning("alerts wait error=%s", error)

    async def retry_alerts(self) -> None:
        """Make waiting and failed alerts due now (SIGUSR1, sent by `pantau alerts retry`)."""
        count = await self.watch.call(self.watch.store.retry_alerts, datetime.now(UTC))
        log.info("alerts made due count=%d", count)


async def run_daemon(config: Config) -> None:
    """Watch until SIGTERM or SIGINT. Raises StoreError, where another daemon has the database, say."""
    async with Watch.opened(config, daemon=True) as watch:
        daemon = Daemon(watch)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, daemon.stopping.set)
        pending: set[asyncio.Task[None]] = set()

        def retry() -> None:
            task = asyncio.create_task(daemon.retry_alerts())
            pending.add(task)
            task.add_done_callback(pending.discard)

        loop.add_signal_handler(signal.SIGUSR1, retry)
        await daemon.run()


async def retry_alerts(config: Config) -> dict[str, int]:
    """Send what waits or has failed, now; where a daemon has the database, tell it to. Return how that went.

    `daemon` is the daemon's process id, 0 without one. Raises StoreError.
    """
    try:
        async with Watch.opened(config) as watch:
            await watch.call(watch.store.retry_alerts, datetime.now(UTC))
            sent = await watch.relay.deliver_due()
            return {"daemon": 0, **{name: sent[name] for name in ("sent", "retry", "final")}}
    except StoreLocked:
        process = _daemon_process(config.settings.database)
        if process is None:
            raise
        os.kill(process, signal.SIGUSR1)
        return {"daemon": process, "sent": 0, "retry": 0, "final": 0}


async def try_channel(config: Config, name: str) -> Attempt:
    """Send a test message to a channel and return what came of it. Raises UsageError for a channel that is not there."""
    from pipelines.render import render_test_payload

    channel = config.channels.get(name)
    if channel is None:
        raise UsageError(f"no channel {name!r} in {config.path}; there are: {', '.join(config.channels) or 'none'}")
    async with _sender(config) as sender:
        now = datetime.now(UTC)
        return await sender.send(channel, f"msg_test_{secrets.token_hex(8)}", render_test_payload(name, now))


def backtest(
    config: Config, names: Sequence[str], since: datetime | None, against: Config | None
) -> list[dict[str, Any]]:
    """Return what the rules would have alerted on what is stored, a record each; with `against` what comes and goes.

    Raises UsageError for a rule that is not there, StoreError.
    """
    from pipelines.backtest import Outcome, compared, run
    from pipelines.reader import Reader

    known = {rule.id for rule in config.rules} | ({rule.id for rule in against.rules} if against else set())
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(
            f"no rule {', '.join(map(repr, unknown))} in {config.path}; there are: {', '.join(known) or 'none'}"
        )

    def outcomes(of: Config) -> dict[str, Outcome]:
        rules = {name: spec for name, spec in crawl_settings(of)[0].rules.items() if not names or name in names}
        with Reader(config.settings.database) as reader:
            return run(reader.by_publication(since), rules)

    new = outcomes(config)
    if against is None:
        return [outcome.record() for outcome in new.values()]
    old = outcomes(against)
    return [
        {**(new.get(name) or Outcome(name)).record(), **compared(old.get(name), new.get(name))}
        for name in dict.fromkeys([*new, *old])
    ]


def _sender(config: Config) -> Sender:
    from pipelines.channels import Sender

    webhooks = [channel.webhook for channel in config.channels.values() if channel.webhook]
    guard = AddressGuard(config.settings.allow_private_networks, {host_key(webhook) for webhook in webhooks})
    return Sender(
        partial(resolve_allowed, guard), config.settings.language, ZoneInfo(config.settings.timezone), retry_after_s
    )


def _daemon_process(database: Path) -> int | None:
    """Return the process id of the daemon that holds the database's lock, as it says itself; None for anything else."""
    with contextlib.suppress(OSError):
        found = re.search(r"\(process (\d+), daemon\)", Path(f"{database}.lock").read_text("utf-8"))
        return int(found.group(1)) if found else None
    return None


if __name__ == "__main__":
    from cli import main

    sys.exit(main(["run", *sys.argv[1:]]))
