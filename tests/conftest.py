"""What many tests share: no network but loopback, a newsroom, a webhook receiver, a configuration for both."""

from __future__ import annotations

import ipaddress
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from newsroom import Newsroom, WebhookReceiver

# Else each of a thousand processes compiles the project anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

NOW = datetime(2024, 11, 13, 1, 4, tzinfo=UTC)

RULES = """\
rules:
  - id: semua
    match: {any: [ASN, PNS, "~netral"]}
    notify: [arsip]
"""


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches the network: a connection to anything but this machine fails at once."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if (
            self.family in (socket.AF_INET, socket.AF_INET6)
            and not ipaddress.ip_address(address[0].partition("%")[0]).is_loopback
        ):
            raise OSError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


@pytest.fixture
def newsroom() -> Iterator[Newsroom]:
    with Newsroom() as running:
        yield running


@dataclass
class Desk:
    """A folder with a sources.yaml, and `pantau` run in it."""

    folder: Path
    newsroom: Newsroom
    receiver: WebhookReceiver

    @property
    def config(self) -> Path:
        return self.folder / "sources.yaml"

    @property
    def database(self) -> Path:
        return self.folder / "data" / "pantau.db"

    def configure(self, **settings: Any) -> None:
        channels = f"channels:\n  arsip:\n    webhook: {self.receiver.url}\n    secret: {self.receiver.secret}\n"
        settings = {"rules": RULES, "channels": channels, **settings}
        self.config.write_text(self.newsroom.sources_yaml(**settings), "utf-8")

    def pantau(self, *arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, text=True, capture_output=True, timeout=timeout_s, check=False
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments), cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-P", "-m", "cli", *arguments]

    def crawl(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """Run `pantau crawl --json`; return its records by source. The status must be 0."""
        done = self.pantau("crawl", "--json", *arguments)
        assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
        return {record["source"]: record for record in map(json.loads, done.stdout.splitlines())}

    def rows(self, sql: str = "SELECT * FROM feed", *values: object) -> list[dict[str, Any]]:
        db = sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True)
        try:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql, values)]
        finally:
            db.close()


@pytest.fixture
def desk(tmp_path: Path, newsroom: Newsroom, receiver: WebhookReceiver) -> Desk:
    made = Desk(tmp_path, newsroom, receiver)
    made.configure()
    return made


def wait_for(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Wait until the condition holds; fail the test when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def children_of(process_id: int) -> list[int]:
    """Return the ids of all descendants of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError):
                continue
            if parent == process_id:
                found += [int(entry.name), *children_of(int(entry.name))]
    return found


def end(process: subprocess.Popen[str]) -> None:
    """Make sure that a process a test started is gone, with its children."""
    for child in children_of(process.pid):
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.kill()
    process.communicate()
