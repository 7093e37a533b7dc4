"""A million rows leave in flat memory, in every format (pipelines/feed.py)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.feed import FORMATS
from tests.pipelines.filling import fill

MAX_MIB = 200
_MEASURED = (
    # Not ru_maxrss: that counts the image of the process that started this one, too.
    "import re, sys, cli\n"
    "from pathlib import Path\n"
    "status = cli.main(sys.argv[1:])\n"
    "found = re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())\n"
    "print(int(found[1]) // 1024, file=sys.stderr)\n"
    "sys.exit(status)"
)


@pytest.fixture(scope="module", params=[20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def many(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    return fill(tmp_path_factory.mktemp("many") / "pantau.db", request.param), request.param


def peak_mib(database: Path, form: str, output: Path, *more: str) -> int:
    command = [sys.executable, "-P", "-c", _MEASURED, "feed", "export", "--format", form, "--db", str(database)]
    done = subprocess.run([*command, "--output", str(output), *more], capture_output=True, text=True, check=True)
    return int(done.stderr.split()[-1])


@pytest.mark.parametrize(
    "form",
    # The small run takes those that might hold something back: row groups, an XML tree.
    [form if form in ("parquet", "atom") else pytest.param(form, marks=pytest.mark.slow) for form in FORMATS],
)
def test_memory_does_not_grow_with_the_feed(many: tuple[Path, int], tmp_path: Path, form: str) -> None:
    database, count = many
    output = tmp_path / "feed"
    assert peak_mib(database, form, output) < MAX_MIB
    if form == "parquet":
        from pyarrow import parquet

        assert parquet.ParquetFile(output).metadata.num_rows == count
        return
    marks = {"csv": b"https://satu.example", "atom": b"</entry>", "rss": b"</item>"}
    with output.open("rb") as file:
        assert sum(marks.get(form, b"https://satu.example") in line for line in file) == count


def test_the_last_rows_cost_no_walk_over_the_first(many: tuple[Path, int], tmp_path: Path) -> None:
    database, count = many
    output = tmp_path / "feed"
    peak_mib(database, "jsonl", output, "--after", str(count - 10))
    assert len(output.read_bytes().splitlines()) == 10
