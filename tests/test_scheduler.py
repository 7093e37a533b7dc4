"""The daemon, as a process: polls what is due, alerts, ends cleanly, refuses company, survives its crawl process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from newsroom import Article, WebhookReceiver
from tests.conftest import Desk, children_of, end, wait_for

TEXT = [
    "Seorang aparatur sipil negara di lingkungan kecamatan dilaporkan warga karena dianggap tidak netral menjelang pemilihan kepala daerah.",
    "Pengawas pemilu menyatakan laporan tentang netralitas ASN itu sedang dikaji dan para saksi akan segera dipanggil pekan ini juga.",
]


@contextmanager
def daemon(desk: Desk, *command: str) -> Iterator[subprocess.Popen[str]]:
    process = desk.start(*(command or ("run",)))
    try:
        yield process
    finally:
        end(process)


def stored(desk: Desk) -> int:
    return len(desk.rows("SELECT id FROM feed")) if desk.database.exists() and desk.database.stat().st_size else 0


@pytest.fixture
def quick(desk: Desk) -> Desk:
    desk.configure(every="5s")
    return desk


def test_the_daemon_watches_alerts_on_what_appears_and_ends_cleanly(quick: Desk) -> None:
    wanted = sum(truth.on_topic for truth in quick.newsroom.truths())
    with daemon(quick) as process:
        wait_for(lambda: quick.database.exists() and _tables(quick) and stored(quick) == wanted, 90)
        title = "Camat Baru Dilaporkan Tidak Netral ke Pengawas"
        quick.newsroom.publish("koransekanak", Article.of("koransekanak", title, TEXT, on_topic=True))
        wait_for(
            lambda: title in {delivery.json["data"]["article"]["title"] for delivery in quick.receiver.deliveries}, 20
        )
        assert stored(quick) == wanted + 1
        offspring = children_of(process.pid)
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert time.monotonic() - asked < 10
        wait_for(lambda: not any(Path(f"/proc/{child}").exists() for child in offspring), 20)


def _tables(desk: Desk) -> bool:
    return bool(desk.rows("SELECT name FROM sqlite_master WHERE name = 'feed'"))


def test_a_second_daemon_is_refused_and_a_crawl_beside_it_too(quick: Desk) -> None:
    with daemon(quick):
        wait_for(lambda: quick.database.exists() and _tables(quick))
        for command in ("run", "crawl"):
            done = quick.pantau(command)
            assert done.returncode == 1
            assert "is being written by pantau (process" in done.stderr
            assert "Traceback" not in done.stderr
        told = quick.pantau("status")
        assert (told.returncode, "daemon: runs (process" in told.stdout) == (0, True)
        lock = Path(f"{quick.database}.lock")
        wait_for(lambda: time.time() - lock.stat().st_mtime < 5)  # as a container's health check sees it


def test_a_daemon_that_gives_no_sign_of_life_is_told_from_one_that_works(quick: Desk) -> None:
    with daemon(quick) as process:
        wait_for(lambda: quick.database.exists() and _tables(quick) and stored(quick) > 0, 90)
        process.send_signal(signal.SIGSTOP)
        try:
            lock = Path(f"{quick.database}.lock")
            os.utime(lock, (time.time() - 100, time.time() - 100))  # a stop of 100 s, in less
            assert "no sign of life for 10" in quick.pantau("status").stdout
            assert "no sign of life for 10" in quick.pantau("doctor").stdout
        finally:
            process.send_signal(signal.SIGCONT)


def test_a_killed_crawl_process_is_replaced_and_its_polls_are_done_again(quick: Desk) -> None:
    with daemon(quick) as process:
        wait_for(lambda: quick.database.exists() and _tables(quick) and stored(quick) > 0, 90)
        crawler = next(
            child
            for child in children_of(process.pid)
            if b"crawler.worker" in Path(f"/proc/{child}/cmdline").read_bytes()
        )
        os.kill(crawler, signal.SIGKILL)
        quick.newsroom.publish(
            "phinisi", Article.of("phinisi", "Lurah Dilaporkan karena Tidak Netral di Kampanye", TEXT, on_topic=True)
        )
        wanted = sum(truth.on_topic for truth in quick.newsroom.truths())
        wait_for(lambda: stored(quick) == wanted, 90)


def test_alerts_retry_reaches_the_daemon(quick: Desk) -> None:
    quick.receiver.answer_next(1000, status=500)
    with daemon(quick):
        wait_for(
            lambda: (
                quick.database.exists() and _tables(quick) and quick.rows("SELECT id FROM alerts WHERE attempts > 0")
            ),
            90,
        )
        quick.receiver.clear()  # from now on it answers 200
        done = quick.pantau("alerts", "retry")
        assert "the daemon" in done.stdout
        wait_for(lambda: quick.rows("SELECT count(*) AS n FROM alerts WHERE state != 'sent'")[0]["n"] == 0, 60)


def test_python_scheduler_py_does_the_same_as_pantau_run(quick: Desk) -> None:
    script = Path(__file__).parent.parent / "scheduler.py"
    process = subprocess.Popen(
        [sys.executable, str(script)], cwd=quick.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        wait_for(lambda: quick.database.exists() and _tables(quick) and stored(quick) > 0, 90)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        end(process)


def test_a_receiver_that_does_not_answer_holds_up_neither_others_nor_the_end(quick: Desk) -> None:
    with WebhookReceiver() as slow:
        slow.answer_next(10_000, delay_s=30)
        channels = f"channels:\n  arsip:\n    webhook: {quick.receiver.url}\n    secret: {quick.receiver.secret}\n"
        channels += f"  lambat:\n    webhook: {slow.url}\n    secret: {slow.secret}\n"
        quick.configure(
            every="5s",
            channels=channels,
            rules="rules:\n  - {id: semua, match: {any: [ASN]}, notify: [lambat, arsip]}\n",
        )
        with daemon(quick) as process:
            wait_for(lambda: len(quick.receiver.deliveries) >= 10, 90)
            asked = time.monotonic()
            process.send_signal(signal.SIGTERM)
            printed, _ = process.communicate(timeout=30)
            assert process.returncode == 0
            assert time.monotonic() - asked < 10
            assert "Traceback" not in printed
