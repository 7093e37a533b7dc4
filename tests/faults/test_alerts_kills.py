"""The relay dies at each of its boundaries: nothing is lost, the same message has the same id (GUARANTEES section 6).

A kill is an exception that nothing catches, before a store call, after it, or inside its transaction; then the database is
opened anew, as the next process would. Kills of real processes: tests/faults/test_kill9.py.
"""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from pipelines.alerts import notice_id
from pipelines.store import Store
from tests.alerting import SECRET, Clock, Endpoint, Hook, People, fill, pass_time, relay_to, rows, sender_to, states

When = Literal["before", "after", "inside"]
HOURS = 1.5  # enough for 40 alerts to people: twelve singly, the rest in bundles
WRITES = ("bundle", "alert_sent", "alert_postponed", "alert_failed")
WEBHOOK = Hook("arsip", "http://127.0.0.1/", SECRET)
SUMMED_UP = Hook("arsip", "http://127.0.0.1/", SECRET, digest=600.0)
READERS = Hook("arsip", apprise="json://127.0.0.1/")


class Killed(BaseException):
    """As good as SIGKILL."""


class Life:
    """One process's life: the `at`th call of the store is its last."""

    def __init__(self, path: Path, at: int, when: When) -> None:
        self.store = Store(path)
        self.store._conn.execute("PRAGMA synchronous = OFF")
        self._left, self._when = at, when

    async def call(self, method: Callable[..., Any], *values: Any) -> Any:
        self._left -= 1
        if self._left == 0 and self._when == "before":
            raise Killed
        if self._left == 0 and self._when == "inside" and method.__name__ in WRITES:
            self._break_off()
        result = method(*values)
        if self._left == 0:
            raise Killed
        return result

    def _break_off(self) -> None:
        def dies(*values: object) -> None:
            raise Killed

        self.store._note_channel = dies  # type: ignore[method-assign]  the last statements of each of the relay's writes


async def lives(path: Path, sender: Any, hook: Hook, clock: Clock, deaths: list[tuple[int, When]]) -> int:
    """Run the relay through its deaths, then to the end; return how many deaths came to pass."""
    died = 0
    for at, when in [*deaths, (0, "before")]:
        life = Life(path, at, when)
        relay = relay_to(life.store, sender, [hook], clock)
        relay._call = life.call
        try:
            await pass_time(relay, clock, HOURS if at == 0 else 0.1)
        except Killed:
            died += 1
        finally:
            life.store.close()
        clock.now += timedelta(seconds=1)
    return died


def filled(path: Path, count: int) -> list[str]:
    """Make a database with so many alerts, the first time; then copy it."""
    template = path.parent / f"template-{count}"
    if not template.exists():
        with Store(template) as store:
            fill(store, "arsip", count)
    shutil.copy(template, path)
    return [notice_id("article.matched", "arsip", str(number)) for number in range(count)]


def check(path: Path) -> None:
    with Store(path) as store:
        assert states(store).keys() == {"sent"}
        assert rows(store, "PRAGMA integrity_check") == [("ok",)]
        # A member of a digest is in that one alone, and every digest has members.
        assert rows(
            store,
            "SELECT count(*) FROM alerts d WHERE d.type = 'digest' AND NOT EXISTS "
            "(SELECT 1 FROM alerts m WHERE m.digest_id = d.id)",
        ) == [(0,)]


async def killed_webhook(path: Path, hook: Hook, deaths: list[tuple[int, When]], count: int) -> int:
    """A receiver that honours webhook-id acts exactly once on each."""
    clock = Clock()
    ids = filled(path, count)
    endpoint = Endpoint(clock)  # checks that an id never comes with another body
    died = await lives(path, sender_to(endpoint), hook, clock, deaths)
    check(path)
    if hook.digest is None:
        assert endpoint.accepted == ids
    else:
        listed = [item["id"] for name in endpoint.accepted for item in _items(endpoint.bodies[name])]
        assert listed == ids
    assert len(endpoint.requests) - len(endpoint.accepted) <= died  # one repeat a kill at most
    return died


async def killed_people(path: Path, deaths: list[tuple[int, When]], count: int) -> int:
    """People have no key: after a crash a message may come again, at most once a crash, and none is missing."""
    clock = Clock()
    ids = filled(path, count)
    people = People(clock)
    died = await lives(path, people, READERS, clock, deaths)
    check(path)
    messages = Counter(alert_id for _, alert_id, _ in people.sent)
    assert list(dict.fromkeys(people.listed())) == ids
    assert messages.total() - len(messages) <= died
    return died


def _items(body: bytes) -> list[dict[str, Any]]:
    return json.loads(body)["data"]["alerts"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("when", ["before", "after", "inside"])
@pytest.mark.parametrize("hook", [WEBHOOK, SUMMED_UP, READERS], ids=["webhook", "digest", "people"])
async def test_killed_at_every_boundary_the_relay_loses_nothing(tmp_path: Path, hook: Hook, when: When) -> None:
    died = 0
    for at in range(1, 45):
        path = tmp_path / f"{at}.db"
        if hook is READERS:
            died += await killed_people(path, [(at, when)], 16)
        else:
            died += await killed_webhook(path, hook, [(at, when)], 16)
    assert died > (1 if when == "inside" else 10)


async def test_two_hundred_kills_keep_the_promise_to_both_sides(tmp_path: Path) -> None:
    rng = random.Random(11)
    whens: list[When] = ["before", "after", "inside"]
    for number in range(20):
        deaths = [(rng.randint(1, 25), rng.choice(whens)) for _ in range(10)]
        await killed_webhook(tmp_path / f"w{number}.db", WEBHOOK, deaths, 40)
        await killed_webhook(tmp_path / f"d{number}.db", SUMMED_UP, deaths, 40)
        await killed_people(tmp_path / f"p{number}.db", deaths, 40)
