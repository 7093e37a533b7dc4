"""The crawl process and those who keep it (crawler/worker.py, crawler/crew.py; GUARANTEES A1, B8)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler import crew as crew_module
from crawler.config import load_config
from crawler.crew import Crew, crawl_settings
from crawler.errors import WorkerError
from crawler.items import CrawlSettings, Discover, Memory, PollTask, Source, to_json
from crawler.settings import LIMITS
from tests.conftest import children_of, wait_for
from tests.crawler.test_reading import alive
from tests.servers import HostileServer, Reply, drip

ROOT = Path(__file__).parent.parent.parent
REAL = (sys.executable, "-m", "crawler.worker")  # without -P: it must find the tests' settings


def task(name: str = "a", url: str = "https://o.id") -> PollTask:
    return PollTask(Source(name, name, url), Memory())


# --------------------------------------------------------------------------- the crew, with processes that misbehave

FAKE = """
import json, os, sys, time
def say(message): print(json.dumps(message), flush=True)
def report(source): say({"report": {"source": source, "outcome": "ok", "started_at": "2024-11-13T00:00:00+00:00",
                                    "finished_at": "2024-11-13T00:00:00+00:00"}})
sys.stdin.readline()
"""
READY = FAKE + "say({'ready': os.getpid()})\n"
POLLS = READY + "for line in sys.stdin:\n    source = json.loads(line)['poll']['source']['id']\n"


def crew_of(body: str, **arguments: Any) -> Crew:
    return Crew(CrawlSettings(), "t", command=(sys.executable, "-c", body), **arguments)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LIMITS, "hang_s", 1.0)
    monkeypatch.setattr(LIMITS, "poll_timeout_s", 20.0)
    monkeypatch.setattr(crew_module, "STOP_S", 0.5)


async def test_reports_come_back_to_those_who_asked_and_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    body = POLLS + "    say({'progress': [source, 1, 2]}); report(source)\n"
    async with crew_of(body, on_progress=lambda *step: told.append(step)) as crew:
        reports = await asyncio.gather(*(crew.poll(task(f"s{n}")) for n in range(20)))
    assert [report.source for report in reports] == [f"s{n}" for n in range(20)]
    assert sorted(told) == sorted((f"s{n}", 1, 2) for n in range(20))


@pytest.mark.parametrize(
    "misdeed",
    [
        "os.kill(os.getpid(), 9)",
        "sys.exit(0)",
        "os._exit(3)",
        "print('no json', flush=True)",
        "print('5', flush=True)",
        "print('[]', flush=True)",
        "print('null', flush=True)",
        "say({'report': 3})",
        "say({'report': {'source': source}})",
        "say({'report': {'source': source, 'unknown': 1}})",
        "say({'alive': 1})",
        "say({'progress': 3})",
        "sys.stdout.buffer.write(b'\\xff\\xfe\\n'); sys.stdout.flush()",
        "sys.stdout.write('x' * 3_000_000); sys.stdout.flush()",
        "os.close(1); time.sleep(60)",
        "time.sleep(60)",
        "say({'alive': 1, 'mib': 1e9}); time.sleep(60)",
    ],
)
async def test_whatever_a_process_does_the_poll_is_reported_killed_and_the_next_one_works(
    tmp_path: Path, misdeed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew_module, "LINE_LIMIT", 1_000_000)
    once = f"    if not os.path.exists({str(tmp_path / 'done')!r}):\n        open({str(tmp_path / 'done')!r}, 'w').close(); {misdeed}\n"
    async with crew_of(POLLS + once + "    report(source)\n") as crew:
        report = await crew.poll(task())
        assert (report.outcome, report.errors[0].kind, report.memory) == ("killed", "killed", None)
        assert (await crew.poll(task())).outcome == "ok"


async def test_a_poll_that_does_not_end_is_killed_though_the_process_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LIMITS, "poll_timeout_s", 0.4)
    async with crew_of(READY + "while True:\n    say({'alive': 1, 'mib': 1}); time.sleep(0.1)\n") as crew:
        report = await crew.poll(task())
    assert report.outcome == "killed"
    assert "did not end" in report.errors[0].message


@pytest.mark.parametrize("body", [FAKE + "sys.exit(1)", FAKE + "print('nonsense', flush=True); time.sleep(60)", "1/0"])
async def test_a_process_that_does_not_start_is_an_error(body: str) -> None:
    async with crew_of(body) as crew:
        with pytest.raises(WorkerError, match="did not start"):
            await crew.poll(task())


async def test_a_command_that_does_not_exist_is_an_error() -> None:
    for _ in range(5):  # one that is gone before it is spoken to, now and then
        async with Crew(CrawlSettings(), "t", command=("/bin/false",)) as crew:
            with pytest.raises(WorkerError, match="did not start"):
                await crew.begin([task().source])
                await crew.poll(task())
    async with Crew(CrawlSettings(), "t", command=("/tidak/ada",)) as crew:
        with pytest.raises(WorkerError):
            await crew.poll(task())


async def test_one_that_grew_gets_no_more_polls_finishes_its_own_and_is_not_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LIMITS, "hang_s", 30.0)
    body = POLLS + (
        "    say({'alive': 1, 'mib': 700})\n"
        "    if source == 'long':\n        time.sleep(60)\n"
        "    report(os.getpid() and source); say({'progress': [str(os.getpid()), 0, 0]})\n"
    )
    pids: list[int] = []
    async with crew_of(body, on_progress=lambda pid, done, total: pids.append(int(pid))) as crew:
        await crew.poll(task("a"))
        first = crew._processes[0]
        assert first is not None
        await crew.poll(task("b"))
        assert crew._processes[0] is not first
        long = asyncio.create_task(crew.poll(task("long")))
        await asyncio.sleep(0.3)
        busy = crew._processes[0]
        assert busy is not None
        await crew.poll(task("c"))
        assert busy in crew._retired
    assert not alive(busy.child.pid)
    assert (await long).outcome == "killed"
    assert not alive(first.child.pid)


async def test_one_that_polled_for_long_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LIMITS, "max_worker_polls", 2)
    async with crew_of(POLLS + "    report(source)\n") as crew:
        processes = set()
        for _ in range(6):
            await crew.poll(task())
            processes.add(crew._processes[0])
    assert len(processes) == 2


async def test_a_host_always_meets_the_same_process_and_hosts_are_spread() -> None:
    async with crew_of(POLLS + "    report(source)\n", workers=3) as crew:
        places = {}
        for number in range(12):
            url = f"https://h{number}.id"
            before = list(crew._processes)
            await crew.poll(task(url=url))
            await crew.poll(task("lain", url + "/rubrik"))
            places[url] = [now is not old for now, old in zip(crew._processes, before, strict=True)]
        assert sum(process is not None for process in crew._processes) == 3


async def test_its_children_die_with_a_killed_process() -> None:
    body = POLLS + (
        "    import subprocess\n"
        "    child = subprocess.Popen(['sleep', '60']); say({'progress': [str(child.pid), 0, 0]})\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    pids: list[int] = []
    async with crew_of(body, on_progress=lambda pid, done, total: pids.append(int(pid))) as crew:
        assert (await crew.poll(task())).outcome == "killed"
    wait_for(lambda: not alive(pids[0]))


def test_what_a_crawl_process_is_told(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(
        "topic: {any: [netralitas]}\nsources:\n- {id: a, name: A, url: 'https://a.id', discover: [{feed: 'http://a.id:8080/rss'}]}\n"
    )
    settings, rules = crawl_settings(load_config(path))
    assert settings.ports == ("a.id:8080",)
    path.write_text(path.read_text().replace("netralitas", "ASN"))
    assert crawl_settings(load_config(path))[1] != rules


# ------------------------------------------------------------------------------------------------- the real process


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileServer]:
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "tests.crawler.shortlimits")
    monkeypatch.setenv("PANTAU_TEST_READER", "tests.crawler.fakereader")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(LIMITS, "hang_s", 30.0)
    with HostileServer() as running:
        yield running


def settings_for(server: HostileServer) -> CrawlSettings:
    return CrawlSettings(allow_private_networks=True, ports=(f"127.0.0.1:{server.port}",))


def source(server: HostileServer, name: str) -> Source:
    return Source(name, name, server.url, (Discover("feed", f"{server.url}/{name}.xml"),))


def rss(server: HostileServer, *paths: str) -> Reply:
    items = "".join(f"<item><title>Judul {path}</title><link>{server.url}{path}</link></item>" for path in paths)
    return Reply(f"<rss><channel>{items}</channel></rss>", headers={"Content-Type": "application/rss+xml"})


async def test_reports_are_streamed_and_costly_pages_count_by_their_title(server: HostileServer) -> None:
    server.at("/quick.xml", rss(server, "/a"))
    server.at("/costly.xml", rss(server, "/slow", "/b", "/die", "/break"))
    server.at("/dripping.xml", drip())
    for path in ("/a", "/b", "/slow", "/die", "/break"):
        server.at(path, Reply("isi"))
    order: list[str] = []
    async with Crew(settings_for(server), "t", command=REAL) as crew:
        tasks = [
            asyncio.create_task(crew.poll(PollTask(source(server, name), Memory())))
            for name in ("costly", "dripping", "quick")
        ]
        for one in tasks:
            one.add_done_callback(lambda done: order.append(done.result().source))
        await asyncio.wait(tasks)
        costly, dripping, quick = [await one for one in tasks]
    assert order[-1] == "costly"  # the others did not wait for it
    assert (quick.outcome, len(quick.articles)) == ("ok", 1)
    assert (dripping.outcome, dripping.errors[0].kind) == ("failed", "timeout")
    assert {article.title: article.body_status for article in costly.articles} == {
        "Judul /slow": "too_costly",
        "Judul /die": "too_costly",
        "Judul /b": "whole",
    }
    assert [error.message for error in costly.errors] == ["the article step failed: RecursionError: terlalu dalam"]


async def test_a_killed_worker_takes_its_readers_along_and_is_replaced(server: HostileServer) -> None:
    server.at("/a.xml", rss(server, "/slow-1", "/slow-2"))
    server.at("/b.xml", rss(server, "/b"))
    for path in ("/slow-1", "/slow-2", "/b"):
        server.at(path, Reply("isi"))
    async with Crew(settings_for(server), "t", command=REAL) as crew:
        running = asyncio.create_task(crew.poll(PollTask(source(server, "a"), Memory())))
        await asyncio.to_thread(wait_for, lambda: server.asked("/slow"))
        worker = crew._processes[0]
        assert worker is not None
        await asyncio.to_thread(wait_for, lambda: children_of(worker.child.pid))
        offspring = children_of(worker.child.pid)
        os.kill(worker.child.pid, signal.SIGKILL)
        assert (await running).outcome == "killed"
        wait_for(lambda: not any(alive(child) for child in offspring))
        assert len((await crew.poll(PollTask(source(server, "b"), Memory()))).articles) == 1


PARENT = """
import asyncio, sys
from crawler.crew import Crew
from crawler.items import *
from crawler.worker import json
async def main():
    settings, task = from_json(CrawlSettings, json.loads(sys.argv[1])), from_json(PollTask, json.loads(sys.argv[2]))
    async with Crew(settings, "t", command=(sys.executable, "-m", "crawler.worker")) as crew:
        await crew.poll(task)
