"""sources.yaml → Config: the whole configuration, checked in full before anything happens.

`load_config` reports every problem at once, each with file, line, key, what was found and what is allowed; values that
come from the environment are shown as `${NAME}`. `python -m crawler.config` writes docs/sources.schema.json.
Imports of ours: the words, the file's models, wilayah, and the matcher for checking expressions. Its test is
tests/crawler/test_config.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from crawler.configcheck import check_file
from crawler.items import ArticleHints, Category, Discover, Source
from crawler.sourcesfile import (
    KINDS,
    ChannelEntry,
    RuleEntry,
    SourceEntry,
    SourcesFile,
    parse_duration,
)
from crawler.sourcesfile import Settings as SettingsEntry
from crawler.yamlfile import SHORTEST_SECRET, load_yaml
from pipelines.matching import resolve_presets

__all__ = [
    "Alerts",
    "Channel",
    "Config",
    "Rule",
    "Settings",
    "WebSub",
    "default_config",
    "load_config",
    "parse_duration",
]

DEFAULT_TOPIC = {"preset": "netralitas-asn"}


@dataclass(frozen=True, slots=True)
class WebSub:
    """How hubs reach us: at `callback`, by a server of ours on host:port."""

    callback: str
    port: int
    host: str


@dataclass(frozen=True, slots=True)
class Settings:
    """`settings:` of the file. `database` is absolute; `contact` may be None; times in seconds."""

    database: Path
    timezone: str
    language: Literal["id", "en"]
    contact: str | None
    delay_s: float
    allow_private_networks: bool
    keep: Literal["matching", "all"]
    recheck_s: tuple[float, ...]
    archive: bool
    keep_bodies_s: float | None
    prune_s: float | None
    logs: Literal["human", "json"]
    metrics_port: int | None
    websub: WebSub | None
    workers: int
    dask: str | None


@dataclass(frozen=True, slots=True)
class Rule:
    """Which kept articles raise an alert. `match` None, no categories, no regions: no condition of that kind."""

    id: str
    match: Any
    categories: tuple[Category, ...]
    regions: tuple[str, ...]  # Kemendagri codes
    notify: tuple[str, ...]  # ids of channels


@dataclass(frozen=True, slots=True)
class Channel:
    """Where alerts go: `apprise` or (`webhook` and `secret`). `digest`: "HH:MM" for daily, seconds for an interval."""

    id: str
    apprise: str | None = field(default=None, repr=False)
    webhook: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    digest: str | float | None = None
    quiet: tuple[str, str] | None = None  # "HH:MM" to "HH:MM", may pass midnight


@dataclass(frozen=True, slots=True)
class Alerts:
    """`max_age_s` None: articles of any age raise alerts. `health`: channels told of sources that fall silent."""

    max_age_s: float | None
    health: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration. `topic` and `Rule.match` are raw expressions, presets expanded. `path` None: no file."""

    path: Path | None
    settings: Settings
    topic: Any
    sources: tuple[Source, ...]
    rules: tuple[Rule, ...]
    channels: dict[str, Channel]
    alerts: Alerts
    _secrets: frozenset[str] = field(default=frozenset(), repr=False)

    def secrets(self) -> set[str]:
        """Return what must never be logged: values read from `${NAME}` and webhook secrets.

        Values shorter than SHORTEST_SECRET are left out.
        """
        found = {channel.secret for channel in self.channels.values() if channel.secret} | self._secrets
        return {value for value in found if len(value) >= SHORTEST_SECRET}


