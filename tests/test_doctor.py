"""`pantau doctor` (doctor.py): each thing that can be wrong is named with its mend."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import namedtuple
from pathlib import Path

import pytest

import doctor
from pipelines.store import Store
from tests.conftest import Desk

CONFIG = """\
settings: {contact: redaksi@example.org}
sources:
  - {id: satu, name: Satu, url: 'https://satu.example', discover: [{feed: 'https://satu.example/feed'}]}
rules:
  - {id: semua, notify: [arsip]}
channels:
  arsip: {webhook: 'https://hook.example/a', secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}
alerts: {health: [arsip]}
"""


def found(tmp_path: Path, text: str = CONFIG) -> dict[str, list[str]]:
    """Return what is not well: the findings by what they are about."""
    (tmp_path / "sources.yaml").write_text(text, "utf-8")
    bad: dict[str, list[str]] = {}
    for finding in doctor.examine(tmp_path / "sources.yaml", None):
        assert (finding.mend != "") == (finding.level != "ok"), finding
        if finding.level != "ok":
            bad.setdefault(finding.about, []).append(f"{finding.level}: {finding.found}")
    return bad


def test_a_new_installation_is_well(tmp_path: Path) -> None:
    assert found(tmp_path) == {}


@pytest.mark.parametrize(
    ("old", "new", "about", "words"),
    [
        ("region", "", "", ""),
        ("contact: redaksi@example.org", "delay: 1s", "contact", "none"),
        ("settings: {", "settings: {allow_private_networks: true, ", "private networks", "allowed"),
        ("notify: [arsip]", "categories: [dugaan]", "rules", "semua tell nobody"),
        ("  - {id: semua, notify: [arsip]}\n", "  []\n", "rules", "none"),
        ("alerts: {health: [arsip]}", "", "health", "nobody is told"),
        ("https://satu.example/feed", "satu", "configuration", "sources.yaml:3"),
        (
            "channels:\n",
            "channels:\n  lain: {webhook: 'https://hook.example/b', secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}\n",
            *("channels", "no rule tells lain"),
        ),
    ],
)
def test_what_a_configuration_lacks(tmp_path: Path, old: str, new: str, about: str, words: str) -> None:
    bad = found(tmp_path, CONFIG.replace(old, new))
    assert list(bad) == ([about] if about else [])
    assert not about or words in bad[about][0]


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")(10, 9, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert "0.0 GiB free" in found(tmp_path)["disk"][0]


def test_a_database_that_is_damaged_foreign_or_behind_a_daemon(tmp_path: Path) -> None:
    path = tmp_path / "data" / "pantau.db"
    with Store(path) as store:
        assert found(tmp_path) == {}  # its lock is held: a daemon runs
        store._conn.execute("INSERT INTO sources (id, name, url, state) VALUES ('satu', 'Satu', 'u', 'blocked')")
        store._conn.execute(
            "INSERT INTO alerts (id, type, channel, subject, payload, created_at, state) VALUES ('a','t','c','s','{}','x','failed')"
        )
    bad = found(tmp_path)
    assert bad == {
        "daemon": ["warning: does not run"],
        "alerts": ["problem: 1 were given up"],
        "sources": ["warning: 1 are not well"],
    }
    data = bytearray(path.read_bytes())
    data[4096 * 4 : 4096 * 9] = bytes(4096 * 5)
    path.write_bytes(data)
    assert "database" in found(tmp_path)
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE harga (beras INTEGER)")
    other.close()
    assert "another program" in found(tmp_path)["database"][0]


def test_a_restored_copy_is_looked_at_without_a_configuration(tmp_path: Path) -> None:
    copy = tmp_path / "drill.db"
    with Store(copy):
        pass
    found = {finding.about: finding for finding in doctor.examine(tmp_path / "none.yaml", copy)}
    assert found["database"].level == "ok"
    assert "configuration" not in found
    copy.write_bytes(b"no database" * 1000)
    found = {finding.about: finding for finding in doctor.examine(tmp_path / "none.yaml", copy)}
    assert found["database"].level == "problem"
    (tmp_path / "bad.yaml").write_text("sources: 5", "utf-8")
    found = {finding.about: finding for finding in doctor.examine(tmp_path / "bad.yaml", copy)}
    assert found["configuration"].level == found["database"].level == "problem"


def test_the_command_prints_it_and_its_status_says_whether_something_is_wrong(desk: Desk) -> None:
    done = desk.pantau("doctor")
    assert done.returncode == 0
    assert "WARNING private networks" in done.stdout
    findings = [json.loads(line) for line in desk.pantau("doctor", "--json").stdout.splitlines()]
    assert {"level", "about", "found", "mend"} == set(findings[0])
    desk.config.write_text("sources: 5\n", "utf-8")
    assert desk.pantau("doctor").returncode == 1
