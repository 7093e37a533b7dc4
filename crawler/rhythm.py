"""When a source is polled next. Pure. Tests: tests/crawler/test_rhythm.py."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from crawler.items import PollReport, Source
from crawler.politeness import back_off_s

DEFAULT_EVERY_S = 600.0  # ten minutes: INTERFACE promises minutes, and 47,000 outlets fit one machine at that pace
LONGEST_S = 6 * 3600.0  # an outlet that is down is looked at four times a day


def decide_next_poll(
    source: Source, report: PollReport, failures_before: int, now: datetime, rng: random.Random
) -> datetime:
    """Return when to poll the source again: after its interval, later the more often it has failed in a row.

    A host's own wish (Retry-After) is never undercut. Up to a tenth of jitter keeps sources from moving in step.
    """
    every_s = source.every_s or DEFAULT_EVERY_S
    if report.outcome in ("failed", "refused", "killed"):
        every_s = max(every_s, back_off_s(failures_before + 1, base_s=every_s, cap_s=max(LONGEST_S, every_s), rng=rng))
    next_at = now + timedelta(seconds=every_s * (1 + rng.random() / 10))
    asked = report.memory.not_before if report.memory else None
    return max(next_at, asked) if asked else next_at
