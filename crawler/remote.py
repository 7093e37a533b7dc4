"""What is done in a Dask worker for a daemon that crawls on a cluster (crawler.cluster): a crew each, held by a lease.

Everything here runs in the Dask worker's own event loop, but for `run_there`, and knows no Dask. Tests: tests/test_cluster.py.
"""

from __future__ import annotations

import asyncio
import json
import logging
import platform
import subprocess
import sys
import zlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from crawler.crew import Crew
from crawler.errors import WorkerError
from crawler.items import CrawlSettings, PollTask, from_json, to_json

log = logging.getLogger(__name__)
LEASE_S = 20.0  # five beats of the daemon: a busy worker or a lost packet must not end a crawl
# What must be the same on both sides: who understands whom, and what decides what an article comes to.
PACKAGES = ("pantau-asn", "rensa", "lxml", "google-re2", "dask", "distributed")


def versions() -> dict[str, str]:
    """Return the versions that both sides must share; "none" for what is not installed."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def differences(ours: dict[str, str], theirs: dict[str, str]) -> str:
    """Return in words where two sides differ, "" where they do not."""
    return "; ".join(
        f"{name} is {ours[name]} here and {theirs.get(name, 'none')} there"
        for name in ours
        if ours[name] != theirs.get(name, "none")
    )


@dataclass(slots=True)
class _Held:
    """A crew that crawls here for a daemon. `watch`: whose; `run`: of the daemon; `session`: of its configuration."""

    watch: str
    run: str
    session: str
    crew: Crew
    lease: asyncio.TimerHandle | None = None

    def prolong(self, token: str) -> None:
        """Let it crawl for another LEASE_S."""
        if self.lease is not None:
            self.lease.cancel()
        self.lease = asyncio.get_running_loop().call_later(LEASE_S, _end_unheard, token)


_held: dict[str, _Held] = {}  # by the token of the greeting; all in the Dask worker's own event loop
_ending: set[asyncio.Task[None]] = set()


async def take_on(token: str, watch: str, run: str, session: str, told: bytes) -> None:
    """Make ready to crawl for a daemon. First what an earlier run of it, or an earlier greeting, left here is ended."""
    stale = [
        name for name, held in _held.items() if held.watch == watch and (held.run != run or held.session == session)
    ]
    for name in stale:
        await _end(name)
    settings, rules = unpack(told)
    _held[token] = _Held(watch, run, session, Crew(from_json(CrawlSettings, settings), rules))
    _held[token].prolong(token)


async def beat(token: str) -> bool:
    """Prolong the lease of a crew; return whether it is still held."""
    if token in _held:
        _held[token].prolong(token)
    return token in _held


async def leave(token: str) -> None:
    """End the crew of a daemon that needs it no more."""
    if token in _held:
        await _end(token)


async def poll_here(token: str, packed: bytes) -> bytes:
    """Return the report of a poll done here, or why no crawl process starts; nothing where the crew is gone or went meanwhile.

    An error is no exception: Dask would write the arguments of a task that failed to its log.
    """
    held = _held.get(token)
    if held is None:
        return b""
    try:
        answer = {"report": to_json(await held.crew.poll(from_json(PollTask, unpack(packed))))}
    except WorkerError as error:
        answer = {"error": str(error)}
    if _held.get(token) is not held:
        await held.crew.stop()  # a process may have started while the others were ended
        return b""
    return pack(answer)


def _end_unheard(token: str) -> None:
    log.warning("crawl ended: nothing heard of its daemon for %.0f s", LEASE_S)
    ending = asyncio.create_task(leave(token))
    _ending.add(ending)
    ending.add_done_callback(_ending.discard)


async def _end(token: str) -> None:
    held = _held.pop(token)
    if held.lease is not None:
        held.lease.cancel()
    await held.crew.stop()


def pack(value: object) -> bytes:
    """Return plain data as it crosses the wire: a fifth of its size, and nothing to read in a log."""
    return zlib.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def unpack(packed: bytes) -> Any:
    """Return what `pack` packed."""
    return json.loads(zlib.decompress(packed))


def run_there(module: str, given: bytes) -> tuple[int, bytes, str]:
    """Run a module of ours in a process of its own, in a thread of a Dask worker; return its status, what it wrote, its complaint."""
    command = [sys.executable, "-P", "-m", module]
    done = subprocess.run(command, input=given, capture_output=True, check=False)  # noqa: S603  ours
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")
