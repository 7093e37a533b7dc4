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
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from crawler.config import Config
from crawler.crew import Crew, crawl_settings
from crawler.errors import (
    ConfigError,
    PantauError,
    StoreBusy,
    StoreError,
    StoreLocked,
    StoreUnwritable,
    UsageError,
    WorkerError,
)
from crawler.health import Network, judge
from crawler.identity import entry_key, host_key
from crawler.items import Memory, PollReport, PollTask, Recheck, Source, Standing
from crawler.netguard import AddressGuard, resolve_allowed
from crawler.politeness import retry_after_s
from crawler.rhythm import decide_next_poll
from crawler.settings import LIMITS
from operation import STUCK_S, Clock, Meters, StatusServer, health_page, tell_systemd

if TYPE_CHECKING:
    from pipelines.alerts import Plan
    from pipelines.channels import Attempt, Sender
    from pipelines.store import Past, Recorded, Store

log = logging.getLogger("pantau")
TICK_S = 1.0
STOP_S = 4.0  # what runs is given up then; with the crawl process's own end SIGTERM takes at most 7 s
POLLS_AT_ONCE = 96  # a crawl process: fifty outlets that drip until the limit must leave room for the others
BUSY_ATTEMPTS = 60  # of 5 s each: a crawl by hand waits some minutes for whoever locks the database
DELIVERY_S = 120.0  # longer than any delivery takes
UPKEEP_S = 3600.0  # retention and a look at the log file; a day's worth is a few batches
FULL_PAUSE_S = 10.0  # GUARANTEES B3: work goes on within 60 s of there being room again
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
        self._sources = {source.id: source for source in config.sources}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._rng = random.Random()  # noqa: S311  jitter, not a secret
        self.network: Network | None = None  # a daemon's: one crawl by hand says little of the network
        self.meters: Meters | None = None
        self.waiting_since_s: float | None = None  # since when a report could not be recorded, monotonic
        self._plans = {alerts: _plan(config, alerts=alerts) for alerts in (True, False)}
        self._ending: set[asyncio.Task[None]] = set()

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
            crew = Crew(settings, rules, workers=config.settings.workers, on_progress=on_progress)
            watch = cls(config, store, crew, None)
            watch.relay = Relay(store, watch.call, config.channels, _sender(config), **_telling(config))
            try:
                yield watch
            finally:
                for task in watch._ending:
                    task.cancel()
                await asyncio.gather(*watch._ending, return_exceptions=True)
                await watch.crew.stop()
                await watch.relay.sender.close()
                watch._thread.shutdown(wait=True)

    async def reconfigure(self, config: Config) -> None:
        """Go on under another configuration of the same database: polls under way end under the old one. Raises StoreError."""
        settings, rules = await asyncio.to_thread(crawl_settings, config)
        await self.call(self.store.sync_sources, config.sources)
        old: Crew | None = self.crew
        if self.crew.serves(settings, rules, config.settings.workers):
            old = None
        else:
            self.crew = Crew(settings, rules, workers=config.settings.workers)
        sender = self.relay.reconfigured(config.channels, _sender(config), **_telling(config))
        self.config = config
        self._sources = {source.id: source for source in config.sources}
        self._plans = {alerts: _plan(config, alerts=alerts) for alerts in (True, False)}
        task = asyncio.create_task(_end_old(old, sender))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    @property
    def sources(self) -> dict[str, Source]:
        """The sources of the configuration by id."""
        return self._sources

    async def call(self, method: Callable[..., Any], *values: Any) -> Any:
        """Run a store method in the store's own thread: a slow disk must not stop the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(method, *values))

    async def poll(
        self, source: Source, *, since: datetime | None = None, limit: int | None = None, alerts: bool = True
    ) -> Summary:
        """Poll a source and record what came of it; return the summary. Raises StoreError where it could not be recorded."""
        memory, past, rechecks = await self.call(self._before, source.id)
        report = await self.crew.poll(PollTask(source, memory, since, limit or int(LIMITS.max_entries), rechecks))
        if self.network is not None and self.network.saw(host_key(source.url), report):
            await self._note_network(report)
        offline = self.network is not None and self.network.down_since is not None
        standing, rhythm = judge(past.rhythm, past.health, report, past.planned_s, offline=offline)
        failures = past.failures if standing.counts_as_failure else 0
        next_at = decide_next_poll(source, report, failures, datetime.now(UTC), self._rng, rhythm)
        recorded: Recorded = await self._recorded(report, next_at, self._plans[alerts], standing)
        summary = summarised(report, recorded)
        took_s = (report.finished_at - report.started_at).total_seconds()
        log.info(
            "poll source=%s outcome=%s found=%d new=%d kept=%d revised=%d duplicates=%d off_topic=%d alerts=%d errors=%d seconds=%.1f",
            *(source.id, report.outcome, report.found, report.new, summary.kept, summary.revised, summary.duplicates),
            *(report.off_topic, recorded.alerts, len(report.errors), took_s),
        )
        if self.meters is not None:
            done = {name: getattr(summary, name) for name in ("kept", "revised", "duplicates", "off_topic")}
            self.meters.poll(report.outcome, took_s, done)
        return summary

    def _before(self, source: str) -> tuple[Memory, Past, tuple[Recheck, ...]]:
        now = datetime.now(UTC)
        return self.store.memory(source), self.store.past(source), self.store.due_rechecks(source, now)

    async def _note_network(self, report: PollReport) -> None:
        """Tell once that the network is down, or up again."""
        assert self.network is not None
        down_since = self.network.down_since
        if down_since:
            log.warning("network down since=%s", f"{down_since:%Y-%m-%dT%H:%M:%SZ}")
        else:
            log.warning("network up")
        with contextlib.suppress(StoreBusy, StoreUnwritable):  # the notice is lost, the polls are not
            await self.call(
                self.store.note_network, down_since, self.network.missed, report.finished_at, self._plans[True]
            )

    async def _recorded(self, report: PollReport, next_at: datetime, plan: Plan, standing: Standing) -> Recorded:
        """Record a report; wait for as long as somebody else keeps the database locked, for the report is not lost by waiting.

        A daemon also waits for room on the disk, and without end.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                recorded: Recorded = await self.call(self.store.record, report, next_at, plan, standing)
            except (StoreBusy, StoreUnwritable) as error:
                daemon = self.network is not None
                if not daemon and (isinstance(error, StoreUnwritable) or attempt > BUSY_ATTEMPTS):
                    raise
                log.warning("report waits source=%s attempt=%d error=%s", report.source, attempt, error)
                self.waiting_since_s = self.waiting_since_s or time.monotonic()
                await asyncio.sleep(1 if isinstance(error, StoreBusy) else FULL_PAUSE_S)
            else:
                self.waiting_since_s = None
                return recorded


