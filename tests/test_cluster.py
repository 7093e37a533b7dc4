"""Crawling on a Dask cluster: a real scheduler and two workers on loopback. Kills stand in tests/faults/test_cluster_kills.py."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler import cluster, remote
from crawler.cluster import Cluster
from crawler.config import Config, load_config
from crawler.crew import crawl_settings
from crawler.errors import ConfigError, WorkerError
from crawler.items import Memory, PollReport, PollTask, Source, to_json
from tests.conftest import Desk, end, wait_for
from tests.dask_cluster import SLOTS, DaskCluster
from tests.faults.crawling import XML
from tests.faults.test_tls import Authority
from tests.servers import HostileServer, Reply, Seen

TOKEN = "rahasia-alamat-7f3a9c"


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with DaskCluster(tmp_path_factory.mktemp("dask")) as running:
        yield running


def config_of(desk: Desk, dask: DaskCluster, **settings: Any) -> Config:
    desk.configure(dask=dask.address, **settings)
    return load_config(desk.config)


def made(config: Config) -> Cluster:
    return Cluster(config, *crawl_settings(config))


async def settled(crew: Cluster, workers: int = 2) -> None:
    """Wait until so many workers take polls."""
    await eventually(lambda: crew.width == workers * SLOTS)


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  what is waited for knows no events
            await asyncio.sleep(0.1)


def test_a_crawl_on_two_workers_stores_and_alerts_as_one_at_home_does(desk: Desk, dask: DaskCluster) -> None:
    config_of(desk, dask)
    desk.crawl()
    there = {row["url"]: row for row in desk.rows()}
    alerts = {row["id"] for row in desk.rows("SELECT id FROM alerts")}
    delivered = [delivery.id for delivery in desk.receiver.deliveries]
    assert sorted(delivered) == sorted(alerts)
    assert sorted(row["title"] for row in there.values()) == sorted(
        t.title for t in desk.newsroom.truths() if t.on_topic
    )
    desk.configure(database="data/here.db")
    problems = [problem for record in desk.crawl("--no-alerts").values() for problem in record["problems"]]
    here = _rows(desk.folder / "data" / "here.db")
    # Not by address: of an article that its outlet has twice, whichever is read first is kept.
    decided = ("title", "body", "author", "published_at", "category", "regency_code", "matches", "content_sha256")
    assert sorted([row[name] or "" for name in decided] for row in there.values()) == sorted(
        [row[name] or "" for name in decided] for row in here
    ), problems


def _rows(database: Path) -> list[dict[str, Any]]:
    db = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in db.execute("SELECT * FROM feed")]
    finally:
        db.close()


async def test_a_host_has_one_worker_and_both_workers_have_hosts(desk: Desk, dask: DaskCluster) -> None:
    crew = made(config_of(desk, dask))
    try:
        await settled(crew)
        hosts = [f"https://outlet-{number}.example" for number in range(60)]
        first = {url: (await crew._remote_for(_task(url))).address for url in hosts}
        again = {url: (await crew._remote_for(_task(url + "/lain"))).address for url in hosts}
        assert first == again
        assert min(Counter(first.values()).values()) >= 15
        # When one goes, only its hosts move.
        gone, stays = crew._remotes.values()
        gone.lose("a test")
        after = {url: (await crew._remote_for(_task(url))).address for url in hosts}
        assert set(after.values()) == {stays.address}
        assert crew.width == SLOTS
    finally:
        await crew.stop()


def _task(url: str) -> PollTask:
    return PollTask(Source("a", "A", url), Memory())


class Busy:
    """Counts how many polls of a host are under way: a feed's answer takes a while."""

    def __init__(self) -> None:
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.polls: defaultdict[str, int] = defaultdict(int)
        self._lock = threading.Lock()

    def __call__(self, seen: Seen) -> Reply:
        host = seen.host + seen.headers["Host"]
        with self._lock:
            self.now[host] += 1
            self.polls[host + seen.path] += 1
            self.most[host] = max(self.most[host], self.now[host])
        time.sleep(0.3)
        with self._lock:
            self.now[host] -= 1
        return Reply("<rss><channel></channel></rss>", headers=XML)


