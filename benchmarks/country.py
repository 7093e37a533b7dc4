"""The whole country on one machine: does `pantau run` keep up with 47,000 outlets, and what does that cost? Prints it, or writes docs/country.md.

    python -m benchmarks.country [--outlets 47000] [--minutes 30] [--every 10] [--quiet] [--profile DIR] [--write]

The web is benchmarks.countryweb, in a process of its own. The daemon is the real one, with a database on disk and a webhook. It begins
as one that has watched for `--history` days and was started again: what each outlet remembers is made by polling its feed beforehand,
through the poll's own code but without a wire, and due times are spread over the interval. Then come a warm-up (the backlog of the
start, and robots.txt of every host), the measured time, and an interval in which what was published last is still told.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import countrypast, countrypress, sampled
from benchmarks.measuring import Tree, started, write_into
from newsroom.child import Remote
from newsroom.receiver import WebhookReceiver
from pipelines.store import Store

ON_TIME_S = 5.0
DOC = Path(__file__).parent.parent / "docs" / "country.md"


@dataclass(frozen=True)
class Figure:
    """A row of the table. `reached`: whether the goal is; None without one."""

    name: str
    value: str
    goal: str = ""
    reached: bool | None = None

    def row(self) -> str:
        verdict = {None: "", True: f"{self.goal}: reached", False: f"{self.goal}: **not reached**"}[self.reached]
        return f"| {self.name} | {self.value} | {verdict} |"


@dataclass(frozen=True)
class Mark:
    """How things stood at a moment: CPU used and memory held by part, the database."""

    at: float
    cpu_s: Counter[str]
    memory_mib: Counter[str]
    bytes: int
    polls: int
    articles: int


@dataclass
class Run:
    """What was asked for and what was seen. Times are Unix times."""

    options: argparse.Namespace
    folder: Path
    outlets: list[countrypress.Outlet]
    port: int = 0
    metrics_port: int = field(default_factory=lambda: _free_port())
    opened_at: float = 0.0
    seen: dict[str, Any] = field(default_factory=dict)
    due: dict[int, set[float]] = field(default_factory=dict)
    asked: dict[int, list[float]] = field(default_factory=dict)
    lags_s: list[float] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def every_s(self) -> float:
        return float(self.options.every) * 60

    @property
    def database(self) -> Path:
        return self.folder / "country.db"


# ------------------------------------------------------------------------------------------------------------ watch


def watch(run: Run, web: Remote, daemon: subprocess.Popen[bytes]) -> None:
    """Let the daemon run through warm-up, measured time and what is left, and note what it costs."""
    options, figures = run.options, run.figures
    warm_s = min(run.every_s, options.minutes * 30)
    with Tree(daemon.pid, 1.0, _part, pss=True) as tree:
        began = time.monotonic()
        figures["ready_s"] = _until_watching(run, daemon)
        figures["start_cpu_s"] = sum(tree.cpu_s().values())
        threading.Thread(target=_sample, args=(run, web, daemon), daemon=True).start()
        marks: list[Any] = []
        for seconds in (0.0, warm_s, options.minutes * 60):
            if seconds and marks and seconds == options.minutes * 60 and options.profile:
                _profile(run, tree, seconds)
            _rest(daemon, seconds)
            size = sum(path.stat().st_size for path in run.folder.glob(f"{run.database.name}*"))
            marks.append(Mark(time.time(), tree.cpu_s(), tree.memory_mib(), size, *_counts(run)))
        figures["marks"] = marks
        _rest(daemon, run.every_s * 1.1 + 15 if options.minutes * 60 >= run.every_s else 15)
        figures["peak_mib"], figures["peak_sum_mib"] = tree.peak_mib, tree.peak_sum_mib
        figures["ran_s"] = time.monotonic() - began
        figures["files"] = {
            part: sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()) for pid, part in tree.members().items()
        }
        figures["stopped_at"] = time.time()
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(30)
    _take(run, web)


def _part(command: str) -> str:
    if "crawler.worker" in command:
        return "crawl process"
    return "daemon" if " run" in command else "reading processes"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _until_watching(run: Run, daemon: subprocess.Popen[bytes]) -> float:
    began = time.monotonic()
    log = run.folder / "log"
    while b"watching sources=" not in log.read_bytes():
        if daemon.poll() is not None or time.monotonic() - began > 900:
            raise SystemExit(f"the daemon did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}")
        time.sleep(0.2)
    return time.monotonic() - began


def _rest(daemon: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        daemon.wait(seconds)
    except subprocess.TimeoutExpired:
        return
    raise SystemExit("the daemon ended early")


def _sample(run: Run, web: Remote, daemon: subprocess.Popen[bytes]) -> None:
    """Note, while the daemon lives, what is due when, what was asked of the web, and how late the loop is."""
    db = sqlite3.connect(f"file:{run.database}?mode=ro", uri=True)
    pause_s = max(5.0, run.every_s / 5)
    while daemon.poll() is None:
        for name, at in db.execute("SELECT id, next_poll_at FROM sources WHERE next_poll_at IS NOT NULL").fetchall():
            moment = datetime.fromisoformat(at).timestamp()
            run.due.setdefault(int(name[6:]) - 1, set()).add(moment)
        _take(run, web)
        end = time.monotonic() + pause_s
        while time.monotonic() < end and daemon.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{run.metrics_port}/metrics", timeout=10) as answer:
                    found = re.search(rb"loop_lag_seconds ([\d.e+-]+)", answer.read())
                    run.lags_s += [float(found[1])] if found else []
            except OSError:
                pass
            time.sleep(5)
    db.close()


def _take(run: Run, web: Remote) -> None:
    run.seen = web.call("seen")
    for index, at in run.seen.pop("asked"):
        run.asked.setdefault(index, []).append(at)


def _counts(run: Run) -> tuple[int, int]:
    with closing(sqlite3.connect(f"file:{run.database}?mode=ro", uri=True)) as db:
        row = db.execute("SELECT (SELECT sum(polls) FROM sources), (SELECT count(*) FROM articles)").fetchone()
        return int(row[0] or 0), int(row[1])


def _profile(run: Run, tree: Tree, seconds: float) -> None:
    """Start a sampling profiler on each process for the measured time; `python -m benchmarks.country --profile DIR`."""
    target = Path(run.options.profile)
    target.mkdir(parents=True, exist_ok=True)
    for pid, part in tree.members().items():
        name = target / f"{part.replace(' ', '-')}-{pid}.txt"
        profiler = str(Path(sys.executable).parent / "py-spy")
        how = ("--format", "raw", "--rate", "100", "--nonblocking", "--duration", f"{seconds:.0f}")
        started([profiler, "record", *how, "--output", str(name), "--pid", str(pid)], Path.cwd())


# ------------------------------------------------------------------------------------------------------------- tell


def due_query_ms(run: Run) -> float:
    """Return the CPU milliseconds of one look for due sources in the database that the run left, when a second's worth is due."""
    with closing(sqlite3.connect(run.database)) as db:
        due = int(len(run.outlets) / run.every_s)
        found = db.execute("SELECT next_poll_at FROM sources ORDER BY next_poll_at LIMIT 1 OFFSET ?", (due,)).fetchone()
    at = datetime.fromisoformat(found[0])
    with Store(run.database) as store:
        store.due_sources(at, len(run.outlets))
        began = time.process_time()
        for _ in range(50):
            store.due_sources(at, len(run.outlets))
        return (time.process_time() - began) / 50 * 1000


