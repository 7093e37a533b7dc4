"""The feed as files: JSON lines, CSV, Parquet (pipelines/feed.py, pipelines/parquet.py)."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawler.errors import PantauError, UsageError
from pipelines.feed import export_feed, safe_cell, write_feed
from pipelines.reader import Reader
from pipelines.schema import FEED_COLUMNS
from pipelines.store import Store
from tests.pipelines.conftest import BODY, LATER, article, report


@pytest.fixture
def filled(store: Store, path: Path) -> Path:
    store.record(
        report(*(article(str(n), title=f'=JUDUL({n}), "kutip"', body=f"{BODY}\nbaris {n}") for n in range(3))), LATER
    )
    return path


def written(path: Path, form: str, after: int = 0) -> bytes:
    out = io.BytesIO()
    with Reader(path) as reader:
        write_feed(reader.feed(after), form, out)
    return out.getvalue()


def test_json_lines_carry_every_column_and_lists(filled: Path) -> None:
    records = [json.loads(line) for line in written(filled, "jsonl").splitlines()]
    assert [record["seq"] for record in records] == [1, 2, 3]
    assert all(list(record) == FEED_COLUMNS for record in records)
    assert records[0]["matches"][0]["rule"] == "topic"


def test_csv_is_read_back_by_another_reader_and_holds_no_formula(filled: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(written(filled, "csv", 1).decode(), newline="")))
    assert [row["seq"] for row in rows] == ["2", "3"]
    assert rows[0]["title"] == '\'=JUDUL(1), "kutip"'
    assert rows[0]["body"] == f"{BODY}\nbaris 1"


_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_REST = ("1+1", "cmd|' /C calc'!A0", 'HYPERLINK("http://x","y")', "SUM(A1:A9)*cmd", "", "=1")
CELLS = [sign + rest for sign in _SIGNS for rest in _REST]


def test_cells_that_a_spreadsheet_would_run_get_an_apostrophe(filled: Path) -> None:
    assert len(CELLS) >= 60
    assert [safe_cell(cell) for cell in CELLS] == ["'" + cell for cell in CELLS]
    row = dict.fromkeys(FEED_COLUMNS)
    out = io.BytesIO()
    write_feed(({**row, "title": cell, "body": cell + '\n"x";=2,=3'} for cell in CELLS), "csv", out)
    table = list(csv.reader(io.StringIO(out.getvalue().decode(), newline="")))
    assert len(table) == len(CELLS) + 1
    assert not [cell for line in table for cell in line if cell.startswith(_SIGNS)]
    assert [line[FEED_COLUMNS.index("title")][1:] for line in table[1:]] == CELLS


@pytest.mark.parametrize("value", ["biasa", "a=1", 5, None, "", "'=1"])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert safe_cell(value) == value


def test_parquet_has_types_and_the_same_rows(filled: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(written(filled, "parquet")))
    assert table.column_names == FEED_COLUMNS
    rows, lines = table.to_pylist(), [json.loads(line) for line in written(filled, "jsonl").splitlines()]
    assert rows[0]["published_at"] == datetime(2024, 11, 13, 0, 4, tzinfo=UTC)
    times = ("published_at", "modified_at", "fetched_at", "gone_at")
    assert [{k: v for k, v in row.items() if k not in times} for row in rows] == [
        {k: v for k, v in line.items() if k not in times} for line in lines
    ]
    assert parquet.read_table(io.BytesIO(written(filled, "parquet", 99))).num_rows == 0


def test_parquet_without_its_extra_names_it_and_leaves_the_file(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    target = tmp_path / "f.parquet"
    target.write_bytes(b"was here")
    with Reader(filled) as reader, pytest.raises(UsageError, match=r"pantau-asn\[parquet\]"):
        export_feed(reader.feed(), "parquet", target)
    assert target.read_bytes() == b"was here"


def test_a_file_is_replaced_whole_or_not_at_all(filled: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "feed.jsonl"
    with Reader(filled) as reader, pytest.raises(UsageError, match="cannot be written"):
        export_feed(reader.feed(), "jsonl", target)
    target.parent.mkdir()
    target.write_text("old")

    def broken():
        yield from ()
        raise OSError(28, "No space left on device")

    with pytest.raises(PantauError, match="No space left"):
        export_feed(broken(), "jsonl", target)
    assert [(p.name, p.read_text()) for p in target.parent.iterdir()] == [("feed.jsonl", "old")]
    with Reader(filled) as reader, target.open() as held:
        assert export_feed(reader.feed(), "jsonl", target) == 3
        assert held.read() == "old"  # who had it open reads on in the old one
    assert len(target.read_text().splitlines()) == 3
    assert len(list(target.parent.iterdir())) == 1


def test_a_named_pipe_is_written_to_and_stays_one(filled: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    thread = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    thread.start()
    with Reader(filled) as reader:
        assert export_feed(reader.feed(), "jsonl", pipe) == 3
    thread.join(10)
    assert len(got[0].splitlines()) == 3
    assert pipe.is_fifo()