def load_config(path: Path, *, database: Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration of the file. `database` overrides settings.database.

    Raises ConfigError with one line for each problem, all at once.
    """
    file = load_yaml(path, environ)
    return _config(path, check_file(file), file.secrets, database)


def default_config() -> Config:
    """Return what holds without a file: the shipped topic, no sources."""
    model = SourcesFile.model_construct(sources=())
    return _config(None, model, set(), None)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of sources.yaml, for editors."""
    schema: dict[str, Any] = _without_seconds(SourcesFile.model_json_schema())
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "sources.yaml of pantau-asn"
    schema["$defs"]["Expression"] = _EXPRESSION_SCHEMA
    return schema


def _without_seconds(schema: Any) -> Any:
    """Return the schema without defaults that the file would write otherwise: 3600.0 where it says 1h."""
    if isinstance(schema, list):
        return [_without_seconds(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "expression":
        return {**_EXPRESSION, **{key: schema[key] for key in ("description",) if key in schema}}
    numeric = isinstance(schema.get("default"), float | tuple | list) or schema.get("default") == {}
    return {key: _without_seconds(value) for key, value in schema.items() if key != "default" or not numeric}


_EXPRESSION = {"$ref": "#/$defs/Expression"}
_EXPRESSIONS = {"type": "array", "minItems": 1, "items": _EXPRESSION}
_EXPRESSION_SCHEMA: dict[str, Any] = {
    "description": "a term, or a mapping of all, any, none, near with within, regex, title, preset",
    "anyOf": [
        {"type": ["string", "integer"]},
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {
                "all": _EXPRESSIONS,
                "any": _EXPRESSIONS,
                "none": _EXPRESSIONS,
                "near": {"type": "array", "minItems": 2, "items": _EXPRESSION},
                "within": {"type": "integer", "minimum": 1, "maximum": 1000},
                "regex": {"type": "string", "minLength": 1, "description": "RE2 syntax"},
                "title": _EXPRESSION,
                "preset": {"type": "string", "examples": ["netralitas-asn"]},
            },
            "dependentRequired": {"near": ["within"], "within": ["near"]},
        },
    ],
}


def _config(path: Path | None, model: SourcesFile, secrets: set[str], database: Path | None) -> Config:
    base = path.absolute().parent if path else Path.cwd()
    return Config(
        path=path,
        settings=_settings(model.settings, database.absolute() if database else base / model.settings.database),
        topic=resolve_presets(DEFAULT_TOPIC if model.topic is None else model.topic),
        sources=tuple(_source(entry, model.settings.timezone) for entry in model.sources),
        rules=tuple(_rule(entry) for entry in model.rules),
        channels={name: _channel(name, entry) for name, entry in model.channels.items()},
        alerts=Alerts(model.alerts.max_age, model.alerts.health),
        _secrets=frozenset(secrets),
    )


def _settings(entry: SettingsEntry, database: Path) -> Settings:
    return Settings(
        database=database,
        timezone=entry.timezone,
        language=entry.language,
        contact=entry.contact,
        delay_s=entry.delay,
        allow_private_networks=entry.allow_private_networks,
        keep=entry.keep,
        recheck_s=tuple(sorted(entry.recheck)),
        archive=entry.archive,
        keep_bodies_s=entry.keep_bodies,
        prune_s=entry.prune,
        logs=entry.logs,
        metrics_port=entry.metrics_port,
        websub=WebSub(entry.websub.callback, entry.websub.port, entry.websub.host) if entry.websub else None,
        workers=entry.workers,
        dask=entry.dask,
    )


def _source(entry: SourceEntry, timezone: str) -> Source:
    return Source(
        id=entry.id,
        name=entry.name,
        url=entry.url,
        discover=tuple(
            Discover(kind, url, way.links, way.next, way.max_pages)
            for way in entry.discover
            for kind in KINDS
            if (url := getattr(way, kind)) is not None
        ),
        region=entry.region,
        every_s=entry.every,
        timezone=entry.timezone or timezone,
        article=ArticleHints(entry.article.body, entry.article.remove, entry.article.next),
    )


def _rule(entry: RuleEntry) -> Rule:
    return Rule(entry.id, resolve_presets(entry.match), entry.categories, entry.regions, entry.notify)


def _channel(name: str, entry: ChannelEntry) -> Channel:
    return Channel(name, entry.apprise, entry.webhook, entry.secret, entry.digest or entry.every, entry.quiet)


def write_schema(path: Path) -> None:
    """Write the JSON Schema to the path."""
    path.write_text(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_schema(Path(__file__).parents[1] / "docs" / "sources.schema.json")