async def timer_ms(seconds: float = 10.0) -> float:
    """Return the CPU milliseconds a second of a timer with the daemon's two jobs, which do nothing here."""
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    async def nothing() -> None:
        return None

    timer = AsyncIOScheduler(timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None})
    for _ in range(2):
        timer.add_job(nothing, "interval", seconds=1)
    timer.start()
    began = time.process_time()
    await asyncio.sleep(seconds)
    timer.shutdown(wait=False)
    return (time.process_time() - began) / seconds * 1000


def lateness(run: Run, start: float, end: float) -> tuple[list[float], int]:
    """Return how late the polls due in this time began, and how many never did."""
    hidden = countrypress.FAILING
    late, never = [], 0
    for outlet in run.outlets:
        if outlet.kind in hidden:
            continue
        asked = sorted(run.asked.get(outlet.index, ()))
        for due in run.due.get(outlet.index, ()):
            if start <= due < end:
                first = next((at for at in asked if at >= due - 1), None)
                never += first is None
                late += [max(0.0, first - due)] if first is not None else []
    return late, never


def told(run: Run, receiver: WebhookReceiver, start: float, end: float) -> dict[str, Any]:
    """Return what became of the articles on topic that were published in this time."""
    arrived: dict[str, float] = {}
    for delivery in receiver.accepted:
        article = delivery.json["data"].get("article", {})
        arrived.setdefault(article.get("url", ""), delivery.received_at.timestamp())
    with closing(sqlite3.connect(run.database)) as db:
        joined = "SELECT a.url FROM articles a WHERE a.story_id IN (SELECT story_id FROM alerts)"
        stories = {row[0] for row in db.execute(joined)}
    press = countrypress.Press(run.port, run.opened_at, run.options.seed)
    found: dict[str, Any] = {"published": 0, "joined": [], "open": [], "lost": [], "delays_s": [], "own_s": []}
    latest = run.figures["stopped_at"] - run.every_s * 1.1 - ON_TIME_S
    for outlet, at, number in countrypress.on_topic(run.outlets):
        published = run.opened_at + at
        if not start <= published < end:
            continue
        url = press.address(outlet, number, on_topic=True)
        listed = run.seen["told"].get((outlet.index, number))
        found["published"] += 1
        if url in arrived:
            found["delays_s"].append(arrived[url] - published)
            found["own_s"].append(arrived[url] - listed)
        elif url in stories:
            found["joined"].append(url)  # told with an earlier article of the same story
        elif listed is None and published > latest:
            found["open"].append(url)
        else:
            found["lost"].append(url)
    return found


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def spread(values: list[float], *shares: float) -> str:
    return " / ".join(f"{percentile(values, share):.1f}" for share in shares)


