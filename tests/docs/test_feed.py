"""The examples of docs/feed.md do what it says, each run as it stands there."""

from __future__ import annotations

import json
import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path

import jq

from tests.conftest import Desk
from tests.docs.pages import blocks

BLOCKS = [block for block in blocks() if block.page == "docs/feed.md"]
COMMANDS = [block.text.rstrip("\n") for block in BLOCKS if block.language == "sh"]


def command(start: str) -> list[str]:
    (found,) = [text for text in COMMANDS if text.startswith(start)]
    return shlex.split(found)


def run(desk: Desk, arguments: list[str], **more: object) -> str:
    words = [str(Path(sys.executable).parent / arguments[0]), *arguments[1:]]
    done = subprocess.run(words, cwd=desk.folder, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_every_example_is_run_here() -> None:
    assert len(COMMANDS) == 5
    assert [block.language for block in BLOCKS].count("python") == 1


def test_the_consumer_has_15_lines_and_goes_on_where_it_stopped(filled: Desk) -> None:
    (code,) = [block.text for block in BLOCKS if block.language == "python"]
    (filled.folder / "cursor.txt").unlink(missing_ok=True)
    assert len(code.strip().splitlines()) <= 15
    first = subprocess.run([sys.executable, "-c", code], cwd=filled.folder, capture_output=True, text=True, check=True)
    rows = filled.rows("SELECT * FROM feed ORDER BY seq")
    assert [line.rpartition(" ")[2] for line in first.stdout.splitlines()] == [row["url"] for row in rows]
    again = subprocess.run([sys.executable, "-c", code], cwd=filled.folder, capture_output=True, text=True, check=True)
    assert again.stdout == ""
    assert (filled.folder / "cursor.txt").read_text() == str(rows[-1]["seq"])


def test_sqlite_utils_reads_the_view(filled: Desk) -> None:
    lines = run(filled, command("sqlite-utils query")).splitlines()
    rows = filled.rows("SELECT url, title FROM feed ORDER BY seq")
    assert [json.loads(line) for line in lines] == rows


def test_datasette_reads_the_view(filled: Desk) -> None:
    found = json.loads(run(filled, command("datasette")))
    rows = filled.rows("SELECT * FROM feed WHERE category = 'dugaan' ORDER BY seq DESC")
    assert rows
    assert [row["seq"] for row in found] == [row["seq"] for row in rows]


def test_jq_reads_the_export(filled: Desk) -> None:
    words = command("pantau feed export --format jsonl | jq")
    pipe = words.index("|")
    program = words[-1]
    assert words[pipe + 1 : -1] == ["jq", "-r"]
    found = jq.compile(program).input_text(run(filled, words[:pipe])).all()
    rows = filled.rows("SELECT * FROM feed WHERE category = 'dugaan' ORDER BY seq")
    assert found == ["\t".join((row["published_at"], row["outlet"], row["title"])) for row in rows]


def test_the_export_fills_another_database(filled: Desk) -> None:
    words = command("pantau feed export --format jsonl | sqlite-utils")
    pipe = words.index("|")
    lines = run(filled, words[:pipe])
    for _ in range(2):  # again: what is there is replaced
        run(filled, words[pipe + 1 :], input=lines)
    db = sqlite3.connect(filled.folder / "mine.db")
    assert db.execute("SELECT count(*) FROM articles").fetchone()[0] == len(filled.rows())
    db.close()


def test_follow_prints_what_is_there(filled: Desk) -> None:
    process = filled.start(*command("pantau feed follow")[1:])
    try:
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline()) for _ in filled.rows()]
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert [line["seq"] for line in lines] == sorted(row["seq"] for row in filled.rows())
    assert process.returncode == 0
