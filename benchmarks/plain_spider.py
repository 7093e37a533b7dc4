"""The yardstick: what one writes in an afternoon. Scrapy, trafilatura with metadata, a regular expression, SQLite.

Run by benchmarks.throughput: python -m benchmarks.plain_spider DATABASE FEED…
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import scrapy
import trafilatura
from scrapy.crawler import AsyncCrawlerProcess

from benchmarks.topic import TABLE, TOPIC

# The same concurrency as ours, no delay on loopback, no robots.txt: nothing that would slow it.
SETTINGS = {
    "CONCURRENT_REQUESTS": 64,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
    "LOG_LEVEL": "ERROR",
    "ROBOTSTXT_OBEY": False,
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
}


class PlainSpider(scrapy.Spider):
    name = "plain"
    custom_settings = SETTINGS

    def __init__(self, database: str, feeds: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.feeds = feeds
        self.db = sqlite3.connect(database)
        self.db.execute(TABLE)

    async def start(self) -> AsyncIterator[scrapy.Request]:
        for feed in self.feeds:
            yield scrapy.Request(feed, self.parse_feed)

    def parse_feed(self, response: scrapy.http.Response) -> Iterator[scrapy.Request]:
        for link in response.xpath("//item/link/text()").getall():
            yield scrapy.Request(link.strip(), self.parse_article)

    def parse_article(self, response: scrapy.http.Response) -> None:
        found = trafilatura.bare_extraction(response.text, url=response.url, with_metadata=True)
        if found is None or isinstance(found, dict):
            return
        text = f"{found.title}\n{found.text}"
        if all(part.search(text) for part in TOPIC):
            with self.db:
                self.db.execute(
                    "INSERT OR IGNORE INTO articles VALUES (?, ?, ?, ?, ?)",
                    (response.url, found.title, found.author, found.date, found.text),
                )


if __name__ == "__main__":
    process = AsyncCrawlerProcess()
    process.crawl(PlainSpider, database=sys.argv[1], feeds=sys.argv[2:])
    process.start()
