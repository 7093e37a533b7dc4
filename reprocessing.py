"""`pantau reprocess`: cleaning, matching and labels again over archived answers, after rules improved; or over anybody's WARC files.

What was archived is brought up to date where it is: no revision is faked and nobody is alerted. Pages of foreign files become
articles of the configured outlet with that host. Tests: tests/test_reprocessing.py.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from warcio.exceptions import ArchiveLoadFailed

from crawler.config import Config
from crawler.crew import crawl_settings
from crawler.errors import FetchError, UsageError
from crawler.identity import host_key
from crawler.items import Article, Entry, MorePages, Page, ReadRequest, Rejection, Source
from crawler.reading import ReadingPool
from pipelines.archive import Archive, Place, check_warc, page_in, pages_in
from pipelines.reader import Reader, Row
from pipelines.store import Store

_TOGETHER = 50  # pages whose articles are stored in one transaction


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


async def reprocess_archive(config: Config, *, dry_run: bool, on_article: Callable[[int], None]) -> Outcome:
    """Read the answers behind the newest wording of each article again; store and return what changed. Raises StoreError."""
    settings, _ = crawl_settings(config)
    sources = {source.id: source for source in config.sources}
    archive, outcome = Archive(config.settings.database), Outcome()
    with (
        Store(config.settings.database) as store,
        Reader(config.settings.database) as reader,
        ReadingPool(settings) as pool,
    ):
        for article_id, places in groupby(list(reader.archived()), key=lambda row: row["article_id"]):
            row = reader.whole_article(article_id)
            assert row is not None  # `archived` joins it
            outcome.looked_at += 1
            on_article(outcome.looked_at)
            source = sources.get(row["source"]) or Source(row["source"], row["outlet"], row["url"])
            try:
                request = _request(source, row, list(places), archive)
                result = await pool.read(request)
            except (OSError, ValueError, FetchError, TimeoutError) as error:
                outcome.problems.append((row["url"], str(error)))
                continue
            if not isinstance(result, Article):
                outcome.problems.append(
                    (row["url"], result.detail if isinstance(result, Rejection) else "pages are missing")
                )
                continue
            changed = store.amend(article_id, result, write=not dry_run)
            outcome.changed.update(changed)
            outcome.changed_articles += bool(changed)
    return outcome


def _request(source: Source, row: Row, places: list[Row], archive: Archive) -> ReadRequest:
    """Return the request that the article was once read by. Raises OSError, ValueError where the archive is not whole."""
    pages = []
    for found in places:
        record = archive.read(Place(found["file"], found["offset"], found["length"], found["sha256"]))
        pages.append(page_in(record))
    at = datetime.fromisoformat(row["fetched_at"])
    return ReadRequest(source, Entry(url=row["fetched_url"]), tuple(pages), at, incomplete=True, kept=True)


async def reprocess_files(
    config: Config, files: Iterable[Path], *, dry_run: bool, on_article: Callable[[int], None]
) -> tuple[Outcome, list[Article]]:
    """Read the pages of WARC files; store those on the topic, and return them. Raises UsageError for a file that is none, StoreError."""
    settings, _ = crawl_settings(config)
    by_host = {
        host_key(url): source for source in config.sources for url in (source.url, *(d.url for d in source.discover))
    }
    outcome, found = Outcome(), list[Article]()
    with ReadingPool(settings) as pool:
        for page in _pages(files):
            outcome.looked_at += 1
            on_article(outcome.looked_at)
            source = by_host.get(host_key(page.url))
            if source is None:
                outcome.other_outlets += 1
                continue
            request = ReadRequest(
                source, Entry(url=page.url), (page,), page.fetched_at or datetime.now(UTC), incomplete=True
            )
            try:
                result = await pool.read(request)
            except (FetchError, TimeoutError) as error:
                outcome.problems.append((page.url, str(error)))
                continue
            if isinstance(result, Article):
                found.append(result)
            elif isinstance(result, MorePages) or result.kind != "off_topic":
                outcome.problems.append(
                    (page.url, "pages are missing" if isinstance(result, MorePages) else result.detail)
                )
            else:
                outcome.off_topic += 1
    outcome.kept = len(found)
    if not dry_run and found:
        with Store(config.settings.database) as store:
            store.sync_sources(config.sources)
            for start in range(0, len(found), _TOGETHER):
                store.add_articles(found[start : start + _TOGETHER], datetime.now(UTC))
    return outcome, found


def _pages(files: Iterable[Path]) -> Iterator[Page]:
    for file in files:
        try:
            with file.open("rb") as stream:
                check_warc(stream)
                yield from pages_in(stream)
        except (ArchiveLoadFailed, EOFError, gzip.BadGzipFile) as error:
            raise UsageError(f"--warc: {file} is no WARC file: {error}") from error
        except OSError as error:
            raise UsageError(f"--warc: {file} cannot be read: {error.strerror or error}") from error
