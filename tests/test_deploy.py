"""The files of deploy/ and the page about running it say what is so."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from crawler.crew import POLLS_AT_ONCE
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


KUBERNETES = DEPLOY / "kubernetes"


def manifests() -> dict[str, dict[str, Any]]:
    """Return what is in deploy/kubernetes by "Kind name"."""
    files = [path for path in sorted(KUBERNETES.glob("*.yaml")) if path.name != "kustomization.yaml"]
    named = YAML(typ="safe").load((KUBERNETES / "kustomization.yaml").read_text("utf-8"))["resources"]
    assert sorted(named) == [path.name for path in files]
    found = [document for path in files for document in YAML(typ="safe").load_all(path.read_text("utf-8"))]
    return {f"{document['kind']} {document['metadata']['name']}": document for document in found}


def test_every_pod_runs_as_a_user_on_a_read_only_root_within_limits() -> None:
    pods = {
        name: found["spec"]["template"]["spec"] for name, found in manifests().items() if "template" in found["spec"]
    }
    assert set(pods) == {"StatefulSet pantau", "Deployment pantau-scheduler", "Deployment pantau-worker"}
    for pod in pods.values():
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001)
        assert pod["automountServiceAccountToken"] is False
        (box,) = pod["containers"]
        assert box["securityContext"]["readOnlyRootFilesystem"] is True
        assert box["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert set(box["resources"]["limits"]) == {"cpu", "memory"}
        assert box["image"] == "pantau-asn:dask"
        mounted = {mount["name"] for mount in box["volumeMounts"]}
        assert {volume["name"] for volume in pod["volumes"]} <= mounted
    daemon = manifests()["StatefulSet pantau"]["spec"]
    assert daemon["replicas"] == 1, "one process writes"
    assert [claim["metadata"]["name"] for claim in daemon["volumeClaimTemplates"]] == ["database"]


def test_the_scheduler_is_reached_by_its_name_and_by_our_pods_alone() -> None:
    found = manifests()
    service = found["Service pantau-scheduler"]["spec"]
    labels = found["Deployment pantau-scheduler"]["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    assert service["ports"][0]["port"] == 8786
    guarded = {
        tuple(policy["spec"]["podSelector"]["matchLabels"].items())
        for name, policy in found.items()
        if name.startswith("NetworkPolicy")
    }
    assert {value for labels in guarded for key, value in labels if key == "part"} == {"daemon", "scheduler", "worker"}
    (rule,) = found["NetworkPolicy pantau-scheduler"]["spec"]["ingress"]
    assert rule["from"] == [{"podSelector": {"matchLabels": {"app": "pantau"}}}]


def test_what_starts_scheduler_and_workers_is_what_dask_understands() -> None:
    from distributed.cli import dask_scheduler, dask_worker

    known = {
        name: {option for parameter in module.main.params for option in (*parameter.opts, *parameter.secondary_opts)}
        for name, module in (("scheduler", dask_scheduler), ("worker", dask_worker))
    }
    services = YAML(typ="safe").load((DEPLOY / "cluster.compose.yaml").read_text("utf-8"))["services"]
    lines = [
        [*service["entrypoint"], *service.get("command", [])]
        for service in services.values()
        if "entrypoint" in service
    ]
    for name in ("scheduler", "worker"):
        (box,) = manifests()[f"Deployment pantau-{name}"]["spec"]["template"]["spec"]["containers"]
        lines.append([*box["command"], *box.get("args", [])])
    assert len(lines) == 4
    for line in lines:
        assert line[0] == "dask"
        assert {word for word in line if word.startswith("--")} <= known[line[1]]
        if line[1] == "worker":
            assert line[line.index("--nthreads") + 1] == str(POLLS_AT_ONCE)
            assert line[line.index("--nworkers") + 1] == "1"


def test_the_cluster_s_image_is_built_with_dask_and_its_containers_are_as_closed_as_ours() -> None:
    found = YAML(typ="safe").load((DEPLOY / "cluster.compose.yaml").read_text("utf-8"))
    for service in found["services"].values():
        assert service["build"]["args"] == {"LOCK": "requirements-dask.lock"}
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert "ports" not in service, "the scheduler's port runs any code for whoever reaches it"
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]["dask"]
    locked = (ROOT / "requirements-dask.lock").read_text("utf-8")
    without = (ROOT / "requirements.lock").read_text("utf-8")
    assert all(f"\n{re.match(r'[a-z-]+', name)[0]}==" in locked for name in wanted)  # type: ignore[index]
    assert set(re.findall(r"^[a-z0-9-]+==\S+", without, re.M)) <= set(re.findall(r"^[a-z0-9-]+==\S+", locked, re.M))
    assert "://" not in locked


def test_every_metric_is_documented() -> None:
    text = (ROOT / "docs" / "operation.md").read_text("utf-8")
    names = {metric.name for metric in Meters().registry.collect()}
    assert {name for name in names if name not in text} == set()


def test_every_event_of_the_log_is_documented() -> None:
    text = (ROOT / "docs" / "operation.md").read_text("utf-8").replace("\n", " ")
    files = [
        ROOT / "scheduler.py",
        ROOT / "watch.py",
        ROOT / "crawler" / "crew.py",
        ROOT / "crawler" / "cluster.py",
        ROOT / "pipelines" / "outbox.py",
        ROOT / "websub" / "service.py",
        ROOT / "websub" / "subscriber.py",
    ]
    code = "\n".join(file.read_text("utf-8") for file in files)
    events = set(re.findall(r'log\.(?:info|warning|error)\(\s*"([a-z ]+?):? \w+=', code))
    assert len(events) >= 8
    assert {event for event in events if f"`{event}" not in text} == set()
