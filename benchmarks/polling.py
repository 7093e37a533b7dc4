"""Polls by a source's rhythm against a poll every ten minutes, on year-long synthetic outlets: polls a day, delay of an entry.

    python -m benchmarks.polling [--days 365] [--write]

Outlets are made of batches: their beginnings follow the hours and days of a kind of newsroom, their sizes are geometric, the
entries of a batch are some minutes apart. `--write` puts the table into docs/polling.md.
"""

from __future__ import annotations

import argparse
import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crawler.items import PollReport, Source
from crawler.rhythm import DEFAULT_EVERY_S, Rhythm, decide_next_poll, learned

START = datetime(2024, 1, 1, tzinfo=UTC)
DOC = Path(__file__).parent.parent / "docs" / "polling.md"
DAY = (0, 0, 0, 0, 0, 1, 2, 4, 6, 7, 7, 6, 5, 5, 6, 6, 5, 4, 3, 3, 3, 2, 1, 0)  # a desk's hours, local
OFFICE = (0, 0, 0, 0, 0, 0, 0, 1, 5, 8, 8, 6, 3, 5, 7, 6, 3, 0, 0, 0, 0, 0, 0, 0)
ROUND = (1, 1, 1, 1, 1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 3, 3, 2, 2, 1)
THRICE = (0, 0, 0, 0, 0, 1, 8, 1, 0, 0, 0, 2, 8, 2, 0, 0, 2, 8, 2, 0, 0, 0, 0, 0)
EVENING = (0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 3, 5, 6, 8, 8, 6, 3, 1)


@dataclass(frozen=True)
class Kind:
    """A kind of newsroom: entries a day, hours (local) and days (Monday first) as weights, the mean size of a batch."""

    name: str
    a_day: float
    hours: Sequence[float] = DAY
    days: Sequence[float] = (1, 1, 1, 1, 1, 0.7, 0.6)
    batch: float = 2.5
    minutes: float = 5.0  # between the entries of a batch


KINDS = (
    Kind("portal of a network", 150, ROUND, (1,) * 7, 1.5),
    Kind("portal of a province, round the clock", 60, ROUND, (1,) * 7, 1.5),
    Kind("daily with a web desk", 25),
    Kind("regional site, a few reporters", 12),
    Kind("regional site, one editor in batches", 10, DAY, (1, 1, 1, 1, 1, 0.5, 0.3), 4, 3),
    Kind("paper, loads its pages thrice a day", 15, THRICE, (1,) * 7, 5, 2),
    Kind("government office, working days", 5, OFFICE, (1, 1, 1, 1, 1, 0, 0), 2),
    Kind("evening blog", 3, EVENING, (1,) * 7, 2),
    Kind("one entry a day", 1, DAY, (1,) * 7, 1),
)


def published(kind: Kind, days: int, rng: random.Random) -> list[datetime]:
    """Return the times at which an outlet of this kind publishes, sorted."""
    weight = sum(kind.days) / 7 * sum(kind.hours) / 24
    found = []
    for hour in range(days * 24):
        at = START + timedelta(hours=hour)
        local = at + timedelta(hours=7)
        rate = kind.a_day / 24 / kind.batch * kind.hours[local.hour] * kind.days[local.weekday()] / weight
        begin = rng.expovariate(rate) if rate else 2.0
        while begin < 1:
            moment = at + timedelta(hours=begin)
            found.append(moment)
            while rng.random() > 1 / kind.batch:
                moment += timedelta(minutes=rng.expovariate(1 / kind.minutes))
                found.append(moment)
            begin += rng.expovariate(rate)
    return sorted(found)


def watched(times: Sequence[datetime], days: int, *, adaptive: bool, seed: int) -> tuple[int, float]:
    """Return how many polls there were and the mean delay of an entry in minutes, the first four weeks left out."""
    rng = random.Random(seed)
    source = Source("a", "A", "https://a.example", every_s=None if adaptive else DEFAULT_EVERY_S)
    rhythm = Rhythm()
    at, done, polls, delay_s, counted = START, 0, 0, 0.0, 0
    from_then, end = START + timedelta(days=min(28, days // 2)), START + timedelta(days=days)
    while at < end:
        upto = bisect_right(times, at)
        new = times[done:upto]
        done = upto
        if at >= from_then:
            polls += 1
            fresh = [moment for moment in new if moment >= from_then]
            delay_s += sum((at - moment).total_seconds() for moment in fresh)
            counted += len(fresh)
        rhythm = learned(rhythm, new, at)
        at = decide_next_poll(source, PollReport("a", "ok", at, at), 0, at, rng, rhythm)
    return polls, delay_s / max(1, counted) / 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    days = options.days - min(28, options.days // 2)
    rows = []
    polls, waits_min, entries = [0, 0], [0.0, 0.0], 0
    for place, kind in enumerate(KINDS):
        times = published(kind, options.days, random.Random(place))
        fixed, own = (watched(times, options.days, adaptive=adaptive, seed=place) for adaptive in (False, True))
        rows.append(
            f"| {kind.name} | {kind.a_day:g} | {fixed[0] / days:.0f} | {own[0] / days:.0f} | {fixed[1]:.1f} | {own[1]:.1f} |"
        )
        print(rows[-1], flush=True)
        entries += len(times)
        for which, found in enumerate((fixed, own)):
            polls[which] += found[0]
            waits_min[which] += found[1] * len(times)
    each = days * len(KINDS)
    rows.append(
        f"| **all: polls of an outlet, delay of an entry** | | **{polls[0] / each:.0f}** | **{polls[1] / each:.0f}** "
        f"| **{waits_min[0] / entries:.1f}** | **{waits_min[1] / entries:.1f}** |"
    )
    print(rows[-1])
    if options.write:
        before, mark, _ = DOC.read_text("utf-8").partition("<!-- made by python -m benchmarks.polling --write -->\n")
        head = "| outlet | entries a day | polls a day, every 10 min | by rhythm | delay, min, every 10 min | by rhythm |\n|---|---|---|---|---|---|\n"
        DOC.write_text(before + mark + head + "\n".join(rows) + "\n", "utf-8")


if __name__ == "__main__":
    main()
