"""An article step that does what an address says: slow, die, break, hog, off-topic; anything else is an article."""

from __future__ import annotations

import os
import time

from crawler.items import Article, CrawlSettings, ReadRequest, Rejection


def set_up(settings: CrawlSettings) -> None:
    """Nothing to prepare."""


def read(request: ReadRequest) -> Article | Rejection:
    url = request.entry.url
    title = request.entry.title or "tanpa judul"
    if request.cheap:
        return Article(request.source.id, url, url, title, "", body_status="too_costly")
    if "slow" in url:
        time.sleep(60)
    if "die" in url:
        os._exit(3)
    if "break" in url:
        raise RecursionError("terlalu dalam")
    if "hog" in url:
        bytearray(1 << 40)
    if "off-topic" in url:
        return Rejection("off_topic")
    body = request.pages[0].body.decode("utf-8", "replace") if request.pages else request.entry.body_html or ""
    return Article(request.source.id, url, request.pages[0].url if request.pages else url, title, body)
