"""What the system refuses to a process of ours: memory without end, CPU without end, an image of itself on disk.

The parents' own limits (seconds, heartbeats) come first; these hold when the parent is busy or gone. Imports crawler.settings
only. Tests: tests/faults/test_crew.py.
"""

from __future__ import annotations

import resource
import time

from crawler.settings import LIMITS, MIB


def confine_memory() -> None:
    """Give this process no more memory than LIMITS.max_space_mib, and write nothing of it to disk when it dies."""
    _limit(resource.RLIMIT_AS, int(LIMITS.max_space_mib) * MIB)
    _limit(resource.RLIMIT_CORE, 0)


def confine_cpu(seconds: float) -> None:
    """End this process when it has used so much more CPU (whole seconds, one or two more)."""
    _limit(resource.RLIMIT_CPU, int(time.process_time() + seconds) + 2)


def _limit(what: int, wanted: int) -> None:
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
