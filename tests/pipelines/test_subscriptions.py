"""Rows of subscriptions to hubs: due by host, moved with a clock that was set back, who may be hurried."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from pipelines.store import Store
from pipelines.subscriptions import Subscription
from tests.pipelines.conftest import LATER, NOW, report

ROW = Subscription("t1", "satu", "f1", "https://h/", "h:443", "https://satu.example/feed", "s", "", "new", NOW)


def test_a_row_comes_back_as_it_went(store: Store) -> None:
    whole = replace(ROW, state="active", asked_at=NOW, lease_until=LATER, failures=2, error="e", last_push_at=NOW)
    store.save_subscriptions([whole])
    assert store.subscriptions() == [whole]
    store.save_subscriptions([ROW])
    assert store.subscriptions() == [ROW]
    store.drop_subscription("t1")
    assert store.subscriptions() == []


def test_a_feed_has_one_subscription_beside_those_that_are_ended(store: Store) -> None:
    leaving = replace(ROW, state="leaving")
    store.save_subscriptions([leaving, replace(ROW, token="t2")])
    with pytest.raises(sqlite3.IntegrityError):
        store.save_subscriptions([replace(ROW, token="t3")])
    assert [row.token for row in store.subscriptions()] == ["t1", "t2"]
    store.forget_subscriptions()
    assert store.subscriptions() == []


def test_one_of_each_host_is_due_the_longest_due_first(store: Store) -> None:
    late = NOW - timedelta(hours=1)
    rows = [replace(ROW, token=f"t{n}", feed=f"f{n}", next_try_at=late + timedelta(seconds=n)) for n in range(5)]
    rows.append(replace(ROW, token="x", feed="fx", host="other:443", next_try_at=late - timedelta(hours=1)))
    rows.append(replace(ROW, token="y", feed="fy", host="third:443", next_try_at=LATER))
    store.save_subscriptions(rows)
    assert store.due_subscriptions(NOW) == ["x", "t0"]


def test_a_clock_that_is_set_back_takes_them_along(store: Store) -> None:
    store.save_subscriptions([replace(ROW, lease_until=LATER)])
    store.move_times(timedelta(hours=-2), NOW)
    (row,) = store.subscriptions()
    assert (row.next_try_at, row.lease_until) == (NOW - timedelta(hours=2), LATER - timedelta(hours=2))
    store.move_times(timedelta(days=300), NOW)
    assert store.subscriptions() == [row]


def test_a_clock_that_was_set_back_while_nobody_watched_does_not_hold_them_for_years(store: Store) -> None:
    planned = [NOW + timedelta(days=days) for days in (27, 400)]
    store.save_subscriptions(
        [replace(ROW, token=f"t{n}", feed=f"f{n}", next_try_at=at) for n, at in enumerate(planned)]
    )
    store.pull_in(NOW, timedelta(days=1))
    assert [row.next_try_at for row in store.subscriptions()] == [planned[0], NOW]


def test_a_source_is_hurried_while_its_polls_go_well(store: Store) -> None:
    assert store.hurried(["satu", "dua", "lain"]) == ["dua", "satu"]
    store.record(report(outcome="refused"), LATER)
    assert store.hurried(["satu", "dua"]) == ["dua"]
    store.record(report(outcome="not_modified"), LATER)
    assert store.hurried(["satu"]) == ["satu"]
    store.sync_sources([])
    assert store.hurried(["satu"]) == []
