"""The shared words: what flows between the rooms, as frozen dataclasses and nothing else.

Left to right: a `Source` (one line of sources.yaml) and its `Memory` go into a poll; discovery gives `Entry`s; a fetched
`Page` becomes an `Article` (or a `Rejection` that names what it is); a poll ends in one `PollReport`. All times are aware
UTC. `to_json` and `from_json` carry them between processes as JSON lines. This module imports nothing of ours.
Its test is tests/crawler/test_items.py.
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, TypeVar

from crawler.ledger import Known, Ledger

DiscoveryKind = Literal["feed", "sitemap", "wordpress", "blogger", "page"]
DatePrecision = Literal["minute", "day"]
Category = Literal["imbauan", "dugaan", "proses", "sanksi", "regulasi", "data", "lain"]
CATEGORIES: tuple[Category, ...] = typing.get_args(Category)

# What a poll can come to; the fixed vocabulary of the logs (STYLE: ok, not_modified, empty, refused, failed) and `killed`
# for a poll whose worker died under it.
Outcome = Literal["ok", "not_modified", "empty", "refused", "failed", "killed"]


@dataclass(frozen=True, slots=True)
class Discover:
    """One way to find a source's articles. The last three belong to `page` alone."""

    kind: DiscoveryKind
    url: str
    links: str | None = None  # CSS of article links; None: links that look like articles
    next: str | None = None  # CSS of the link to the next listing page
    max_pages: int = 1


@dataclass(frozen=True, slots=True)
class ArticleHints:
    """What a source says about its article pages; all CSS, all optional."""

    body: str | None = None
    remove: tuple[str, ...] = ()
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A line of sources.yaml. `region` is a Kemendagri code ("16", "16.71"); `every_s` None: the interval adapts."""

    id: str
    name: str
    url: str
    discover: tuple[Discover, ...] = ()
    region: str | None = None
    every_s: float | None = None
    timezone: str = "Asia/Jakarta"
    article: ArticleHints = ArticleHints()
    urls: tuple[str, ...] = ()  # articles asked for by address, without discovery (`pantau extract URL`)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a listing says of one article. Everything but the address may be unknown; `published_at` is aware UTC."""

    url: str
    title: str | None = None
    published_at: datetime | None = None
    modified_at: datetime | None = None
    guid: str | None = None
    summary: str | None = None  # plain text
    body_html: str | None = None  # the whole body where the listing carries it (content:encoded, content.rendered)
    author: str | None = None
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Validator:
    """What makes the next fetch of a listing conditional, and when it was last fetched in full.

    `entries` and `more` are what it named then, so that an unchanged sitemap index still leads to its children.
    """

    etag: str | None = None
    last_modified: str | None = None
    sha256: str | None = None
    full_at: datetime | None = None
    entries: int = 0
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """An entry whose page could not be had yet; tried again at `not_before`, given up after a few attempts."""

    entry: Entry
    attempts: int
    not_before: datetime
    error: str


@dataclass(frozen=True, slots=True)
class Memory:
    """All that a source remembers between polls; opaque to the store, which saves it with the poll's articles.

    `rules` is the digest of the topic under which `known` was decided: under another one, what was off topic is new again.
    `not_before`: the host asked (Retry-After) not to be called earlier.
    """

    validators: dict[str, Validator] = field(default_factory=dict)
    known: Mapping[str, Known] = field(default_factory=Ledger)
    pending: dict[str, Pending] = field(default_factory=dict)
    rules: str = ""
    not_before: datetime | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.known, Ledger):
            object.__setattr__(self, "known", Ledger(self.known))

    def may_know(self, key: str) -> bool:
        """Return whether an entry's key may be known or pending, without reading all that is known."""
        assert isinstance(self.known, Ledger)
        return key in self.pending or self.known.mentions(key)


@dataclass(frozen=True, slots=True)
class Page:
    """One fetched page of an article, as it came. `url` is where it was found after redirects."""

    url: str
    body: bytes
    content_type: str = ""
    fetched_at: datetime | None = None
    etag: str | None = None
    last_modified: str | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)  # kept where responses are archived


@dataclass(frozen=True, slots=True)
class Response:
    """The answer behind a kept article, for the archive. `body`: its decompressed bytes, gzipped and in base64."""

    url: str
    status: int
    headers: dict[str, str]
    fetched_at: datetime
    body: str

    def content(self) -> bytes:
        """Return the body's bytes."""
        return gzip.decompress(base64.b64decode(self.body))


