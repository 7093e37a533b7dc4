"""How a source stands: told from each poll's report and what its polls usually bring. Pure; recorded by the store.

    silent          nothing new for max(48 h, six usual gaps) and seven batches' worth of its usual hours
    layout_changed  a listing that named articles names none, pages that were articles have no text, or bodies shrank
    blocked         403, a challenge, a block page or a login in the way
    not_a_feed      the listing is something else now
    failing         not reached, or broken

A state shows at once; its notice waits until it has lasted (TOLD_AFTER_S), so that a bad hour of a regional host tells
nobody. Each state is told once when it begins and once when it ends. Tests: tests/crawler/test_health.py, with how
often it cries wolf on synthetic histories.
"""

from __future__ import annotations

import json
import statistics
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from crawler.items import Notice, PollError, PollReport, SourceState, Standing, readable, to_json
from crawler.rhythm import Rhythm, learned

SILENT_S, SILENT_GAPS = 48 * 3600.0, 6  # GUARANTEES: max(48 h, six times its usual gap)
# Batches that its usual hours would have brought by now: less would call a slow outlet silent by chance, more would be late
# (tests/crawler/test_health.py measures both). Six gaps of which four in five are shorter are about as long.
SILENT_BATCHES = 7
NEVER_NEW_S = 30 * 86400.0  # too few entries known to speak of a usual gap
TOLD_AFTER_S = {
    "failing": 24 * 3600.0,
    "blocked": 6 * 3600.0,
    "not_a_feed": 6 * 3600.0,
    "layout_changed": 6 * 3600.0,
    "silent": 0.0,
}
TOLD_AFTER_POLLS = 3
BARREN_PAGES = 4  # in a row, without one article among them
BODIES, SHRUNK = 4, 0.25  # the last four bodies all under a quarter of what is usual
BODIES_KEPT = 24
GAP_TOLD_S = 7 * 86400.0  # a listing that is too short for its outlet is told once a week
_GOOD = frozenset({"ok", "not_modified", "empty"})
_LOCKED = ("401", "403", "451")  # how FetchError says that a server refuses
# What says that nobody answered: our own network, theirs, or somebody in between.
UNREACHED = frozenset({"connect", "timeout", "dns", "tls", "blocked"})


@dataclass(frozen=True, slots=True)
class Health:
    """What is remembered of a source's polls. `told`: the state whose beginning was told and whose end was not yet."""

    state: SourceState = "new"
    since: datetime | None = None
    polls: int = 0  # in this state
    bad_since: datetime | None = None  # since when it is not well, in whichever state
    told: str = ""
    last_new: datetime | None = None
    listed: int = 0  # entries of the last listing that had any
    barren: int = 0  # pages in a row that had no text
    bodies: tuple[int, ...] = ()  # lengths in characters, the newest last
    gap_told: datetime | None = None


def judge(
    rhythm_json: str | None,
    health_json: str | None,
    report: PollReport,
    planned_s: float | None,
    *,
    offline: bool = False,
) -> tuple[Standing, Rhythm]:
    """Return how the source stands after the report, and its rhythm.

    `planned_s`: how long after the poll before this one was planned. `offline`: our own network is down, so what was not
    reached says nothing about the source.
    """
    earlier = readable(Rhythm, rhythm_json)
    rhythm, before = earlier or Rhythm(), readable(Health, health_json) or Health()
    now = report.finished_at
    good = report.outcome in _GOOD
    if good:
        rhythm = learned(rhythm, report.arrivals, now)
    unreached = not good and offline
    health = before if unreached else _observed(before, report, good=good)
    notices: list[Notice] = []
    if not unreached:
        state, detail = _state(health, rhythm, report, good=good)
        same = state == before.state
        health = replace(
            health,
            state=state,
            since=before.since if same and before.since else now,
            bad_since=None if state == "ok" else before.bad_since or now,
            polls=before.polls + 1 if same else 1,
        )
        health = _told(health, detail, now, notices, known=before.state != "new")
        if report.gap and (before.gap_told is None or now - before.gap_told > timedelta(seconds=GAP_TOLD_S)):
            since = (earlier.at if earlier else None) or now
            health = replace(health, gap_told=now)
            detail = "nothing it lists was known: entries may have come and gone unseen"
            notices.append(Notice("source.gap", "gap", since, detail, until=now))
    took_s = (report.finished_at - report.started_at).total_seconds()
    standing = Standing(
        state=health.state,
        since=health.since or now,
        rhythm=_packed(rhythm),
        health=_packed(health),
        notices=tuple(notices),
        counts_as_failure=not unreached,
        overrun=planned_s is not None and took_s > planned_s,
    )
    return standing, rhythm


def _packed(value: object) -> str:
    return json.dumps(to_json(value), separators=(",", ":"))


def _observed(health: Health, report: PollReport, *, good: bool) -> Health:
    """Return the evidence with this report's added."""
    if report.arrivals:  # what comes later under an old date shows that the outlet lives, too
        newest = max(report.arrivals) if health.last_new is None else report.finished_at
        health = replace(health, last_new=min(newest, report.finished_at))
    elif good and health.last_new is None:  # undated, or nothing at all: counted from now
        health = replace(health, last_new=report.finished_at)
    if good and report.found:
        health = replace(health, listed=report.found)
    lengths = [len(article.body) for article in report.articles if article.body_status == "whole" and article.body]
    empty = sum(error.kind == "blocked" or error.message in ("empty", "login", "paywall") for error in report.errors)
    barren = 0 if lengths or report.off_topic else health.barren + empty if good else health.barren
    return replace(health, barren=barren, bodies=(*health.bodies, *lengths)[-BODIES_KEPT:])


