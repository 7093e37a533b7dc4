"""When a source that a hub told of is polled: at once, not too often, again after caches, less and less for nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest

from crawler.settings import LIMITS
from websub.pushes import Pushes


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pushes(clock: Clock) -> Pushes:
    return Pushes(clock)


def poll(pushes: Pushes, source: str = "a", *, brought: bool) -> None:
    pushes.begun(source)
    pushes.ended(source, brought=brought)


def waits_s(pushes: Pushes, clock: Clock, *, brought: bool = False, most: int = 20) -> list[float]:
    """Poll whenever it is due and return how long after the one before."""
    found: list[float] = []
    since_s = clock.now_s
    while len(found) < most and clock.now_s < since_s + 2000:
        if pushes.due():
            poll(pushes, brought=brought)
            found.append(clock.now_s - since_s)
            since_s = clock.now_s
        clock.now_s += 1
    return found


def test_a_notice_makes_its_source_due_at_once_and_one_poll_is_enough(pushes: Pushes, clock: Clock) -> None:
    assert pushes.due() == []
    assert pushes.tell("a") is True
    assert pushes.tell("a") is False  # it is due already
    assert pushes.due() == ["a"]
    poll(pushes, brought=True)
    assert waits_s(pushes, clock) == []


def test_an_outlet_whose_cache_is_old_is_looked_at_twice_more(pushes: Pushes, clock: Clock) -> None:
    pushes.tell("a")
    assert waits_s(pushes, clock) == [0, 10, 20]


def test_a_flood_causes_a_poll_in_ten_seconds_while_there_is_news(pushes: Pushes, clock: Clock) -> None:
    polls = 0
    for _ in range(600):
        for _ in range(50):
            pushes.tell("a")
        for source in pushes.due():
            poll(pushes, source, brought=True)
            polls += 1
        clock.now_s += 1
    assert polls == 60


def test_a_hub_that_cries_wolf_is_heard_less_and_less(pushes: Pushes, clock: Clock) -> None:
    times = []
    for _ in range(4000):
        pushes.tell("a")
        if pushes.due():
            poll(pushes, brought=False)
            times.append(clock.now_s)
        clock.now_s += 1
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == [10, 20, 40, 80, 160, 320, 640, 640, 640, 640, 640][: len(gaps)]
    clock.now_s = times[-1] + LIMITS.max_push_gap_s
    assert pushes.due() == ["a"]
    poll(pushes, brought=True)  # and at once as before when it was right
    clock.now_s += 10
    pushes.tell("a")
    assert pushes.due() == ["a"]


def test_what_is_told_while_a_poll_runs_leads_to_another_one(pushes: Pushes, clock: Clock) -> None:
    pushes.tell("a")
    pushes.begun("a")
    clock.now_s += 3
    assert pushes.tell("a") is False
    pushes.ended("a", brought=True)
    assert pushes.due() == []
    clock.now_s += 7
    assert pushes.due() == ["a"]


def test_a_poll_by_the_rhythm_serves_what_was_told_before_it(pushes: Pushes, clock: Clock) -> None:
    pushes.tell("a")
    poll(pushes, brought=True)
    clock.now_s += 2
    pushes.tell("a")  # due in eight seconds; but the source is polled anyway
    poll(pushes, brought=True)
    assert waits_s(pushes, clock) == []


def test_a_source_that_is_left_to_its_rhythm_is_due_when_it_is_told_of_again(pushes: Pushes, clock: Clock) -> None:
    pushes.tell("a")
    pushes.leave("a")
    assert waits_s(pushes, clock, most=1) == []
    clock.now_s += LIMITS.push_gap_s
    pushes.tell("a")
    assert pushes.due() == ["a"]


def test_a_flood_for_a_source_that_may_not_be_polled_wakes_nobody(pushes: Pushes, clock: Clock) -> None:
    woken = 0
    for _ in range(1000):
        woken += pushes.tell("a")
        if pushes.due():
            pushes.leave("a")
        clock.now_s += 0.1
    assert woken <= 100 / LIMITS.push_gap_s + 1


def test_sources_that_were_told_of_long_ago_take_no_memory(pushes: Pushes, clock: Clock) -> None:
    for n in range(100):
        pushes.tell(str(n))
        poll(pushes, str(n), brought=True)
    clock.now_s += 2 * LIMITS.max_push_gap_s
    pushes.due()
    assert pushes._told == {}
