"""Bugs of ours (GUARANTEES B10): each function on an article's way raises once, at its n-th call; only that source feels it, and not for long."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from crawler import reading
from crawler.crew import crawl_settings
from crawler.errors import FetchError
from crawler.fetch import Fetcher
from crawler.items import Article, MorePages, PollReport, PollTask, ReadRequest, Rejection
from crawler.netguard import AddressGuard
from crawler.politeness import Hosts
from crawler.poll import Poller
from pipelines.article import set_up
from tests.crawler.fakeweb import FakeWeb
from tests.faults.watching import Simulation

SOURCES, ARTICLES = 3, 2
STEPS = [
    "crawler.discovery.read_listing",
    "crawler.poll.entry_key",
    "crawler.poll.Discovery.run",
    "crawler.poll._newest_first",
    "pipelines.article.decode_page",
    "pipelines.article.clean_page",
    "pipelines.article.join_pages",
    "pipelines.article.label",
    "pipelines.rules.Rules.find",
    "watch.judge",
    "watch.decide_next_poll",
    "watch.summarised",
    "pipelines.store.Store.memory",
    "pipelines.store.Store.past",
    "pipelines.store.Store.due_rechecks",
    "pipelines.store.Store.record",
    "pipelines.store.Store._record_article",
    "pipelines.store.Store._insert",
    "pipelines.store.Store._story",
    "pipelines.store.Store._record_health",
    "pipelines.store.Store._record_standing",
]


def page_of(source: int, number: int) -> str:
    title = f"Camat ke-{number} kecamatan {source} dilaporkan tidak netral"
    sentences = [
        f"Seorang ASN di kecamatan {source} dilaporkan warga nomor {number} karena dianggap tidak netral dalam pilkada tahun ini.",
        f"Pengawas pemilu menerima laporan ke-{number} itu di kantornya dan akan memeriksa saksi dari desa {source} pekan depan.",
        f"Kepala dinas {source} mengingatkan pegawai agar menjaga netralitas dan tidak hadir dalam kampanye ke-{number} siapa pun.",
    ]
    paragraphs = "".join(f"<p>{sentence} {sentence[::-1][:40]}</p>" for sentence in sentences)
    return (
        f"<html><head><title>{title}</title></head><body><article><h1>{title}</h1>{paragraphs}</article></body></html>"
    )


def web() -> FakeWeb:
    pages: dict[str, Any] = {}
    for source in range(SOURCES):
        base = f"https://s{source}.example"
        items = "".join(
            f"<item><title>Camat ke-{n}</title><link>{base}/2024/berita-camat-{n}.html</link></item>"
            for n in range(ARTICLES)
        )
        pages[f"{base}/feed"] = f'<rss version="2.0"><channel>{items}</channel></rss>'
        pages |= {f"{base}/2024/berita-camat-{n}.html": page_of(source, n) for n in range(ARTICLES)}
    return FakeWeb(pages)


async def read(request: ReadRequest) -> Article | Rejection | MorePages:
    """The article step as the reading processes run it."""
    result = reading._read("pipelines.article.read_article", request)
    if isinstance(result, str):
        raise FetchError("failed", request.entry.url, result, retry=True)
    return result


def raising_once(monkeypatch: pytest.MonkeyPatch, name: str, at_call: int) -> Callable[[], bool]:
    """Let the function that `name` names raise at its n-th call; return a function that says whether it has."""
    owner_name, _, attribute = name.rpartition(".")
    try:
        owner: Any = import_module(owner_name)
    except ModuleNotFoundError:
        module, _, class_name = owner_name.rpartition(".")
        owner = getattr(import_module(module), class_name)
    true = getattr(owner, attribute)
    calls = 0

    def raising(*values: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at_call:
            raise ZeroDivisionError(f"a bug in {name}")
        return true(*values, **options)

    monkeypatch.setattr(owner, attribute, raising)
    return lambda: calls >= at_call


@pytest.mark.parametrize(
    "at_call", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", STEPS)
async def test_a_bug_stops_one_source_for_a_while_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, at_call: int
) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: sleep(0))
    monkeypatch.setattr(reading, "confine_cpu", lambda seconds: None)  # this process reads no foreign pages
    async with Simulation(tmp_path, SOURCES, every="5m", step_s=60) as sim:
        settings, rules = crawl_settings(sim.config())
        set_up(settings)
        served = web()
        poller = Poller(Fetcher(served.download, Hosts(0.0), AddressGuard(), random.Random(1)), read, rules)

        async def poll(task: PollTask) -> PollReport:
            return await poller.poll(task)

        sim.watch.crew.poll = poll  # type: ignore[method-assign]
        raised = raising_once(monkeypatch, name, at_call)
        await sim.run(minutes=2)
        complete = sim.rows(f"SELECT source FROM articles GROUP BY source HAVING count(*) = {ARTICLES}")
        assert len(complete) >= SOURCES - 1
        assert raised() or at_call > 1
        await sim.run(minutes=25)
        assert sim.rows("SELECT count(*) AS n FROM articles") == [{"n": SOURCES * ARTICLES}]
        assert sim.rows("SELECT DISTINCT state FROM sources") == [{"state": "ok"}]
