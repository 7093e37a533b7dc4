"""What `pantau` prints: tables, JSON lines, records, progress. Tests: tests/test_cli.py."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from operation import STUCK_S
from pipelines.render import one_line

if TYPE_CHECKING:
    from doctor import Finding
    from reprocessing import Outcome
    from watch import Summary


def print_json(records: Iterable[Any]) -> None:
    for record in records:
        sys.stdout.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on a terminal, tab-separated lines elsewhere."""
    texts = [[one_line("" if value is None else str(value)) for value in row] for row in rows]
    if not sys.stdout.isatty():
        print("\t".join(columns))
        for row in texts:
            print("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False)
    for row in texts:
        table.add_row(*(Text(value) for value in row))
    Console(highlight=False).print(table)


def print_articles(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        place = row["regency"] or row["province"] or "-"
        print(_columns(row["published_at"] or row["fetched_at"], row["category"], place, row["outlet"]))
        print(f"  {one_line(row['title'])}\n  {row['url']}")
    if not rows:
        print("nothing found")


def print_stories(rows: Sequence[dict[str, Any]]) -> None:
    """Print stories, each with the outlets that tell it."""
    for row in rows:
        print(_columns(row["first_published_at"], row["category"], row["title"]))
        for article in row["told_by"]:
            print(f"  {one_line(article['outlet'])}: {article['url']}")
    if not rows:
        print("nothing found")


def _columns(*values: str | None) -> str:
    """Return values in one line, two spaces apart; "-" for none."""
    return "  ".join(one_line(value or "-") for value in values)


_STATES = ("ok", "new", "silent", "failing", "layout_changed", "not_a_feed", "blocked")


def print_status(record: dict[str, Any]) -> None:
    """Print each source, what is not well last and why, and under it the state of the whole watch at a glance.

    On a terminal times are told as pauses, so that a line has room in 80 columns.
    """
    sources = sorted(
        (row for row in record["sources"] if row["active"]), key=lambda row: (_STATES.index(row["state"]), row["id"])
    )
    if sys.stdout.isatty():
        now = datetime.now(UTC)
        rows = [
            (
                *(row["id"], row["state"].replace("_", " "), _pause(row["state_since"], now)),
                *(_pause(row["last_new_at"], now), row["articles"], _pause(row["next_poll_at"], now)),
            )
            for row in sources
        ]
        print_table(("source", "state", "for", "newest", "articles", "next"), rows)
        for row in sources:
            if row["state"] not in ("ok", "new") and row["error"]:
                print(one_line(f"{row['id']}: {row['error']}"))
            if row["last_gap_at"]:
                print(one_line(f"{row['id']}: may have missed entries, {_pause(row['last_gap_at'], now)} ago"))
    else:
        columns = ("id", "state", "state_since", "last_new_at", "articles", "failures", "next_poll_at", "error")
        print_table(columns, [tuple(row[name] for name in columns) for row in sources])
    states = Counter(row["state"] for row in sources)
    told = ", ".join(f"{states[state]} {state.replace('_', ' ')}" for state in _STATES if states[state])
    print(f"\nsources: {len(sources)} ({told})" if sources else "\nsources: none polled yet")
    writer = record["writer"]
    if writer is None or not writer["daemon"]:
        print("daemon: does not run" + (f"; process {writer['process']} writes" if writer else ""))
    else:
        stuck = f", but has given no sign of life for {writer['quiet_s']:.0f} s" if writer["quiet_s"] > STUCK_S else ""
        print(f"daemon: runs (process {writer['process']}){stuck}")
    if record["network_down_since"]:
        print(f"network: down since {record['network_down_since']}")
    _print_hubs(record["subscriptions"])
    counts = record["database"]
    newest = max((row["last_new_at"] or "" for row in sources), default="")
    print(
        f"stored: {counts['articles']} articles in {counts['stories']} stories, {counts['bytes'] / 1e6:.1f} MB"
        + (f"; something new {_pause(newest, datetime.now(UTC))} ago" if newest else "")
    )
    print(f"alerts: {counts['alerts_sent']} sent, {counts['alerts_waiting']} waiting, {counts['alerts_failed']} failed")
    for row in record["channels"]:
        if row["failing_since"]:
            print(
                one_line(
                    f"channel {row['id']}: fails since {row['failing_since']}, {row['waiting']} wait: {row['error']}"
                )
            )


def _print_hubs(subscriptions: list[dict[str, Any]]) -> None:
    """Print how many subscriptions to hubs there are, and which hubs do not give what they were asked for."""
    if not subscriptions:
        return
    states = Counter(row["state"] for row in subscriptions)
    print("hubs: " + ", ".join(f"{count} {state}" for state, count in sorted(states.items())))
    for (hub, error), count in Counter((row["hub"], row["error"]) for row in subscriptions if row["error"]).items():
        print(one_line(f"hub {hub}: {error}" + (f" ({count} sources)" if count > 1 else "")))


def _pause(text: str | None, now: datetime) -> str:
    """Return how far a stored time is from now in its largest unit, "3 h"; "-" for never."""
    if text is None:
        return "-"
    seconds = abs((datetime.fromisoformat(text) - now).total_seconds())
    for unit, length_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def print_outcome(outcome: Outcome) -> None:
    """Print what reprocessing came to."""
    print(
        f"{outcome.looked_at} looked at: {outcome.changed_articles} changed, {outcome.kept} kept, {outcome.off_topic} off topic, "
        f"{outcome.other_outlets} of other outlets, {len(outcome.problems)} not read"
    )
    for column, count in outcome.changed.most_common():
        print(f"  {column}: {count}")
    for address, why in outcome.problems[:20]:
        print(f"  {one_line(f'{address}: {why}')}")


def print_findings(findings: Sequence[Finding]) -> None:
    """Print what the doctor found, each with its mend."""
    for finding in findings:
        mark = {"ok": "ok     ", "warning": "WARNING", "problem": "PROBLEM"}[finding.level]
        print(f"{mark} {one_line(f'{finding.about}: {finding.found}')}")
        if finding.mend:
            print(f"        {finding.mend}")


def print_checks(records: Sequence[dict[str, Any]]) -> None:
    """Print what works of the watch list, and for what does not what is proposed."""

    def proposed(record: dict[str, Any]) -> str | None:
        way = record["proposal"] or {}
        return next((f"{kind}: {url}" for kind, url in way.items()), None)

    columns = ("source", "discover", "", "found", "readable", "state", "since", "problem", "proposal")
    names = ("found", "readable", "state", "state_since", "problem")
    print_table(
        columns,
        [
            (r["source"], r["discover"], "works" if r["works"] else "fails", *(r[name] for name in names), proposed(r))
            for r in records
        ],
    )


def print_addition(record: dict[str, Any], path: str, dry_run: bool) -> None:
    """Print what was found of a site that was to be added."""
    entry = record["entry"]
    if entry is None:
        print("no way to read it was found; tried:")
        for tried in record["tried"]:
            print("  " + one_line(f"{tried['url']}: {tried['problem']}"))
        return
    for article in record["articles"]:
        topic = "on the topic" if any(match["rule"] == "topic" for match in article["matches"]) else "off the topic"
        place = article["regency"] or article["province"] or "-"
        print(_columns(article["published_at"], topic, place, article["author"]))
        print(f"  {one_line(article['title'])}\n  {article['url']}\n  {one_line(article['body'])[:160]}")
    print()
    for name, value in entry.items():
        print(one_line(f"{name}: {json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value}"))
    print(f"dry run: {path} stays as it is" if dry_run else f"added to {path}")


def print_backtest(records: Sequence[dict[str, Any]]) -> None:
    """Print what rules would have done, the evidence in bold on a terminal."""
    bold = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() else ("**", "**")
    for record in records:
        print(f"{record['rule']}: {record['alerts']} alerts from {record['hits']} articles")
        for name in ("by_day", "by_source"):
            counts = ", ".join(f"{key} {count}" for key, count in record[name].items())
            if counts:
                print(f"  {name.replace('_', ' ')}: {counts}")
        for found in record["samples"]:
            print(f"  {found['published_at'] or '-'}  {one_line(found['title'])}  ({found['source']})")
            for sentence in found["evidence"]:
                parts = sentence.split("**")
                shown = "".join(bold[0] + part + bold[1] if place % 2 else part for place, part in enumerate(parts))
                print(f"      {shown}")
        for name in ("come", "go"):
            for url in record.get(name, ()):
                print(f"  {'+' if name == 'come' else '-'} {url}")


def print_explanation(record: dict[str, Any]) -> None:
    """Print why an article is kept or not, from the answer to its evidence."""
    kept = record["state"] in ("kept", "duplicate")
    print(f"{record['state']}: {record['url']}")
    if not kept:
        for name, value in record.items():
            if name not in ("state", "url"):
                print(f"  {name}: {value}")
        return
    print(f"  {one_line(record['title'])}")
    if record["state"] == "duplicate":
        print(f"  the same text as {record['duplicate_of']}")
    print(
        f"  stored {record['stored_at']} from {record['source']}, {record['body_status']}, revision {record['revision']}"
    )
    print(f"  published {record['published_at'] or 'at an unknown time'} ({record['date_evidence'] or 'no evidence'})")
    if record["gone_at"]:
        print(f"  taken down by the outlet, seen {record['gone_at']}")
    for match in record["matches"]:
        print(f"  matched {match['rule']}: {match['term']} in {match['field']}: {match['sentence']}")
    print(f"  category {record['category']['category']}, flags {', '.join(record['flags']) or 'none'}")
    for reason in record["category"]["why"]:
        guard = f" (does not count: {reason['guard']})" if reason["guard"] else ""
        print(f"    {reason['category']}: {reason['cue']}{guard}: {one_line(reason['sentence'])}")
    print(f"  place {record['place']['regency'] or record['place']['province'] or 'unknown'}")
    for evidence in record["place"]["why"]:
        print(f"    {evidence['code']} in {evidence['where']}: {one_line(evidence['text'])}")
    story = record["story"]
    print(f"  story {story['id']}: {story['articles']} articles of {story['outlets']} outlets")
    for alert in record["alerts"]:
        print(f"  alert {alert['type']} to {alert['channel']}: {alert['state']} {alert['sent_at'] or ''}")
    for line in record["cut"]:
        print(f"  cut {one_line(line)}")


def print_record(record: dict[str, Any]) -> None:
    for name, value in record.items():
        if name in ("body", "cut"):
            continue
        print(f"{name}: {json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value}")
    if record.get("body"):
        print(f"\n{record['body']}")
    for line in record.get("cut", ()):
        print(f"cut: {one_line(line)}")
    print()


class Progress:
    """A bar on a terminal; a line a source elsewhere, on standard error; nothing where JSON is asked for."""

    def __init__(self, sources: int, *, enabled: bool) -> None:
        self._total, self._done, self._enabled = sources, 0, enabled
        self._bar: Any = None
        self._reading: dict[str, int] = {}

    def __enter__(self) -> Progress:
        if self._enabled and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("sources", total=self._total)
        return self

    def articles(self, source: str, done: int, total: int) -> None:
        """Take one step of reading a source's articles."""
        if self._bar is None:
            return
        if source not in self._reading:
            self._reading[source] = self._bar.add_task(f"  {source}", total=total)
        self._bar.update(self._reading[source], completed=done, visible=done < total)

    def count(self, done: int) -> None:
        """Take one step of work whose end is not known."""
        if self._bar is not None:
            self._bar.update(self._task, description="articles", completed=done, total=None)

    def source(self, summary: Summary) -> None:
        """Take the end of a source's poll."""
        self._done += 1
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done)
        elif self._enabled:
            print(
                f"[{self._done}/{self._total}] {summary.source}: {summary.outcome}, {summary.kept} kept of {summary.new} new",
                file=sys.stderr,
            )

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def summary_record(summary: Summary) -> dict[str, Any]:
    return {
        "source": summary.source,
        "outcome": summary.outcome,
        "found": summary.found,
        "new": summary.new,
        "kept": summary.kept,
        "revised": summary.revised,
        "duplicates": summary.duplicates,
        "off_topic": summary.off_topic,
        "alerts": summary.alerts,
        "errors": len(summary.problems),
        "problems": summary.problems,
    }


def print_summaries(summaries: Sequence[Summary], sent: dict[str, int], dry_run: bool) -> None:
    rows = [(s.source, s.outcome, s.found, s.new, s.kept, s.duplicates, len(s.problems)) for s in summaries]
    print_table(("source", "outcome", "found", "new", "kept", "duplicates", "errors"), rows)
    for summary in summaries:
        for problem in summary.problems[:5]:
            print(f"  {summary.source}: {problem['kind']}: {problem['message']} ({problem['url']})")
        if len(summary.problems) > 5:
            print(f"  {summary.source}: and {len(summary.problems) - 5} more (--json shows all)")
    if dry_run:
        print("dry run: nothing was stored, nothing was sent")
    elif sent:
        print(
            "alerts: " + ", ".join(f"{count} {_ATTEMPTS[name]}" for name, count in sorted(sent.items(), reverse=True))
        )


_ATTEMPTS = {
    "sent": "sent",
    "retry": "to be tried again (pantau alerts list)",
    "final": "given up (pantau alerts list)",
}


class Listener:
    """Whoever reads our standard output, in raw bytes: `write` and `wait` return False once it is gone or a signal ended us.

    Use as a context manager. The second SIGINT or SIGTERM ends the process at once, should the first one wait for the reader.
    """

    def __init__(self, pause_s: float = 1.0) -> None:
        self._pause_s = pause_s
        self._ended = False
        self._before: dict[int, Any] = {}
        self._reader = select.poll()
        self._reader.register(sys.stdout.fileno(), 0)  # hang-ups and errors are told without being asked for

    def __enter__(self) -> Listener:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._end)
        return self

    def _end(self, number: int, _: object) -> None:
        self._ended = True
        signal.signal(number, signal.SIG_DFL)

    def write(self, line: bytes) -> bool:
        """Write a line at once."""
        try:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return False
        return not self._ended

    def wait(self) -> bool:
        """Wait for a moment."""
        end = time.monotonic() + self._pause_s
        while not self._ended and (left_s := end - time.monotonic()) > 0:
            # In short steps: a signal does not end a poll, its handler only runs.
            if self._reader.poll(min(left_s, 0.1) * 1000):
                return False
        return not self._ended

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
