"""`pantau reprocess`: cleaning, matching and labels again over archived answers, after rules improved; or over anybody's WARC files.

What was archived is brought up to date where it is: no revision is faked and nobody is alerted. Pages of foreign files become
articles of the configured outlet with that host. Where the configuration names a Dask cluster its workers read, a file or fifty
articles at a time, by paths that must be theirs too; what they find comes back to the one writer. Tests: tests/test_reprocessing.py.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from warcio.exceptions import ArchiveLoadFailed

from crawler.cluster import done_by_workers
from crawler.config import Config
from crawler.crew import crawl_settings
from crawler.errors import FetchError, UsageError
from crawler.identity import host_key
from crawler.items import (
    Article,
    CrawlSettings,
    Entry,
    MorePages,
    Page,
    PollError,
    ReadRequest,
    Rejection,
    Source,
    from_json,
    to_json,
)
from crawler.reading import ReadingPool
from crawler.remote import pack, unpack
from pipelines.archive import Archive, Place, check_warc, page_in, pages_in
from pipelines.reader import Reader
from pipelines.rules import TOPIC
from pipelines.store import Store

_TOGETHER = 50  # articles that are stored in one transaction, or read by one task
_ROW = ("source", "url", "title", "body", "category", "province_code", "regency_code")


@dataclass(slots=True)
class Outcome:
    """What a run came to. `changed`: articles by column; `problems`: (address, why)."""

    looked_at: int = 0
    changed_articles: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    off_topic: int = 0
    other_outlets: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {name: getattr(self, name) for name in self.__slots__}

    def take(self, found: Found) -> None:
        """Add what one job found; what changed is the store's to say."""
        self.looked_at += found.looked_at
        self.off_topic += found.off_topic
        self.other_outlets += found.other_outlets
        self.problems += [(problem.url, problem.message) for problem in found.problems]


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored article and the answers behind its newest wording."""

    id: int
    source: Source
    url: str
    fetched_url: str
    fetched_at: datetime
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """What is read in one go: the WARC file, or the stored articles from the archive of the database."""

    settings: CrawlSettings
    sources: tuple[Source, ...] = ()  # of the pages in the WARC file
    warc: str = ""
    database: str = ""
    kept: tuple[Kept, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a job came to. `ids` are those of stored articles, in step with `articles`; `unreadable` says why a file is none."""

    looked_at: int = 0
    articles: tuple[Article, ...] = ()
    ids: tuple[int, ...] = ()
    off_topic: int = 0
    other_outlets: int = 0
    problems: tuple[PollError, ...] = ()
    unreadable: str = ""


async def reprocess_archive(config: Config, *, dry_run: bool, on_article: Callable[[int], None]) -> Outcome:
    """Read the answers behind the newest wording of each article again; store and return what changed.

    Raises StoreError; with a cluster ConfigError, WorkerError.
    """
    outcome = Outcome()
    with Store(config.settings.database) as store, Reader(config.settings.database) as reader:
        async for found in _read_all(config, _archived(config, reader), on_article):
            outcome.take(found)
            for article_id, article in zip(found.ids, found.articles, strict=True):
                changed = store.amend(article_id, article, write=not dry_run)
                outcome.changed.update(changed)
                outcome.changed_articles += bool(changed)
    return outcome


async def reprocess_files(
    config: Config, files: Iterable[Path], *, dry_run: bool, on_article: Callable[[int], None]
) -> tuple[Outcome, list[Article]]:
    """Read the pages of WARC files; store those on the topic, and return them.

    Raises UsageError for a file that is none, StoreError; with a cluster ConfigError, WorkerError.
    """
    settings, _ = crawl_settings(config)
    outcome, articles = Outcome(), list[Article]()
    jobs = (Job(settings, config.sources, warc=str(file.absolute())) for file in files)
    async for found in _read_all(config, jobs, on_article):
        if found.unreadable:
            raise UsageError(found.unreadable)
        outcome.take(found)
        articles += found.articles
    outcome.kept = len(articles)
    if not dry_run and articles:
        with Store(config.settings.database) as store:
            store.sync_sources(config.sources)
            for start in range(0, len(articles), _TOGETHER):
                store.add_articles(articles[start : start + _TOGETHER], datetime.now(UTC))
    return outcome, articles


async def rows_of_files(config: Config, files: Iterable[Path], since: datetime | None) -> list[dict[str, Any]]:
    """Return the articles of WARC files as rows for a backtest, in the order of their publication; each is a story of its own.

    Raises what `reprocess_files` does.
    """
    _, articles = await reprocess_files(config, files, dry_run=True, on_article=lambda count: None)
    dated = sorted(
        ((article.published_at or article.fetched_at or datetime.now(UTC), article) for article in articles),
        key=lambda pair: pair[0],
    )
    return [
        {
            **{name: getattr(article, name) for name in _ROW},
            "story_id": number,
            "published_at": at.isoformat(),
            "fetched_at": at.isoformat(),
            "matches": json.dumps([{"rule": TOPIC, **to_json(match)} for match in article.topic]),
        }
        for number, (at, article) in enumerate(dated)
        if since is None or at >= since
    ]


