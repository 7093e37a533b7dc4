"""A writer for tests of readers: inserts, edits, take-downs and prunings through the store until it is killed.

    python -m tests.pipelines.writing DATABASE SEED

Each transaction is one poll's report. Kept going with other seeds, it goes on with the articles that are there.
"""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crawler.items import Rechecked
from pipelines.store import Store
from tests.pipelines.conftest import BODY, LATER, SOURCES, article, report

START = datetime(2024, 11, 1, tzinfo=UTC)


def main(database: Path, seed: int) -> None:
    """Write until killed."""
    rng = random.Random(seed)
    with Store(database) as store:
        store.sync_sources(SOURCES)
        print("ready", flush=True)
        at = START + timedelta(days=seed)
        while True:
            at += timedelta(minutes=rng.randint(1, 60))
            action = rng.choices(("insert", "edit", "gone", "prune"), (60, 25, 5, 10))[0]
            if action == "prune":
                store.prune(at - timedelta(days=rng.choice((1, 3, 30))))
                continue
            known = store._conn.execute("SELECT url, body FROM articles ORDER BY random() LIMIT 3").fetchall()
            if action == "gone" and known:
                checked = Rechecked(known[0][0], "gone")
                for when in (at, at + timedelta(hours=1)):
                    store.record(report(rechecked=(checked,), finished_at=when), LATER)
                continue
            if action == "edit" and known:
                changed = [(url.rpartition("/")[2], f"{body}\n\nTambahan {rng.random()}.") for url, body in known]
            else:
                changed = [(f"{seed}-{rng.random()}", f"{BODY}\n\n{rng.random()}") for _ in range(rng.randint(1, 4))]
            articles = (article(path, body=body, published_at=at, fetched_at=at) for path, body in changed)
            store.record(report(*articles, finished_at=at), LATER)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
