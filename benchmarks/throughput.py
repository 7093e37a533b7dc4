"""Crawl to stored article: pantau against a plain Scrapy + trafilatura spider, alternating, on the same pages and cores.

    python -m benchmarks.throughput [--articles 400] [--outlets 8] [--rounds 3]

The web is rendered beforehand and served by a process of its own, whose CPU is not counted. Pages a second are wall time of the
whole command, start included; CPU is that of the whole process tree, per article page of the web. Prints a table per share of
articles on the subject, medians of the rounds.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from newsroom.scale import ScaleSite


@dataclass(frozen=True)
class Run:
    seconds: float
    cpu_s: float
    peak_mib: float
    stored: int


def measured(command: list[str], folder: Path, stored: Callable[[], int]) -> Run:
    """Run a command and return its wall time, its tree's CPU time and peak memory, and how many articles it stored."""
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cpu_s: dict[int, float] = {}
    peak = 0.0
    done = threading.Event()

    def sample() -> None:
        nonlocal peak
        root = psutil.Process(process.pid)
        while not done.wait(0.02):
            memory = 0.0
            try:
                tree = [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            for member in tree:
                try:
                    times = member.cpu_times()
                    cpu_s[member.pid] = times.user + times.system
                    memory += member.memory_info().rss / 2**20
                except psutil.NoSuchProcess:
                    continue
            peak = max(peak, memory)

    sampler = threading.Thread(target=sample)
    sampler.start()
    status = process.wait()
    seconds = time.monotonic() - started
    done.set()
    sampler.join()
    if status:
        raise SystemExit(f"{' '.join(command[:4])} … ended with status {status}")
    return Run(seconds, sum(cpu_s.values()), peak, stored())


def run_pantau(site: ScaleSite) -> Run:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sources.yaml").write_text(site.sources_yaml(database="bench.db"), "utf-8")
        command = [sys.executable, "-m", "cli", "crawl", "--json", "--no-alerts"]
        return measured(command, folder, lambda: _count(folder / "bench.db"))


def run_plain(site: ScaleSite) -> Run:
    feeds = [way["feed"] for outlet in site.outlets for way in outlet.discover if "feed" in way]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "benchmarks.plain_spider", str(folder / "plain.db"), *feeds]
        return measured(command, Path(__file__).parent.parent, lambda: _count(folder / "plain.db"))


def _count(database: Path) -> int:
    db = sqlite3.connect(database)
    try:
        return int(db.execute("SELECT count(*) FROM articles").fetchone()[0])
    finally:
        db.close()


def compare(articles: int, outlets: int, on_topic: float, rounds: int) -> dict[str, dict[str, float]]:
    """Return medians by contender: pages a second, CPU ms a page, peak MiB, articles stored."""
    contenders: dict[str, Callable[[ScaleSite], Run]] = {"pantau": run_pantau, "plain spider": run_plain}
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    with ScaleSite(articles=articles, on_topic=on_topic, outlets=outlets, seed=1) as site:
        pages = articles * outlets
        for number in range(rounds + 1):
            for name, run in contenders.items():
                result = run(site)
                if number:  # the first round warms caches
                    runs[name].append(result)
    return {
        name: {
            "pages_per_s": statistics.median(pages / run.seconds for run in found),
            "cpu_ms_per_page": statistics.median(run.cpu_s * 1000 / pages for run in found),
            "peak_mib": statistics.median(run.peak_mib for run in found),
            "stored": statistics.median(run.stored for run in found),
        }
        for name, found in runs.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--articles", type=int, default=50, help="an outlet")
    parser.add_argument("--outlets", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for share in (1.0, 0.05):
        found = compare(options.articles, options.outlets, share, options.rounds)
        if options.json:
            print(json.dumps({"on_topic": share, **found}))
            continue
        print(f"\n{options.articles * options.outlets} pages, {share:.0%} on topic, medians of {options.rounds}")
        print(f"{'':<14}{'pages/s':>9}{'CPU ms/page':>13}{'peak MiB':>10}{'stored':>8}")
        for name, figures in found.items():
            print(
                f"{name:<14}{figures['pages_per_s']:>9.1f}{figures['cpu_ms_per_page']:>13.1f}{figures['peak_mib']:>10.0f}{figures['stored']:>8.0f}"
            )
        ours, plain = found["pantau"], found["plain spider"]
        print(
            f"pantau: {ours['pages_per_s'] / plain['pages_per_s']:.1f} x the pages/s at {ours['cpu_ms_per_page'] / plain['cpu_ms_per_page']:.2f} of the CPU"
        )


if __name__ == "__main__":
    main()
