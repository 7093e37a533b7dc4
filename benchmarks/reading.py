"""How long reading takes beside a growing database: programs by cursor, people by search, page and status.

    python -m benchmarks.reading FOLDER [--write]

FOLDER holds the databases that `python -m benchmarks.growth --folder FOLDER` filled; each file there is measured. With --write the
table goes into docs/growth.md, below that benchmark's. The page is the real one, asked over HTTP for the newest 30 days.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.reader import Reader
from pipelines.store import Store
from pipelines.upkeep import BATCH, back_up

PAGE = Path(__file__).parents[1] / "docs" / "growth.md"
MARK = "<!-- made by python -m benchmarks.reading FOLDER --write -->"
TIMES = 40
START_S = 30


def times_ms(job: Callable[[], Any], times: int = TIMES) -> tuple[float, float]:
    """Return the median and the 95th percentile."""
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        job()
        spent.append((time.perf_counter() - started) * 1000)
    spent.sort()
    return spent[len(spent) // 2], spent[int(len(spent) * 0.95)]


@contextmanager
def served(database: Path) -> Any:
    """Give the address of the web page over the database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-P", "-m", "cli", "serve", "--db", str(database), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}/"
        deadline = time.monotonic() + START_S
        while True:
            try:
                get(url)
                break
            except urllib.error.URLError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait()


def get(url: str) -> bytes:
    """Return the page, of a loopback address of ours."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        body: bytes = answer.read()
        return body


def measure(database: Path) -> dict[str, tuple[float, float]]:
    """Return (median, p95) in ms of each way to read."""
    found = {}
    with Reader(database) as reader:
        last = reader.counts()["seq"]

        def cursor() -> list[Any]:
            rows = reader.feed(last // 2)
            return [next(rows) for _ in range(1000)]

        name = cursor()[500]["body"].rsplit("\n\n", 1)[1].split(" yang ")[0]
        newest = datetime.fromisoformat(reader.articles(limit=1)[0]["published_at"]).date()
        found["1,000 rows of `feed` by cursor"] = times_ms(cursor)
        found["search for a person's name, newest 20"] = times_ms(lambda: reader.articles(f'"{name}"', limit=20))
        found["search for a word of every article, newest 20"] = times_ms(
            lambda: reader.articles("netralitas", limit=20)
        )
        found["the newest 20 of a province"] = times_ms(lambda: reader.articles(region="73", limit=20))
        found["the newest 20 stories"] = times_ms(lambda: reader.stories(limit=20))
        found["`status`"] = times_ms(lambda: (reader.counts(), reader.sources(), reader.channels()))
    with served(database) as url:
        span = f"?from={newest - timedelta(days=30)}&to={newest}"
        found["the page's first view, 30 days, what is serious"] = times_ms(lambda: get(url + span))
        found["the same, all categories"] = times_ms(lambda: get(url + span + "&category=all"))
    with Store(database) as store:  # last: it deletes
        first = datetime.fromisoformat(store._conn.execute("SELECT min(published_at) FROM articles").fetchone()[0])
        found[f"`prune`, a batch of {BATCH}"] = times_ms(lambda: store.prune(first + timedelta(days=60)), 10)
    return found


def shrinking(database: Path, folder: Path) -> str:
    """Return what half of a database leaves: in the file at once, and in a copy (VACUUM)."""
    path = folder / "shrinking.db"
    shutil.copy(database, path)
    with Store(path) as store:
        before = path.stat().st_size
        half = store._conn.execute("SELECT published_at FROM articles ORDER BY published_at LIMIT 1 OFFSET ?", (5000,))
        cutoff = datetime.fromisoformat(half.fetchone()[0])
        while store.prune(cutoff):
            pass
        left = store._conn.execute("SELECT count(*) FROM articles").fetchone()[0]
    back_up(path, folder / "copy.db")
    after, copy = path.stat().st_size, (folder / "copy.db").stat().st_size
    return (
        f"Of a file of {before / 1e6:.0f} MB pruned to {left:,} articles {after / 1e6:.0f} MB stay, free pages among them that new "
        f"articles fill; a copy (`pantau backup`, VACUUM) has {copy / 1e6:.0f} MB."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true", help="into docs/growth.md")
    asked = parser.parse_args()
    databases = sorted(asked.folder.glob("*.db"), key=lambda path: path.stat().st_size)
    with tempfile.TemporaryDirectory() as temporary:
        shrunk = shrinking(databases[0], Path(temporary))
    found = {database: measure(database) for database in databases}
    names = [f"{int(path.stem):,} articles" for path in found]
    lines = [
        MARK,
        "",
        "## Reading, and keeping less",
        "",
        f"Milliseconds, median / 95 in 100, of {TIMES} times, beside nothing else.",
        "",
        "| | " + " | ".join(names) + " |",
        "| --- |" + " --- |" * len(names),
        *(
            f"| {what} | "
            + " | ".join(f"{times[what][0]:.1f} / {times[what][1]:.1f}" for times in found.values())
            + " |"
            for what in next(iter(found.values()))
        ),
        "",
        shrunk,
        "",
    ]
    text = "\n".join(lines)
    print(text)
    if asked.write:
        PAGE.write_text(PAGE.read_text("utf-8").partition(MARK)[0].rstrip() + "\n\n" + text, "utf-8")


if __name__ == "__main__":
    main()
