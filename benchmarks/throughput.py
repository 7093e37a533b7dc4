"""Crawl to stored article: pantau beside other ways of doing it, by turns in one run, on the same pages and cores.

    python -m benchmarks.throughput [--articles 100] [--outlets 8] [--rounds 3] [--news-please PYTHON] [--write]

The web is rendered beforehand and served by a process of its own, whose CPU is not counted. Pages a second are wall time of the whole
command, start included, and once more without what the command takes for a single page; CPU and memory are those of the whole process
tree, per article page of the web. `--news-please` names a Python that has news-please, where ours has not. `--write` makes
docs/performance.md's table and chart.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from benchmarks.measuring import Tree, started, write_into
from benchmarks.pages import MixedSite

ROOT = Path(__file__).parent.parent
DOC, CHART = ROOT / "docs" / "performance.md", ROOT / "docs" / "images" / "performance.svg"
OURS, PLAIN, PLEASE, LIBRARY, FLOOR = (
    "pantau",
    "plain Scrapy + trafilatura",
    "news-please",
    "news-please as a library",
    "floor: aiohttp + trafilatura",
)
SHARES = (1.0, 0.05)
# (share on topic, whom ours is compared with, what of, at least or at most so many times theirs)
GOALS = (
    (1.0, PLEASE, "pages_per_s", 10.0),
    (1.0, PLAIN, "pages_per_s", 4.0),
    (1.0, PLAIN, "cpu_ms", 1 / 3),
    (0.05, PLAIN, "pages_per_s", 12.0),
    (0.05, PLEASE, "pages_per_s", 25.0),
)


@dataclass(frozen=True)
class Run:
    seconds: float
    cpu_s: float
    peak_mib: float
    stored: int


@dataclass(frozen=True)
class Figures:
    """Medians over the rounds. `net`: without the start, which takes `start_s`."""

    pages_per_s: float
    net_per_s: float
    start_s: float
    cpu_ms: float
    net_cpu_ms: float
    peak_mib: float
    stored: float


def measured(command: Sequence[str], folder: Path, stored: Callable[[], int]) -> Run:
    """Run a command; return its wall time, its tree's CPU time and peak memory, and how many articles it stored."""
    began = time.monotonic()
    # Empty: as programs are installed, with their bytecode.
    process = started(command, folder, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="")
    with Tree(process.pid, 0.05) as tree:
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:4])} … ended with status {process.returncode}")
    # The one misses what processes used just before their end, the other those that nobody waited for.
    cpu_s = max(usage.ru_utime + usage.ru_stime, sum(tree.cpu_s().values()))
    return Run(seconds, cpu_s, tree.peak_sum_mib, stored())


def run_pantau(site: MixedSite, folder: Path, python: str) -> Run:
    (folder / "sources.yaml").write_text(site.sources_yaml(database="kept.db"), "utf-8")
    return measured([python, "-m", "cli", "crawl", "--json", "--no-alerts"], folder, lambda: rows(folder / "kept.db"))


def run_plain(site: MixedSite, folder: Path, python: str) -> Run:
    database = folder / "kept.db"
    return measured(
        [python, "-m", "benchmarks.plain_spider", str(database), *feeds(site)], folder, lambda: rows(database)
    )


def run_floor(site: MixedSite, folder: Path, python: str) -> Run:
    database = folder / "kept.db"
    return measured([python, "-m", "benchmarks.floor", str(database), *feeds(site)], folder, lambda: rows(database))


def run_please(site: MixedSite, folder: Path, python: str) -> Run:
    command = [python, "-m", "benchmarks.news_please", "crawler", str(folder), *feeds(site)]
    return measured(command, folder, lambda: len(list((folder / "kept").rglob("*.json"))))


def run_library(site: MixedSite, folder: Path, python: str) -> Run:
    command = [python, "-m", "benchmarks.news_please", "library", str(folder), *feeds(site)]
    return measured(command, folder, lambda: rows(folder / "kept.db"))


CONTENDERS = {OURS: run_pantau, PLAIN: run_plain, PLEASE: run_please, LIBRARY: run_library, FLOOR: run_floor}


def feeds(site: MixedSite) -> list[str]:
    return [way["feed"] for outlet in site.outlets for way in outlet.discover if "feed" in way]


def rows(database: Path) -> int:
    db = sqlite3.connect(database)
    try:
        return int(db.execute("SELECT count(*) FROM articles").fetchone()[0])
    finally:
        db.close()


def once(name: str, site: MixedSite, pythons: dict[str, str]) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        return CONTENDERS[name](site, Path(folder), pythons[name])


def compare(pythons: dict[str, str], articles: int, outlets: int, on_topic: float, rounds: int) -> dict[str, Figures]:
    """Return the figures of each contender in `pythons`, by turns; a first round warms caches and is not counted."""
    runs: dict[str, list[Run]] = {name: [] for name in pythons}
    starts: dict[str, list[Run]] = {name: [] for name in pythons}
    pages = articles * outlets
    with (
        MixedSite(articles=articles, on_topic=on_topic, outlets=outlets, seed=1) as site,
        MixedSite(articles=1, on_topic=on_topic, outlets=1, seed=1) as single,
    ):
        for number in range(rounds + 1):
            for name in pythons:
                if number:
                    runs[name].append(once(name, site, pythons))
                starts[name].append(once(name, single, pythons))
    return {name: _figures(runs[name], starts[name][1:], pages) for name in pythons}


