"""`pantau sources add`, and what `check` proposes: find how a site is read, try it, show five articles, add the entry.

The file is changed only where the whole of it is valid after. Tests: tests/crawler/test_adding.py, tests/test_sources_cli.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crawler import editing
from crawler.config import Config, load_config
from crawler.crew import Crew
from crawler.discovery.autodiscover import id_of, root_of
from crawler.errors import UsageError
from crawler.identity import entry_key, host_key, split
from crawler.items import Article, Discover, Found, Memory, PollReport, PollTask, Source
from crawler.trying import article_columns, trying_crew

SHOWN_ARTICLES = 5


@dataclass(frozen=True, slots=True)
class Addition:
    """What came of adding a site. `entry` None: no way works. `tried`: (address, what was wrong) of what does not work."""

    entry: dict[str, Any] | None
    articles: tuple[Article, ...] = ()
    tried: tuple[tuple[str, str], ...] = ()

    def record(self) -> dict[str, Any]:
        """Return it as plain values, the articles with the columns of the feed that a page determines."""
        return {
            "entry": self.entry,
            "articles": [article_columns(article) for article in self.articles],
            "tried": [{"url": url, "problem": problem} for url, problem in self.tried],
        }


def add_source(path: Path, address: str, region: str | None = None, *, write: bool = True) -> Addition:
    """Find out how the site at an address is read, and append it to the file; what is not there yet is made.

    `region` goes into the entry as it is. Raises UsageError for an address that is none or in the file already, ConfigError
    where the file has mistakes, WorkerError.
    """
    url = _address(address)
    text = editing.read_text(path)
    config = _config(path, text, url)
    for source in config.sources:
        if entry_key(source.url) == entry_key(url):
            raise UsageError(f"{url} is in {path} already, as {source.id}")
    addition = asyncio.run(_tried(config, url, region))
    if addition.entry is None:
        return addition
    ((_, way),) = addition.entry["discover"][0].items()
    had = next((source.id for source in config.sources if way in [known.url for known in source.discover]), None)
    if had:
        raise UsageError(f"{way} is in {path} already, as {had}")
    text = editing.appended(text, [addition.entry])
    editing.checked(path, text)
    if write:
        editing.replace_file(path, text)
    return addition


def _address(text: str) -> str:
    url = text.strip() if "://" in text else f"https://{text.strip()}"
    parts = split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable():
        raise UsageError(f"URL: found {text!r}; allowed: an address such as https://host")
    return url


def _config(path: Path, text: str, url: str) -> Config:
    """Return the configuration that holds for trying the site; a file without sources is judged with one in it."""
    if editing.lists_sources(text):
        return load_config(path)
    placeholder = {"id": id_of(url, ()), "name": url, "url": url, "discover": [{"page": url}]}
    return replace(editing.checked(path, editing.appended(text, [placeholder])), sources=())


async def _tried(config: Config, url: str, region: str | None) -> Addition:
    known = [source.id for source in config.sources]
    probe = Source(id_of(url, known), "", url, timezone=config.settings.timezone)
    async with trying_crew(replace(config, sources=(*config.sources, probe))) as crew:
        report = await crew.poll(PollTask(probe, Memory(), find=True))
        found = report.found_site or Found(url)
        tried = _problems(report)
        for way in found.ways:
            trial = replace(probe, url=found.url, discover=(way,))
            polled = await crew.poll(PollTask(trial, Memory(), limit=SHOWN_ARTICLES))
            if polled.articles:
                return Addition(_entry(config, found, way, region), polled.articles, tuple(tried))
            tried += _problems(polled) or [(way.url, "none of its articles can be read")]
    return Addition(None, (), tuple(tried))


def _entry(config: Config, found: Found, way: Discover, region: str | None) -> dict[str, Any]:
    home = found.url if way.url != found.url or way.kind == "page" else root_of(found.url)
    entry: dict[str, Any] = {
        "id": id_of(found.url, [source.id for source in config.sources]),
        "name": found.name or host_key(found.url).rpartition(":")[0].removeprefix("www."),
        "url": home.rstrip("/") if home.count("/") == 3 else home,
    }
    if region:
        entry["region"] = region
    return {**entry, "discover": [{way.kind: way.url}]}


def _problems(report: PollReport) -> list[tuple[str, str]]:
    return [(error.url, f"{error.kind}: {error.message}") for error in report.errors]


def propose(config: Config, sources: Sequence[Source]) -> dict[str, Discover]:
    """Return by source id a way of discovery that lists something, for sources whose own ways do not work. Raises WorkerError."""

    async def found(crew: Crew, source: Source) -> PollReport:
        return await crew.poll(PollTask(source, Memory(), find=True))

    async def all_found() -> list[PollReport]:
        async with trying_crew(config) as crew:
            return list(await asyncio.gather(*(found(crew, source) for source in sources)))

    proposals: dict[str, Discover] = {}
    for source, report in zip(sources, asyncio.run(all_found()) if sources else (), strict=True):
        had = {way.url for way in source.discover}
        for way in report.found_site.ways if report.found_site else ():
            if way.url not in had:
                proposals.setdefault(source.id, way)
    return proposals