def figures_of(run: Run, receiver: WebhookReceiver) -> list[Figure]:
    """Return the table."""
    seen, options = run.figures, run.options
    first, begun, ended = seen["marks"]
    seconds = ended.at - begun.at
    late, never = lateness(run, begun.at, ended.at)
    on_time = sum(late_s <= ON_TIME_S for late_s in late) / max(1, len(late) + never)
    polls, warm_polls = ended.polls - begun.polls, begun.polls - first.polls
    used = {part: ended.cpu_s[part] - begun.cpu_s[part] for part in ended.cpu_s}
    cores = sum(used.values()) / seconds
    poll_ms = sum(used.values()) / max(1, polls) * 1000
    warm_ms = (sum(begun.cpu_s.values()) - sum(first.cpu_s.values())) / max(1, warm_polls) * 1000
    hour = cores + max(0.0, warm_ms - poll_ms) / 1000 * len(run.outlets) / 3600
    news = told(run, receiver, begun.at, ended.at)
    delays, own = news.pop("delays_s"), news.pop("own_s")
    timer, query = asyncio.run(timer_ms()), due_query_ms(run)
    kept, grown = ended.articles - begun.articles, ended.bytes - begun.bytes
    found = [
        Figure("outlets, a poll every", f"{len(run.outlets):,}, {options.every:g} min"),
        Figure("polls in the measured time, a second", f"{polls:,}, {polls / seconds:.1f}"),
        Figure(f"polls begun at most {ON_TIME_S:g} s after they were due", f"{on_time:.2%} of {len(late) + never:,}", ">= 99 %", on_time >= 0.99),
        Figure("late by, s: p50 / p95 / p99 / worst", spread(late, 0.5, 0.95, 0.99, 1)),
        Figure("articles on topic published", str(news["published"])),
        Figure("of them: alerted / in an alerted story / not listed to us yet / lost", " / ".join(str(len(urls)) for urls in (delays, news["joined"], news["open"], news["lost"])), "none lost", not news["lost"]),
        Figure("publish to alert, s: p50 / p95 / worst", spread(delays, 0.5, 0.95, 1), f"p95 <= {run.every_s + ON_TIME_S:.0f}", percentile(delays, 0.95) <= run.every_s + ON_TIME_S if delays else None),
        Figure("first listed to us to alert, s: p50 / p95 / worst", spread(own, 0.5, 0.95, 1)),
        Figure("CPU of the whole tree, cores", f"{cores:.2f}", "<= 1", cores <= 1),
        *(Figure(f"CPU of the {part}, cores", f"{cpu / seconds:.2f}") for part, cpu in sorted(used.items())),
        Figure("CPU of the whole tree over an hour, with a robots.txt of each host, cores", f"{hour:.2f}", "<= 1", hour <= 1),
        Figure("CPU ms a poll; in the warm-up, with a robots.txt each", f"{poll_ms:.1f}; {warm_ms:.1f}"),
        Figure("memory of the whole tree (PSS), MiB: peak / at the end", f"{seen['peak_sum_mib']:.0f} / {sum(ended.memory_mib.values()):.0f}", "<= 1024", seen["peak_sum_mib"] <= 1024),
        *(Figure(f"memory of the {part}, MiB: peak / at the end", f"{mib:.0f} / {ended.memory_mib[part]:.0f}") for part, mib in sorted(seen["peak_mib"].items())),
        Figure("memory at the beginning of the measured time, MiB", f"{sum(begun.memory_mib.values()):.0f}", "flat", sum(ended.memory_mib.values()) <= 1.1 * sum(begun.memory_mib.values())),
        Figure("open files at the end (idle connections, mostly)", ", ".join(f"{part} {count:,}" for part, count in seen["files"].items())),
        Figure("start: s until it watches, CPU s", f"{seen['ready_s']:.0f}, {seen['start_cpu_s']:.0f}"),
        Figure("database, MB: at the beginning of the measured time / at its end", f"{begun.bytes / 1e6:.1f} / {ended.bytes / 1e6:.1f}", "flat but for data", grown <= 0.01 * begun.bytes + kept * 50_000),
        Figure("articles kept, and what the database grew by for each, KB", f"{kept}, {grown / max(1, kept) / 1e3:.1f}"),
        Figure("loop lag of the daemon, ms: p50 / p95 / worst", spread([lag_s * 1000 for lag_s in run.lags_s], 0.5, 0.95, 1)),
        Figure("timer and due query, ms a second", f"{timer:.1f} + {query:.1f}", "< 50", timer + query < 50),
        Figure("CPU of the web (not ours, not counted), cores", f"{run.seen['cpu_s'] / seen['ran_s']:.2f}"),
        Figure("the web answered", ", ".join(f"{count:,} {name}" for name, count in run.seen["answers"].items())),
    ]  # fmt: skip
    return [*found, *(Figure("lost", url) for url in news["lost"][:10])]