def test_no_host_is_ever_in_two_polls_across_workers(tmp_path: Path, dask: DaskCluster) -> None:
    busy = Busy()
    with HostileServer() as one, HostileServer() as two, HostileServer() as three:
        sources = ""
        for place, server in enumerate((one, two, three)):
            for number in range(4):
                server.at(f"/{number}.xml", busy)
                sources += f"  - id: s-{place}-{number}\n    name: S\n    url: {server.url}/{number}\n    every: 5s\n"
                sources += f"    discover: [{{feed: {server.url}/{number}.xml}}]\n"
        (tmp_path / "sources.yaml").write_text(
            f"settings: {{allow_private_networks: true, dask: '{dask.address}'}}\nsources:\n{sources}", "utf-8"
        )
        process = subprocess.Popen(
            Desk.command("run"), cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            wait_for(lambda: len(busy.polls) == 12 and min(busy.polls.values()) >= 2, 60)
        finally:
            end(process)
    assert set(busy.most.values()) == {1}


def test_what_crosses_the_wire_has_no_channel_secret_and_no_other_value_of_the_environment(
    desk: Desk, dask: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The addresses of sources do cross, with their tokens: the worker asks there."""
    monkeypatch.setenv("CANARY", "kanari-saluran-51c2e8")
    text = desk.newsroom.sources_yaml(
        dask=dask.address,
        rules="rules:\n  - {id: semua, match: ASN, notify: [arsip, surat]}\n",
        channels=f"channels:\n  arsip: {{webhook: '{desk.receiver.url}', secret: {desk.receiver.secret}}}\n"
        "  surat: {apprise: 'json://127.0.0.1:9/${CANARY}'}\n",
    )
    desk.config.write_text(text, "utf-8")
    config = load_config(desk.config)
    crossed: list[str] = []
    pack = cluster.pack
    monkeypatch.setattr(cluster, "pack", lambda value: crossed.append(json.dumps(value)) or pack(value))

    async def polled() -> list[PollReport]:
        crew = made(config)
        try:
            await settled(crew)
            return [await crew.poll(PollTask(source, Memory())) for source in config.sources[:3]]
        finally:
            await crew.stop()

    assert {report.outcome for report in asyncio.run(polled())} == {"ok"}
    assert len(crossed) == 2 + 3
    everything = "".join(crossed) + dask.logs()
    for secret in (desk.receiver.secret, desk.receiver.secret.removeprefix("whsec_"), "kanari-saluran-51c2e8"):
        assert secret not in everything
    assert desk.receiver.url not in everything
    assert str(config.settings.database) not in everything


def test_a_worker_writes_no_address_s_token_to_its_log(tmp_path: Path, dask: DaskCluster) -> None:
    with HostileServer() as server:
        (tmp_path / "sources.yaml").write_text(
            f"settings: {{allow_private_networks: true, dask: '{dask.address}'}}\n"
            f"sources:\n  - {{id: a, name: A, url: '{server.url}', discover: [{{feed: '{server.url}/x?key={TOKEN}'}}]}}\n",
            "utf-8",
        )
        done = subprocess.run(
            Desk.command("crawl", "--json"), cwd=tmp_path, text=True, capture_output=True, check=False
        )
        assert server.asked("/x")
    assert json.loads(done.stdout)["outcome"] == "failed"
    assert TOKEN not in dask.logs() + done.stdout + done.stderr


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ("lxml", "lxml is {lxml} here and 0.0.1 there"),
        ("pantau-asn", "pantau-asn is {pantau-asn} here and 0.0.1 there"),
        (
            "crawler",
            "pantau-asn is not installed there, or another one: ModuleNotFoundError(\"No module named 'crawler.remote'",
        ),
    ],
)
async def test_a_worker_of_other_versions_gets_no_polls_and_is_told_once(
    there: str, told: str, desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    if there == "crawler":
        other.mkdir()
        (other / "crawler.py").touch()
    else:
        found = other / f"{there.replace('-', '_')}-0.0.1.dist-info"
        found.mkdir(parents=True)
        (found / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {there}\nVersion: 0.0.1\n", "utf-8")
    monkeypatch.setattr(cluster, "LOOK_S", 0.2)
    monkeypatch.chdir(tmp_path)
    with DaskCluster(tmp_path, 0) as dask:
        dask.start_worker(PYTHONPATH=str(other))
        crew = made(config_of(desk, dask))
        try:
            with caplog.at_level(logging.INFO, "crawler.cluster"):
                await eventually(lambda: "worker refused" in caplog.text)
                await asyncio.sleep(1)
                assert crew.width == 0
                dask.start_worker()
                assert await crew.ready() == SLOTS
        finally:
            await crew.stop()
    lines = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert len(lines) == 1
    assert told.format(**remote.versions()) in lines[0]
    assert "worker=tcp://127.0.0.1:" in lines[0]


def test_differences_name_both_sides() -> None:
    ours = {"python": "3.11", "rensa": "0.5.0"}
    assert remote.differences(ours, dict(ours)) == ""
    assert remote.differences(ours, {"python": "3.12"}) == (
        "python is 3.11 here and 3.12 there; rensa is 0.5.0 here and none there"
    )


def test_without_dask_the_error_names_the_extra_and_nothing_is_begun(desk: Desk, tmp_path: Path) -> None:
    desk.configure(dask="tcp://127.0.0.1:9")
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "distributed.py").write_text("raise ModuleNotFoundError(\"No module named 'distributed'\")")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "without")}
    for command in ("crawl", "run"):
        done = subprocess.run(
            [sys.executable, "-m", "cli", command],
            cwd=desk.folder,
            env=environ,
            text=True,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 2
        assert "settings.dask: needs Dask" in done.stderr
        assert "pip install 'pantau-asn[dask]'" in done.stderr
        assert "Traceback" not in done.stderr
    assert not desk.database.exists()


def test_dask_is_imported_only_where_the_setting_asks_for_it(desk: Desk) -> None:
    code = (
        "import sys, cli, watch, scheduler; from pathlib import Path; from crawler.config import load_config;"
        "watch.require_dask(load_config(Path('sources.yaml')));"
        "print([name for name in sys.modules if name.split('.')[0] in ('dask', 'distributed')])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=desk.folder, text=True, capture_output=True, check=True
    )
    assert done.stdout.strip() == "[]"


async def test_a_crawl_by_hand_does_not_wait_for_ever_and_a_daemon_is_told_once(
    desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.configure(dask="tcp://127.0.0.1:9")
    monkeypatch.setattr(cluster, "GREET_S", 3.0)
    monkeypatch.setattr(cluster, "ANSWER_S", 0.5)
    crew = made(load_config(desk.config))
    try:
        with pytest.raises(WorkerError, match=r"no worker of the Dask cluster tcp://127\.0\.0\.1:9: "):
            await crew.ready()
        assert crew.width == 0
    finally:
        await crew.stop()
    assert caplog.text.count("cluster lost address=tcp://127.0.0.1:9") == 1


async def test_the_same_configuration_goes_on_with_the_same_cluster_another_does_not(
    desk: Desk, dask: DaskCluster
) -> None:
    config = config_of(desk, dask)
    crew = made(config)
    try:
        assert crew.serves(config, *crawl_settings(config))
        other = config_of(desk, dask, delay="3s")
        assert not crew.serves(other, *crawl_settings(other))
        desk.configure()
        home = load_config(desk.config)
        assert not crew.serves(home, *crawl_settings(home))
    finally:
        await crew.stop()


def test_missing_dask_refuses_a_reload_too(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    desk.configure(dask="tcp://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"settings\.dask: needs Dask"):
        cluster.require_dask(load_config(desk.config))


@pytest.mark.slow
def test_over_tls_with_certificates_and_without_them_not(tmp_path: Path, desk: Desk) -> None:
    authority = Authority("cluster", tmp_path)
    authority.context("127.0.0.1")
    (pem,) = tmp_path.glob("127.0.0.1-*.pem")
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    ours = {f"{tls}CA_FILE": str(authority.path), "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true"}
    for role in ("CLIENT", "SCHEDULER", "WORKER"):
        ours |= {f"{tls}{role}__CERT": str(pem), f"{tls}{role}__KEY": str(pem)}
    with DaskCluster(tmp_path, 1, protocol="tls", environ=ours) as dask:
        desk.configure(dask=dask.address)
        done = subprocess.run(
            desk.command("crawl", "--json"),
            cwd=desk.folder,
            env={**os.environ, **ours},
            text=True,
            capture_output=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert len(desk.rows()) == sum(truth.on_topic for truth in desk.newsroom.truths())
        config = load_config(desk.config)

        async def why() -> str:
            crew = made(config)
            try:
                await eventually(lambda: crew._up is not None)
                assert crew.width == 0
                return crew._why
            finally:
                await crew.stop()

        assert "distributed.comm.tls" in asyncio.run(why())


@pytest.mark.slow
def test_the_doctor_says_whether_the_cluster_is_reached(desk: Desk, dask: DaskCluster) -> None:
    def found(address: str) -> list[tuple[str, str]]:
        desk.configure(dask=address)
        records = map(json.loads, desk.pantau("doctor", "--json").stdout.splitlines())
        return [(record["level"], record["found"]) for record in records if record["about"] == "cluster"]

    assert found(dask.address) == [("ok", "2 workers")]
    ((level, text),) = found("tcp://127.0.0.1:9")
    assert level == "problem"
    assert text.startswith("tcp://127.0.0.1:9: ")


def reread(desk: Desk, *arguments: str) -> dict[str, Any]:
    done = desk.pantau("reprocess", "--json", *arguments)
    assert done.returncode == 0, (done.stdout, done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_reading_again_goes_to_the_workers_and_finds_the_same(desk: Desk, dask: DaskCluster, tmp_path: Path) -> None:
    some = {"only": ["koransekanak", "simpurmerdeka"], "archive": True}
    desk.configure(**some)
    desk.crawl()
    files = sorted(str(path) for path in (desk.folder / "data" / "pantau-archive").iterdir())
    copy = tmp_path / "salinan.warc.gz"
    copy.write_bytes(Path(files[0]).read_bytes())
    commands = (["--dry-run"], ["--dry-run", "--warc", files[0], "--warc", str(copy)])
    here = [reread(desk, *command) for command in commands]
    desk.configure(**some, dask=dask.address)
    there = [reread(desk, *command) for command in commands]
    assert there == here
    assert here[0]["looked_at"] == len(desk.rows())
    assert here[1]["kept"] >= 2 * len(desk.rows())
    rule = json.loads(desk.pantau("rules", "test", "--json", "--warc", files[0]).stdout)
    assert rule["hits"] == here[1]["kept"] / 2
    assert rule["samples"][0]["evidence"]
    done = desk.pantau("reprocess", "--warc", str(tmp_path / "tidak-ada.warc"))
    assert (done.returncode, "cannot be read" in done.stderr) == (2, True)
    db = sqlite3.connect(desk.database)
    db.execute("UPDATE articles SET body = 'Salah.' WHERE id = (SELECT min(id) FROM articles)")
    db.commit()
    db.close()
    assert reread(desk)["changed"] == {**here[0]["changed"], "body": 1}
    assert not desk.rows("SELECT id FROM feed WHERE body = 'Salah.'")


# ------------------------------------------------------------------------------------- what is done in a Dask worker


class Pretender:
    """A crew that notes when it is ended."""

    def __init__(self, *_: object) -> None:
        self.stopped = 0
        self.going = asyncio.Event()

    async def poll(self, task: PollTask) -> PollReport:
        await self.going.wait()
        raise WorkerError("tidak bisa")

    async def stop(self) -> None:
        self.stopped += 1
        self.going.set()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    held: dict[str, Any] = {}
    monkeypatch.setattr(remote, "_held", held)
    monkeypatch.setattr(remote, "Crew", Pretender)
    yield held
    for found in held.values():
        found.lease.cancel()


TOLD = remote.pack(({}, "t"))


async def test_a_daemon_that_started_anew_finds_nothing_of_its_former_run(worker: dict[str, Any]) -> None:
    await remote.take_on("t1", "watch", "run 1", "s1", TOLD)
    await remote.take_on("t2", "watch", "run 1", "s2", TOLD)  # another configuration: the old one's polls go on
    await remote.take_on("t3", "other watch", "run 1", "s1", TOLD)
    old = [worker[name].crew for name in ("t1", "t2", "t3")]
    assert [crew.stopped for crew in old] == [0, 0, 0]
    await remote.take_on("t4", "watch", "run 1", "s2", TOLD)  # greeted again: what that left is void
    assert [crew.stopped for crew in old] == [0, 1, 0]
    await remote.take_on("t5", "watch", "run 2", "s3", TOLD)
    assert [crew.stopped for crew in old] == [1, 1, 0]
    assert set(worker) == {"t3", "t5"}


async def test_a_crawl_of_whom_nothing_is_heard_is_ended_and_its_polls_are_void(
    worker: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "LEASE_S", 0.5)
    await remote.take_on("t", "watch", "run", "s", TOLD)
    crew = worker["t"].crew
    polling = asyncio.create_task(remote.poll_here("t", remote.pack(to_json(_task("https://a.example")))))
    for _ in range(5):
        await asyncio.sleep(0.3)
        assert await remote.beat("t")
    assert crew.stopped == 0
    assert await asyncio.wait_for(polling, 5) == b""
    assert crew.stopped
    assert not await remote.beat("t")
    assert await remote.poll_here("t", b"") == b""


async def test_a_crawl_process_that_cannot_start_is_told_not_raised(worker: dict[str, Any]) -> None:
    await remote.take_on("t", "watch", "run", "s", TOLD)
    worker["t"].crew.going.set()
    answer = await remote.poll_here("t", remote.pack(to_json(_task("https://a.example"))))
    assert remote.unpack(answer) == {"error": "tidak bisa"}
