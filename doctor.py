"""`pantau doctor`: what is wrong with this installation, and the mend. Looks, changes nothing, sends nothing, asks no outlet.

Each check returns findings, good ones included. Tests: tests/test_doctor.py.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from crawler.config import Config, load_config
from crawler.errors import ConfigError, StoreError
from crawler.politeness import is_loopback_host
from operation import STUCK_S

Level = Literal["ok", "warning", "problem"]
LEAST_FREE_BYTES = 512 * 2**20  # a backup of a year's database, or a month of growth
FILES_A_CRAWL = 4096  # connections of 32 polls, and the reading processes' pipes, many times over
NOT_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)  # this program is not older: a clock before it is wrong
# Up to 3.51.2 two connections that write and checkpoint at once can corrupt a WAL database; we have one writer.
WAL_RESET_FIXED = (3, 51, 3)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what was found, and how to mend it where it is not well."""

    level: Level
    about: str
    found: str
    mend: str = ""


def examine(path: Path, database: Path | None) -> list[Finding]:
    """Return everything that was looked at, in the order of a set-up. Never raises for what it finds.

    A database that is named is looked at without a configuration, too: a restored copy, say.
    """
    findings = list(_machine())
    if database is not None and not path.exists():
        return [*findings, *_disk(database), *_database(database)]
    try:
        config = load_config(path, database=database)
    except ConfigError as error:
        mend = "mend these lines; docs/sources.schema.json helps an editor to check them"
        findings += [Finding("problem", "configuration", line, mend) for line in str(error).splitlines()]
        return [*findings, *(_database(database) if database else ())]
    counts = f"{len(config.sources)} sources, {len(config.rules)} rules, {len(config.channels)} channels"
    findings.append(Finding("ok", "configuration", counts))
    for check in _CHECKS:
        findings += check(config)
    return [*findings, *_disk(config.settings.database), *_database(config.settings.database)]


def _machine() -> Iterator[Finding]:
    yield Finding("ok", "python", sys.version.split()[0])
    now = datetime.now(UTC)
    if now < NOT_BEFORE:
        yield Finding(
            "problem", "clock", f"{now:%Y-%m-%d}", "set the clock: due times and ages of articles depend on it"
        )
    try:
        ZoneInfo("Asia/Jayapura")
    except OSError:
        yield Finding("problem", "time zones", "no time zone data", "install tzdata")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files < FILES_A_CRAWL:
        yield Finding(
            "warning", "open files", f"at most {files}", f"ulimit -n {FILES_A_CRAWL}, or LimitNOFILE= in the unit"
        )
    linked = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < WAL_RESET_FIXED:
        yield Finding("ok", "sqlite", f"{linked}: before 3.51.3, so nothing but pantau should write to the database")
    else:
        yield Finding("ok", "sqlite", linked)


def _settings(config: Config) -> Iterator[Finding]:
    settings = config.settings
    if settings.contact is None:
        yield Finding(
            "warning", "contact", "none", "settings.contact: an outlet that wants us to stop must be able to say so"
        )
    if settings.allow_private_networks:
        yield Finding(
            "warning",
            "private networks",
            "allowed",
            "settings.allow_private_networks: false, unless outlets of yours are on them",
        )


def _telling(config: Config) -> Iterator[Finding]:
    if not config.rules:
        yield Finding("warning", "rules", "none", "without rules articles are stored and nobody is told")
    silent = [rule.id for rule in config.rules if not rule.notify]
    if silent:
        yield Finding("warning", "rules", f"{', '.join(silent)} tell nobody", "notify: [a channel]")
    used = {channel for rule in config.rules for channel in rule.notify} | set(config.alerts.health)
    idle = [name for name in config.channels if name not in used]
    if idle:
        yield Finding(
            "warning", "channels", f"no rule tells {', '.join(idle)}", "name them in a rule's notify, or remove them"
        )
    if config.channels and not config.alerts.health:
        mend = "alerts.health: [a channel], else a source that falls silent is seen in `pantau status` only"
        yield Finding("warning", "health", "nobody is told of silent sources", mend)
    import apprise

    for name, channel in config.channels.items():
        if channel.apprise and not apprise.Apprise().add(channel.apprise):
            yield Finding(
                "problem", "channels", f"{name}: Apprise does not know this address", "see Apprise's list of services"
            )
    yield Finding("ok", "channels", "`pantau alerts test CHANNEL` sends a test message")


