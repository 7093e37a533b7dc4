"""The newsroom's words: what an outlet is, what an article is made of, and the truth that a crawl of it must find.

Imports nothing of the newsroom. Its test is tests/newsroom/test_articles.py.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Outlet:
    """A replica outlet as it listens. `discover` is in the form of sources.yaml; `also` holds further ways that
    work too.
    """

    id: str
    name: str
    base_url: str
    kind: str  # the CMS family: disway, idn, rmol, blogger, wordpress, tribun, antara, jnews
    region: str  # name of its home province, as sources.yaml may have it
    timezone: str
    discover: tuple[dict[str, Any], ...]
    also: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Truth:
    """What is so about one article. Times are aware UTC, exact to the minute.

    `body` is the paragraphs (and the headings between them, which `headings` repeats) of all pages, parted by one blank
    line, with the dateline and without sign-off. `clutter` holds lines of its pages that belong in no body: side lists,
    captions, related links, share bars, comments, credits, summary boxes. None of them occurs in `body`.
    `copy_of` names a press release that several outlets print; `event` an event that several tell, copies or not.
    `also_at` are other addresses of the same outlet with the same text and a canonical link of their own.
    """

    url: str
    canonical: str
    outlet: str
    title: str
    author: str | None
    published_at: datetime
    modified_at: datetime | None
    image: str | None
    body: str
    headings: tuple[str, ...]
    pages: int
    on_topic: bool
    near_miss: bool  # off topic, but with words of the topic
    category: str | None  # of the feed's words; None when off topic
    regency_code: str | None
    province_code: str | None
    copy_of: str | None
    event: str | None
    clutter: tuple[str, ...]
    also_at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a body. `break` starts the article's next page; `caption` is a photograph with its caption
    (clutter).
    """

    kind: Literal["p", "h", "caption", "break"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """An article as its newsroom wrote it; texts may hold the placeholders of `newsroom.times.fill`.

    `age_min` is minutes before now of its publication, `modified_min` of its last edit (None: never). `published_at`
    overrides age_min. `sign` is the desk's initials at the end, `related` the inline related links (None: chosen),
    `quirk` a family's special form: `inline-br` puts a related link into the last line of a reporting paragraph.
    """

    slug: str
    outlet: str
    title: str
    blocks: tuple[Block, ...]
    author: str | None = None
    editor: str | None = None
    sign: str | None = None
    rubric: str = "Daerah"
    on_topic: bool = False
    near_miss: bool = False
    category: str | None = None
    place: str | None = None  # Kemendagri code of a province or regency
    dateline: str | None = None
    age_min: int = 0
    modified_min: int | None = None
    published_at: datetime | None = None
    modified_at: datetime | None = None
    copy_of: str | None = None
    event: str | None = None
    tags: tuple[str, ...] = ()
    caption: str | None = None
    related: tuple[str, ...] | None = None
    summary: tuple[str, ...] = ()
    twin: bool = False
    quirk: str = ""

    @classmethod
    def of(cls, outlet: str, title: str, paragraphs: list[str], **fields: Any) -> Article:
        """Return an article made of plain paragraphs, for tests that publish one."""
        return cls(slugify(title), outlet, title, tuple(Block("p", p) for p in paragraphs), **fields)

    @property
    def number(self) -> int:
        """A stable number for addresses, the same in every run."""
        value = 7
        for letter in self.outlet + self.slug:
            value = (value * 31 + ord(letter)) % 899_981
        return 100_000 + value


def slugify(title: str) -> str:
    """Return the title as outlets put it into addresses: ASCII letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