async def _end_old(crew: Crew | None, sender: Sender) -> None:
    """End what served the old configuration once nothing uses it any more."""
    if crew is not None:
        await crew.retire()
    await asyncio.sleep(DELIVERY_S)
    await sender.close()


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
    health = config.alerts.health if alerts else ()
    return Plan(notify, None if max_age is None else timedelta(seconds=max_age), config.settings.recheck_s, health)


def _telling(config: Config) -> dict[str, Any]:
    """Return what the relay goes by beside the channels."""
    return {"zone": ZoneInfo(config.settings.timezone), "health": config.alerts.health}


# ------------------------------------------------------------------------------------------------------- for ever


class Daemon:
    """Polls what is due and sends what is due, until it is told to stop."""

    def __init__(self, watch: Watch, load: Callable[[], Config] | None = None) -> None:
        self.watch = watch
        self.watch.network = Network()
        self.stopping = asyncio.Event()
        self._load = load
        self._clock = Clock()
        self._last_tick_s = time.monotonic()
        self._lag_s = 0.0
        self._running: dict[str, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()  # deliveries, upkeep, a reload
        self._hosts: Counter[str] = Counter()

    @property
    def _sources(self) -> dict[str, Source]:
        return self.watch.sources

    @property
    def _width(self) -> int:
        return POLLS_AT_ONCE * self.watch.config.settings.workers

    async def run(self) -> None:
        """Run until `stopping` is set; then give what runs STOP_S to end."""
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        timer = AsyncIOScheduler(
            timezone=UTC,
            # Without a grace time a tick that comes late is run late; by default it would be dropped after a second.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        now = datetime.now(UTC)
        timer.add_job(self.start_due, "interval", seconds=TICK_S, next_run_time=now)
        timer.add_job(self.start_delivering, "interval", seconds=TICK_S, next_run_time=now)
        timer.add_job(self.start_upkeep, "interval", seconds=UPKEEP_S, next_run_time=now + timedelta(seconds=300))
        await self._take_up()
        async with self._status_server():
            timer.start()
            waking = asyncio.create_task(self._beat(timer))
            log.info("watching sources=%d database=%s", len(self._sources), self.watch.store.path)
            tell_systemd("READY=1")
            try:
                await self.stopping.wait()
            finally:
                tell_systemd("STOPPING=1")
                timer.pause()
                waking.cancel()
                under_way = [*self._running.values(), *self._others, waking]
                await asyncio.wait(under_way, timeout=STOP_S)
                for task in under_way:
                    task.cancel()
                await asyncio.gather(*under_way, return_exceptions=True)
                timer.shutdown(wait=False)
                log.info("stopped")

    def start(self, job: Coroutine[Any, Any, None]) -> None:
        """Run a job beside the ticks; it is waited for at the end."""
        task = asyncio.create_task(job)
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    @contextlib.asynccontextmanager
    async def _status_server(self) -> AsyncIterator[None]:
        """Serve /metrics and /healthz where the configuration asks for it. Raises UsageError where the port is taken."""
        port = self.watch.config.settings.metrics_port
        if port is None:
            yield
            return
        self.watch.meters = Meters()
        try:
            async with StatusServer(port, {"/metrics": self._metrics, "/healthz": self._health}):
                yield
        except OSError as error:
            raise UsageError(f"settings.metrics_port: port {port} cannot be used: {error.strerror}") from error

    async def _health(self) -> tuple[int, str, bytes]:
        assert self.watch.network is not None
        return health_page(
            self._last_tick_s, self.watch.waiting_since_s, network_up=self.watch.network.down_since is None
        )

    async def _metrics(self) -> tuple[int, str, bytes]:
        assert self.watch.meters is not None and self.watch.network is not None
        gauges = await self.watch.call(self.watch.store.gauges)
        gauges |= {
            "polls_running": len(self._running),
            "network_up": self.watch.network.down_since is None,
            "loop_lag_seconds": self._lag_s,
        }
        return 200, "text/plain; version=0.0.4; charset=utf-8", self.watch.meters.text(gauges)

    async def reload(self) -> None:
        """Read sources.yaml again (SIGHUP). A broken one is told in the log, and the old one stays."""
        assert self._load is not None
        tell_systemd(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            config = await asyncio.to_thread(self._load)
            changed = [
                name for name in ("database", "metrics_port", "logs") if _differs(self.watch.config, config, name)
            ]
            if changed:
                log.error("reload: settings.%s changes with a restart only; the rest was not read either", changed[0])
            else:
                await self.watch.reconfigure(config)
                log.info(
                    "reloaded sources=%d rules=%d channels=%d",
                    len(config.sources),
                    len(config.rules),
                    len(config.channels),
                )
        except (ConfigError, StoreError) as error:
            for line in str(error).splitlines():
                log.error("reload refused, the old configuration stays: error=%s", line)
        tell_systemd("READY=1")

    async def _take_up(self) -> None:
        """Take up where the last daemon ended: whether the network was down, and times that a clock set back has left too far."""
        from pipelines.database import parse_stamp

        store, network = self.watch.store, self.watch.network
        assert network is not None
        network.down_since = parse_stamp(await self.watch.call(store.mark, "network_down_since"))
        longest_s = max([LIMITS.max_retry_after_s, *(source.every_s or 0.0 for source in self._sources.values())])
        count = await self.watch.call(store.pull_in, datetime.now(UTC), timedelta(seconds=longest_s * 1.2))
        if count:
            log.warning("times too far ahead, the clock must have been set back: made due count=%d", count)

    async def _beat(self, timer: Any) -> None:
        """Measure the loop's lag, feed systemd's watchdog, and wake the timer after the clock was set back: it would sleep until
        the old time comes again."""
        while True:
            before_s = time.monotonic()
            await asyncio.sleep(TICK_S)
            self._lag_s = time.monotonic() - before_s - TICK_S
            if time.monotonic() - self._last_tick_s < STUCK_S:
                tell_systemd("WATCHDOG=1")
            try:
                if await self._heed_clock():
                    for job in timer.get_jobs():
                        job.modify(next_run_time=datetime.now(UTC))
            except StoreError as error:
                log.warning("clock not heeded error=%s", error)

    async def _heed_clock(self) -> bool:
        """Move what is due along with a clock that jumped; return whether it did. Raises StoreError."""
        jump_s = self._clock.jump_s()
        if not jump_s:
            return False
        log.warning("clock jumped seconds=%+.0f", jump_s)
        await self.watch.call(self.watch.store.move_times, timedelta(seconds=jump_s))
        return True

    async def start_due(self) -> None:
        """Start a poll of each due source whose hosts nobody is polling; while the network is down, of a few."""
        await self._heed_clock()
        self._last_tick_s = time.monotonic()
        assert self.watch.network is not None
        width = Network.PROBES if self.watch.network.down_since else self._width
        free = width - len(self._running)
        if free <= 0 or self.stopping.is_set():
            return
        due = await self.watch.call(self.watch.store.due_sources, datetime.now(UTC), free + len(self._running))
        for name in due:
            source = self._sources.get(name)
            if source is None or name in self._running or len(self._running) >= width:
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

    async def start_delivering(self) -> None:
        """Start sending the alerts that are due; a channel that is slow does not keep the next tick waiting."""
        self.start(self._deliver())

    async def _deliver(self) -> None:
        try:
            counts = await self.watch.relay.deliver_due()
        except (StoreBusy, StoreUnwritable) as error:
            log.warning("alerts wait error=%s", error)
        else:
            if self.watch.meters is not None:
                self.watch.meters.deliveries(counts)

    async def start_upkeep(self) -> None:
        """Start what is done now and then: retention, and a look at the write-ahead log."""
        self.start(self._keep_up())

    async def _keep_up(self) -> None:
        from pipelines.upkeep import MAX_WAL_BYTES

        settings, store, now = self.watch.config.settings, self.watch.store, datetime.now(UTC)
        try:
            for method, age_s in ((store.prune, settings.prune_s), (store.drop_bodies, settings.keep_bodies_s)):
                total = 0
                while age_s and (count := await self.watch.call(method, now - timedelta(seconds=age_s))):
                    total += count
                    await asyncio.sleep(0.2)  # polls are recorded in between
                if total:
                    log.info("retention %s articles=%d", method.__name__, total)
            log_bytes = await self.watch.call(store.wal_bytes)
            if log_bytes > MAX_WAL_BYTES:
                log.warning("a reader keeps the write-ahead log from being emptied bytes=%d", log_bytes)
        except StoreError as error:
            log.warning("upkeep waits error=%s", error)

    async def retry_alerts(self) -> None:
        """Make waiting and failed alerts due now (SIGUSR1, sent by `pantau alerts retry`)."""
        count = await self.watch.call(self.watch.store.retry_alerts, datetime.now(UTC))
        log.info("alerts made due count=%d", count)


async def run_daemon(config: Config, load: Callable[[], Config]) -> None:
    """Watch until SIGTERM or SIGINT; `load` reads the configuration again on SIGHUP.

    Raises StoreError, where another daemon has the database, say.
    """
    async with Watch.opened(config, daemon=True) as watch:
        daemon = Daemon(watch, load)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, daemon.stopping.set)
        loop.add_signal_handler(signal.SIGUSR1, lambda: daemon.start(daemon.retry_alerts()))
        loop.add_signal_handler(signal.SIGHUP, lambda: daemon.start(daemon.reload()))
        await daemon.run()


def _differs(one: Config, other: Config, name: str) -> bool:
    return bool(getattr(one.settings, name) != getattr(other.settings, name))


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
