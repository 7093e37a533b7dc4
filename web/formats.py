"""The rows of a view as Atom, CSV and JSON. Pure. Tests: tests/web/test_formats.py."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from pipelines.feed import safe_cell
from web.telling import web_link

FORMATS = {
    "atom": "application/atom+xml; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json; charset=utf-8",
}
_ATOM = "http://www.w3.org/2005/Atom"
# What XML 1.0 cannot hold in any form.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(form: str, name: str, records: Sequence[Mapping[str, Any]]) -> str:
    """Return records in one of FORMATS. Each has `id`, `title`, `url` and `updated` (may be None), and what else it has."""
    return {"atom": _atom, "csv": _csv, "json": _json}[form](name, records)


def _json(name: str, records: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"name": name, "rows": list(records)}, ensure_ascii=False, indent=1)


def _csv(name: str, records: Sequence[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    columns = list(records[0]) if records else ["id", "title", "url", "updated"]
    writer.writerow(columns)
    for record in records:
        cells = (record[column] for column in columns)
        writer.writerow(
            [safe_cell(json.dumps(cell, ensure_ascii=False) if isinstance(cell, list) else cell) for cell in cells]
        )
    return out.getvalue()


def _atom(name: str, records: Sequence[Mapping[str, Any]]) -> str:
    feed = ElementTree.Element(f"{{{_ATOM}}}feed")
    ElementTree.register_namespace("", _ATOM)
    updated = max((record["updated"] for record in records if record["updated"]), default="1970-01-01T00:00:00Z")
    _add(feed, "title", name)
    _add(feed, "id", "tag:pantau-asn,2026:view")
    _add(feed, "updated", updated)
    _add(_add(feed, "author", None), "name", "pantau")
    for record in records:
        entry = _add(feed, "entry", None)
        _add(entry, "title", record["title"])
        _add(entry, "id", f"tag:pantau-asn,2026:{record['id']}")
        _add(entry, "updated", record["updated"] or updated)
        if web_link(record["url"]):
            _add(entry, "link", None, rel="alternate", href=_NO_XML.sub("", record["url"]))
        if record.get("category"):
            _add(entry, "category", None, term=record["category"])
        if record.get("summary"):
            _add(entry, "summary", record["summary"])
    return ElementTree.tostring(feed, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="utf-8"?>\n', "\n")
    )


def _add(parent: ElementTree.Element, tag: str, text: str | None, **attributes: str) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, f"{{{_ATOM}}}{tag}", attributes)
    child.text = _NO_XML.sub("", text) if text is not None else None
    return child
