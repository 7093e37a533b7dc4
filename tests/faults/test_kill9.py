"""SIGKILL at random moments, then a crawl to the end: everything stored once, each alert made and accepted once (GUARANTEES B1)."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from newsroom import Newsroom, WebhookReceiver
from tests.conftest import Desk, children_of, wait_for

# A crawl of the newsroom takes about 2.5 s: a second until the crawl process is ready, then polls, records and deliveries.
EARLIEST_S, LATEST_S = 0.3, 3.2


def kill_rounds(folder: Path, rounds: int, kills: int, seed: int) -> None:
    """Kill `kills` daemons and crawls one after the other on a fresh database, `rounds` times, the receiver failing as well;
    then crawl to the end and check all of it."""
    rng = random.Random(seed)
    for number in range(rounds):
        with Newsroom() as newsroom, WebhookReceiver() as receiver:
            desk = Desk(folder / str(number), newsroom, receiver)
            desk.folder.mkdir()
            desk.configure(every="5s")
            for _ in range(kills):
                for _ in range(rng.randint(0, 6)):
                    receiver.answer_next(status=rng.choice([200, 200, 500, 503, 0]))
                process = desk.start(rng.choice(["run", "crawl"]))
                time.sleep(rng.uniform(EARLIEST_S, LATEST_S))
                offspring = children_of(process.pid)
                os.kill(process.pid, signal.SIGKILL)
                process.communicate()
                # Its crawl process notices within a heartbeat that nobody listens, and ends with its own children.
                wait_for(
                    lambda left=offspring: (
                        not any(Path(f"/proc/{child}/cmdline").exists() and _runs(child) for child in left)
                    ),
                    15,
                )
            receiver.forget_plans()
            desk.pantau("crawl")
            wait_for(lambda desk=desk: desk.pantau("alerts", "retry").returncode == 0, 30)
            desk.crawl()
            check_once(desk, kills)


def _runs(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def check_once(desk: Desk, kills: int) -> None:
    wanted = [truth for truth in desk.newsroom.truths() if truth.on_topic]
    rows = desk.rows()
    assert sorted(row["title"] for row in rows) == sorted(truth.title for truth in wanted)
    assert len({row["url"] for row in rows}) == len(rows)
    alerts = desk.rows("SELECT id, type, state, story_id, channel FROM alerts")
    assert {alert["state"] for alert in alerts} == {"sent"}
    matched = [alert for alert in alerts if alert["type"] == "article.matched"]
    assert len({(alert["story_id"], alert["channel"]) for alert in matched}) == len(matched)
    assert {alert["story_id"] for alert in matched} == {row["story_id"] for row in rows if row["rules"] != "[]"}
    delivered = [d.id for d in desk.receiver.deliveries if d.verified and 200 <= d.answered < 300]
    assert set(delivered) == {alert["id"] for alert in alerts} == {delivery.id for delivery in desk.receiver.accepted}
    # What was on its way when the process died arrives again under its id; no more than one a channel and kill.
    assert len(delivered) - len(set(delivered)) <= kills
    db = sqlite3.connect(desk.database)
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.execute("INSERT INTO articles_fts (articles_fts) VALUES ('integrity-check')")
    finally:
        db.close()


def test_killed_twenty_times_everything_is_stored_once_and_each_alert_made_once(tmp_path: Path) -> None:
    kill_rounds(tmp_path, rounds=2, kills=10, seed=int(os.environ.get("PANTAU_SEED", "20241127")))


@pytest.mark.slow
def test_killed_two_hundred_times_while_the_receiver_fails_too(tmp_path: Path) -> None:
    kill_rounds(tmp_path, rounds=40, kills=5, seed=int(os.environ.get("PANTAU_SEED", "1")))
