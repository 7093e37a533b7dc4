"""How a source stands (crawler/health.py), on synthetic histories; when the network is down."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.polling import KINDS, Kind, published
from crawler.health import TOLD_AFTER_S, Network, judge
from crawler.items import Article, Notice, Outcome, PollError, PollReport, Standing
from crawler.rhythm import Rhythm

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class History:
    """A source's polls one after the other, and what was told of them."""

    at: datetime = START
    standing: Standing | None = None
    rhythm: Rhythm = field(default_factory=Rhythm)
    told: list[Notice] = field(default_factory=list)

    def poll(
        self,
        outcome: Outcome = "ok",
        arrivals: tuple[datetime, ...] = (),
        *errors: tuple[str, str],
        after: timedelta = HOUR,
        found: int | None = None,
        bodies: tuple[int, ...] = (),
        offline: bool = False,
        gap: bool = False,
    ) -> Standing:
        self.at += after
        listed = found if found is not None else (20 if outcome in ("ok", "not_modified") else 0)
        articles = tuple(Article("a", f"https://a.example/{n}", "u", "T", "x" * size) for n, size in enumerate(bodies))
        report = PollReport(
            *("a", outcome, self.at, self.at, listed, len(arrivals)),
            articles=articles,
            errors=tuple(PollError("u", kind, message) for kind, message in errors),
            arrivals=arrivals,
            gap=gap,
        )
        past = (self.standing.rhythm, self.standing.health) if self.standing else (None, None)
        self.standing, self.rhythm = judge(*past, report, 600.0, offline=offline)
        self.told += self.standing.notices
        return self.standing

    @property
    def kinds(self) -> list[str]:
        return [notice.kind for notice in self.told]


def lived(days: int = 14) -> History:
    """A source that has published every hour of the day for so long."""
    history = History()
    for hour in range(days * 24):
        now = START + hour * HOUR
        history.poll("ok", (now,), after=now + timedelta(minutes=1) - history.at)
    assert history.told == []
    return history


def test_a_source_is_new_then_ok() -> None:
    assert History().poll().state == "ok"


@pytest.mark.parametrize(
    ("outcome", "error", "state"),
    [
        ("failed", ("connect", "refused"), "failing"),
        ("failed", ("http", "500, the server failed"), "failing"),
        ("killed", ("killed", "it ended"), "failing"),
        ("failed", ("http", "403, refused"), "blocked"),
        ("refused", ("blocked", "a challenge page"), "blocked"),
        ("failed", ("not_a_feed", "HTML where a feed was"), "not_a_feed"),
        ("empty", None, "layout_changed"),
    ],
)
def test_a_trouble_shows_at_once_is_told_once_when_it_lasts_and_once_when_it_ends(
    outcome: Outcome, error: tuple[str, str] | None, state: str
) -> None:
    history = lived(2)
    errors = (error,) if error else ()
    for poll in range(40):
        standing = history.poll(outcome, (), *errors)
        assert standing.state == state
        lasted_s = poll * 3600
        assert (f"source.{state}" in history.kinds) == (lasted_s >= TOLD_AFTER_S[state])
    history.poll("ok", (history.at,))
    history.poll("ok", (history.at,))
    assert history.kinds == [f"source.{state}", "source.recovered"]
    assert history.told[1].state == state
    assert history.standing is not None and history.standing.state == "ok"


def test_a_bad_hour_is_told_to_nobody() -> None:
    history = lived(2)
    for _ in range(20):
        for _ in range(6):
            history.poll("failed", (), ("connect", "refused"), after=timedelta(minutes=10))
        history.poll("ok", (history.at,))
    assert history.told == []


def test_a_page_with_nothing_to_read_is_no_change_of_layout_and_four_in_a_row_are() -> None:
    history = lived(2)
    for _ in range(3):
        history.poll("ok", (), ("not_an_article", "empty"))
    history.poll("ok", (), bodies=(2000,))
    assert history.poll("ok", (), ("not_an_article", "empty")).state == "ok"
    for _ in range(3):
        history.poll("ok", (), ("not_an_article", "empty"))
    assert history.standing is not None and history.standing.state == "layout_changed"


def test_pages_that_are_all_in_the_way_are_a_block() -> None:
    history = lived(2)
    assert history.poll("ok", (), *[("blocked", "a block or challenge page")] * 4).state == "blocked"


def test_bodies_that_shrink_are_a_change_of_layout() -> None:
    history = lived(2)
    for _ in range(10):
        history.poll("ok", (), bodies=(2000, 2600))
    for _ in range(2):
        assert history.poll("ok", (), bodies=(300,)).state == "ok"
    history.poll("ok", (), bodies=(300, 280))
    assert history.standing is not None and history.standing.state == "layout_changed"
    assert history.poll("ok", (), bodies=(2100,)).state == "ok"


def test_a_gap_is_told_once_a_week() -> None:
    history = lived(2)
    before = history.at
    for _ in range(24 * 8):
        history.poll("ok", (history.at,), gap=True)
    assert history.kinds == ["source.gap", "source.gap"]
    assert history.told[0].until == before + HOUR
    assert history.told[0].since == before


def silent_after(
    times: list[datetime], stops: datetime, every: timedelta = 6 * HOUR
) -> tuple[History, timedelta | None]:
    """Poll an outlet that stops at `stops`; return the history and how long after its last entry the silence was told."""
    history = History()
    rest = [at for at in times if at < stops]
    done = 0
    while history.at < stops + timedelta(days=60):
        now = history.at + every
        new = tuple(at for at in rest[done:] if at <= now)
        done += len(new)
        history.poll("ok" if new else "not_modified", new, after=every)
        if "source.silent" in history.kinds and history.at > stops:
            return history, history.told[-1].since - rest[-1]
    return history, None


