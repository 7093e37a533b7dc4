"""Two Dask workers against one on outlets that answer after 200 ms, alternating in one run; and what one worker does when nothing waits.

    python -m benchmarks.cluster [--rounds 3] [--write]

A real scheduler and real workers on this machine; the web is served by a process of its own. For the comparison a worker has a
few slots only, so that what binds is waiting for outlets and not this machine's cores, which all processes share: with as many
slots as docs/scale.md says, one worker alone would take every core there is. A first poll of each outlet reads its listing and its
pages; later ones get a 304. Nothing is stored: what the writer does is measured by benchmarks.growth. `--write` puts the table into
docs/scale.md.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from crawler.cluster import Cluster
from crawler.config import Config, load_config
from crawler.crew import crawl_settings
from crawler.items import Memory, PollReport, PollTask
from newsroom.scale import ScaleSite
from tests.dask_cluster import SLOTS, DaskCluster

DOC = Path(__file__).parent.parent / "docs" / "scale.md"
MARK = "<!-- made by python -m benchmarks.cluster --write -->\n"
LATENCY_S, FEW = 0.2, 4
WARM = 8  # polls beforehand: among so many outlets each worker has one
TURNS = 2  # of conditional polls


async def crawled(config: Config, workers: int, slots: int, turns: int) -> tuple[float, float, int]:
    """Return the seconds that the first polls took, the seconds of one turn of later ones, and how many pages were kept."""
    crew = Cluster(config, *crawl_settings(config))
    try:
        while await crew.ready() < workers * slots:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        first = [PollTask(source, Memory()) for source in config.sources]
        await asyncio.gather(*(crew.poll(task) for task in first[:WARM]))  # crawl processes start
        seconds, reports = await _turn(crew, first)
        kept = sum(len(report.articles) for report in reports)
        again = [
            PollTask(task.source, report.memory or task.memory) for task, report in zip(first, reports, strict=True)
        ]
        later = 0.0
        for _ in range(turns):
            later += (await _turn(crew, again))[0]
        return seconds, later / max(1, turns), kept
    finally:
        await crew.stop()


async def _turn(crew: Cluster, tasks: list[PollTask]) -> tuple[float, list[PollReport]]:
    started = time.monotonic()
    reports = await asyncio.gather(*(crew.poll(task) for task in tasks))
    bad = {report.outcome for report in reports} - {"ok", "not_modified"}
    if bad:
        raise SystemExit(f"polls came to {bad}")
    return time.monotonic() - started, list(reports)


def run(site: ScaleSite, workers: int, slots: int, turns: int = TURNS) -> tuple[float, float, int]:
    """Crawl the site on so many fresh workers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with DaskCluster(folder, workers, slots=slots) as dask:
            (folder / "sources.yaml").write_text(site.sources_yaml(database="none.db", dask=dask.address), "utf-8")
            return asyncio.run(crawled(load_config(folder / "sources.yaml"), workers, slots, turns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    lines = []
    # Outlets go to workers by a digest of their host, so evenly only when there are many.
    with ScaleSite(articles=1, on_topic=1.0, outlets=200, seed=1, latency_s=LATENCY_S) as site:
        found: dict[int, list[tuple[float, float, int]]] = {1: [], 2: []}
        for _ in range(options.rounds):
            for workers, runs in found.items():
                runs.append(run(site, workers, FEW))
                print(workers, [round(value, 2) for value in runs[-1]], flush=True)
        outlets = len(site.outlets)
    for name, place in (("first polls, with their pages", 0), ("conditional polls", 1)):
        one, two = (statistics.median(values[place] for values in found[workers]) for workers in (1, 2))
        lines.append(
            f"| {name}, {FEW} slots a worker, {LATENCY_S * 1000:.0f} ms latency: polls/s | {outlets / one:.1f} | {outlets / two:.1f} | **{one / two:.2f} x** |"
        )
        print(lines[-1], flush=True)
    with ScaleSite(articles=50, on_topic=1.0, outlets=8, seed=1) as site:
        rounds = [run(site, 1, SLOTS, 0) for _ in range(options.rounds)]
        pages = statistics.median(kept / seconds for seconds, _, kept in rounds)
    lines.append(f"| pages on the topic, {SLOTS} slots, no latency: pages/s | {pages:.0f} | | |")
    print(lines[-1], flush=True)
    with ScaleSite(articles=2, on_topic=0.5, outlets=64, seed=1) as site:
        rounds = [run(site, 1, SLOTS, 10) for _ in range(options.rounds)]
        polls = statistics.median(len(site.outlets) / later for _, later, _ in rounds)
    lines.append(f"| conditional polls, {SLOTS} slots, no latency: polls/s | {polls:.0f} | | |")
    print(lines[-1])
    if options.write:
        before, mark, rest = DOC.read_text("utf-8").partition(MARK)
        after = rest.partition("\n\n")[2]
        head = "| | one worker | two workers | |\n|---|---|---|---|\n"
        DOC.write_text(before + mark + head + "\n".join(lines) + "\n\n" + after, "utf-8")


if __name__ == "__main__":
    main()
