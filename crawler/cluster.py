"""Crawling on a Dask cluster (`settings.dask`): the daemon's side, in crawler.crew's place.

    Cluster, in the daemon        Dask's scheduler          crawler.remote, in a Dask worker: a Crew with one crawl process
      greet ──────────────────────────────────────────────► versions, take_on    who differs from us gets no poll
      beat, every BEAT_S ─────────────────────────────────► beat    a lease: unheard for LEASE_S, the crawl process is ended
      poll ── a task, pinned to the worker of its host ───► poll_here ─► crawler.worker          a report comes back

What goes over the wire is JSON, compressed: tasks, reports, and of the configuration what a crawl process is told (CrawlSettings).
A poll whose worker was lost is done again elsewhere once the lease there has surely run out, so a host is never polled by
two. Dask is imported here alone, and only where the setting asks for it. Tests: tests/test_cluster.py, tests/faults/test_cluster_kills.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import random
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from crawler.config import Config
from crawler.errors import ConfigError, WorkerError
from crawler.identity import host_key, redacted
from crawler.items import CrawlSettings, PollError, PollReport, PollTask, from_json, to_json
from crawler.politeness import back_off_s
from crawler.remote import LEASE_S, beat, differences, leave, pack, poll_here, run_there, take_on, unpack, versions
from crawler.settings import LIMITS

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)
BEAT_S = 4.0
AGAIN_S = LEASE_S + 5  # when the lease of a lost worker has run out and its crawl process is gone
LOOK_S = 2.0  # how often the scheduler is asked who its workers are
ANSWER_S = 10.0  # a worker or a scheduler that takes longer is lost
GREET_S = 60.0  # the first greeting imports us there
LONGEST_PAUSE_S = 60.0  # between two tries to reach the scheduler
TRIES = 3  # a poll under which so many workers were lost is what kills them
_RUN = secrets.token_hex(8)  # this run of the program


class _Lost(Exception):
    """The worker of a poll went away. `blamed`: by itself, not because the scheduler did."""

    def __init__(self, why: str, blamed: bool) -> None:
        super().__init__(why)
        self.blamed = blamed


class Cluster:
    """The workers of a Dask scheduler, reached and kept up from its making until `stop`. Make it inside a running loop.

    `poll` waits for as long as there is no worker: who must not wait looks at `width` first, which is 0 then.
    Raises ConfigError where Dask is not installed.
    """

    def __init__(self, config: Config, settings: CrawlSettings, rules: str) -> None:
        require_dask(config)
        assert config.settings.dask is not None
        self.address = config.settings.dask
        self._told = (to_json(settings), rules)
        place = f"{socket.gethostname()}:{config.settings.database}"
        self._watch = hashlib.sha256(place.encode()).hexdigest()[:16]
        self._session = secrets.token_hex(8)
        self._remotes: dict[str, _Remote] = {}
        self._changed = asyncio.Event()
        self._polls = 0
        self._idle = asyncio.Event()  # no poll under way
        self._idle.set()
        self._up: bool | None = None  # None: not tried yet
        self._why = "not reached yet"
        self._client: Client | None = None
        self._keeping = asyncio.create_task(self._keep())

    @property
    def width(self) -> int:
        """How many polls it takes at a time; 0 while the scheduler or all workers are away."""
        if self._keeping.done():
            self._keeping.result()  # a bug there must not look like a cluster that is away
        return sum(remote.slots for remote in self._remotes.values() if remote.ready)

    async def ready(self) -> int:
        """Wait until who is there has been greeted and return the width. Raises WorkerError where none takes polls within GREET_S."""
        try:
            async with asyncio.timeout(GREET_S):
                while not self.width or any(remote.greeting for remote in self._remotes.values()):
                    await self._change()
        except TimeoutError:
            raise WorkerError(f"no worker of the Dask cluster {self.address}: {self._why}") from None
        return self.width

    def serves(self, config: Config, settings: CrawlSettings, rules: str) -> bool:
        """Return whether it crawls where and as this configuration says."""
        return self.address == config.settings.dask and self._told == (to_json(settings), rules)

    async def poll(self, task: PollTask) -> PollReport:
        """Return the report of one poll. Raises WorkerError where a worker cannot start its crawl process."""
        started_at = datetime.now(UTC)
        self._polls += 1
        self._idle.clear()
        try:
            lost, why = 0, ""
            while lost < TRIES:
                remote = await self._remote_for(task)
                try:
                    return await remote.poll(task)
                except _Lost as error:
                    lost, why = lost + error.blamed, str(error)
                    await asyncio.sleep(AGAIN_S)
                except TimeoutError as error:
                    lost, why = TRIES, str(error)
            problem = PollError(redacted(task.source.url), "killed", why)
            return PollReport(task.source.id, "killed", started_at, datetime.now(UTC), errors=(problem,))
        finally:
            self._polls -= 1
            if not self._polls:
                self._idle.set()

    async def _remote_for(self, task: PollTask) -> _Remote:
        """Return the worker of a host: the same one as long as the same workers are there, for pacing and robots.txt live there."""
        host = host_key(task.source.url)
        while not (ready := [remote for remote in self._remotes.values() if remote.ready]):
            await self._change()
        return max(ready, key=lambda remote: hashlib.sha256(f"{host} {remote.address}".encode()).digest())

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def changed(self) -> None:
        """Wake who waits for a worker."""
        self._changed.set()

    async def retire(self) -> None:
        """Let the polls under way end, and go."""
        await self._idle.wait()
        await self.stop()

    async def stop(self) -> None:
        """End what crawls for us, and go; within some seconds."""
        ready = [remote for remote in self._remotes.values() if remote.ready]
        for remote in ready:
            remote.attending.cancel()
        with contextlib.suppress(OSError, TimeoutError, WorkerError):  # then the lease ends it
            async with asyncio.timeout(BEAT_S):
                await asyncio.gather(*(remote.ask(leave, remote.token) for remote in ready))
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)

    # ---------------------------------------------------------------------------------------- reaching the scheduler

    async def _keep(self) -> None:
        """Reach the scheduler, watch its workers; when it is lost, begin anew after a pause, for ever."""
        from distributed import Client

        # What it would say of a lost scheduler we say ourselves, once.
        logging.getLogger("distributed").setLevel(logging.ERROR)
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        failures, rng = 0, random.Random()  # noqa: S311  jitter, not a secret
        while True:
            client = None
            try:
                _require_certificates(self.address)
                client = Client(self.address, asynchronous=True, set_as_default=False, timeout=ANSWER_S, name="pantau")
                await client  # one that was never connected must be closed as well: its end would be an error by itself
                await self._check(client)
                while True:
                    if not is_connected(client):
                        raise OSError("the scheduler closed the connection")
                    async with asyncio.timeout(ANSWER_S):
                        self._take(client, await client.nthreads())
                    failures = 0
                    self._told_up(True)
                    await asyncio.sleep(LOOK_S)
            # OSError: not there, or gone; the others are Dask's words for TLS settings that are missing or wrong.
            except (OSError, TimeoutError, RuntimeError, TypeError, ValueError) as error:
                self._why = str(error) or f"no answer within {ANSWER_S:.0f} s"
                self._told_up(False)
            finally:
                for remote in self._remotes.values():
                    remote.lose("the scheduler is lost", blamed=False)
                await asyncio.gather(*(remote.attending for remote in self._remotes.values()), return_exceptions=True)
                self._remotes.clear()
                if client is not None:
                    await client.close()
            failures += 1
            await asyncio.sleep(back_off_s(failures, base_s=1, cap_s=LONGEST_PAUSE_S, rng=rng))

    async def _check(self, client: Client) -> None:
        """Raise ValueError where the scheduler is of other versions than we are."""
        async with asyncio.timeout(ANSWER_S):
            answer = await client.scheduler.versions()
        theirs = {name: answer["packages"].get(name) or "none" for name in ("dask", "distributed")}
        theirs["python"] = ".".join(answer["host"]["python"].split(".")[:2])
        wrong = differences({name: found for name, found in versions().items() if name in theirs}, theirs)
        if wrong:
            raise ValueError(f"the scheduler is not as we are: {wrong}")

    def _take(self, client: Client, listed: dict[str, int]) -> None:
        """Greet the workers that have come, drop those that have gone."""
        now_s = time.monotonic()
        for address, remote in list(self._remotes.items()):
            if address not in listed:
                remote.lose("it has left the cluster")
            if remote.lost_s is not None and now_s - remote.lost_s > AGAIN_S:
                del self._remotes[address]  # greeted anew where it is listed still
        for address, slots in listed.items():
            if address not in self._remotes:
                self._remotes[address] = _Remote(self, client, address, slots)

    def _told_up(self, up: bool) -> None:
        if up and not self._up:
            log.warning("cluster up address=%s", self.address)
        elif not up and self._up is not False:
            log.error("cluster lost address=%s error=%s", self.address, self._why)
        self._up = up


class _Remote:
    """One Dask worker and the polls it has for us."""

    def __init__(self, cluster: Cluster, client: Client, address: str, slots: int) -> None:
        self.cluster, self.client, self.address, self.slots = cluster, client, address, slots
        self.token = secrets.token_hex(8)
        self.greeting, self.ready = True, False
        self.lost_s: float | None = None  # monotonic
        self.polls: set[str] = set()
        self._lost: asyncio.Future[_Lost] = asyncio.get_running_loop().create_future()
        self.attending = asyncio.create_task(self._attend())

    async def ask(self, function: Callable[..., Awaitable[Any] | Any], *values: object) -> Any:
        """Run a function of ours in the worker, beside its tasks. Raises OSError, WorkerError where it cannot be."""
        found = await self.client.run(function, *values, workers=[self.address], on_error="return")
        answer = found.get(self.address, OSError("it is not there"))
        if isinstance(answer, OSError):
            raise answer
        if isinstance(answer, Exception):  # Dask's own words for one that did not survive the way
            raise WorkerError(str(answer))
        return answer

    async def _attend(self) -> None:
        """Greet it, and prolong its lease until it is lost."""
        cluster = self.cluster
        try:
            async with asyncio.timeout(GREET_S):
                try:
                    wrong = differences(versions(), await self.ask(versions))
                except WorkerError as error:
                    wrong = f"pantau-asn is not installed there, or another one: {error}"
                if wrong:
                    cluster._why = f"worker {self.address}: {wrong}"
                    log.error("worker refused worker=%s why=%s", self.address, wrong)
                    self.greeting = False
                    return cluster.changed()
                told = pack(cluster._told)
                await self.ask(take_on, self.token, cluster._watch, _RUN, cluster._session, told)
            log.info("worker joined worker=%s slots=%d", self.address, self.slots)
            self.ready, self.greeting = True, False
            cluster.changed()
            while True:
                await asyncio.sleep(BEAT_S)
                async with asyncio.timeout(ANSWER_S):
                    if not await self.ask(beat, self.token):
                        return self.lose("its crawl was ended")
        except (OSError, TimeoutError, WorkerError) as error:
            self.lose(str(error) or f"no answer within {ANSWER_S:.0f} s")

    def lose(self, why: str, *, blamed: bool = True) -> None:
        """Give it up: its polls are done again elsewhere."""
        if self.lost_s is not None:
            return
        if self.ready and blamed:
            log.warning("worker lost worker=%s why=%s polls=%s", self.address, why, ",".join(sorted(self.polls)) or "-")
        self.ready, self.greeting, self.lost_s = False, False, time.monotonic()
        self.cluster.changed()
        self._lost.set_result(_Lost(f"worker {self.address}: {why}", blamed))
        self.attending.cancel()

    async def poll(self, task: PollTask) -> PollReport:
        """Return the report of a poll done there. Raises _Lost, WorkerError, TimeoutError past twice what a poll may take."""
        limit_s = LIMITS.poll_timeout_s * 2  # the crew there ends it after one and a half of it
        name = f"poll-{task.source.id}-{secrets.token_hex(8)}"
        future = self.client.submit(
            poll_here, self.token, pack(to_json(task)), key=name, pure=False, workers=[self.address]
        )
        self.polls.add(task.source.id)
        answer = asyncio.create_task(_answer(future))
        try:
            either: set[asyncio.Future[Any]] = {answer, self._lost}
            await asyncio.wait(either, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if self._lost.done():
                raise self._lost.result()
            if not answer.done():
                raise TimeoutError(f"worker {self.address} did not answer within {limit_s:.0f} s")
            packed = answer.result()
        finally:
            self.polls.discard(task.source.id)
            if not answer.cancel() and not answer.cancelled():
                answer.exception()  # seen, so that asyncio does not report it as lost
            future.release()  # the scheduler forgets it, done or not
        if not packed:
            self.lose("its crawl was ended", blamed=is_connected(self.client))
            raise self._lost.result()
        found = unpack(packed)
        if "error" in found:
            raise WorkerError(f"worker {self.address}: {found['error']}")
        return from_json(PollReport, found["report"])


async def _answer(future: Any) -> bytes:
    """Return what a task returned; nothing where Dask has cancelled it or could not get hold of it."""
    from concurrent.futures import CancelledError

    from distributed.scheduler import KilledWorker

    try:
        packed: bytes = await future.result()
    except (CancelledError, KilledWorker, OSError):
        return b""
    return packed


async def done_by_workers(config: Config, module: str, inputs: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Run a module of ours once for each input, on the workers' machines, about one a worker at a time; yield what each wrote.

    What is only read may be done twice, so Dask itself repeats what a lost worker had. Raises ConfigError without Dask,
    WorkerError where the cluster cannot be reached, no worker fits us, or the module fails.
    """
    require_dask(config)
    from distributed import Client, as_completed
    from distributed.scheduler import KilledWorker

    address = config.settings.dask
    try:
        async with Client(address, asynchronous=True, set_as_default=False, timeout=ANSWER_S) as client:
            theirs = await _differing(client)
            fit = [worker for worker, wrong in theirs.items() if not wrong]
            if not fit:
                raise WorkerError(f"no worker of the Dask cluster {address} is as we are: {theirs or 'it has none'}")
            waiting = iter(inputs)

            def submitted(count: int) -> list[Any]:
                return [
                    client.submit(run_there, module, given, pure=False, workers=fit) for given in islice(waiting, count)
                ]

            under_way = as_completed(submitted(len(fit)), loop=client.loop)
            async for future in under_way:
                status, answer, complaint = await future.result()
                if status:
                    raise WorkerError(f"{module} ended with {status} on the cluster {address}: {complaint[-300:]}")
                under_way.update(submitted(1))
                yield answer
    except (OSError, KilledWorker) as error:
        raise WorkerError(f"the Dask cluster {address}: {error}") from error


