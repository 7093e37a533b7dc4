"""Everything that reads foreign bytes, fed with anything: no exception but those documented, no file opened, little time.

The readers stand in READERS; tests/faults/corpus/ has a seed of every form they read. `fuzz_atheris.py` steers the same readers
by coverage, where atheris is installed.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.discovery import read_listing
from crawler.errors import DiscoveryError
from crawler.identity import canonical_url, entry_key, host_key, redacted, without_login
from crawler.items import (
    Article,
    CrawlSettings,
    Discover,
    Entry,
    MorePages,
    Page,
    PollReport,
    ReadRequest,
    Rejection,
    Source,
    from_json,
)
from crawler.politeness import read_robots, retry_after_s
from pipelines import article as step
from pipelines.charset import decode_page
from pipelines.tanggal import parse_tanggal
from tests.faults.test_xml import CORPUS, mutated

NOW = datetime(2024, 11, 13, 1, 4, tzinfo=UTC)
URL = "https://o.id/berita/1"
SOURCE = Source("o", "O", "https://o.id")


def listing(kind: Any) -> Callable[[bytes], object]:
    def read(body: bytes) -> object:
        try:
            return read_listing(Discover(kind, URL), body, URL, "", "Asia/Jakarta")
        except DiscoveryError as error:
            return error

    return read


def page(body: bytes) -> object:
    step.set_up(CrawlSettings(keep="all", topic="ASN"))
    found = step.read_article(ReadRequest(SOURCE, Entry(URL), (Page(URL, body, "text/html"),), NOW, incomplete=True))
    assert isinstance(found, Article | Rejection | MorePages)
    return found


def worker_line(body: bytes) -> object:
    try:
        return from_json(PollReport, json.loads(body))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:  # as crawler.crew expects
        return error


def addresses(body: bytes) -> object:
    text = decode_page(body)
    return canonical_url(text), entry_key(text), host_key(text), redacted(text), without_login(text)


def robots(body: bytes) -> object:
    found = read_robots(200, body, "", 0.0)
    return found.allows(URL), found.crawl_delay_s


READERS: dict[str, Callable[[bytes], object]] = {
    **{kind: listing(kind) for kind in ("feed", "sitemap", "wordpress", "blogger", "page")},
    "article": page,
    "robots": robots,
    "charset": decode_page,
    "dates": lambda body: parse_tanggal(decode_page(body)[:300], "Asia/Jakarta"),
    "retry-after": lambda body: retry_after_s(decode_page(body)[:300], NOW),
    "addresses": addresses,
    "worker lines": worker_line,
}
SEEDS = [path.read_bytes() for path in sorted(CORPUS.iterdir()) if path.suffix in (".xml", ".json", ".html", ".txt")]


def test_every_seed_is_read_by_every_reader() -> None:
    for name, read in READERS.items():
        for seed in SEEDS:
            repr(read(seed)).encode("utf-8", "strict" if name not in ("worker lines",) else "replace")


@pytest.mark.parametrize("name", READERS)
@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=40, deadline=None)
def test_no_bytes_raise(name: str, body: bytes) -> None:
    READERS[name](body)


def fuzz(name: str, count: int) -> None:
    rng = random.Random(name)
    slowest = 0.0
    for _ in range(count):
        body = mutated(rng.choice(SEEDS), rng)
        started = time.process_time()
        READERS[name](body)
        slowest = max(slowest, time.process_time() - started)
    print(f"{name}: {count} mutations, the slowest {slowest * 1000:.0f} ms")
    assert slowest < 2


@pytest.mark.parametrize("name", READERS)
def test_no_mutation_of_a_seed_raises(name: str) -> None:
    fuzz(name, 100)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_no_mutation_of_a_seed_raises_in_ten_thousand(name: str) -> None:
    fuzz(name, 10_000)
