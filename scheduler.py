"""The daemon, and the one picture of how data flows. `python scheduler.py` does the same as `pantau run`.

    sources.yaml ─► crawler.config ─► Config ──────────────── wrong: every problem with its line, exit 2, no request made
                                        │
    Daemon (here)   every second: which sources are due?      due times live in the database, with the data
                    websub          a hub says that a feed has changed: due at once
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

`watch.crawl_once` is the same without the clock. Tests: tests/test_scheduler.py, tests/test_main_job.py, tests/faults/.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from crawler.config import Config
from crawler.errors import (
    ConfigError,
    PantauError,
    StoreBusy,
    StoreError,
    StoreUnusable,
    StoreUnwritable,
    UsageError,
)
from crawler.health import Network
from crawler.identity import host_key
from crawler.items import Source
from crawler.logs import hide_secrets
from crawler.settings import LIMITS
from operation import STUCK_S, Clock, Meters, StatusServer, health_page, tell_systemd
from watch import Summary, Watch
from websub import WebSubService

log = logging.getLogger("pantau")
TICK_S = 1.0
STOP_S = 4.0  # what runs is given up then; with the crawl process's own end SIGTERM takes at most 7 s
UPKEEP_S = 3600.0  # retention and a look at the log file; a day's worth is a few batches
# A poll that was lost (a bug, the crawl process, the database) is done again after a pause that grows; the third is told as a
# failure of its source.
LOST_PAUSE_S, LONGEST_LOST_PAUSE_S, LOST_TOLD = 5.0, 3600.0, 3


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
        self._waiting: dict[str, None] = {}  # sources that were due at the last tick and found no place, in their order
        self._others: set[asyncio.Task[None]] = set()  # deliveries, upkeep, a reload
        self._hosts: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()  # by source: polls lost in a row
        self._held_until_s: dict[str, float] = {}  # by source, by the clock's steady time: after a lost poll
        self._broken: StoreUnusable | None = None  # why it stopped by itself
        self._websub = WebSubService(
            watch, lambda: self._clock.steady_s(), lambda: self.start(self.start_due()), self._count_callback
        )

    @property
    def _sources(self) -> dict[str, Source]:
        return self.watch.sources

    @property
    def _width(self) -> int:
        """How many polls may run at a time."""
        assert self.watch.network is not None
        return Network.PROBES if self.watch.network.down_since else self.watch.crew.width

    async def run(self) -> None:
        """Run until `stopping` is set; then give what runs STOP_S to end.

        Raises StoreUnusable where the database turns out to be damaged: going on would spread that.
        """
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
        async with self._status_server(), contextlib.AsyncExitStack() as stack:
            await self._websub.follow(self.watch.config)
            stack.push_async_callback(self._websub.close)
            timer.start()
            waking = asyncio.create_task(self._beat(timer))
            log.info("watching sources=%d database=%s", len(self._sources), self.watch.store.path)
            tell_systemd("READY=1")
            try:
                await self.stopping.wait()
            finally:
                self.stopping.set()  # also where this was cancelled: nothing begins any more
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
        if self._broken is not None:
            raise self._broken

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
        async with contextlib.AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(
                    StatusServer(port, {"/metrics": self._metrics, "/healthz": self._health})
                )
            except OSError as error:
                raise UsageError(f"settings.metrics_port: port {port} cannot be used: {error.strerror}") from error
            yield

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
            await self._reload(await asyncio.to_thread(self._load))
        except (ConfigError, StoreError) as error:
            for line in str(error).splitlines():
                log.error("reload refused, the old configuration stays: error=%s", line)
        finally:
            tell_systemd("READY=1")

    async def _reload(self, config: Config) -> None:
        old = self.watch.config
        changed = [name for name in ("database", "metrics_port", "logs") if _differs(old, config, name)]
        if changed:
            log.error("reload: settings.%s changes with a restart only; the rest was not read either", changed[0])
            return
        # What runs goes on under the old configuration for a while: its secrets stay hidden, too.
        hide_secrets(config.secrets() | old.secrets())
        await self.watch.reconfigure(config)
        try:
            await self._websub.follow(config)
        except (UsageError, StoreError) as error:  # all else is under the new configuration already
            log.error("hubs cannot call, reload again when that is mended: error=%s", error)
        log.info(
            "reloaded sources=%d rules=%d channels=%d",
            *(len(config.sources), len(config.rules), len(config.channels)),
        )

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
                self.watch.store.beat()
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
        await self.watch.call(self.watch.store.move_times, timedelta(seconds=jump_s), datetime.now(UTC))
        self._clock.heeded(jump_s)
        await self._websub.clock_moved()
        return True

    async def start_due(self) -> None:
        """Start a poll of each due source whose hosts nobody is polling; while the network is down, of a few."""
        try:
            await self._heed_clock()
            await self._start_due()
        except StoreError as error:
            log.warning("polls wait error=%s", error)

    async def _start_due(self) -> None:
        self._last_tick_s = time.monotonic()
        assert self.watch.network is not None
        if len(self._running) >= self._width or self.stopping.is_set():
            return
        told = [] if self.watch.network.down_since else await self._websub.due()  # without a network, later
        # All of them: those of one busy host must not hide the others.
        due = await self.watch.call(self.watch.store.due_sources, datetime.now(UTC), len(self._sources))
        self._waiting = dict.fromkeys((*told, *due))
        self._start_waiting()

    def _start_waiting(self) -> None:
        """Start as many of the polls that wait as may run; also when one ends, for most take less than the timer's second."""
        while self._waiting and len(self._running) < self._width and not self.stopping.is_set():
            name = next(iter(self._waiting))
            del self._waiting[name]
            source = self._sources.get(name)
            if source is None or name in self._running:
                continue
            if self._held_until_s.get(name, 0.0) > self._clock.steady_s():
                continue
            hosts = {host_key(source.url), *(host_key(discover.url) for discover in source.discover)}
            if any(self._hosts[host] for host in hosts):
                continue
            self._hosts.update(hosts)
            self._websub.begun(name)
            self._running[name] = asyncio.create_task(self._poll(source, hosts))

    async def _poll(self, source: Source, hosts: set[str]) -> None:
        summary: Summary | None = None
        try:
            summary = await self.watch.poll(source)
            if summary.report is not None:
                await self._websub.heed(summary.report)
        except PantauError as error:  # the database or the crawl process; the source stays due and is polled again
            await self._lose(source, error, str(error))
        except Exception as error:  # noqa: BLE001  the boundary "per source": a bug must neither spread nor spin
            await self._lose(source, error, f"{type(error).__name__}: {error}")
        else:
            self._lost.pop(source.id, None)
            self._held_until_s.pop(source.id, None)
        finally:
            self._hosts.subtract(hosts)
            del self._running[source.id]
            self._websub.ended(source.id, brought=summary is not None and summary.new + summary.revised > 0)
            self._start_waiting()

    async def _lose(self, source: Source, error: Exception, told: str) -> None:
        """Hold a source back whose poll was lost; from the third in a row on record that as its failure."""
        log.error("poll lost source=%s error=%s", source.id, told)
        if isinstance(error, StoreUnusable) and not isinstance(error, StoreUnwritable):
            self._stop_for(error)
            return
        self._lost[source.id] += 1
        lost = self._lost[source.id]
        pause_s = min(LOST_PAUSE_S * 3.0 ** min(lost - 1, 20), LONGEST_LOST_PAUSE_S)
        self._held_until_s[source.id] = self._clock.steady_s() + pause_s
        if lost >= LOST_TOLD:
            try:
                await self.watch.note_lost(source, told)
            except PantauError as worse:  # then it is this one's fault, too, and told in the log
                log.error("poll lost source=%s error=%s", source.id, worse)

    def _stop_for(self, error: StoreUnusable) -> None:
        """End because the database cannot be used any more."""
        if self._broken is None:
            log.error("database unusable, stopping: restore a backup (pantau doctor looks at it) error=%s", error)
            self._broken = error
            self.stopping.set()

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

    def _count_callback(self, result: str) -> None:
        if self.watch.meters is not None:
            self.watch.meters.callback(result)

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
        while True:
            try:
                count = await self.watch.call(self.watch.store.retry_alerts, datetime.now(UTC))
            except (StoreBusy, StoreUnwritable) as error:
                log.warning("alerts wait error=%s", error)
                await asyncio.sleep(TICK_S)
            else:
                break
        log.info("alerts made due count=%d", count)


async def run_daemon(config: Config, load: Callable[[], Config]) -> None:
    """Watch until SIGTERM or SIGINT; `load` reads the configuration again on SIGHUP.

    Raises StoreError, where another daemon has the database, say.
    """
    for number in (signal.SIGHUP, signal.SIGUSR1):  # until we listen: by default they would end us
        signal.signal(number, signal.SIG_IGN)
    async with Watch.opened(config, daemon=True, crawls=config.sources) as watch:
        daemon = Daemon(watch, load)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, daemon.stopping.set)
        loop.add_signal_handler(signal.SIGUSR1, lambda: daemon.start(daemon.retry_alerts()))
        loop.add_signal_handler(signal.SIGHUP, lambda: daemon.start(daemon.reload()))
        await daemon.run()


def _differs(one: Config, other: Config, name: str) -> bool:
    return bool(getattr(one.settings, name) != getattr(other.settings, name))


if __name__ == "__main__":
    from cli import main

    sys.exit(main(["run", *sys.argv[1:]]))