async def look(config: Config) -> dict[str, str]:
    """Return the workers of a cluster, each with where it differs from us. Raises ConfigError without Dask, OSError, ValueError."""
    require_dask(config)
    from distributed import Client

    _require_certificates(config.settings.dask or "")
    async with Client(config.settings.dask, asynchronous=True, set_as_default=False, timeout=ANSWER_S) as client:
        return await _differing(client)


async def _differing(client: Client) -> dict[str, str]:
    """Return each worker with where it differs from us, "" where it does not. Raises TimeoutError."""
    async with asyncio.timeout(GREET_S):
        theirs = await client.run(versions, on_error="return")
    return {
        worker: differences(versions(), found) if isinstance(found, dict) else str(found)
        for worker, found in theirs.items()
    }


def _require_certificates(address: str) -> None:
    """Raise ValueError where Dask is to use TLS and knows no certificate: its client would not say so."""
    from distributed import Security

    if address.startswith("tls") and not Security().get_connection_args("client").get("ssl_context"):
        raise ValueError("no certificates: set distributed.comm.tls in Dask's configuration")


def is_connected(client: Client) -> bool:
    """Return whether its connection to the scheduler stands: it would mend a lost one by itself, but all it had there is gone."""
    return bool(client.status == "running")


def require_dask(config: Config) -> None:
    """Raise ConfigError where the configuration asks for Dask and it is not installed."""
    if config.settings.dask is None:
        return
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        problem = f"{config.path}: settings.dask: needs Dask ({error}): pip install 'pantau-asn[dask]'"
        raise ConfigError([problem]) from error