def _state(health: Health, rhythm: Rhythm, report: PollReport, *, good: bool) -> tuple[SourceState, str]:
    """Return the state that the report shows, and why in a sentence."""
    now = report.finished_at
    first = report.errors[0].message if report.errors else report.outcome
    if not good:
        if any(error.kind == "not_a_feed" for error in report.errors):
            return "not_a_feed", first
        if any(error.kind == "blocked" or error.message.startswith(_LOCKED) for error in report.errors):
            return "blocked", first
        return "failing", first
    if report.outcome == "empty" and health.listed:
        return "layout_changed", f"it listed {health.listed} articles before and lists none now"
    if health.barren >= BARREN_PAGES:
        if any(error.kind == "blocked" for error in report.errors):
            return "blocked", f"the last {health.barren} pages are something in the way of articles"
        return "layout_changed", f"the last {health.barren} pages had no text of an article"
    if len(health.bodies) >= 3 * BODIES:
        usual, last = statistics.median(health.bodies[:-BODIES]), max(health.bodies[-BODIES:])
        if last < SHRUNK * usual:
            return "layout_changed", f"the last {BODIES} bodies have at most {last} characters, {usual:.0f} are usual"
    if health.state == "silent" and not report.arrivals and not report.new:
        return "silent", "nothing new since"
    quiet_s = (now - health.last_new).total_seconds() if health.last_new else 0.0
    if health.last_new and _is_silent(rhythm, health.last_new, now, quiet_s):
        return (
            "silent",
            f"nothing new for {quiet_s / 3600:.0f} hours, {rhythm.usual_gap_s() / 3600:.1f} are usual at most",
        )
    return "ok", ""


def _is_silent(rhythm: Rhythm, last: datetime, now: datetime, quiet_s: float) -> bool:
    if not rhythm.known:
        return quiet_s > NEVER_NEW_S
    if quiet_s <= max(SILENT_S, SILENT_GAPS * rhythm.usual_gap_s()):
        return False
    # A newsroom that rests on Sundays and at night is not silent for that.
    return rhythm.expected_between(last, now) / rhythm.batch() >= SILENT_BATCHES


def _told(health: Health, detail: str, now: datetime, notices: list[Notice], *, known: bool) -> Health:
    """Return the health with what is told now marked so; the notices are added to `notices`."""
    since = health.since or now
    if health.state == "ok":
        if health.told:
            notices.append(Notice("source.recovered", health.told, since, "it works again"))
        return replace(health, told="")
    lasted_s = (now - since).total_seconds()
    due = (
        health.state in TOLD_AFTER_S
        and lasted_s >= TOLD_AFTER_S[health.state]
        and (health.polls >= TOLD_AFTER_POLLS or health.state == "silent")
    )
    # One bad state after the other is bad all the while: told once, whichever it is by then.
    long_bad = health.bad_since is not None and (now - health.bad_since).total_seconds() >= TOLD_AFTER_S["failing"]
    due = due or (long_bad and not health.told and health.state in TOLD_AFTER_S)
    if due and health.told != health.state:
        if known:  # an outlet that was dead before we came is seen in `pantau status`
            notices.append(Notice(f"source.{health.state}", health.state, since, detail))
        return replace(health, told=health.state)
    return health


# ---------------------------------------------------------------------------------------------------------- network


@dataclass(slots=True)
class Network:
    """Whether our own network is down: most sources, on different hosts, were not reached at once.

    One notice in place of one a source; while it is down a few sources are tried in turn (PROBES) and nothing counts against any.
    """

    down_since: datetime | None = None
    missed: int = 0  # hosts that were not reached lately
    _wanted: int = 3
    _last: deque[tuple[datetime, str, bool]] = field(default_factory=lambda: deque(maxlen=400))

    WINDOW_S = 900.0
    LEAST = 3  # hosts; fewer say nothing about the network
    DOWN, UP = 0.8, 0.5  # share of hosts not reached
    PROBES = 3
    ENOUGH = 16  # probes that decide whether it is up again, fewer where there are fewer hosts

    def saw(self, host: str, report: PollReport, *, known: bool = True, failing: bool = False) -> bool:
        """Take in a report; return whether that changed whether the network is down.

        `known`: the source has answered at some time; `failing`: it failed before this poll, too.
        """
        now = report.finished_at
        reached = report.outcome in _GOOD or not all(map(_is_unreached, report.errors))
        if report.outcome == "killed" or (report.errors and all(error.kind == "wait" for error in report.errors)):
            return False  # nobody was asked
        if (failing or not known) and not reached and self.down_since is None:
            return False  # an outlet that is dead says nothing about our network
        self._last.append((now, host, reached))
        newest = {seen: answered for at, seen, answered in self._last if (now - at).total_seconds() <= self.WINDOW_S}
        self.missed = sum(not answered for answered in newest.values())
        if self.down_since is None and len(newest) >= self.LEAST and self.missed > self.DOWN * len(newest):
            self.down_since = min(at for at, _, answered in self._last if not answered)
            self._last.clear()  # what answered before says nothing of now
            self._wanted = min(self.ENOUGH, len(newest))
            return True
        if self.down_since is not None and len(self._last) >= self._wanted:
            probes = list(self._last)[-self._wanted :]
            if sum(answered for _, _, answered in probes) >= self.UP * len(probes):
                self.down_since = None
                self._last.clear()
                return True
        return False


def _is_unreached(error: PollError) -> bool:
    """Return whether nobody answered; robots.txt that could not be read stands for its host."""
    return error.kind in UNREACHED or (error.kind == "robots" and "could not be read" in error.message)