def _cluster(config: Config) -> Iterator[Finding]:
    if config.settings.dask is None:
        return
    from crawler.cluster import look

    try:
        workers = asyncio.run(look(config))
    except (
        ConfigError,
        OSError,
        TypeError,
        ValueError,
        RuntimeError,
    ) as error:  # the last three: Dask, of wrong TLS settings
        why = str(error) or type(error).__name__
        yield Finding(
            "problem", "cluster", f"{config.settings.dask}: {why}", "see docs/scale.md; until then polls wait"
        )
        return
    differing = {worker: why for worker, why in workers.items() if why}
    for worker, why in differing.items():
        yield Finding("problem", "cluster", f"{worker}: {why}", "install the same versions there; it gets no polls")
    fit = len(workers) - len(differing)
    level: Level = "ok" if fit else "problem"
    yield Finding(level, "cluster", f"{fit} workers", "" if fit else "start workers, see docs/scale.md")


def _websub(config: Config) -> Iterator[Finding]:
    websub = config.settings.websub
    if (
        websub is not None
        and websub.callback.startswith("http:")
        and not is_loopback_host(urlsplit(websub.callback).hostname or "")
    ):
        mend = "settings.websub.callback: an https address; with this one who listens on the way can cause polls"
        yield Finding("warning", "hubs", "call over http", mend)


def _disk(database: Path) -> Iterator[Finding]:
    folder = database.absolute().parent
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    level: Level = "ok" if free >= LEAST_FREE_BYTES else "problem"
    yield Finding(
        level,
        "disk",
        f"{free / 2**30:.1f} GiB free at {existing}",
        "" if level == "ok" else "make room: without it nothing is stored",
    )
    if not os.access(existing, os.W_OK):
        yield Finding("problem", "disk", f"{existing} cannot be written", "chown it to the user that runs pantau")


def _database(path: Path) -> Iterator[Finding]:
    from pipelines.database import holder
    from pipelines.reader import Reader
    from pipelines.upkeep import MAX_WAL_BYTES

    if not path.exists():
        yield Finding("ok", "database", f"{path} does not exist yet: the first crawl makes it")
        return
    try:
        with Reader(path) as reader:
            broken = reader.damage()
            counts, sources, hubs = reader.counts(), reader.sources(), reader.subscriptions()
    except StoreError as error:
        yield Finding("problem", "database", str(error), "restore a backup, or name another file")
        return
    if broken:
        yield Finding("problem", "database", f"{path} is damaged: {broken}", "stop pantau and restore the last backup")
        return
    yield Finding("ok", "database", f"{counts['articles']} articles, {counts['bytes'] / 1e6:.1f} MB")
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size > MAX_WAL_BYTES:
        size = f"its log has {log.stat().st_size / 2**20:.0f} MiB"
        yield Finding("warning", "database", size, "some program reads without end: close it")
    running = holder(path)
    yield (
        Finding("ok", "daemon", "runs")
        if running
        else Finding("warning", "daemon", "does not run", "`pantau run`, or deploy/pantau.service")
    )
    if running and running.daemon and running.quiet_s > STUCK_S:
        yield Finding(
            "problem", "daemon", f"no sign of life for {running.quiet_s:.0f} s", "restart it, and keep its log"
        )
    last = max((row["last_poll_at"] or "" for row in sources), default="")
    if running and last and datetime.now(UTC) - datetime.fromisoformat(last) > timedelta(hours=6):
        yield Finding("problem", "daemon", f"polled last at {last}", "look at its log; restart it")
    yield from _health(counts, sources)
    refused = [row for row in hubs if row["error"]]
    if refused:
        mend = "`pantau status` says why; a hub must reach settings.websub.callback. Until then these are polled as others are"
        yield Finding("warning", "hubs", f"{len(refused)} of {len(hubs)} subscriptions are not given", mend)


def _health(counts: dict[str, int], sources: list[dict[str, object]]) -> Iterator[Finding]:
    if counts["alerts_failed"]:
        mend = "`pantau alerts list` shows why, `pantau alerts retry` sends them again"
        yield Finding("problem", "alerts", f"{counts['alerts_failed']} were given up", mend)
    bad = [row for row in sources if row["active"] and row["state"] not in ("ok", "new")]
    if bad:
        mend = "`pantau status` says what, `pantau sources check ID` tries one"
        yield Finding("warning", "sources", f"{len(bad)} are not well", mend)


_CHECKS: tuple[Callable[[Config], Iterator[Finding]], ...] = (_settings, _telling, _cluster, _websub)
