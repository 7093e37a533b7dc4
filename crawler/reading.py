"""The article step in processes of its own, so that no page can hold up the crawl: a time limit for each, killed past it.

The step is named by settings (`ARTICLE_READER`, `ARTICLE_READER_SETUP`), not imported. Tests: tests/crawler/test_reading.py.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from pebble import ProcessExpired, ProcessPool

from crawler.confine import confine_cpu, confine_memory
from crawler.errors import FetchError
from crawler.items import Article, CrawlSettings, MorePages, ReadRequest, Rejection
from crawler.settings import ARTICLE_READER, ARTICLE_READER_SETUP, LIMITS

READER_NICENESS = 5  # a quarter of the crawl's share where both want a core


def load(path: str) -> Callable[..., Any]:
    """Return the function that "package.module.name" names."""
    module, _, name = path.rpartition(".")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def pool_size() -> int:
    """Return how many processes read articles: one a core that we may use, as far as LIMITS.max_readers.

    They yield to the crawl and the daemon (READER_NICENESS), so no core need be left free for these.
    """
    # From Python 3.13 on: the cores that this process may use, or what PYTHON_CPU_COUNT says; before: all.
    cores: int | None = getattr(os, "process_cpu_count", os.cpu_count)()
    return min(int(LIMITS.max_readers), cores or 1)


class ReadingPool:
    """Reads articles in other processes, which start at once; use as a context manager. `read` is a poll's Reader."""

    def __init__(self, settings: CrawlSettings) -> None:
        self._settings = settings
        self._pool = ProcessPool(
            max_workers=pool_size(),
            initializer=_start,
            initargs=(ARTICLE_READER_SETUP, settings),
            context=multiprocessing.get_context("spawn"),  # a fork would copy the reactor
            max_tasks=int(LIMITS.max_reader_pages),
        )
        _ = self._pool.active  # asking is what starts the processes; by themselves they would wait for the first page

    async def read(self, request: ReadRequest) -> Article | Rejection | MorePages:
        """Return what the article step says.

        Raises TimeoutError where it took longer than LIMITS.clean_timeout_s, more memory than LIMITS.max_space_mib or died
        of it, FetchError `failed` where the step has a bug that this page meets.
        """
        future = self._pool.schedule(_read, args=[ARTICLE_READER, request], timeout=float(LIMITS.clean_timeout_s))
        try:
            result: Article | Rejection | MorePages | str = await asyncio.wrap_future(future)
        except ProcessExpired as error:
            raise TimeoutError(f"the reading process ended: {error}") from error
        if isinstance(result, str):
            raise FetchError("failed", request.entry.url, f"the article step failed: {result}", retry=True)
        return result

    def __enter__(self) -> ReadingPool:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()


def _start(set_up: str, settings: CrawlSettings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    # The pool asks with SIGTERM and waits three seconds; a handler of Python's would not run inside a regular expression.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(READER_NICENESS)
    confine_memory()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    load(set_up)(settings)


def _end_with_parent() -> None:
    """End this process as soon as the crawl process is gone: killed, it cannot take us along."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _read(reader: str, request: ReadRequest) -> Article | Rejection | MorePages | str:
    """Return what the article step says, or in words how it failed (an error need not survive the way between processes)."""
    # Should the crawl process be unable to end a page in time, the system does: in CPU, from here on.
    confine_cpu(LIMITS.clean_timeout_s)
    try:
        result: Article | Rejection | MorePages = load(reader)(request)
    except MemoryError as error:
        raise TimeoutError(f"needs more than {int(LIMITS.max_space_mib)} MiB") from error
    except Exception as error:  # noqa: BLE001  the boundary "per page": a page that breaks the step must not stop the others
        return f"{type(error).__name__}: {error}"[:500]
    return result
