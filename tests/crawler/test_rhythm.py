"""When a source is polled next (crawler/rhythm.py)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from crawler.items import Memory, Outcome, PollReport, Source
from crawler.rhythm import DEFAULT_EVERY_S, LONGEST_S, decide_next_poll

NOW = datetime(2024, 11, 13, 1, 4, tzinfo=UTC)


def wait_s(
    outcome: Outcome, failures: int = 0, every_s: float | None = None, not_before: datetime | None = None
) -> float:
    memory = Memory(not_before=not_before) if not_before else None
    report = PollReport("a", outcome, NOW, NOW, memory=memory)
    source = Source("a", "A", "https://a.id", every_s=every_s)
    return (decide_next_poll(source, report, failures, NOW, random.Random(1)) - NOW).total_seconds()


@pytest.mark.parametrize("outcome", ["ok", "not_modified", "empty"])
def test_a_source_that_answers_is_polled_after_its_interval_with_a_tenth_of_jitter(outcome: Outcome) -> None:
    assert 60 <= wait_s(outcome, every_s=60) <= 66
    assert DEFAULT_EVERY_S <= wait_s(outcome) <= DEFAULT_EVERY_S * 1.1


@pytest.mark.parametrize("outcome", ["failed", "refused", "killed"])
def test_failures_in_a_row_make_it_later_up_to_six_hours(outcome: Outcome) -> None:
    waits = [wait_s(outcome, failures) for failures in (0, 3, 6, 5000)]
    assert waits == sorted(waits)
    assert LONGEST_S / 2 <= waits[-1] <= LONGEST_S * 1.1


def test_an_interval_longer_than_the_longest_pause_is_kept() -> None:
    assert 86_400 <= wait_s("failed", 10, every_s=86_400) <= 86_400 * 1.1


def test_a_host_is_never_called_before_it_asked_to_be() -> None:
    assert wait_s("refused", every_s=60, not_before=NOW + timedelta(hours=3)) == 3 * 3600
    assert wait_s("ok", every_s=60, not_before=NOW - timedelta(hours=3)) <= 66