asyncio.run(main())
"""


def test_nothing_is_left_of_a_crawl_whose_parent_was_killed(server: HostileServer) -> None:
    server.at("/a.xml", rss(server, "/slow-1"))
    server.at("/slow-1", Reply("isi"))
    arguments = [
        json.dumps(to_json(value)) for value in (settings_for(server), PollTask(source(server, "a"), Memory()))
    ]
    with subprocess.Popen([sys.executable, "-c", PARENT, *arguments], cwd=ROOT) as parent:
        wait_for(lambda: server.asked("/slow"))
        wait_for(lambda: len(children_of(parent.pid)) >= 2)
        offspring = children_of(parent.pid)
        parent.kill()
        parent.wait()
        wait_for(lambda: not any(alive(child) for child in offspring))


@pytest.mark.parametrize(
    "stdin", ["", "no json\n", '{"settings": {}, "rules": "t"}\n'], ids=["empty", "nonsense", "no guard"]
)
def test_a_worker_that_cannot_prove_its_address_guard_exits_non_zero_and_asks_nobody(stdin: str) -> None:
    environment = {**os.environ, "SCRAPY_SETTINGS_MODULE": "tests.crawler.noguard"}
    done = subprocess.run(
        REAL, input=stdin, text=True, capture_output=True, cwd=ROOT, env=environment, timeout=60, check=False
    )
    assert done.returncode != 0
    assert done.stdout == ""
    if stdin.startswith("{"):
        assert "the address guard is not active" in done.stderr


def test_polls_that_came_with_the_first_line_are_not_lost_and_prints_break_no_line(server: HostileServer) -> None:
    server.at("/a.xml", rss(server))
    lines = [
        {"settings": to_json(settings_for(server)), "rules": "t"},
        {"poll": to_json(PollTask(source(server, "a"), Memory()))},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run(REAL, input=text, text=True, capture_output=True, cwd=ROOT, timeout=60, check=False)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert "ready" in told[0]
    assert [line["report"]["outcome"] for line in told if "report" in line] == ["empty"]
