"""The models of sources.yaml: every key, its form and its default. One place; the JSON Schema is made from it.

A value that is wrong raises PydanticCustomError whose message says what is allowed; configcheck adds file, line and
what was found. Imports of ours: the words and wilayah. Its test is tests/crawler/test_config.py.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from functools import cache
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from cssselect import SelectorError, parse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from crawler.items import CATEGORIES, Category, DiscoveryKind
from crawler.yamlfile import WrittenFloat
from pipelines.wilayah import AmbiguousRegion, region_name, resolve_region, similar_regions

MIN_EVERY_S = 5.0
# What is deleted must be forgotten by listings too, else it would come back as new (LIMITS.known_days, and some).
MIN_RETENTION_S = 60 * 86400.0
MAX_DURATION_S = 3650 * 86400.0  # ten years: beyond it is a slip of the keyboard, and times overflow
ID = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3])[:.]([0-5][0-9])")
_ZONES = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}
_HOST = re.compile(r"(?:[\w-]+\.)*[\w-]+\.?|\[[0-9A-Fa-f:.]+\]")
DURATION = "a duration such as 30s, 15m, 2h, 1d"


def wrong(allowed: str) -> PydanticCustomError:
    """Return the error to raise for a value that is not allowed."""
    return PydanticCustomError("pantau", "{allowed}", {"allowed": allowed})


def parse_duration(text: object) -> float:
    """Return the seconds that a duration such as 30s, 15m, 2h or 1d lasts. Raises ValueError on anything else."""
    match = _DURATION.fullmatch(text.strip().casefold()) if isinstance(text, str) else None
    if not match:
        raise ValueError(f"found {text!r}; allowed: {DURATION}")
    return float(match[1]) * _SECONDS[match[2]]


def _duration(value: object) -> float:
    try:
        seconds = parse_duration(value)
    except ValueError:
        raise wrong(DURATION) from None
    if seconds > MAX_DURATION_S:
        raise wrong(f"a duration of {MAX_DURATION_S / 86400:.0f}d or less")
    return seconds


def _every(value: object) -> float:
    seconds = _duration(value)
    if seconds < MIN_EVERY_S:
        raise wrong(f"a duration of {MIN_EVERY_S:g}s or more")
    return seconds


def _retention(value: object) -> float:
    seconds = _duration(value)
    if seconds < MIN_RETENTION_S:
        raise wrong(f"a duration of {MIN_RETENTION_S / 86400:g}d or more")
    return seconds


def _clock(value: object) -> str:
    match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise wrong('a time of day such as "07:00"')
    return f"{int(match[1]):02}:{match[2]}"


def _digest(value: object) -> str | float:
    try:
        if isinstance(value, dict) and list(value) == ["every"]:
            return _every(value["every"])
        return _clock(value)
    except PydanticCustomError:
        raise wrong('a time of day such as "07:00", or {every: 30m}') from None


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _quiet(value: object) -> tuple[str, str]:
    start, dash, end = str(value).replace("–", "-").partition("-") if isinstance(value, str) else ("", "", "")
    try:
        found = _clock(start), _clock(end)
    except PydanticCustomError:
        found = ("", "")
    if not dash or found[0] == found[1]:
        raise wrong('a span of the day such as "22:00-06:00"')
    return found


def _identifier(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not re.fullmatch(ID, text) or len(text) > 64:
        raise wrong("an id of a-z, 0-9 and single hyphens, at most 64, such as rmol-sumsel")
    return text


def _text(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.strip() or not text.isprintable():
        raise wrong("text on one line")
    return text.strip()


def _url(value: object) -> str:
    allowed = "an address such as https://host/path"
    if not isinstance(value, str) or not value.isprintable() or any(c.isspace() for c in value.strip()):
        raise wrong(allowed)
    try:
        parts = urlsplit(value.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong(allowed) from None
    if parts.scheme.casefold() not in ("http", "https"):
        raise wrong(f"{allowed}; http and https only")
    bare = parts.netloc.rpartition("@")[2].rpartition(":")[0] if parts.port else parts.netloc.rpartition("@")[2]
    if not host or not _HOST.fullmatch(bare.rstrip(":")):
        raise wrong(f"{allowed}; there is no host in it")
    return value.strip()


def _selector(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise wrong("a CSS selector such as div.isi")
    try:
        parse(value)
    except SelectorError as error:
        raise wrong(f"a CSS selector such as div.isi ({error})") from None
    return value.strip()


@cache
def _known_zones() -> set[str]:
    return available_timezones()  # reads a directory, 5 ms: not once a source


def _zone(value: object) -> str:
    zone = _ZONES.get(value, value) if isinstance(value, str) else None
    if zone not in _known_zones():
        raise wrong("WIB, WITA, WIT or an IANA name such as Asia/Jakarta")
    return str(zone)


def _region(value: object) -> str:
    if isinstance(value, WrittenFloat):
        value = value.written
    elif isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise wrong("a region's name, alias or Kemendagri code in quotes")
    try:
        code = resolve_region(value)
    except AmbiguousRegion as error:
        raise wrong(" or ".join(f"{region_name(code)} ({code})" for code in error.codes)) from None
    if code is None:
        similar = similar_regions(value)
        hint = f"; did you mean {' or '.join(similar)}?" if similar else ""
        raise wrong(f'a region\'s name, alias or Kemendagri code, such as Sumatera Selatan, Sumsel or "16"{hint}')
    return code


def _contact(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not re.fullmatch(r"[^@\s<>()\[\],;:\"]+@[^@\s<>()]+\.[^@\s<>()]+", text):
        try:
            _url(text)
        except PydanticCustomError:
            raise wrong("an e-mail address or a web address where outlets can reach you") from None
    return text


def _dask(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"(?:tcp|tls|ws|wss|ucx)://[^\s/:]+:\d{1,5}", value.strip()):
        raise wrong("the address of a Dask scheduler such as tcp://10.0.0.5:8786")
    return value.strip()


def _callback(value: object) -> str:
    url = _url(value).rstrip("/")
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise wrong("an address without login, parameters and #, such as https://pantau.example.org/websub")
    return url


def _address(value: object) -> str:
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        raise wrong("an IP address of this machine such as 127.0.0.1, or 0.0.0.0 for all") from None


def _apprise(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*://\S+", value.strip()):
        raise wrong("an Apprise URL such as tgram://TOKEN/CHAT")
    from apprise.manager_plugins import NotificationManager  # only a file with such a channel pays for it

    service = value.strip().partition("://")[0].lower()
    known = NotificationManager()  # type: ignore[no-untyped-call]
    if service not in known and service not in ("http", "https"):  # services' own addresses, which Apprise knows too
        raise wrong("a service that Apprise knows, such as tgram, mailto, discord, ntfy or json")
    return value.strip()


def _secret(value: object) -> str:
    allowed = "whsec_ and 24 to 64 bytes in base64, as Standard Webhooks secrets are"
    text = value.strip() if isinstance(value, str) else ""
    if not text.startswith("whsec_"):
        raise wrong(allowed)
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise wrong(allowed) from None
    if not 24 <= len(key) <= 64:
        raise wrong(allowed)
    return text


def _schema(pattern: str | None = None, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **({"pattern": pattern} if pattern else {}), **more})


_DURATION_SCHEMA = _schema(r"^\d+(\.\d+)? *[smhdw]$", examples=["30s", "15m", "2h", "1d"])
Duration = Annotated[float, BeforeValidator(_duration), _DURATION_SCHEMA]
Retention = Annotated[float, BeforeValidator(_retention), _DURATION_SCHEMA]
Every = Annotated[float, BeforeValidator(_every), _DURATION_SCHEMA]
Digest = Annotated[
    str | float,
    BeforeValidator(_digest),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^([01]?\d|2[0-3])[:.][0-5]\d$"},
                {"type": "object", "additionalProperties": False, "required": ["every"]}
                | {"properties": {"every": {"type": "string", "examples": ["30m"]}}},
            ]
        }
    ),
]
Quiet = Annotated[tuple[str, str], BeforeValidator(_quiet), _schema(examples=["22:00-06:00"])]
Identifier = Annotated[str, BeforeValidator(_identifier), _schema(f"^{ID}$", maxLength=64)]
Identifiers = Annotated[
    tuple[Identifier, ...],
    BeforeValidator(_one_or_more),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string", "pattern": f"^{ID}$"}}),
]
Text = Annotated[str, BeforeValidator(_text), _schema(minLength=1)]
Url = Annotated[str, BeforeValidator(_url), _schema("^(https?://|.*\\$\\{)")]
Selector = Annotated[str, BeforeValidator(_selector), _schema(minLength=1)]
Zone = Annotated[str, BeforeValidator(_zone), _schema(examples=["Asia/Jakarta", "WIB", "WITA", "WIT"])]
_REGION_SCHEMA = WithJsonSchema({"type": ["string", "number"], "examples": ["Sumatera Selatan", "Sumsel", "16.71"]})
Region = Annotated[str, BeforeValidator(_region), _REGION_SCHEMA]
Contact = Annotated[str, BeforeValidator(_contact), _schema()]
Expression = Annotated[Any, WithJsonSchema({"format": "expression"})]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class WebSubEntry(_Model):
    """Hubs call us when a feed that names one has changed: alerts in seconds instead of minutes. Without it feeds are only polled."""

    callback: Annotated[str, BeforeValidator(_callback), _schema("^(https?://|.*\\$\\{)")] = Field(
        description="the public address that hubs call; a reverse proxy leads from it to `port`"
    )
    port: int = Field(ge=1, le=65535, strict=True, description="where `pantau run` listens for them")
    host: Annotated[str, BeforeValidator(_address), _schema()] = Field(
        "127.0.0.1",
        description="the address that it listens on; another one only where the proxy is on another machine",
    )


class Settings(_Model):
    """What holds for everything."""

    database: Text = Field("data/pantau.db", description="the SQLite database, relative to this file")
    timezone: Zone = Field("Asia/Jakarta", description="for dates with no zone and for what is shown to people")
    language: Literal["id", "en"] = Field("id", description="of alerts and the web page")
    contact: Contact | None = Field(None, description="e-mail or web address, goes into the User-Agent")
    delay: Duration = Field(1.0, description="between requests to one host; none for loopback addresses")
    allow_private_networks: bool = Field(
        False, strict=True, description="sources and webhooks may be on private addresses"
    )
    keep: Literal["matching", "all"] = Field("matching", description="store articles that match topic, or every one")
    recheck: tuple[Duration, ...] = Field(
        (3600.0, 21600.0, 86400.0, 604800.0),
        description="ages at which kept articles are looked at again",
        max_length=20,
    )
    archive: bool = Field(False, strict=True, description="the response behind every kept article goes to WARC files")
    keep_bodies: Retention | None = Field(None, description="bodies of older articles are emptied; null: never")
    prune: Retention | None = Field(None, description="older articles are deleted; null: never")
    logs: Literal["human", "json"] = Field("human", description="form of the log lines on standard error")
    metrics_port: int | None = Field(
        None, ge=1, le=65535, strict=True, description="/metrics and /healthz on loopback; null: neither"
    )
    websub: WebSubEntry | None = None
    workers: int = Field(1, ge=1, le=64, strict=True, description="crawl processes on this machine")
    dask: Annotated[str, BeforeValidator(_dask), _schema()] | None = Field(
        None, description="crawl on a Dask cluster instead"
    )


class Discovery(_Model):
    """One way to find links to articles: exactly one of feed, sitemap, wordpress, blogger, page."""

    feed: Url | None = Field(None, description="RSS, Atom or JSON Feed")
    sitemap: Url | None = Field(None, description="sitemap, sitemap index or news sitemap, .gz too")
    wordpress: Url | None = Field(None, description="a site with the WordPress REST API")
    blogger: Url | None = Field(None, description="a Blogger site")
    page: Url | None = Field(None, description="a listing page")
    links: Selector | None = Field(None, description="CSS of article links; page only")
    next: Selector | None = Field(None, description="CSS of the link to the next listing page; page only")
    max_pages: int = Field(1, ge=1, le=100, strict=True, description="listing pages to read; page only")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len([kind for kind in KINDS if getattr(self, kind) is not None]) != 1:
            raise wrong("exactly one of " + ", ".join(KINDS))
        extra = [key for key in ("links", "next", "max_pages") if key in self.model_fields_set]
        if extra and self.page is None:
            raise wrong(f"{', '.join(extra)} only together with page")
        return self


KINDS: tuple[DiscoveryKind, ...] = ("feed", "sitemap", "wordpress", "blogger", "page")


class Article(_Model):
    """Help for extraction; all optional."""

    body: Selector | None = Field(None, description="CSS of the element that holds the body")
    remove: tuple[Selector, ...] = Field((), description="CSS of what to cut first")
    next: Selector | None = Field(None, description="CSS of the link to the article's next page")


class SourceEntry(_Model):
    """One outlet."""

    id: Identifier = Field(description="unique and stable: the foreign key in the feed")
    name: Text
    url: Url
    region: Region | None = Field(None, description="name, alias or Kemendagri code")
    every: Every | None = Field(None, description="5s at least; without it the interval adapts")
    timezone: Zone | None = None
    discover: tuple[Discovery, ...] = Field(min_length=1, description="tried all; each finds article links")
    article: Article = Article()


class RuleEntry(_Model):
    """Which kept articles raise an alert, and where to."""

    id: Identifier
    match: Expression = None
    categories: tuple[Category, ...] = Field((), description="one of " + ", ".join(CATEGORIES))
    regions: tuple[Region, ...] = Field((), description="a province takes in its regencies")
    notify: tuple[Identifier, ...] = Field((), description="ids of channels")


class ChannelEntry(_Model):
    """Where alerts go: exactly one of apprise and webhook."""

    apprise: Annotated[str, BeforeValidator(_apprise), _schema()] | None = Field(None, description="any Apprise URL")
    webhook: Url | None = Field(None, description="gets a signed POST for each alert")
    secret: Annotated[str, BeforeValidator(_secret), _schema()] | None = Field(
        None, description="whsec_..., signs the webhook"
    )
    digest: Digest | None = Field(None, description='one summary a day ("07:00"), or {every: 30m}')
    every: Every | None = Field(None, description="one summary in that time, as digest: {every: ...}")
    quiet: Quiet | None = Field(None, description='held back then, sent after: "22:00-06:00"')

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.apprise is None) == (self.webhook is None):
            raise wrong("exactly one of apprise and webhook")
        if self.webhook is not None and self.secret is None:
            raise wrong("secret: whsec_... beside webhook: deliveries are signed")
        if self.webhook is None and self.secret is not None:
            raise wrong("secret only beside webhook")
        if self.digest is not None and self.every is not None:
            raise wrong("one of digest and every")
        return self


class AlertsEntry(_Model):
    """What holds for all alerts."""

    max_age: Duration | None = Field(
        259200.0, description="an article published longer ago raises none; null: no limit"
    )
    health: Identifiers = Field((), description="channels told when a source falls silent")


class SourcesFile(_Model):
    """sources.yaml of pantau-asn."""

    settings: Settings = Settings()
    topic: Expression = Field(None, description="what the watch is about; without it the preset netralitas-asn")
    sources: tuple[SourceEntry, ...] = Field(min_length=1)
    rules: tuple[RuleEntry, ...] = ()
    channels: dict[Identifier, ChannelEntry] = Field(default_factory=dict)
    alerts: AlertsEntry = AlertsEntry()
