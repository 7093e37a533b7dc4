"""What running the daemon needs (operation.py): /metrics, /healthz, systemd, SIGHUP, backups beside it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from newsroom import Article
from operation import STUCK_S, StatusServer, health_page
from tests.conftest import Desk, end, wait_for
from tests.test_scheduler import TEXT


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def page(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def watched(desk: Desk, tmp_path: Path) -> Iterator[tuple[Desk, int, socket.socket, subprocess.Popen[str]]]:
    """A daemon with metrics, JSON logs and a service manager that listens."""
    port = free_port()
    desk.configure(every="5s")
    text = desk.config.read_text("utf-8")
    desk.config.write_text(
        text.replace("settings:\n", f"settings:\n  metrics_port: {port}\n  logs: json\n", 1), "utf-8"
    )
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(60)
    with (desk.folder / "log").open("w") as log:
        process = subprocess.Popen(
            desk.command("run"),
            cwd=desk.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")},
        )
    yield desk, port, manager, process
    end(process)
    manager.close()


def heard(manager: socket.socket, wanted: str) -> None:
    while not manager.recv(1000).decode().startswith(wanted):
        pass


def events(desk: Desk, name: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (desk.folder / "log").read_text("utf-8").splitlines()]
    return [line for line in lines if line["event"] == name]


def test_a_daemon_under_a_service_manager_with_metrics_and_a_reload(
    watched: tuple[Desk, int, socket.socket, subprocess.Popen[str]], tmp_path: Path
) -> None:
    desk, port, manager, process = watched
    heard(manager, "READY=1")
    wait_for(lambda: len(events(desk, "poll")) >= 2 * len(desk.newsroom.outlets))
    assert {"source", "outcome", "kept", "seconds", "at", "level"} <= set(events(desk, "poll")[0])

    status, text = page(port, "/metrics")
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert status == 200
    assert values["pantau_sources", "ok"] == len(desk.newsroom.outlets)
    assert values["pantau_polls_total", "ok"] >= len(desk.newsroom.outlets)
    assert values["pantau_stored_articles",] == values["pantau_articles_total", "kept"] == len(desk.rows())
    assert values["pantau_network_up",] == 1
    assert page(port, "/healthz") == (200, '{"status": "ok", "network": "up", "problems": []}\n')
    assert page(port, "/")[0] == 404
    assert page(port, "/metrics", "POST")[0] == 405
    heard(manager, "WATCHDOG=1")

    # A broken file is refused, the old one stays; a good one is taken up, and a new rule is heard at once.
    good = desk.config.read_text("utf-8")
    desk.config.write_text(good.replace("sources:", "sumber:", 1), "utf-8")
    process.send_signal(signal.SIGHUP)
    heard(manager, "RELOADING=1")
    heard(manager, "READY=1")
    refused = events(desk, "reload refused, the old configuration stays")
    assert refused and "sources.yaml" in str(refused[0]["error"])
    desk.config.write_text(good.replace("id: semua", "id: semua-baru"), "utf-8")
    process.send_signal(signal.SIGHUP)
    heard(manager, "READY=1")
    wait_for(lambda: events(desk, "reloaded"))
    title = "Camat Kedua Dilaporkan Tidak Netral ke Pengawas"
    desk.newsroom.publish("koransekanak", Article.of("koransekanak", title, TEXT, on_topic=True))
    wait_for(lambda: desk.rows("SELECT id FROM feed WHERE title = ?", title), 40)
    assert json.loads(desk.rows("SELECT rules FROM feed WHERE title = ?", title)[0]["rules"]) == ["semua-baru"]

    done = desk.pantau("backup", str(tmp_path / "salinan.db"))
    assert (done.returncode, "checked" in done.stdout) == (0, True)
    assert desk.pantau("articles", "--db", str(tmp_path / "salinan.db"), "--json").stdout
    assert desk.pantau("backup", str(tmp_path / "salinan.db")).returncode == 2
    copy = json.loads(desk.pantau("backup", str(tmp_path / "lagi.db"), "--json").stdout)
    assert copy == {
        "file": str(tmp_path / "lagi.db"),
        "articles": len(desk.rows()),
        "bytes": (tmp_path / "lagi.db").stat().st_size,
    }

    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    heard(manager, "STOPPING=1")


def test_a_database_that_changes_needs_a_restart(desk: Desk) -> None:
    desk.configure(every="5s")
    with (desk.folder / "log").open("w") as log:
        process = subprocess.Popen(desk.command("run"), cwd=desk.folder, text=True, stdout=log, stderr=log)
    try:
        wait_for(lambda: "watching" in (desk.folder / "log").read_text("utf-8"))
        text = desk.config.read_text("utf-8")
        desk.config.write_text(text.replace("settings:\n", "settings:\n  database: lain.db\n", 1), "utf-8")
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: "settings.database changes with a restart only" in (desk.folder / "log").read_text("utf-8"))
        assert not (desk.folder / "lain.db").exists()
    finally:
        end(process)


def test_a_port_that_is_taken_is_a_plain_error(desk: Desk) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        text = desk.config.read_text("utf-8")
        port = taken.getsockname()[1]
        desk.config.write_text(text.replace("settings:\n", f"settings:\n  metrics_port: {port}\n", 1), "utf-8")
        done = desk.pantau("run")
    assert done.returncode == 2
    assert f"port {port} cannot be used" in done.stderr


async def test_the_status_server_survives_whoever_knocks() -> None:
    async def hello() -> tuple[int, str, bytes]:
        return 200, "text/plain", b"halo\n"

    port = free_port()
    async with StatusServer(port, {"/": hello}):
        for knock in (b"", b"\r\n\r\n", b"GET", b"\xff" * 20_000 + b"\r\n\r\n", b"A" * 9000):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(knock)
            await writer.drain()
            writer.close()
        found = await asyncio.to_thread(page, port, "/")
    assert found == (200, "halo\n")


@pytest.mark.parametrize(
    ("tick_ago_s", "waiting_s", "status"),
    [(1, None, 200), (STUCK_S + 5, None, 503), (1, 5, 200), (1, STUCK_S + 5, 503)],
)
def test_it_is_healthy_while_it_ticks_and_can_record(tick_ago_s: float, waiting_s: float | None, status: int) -> None:
    now_s = time.monotonic()
    since = None if waiting_s is None else now_s - waiting_s
    found, _, body = health_page(now_s - tick_ago_s, since, network_up=True)
    assert found == status
    assert bool(json.loads(body)["problems"]) == (status == 503)
