"""The article step in processes of its own (crawler/reading.py; GUARANTEES A5, B8)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawler import reading
from crawler.errors import FetchError
from crawler.items import Article, CrawlSettings, Entry, Page, ReadRequest, Rejection, Source
from crawler.reading import ReadingPool
from crawler.settings import LIMITS
from tests.conftest import children_of, wait_for

NOW = datetime(2024, 11, 13, 1, 4, tzinfo=UTC)


def request(name: str, *, cheap: bool = False) -> ReadRequest:
    url = f"https://o.id/{name}"
    return ReadRequest(Source("o", "O", "https://o.id"), Entry(url, "Judul"), (Page(url, b"isi"),), NOW, cheap=cheap)


@pytest.fixture
async def pool(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ReadingPool]:
    monkeypatch.setattr(reading, "ARTICLE_READER", "tests.crawler.fakereader.read")
    monkeypatch.setattr(reading, "ARTICLE_READER_SETUP", "tests.crawler.fakereader.set_up")
    monkeypatch.setattr(LIMITS, "clean_timeout_s", 0.5)
    with ReadingPool(CrawlSettings()) as running:
        yield running


async def test_whatever_a_page_does_the_next_one_is_read(pool: ReadingPool) -> None:
    for name in ("slow", "die", "hog"):
        with pytest.raises(TimeoutError):
            await pool.read(request(name))
        cheap = await pool.read(request(name, cheap=True))
        assert isinstance(cheap, Article)
        assert (cheap.title, cheap.body_status) == ("Judul", "too_costly")
    with pytest.raises(FetchError, match="RecursionError: terlalu dalam") as caught:
        await pool.read(request("break"))
    assert (caught.value.kind, caught.value.url) == ("failed", "https://o.id/break")
    assert await pool.read(request("off-topic")) == Rejection("off_topic")
    found = await pool.read(request("baik"))
    assert isinstance(found, Article)
    assert found.body == "isi"


async def test_the_event_loop_goes_on_while_a_page_is_slow(pool: ReadingPool) -> None:
    task = asyncio.create_task(pool.read(request("slow")))
    turns = 0
    while not task.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 10
    assert isinstance(task.exception(), TimeoutError)


async def test_a_reading_that_nobody_waits_for_is_stopped(pool: ReadingPool) -> None:
    await pool.read(request("baik"))
    started_s = time.monotonic()
    task = asyncio.create_task(pool.read(request("slow")))
    await asyncio.sleep(0.1)
    task.cancel()
    assert isinstance(await pool.read(request("baik")), Article)
    assert time.monotonic() - started_s < 30


HOLDER = """
import asyncio, sys
from datetime import UTC, datetime
from crawler import reading
from crawler.items import CrawlSettings
reading.ARTICLE_READER, reading.ARTICLE_READER_SETUP = "tests.crawler.fakereader.read", "tests.crawler.fakereader.set_up"
from tests.crawler.test_reading import request

async def main():
    with reading.ReadingPool(CrawlSettings()) as pool:
        await pool.read(request("baik"))
        print("ready", flush=True)
        await pool.read(request("slow"))

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_reading_processes_end_with_the_crawl_process_also_in_the_middle_of_a_page(tmp_path: Path) -> None:
    root = Path(__file__).parent.parent.parent
    script = tmp_path / "holder.py"
    script.write_text(HOLDER)
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen([sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        offspring = children_of(holder.pid)
        assert offspring
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        wait_for(lambda: not any(alive(child) for child in offspring))


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