def response_of(page: Page) -> Response:
    """Return a fetched page as the archive keeps it."""
    body = base64.b64encode(gzip.compress(page.body, 6)).decode()
    return Response(page.url, page.status, page.headers, page.fetched_at or datetime.now(UTC), body)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What the article step reads: an entry and the pages fetched for it (none where the listing brought the whole body).

    `incomplete`: a further page of the article could not be had. `cheap`: reading it whole cost too much, so only the title counts.
    `by_hand`: a person asked for this very page, so it is read whatever it looks like, as long as it has a text. `kept`: it
    is stored already, so it is read whatever it is about now.
    """

    source: Source
    entry: Entry
    pages: tuple[Page, ...]
    now: datetime
    incomplete: bool = False
    cheap: bool = False
    by_hand: bool = False
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Recheck:
    """A kept article to look at again."""

    url: str  # canonical
    fetched_url: str
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What a recheck came to: there (`same`, or `read` and among the report's articles), `gone` (404, 410), or `failed`."""

    url: str
    outcome: Literal["same", "read", "gone", "failed"]


@dataclass(frozen=True, slots=True)
class PollTask:
    """One poll to do: a source, what it remembers, which articles to look at again.

    `since` leaves out what is older, `limit` takes the newest so many.
    """

    source: Source
    memory: Memory
    since: datetime | None = None
    limit: int = 500
    rechecks: tuple[Recheck, ...] = ()
    find: bool = False  # no poll: find out how the site at the source's address is read (crawler.finding)


@dataclass(frozen=True, slots=True)
class Found:
    """How a site can be read: where it answered, its own name, the ways that list something, the best first."""

    url: str
    name: str | None = None
    ways: tuple[Discover, ...] = ()


@dataclass(frozen=True, slots=True)
class CrawlSettings:
    """What a crawl process is told once. `topic` and `rules` are match expressions; `search_words`: one of them is in every hit."""

    contact: str = ""
    delay_s: float = 1.0
    allow_private_networks: bool = False
    keep: Literal["matching", "all"] = "matching"
    topic: Any = None
    rules: dict[str, Any] = field(default_factory=dict)
    search_words: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()  # host:port beside 80 and 443 that sources.yaml names
    archive: bool = False  # kept articles carry the responses behind them
    secrets: tuple[str, ...] = ()  # what stands in addresses and must not be in logs and errors


@dataclass(frozen=True, slots=True)
class Match:
    """One piece of evidence: `text` is field[start:end] (character offsets) and `term` the term of the expression it hit."""

    term: str
    text: str
    start: int
    end: int
    field: Literal["title", "body"]


@dataclass(frozen=True, slots=True)
class Traits:
    """By what an article's event is recognised in other words. Hashes have 32 bits; `days` are ISO dates, in local time."""

    names: tuple[str, ...] = ()
    quotes: tuple[int, ...] = ()
    days: tuple[str, ...] = ()
    words: tuple[int, ...] = ()
    title: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Article:
    """An article as it would be stored: every column of the feed that its pages determine, and the label step's findings."""

    source: str
    url: str  # canonical
    fetched_url: str
    title: str
    body: str  # paragraphs parted by one blank line
    author: str | None = None
    image: str | None = None
    published_at: datetime | None = None
    modified_at: datetime | None = None
    date_precision: DatePrecision | None = None
    date_evidence: str | None = None  # where the time was read, and the text that was
    fetched_at: datetime | None = None
    content_sha256: str = ""
    topic: tuple[Match, ...] = ()
    rules: dict[str, tuple[Match, ...]] = field(default_factory=dict)
    category: Category | None = None
    province_code: str | None = None
    regency_code: str | None = None
    flags: tuple[str, ...] = ()
    traits: Traits = Traits()
    signature: str = ""  # MinHash of the body, for near copies; empty where the body is too short to tell
    body_status: Literal["whole", "incomplete", "too_costly", "too_long"] = "whole"
    from_listing: bool = False  # the listing carried the body: its page was never read
    etag: str | None = None  # of its page, where it has only one
    last_modified: str | None = None
    responses: tuple[Response, ...] = ()  # of its pages, where they are archived
    cut: tuple[str, ...] = ()  # the clutter lines that were removed, for `explain` and the demo


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a page is not kept: `off_topic`, `old`, or what it is instead of an article (`not_an_article: soft_404`)."""

    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class MorePages:
    """The article goes on at `urls`; fetch those not fetched yet and read again with all its pages."""

    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PollError:
    """One thing that went wrong in a poll. `kind` is one word of a fixed set, `message` says what, the limit and the value."""

    url: str
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Hub:
    """Who tells of changes of a feed (WebSub): the hub's address, and the topic to name to it. Both empty: nobody."""

    url: str = ""
    topic: str = ""


