"""The files of deploy/ and the page about running it say what is so."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from operation import Meters

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"


def unit(name: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=False)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read(DEPLOY / name)
    return found


def test_the_unit_is_hardened_and_starts_a_command_that_exists() -> None:
    service = unit("pantau.service")["Service"]
    assert service["Type"] == "notify"
    assert {"NoNewPrivileges", "ProtectSystem", "PrivateTmp", "SystemCallFilter", "MemoryMax"} <= set(service)
    assert service["ExecStart"].split()[1:2] == ["run"]
    # tell_systemd sends as often as the loop beats; the watchdog must wait for longer than STUCK_S.
    assert int(service["WatchdogSec"]) > 60


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    text = (DEPLOY / "pantau.service").read_text("utf-8").replace("/opt/pantau/.venv/bin/pantau", "/bin/true")
    (tmp_path / "pantau.service").write_text(text, "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "pantau.service")], capture_output=True, text=True, check=False
    )
    assert "pantau.service:" not in done.stderr


def test_the_container_runs_as_a_user_with_a_read_only_file_system() -> None:
    service = YAML(typ="safe").load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["pantau"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    lines = (DEPLOY / "Dockerfile").read_text("utf-8").splitlines()
    assert lines.index("USER 10001") < next(n for n, line in enumerate(lines) if line.startswith("ENTRYPOINT"))
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", "\n".join(lines), re.M):
        assert all((ROOT / name).exists() for name in copied.split())


def test_every_metric_is_documented() -> None:
    text = (ROOT / "docs" / "operation.md").read_text("utf-8")
    names = {metric.name for metric in Meters().registry.collect()}
    assert {name for name in names if name not in text} == set()


def test_every_event_of_the_log_is_documented() -> None:
    text = (ROOT / "docs" / "operation.md").read_text("utf-8").replace("\n", " ")
    files = [ROOT / "scheduler.py", ROOT / "watch.py", ROOT / "crawler" / "crew.py", ROOT / "pipelines" / "outbox.py"]
    code = "\n".join(file.read_text("utf-8") for file in files)
    events = set(re.findall(r'log\.(?:info|warning|error)\(\s*"([a-z ]+?):? \w+=', code))
    assert len(events) >= 8
    assert {event for event in events if f"`{event}" not in text} == set()
