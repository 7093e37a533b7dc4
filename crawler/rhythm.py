"""When a source publishes, learned from its entries, and when it is polled next. Pure.

An outlet's rhythm is its rate by hour of the week, times a factor for how long ago its last entry came (editors publish in
batches). The delay of an entry is half an interval on average, so the sum of delays for a number of polls is smallest when
the interval goes with 1/sqrt(rate): polls are spaced so that the integral of sqrt(rate) between two is always the same.
Measured by benchmarks/polling.py, documented in docs/polling.md. Tests: tests/crawler/test_rhythm.py.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crawler.items import PollReport, Source
from crawler.politeness import back_off_s

DEFAULT_EVERY_S = 600.0  # until a rhythm is known; INTERFACE promises minutes
SHORTEST_S = 120.0  # no reader needs it sooner, and an outlet's server should not notice us
LONGEST_S = 6 * 3600.0  # an outlet that is down or dead is looked at four times a day
# sqrt(entries/h) * h between two polls: what makes half the polls of a fixed ten minutes over the outlets of benchmarks/polling.py.
SPACING = 0.215
HOURS = 168
HALF_LIFE_S = 28 * 86400.0  # what was usual two months ago counts a quarter
PATIENCE_S = 14 * 86400.0  # a silence is learned as the new habit only after that: before, it is news
ENOUGH = 8  # entries seen before a rhythm is gone by
PRIOR_WEEKS = 1.0  # how much of a week the general shape counts beside what was seen
GAPS_KEPT = 128
BATCH_S = 2400.0  # a pause longer than that begins another batch
# Entries an hour of the day (WIB) of an outlet that nothing is known of, the mean being 1: newsrooms sleep. Only a start.
_SHAPE = [0.2] * 5 + [0.6, 1.0] + [1.5] * 11 + [1.2] * 3 + [0.8] * 2 + [0.4]
_USUAL = [hour * 24 / sum(_SHAPE) for hour in _SHAPE]
_AGES_S = (300.0, 600.0, 1200.0, 2400.0, 4800.0, 9600.0, math.inf)  # since the entry before
_AGE_PRIOR = 4.0  # entries' worth of belief that batches do not matter
_STEP_S = 60.0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What is known of a source's rhythm; older observations fade by half in HALF_LIFE_S.

    `hours`: entries by UTC hour of the week, Monday first. `ages` and `expected`: entries by time since the one before, and how
    many the hours alone would have brought. `weeks`: of observation. `gaps_s`: the newest ones.
    """

    hours: tuple[float, ...] = ()
    ages: tuple[float, ...] = ()
    expected: tuple[float, ...] = ()
    weeks: float = 0.0
    seen: int = 0
    at: datetime | None = None
    last: datetime | None = None
    gaps_s: tuple[int, ...] = ()

    @property
    def known(self) -> bool:
        """Whether enough was seen to go by."""
        return self.seen >= ENOUGH

    def rate(self, at: datetime) -> float:
        """Return how many entries an hour are usual at this hour of the week."""
        hour = _hour_of_week(at)
        mean = sum(self.hours) / max(self.weeks, 1 / 7) / HOURS
        usual = _USUAL[(hour + 7) % 24] * mean
        # The hours beside it count half: an outlet is not punctual to the hour.
        near = (self.hours[hour - 1] + 2 * self.hours[hour] + self.hours[(hour + 1) % HOURS]) / 4
        return (near + PRIOR_WEEKS * usual) / (self.weeks + PRIOR_WEEKS)

    def factor(self, age_s: float) -> float:
        """Return how much likelier an entry is so long after the last one than the hour alone says."""
        place = _age_bin(age_s)
        return (self.ages[place] + _AGE_PRIOR) / (self.expected[place] + _AGE_PRIOR)

    def expected_between(self, start: datetime, end: datetime) -> float:
        """Return how many entries are usual between two moments."""
        whole = max(0, (end - start) // timedelta(weeks=1))
        total, at = (0.0, start) if not whole else (whole * self._a_week(), start + timedelta(weeks=whole))
        while at < end:
            until = min(end, at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))
            total += self.rate(at) * (until - at).total_seconds() / 3600
            at = until
        return total

    def _a_week(self) -> float:
        monday = datetime(2024, 1, 1, tzinfo=UTC)
        return sum(self.rate(monday + timedelta(hours=hour)) for hour in range(HOURS))

    def usual_gap_s(self) -> float:
        """Return the pause between batches that four of five do not exceed; 0 where nothing is known."""
        pauses = self._pauses_s()
        return float(pauses[len(pauses) * 4 // 5]) if pauses else 0.0

    def batch(self) -> float:
        """Return how many entries a batch has, at least 1: those that follow one another within BATCH_S."""
        return len(self.gaps_s) / max(1, len(self._pauses_s())) if self.gaps_s else 1.0

    def _pauses_s(self) -> list[int]:
        return sorted(gap_s for gap_s in self.gaps_s if gap_s > BATCH_S)


def learned(rhythm: Rhythm, arrivals: Sequence[datetime], now: datetime) -> Rhythm:
    """Return the rhythm after a poll that worked, with the times of the entries it brought (none is news too)."""
    times = sorted(at for at in arrivals if at <= now)
    since = rhythm.at or (max(times[0], now - timedelta(seconds=HALF_LIFE_S)) if times else now)
    if rhythm.at is None:
        times = [at for at in times if at >= since]
    if not times and now - since < timedelta(seconds=PATIENCE_S):
        return rhythm if rhythm.at else Rhythm((0.0,) * HOURS, (0.0,) * len(_AGES_S), (0.0,) * len(_AGES_S), at=now)
    elapsed_s = max(0.0, (now - since).total_seconds())
    fade = 0.5 ** (elapsed_s / HALF_LIFE_S)
    hours = [count * fade for count in rhythm.hours] or [0.0] * HOURS
    ages = [count * fade for count in rhythm.ages] or [0.0] * len(_AGES_S)
    expected = [count * fade for count in rhythm.expected] or [0.0] * len(_AGES_S)
    weeks = rhythm.weeks * fade + elapsed_s / (7 * 86400)
    gaps = list(rhythm.gaps_s)
    last = rhythm.last
    for at in times:
        hours[_hour_of_week(at)] += 1
        if last is not None and at >= last:
            gap_s = (at - last).total_seconds()
            gaps.append(int(gap_s))
            if rhythm.known:
                ages[_age_bin(gap_s)] += 1
                _expose(expected, rhythm, last, gap_s)
        last = max(at, last) if last else at
    return Rhythm(
        tuple(round(count, 4) for count in hours),
        tuple(round(count, 4) for count in ages),
        tuple(round(count, 4) for count in expected),
        round(weeks, 5),
        rhythm.seen + len(times),
        now,
        last,
        tuple(gaps[-GAPS_KEPT:]),
    )


def _expose(expected: list[float], rhythm: Rhythm, start: datetime, gap_s: float) -> None:
    """Add what the hours alone would have brought in the gap, by age."""
    begin = 0.0
    for place, end in enumerate(_AGES_S):
        stop = min(end, gap_s)
        if stop > begin:
            expected[place] += rhythm.expected_between(
                start + timedelta(seconds=begin), start + timedelta(seconds=stop)
            )
        begin = end
        if end >= gap_s:
            return


def interval_s(rhythm: Rhythm, now: datetime) -> float:
    """Return how long to wait until the next poll by the source's rhythm, between SHORTEST_S and LONGEST_S."""
    waited, sum_ = 0.0, 0.0
    age_s = (now - rhythm.last).total_seconds() if rhythm.last else math.inf
    while sum_ < SPACING and waited < LONGEST_S:
        rate = rhythm.rate(now + timedelta(seconds=waited)) * rhythm.factor(age_s + waited)
        step_s = _STEP_S if waited < 3600 else 300.0
        sum_ += math.sqrt(rate) * step_s / 3600
        waited += step_s
    return min(max(waited, SHORTEST_S), LONGEST_S)


def decide_next_poll(
    source: Source,
    report: PollReport,
    failures_before: int,
    now: datetime,
    rng: random.Random,
    rhythm: Rhythm | None = None,
) -> datetime:
    """Return when to poll the source again: after `every`, or by its rhythm; later the more often it has failed in a row.

    A host's own wish (Retry-After) is never undercut. Up to a tenth of jitter keeps sources from moving in step.
    """
    every_s = source.every_s or (interval_s(rhythm, now) if rhythm and rhythm.known else DEFAULT_EVERY_S)
    if source.every_s is None and report.gap:  # it lists for a shorter time than we thought
        every_s = max(SHORTEST_S, every_s / 2)
    if report.outcome in ("failed", "refused", "killed"):
        every_s = max(every_s, back_off_s(failures_before + 1, base_s=every_s, cap_s=max(LONGEST_S, every_s), rng=rng))
    next_at = now + timedelta(seconds=every_s * (1 + rng.random() / 10))
    asked = report.memory.not_before if report.memory else None
    return max(next_at, asked) if asked else next_at


def _hour_of_week(at: datetime) -> int:
    utc = at.astimezone(UTC)
    return utc.weekday() * 24 + utc.hour


def _age_bin(age_s: float) -> int:
    return next(place for place, end in enumerate(_AGES_S) if age_s < end or end == math.inf)


__all__ = ["DEFAULT_EVERY_S", "LONGEST_S", "SHORTEST_S", "Rhythm", "decide_next_poll", "interval_s", "learned"]