@dataclass(frozen=True, slots=True)
class PollReport:
    """What one poll of one source came to. The store records it whole or not at all."""

    source: str
    outcome: Outcome
    started_at: datetime
    finished_at: datetime
    found: int = 0  # entries listed
    new: int = 0  # of them not known before
    off_topic: int = 0
    articles: tuple[Article, ...] = ()
    rechecked: tuple[Rechecked, ...] = ()
    errors: tuple[PollError, ...] = ()
    memory: Memory | None = None  # None: as it was
    requests: int = 0
    downloaded_bytes: int = 0
    truncated: bool = False  # more was listed than a poll takes
    arrivals: tuple[datetime, ...] = ()  # when the new entries were published; of undated ones, when they were found
    gap: bool = False  # nothing that is listed was known: entries may have come and gone since the poll before
    found_site: Found | None = None  # of a task that is to `find`
    # What changed feeds name, by `discovering.listing_key` of the feed's address in sources.yaml.
    hubs: dict[str, Hub] = field(default_factory=dict)


SourceState = Literal["new", "ok", "silent", "layout_changed", "blocked", "not_a_feed", "failing"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that those who look after the watch must know of a source, once: a state begins or ends, or a gap.

    `kind` is an alert's type, `detail` one plain sentence in English.
    """

    kind: str
    state: str
    since: datetime
    detail: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a source stands after a poll: recorded in the poll's transaction. `rhythm` and `health` are JSON of what was learned."""

    state: SourceState
    since: datetime
    rhythm: str
    health: str
    notices: tuple[Notice, ...] = ()
    counts_as_failure: bool = True  # False while our own network is down
    overrun: bool = False


T = TypeVar("T")


def to_json(value: object) -> Any:
    """Return plain JSON data for any of the words above; defaults are left out, times become ISO strings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found = {}
        for name, default in _defaults(type(value)):
            item = getattr(value, name)
            if default is dataclasses.MISSING or item != default:
                found[name] = to_json(item)
        return found
    if isinstance(value, Ledger):
        return value.text
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[T], value: Any) -> T:
    """Return the `kind` that `to_json` wrote. Raises TypeError or KeyError on anything else: both ends are ours."""
    return typing.cast("T", _read(kind, value))


def readable(kind: type[T], text: str | None) -> T | None:
    """Return the `kind` whose JSON stands in a database, or None where it is not that: somebody else may have written there."""
    try:
        value = json.loads(text or "null")
        return from_json(kind, value) if isinstance(value, dict) else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


@cache
def _defaults(kind: type) -> tuple[tuple[str, object], ...]:
    return tuple(
        (f.name, f.default_factory() if f.default_factory is not dataclasses.MISSING else f.default)
        for f in dataclasses.fields(kind)
    )


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    origin = typing.get_origin(kind)
    if origin is Mapping:  # `Memory.known`
        if not isinstance(value, str):
            raise TypeError("what is known of entries is one text")
        return Ledger(text=value)
    if origin in (typing.Union, types.UnionType):
        kind = next(option for option in typing.get_args(kind) if option is not types.NoneType)
        origin = typing.get_origin(kind)
    if origin is tuple:
        inner = typing.get_args(kind)[0]
        return tuple(value) if inner in (str, int) else tuple(_read(inner, item) for item in value)
    if origin is dict:
        inner = typing.get_args(kind)[1]
        return {key: _read(inner, item) for key, item in value.items()}
    if kind is datetime:
        return datetime.fromisoformat(value)
    if dataclasses.is_dataclass(kind):
        hints = _hints(typing.cast("type", kind))
        return typing.cast("Any", kind)(**{name: _read(hints[name], item) for name, item in value.items()})
    return value