async def _read_all(config: Config, jobs: Iterable[Job], on_article: Callable[[int], None]) -> AsyncIterator[Found]:
    """Yield what each job came to, in the order they end: read here, or by the cluster's workers."""
    total = 0

    def count(more: int = 1) -> None:
        nonlocal total
        total += more
        on_article(total)

    if config.settings.dask is None:
        with ReadingPool(crawl_settings(config)[0]) as pool:
            for job in jobs:
                yield await _read(job, pool, count)
        return
    async for answer in done_by_workers(config, "reprocessing", (pack(to_json(job)) for job in jobs)):
        found = from_json(Found, unpack(answer))
        count(found.looked_at)
        yield found


def _archived(config: Config, reader: Reader) -> Iterator[Job]:
    """Yield jobs of articles whose answers are archived, in the order of their ids."""
    settings, _ = crawl_settings(config)
    sources = {source.id: source for source in config.sources}

    def kept() -> Iterator[Kept]:
        for article_id, places in groupby(list(reader.archived()), key=lambda row: row["article_id"]):
            row = reader.whole_article(article_id)
            assert row is not None  # `archived` joins it
            yield Kept(
                article_id,
                sources.get(row["source"]) or Source(row["source"], row["outlet"], row["url"]),
                row["url"],
                row["fetched_url"],
                datetime.fromisoformat(row["fetched_at"]),
                tuple(Place(found["file"], found["offset"], found["length"], found["sha256"]) for found in places),
            )

    everything = kept()
    while chunk := tuple(islice(everything, _TOGETHER)):
        yield Job(settings, database=str(config.settings.database), kept=chunk)


# --------------------------------------------------------------------------------------------- reading, here or there


async def _read(job: Job, pool: ReadingPool, count: Callable[[], None]) -> Found:
    return await (_read_file if job.warc else _read_kept)(job, pool, count)


async def _read_kept(job: Job, pool: ReadingPool, count: Callable[[], None]) -> Found:
    archive = Archive(Path(job.database))
    ids, articles, problems = list[int](), list[Article](), list[PollError]()
    for wanted in job.kept:
        count()
        try:
            pages = tuple(page_in(archive.read(place)) for place in wanted.places)
            entry = Entry(url=wanted.fetched_url)
            request = ReadRequest(wanted.source, entry, pages, wanted.fetched_at, incomplete=True, kept=True)
            result = await pool.read(request)
        except (OSError, ValueError, FetchError, TimeoutError) as error:
            problems.append(PollError(wanted.url, "failed", str(error)))
            continue
        if isinstance(result, Article):
            ids.append(wanted.id)
            articles.append(result)
        else:
            problems.append(PollError(wanted.url, "failed", _why_not(result)))
    return Found(len(job.kept), tuple(articles), tuple(ids), problems=tuple(problems))


async def _read_file(job: Job, pool: ReadingPool, count: Callable[[], None]) -> Found:
    by_host = {
        host_key(url): source for source in job.sources for url in (source.url, *(d.url for d in source.discover))
    }
    articles, problems, counts = list[Article](), list[PollError](), Counter[str]()
    try:
        for page in _pages(Path(job.warc)):
            count()
            counts["looked_at"] += 1
            source = by_host.get(host_key(page.url))
            if source is None:
                counts["other_outlets"] += 1
                continue
            at = page.fetched_at or datetime.now(UTC)
            try:
                result = await pool.read(ReadRequest(source, Entry(url=page.url), (page,), at, incomplete=True))
            except (FetchError, TimeoutError) as error:
                problems.append(PollError(page.url, "failed", str(error)))
                continue
            if isinstance(result, Article):
                articles.append(result)
            elif isinstance(result, Rejection) and result.kind == "off_topic":
                counts["off_topic"] += 1
            else:
                problems.append(PollError(page.url, "failed", _why_not(result)))
    except UsageError as error:
        return Found(unreadable=str(error))
    return Found(
        counts["looked_at"],
        tuple(articles),
        off_topic=counts["off_topic"],
        other_outlets=counts["other_outlets"],
        problems=tuple(problems),
    )


def _why_not(result: Rejection | MorePages) -> str:
    return result.detail if isinstance(result, Rejection) else "pages are missing"


def _pages(file: Path) -> Iterator[Page]:
    try:
        with file.open("rb") as stream:
            check_warc(stream)
            yield from pages_in(stream)
    except (ArchiveLoadFailed, EOFError, gzip.BadGzipFile) as error:
        raise UsageError(f"--warc: {file} is no WARC file: {error}") from error
    except OSError as error:
        raise UsageError(f"--warc: {file} cannot be read: {error.strerror or error}") from error


async def _read_one(packed: bytes) -> bytes:
    job = from_json(Job, unpack(packed))
    with ReadingPool(job.settings) as pool:
        return pack(to_json(await _read(job, pool, lambda: None)))


if __name__ == "__main__":  # in a Dask worker: one job in, what it found out
    sys.stdout.buffer.write(asyncio.run(_read_one(sys.stdin.buffer.read())))
