"""Where the time of a crawl goes: CPU of each of our steps on a page on topic and on one off it. Prints it, or writes it into docs/performance.md.

    python -m benchmarks.steps [--articles 40] [--write]

Each step is run by itself on the same pages, in the order of a poll; fetching is a whole crawl of them by the real spider, in a process
of its own, with nobody reading what comes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.measuring import write_into
from benchmarks.pages import MixedSite
from crawler import reading
from crawler.config import Config, load_config
from crawler.crew import crawl_settings
from crawler.discovery import read_listing
from crawler.items import (
    Article,
    CrawlSettings,
    Entry,
    Memory,
    Page,
    PollReport,
    PollTask,
    ReadRequest,
    Rejection,
    from_json,
    to_json,
)
from pipelines import article as step
from pipelines.charset import decode_page
from pipelines.clean import clean_page
from pipelines.dedupe import content_sha256, sign
from pipelines.labels import label
from pipelines.place import find_place
from pipelines.rules import Rules
from pipelines.screen import Screen
from pipelines.store import Store
from pipelines.traits import traits_of

T = TypeVar("T")
U = TypeVar("U")
DOC = Path(__file__).parent.parent / "docs" / "performance.md"
SHARES = (1.0, 0.05)
ROUNDS = 3
FEED = "feed: read into entries (a page's part of it)"
CLEAN, MATCH = "clean: parse, body, title, author, dates", "match: topic and rules, with evidence"
STORE = "store: story, full text, transaction"


class Stopwatch:
    """CPU milliseconds a page by step: `all` of a list through one function, the best of three."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}
        self.passed = 0.0  # the share of pages that the screen lets through

    def all(self, name: str, values: Iterable[T], run: Callable[[T], U], rounds: int = ROUNDS) -> list[U]:
        values, best = list(values), float("inf")
        found: list[U] = []
        for _ in range(rounds):
            began = time.process_time()
            found = [run(value) for value in values]
            best = min(best, time.process_time() - began)
        self.ms[name] = best / len(values) * 1000
        return found


def measure(articles: int, *, on_topic: bool) -> Stopwatch:
    """Return the CPU milliseconds of each step on pages that are on topic, or off it."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as name, MixedSite(articles, float(on_topic), 8) as site:
        folder = Path(name)
        (folder / "sources.yaml").write_text(site.sources_yaml(database="steps.db"), "utf-8")
        config = load_config(folder / "sources.yaml")
        watch.ms["fetch: robots.txt, pacing, Scrapy, memory"] = fetch_ms(folder / "sources.yaml")
        feeds = [(source, _got(source.discover[0].url)) for source in config.sources]
        listings = watch.all(
            FEED,
            feeds,
            lambda feed: read_listing(
                feed[0].discover[0], feed[1], feed[0].url, "application/rss+xml", feed[0].timezone
            ),
        )
        watch.ms[FEED] /= articles
        requests = [
            _request(source, entry)
            for (source, _), listing in zip(feeds, listings, strict=True)
            for entry in listing.entries
        ]
        read(watch, requests, config, folder)
    return watch


def read(watch: Stopwatch, requests: list[ReadRequest], config: Config, folder: Path) -> None:
    """Take the requests through the article step, its parts, and what follows."""
    settings = crawl_settings(config)[0]
    screen, rules = Screen(settings.topic), Rules(settings.topic, settings.rules)
    step.set_up(settings)
    watch.ms["hand to a reading process, both ways"] = asyncio.run(handing_ms(settings, requests))
    texts = watch.all("decode", requests, lambda r: decode_page(r.pages[0].body, r.pages[0].content_type))
    watch.all(
        "screen",
        list(zip(texts, requests, strict=True)),
        lambda pair: screen.may_match_any([pair[1].entry.title or "", pair[0]]),
    )
    passed = [
        pair for pair in zip(texts, requests, strict=True) if screen.may_match_any([pair[1].entry.title or "", pair[0]])
    ]
    share = len(passed) / len(requests)
    cleaned = watch.all(CLEAN, passed, lambda pair: clean_page(pair[0], pair[1].pages[0].url, entry=pair[1].entry))
    bodies = [(page.title or "", "\n\n".join(page.paragraphs)) for page in cleaned]
    watch.all(MATCH, bodies, lambda pair: rules.find(*pair))
    for name in (CLEAN, MATCH):
        watch.ms[name] *= share
    watch.passed = share
    found = [item for item in map(step.read_article, requests) if isinstance(item, Article)]
    if not found:
        return
    watch.all("label: category, flags", found, lambda a: label(a.title, a.body, on_topic=True))
    watch.all("place", found, lambda a: find_place(a.title, a.body, url=a.url))
    watch.all(
        "traits, MinHash, hash",
        found,
        lambda a: (traits_of(a.title, a.body, a.published_at), sign(a.body), content_sha256(a.body)),
    )
    watch.all("report as JSON, both ways", found, _as_json)
    now = datetime.now(UTC)
    with Store(folder / "steps.db") as store:
        store.sync_sources(config.sources)
        by_source: dict[str, list[Article]] = {}
        for item in found:
            by_source.setdefault(item.source, []).append(item)
        reports = [PollReport(name, "ok", now, now, articles=tuple(items)) for name, items in by_source.items()]
        watch.all(STORE, reports, lambda r: store.record(r, now + timedelta(hours=1)), rounds=1)
        watch.ms[STORE] *= len(reports) / len(found)


async def handing_ms(settings: CrawlSettings, requests: list[ReadRequest]) -> float:
    """Return the CPU milliseconds, of both sides, that a request costs on its way to a process that does nothing with it."""
    vars(reading).update(ARTICLE_READER="benchmarks.steps.spent_s", ARTICLE_READER_SETUP="benchmarks.steps.prepare")
    with reading.ReadingPool(settings) as pool:
        first: Any = await pool.read(requests[0])
        began = time.process_time()
        for _ in range(ROUNDS):
            found: list[Any] = await asyncio.gather(*map(pool.read, requests))
        used_s = time.process_time() - began + max(found) - first
    return float(used_s / len(requests) / ROUNDS * 1000)


def prepare(settings: CrawlSettings) -> None:
    """Stand in for the article step's preparation."""


