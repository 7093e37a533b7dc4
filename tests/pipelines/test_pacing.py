from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines.pacing import BUNDLE_EVERY, HOUR, PER_HOUR, SINGLES, Policy, Queue, decide, hold_after_failure
from tests.alerting import ZONE

NOON = datetime(2024, 11, 13, 5, 0, tzinfo=UTC)  # 12.00 WIB
MINUTE = timedelta(minutes=1)


def wants(**changes: Any) -> Policy:
    return Policy(**{"digest": None, "quiet": None, "people": True, "zone": ZONE, **changes})


def waiting(count: int, age: timedelta = MINUTE, **changes: Any) -> Queue:
    since = NOON - age
    return Queue(**{"fresh": count, "fresh_since": since, "next_at": since, "next_is_fresh": True, **changes})


def sent(count: int, ago: timedelta = MINUTE) -> tuple[datetime, ...]:
    return (NOON - ago,) * count


def wib(clock: str, day: int = 13) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return datetime(2024, 11, day, hour, minute, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        (Queue(), ("hold", None)),
        (waiting(1), ("send", None)),
        (waiting(SINGLES + 1), ("send", None)),
        (waiting(1, messages_at=sent(SINGLES - 1)), ("send", None)),
        # From the thirteenth of an hour on: bundled, and one bundle each ten minutes.
        (waiting(1, messages_at=sent(SINGLES)), ("bundle", PER_HOUR - SINGLES)),
        (waiting(1, messages_at=sent(SINGLES), last_digest_at=NOON - BUNDLE_EVERY), ("bundle", PER_HOUR - SINGLES)),
        (waiting(1, messages_at=sent(SINGLES), last_digest_at=NOON - MINUTE), ("hold", NOON - MINUTE + BUNDLE_EVERY)),
        # Nothing beyond the cap, whatever waits.
        (waiting(1, messages_at=sent(PER_HOUR)), ("hold", NOON - MINUTE + HOUR)),
        (waiting(1, messages_at=sent(PER_HOUR, HOUR)), ("send", None)),
        # What has waited long and does not fit one by one comes bundled, not twelve of it singly.
        (waiting(SINGLES + 1, age=11 * MINUTE), ("bundle", PER_HOUR)),
        (waiting(SINGLES, age=11 * MINUTE), ("send", None)),
        # A digest that is made, or an alert tried before, goes as it is, within the cap.
        (Queue(next_at=NOON, messages_at=sent(PER_HOUR - 1)), ("send", None)),
        (Queue(next_at=NOON, messages_at=sent(PER_HOUR)), ("hold", NOON - MINUTE + HOUR)),
        (Queue(next_at=NOON + MINUTE, fresh=3, fresh_since=NOON), ("hold", NOON + MINUTE)),
        (waiting(1, held_until=NOON + MINUTE), ("hold", NOON + MINUTE)),
        (waiting(1, held_until=NOON), ("send", None)),
    ],
)
def test_people_get_at_most_twenty_messages_an_hour(queue: Queue, expected: tuple[str, Any]) -> None:
    step = decide(wants(), queue, NOON)
    assert (step.do, step.parts if step.do == "bundle" else step.until) == expected


def test_programs_get_everything_at_once() -> None:
    assert decide(wants(people=False), waiting(SINGLES + 1, age=HOUR), NOON).do == "send"
    step = decide(wants(people=False, digest=60.0), waiting(13, age=HOUR, next_at=None, next_is_fresh=False), NOON)
    assert (step.do, step.parts) == ("bundle", None)


@pytest.mark.parametrize(
    ("quiet", "at", "until"),
    [
        (("22:00", "06:00"), wib("21:59"), None),
        (("22:00", "06:00"), wib("22:00"), wib("06:00", 14)),
        (("22:00", "06:00"), wib("00:00"), wib("06:00")),
        (("22:00", "06:00"), wib("05:59"), wib("06:00")),
        (("22:00", "06:00"), wib("06:00"), None),
        (("12:00", "13:00"), wib("12:30"), wib("13:00")),
        (("12:00", "13:00"), wib("13:00"), None),
    ],
)
def test_quiet_holds_everything_back_until_its_end(
    quiet: tuple[str, str], at: datetime, until: datetime | None
) -> None:
    queue = Queue(fresh=1, fresh_since=at - MINUTE, next_at=at - MINUTE, next_is_fresh=True)
    step = decide(wants(quiet=quiet), queue, at)
    assert (step.do, step.until) == (("send", None) if until is None else ("hold", until))


@pytest.mark.parametrize(
    ("digest", "quiet", "since", "last", "due"),
    [
        ("07:00", None, wib("06:59"), None, wib("07:00")),
        ("07:00", None, wib("07:00"), None, wib("07:00", 14)),
        ("07:00", None, wib("23:30"), wib("07:00"), wib("07:00", 14)),
        ("03:00", ("22:00", "06:00"), wib("23:00"), None, wib("06:00", 14)),
        ("03:00", ("22:00", "06:00"), wib("04:00"), None, wib("06:00")),  # made after 03:00 but before it is sent
        (1800.0, None, wib("12:00"), None, wib("12:30")),
        (1800.0, None, wib("12:00"), wib("11:50"), wib("12:20")),
        (1800.0, None, wib("12:00"), wib("09:00"), wib("09:30")),
    ],
)
def test_a_digest_is_due_at_its_time(
    digest: str | float, quiet: tuple[str, str] | None, since: datetime, last: datetime | None, due: datetime
) -> None:
    policy = wants(digest=digest, quiet=quiet)
    queue = Queue(fresh=2, fresh_since=since, last_digest_at=last)
    just_before = max(since, due - timedelta(seconds=1))
    if just_before < due:
        early = decide(policy, queue, just_before)
        assert (early.do, early.until) == ("hold", due)
    assert decide(policy, queue, max(due, since)).do == "bundle"
    assert decide(policy, Queue(last_digest_at=last), max(due, since)).do == "hold"  # nothing waits: no message


def test_a_digest_missed_while_nobody_ran_is_made_at_once() -> None:
    assert decide(wants(digest="07:00"), Queue(fresh=1, fresh_since=wib("20:00", 12)), wib("09:00")).do == "bundle"


def test_a_channel_is_left_alone_for_as_long_as_it_fails_within_bounds() -> None:
    def held(failing_for: float | None, attempts: int = 1) -> float | None:
        since = None if failing_for is None else NOON - timedelta(seconds=failing_for)
        until = hold_after_failure(since, attempts, NOON)
        return None if until is None else (until - NOON).total_seconds()

    assert [held(None), held(0), held(40), held(9999)] == [5, 5, 40, 600]
    assert held(None, attempts=3) is None  # others pass an alert that keeps failing by itself
    assert held(40, attempts=3) == 40  # but not where all fail
