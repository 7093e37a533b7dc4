"""A watch under one configuration: a store, a crew of crawl processes and a relay; and what is done with one by hand.

What the daemon (scheduler.py) does for ever, `crawl_once` does once. The picture of the data flow is scheduler.py's.
Tests: tests/test_main_job.py, tests/test_cli.py, tests/faults/.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import secrets
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from crawler.cluster import Cluster, require_dask
from crawler.config import Config
from crawler.crew import Crew, Progress, crawl_settings
from crawler.errors import (
    StoreBusy,
    StoreLocked,
    StoreUnwritable,
    UsageError,
)
from crawler.health import Network, judge
from crawler.identity import entry_key, host_key
from crawler.items import CrawlSettings, Memory, PollError, PollReport, PollTask, Recheck, Source, Standing
from crawler.netguard import AddressGuard, resolve_allowed
from crawler.politeness import retry_after_s
from crawler.rhythm import decide_next_poll
from crawler.settings import LIMITS
from operation import Meters

if TYPE_CHECKING:
    from pipelines.alerts import Plan
    from pipelines.channels import Attempt, Sender
    from pipelines.store import Past, Recorded, Store

log = logging.getLogger("pantau")
BUSY_ATTEMPTS = 60  # of 5 s each: a crawl by hand waits some minutes for whoever locks the database
DELIVERY_S = 120.0  # longer than any delivery takes
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

    def __init__(self, config: Config, store: Store, crew: Crew | Cluster, relay: Any) -> None:
        self.config, self.store, self.crew, self.relay = config, store, crew, relay
        self._sources = {source.id: source for source in config.sources}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._rng = random.Random()  # noqa: S311  jitter, not a secret
        self.network: Network | None = None  # a daemon's: one crawl by hand says little of the network
        self.meters: Meters | None = None
        self.waiting_since_s: float | None = None  # since when a report could not be recorded, monotonic
        self._plans = {alerts: _plan(config, alerts=alerts) for alerts in (True, False)}
        self._ending: set[asyncio.Task[None]] = set()
        # One report at a time waits for a lock or for room: forty of them would keep the store's thread from all else.
        self._recording = asyncio.Lock()

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(
        cls,
        config: Config,
        on_progress: Callable[[str, int, int], None] | None = None,
        *,
        daemon: bool = False,
        crawls: Sequence[Source] = (),
    ) -> AsyncIterator[Watch]:
        """Open the database, take its lock and make ready to crawl and to send; what will poll `crawls` starts at once.

        Raises StoreError, WorkerError, ConfigError without Dask.
        """
        require_dask(config)
        async with contextlib.AsyncExitStack() as stack:
            crew = _crew(config, *crawl_settings(config), on_progress)
            if isinstance(crew, Crew):
                stack.push_async_callback(crew.stop)  # for what fails below
                await crew.begin(crawls)
            # Only now: they take as long to import as the crawl process takes to start.
            from pipelines.outbox import Relay
            from pipelines.store import Store

            store = stack.enter_context(Store(config.settings.database, daemon=daemon))
            store.sync_sources(config.sources)
            store.sync_channels(config.channels)
            if daemon:
                await _warm_up(config)
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
        """Go on under another configuration of the same database: polls under way end under the old one. Raises StoreError,
        ConfigError without Dask.
        """
        require_dask(config)
        settings, rules = await asyncio.to_thread(crawl_settings, config)
        await _warm_up(config)
        await self.call(self.store.sync_sources, config.sources)
        await self.call(self.store.sync_channels, config.channels)
        old: Crew | Cluster | None = self.crew
        if self.crew.serves(config, settings, rules):
            old = None
        else:
            self.crew = _crew(config, settings, rules)
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
        if self.network is not None and self.network.saw(
            host_key(source.url), report, known=past.reached, failing=past.failures > 0
        ):
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

    async def note_lost(self, source: Source, problem: str) -> None:
        """Record that a poll came to nothing for a reason of ours, as a failure of the source. Raises StoreError."""
        now = datetime.now(UTC)
        error = PollError(source.url, "failed", f"polls are lost: {problem}")
        past = await self.call(self.store.past, source.id)
        report = PollReport(source.id, "failed", now, now, errors=(error,))
        standing, rhythm = judge(past.rhythm, past.health, report, None)
        next_at = decide_next_poll(source, report, past.failures, now, self._rng, rhythm)
        await self._recorded(report, next_at, self._plans[True], standing)

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
        async with self._recording:
            return await self._record_some_time(report, next_at, plan, standing)

    async def _record_some_time(
        self, report: PollReport, next_at: datetime, plan: Plan, standing: Standing
    ) -> Recorded:
        attempt = 0
        try:
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
                    return recorded
        finally:
            self.waiting_since_s = None


async def _warm_up(config: Config) -> None:
    from pipelines.channels import warm_up

    await asyncio.to_thread(warm_up, config.channels.values())


def _crew(config: Config, settings: CrawlSettings, rules: str, on_progress: Progress | None = None) -> Crew | Cluster:
    """Return who crawls: the cluster's workers where the configuration names one, else processes of this machine."""
    if config.settings.dask is not None:
        return Cluster(config, settings, rules)
    return Crew(settings, rules, workers=config.settings.workers, on_progress=on_progress)


async def _end_old(crew: Crew | Cluster | None, sender: Sender) -> None:
    """End what served the old configuration once nothing uses it any more."""
    if crew is not None:
        try:
            await crew.retire()
        finally:
            await crew.stop()
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
    async with Watch.opened(config, on_progress, crawls=sources) as watch:
        width = asyncio.Semaphore(await watch.crew.ready())

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


# -------------------------------------------------------------------------------------------------------- by hand


async def retry_alerts(config: Config) -> dict[str, int]:
    """Send what waits or has failed, now; where a daemon has the database, tell it to. Return how that went.

    `daemon` is the daemon's process id, 0 without one. Raises StoreError.
    """
    from pipelines.database import holder

    try:
        async with Watch.opened(config) as watch:
            await watch.call(watch.store.retry_alerts, datetime.now(UTC))
            sent = await watch.relay.deliver_due()
            return {"daemon": 0, **{name: sent[name] for name in ("sent", "retry", "final")}}
    except StoreLocked:
        other = holder(config.settings.database)
        if other is None or not other.daemon or other.process is None:
            raise
        os.kill(other.process, signal.SIGUSR1)
        return {"daemon": other.process, "sent": 0, "retry": 0, "final": 0}


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
    config: Config,
    names: Sequence[str],
    since: datetime | None,
    against: Config | None,
    rows: Sequence[Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Return what the rules would have alerted on what is stored, or on `rows`, a record each; with `against` what comes and goes.

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
        if rows is not None:
            return run(rows, rules)
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