def spent_s(request: ReadRequest) -> float:
    """Stand in for the article step; return the CPU seconds that this process has used."""
    return time.process_time()


def fetch_ms(path: Path) -> float:
    """Return the CPU milliseconds a page of a crawl that reads nothing, without its start."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.steps", "--fetch", str(path)], capture_output=True, check=True
    )
    return float(done.stdout.split()[-1])


def fetch_only(path: Path) -> None:
    """Crawl the sources with the real spider, the article step left out; print the CPU milliseconds a page."""
    from scrapy.crawler import AsyncCrawlerProcess
    from scrapy.utils.project import get_project_settings

    from crawler.spiders import outlets

    class Nobody:
        def __init__(self, settings: object) -> None:
            self.count, self.began = 0, time.process_time()

        def __enter__(self) -> Nobody:
            return self

        def __exit__(self, *_: object) -> None:
            print((time.process_time() - self.began) / self.count * 1000)

        async def read(self, request: ReadRequest) -> Rejection:
            self.count += 1
            return Rejection("off_topic")

    vars(outlets).update(ReadingPool=Nobody)
    config = load_config(path)
    inbox: asyncio.Queue[PollTask | None] = asyncio.Queue()
    for source in config.sources:
        inbox.put_nowait(PollTask(source, Memory()))
    inbox.put_nowait(None)
    settings = get_project_settings()
    settings.setmodule("crawler.settings")
    settings.set("LOG_ENABLED", False)
    process = AsyncCrawlerProcess(settings)
    process.crawl(outlets.OutletsSpider, crawl=crawl_settings(config)[0], inbox=inbox, on_report=lambda report: None)
    process.start()


def _got(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        return bytes(answer.read())


def _request(source: Any, entry: Entry) -> ReadRequest:
    now = datetime.now(UTC)
    return ReadRequest(source, entry, (Page(entry.url, _got(entry.url), "text/html; charset=utf-8", now),), now)


def _as_json(article: Article) -> object:
    line = json.dumps(to_json(article), ensure_ascii=False, separators=(",", ":"))
    return from_json(Article, json.loads(line))


def table(on: dict[str, float], off: dict[str, float]) -> list[str]:
    heads = [f"{share:.0%} on topic" for share in SHARES]
    lines = [
        f"| CPU ms | page on topic | page off topic | {' | '.join(heads)} | of it |",
        "|---|" + "---|" * (3 + len(SHARES)),
    ]
    mixed = {name: [share * on[name] + (1 - share) * off.get(name, 0.0) for share in SHARES] for name in on}
    totals = [sum(values[place] for values in mixed.values()) for place in range(len(SHARES))]
    for name, values in mixed.items():
        parts = " / ".join(f"{value / total:.0%}" for value, total in zip(values, totals, strict=True))
        means = " | ".join(f"{value:.2f}" for value in values)
        lines.append(f"| {name} | {on[name]:.2f} | {off.get(name, 0.0):.2f} | {means} | {parts} |")
    means = " | ".join(f"**{total:.2f}**" for total in totals)
    return [*lines, f"| **all** | **{sum(on.values()):.2f}** | **{sum(off.values()):.2f}** | {means} | |"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--articles", type=int, default=40, help="an outlet, of eight")
    parser.add_argument(
        "--fetch", type=Path, metavar="FILE", help="only crawl the sources of this file; what `fetch` measures"
    )
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.fetch:
        fetch_only(options.fetch)
        return
    on, off = measure(options.articles, on_topic=True), measure(options.articles, on_topic=False)
    lines = [
        f"The screen lets {off.passed:.0%} of the pages off topic through; those are cleaned.",
        "",
        *table(on.ms, off.ms),
    ]
    print("\n".join(lines))
    if options.write:
        write_into(DOC, "benchmarks.steps", lines)


if __name__ == "__main__":
    main()