def write_doc(run: Run, figures: Sequence[Figure]) -> None:
    """Put the table into docs/country.md, below what is written there by hand."""
    options = run.options
    told = f"{options.minutes:g} minutes measured, {options.history} days remembered, {options.on_topic:.0%} on topic, from {options.hour:g}:00 on, {os.cpu_count()} cores."
    short = [f"{figure.name}: {figure.value} (goal {figure.goal})" for figure in figures if figure.reached is False]
    summary = f"Short of its goal: {'; '.join(short)}." if short else "All goals are reached."
    lines = [told, "", summary, "", "| | measured | goal |", "|---|---|---|", *(figure.row() for figure in figures)]
    write_into(DOC, "benchmarks.country", lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--outlets", type=int, default=47_000)
    parser.add_argument("--minutes", type=float, default=30, help="measured; before it a warm-up, after it an interval")
    parser.add_argument("--every", type=float, default=10, help="minutes between two polls of an outlet")
    parser.add_argument("--history", type=int, default=45, help="days for which the outlets have been watched already")
    parser.add_argument("--on-topic", type=float, default=0.01)
    parser.add_argument("--hour", type=float, default=9, help="of the day, in the west of the country, at the opening")
    parser.add_argument("--quiet", action="store_true", help="nothing new, nothing wrong: what a 304 costs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", help="where the files stay")
    parser.add_argument("--profile", metavar="DIR", help="let py-spy write where the time goes")
    parser.add_argument("--write", action="store_true", help="docs/country.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(options.folder or name)
        folder.mkdir(parents=True, exist_ok=True)
        run, figures = measure(options, folder)
        print("\n".join(figure.row() for figure in figures))
        if options.write:
            write_doc(run, figures)
        if options.profile:
            for path in sorted(Path(options.profile).glob("*.txt")):
                print("\n".join(["", *sampled.table(path, 15)]))


def measure(options: argparse.Namespace, folder: Path) -> tuple[Run, list[Figure]]:
    lasts_s = options.minutes * 90 + options.every * 132 + 120
    world = {
        "count": options.outlets, "lasts_s": lasts_s, "on_topic": options.on_topic, "hour": options.hour, "quiet": options.quiet,
    }  # fmt: skip
    run = Run(options, folder, countrypress.outlets(seed=options.seed, **world))
    opened_at = time.time()
    with Remote("benchmarks.countryweb:Web", seed=options.seed, port=80, opened_at=opened_at, **world) as web:
        run.port = web.call("where")
        press = countrypress.Press(run.port, opened_at, options.seed)
        with WebhookReceiver() as receiver:
            began = time.monotonic()
            every_s, one = run.every_s, folder / "one.yaml"
            settings = {"database": str(run.database), "metrics_port": run.metrics_port}
            countrypast.write_config(folder / "sources.yaml", run.outlets, press, receiver, every_s, **settings)
            countrypast.write_config(one, run.outlets[:1], press, receiver, every_s, **settings)
            asyncio.run(countrypast.fill(run.database, one, run.outlets, press, every_s, options.history))
            print(f"filled in {time.monotonic() - began:.0f} s, {run.database.stat().st_size / 1e6:.0f} MB", flush=True)
            run.opened_at = time.time()
            web.call("open", run.opened_at)
            with (folder / "log").open("wb") as log:
                daemon = started([sys.executable, "-m", "cli", "run"], folder, log)
                try:
                    watch(run, web, daemon)
                finally:
                    if daemon.poll() is None:
                        daemon.kill()
                        daemon.wait()
            return run, figures_of(run, receiver)


if __name__ == "__main__":
    main()
