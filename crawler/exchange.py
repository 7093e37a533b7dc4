"""Watch lists of other programs: OPML and CSV in, OPML out. Nothing is fetched; whatever a file holds, it is only read.

Tests: tests/crawler/test_exchange.py.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree
from pydantic import ValidationError

from crawler import editing
from crawler.config import Config
from crawler.discovery.autodiscover import id_of, root_of, way_by_address
from crawler.discovery.base import headline, parse_xml
from crawler.discovery.wordpress import requests as wordpress_requests
from crawler.errors import DiscoveryError, UsageError
from crawler.identity import split
from crawler.items import Discover, Source
from crawler.logs import hider
from crawler.sourcesfile import KINDS, SourceEntry

MAX_FILE_BYTES = 32 << 20
# What the columns of a CSV file may be called; the first that has a value counts.
_COLUMNS = {
    "id": ("id",),
    "name": ("name", "title", "outlet", "nama", "media"),
    "url": ("url", "home_url", "htmlurl", "site", "website", "situs"),
    "region": ("region", "province", "provinsi", "province_code", "kode"),
    "every": ("every",),
    "timezone": ("timezone",),
}
_WAY_COLUMNS = {"xmlurl": "feed", "rss": "feed"} | {kind: kind for kind in KINDS}
_GUESSED_COLUMN = "discovery_primary"  # an address that does not say which kind of listing it is


@dataclass(slots=True)
class Imported:
    """What an import came to: ids of the added entries; what was left out, each with its place in the file and why."""

    added: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def import_sources(path: Path, source: Path) -> Imported:
    """Append what an OPML or CSV file lists to sources.yaml, which is made where there is none; nothing of it is tried.

    Raises UsageError for a file that is neither, ConfigError where sources.yaml has mistakes.
    """
    try:
        with source.open("rb") as file:
            body = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}") from error
    if len(body) > MAX_FILE_BYTES:
        raise UsageError(f"{source}: found more than {MAX_FILE_BYTES} bytes; allowed: {MAX_FILE_BYTES} bytes")
    is_xml = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"
    rows = list(_opml_rows(body, source) if is_xml else _csv_rows(body, source))
    text = editing.read_text(path)
    known = editing.checked(path, text).sources if editing.lists_sources(text) else ()
    imported, entries = _chosen(rows, known)
    if entries:
        text = editing.appended(text, entries)
        editing.checked(path, text)
        editing.replace_file(path, text)
    return imported


def _chosen(rows: list[tuple[str, dict[str, Any]]], known: tuple[Source, ...]) -> tuple[Imported, list[dict[str, Any]]]:
    """Return what is said of an import, and the entries that are new and right."""
    imported = Imported()
    entries: list[dict[str, Any]] = []
    ids = [source.id for source in known]
    listings = {way.url: source.id for source in known for way in source.discover}
    for place, row in rows:
        entry = {"id": row.get("id") or id_of(row["url"], ids), **{k: v for k, v in row.items() if k != "id"}}
        (listing,) = entry["discover"][0].values()
        same = entry["id"] if entry["id"] in ids else listings.get(listing)
        if same:
            imported.duplicates.append(f"{place}: {entry['name']} is there already, as {same}")
            continue
        wrong = _wrong(entry)
        if wrong and "region" in wrong and not row.get("region_is_sure", True):
            entry.pop("region")
            wrong = _wrong(entry)
        if wrong:
            imported.wrong.append(f"{place}: {wrong}")
            continue
        entry.pop("region_is_sure", None)
        entries.append(entry)
        ids.append(entry["id"])
        listings[listing] = entry["id"]
        imported.added.append(entry["id"])
    return imported, entries


def _wrong(entry: dict[str, Any]) -> str | None:
    """Return what is wrong with an entry, as sources.yaml's own check says it."""
    try:
        SourceEntry.model_validate({name: value for name, value in entry.items() if name != "region_is_sure"})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
        return f"{key}: found {str(first['input'])[:80]!r}; allowed: {first['msg']}"
    return None


