"""What a cluster loses and gets back: a worker killed under its polls, a scheduler killed under the daemon."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from pathlib import Path

import pytest

from crawler import cluster
from crawler.config import Config, load_config
from newsroom import Article, Newsroom, WebhookReceiver
from tests.conftest import Desk, end, wait_for
from tests.dask_cluster import DaskCluster
from tests.faults.crawling import HTML, XML, article
from tests.faults.test_kill9 import check_once
from tests.servers import HostileServer, Reply, Seen
from tests.test_cluster import eventually
from tests.test_scheduler import TEXT
from watch import Summary, crawl_once

AGAIN_S = 5.0  # in place of 25: crawl processes whose worker was killed end within a heartbeat, 2 s


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "AGAIN_S", AGAIN_S)


def test_a_killed_worker_s_polls_are_done_again_elsewhere_and_only_when_it_crawls_no_more(
    tmp_path: Path, brisk: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Sixteen outlets, whose pages are answered after the kill only: it comes in the midst of all polls of both workers."""
    killed = threading.Event()

    def held(seen: Seen) -> Reply:
        killed.wait(60)
        number = seen.path.rpartition("/")[2]
        return Reply(article(f"ASN Kecamatan {seen.headers['Host']} Wajib Netral {number}"), headers=HTML)

    servers = [HostileServer() for _ in range(16)]
    sources = ""
    for number, server in enumerate(servers):
        links = [f"{server.url}/berita/{place}" for place in range(2)]
        items = "".join(f"<item><title>ASN Netral</title><link>{link}</link></item>" for link in links)
        server.at("/feed.xml", Reply(f"<rss><channel>{items}</channel></rss>", headers=XML))
        for link in links:
            server.at(link.removeprefix(server.url), held)
        sources += (
            f"  - {{id: s-{number}, name: S, url: '{server.url}', discover: [{{feed: '{server.url}/feed.xml'}}]}}\n"
        )
        server.__enter__()
    try:
        with DaskCluster(tmp_path, 2) as dask:
            (tmp_path / "sources.yaml").write_text(
                f"settings: {{allow_private_networks: true, dask: '{dask.address}'}}\nsources:\n{sources}", "utf-8"
            )
            config = load_config(tmp_path / "sources.yaml")
            killed_at = 0.0

            async def crawl() -> list[Summary]:
                nonlocal killed_at
                crawling = asyncio.create_task(crawl_once(config, config.sources))
                await eventually(lambda: all(server.asked("/berita") for server in servers))
                dask.kill(0)
                killed_at = time.monotonic()
                killed.set()
                return (await crawling)[0]

            summaries = asyncio.run(crawl())
    finally:
        killed.set()
        for server in servers:
            server.__exit__()
    assert [(summary.outcome, summary.kept) for summary in summaries] == [("ok", 2)] * 16
    asked_twice = [server for server in servers if len(server.asked("/feed.xml")) == 2]
    assert asked_twice, "the killed worker had no poll"
    assert len(asked_twice) < 16, "the polls of the other worker were lost too"
    for server in asked_twice:
        second = server.asked("/robots.txt")[1].at_s
        assert second - killed_at >= AGAIN_S
        assert not [seen for seen in server.seen if killed_at + 3 < seen.at_s < second]
    lost = [record.getMessage() for record in caplog.records if "worker lost" in record.getMessage()]
    assert len(lost) == 1
    assert sorted(lost[0].partition("polls=")[2].split(",")) == sorted(
        f"s-{servers.index(server)}" for server in asked_twice
    )


@pytest.mark.slow
def test_articles_and_alerts_are_there_once_whenever_a_worker_is_killed(
    newsroom: Newsroom, tmp_path: Path, brisk: None
) -> None:
    with DaskCluster(tmp_path, 2) as dask:
        for number, delay_s in enumerate((0.3, 0.9, 1.5, 2.1)):
            with WebhookReceiver() as receiver:
                desk = Desk(tmp_path / str(number), newsroom, receiver)
                desk.folder.mkdir()
                desk.configure(dask=dask.address)
                config = load_config(desk.config)

                async def crawl(config: Config = config, delay_s: float = delay_s) -> None:
                    crawling = asyncio.create_task(crawl_once(config, config.sources))
                    await asyncio.sleep(delay_s)
                    dask.kill(0)
                    dask.start_worker()
                    await crawling

                asyncio.run(crawl())
                check_once(desk, 0)


@pytest.mark.slow
def test_a_dead_scheduler_is_waited_for_while_due_polls_stand(desk: Desk, tmp_path: Path) -> None:
    with DaskCluster(tmp_path, 2) as dask:
        desk.configure(every="5s", dask=dask.address)
        log = tmp_path / "daemon.txt"
        with log.open("w") as out:
            process = subprocess.Popen(desk.command("run"), cwd=desk.folder, text=True, stdout=out, stderr=out)
        try:
            wait_for(lambda: log.read_text().count("poll source=") >= 8, 60)
            dask.kill_scheduler()
            wait_for(lambda: "cluster lost" in log.read_text(), 30)
            title = "Camat Dilaporkan Tidak Netral saat Penjadwal Mati"
            desk.newsroom.publish("koransekanak", Article.of("koransekanak", title, TEXT, on_topic=True))
            before = log.read_text().count("poll source=")
            time.sleep(6)  # more than a turn of all sources
            assert process.poll() is None
            assert log.read_text().count("poll source=") == before
            dask.start_scheduler()
            dask.start_worker()
            wait_for(
                lambda: title in {delivery.json["data"]["article"]["title"] for delivery in desk.receiver.deliveries},
                90,
            )
            assert process.poll() is None
        finally:
            end(process)
    text = log.read_text()
    assert (text.count("cluster lost"), text.count("cluster up")) == (1, 2)
    assert "Traceback" not in text
    assert "poll lost" not in text
    rows = desk.rows()
    assert len({row["url"] for row in rows}) == len(rows)
    ids = [delivery.id for delivery in desk.receiver.deliveries]
    assert len(set(ids)) == len(ids)
