"""How fast can it be without a framework? aiohttp, trafilatura with metadata in two processes, a regular expression, SQLite.

No robots.txt, no pacing, no limits, no retries, no memory of what was seen: a floor, not an alternative.
Run by benchmarks.throughput: python -m benchmarks.floor DATABASE FEED…
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import aiohttp
from lxml import etree

from benchmarks.topic import TABLE, TOPIC

PROCESSES = 2
WIDTH = 64


def extracted(page: bytes, url: str) -> tuple[str, str | None, str | None, str | None, str | None] | None:
    """Return the row of an article on topic, else None."""
    import trafilatura

    found = trafilatura.bare_extraction(page, url=url, with_metadata=True)
    if (
        found is None
        or isinstance(found, dict)
        or not all(part.search(f"{found.title}\n{found.text}") for part in TOPIC)
    ):
        return None
    return url, found.title, found.author, found.date, found.text


async def crawl(database: str, feeds: list[str]) -> None:
    db = sqlite3.connect(database)
    db.execute(TABLE)
    width = asyncio.Semaphore(WIDTH)
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        async with aiohttp.ClientSession() as session:

            async def article(url: str) -> None:
                async with width:
                    async with session.get(url) as answer:
                        page = await answer.read()
                    row = await loop.run_in_executor(pool, extracted, page, url)
                if row:
                    with db:
                        db.execute("INSERT OR IGNORE INTO articles VALUES (?, ?, ?, ?, ?)", row)

            async def outlet(feed: str) -> None:
                async with session.get(feed) as answer:
                    root = etree.fromstring(await answer.read())
                await asyncio.gather(*(article(link.strip()) for link in root.xpath("//item/link/text()")))

            await asyncio.gather(*map(outlet, feeds))
    db.close()


if __name__ == "__main__":
    asyncio.run(crawl(sys.argv[1], sys.argv[2:]))