def _figures(runs: list[Run], starts: list[Run], pages: int) -> Figures:
    start_s = statistics.median(run.seconds for run in starts)
    start_cpu_s = statistics.median(run.cpu_s for run in starts)
    seconds = statistics.median(run.seconds for run in runs)
    cpu_s = statistics.median(run.cpu_s for run in runs)
    return Figures(
        pages / seconds,
        (pages - 1) / max(0.01, seconds - start_s),
        start_s,
        cpu_s / pages * 1000,
        (cpu_s - start_cpu_s) / (pages - 1) * 1000,
        statistics.median(run.peak_mib for run in runs),
        statistics.median(run.stored for run in runs),
    )


# ------------------------------------------------------------------------------------------------------------- tell


def table(found: dict[str, Figures], missing: dict[str, str]) -> list[str]:
    lines = [
        "| | pages/s | without the start | start, s | CPU ms a page | without the start | peak MiB | stored |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in CONTENDERS:
        if name in found:
            f = found[name]
            lines.append(
                f"| {name} | {f.pages_per_s:.1f} | {f.net_per_s:.1f} | {f.start_s:.1f} | {f.cpu_ms:.1f} | {f.net_cpu_ms:.1f} "
                f"| {f.peak_mib:.0f} | {f.stored:.0f} |"
            )
        else:
            lines.append(f"| {name} | not run: {missing[name]} | | | | | | |")
    return lines


def goals(found: dict[float, dict[str, Figures]]) -> list[str]:
    """Return a line for each goal, and by how much it falls short where it does."""
    lines = ["| goal | measured | without the start | |", "|---|---|---|---|"]
    for share, whom, what, factor in GOALS:
        if whom not in found[share]:
            continue
        ours, theirs = found[share][OURS], found[share][whom]
        net = {"pages_per_s": "net_per_s", "cpu_ms": "net_cpu_ms"}[what]
        ratio, net_ratio = getattr(ours, what) / getattr(theirs, what), getattr(ours, net) / getattr(theirs, net)
        least = what == "pages_per_s"
        reached = ratio >= factor if least else ratio <= factor
        short = "reached" if reached else f"**short by {abs(1 - ratio / factor):.0%}**"
        words = f"at least {factor:g} x the pages/s" if least else f"at most {factor:.2f} of the CPU a page"
        lines.append(f"| {share:.0%} on topic: {words} of {whom} | {ratio:.2f} | {net_ratio:.2f} | {short} |")
    return lines


def chart(found: dict[float, dict[str, Figures]]) -> str:
    """Return the bars of pages a second as SVG, legible on light and on dark."""
    most = max(f.pages_per_s for figures in found.values() for f in figures.values())
    y, parts = 0, []
    for share, figures in found.items():
        parts.append(
            f'<text x="0" y="{y + 20}" font-weight="bold">{share:.0%} of the pages on topic: pages a second</text>'
        )
        y += 32
        for name, f in figures.items():
            width = max(1.0, f.pages_per_s / most * 420)
            fill = "#0b7a75" if name == OURS else "#9aa5b1"
            parts.append(
                f'<text x="200" y="{y + 15}" text-anchor="end">{escape(name)}</text>'
                f'<rect x="210" y="{y}" width="{width:.1f}" height="20" rx="2" fill="{fill}"/>'
                f'<text x="{216 + width:.1f}" y="{y + 15}">{f.pages_per_s:.1f}</text>'
            )
            y += 26
        y += 14
    style = "text{font:13px sans-serif;fill:#1f2933}@media(prefers-color-scheme:dark){text{fill:#e4e7eb}}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 {y}" role="img" aria-label="Pages a second">'
        f"<style>{style}</style>{''.join(parts)}</svg>\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--articles", type=int, default=100, help="an outlet")
    parser.add_argument("--outlets", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=list(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--news-please", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    pythons = {name: options.news_please if name in (PLEASE, LIBRARY) else sys.executable for name in options.only}
    missing = {name: "not asked for" for name in CONTENDERS if name not in pythons}
    needs = {PLAIN: "trafilatura", FLOOR: "aiohttp, trafilatura", PLEASE: "newsplease", LIBRARY: "newsplease"}
    for name, modules in needs.items():
        if (
            name in pythons
            and subprocess.run([pythons[name], "-c", f"import {modules}"], capture_output=True).returncode
        ):
            missing[name] = f"{modules} cannot be imported; `make bench` installs it"
            del pythons[name]
    pages = options.articles * options.outlets
    lines = [
        f"{pages} pages of about 130 KB from {options.outlets} outlets, medians of {options.rounds} rounds after one that is not counted; "
        f"{os.cpu_count()} cores, Python {platform.python_version()}.",
        "",
    ]
    found = {}
    for share in SHARES:
        found[share] = compare(pythons, options.articles, options.outlets, share, options.rounds)
        lines += [f"### {share:.0%} of the pages on topic", "", *table(found[share], missing), ""]
        print("\n".join(lines[-len(CONTENDERS) - 5 :]), flush=True)
    if OURS in pythons:
        lines += ["### The goals", "", *goals(found)]
        print("\n".join(lines[-len(GOALS) - 2 :]))
    if options.write:
        CHART.parent.mkdir(exist_ok=True)
        CHART.write_text(chart(found), "utf-8")
        write_into(DOC, "benchmarks.throughput", ["![Pages a second](images/performance.svg)", "", *lines])


if __name__ == "__main__":
    main()
