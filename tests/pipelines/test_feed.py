from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from pipelines.feed import safe_cell, write_feed
from pipelines.migrations import FEED_COLUMNS
from pipelines.reader import Reader
from pipelines.store import Store
from tests.pipelines.conftest import BODY, LATER, article, report


@pytest.fixture
def filled(store: Store, path: Path) -> Path:
    store.record(
        report(*(article(str(n), title=f'=JUDUL({n}), "kutip"', body=f"{BODY}\nbaris {n}") for n in range(3))), LATER
    )
    return path


def test_json_lines_carry_every_column_and_lists(filled: Path) -> None:
    out = io.StringIO()
    with Reader(filled) as reader:
        assert write_feed(reader.feed(), "jsonl", out) == 3
    records = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [record["seq"] for record in records] == [1, 2, 3]
    assert all(list(record) == FEED_COLUMNS for record in records)
    assert records[0]["matches"][0]["rule"] == "topic"


def test_csv_is_read_back_by_another_reader_and_holds_no_formula(filled: Path) -> None:
    out = io.StringIO(newline="")
    with Reader(filled) as reader:
        assert write_feed(reader.feed(1), "csv", out) == 2
    rows = list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))
    assert [row["seq"] for row in rows] == ["2", "3"]
    assert rows[0]["title"] == '\'=JUDUL(1), "kutip"'
    assert rows[0]["body"] == f"{BODY}\nbaris 1"


@pytest.mark.parametrize("text", ["=1+1", "+62", "-2", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")'])
def test_cells_that_a_spreadsheet_would_run_get_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == "'" + text


@pytest.mark.parametrize("value", ["biasa", "a=1", 5, None, ""])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert safe_cell(value) == value
