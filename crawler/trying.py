"""Trying things out without storing or sending: what a page would become, whether a source works.

The article step is named by settings, as in a crawl. Tests: tests/crawler/test_trying.py.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crawler.config import Config
from crawler.crew import Crew, crawl_settings
from crawler.identity import host_key, redacted
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
    Source,
    to_json,
)
from crawler.logs import hider
from crawler.reading import load
from crawler.settings import ARTICLE_READER, ARTICLE_READER_SETUP, LIMITS

_CHECKED_ARTICLES = 3
_LINK = re.compile(r"<(?:link|meta)\b[^>]{0,1000}>", re.I)
_ATTRIBUTE = re.compile(r"""([a-z:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))""", re.I)
_PAGE_COLUMNS = (
    *("url", "title", "author", "body", "image", "published_at", "modified_at", "date_precision"),
    *("category", "province_code", "province", "regency_code", "regency"),
)
_UNREAD: dict[str, Any] = dict.fromkeys(_PAGE_COLUMNS)


def extract_all(
    inputs: Sequence[str], url: str | None, config: Config, *, explain: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield for each input what would be stored of it: `input`, the feed's columns that a page determines, `matches`, `rules`.

    With `explain` also `cut` (the lines that were removed, each after the rule that did), `date_evidence` and `body_status`.
    One that cannot be read has an `error` and null columns. Addresses are fetched as in a crawl: robots.txt, pacing, the guard.
    """
    settings = replace(crawl_settings(config)[0], keep="all")
    load(ARTICLE_READER_SETUP)(settings)
    for name in inputs:
        by_address = re.match(r"https?://", name)
        result = _extract_address(name, config) if by_address else _extract_file(name, url, config)
        record = {"input": name, **_record(result)}
        if explain and isinstance(result, Article):
            record |= {
                "cut": list(result.cut),
                "date_evidence": result.date_evidence,
                "body_status": result.body_status,
            }
        yield record


def _extract_file(name: str, url: str | None, config: Config) -> Article | Rejection:
    try:
        body = Path(name).read_bytes()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        return Rejection("cannot be read", str(getattr(error, "strerror", None) or error))
    address = url or _own_address(body) or Path(name).absolute().as_uri()
    source = _source_for(address, config)
    now = datetime.now(UTC)
    request = ReadRequest(
        source, Entry(url=address), (Page(address, body, "", now),), now, incomplete=True, by_hand=True
    )
    result: Article | Rejection = load(ARTICLE_READER)(request)
    return result


def _extract_address(address: str, config: Config) -> Article | Rejection:
    source = replace(_source_for(address, config), discover=(), urls=(address,))
    report = asyncio.run(_polled(replace(config, sources=(source,)), [PollTask(source, Memory())]))[0]
    if report.articles:
        return report.articles[0]
    first = report.errors[0] if report.errors else None
    return Rejection(first.kind, first.message) if first else Rejection(report.outcome)


def check_sources(config: Config, sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Try each way of discovery of each source, reading the newest three articles; return one record each.

    `works`: it lists something, and at least one of the articles tried can be read. Raises WorkerError.
    """
    single = [
        replace(source, id=f"{source.id}-{place}", discover=(discover,))
        for source in sources
        for place, discover in enumerate(source.discover)
    ]
    tasks = [PollTask(source, Memory(), limit=_CHECKED_ARTICLES) for source in single]
    reports = asyncio.run(_polled(config, tasks))
    hide = hider(config.secrets())
    origins = [(source, discover) for source in sources for discover in source.discover]
    return [
        _checked(source.id, discover.kind, hide(redacted(discover.url)), report)
        for (source, discover), report in zip(origins, reports, strict=True)
    ]


async def _polled(config: Config, tasks: Sequence[PollTask]) -> list[PollReport]:
    async with trying_crew(config) as crew:
        return list(await asyncio.gather(*(crew.poll(task) for task in tasks)))


def trying_crew(config: Config) -> Crew:
    """Return a crew that keeps every article, whatever it is about."""
    settings, rules = crawl_settings(config)
    keep_all: CrawlSettings = replace(settings, keep="all", search_words=())
    return Crew(keep_all, rules, workers=config.settings.workers)


def _checked(source: str, kind: str, url: str, report: PollReport) -> dict[str, Any]:
    problems = [f"{error.kind}: {error.message}" for error in report.errors]
    if not report.found and not problems:
        problems = ["it lists no article"]
    newest = max((article.published_at for article in report.articles if article.published_at), default=None)
    return {
        "source": source,
        "discover": kind,
        "url": url,
        "works": bool(report.articles),
        "found": report.found,
        "readable": len(report.articles),
        "newest": newest.isoformat() if newest else None,
        "titles": [article.title for article in report.articles],
        "problem": "; ".join(problems[:3]) or None,
    }


def _record(result: Article | Rejection) -> dict[str, Any]:
    """Return an article as `extract` prints it. `matches` is empty where it is not on the topic."""
    if isinstance(result, Rejection):
        why = f"{result.kind}: {result.detail}" if result.detail else result.kind
        return {**_UNREAD, "rules": [], "matches": [], "error": why}
    row = article_columns(result)
    if not result.topic:
        row["rules"], row["matches"] = [], []
    return row


def article_columns(article: Article) -> dict[str, Any]:
    """Return the columns of `feed` that an article's pages determine, JSON columns as lists."""
    plain = to_json(article)
    found = {name: plain.get(name) for name in (*_PAGE_COLUMNS, "content_sha256")}
    for name in ("published_at", "modified_at"):
        at = getattr(article, name)
        found[name] = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
    region_name = load("pipelines.wilayah.region_name")
    for name in ("province", "regency"):
        code = found[f"{name}_code"]
        found[name] = region_name(code) if code else None
    evidence = [("topic", match) for match in article.topic]
    evidence += [(rule, match) for rule, matches in article.rules.items() for match in matches]
    found["flags"] = list(article.flags)
    found["rules"] = list(article.rules)
    found["matches"] = [{"rule": rule, **to_json(match)} for rule, match in evidence]
    return found


def _source_for(address: str, config: Config) -> Source:
    """Return the source of this host, for its hints and time zone, or one that knows nothing."""
    host = _site(address)
    for source in config.sources:
        if host and _site(source.url) == host:
            return source
    return Source(id="extract", name="", url=address, timezone=config.settings.timezone)


def _site(address: str) -> str:
    """Return the host without "www." and the web's own ports: http and https are one site."""
    return host_key(address).removeprefix("www.").removesuffix(":443").removesuffix(":80")


def _own_address(body: bytes) -> str | None:
    """Return what a page says its own address is: its canonical link, else og:url."""
    found: dict[str, str] = {}
    for tag in _LINK.findall(body[: int(LIMITS.max_page_bytes)].decode("utf-8", "replace")):
        values = {name.lower(): double or single or bare for name, double, single, bare in _ATTRIBUTE.findall(tag)}
        kind = (values.get("rel") or values.get("property") or "").lower()
        address = values.get("href") or values.get("content") or ""
        if kind in ("canonical", "og:url") and re.match(r"https?://[^/]+/.", address):
            found.setdefault(kind, address)
    return found.get("canonical") or found.get("og:url")
