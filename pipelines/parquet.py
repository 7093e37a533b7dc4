"""The feed as Parquet, with types: times are timestamps in UTC, JSON columns are lists. Needs the extra `parquet`.

Tests: tests/pipelines/test_feed.py.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import IO, Any

from crawler.errors import UsageError
from pipelines.render import feed_record
from pipelines.schema import FEED_COLUMNS

_GROUP = 2000  # rows held in memory and in a row group: some 10 MB of articles
_NUMBERS = frozenset({"seq", "id", "story_id", "revision"})
_TIMES = frozenset({"published_at", "modified_at", "fetched_at", "gone_at"})


def check_installed() -> None:
    """Raise UsageError where the extra is missing."""
    if importlib.util.find_spec("pyarrow") is None:
        raise UsageError("--format parquet needs the extra: pip install 'pantau-asn[parquet]'")


def write_parquet(rows: Iterable[Mapping[str, Any]], out: IO[bytes]) -> int:
    """Write rows of `feed`; return how many."""
    import pyarrow
    from pyarrow import parquet

    schema = _schema()
    count = 0
    # Arrow's own pool gives freed memory back late: a million rows would seem to need twice as much.
    pool = pyarrow.system_memory_pool()
    with parquet.ParquetWriter(out, schema, compression="zstd", memory_pool=pool) as writer:
        for group in _groups(rows):
            writer.write_batch(pyarrow.RecordBatch.from_pylist(group, schema=schema))
            count += len(group)
    return count


def _groups(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    records = map(_record, rows)
    while group := list(islice(records, _GROUP)):
        yield group


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    record = feed_record(row)
    for name in _TIMES:
        record[name] = datetime.fromisoformat(record[name]) if record[name] else None
    return record


def _schema() -> Any:
    import pyarrow

    text = pyarrow.string()
    match = pyarrow.struct(
        [(name, text) for name in ("rule", "term", "text")]
        + [(name, pyarrow.int64()) for name in ("start", "end")]
        + [("field", text)]
    )
    special = {"flags": pyarrow.list_(text), "rules": pyarrow.list_(text), "matches": pyarrow.list_(match)}
    special |= dict.fromkeys(_NUMBERS, pyarrow.int64()) | dict.fromkeys(_TIMES, pyarrow.timestamp("s", tz="UTC"))
    return pyarrow.schema([(name, special.get(name, text)) for name in FEED_COLUMNS])
