"""When a channel gets what: one by one, bundled, or later. Pure: the queue and the clock come in.

People get at most 20 messages an hour (GUARANTEES A9, C9), programs everything at once. Nothing is dropped; what does not fit
waits and comes bundled. Tests: tests/pipelines/test_pacing.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

# Times are stored in whole seconds, so an hour is told by one more.
HOUR = timedelta(seconds=3601)
SLACK = timedelta(minutes=1)
PER_HOUR = 20  # messages to people
SINGLES = 12  # of them sent one by one; the rest is kept for bundles, so that a busy hour still has room
BUNDLE_EVERY = timedelta(minutes=10)  # six bundles an hour and twelve single ones stay under PER_HOUR
IN_ORDER = 3  # attempts for which later alerts wait, so that order is kept; then others pass
LONG_OUTAGE = timedelta(minutes=10)
SHORTEST_HOLD, LONGEST_HOLD = timedelta(seconds=5), timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a channel wants. `digest`: "HH:MM" or seconds; `quiet`: "HH:MM" to "HH:MM"; both in `zone`. `people`: capped."""

    digest: str | float | None
    quiet: tuple[str, str] | None
    people: bool
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Queue:
    """A channel's outbox. `fresh` alerts were never tried and are in no digest; `fresh` itself is counted up to SINGLES + 1.

    `next_at`: when the first of what is sent as it is (digests made already, alerts tried before; without a digest policy fresh
    ones too) is due; None: there is none. `next_is_fresh` says that it is a fresh one. `messages_at`: messages of the last hour.
    """

    fresh: int = 0
    fresh_since: datetime | None = None
    next_at: datetime | None = None
    next_is_fresh: bool = False
    messages_at: tuple[datetime, ...] = ()
    last_digest_at: datetime | None = None
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next. `hold`: nothing before `until` (None: until there is something). `bundle`: in at most `parts` messages."""

    do: Literal["send", "bundle", "hold"]
    until: datetime | None = None
    parts: int | None = None


def decide(policy: Policy, queue: Queue, now: datetime) -> Step:
    """Return what a channel gets now."""
    if queue.held_until is not None and now < queue.held_until:
        return Step("hold", queue.held_until)
    if (awake := quiet_until(policy, now)) is not None:
        return Step("hold", awake)
    free = PER_HOUR
    if policy.people:
        # One in the future was sent before the clock was set back, and holds nobody.
        recent = sorted(at for at in queue.messages_at if -SLACK <= now - at < HOUR)
        free -= len(recent)
        if free <= 0:
            return Step("hold", recent[-PER_HOUR] + HOUR)
    if queue.next_at is not None and not (queue.next_is_fresh and policy.people):
        return Step("send") if queue.next_at <= now else Step("hold", queue.next_at)
    if not queue.fresh or queue.fresh_since is None:
        return Step("hold")
    parts = free if policy.people else None
    if policy.digest is not None:
        due = digest_due_at(policy, queue, now)
        return Step("bundle", parts=parts) if due <= now else Step("hold", due)
    singles = SINGLES - (PER_HOUR - free)
    late = now - queue.fresh_since > BUNDLE_EVERY
    if singles > 0 and (queue.fresh <= singles or not late):
        return Step("send")
    if queue.last_digest_at is not None and now < queue.last_digest_at + BUNDLE_EVERY:
        return Step("hold", queue.last_digest_at + BUNDLE_EVERY)
    return Step("bundle", parts=parts)


def quiet_until(policy: Policy, now: datetime) -> datetime | None:
    """Return when the quiet that holds now ends; None outside of it."""
    if policy.quiet is None:
        return None
    start, end = (time.fromisoformat(clock) for clock in policy.quiet)
    local = now.astimezone(policy.zone)
    if not _within(local.time(), start, end):
        return None
    day = local.date() if local.time() < end else local.date() + timedelta(days=1)
    return datetime.combine(day, end, policy.zone).astimezone(now.tzinfo)


def digest_due_at(policy: Policy, queue: Queue, now: datetime) -> datetime:
    """Return when the fresh alerts are to be summed up.

    Daily: the first such time after the oldest was made; one inside the quiet is its end. An interval counts from the last
    digest, the first one from the first alert.
    """
    assert policy.digest is not None
    assert queue.fresh_since is not None
    if isinstance(policy.digest, str):
        at = time.fromisoformat(policy.digest)
        if policy.quiet is not None:
            start, end = (time.fromisoformat(clock) for clock in policy.quiet)
            at = end if _within(at, start, end) else at
        made = queue.fresh_since.astimezone(policy.zone)
        day = made.date() if made.time() < at else made.date() + timedelta(days=1)
        return datetime.combine(day, at, policy.zone).astimezone(now.tzinfo)
    return (queue.last_digest_at or queue.fresh_since) + timedelta(seconds=policy.digest)


def hold_after_failure(failing_since: datetime | None, attempts: int, now: datetime) -> datetime | None:
    """Return until when a channel is left alone after a failed attempt, the `attempts`th of that alert; None: it goes on.

    As long as it has failed so far, from 5 s to 10 min. An alert that fails again while others pass holds nobody up.
    """
    if failing_since is None:
        return None if attempts >= IN_ORDER else now + SHORTEST_HOLD
    return now + min(max(now - failing_since, SHORTEST_HOLD), LONGEST_HOLD)


def _within(at: time, start: time, end: time) -> bool:
    return start <= at < end if start < end else at >= start or at < end
