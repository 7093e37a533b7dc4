"""The feed for programs: rows of the view `feed` as JSON lines or CSV, one at a time, in flat memory.

Tests: tests/pipelines/test_feed.py.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from pipelines.migrations import FEED_COLUMNS
from pipelines.render import feed_record

FORMATS = ("jsonl", "csv")
# What a spreadsheet takes for a formula; a cell that begins so gets an apostrophe in front (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_feed(rows: Iterable[Mapping[str, Any]], form: str, out: TextIO) -> int:
    """Write rows of `feed` in one of FORMATS; return how many. JSON lines carry lists where columns hold JSON."""
    writers = {"jsonl": _write_jsonl, "csv": _write_csv}
    return writers[form](rows, out)


def _write_jsonl(rows: Iterable[Mapping[str, Any]], out: TextIO) -> int:
    count = 0
    for row in rows:
        out.write(json.dumps(feed_record(row), ensure_ascii=False) + "\n")
        count += 1
    return count


def _write_csv(rows: Iterable[Mapping[str, Any]], out: TextIO) -> int:
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    writer.writerow(FEED_COLUMNS)
    count = 0
    for row in rows:
        writer.writerow([safe_cell(row[name]) for name in FEED_COLUMNS])
        count += 1
    return count


def safe_cell(value: object) -> object:
    """Return a cell that no spreadsheet reads as a formula."""
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA) else value
