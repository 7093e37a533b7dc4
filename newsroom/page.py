"""One page of one article while it is written: what a family's template asks, and a ledger of the clutter it prints.

A template passes every line that is not the article's through `Page.c`, so that the truth knows it. Pure but for that
ledger. Its test is tests/newsroom/test_pages.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from random import Random
from typing import Any

from newsroom import articles, times
from newsroom.model import Article, Block

Link = tuple[str, str]  # title, address
SHORT = 9  # clutter under so many characters ("Politik", "Home") may also occur inside a body and is not recorded


@dataclass
class Page:
    """What a template needs of the page it makes. `number` counts from 1 to `total`; times are the outlet's local."""

    site_id: str
    site_name: str
    base: str
    zone: str
    article: Article
    number: int
    total: int
    path: str  # of the article's first page
    page_path: Callable[[int], str]
    published: datetime
    modified: datetime | None
    own_links: Sequence[Link]  # the outlet's other articles, newest first
    twin: bool = False
    clutter: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = Random(f"{self.site_id}/{self.article.slug}")  # the same on every page of the article
        pool = [h for h in articles.lines("headlines") if h != self.article.title]
        self._pool = self.rng.sample(pool, len(pool))

    # text

    def c(self, text: str) -> str:
        """Return text escaped, and remember it as clutter."""
        if len(text) >= SHORT:
            self.clutter.append(text)
        return escape(text, quote=False)

    def mark(self, text: str) -> str:
        """Return text escaped, and remember it as clutter however short it is: sign-offs and the like."""
        self.clutter.append(text)
        return escape(text, quote=False)

    def fill(self, text: str) -> str:
        return times.fill(text, self.published)

    @property
    def title(self) -> str:
        return self.fill(self.article.title)

    @property
    def url(self) -> str:
        return self.base + self.path

    @property
    def zone_letters(self) -> str:
        return times.letters(self.zone)

    @property
    def clock(self) -> str:
        return f"{self.published:%H:%M}"

    @property
    def image(self) -> str | None:
        return f"{self.base}/img/{self.article.number}-{self.article.slug[:40]}.jpg" if self.article.caption else None

    @property
    def lead(self) -> str:
        """The first paragraph as plain text: what descriptions and feeds say."""
        return self.fill(next(b.text for b in self.article.blocks if b.kind == "p"))

    def blocks(self, dateline: str = "") -> list[Block]:
        """Return this page's blocks, placeholders filled; dateline goes before the article's first paragraph."""
        pages = split_pages(self.article.blocks)
        out = [Block(b.kind, self.fill(b.text)) for b in pages[self.number - 1]]
        if self.number == 1 and dateline:
            first = next(i for i, b in enumerate(out) if b.kind == "p")
            out[first] = Block("p", dateline + out[first].text)
        return out

    # links

    def related(self, count: int) -> list[Link]:
        """Return inline related links: those the article names, then headlines of the pool. Not recorded; use `c`."""
        titles = list(self.article.related if self.article.related is not None else ())
        titles += [h for h in self._pool[: count * 3] if h not in titles]
        return [(t, f"{self.base}/baca/{hash_of(t) % 10**6}") for t in titles[:count]]

    def side(self, count: int, offset: int = 0) -> list[Link]:
        """Return links for side lists: the outlet's own articles and headlines of the pool in turn, different
        by offset.
        """
        own = [link for link in self.own_links if link[1] != self.url]
        Random(f"{self.site_id}{self.article.slug}{offset}").shuffle(own)
        start = (12 + offset * 7) % len(self._pool)
        pool = [(t, f"{self.base}/baca/{hash_of(t) % 10**6}") for t in self._pool[start:] + self._pool[:start]]
        mixed = [link for pair in zip(own, pool, strict=False) for link in pair]
        return (mixed + own[len(pool) :] + pool[len(own) :])[:count]

    def cards(self, links: Iterable[Link], item: str) -> str:
        """Return links by a template with {title}, {href}, {img}, {n}; every title is recorded as clutter."""
        return "\n".join(
            item.format(title=self.c(t), href=escape(h), img=f"{self.base}/img/thumb-{hash_of(t) % 9999}.jpg", n=i)
            for i, (t, h) in enumerate(links, 1)
        )

    def comments(self, count: int) -> list[tuple[str, str]]:
        """Return (name, text) of readers' comments; the texts are recorded and escaped."""
        lines = list(articles.lines("comments"))
        chosen = Random(f"komentar{self.article.slug}").sample(lines, count)
        return [(name, self.c(text)) for name, _, text in (line.partition(": ") for line in chosen)]


def hash_of(text: str) -> int:
    """Return a number that is the same in every process, unlike hash()."""
    value = 5381
    for letter in text:
        value = (value * 33 ^ ord(letter)) & 0x7FFFFFFF
    return value


def split_pages(blocks: Sequence[Block]) -> list[list[Block]]:
    """Return an article's blocks by page."""
    pages: list[list[Block]] = [[]]
    for block in blocks:
        if block.kind == "break":
            pages.append([])
        else:
            pages[-1].append(block)
    return pages


def ld(value: dict[str, Any]) -> str:
    """Return a JSON-LD script element, with `</` made safe."""
    text = json.dumps({"@context": "https://schema.org", **value}, ensure_ascii=False, indent=1).replace("</", "<\\/")
    return f'<script type="application/ld+json">{text}</script>\n'


def meta(**properties: str | None) -> str:
    """Return meta elements; og__title becomes property="og:title", anything without __ a name. None is left out."""
    out = []
    for name, value in properties.items():
        if value is not None:
            kind = "property" if "__" in name else "name"
            out.append(f'<meta {kind}="{name.replace("__", ":")}" content="{escape(value)}">\n')
    return "".join(out)
