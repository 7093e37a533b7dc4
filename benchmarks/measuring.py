"""What a process and all its children cost, read from /proc; for benchmarks.country and benchmarks.throughput. Linux only."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20


def started(
    command: Sequence[str], folder: Path, output: IO[Any] | int = subprocess.DEVNULL, **variables: str
) -> subprocess.Popen[bytes]:
    """Start a command in a folder; it dies with us. Call from the main thread: the system watches the thread that started it."""

    def die_with_parent() -> None:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG

    return subprocess.Popen(
        list(command),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env={**os.environ, **variables},
        preexec_fn=die_with_parent,
    )


class Tree:
    """A process and its children, looked at every `every_s` between `__enter__` and `__exit__`.

    `part` names a process by its command line; the sums are by that name. What a process used since it was last seen before its
    end is lost: at most `every_s` of its CPU time.
    """

    def __init__(
        self, root: int, every_s: float = 0.05, part: Callable[[str], str] = lambda command: "all", *, pss: bool = False
    ) -> None:
        self.root, self._every_s, self._part, self._pss = root, every_s, part, pss
        self.peak_mib: Counter[str] = Counter()
        self.peak_sum_mib = 0.0
        self._cpu_s: dict[int, float] = {}
        self._parts: dict[int, str] = {}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Tree:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def cpu_s(self) -> Counter[str]:
        """Return the CPU seconds used so far, by part."""
        found: Counter[str] = Counter()
        for pid, used in list(self._cpu_s.items()):
            found[self._parts[pid]] += used  # type: ignore[assignment]
        return found

    def members(self) -> dict[int, str]:
        """Return the processes that live now, with their parts."""
        children: dict[int, list[int]] = {}
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    fields = Path(f"/proc/{entry.name}/stat").read_text("latin-1").rpartition(")")[2].split()
                    children.setdefault(int(fields[1]), []).append(int(entry.name))
        found, queue = {}, [self.root]
        while queue:
            pid = queue.pop()
            if pid not in self._parts:
                with contextlib.suppress(OSError):
                    command = Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace").replace("\0", " ")
                    if command:
                        self._parts[pid] = self._part(command)
            if pid in self._parts:
                found[pid] = self._parts[pid]
            queue += children.get(pid, [])
        return found

    def memory_mib(self) -> Counter[str]:
        """Return the memory by part: proportional (shared pages divided) where that was asked for, else resident."""
        found: Counter[str] = Counter()
        for pid, part in self.members().items():
            with contextlib.suppress(OSError, ValueError):
                if self._pss:
                    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                    found[part] += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024  # type: ignore[assignment]
                else:
                    found[part] += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_MIB  # type: ignore[assignment]
        return found

    def _watch(self) -> None:
        memory_at = 0.0
        while not self._done.wait(self._every_s):
            for pid in self.members():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    fields = Path(f"/proc/{pid}/stat").read_text("latin-1").rpartition(")")[2].split()
                    self._cpu_s[pid] = (int(fields[11]) + int(fields[12])) * _TICK_S
            # Proportional memory makes the kernel walk all pages: rarely.
            if time.monotonic() >= memory_at:
                memory_at = time.monotonic() + (10.0 if self._pss else 0.0)
                memory = self.memory_mib()
                self.peak_sum_mib = max(self.peak_sum_mib, sum(memory.values()))
                for part, mib in memory.items():
                    self.peak_mib[part] = max(self.peak_mib[part], mib)


def write_into(document: Path, maker: str, lines: Sequence[str]) -> None:
    """Put lines into a document below the mark of the module that made them, up to the next mark or heading of the first two ranks."""
    mark = f"<!-- made by python -m {maker} --write -->\n"
    before, found, after = document.read_text("utf-8").partition(mark)
    if not found:
        raise ValueError(f"{document} has no mark of {maker}")
    end = re.search(r"^(<!-- made by |## )", after, re.MULTILINE)
    document.write_text(
        before + mark + "\n".join(lines).rstrip() + "\n" + ("\n" + after[end.start() :] if end else ""), "utf-8"
    )