@pytest.mark.parametrize(
    "seed", [seed if seed < 9 else pytest.param(seed, marks=pytest.mark.slow) for seed in range(30)]
)
def test_an_outlet_that_falls_silent_is_told_in_time(seed: int) -> None:
    """GUARANTEES B13: synthetic histories, within 48 h or six usual gaps; resting at night and on Sundays is no silence."""
    rng = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    stops = START + timedelta(days=rng.uniform(40, 70))
    history, delay = silent_after(published(kind, 80, rng), stops)
    assert history.kinds == ["source.silent"]
    assert delay is not None
    # It is missed when its hours come again: the next day, or on Monday; and by a poll.
    rest = timedelta(hours=64 if kind.days[6] == 0 else 36)
    assert delay <= max(timedelta(days=2), 6 * timedelta(seconds=history.rhythm.usual_gap_s())) + rest
    late = history.poll("ok", (history.at,))
    assert late.state == "ok"
    assert history.kinds == ["source.silent", "source.recovered"]


def months(kinds: tuple[Kind, ...], days: int, seed: int) -> Iterator[History]:
    """Healthy outlets with ordinary bad luck: one poll in fifty fails, and twice a month a host is down for hours."""
    for place, kind in enumerate(kinds):
        rng = random.Random(seed * 100 + place)
        times = published(kind, days, rng)
        outages = [
            (at := START + timedelta(days=rng.uniform(0, days)), at + rng.uniform(0.2, 9) * HOUR)
            for _ in range(days // 15)
        ]
        history, done = History(), 0
        while history.at < START + timedelta(days=days - 1):
            after = timedelta(minutes=rng.uniform(60, 240))
            now = history.at + after
            if rng.random() < 0.02 or any(begin <= now <= end for begin, end in outages):
                history.poll("failed", (), ("connect", "refused"), after=after)
                continue
            new = tuple(at for at in times[done:] if at <= now)
            done += len(new)
            history.poll("ok" if new else "not_modified", new, after=after)
        yield history


def test_healthy_outlets_are_left_alone() -> None:
    assert [notice for history in months(KINDS, 90, 1) for notice in history.told] == []


@pytest.mark.slow
def test_healthy_outlets_raise_at_most_one_notice_in_a_hundred_months_over_five_hundred_months() -> None:
    told = [notice for seed in range(5) for history in months(KINDS, 365, seed) for notice in history.told]
    assert len(told) <= len(KINDS) * 12 * 5 / 100, told


def test_an_outlet_that_was_dead_before_is_silent_and_told_to_nobody() -> None:
    history = History()
    standing = history.poll("ok", (START - timedelta(days=700), START - timedelta(days=690)))
    assert (standing.state, history.told) == ("silent", [])


def test_what_was_not_reached_while_our_network_is_down_says_nothing_of_the_source() -> None:
    history = lived(2)
    before = history.standing
    assert before is not None
    for _ in range(200):
        standing = history.poll("failed", (), ("dns", "no such host"), offline=True)
        assert not standing.counts_as_failure
    assert history.standing is not None
    assert (history.standing.state, history.standing.health) == ("ok", before.health)
    assert history.poll("ok", (history.at,)).state == "ok"
    assert history.told == []


def report_of(at: datetime, *, reached: bool, kind: str = "connect") -> PollReport:
    return PollReport(
        "a", "ok" if reached else "failed", at, at, errors=() if reached else (PollError("u", kind, "m"),)
    )


def test_the_network_is_down_when_most_hosts_fail_at_once_and_up_when_they_answer() -> None:
    network = Network()
    since = []
    for minute in range(60):  # six hosts, one of them on our own network
        at = START + timedelta(minutes=minute)
        changed = [network.saw(f"h{n}", report_of(at, reached=not 20 <= minute < 40 or n == 0)) for n in range(6)]
        since += [(minute, network.down_since)] * any(changed)
    assert since == [(20, START + timedelta(minutes=20)), (40, None)]


@pytest.mark.parametrize("hosts", [1, 2])
def test_one_or_two_hosts_say_nothing_about_the_network(hosts: int) -> None:
    network = Network()
    assert not any(network.saw(f"h{n % hosts}", report_of(START, reached=False)) for n in range(50))


def test_hosts_that_answer_with_errors_are_reached() -> None:
    network = Network()
    assert not any(network.saw(f"h{n}", report_of(START, reached=False, kind="http")) for n in range(50))


def test_what_is_remembered_is_small() -> None:
    standing = lived(30).standing
    assert standing is not None
    assert len(standing.rhythm) < 3000
    assert json.loads(standing.health)["state"] == "ok"


def test_states_that_alternate_are_told_once_and_their_end_once() -> None:
    history = lived(2)
    for poll in range(24 * 5):
        error = ("http", "500, the server failed") if poll % 2 else ("http", "403, refused")
        history.poll("failed", (), error)
    assert len(history.told) == 1
    history.poll("ok", (history.at,))
    assert [kind.partition(".")[2] for kind in history.kinds][1:] == ["recovered"]


@pytest.mark.parametrize("outcome", ["not_modified", "empty"])
def test_a_listing_without_dates_that_never_changes_is_silent_after_a_month(outcome: Outcome) -> None:
    history = History()
    for _ in range(24 * 40 // 6):
        history.poll(outcome, (), after=6 * HOUR)
    assert history.kinds == ["source.silent"]


def test_a_report_of_nobody_asked_says_nothing_about_the_network() -> None:
    network = Network(down_since=START)
    waiting = PollReport("a", "refused", START, START, errors=(PollError("u", "wait", "later"),))
    assert not any(network.saw(f"h{n}", waiting) for n in range(20))
