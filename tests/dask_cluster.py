"""A real Dask scheduler and real workers on loopback, each a process of its own, for the tests and benchmarks/cluster.py.

with DaskCluster(workers=2) as cluster:
    cluster.address                  # for settings.dask
    cluster.kill(0)                  # SIGKILL to a worker
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil

SLOTS = 96
QUIET = ("--dashboard-address", "127.0.0.1:0")


class DaskCluster:
    """Its processes run from `__enter__` to `__exit__`. `options` go to all of them, `folder` takes their logs."""

    def __init__(
        self,
        folder: Path,
        workers: int = 2,
        *,
        protocol: str = "tcp",
        slots: int = SLOTS,
        options: tuple[str, ...] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._folder, self._count, self._options, self._slots = folder, workers, options, slots
        self._environ = {**os.environ, **(environ or {})}
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = taken.getsockname()[1]
        self.address = f"{protocol}://127.0.0.1:{self.port}"
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> DaskCluster:
        self.start_scheduler()
        for _ in range(self._count):
            self.start_worker()
        deadline = time.monotonic() + 60
        while self.logs().count("Register worker addr") < self._count:
            assert time.monotonic() < deadline, "the workers did not come"
            time.sleep(0.1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in (*self.workers, self.scheduler):
            if process is not None:
                self._kill(process)

    def start_scheduler(self) -> None:
        """Start the scheduler on its port and wait until it listens."""
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port), *QUIET)
        deadline = time.monotonic() + 60
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.1)

    def start_worker(self, **environ: str) -> None:
        """Start one more worker."""
        options = ("--nworkers", "1", "--nthreads", str(self._slots), "--no-nanny", *QUIET, "--death-timeout", "60")
        options += ("--host", "127.0.0.1", "--local-directory", str(self._folder))
        self.workers.append(self._start("dask_worker", self.address, *options, **environ))

    def _start(self, program: str, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
        number = len(list(self._folder.glob("*.log")))
        with (self._folder / f"{number}-{program}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{program}", *arguments, *self._options],
                stdout=log,
                stderr=log,
                env=self._environ | environ,
            )

    def logs(self) -> str:
        """Return what all of its processes have written."""
        return "\n".join(path.read_text("utf-8", "replace") for path in sorted(self._folder.glob("*.log")))

    def kill(self, worker: int) -> None:
        """SIGKILL a worker; what it started must end by itself."""
        process = self.workers.pop(worker)
        process.kill()
        process.wait()

    def kill_scheduler(self) -> None:
        assert self.scheduler is not None
        self.scheduler.kill()
        self.scheduler.wait()

    @staticmethod
    def _kill(process: subprocess.Popen[bytes]) -> None:
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    child.send_signal(signal.SIGKILL)
        process.kill()
        process.wait()
