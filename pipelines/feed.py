"""The feed for programs: rows of the view `feed` in six formats, one after another, in flat memory.

JSON lines and CSV are written here, what feed readers read in pipelines.syndication, Parquet in pipelines.parquet (an extra).
The docstring of `Reader.feed` says what the rows are. Tests: tests/pipelines/test_feed.py, for many rows test_feed_size.py.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from crawler.errors import PantauError, UsageError
from pipelines.reader import Reader
from pipelines.render import feed_record
from pipelines.schema import FEED_COLUMNS

Rows = Iterable[Mapping[str, Any]]
FORMATS = ("jsonl", "csv", "parquet", "atom", "rss", "jsonfeed")
# What a spreadsheet takes for a formula, full-width signs too; such a cell gets an apostrophe in front (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write_feed(rows: Rows, form: str, out: IO[bytes]) -> int:
    """Write rows of `feed` in one of FORMATS, as UTF-8; return how many. Raises UsageError where Parquet's extra is missing."""
    return _writer(form)(rows, out)


def export_feed(rows: Rows, form: str, path: Path) -> int:
    """Write rows of `feed` to a file, which is there whole or as it was; return how many. Pipes and devices are written to.

    Raises UsageError where it cannot be opened or Parquet's extra is missing, PantauError where writing fails.
    """
    write = _writer(form)
    whole = path.is_file() or not path.exists()
    part = path.with_name(f".{path.name}.{os.getpid()}.part") if whole else path
    try:
        out = part.open("wb")
    except OSError as error:
        raise UsageError(f"--output: {path} cannot be written: {error.strerror}") from error
    try:
        with out:
            count = write(rows, out)
        if whole:
            part.replace(path)
    except OSError as error:
        raise PantauError(f"{path} could not be written: {error.strerror or error}; it is as it was") from error
    finally:
        if whole:
            part.unlink(missing_ok=True)
    return count


def _writer(form: str) -> Callable[[Rows, IO[bytes]], int]:
    if form == "jsonl":
        return _write_jsonl
    if form == "csv":
        return _write_csv
    if form == "parquet":
        from pipelines import parquet

        parquet.check_installed()
        return parquet.write_parquet
    from pipelines import syndication

    writers = {
        "atom": syndication.write_atom,
        "rss": syndication.write_rss,
        "jsonfeed": syndication.write_json_feed,
    }
    return lambda rows, out: writers[form](rows, out, datetime.now(UTC))


def _write_jsonl(rows: Rows, out: IO[bytes]) -> int:
    count = 0
    for row in rows:
        out.write(json_line(row))
        count += 1
    return count


def json_line(row: Mapping[str, Any]) -> bytes:
    """Return a row as a JSON line, with lists where columns hold JSON."""
    return json.dumps(feed_record(row), ensure_ascii=False).encode() + b"\n"


def _write_csv(rows: Rows, out: IO[bytes]) -> int:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    try:
        writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
        writer.writerow(FEED_COLUMNS)
        count = 0
        for row in rows:
            writer.writerow([safe_cell(row[name]) for name in FEED_COLUMNS])
            count += 1
        return count
    finally:
        with contextlib.suppress(BrokenPipeError):
            text.detach()  # `out` stays open: it is the caller's


def safe_cell(value: object) -> object:
    """Return a cell that no spreadsheet reads as a formula."""
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA) else value


def follow(reader: Reader, after: int, wait: Callable[[], bool]) -> Iterator[dict[str, Any]]:
    """Yield rows of `feed` with a larger seq, those that come later too, as they come.

    `wait` pauses between two looks at the database; when it returns False, the end is reached.
    """
    while True:
        version = reader.data_version()  # before the rows: what is committed in between is seen by the next look
        for row in reader.feed(after):
            after = row["seq"]
            yield row
        while reader.data_version() == version:
            if not wait():
                return