def _opml_rows(body: bytes, source: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, entry) of each feed. The name of the group that it is in counts as its region, where it is one."""
    try:
        root = parse_xml(body, "")
    except DiscoveryError as error:
        raise UsageError(f"{source} is no OPML: {error}") from error
    if etree.QName(root).localname.lower() != "opml":
        raise UsageError(f"{source} is no OPML: its root element is <{etree.QName(root).localname}>")
    for outline in root.iter("{*}outline"):
        values = {str(name).lower(): value.strip() for name, value in outline.attrib.items()}
        feed = values.get("xmlurl")
        if not feed:
            continue
        parent = outline.getparent()
        group = headline(parent.get("text") or parent.get("title")) if parent is not None else None
        home = values.get("htmlurl") or root_of(feed)
        name = headline(values.get("text") or values.get("title")) or _host(home)
        entry: dict[str, Any] = {"name": name, "url": home}
        if group:
            entry |= {"region": group, "region_is_sure": False}
        yield f"line {outline.sourceline}", {**entry, "discover": [{"feed": feed}]}


def _csv_rows(body: bytes, source: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, entry) of each row. Comma, semicolon or tab; the columns are found by their names."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{source} is neither OPML nor CSV in UTF-8") from error
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    names = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
    if not any(name in names for name in (*_COLUMNS["url"], *_WAY_COLUMNS, _GUESSED_COLUMN)):
        raise UsageError(f"{source}: found no column url or feed; allowed: id, name, url, feed, region and others")
    try:
        for row in reader:
            cells = {name: (row.get(own) or "").strip() for name, own in names.items()}
            entry = {
                key: next((cells[name] for name in allowed if cells.get(name)), "") for key, allowed in _COLUMNS.items()
            }
            way = _way_of(cells, entry["url"])
            if way is None:
                continue
            entry["url"] = entry["url"] or root_of(way.url)
            entry["name"] = entry["name"] or _host(entry["url"])
            yield (
                f"line {reader.line_num}",
                {**{key: value for key, value in entry.items() if value}, "discover": [{way.kind: way.url}]},
            )
    except csv.Error as error:
        raise UsageError(f"{source}:{reader.line_num}: no CSV: {error}") from error


def _way_of(cells: dict[str, str], url: str) -> Discover | None:
    for column, kind in _WAY_COLUMNS.items():
        if cells.get(column):
            return Discover(kind, cells[column])  # type: ignore[arg-type]  # the kinds are KINDS
    guessed = cells.get(_GUESSED_COLUMN, "").split()
    address = guessed[0] if guessed else url
    return way_by_address(address) if address else None


def _host(url: str) -> str:
    parts = split(url)
    return ((parts.hostname if parts else None) or url).removeprefix("www.")


def export_opml(config: Config) -> tuple[bytes, list[str]]:
    """Return the feeds of the watch list as OPML 2.0, and the ids of sources that have none or whose address holds a secret.

    WordPress and Blogger sites have feeds at addresses that are the same everywhere.
    """
    hide = hider(config.secrets())
    root = etree.Element("opml", version="2.0")
    etree.SubElement(etree.SubElement(root, "head"), "title").text = "pantau-asn"
    body = etree.SubElement(root, "body")
    left_out = []
    for source in config.sources:
        feed = next((url for way in source.discover if (url := _feed_of(way))), None)
        parts = split(feed) if feed else None
        if feed is None or parts is None or parts.password or hide(feed) != feed or hide(source.url) != source.url:
            left_out.append(source.id)
            continue
        etree.SubElement(
            body, "outline", type="rss", text=source.name, title=source.name, xmlUrl=feed, htmlUrl=source.url
        )
    return etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True), left_out


def _feed_of(way: Discover) -> str | None:
    if way.kind == "feed":
        return way.url
    if way.kind == "blogger":
        return root_of(way.url) + "/feeds/posts/default"
    if way.kind == "wordpress" and "rest_route" not in way.url:
        return wordpress_requests(way.url)[0].partition("/wp-json")[0] + "/feed/"
    return None
