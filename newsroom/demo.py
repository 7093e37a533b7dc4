"""`pantau demo`: the whole job on the newsroom, told step by step, and checked against what the newsroom knows is true.

It is handed the command line's `main` and looks at the database as any other program would. Its test is tests/test_demo.py.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from newsroom import Newsroom, Truth, WebhookReceiver

Main = Callable[[Sequence[str]], int]
MARKER = ".pantau-demo"  # in the folder that a demo made, so that the next one may empty it
_RULES = """\
rules:
  - id: kasus
    match: {any: ["~langgar", "~duga", "~periksa", "~sanksi", "tidak netral", "tak netral"]}
    notify: [redaksi]
  - id: semua
    match: {any: [ASN, PNS, "~netral"]}
    notify: [arsip]
"""


def run_demo(folder: Path, main: Main) -> int:
    """Run the job twice in `folder` and tell what happened; return 0 when all of it is as the newsroom knows it to be.

    The folder is made, or emptied where an earlier demo made it; another one is left alone (status 2).
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        print(f"pantau: {folder} is not empty and no earlier demo made it; name another folder with --keep")
        return 2
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARKER).touch()
    started = time.monotonic()
    with Newsroom() as newsroom, WebhookReceiver() as receiver:
        config = folder / "sources.yaml"
        config.write_text(
            newsroom.sources_yaml(database="pantau.db", rules=_RULES, channels=_channels(receiver)), "utf-8"
        )
        _say(
            f"A newsroom of {len(newsroom.outlets)} invented outlets is on this machine's loopback; no network is needed."
        )
        status, polls = _crawl(main, config)
        problems = _tell(newsroom, receiver, polls, folder / "pantau.db")
        delivered, pages = len(receiver.deliveries), len(newsroom.requests)
        newsroom.clear()
        again, _ = _crawl(main, config)
        fetched = [
            path for _, _, path, answer in newsroom.requests if answer == 200 and not path.endswith("robots.txt")
        ]
        _head("A second crawl of the unchanged web")
        _say(
            f"{len(newsroom.requests)} requests instead of {pages}, {len(fetched)} pages fetched again, "
            f"{len(receiver.deliveries) - delivered} alerts sent again."
        )
        problems += [f"fetched again: {path}" for path in fetched]
        problems += ["an alert was sent again"] * (len(receiver.deliveries) - delivered)
    _tell_next(folder, time.monotonic() - started)
    for problem in problems:
        print(f"  NOT AS IT SHOULD BE: {problem}")
    return 1 if problems or status or again else 0


def _channels(receiver: WebhookReceiver) -> str:
    entry = f"    webhook: {receiver.url}\n    secret: {receiver.secret}\n"
    return f"channels:\n  redaksi:\n{entry}  arsip:\n{entry}"


def _crawl(main: Main, config: Path) -> tuple[int, list[dict[str, Any]]]:
    """Run `pantau crawl --json` and return its status and its records."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = main(["crawl", "--config", str(config), "--json"])
    return status, [json.loads(line) for line in printed.getvalue().splitlines()]


def _tell(newsroom: Newsroom, receiver: WebhookReceiver, polls: list[dict[str, Any]], database: Path) -> list[str]:
    truths = newsroom.truths()
    db = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    with contextlib.closing(db):
        rows = {row["url"]: row for row in db.execute("SELECT * FROM feed")}
        _tell_polls(newsroom, polls)
        problems = _tell_kept(truths, rows)
        problems += _tell_bodies(truths, rows)
        _tell_stories(db)
        problems += _tell_alerts(receiver, db)
    return problems


def _tell_polls(newsroom: Newsroom, polls: list[dict[str, Any]]) -> None:
    _head("Sources polled")
    kinds = {
        outlet.id: ", ".join(kind for way in outlet.discover for kind in way if kind in _KINDS)
        for outlet in newsroom.outlets
    }
    print(
        f"  {'outlet':<18}{'found by':<20}{'listed':>7}{'kept':>6}{'off topic':>11}{'the same text':>15}{'errors':>8}"
    )
    for poll in polls:
        print(
            f"  {poll['source']:<18}{kinds[poll['source']]:<20}{poll['found']:>7}{poll['kept']:>6}{poll['off_topic']:>11}"
            f"{poll['duplicates']:>15}{poll['errors']:>8}"
        )
    for poll in polls:
        for problem in poll["problems"]:
            print(f"  {poll['source']}: {problem['kind']}: {problem['message']}")


_KINDS = ("feed", "sitemap", "wordpress", "blogger", "page")


def _tell_kept(truths: Sequence[Truth], rows: dict[str, Any]) -> list[str]:
    _head("Articles: kept, and why not")
    kept = [truth for truth in truths if _row(truth, rows)]
    for truth in [truth for truth in kept if truth.on_topic][:3]:
        match = next(iter(json.loads(_row(truth, rows)["matches"])))
        _say(f"kept      {truth.title}", f"because of “{match['text']}” in its {match['field']}")
    for truth in [truth for truth in truths if truth.near_miss and not _row(truth, rows)][:4]:
        _say(f"left out  {truth.title}", "has the words, not the subject")
    wanted = [truth for truth in truths if truth.on_topic]
    _say(
        f"{len(wanted)} articles are on the subject, {len(kept)} are stored; {len(truths) - len(wanted)} are about other things."
    )
    missing = [f"not stored: {truth.title}" for truth in wanted if not _row(truth, rows)]
    return missing + [f"stored, but off the subject: {truth.title}" for truth in kept if not truth.on_topic]


def _tell_bodies(truths: Sequence[Truth], rows: dict[str, Any]) -> list[str]:
    _head("Bodies: whole, and nothing else")
    problems, lines, examples = [], 0, []
    for truth in truths:
        row = _row(truth, rows)
        if row is None:
            continue
        body = row["body"].split("\n\n")
        problems += [
            f"sentence lost in {truth.title}: {part[:60]}" for part in truth.body.split("\n\n") if part not in body
        ]
        left = [line for line in truth.clutter if line in body]
        problems += [f"clutter left in {truth.title}: {line[:60]}" for line in left]
        lines += len(truth.clutter)
        examples += [line for line in truth.clutter if line.upper().startswith(("BACA JUGA", "EDITOR", "FOTO"))][:1]
        if row["published_at"] != f"{truth.published_at:%Y-%m-%dT%H:%M}:00Z":
            problems.append(
                f"published {row['published_at']} instead of {truth.published_at:%Y-%m-%dT%H:%MZ}: {truth.title}"
            )
    pages = sum(truth.pages > 1 for truth in truths if _row(truth, rows))
    _say(
        f"{lines} lines of clutter stood on those pages; {sum('clutter' in p for p in problems)} are left. Some that went:"
    )
    for line in list(dict.fromkeys(examples))[:3]:
        _say(f"cut       {line[:100]}")
    _say(f"{pages} articles were spread over several pages and are joined; all times are exact to the minute, in UTC.")
    return problems


def _tell_stories(db: sqlite3.Connection) -> None:
    _head("The same again, joined")
    found = db.execute(
        "SELECT s.title, s.articles, group_concat(DISTINCT f.outlet) AS outlets FROM stories s JOIN feed f ON f.story_id = s.id "
        "WHERE s.outlets > 1 GROUP BY s.id"
    )
    for row in found:
        _say(f"{row['title']}", f"one story in {row['articles']} articles: {row['outlets'].replace(',', ', ')}")
    twins = db.execute("SELECT d.url, a.title FROM duplicates d JOIN articles a ON a.id = d.article_id").fetchall()
    for row in twins:
        _say(f"{row['title']}", f"stands at a second address too, stored once: {row['url']}")


def _tell_alerts(receiver: WebhookReceiver, db: sqlite3.Connection) -> list[str]:
    _head("Alerts")
    made = db.execute("SELECT count(*) FROM alerts").fetchone()[0]
    deliveries = receiver.deliveries
    verified = sum(delivery.verified for delivery in deliveries)
    _say(
        f"{made} alerts were made: one a story and channel, and one more where a story rose; {len(deliveries)} arrived at a local webhook, "
        f"{verified} of them with a valid signature."
    )
    if deliveries:
        data = deliveries[0].json["data"]
        _say(
            f"for example: {data['article']['title']}",
            f"{data['article']['outlet']}, rules {', '.join(data['rules'])}, {deliveries[0].id}",
        )
    return (
        []
        if made == len(deliveries) == verified
        else ["an alert did not arrive, or not once, or its signature is wrong"]
    )


def _tell_next(folder: Path, seconds: float) -> None:
    database = folder / "pantau.db"
    # `make demo` runs it where it is installed, which is on nobody's PATH.
    called = Path(sys.argv[0])
    pantau = "pantau" if called.name != "pantau" or shutil.which("pantau") else os.path.relpath(called)
    _head(f"Done in {seconds:.0f} s. The database is {database}; the page: {pantau} serve --db {database}")
    print(
        textwrap.indent(
            f'{pantau} articles --db {database} "politik praktis"\n'
            f"{pantau} feed export --db {database} --format csv --output berita.csv\n"
            f'sqlite3 {database} "SELECT published_at, outlet, title FROM feed ORDER BY published_at DESC LIMIT 5"',
            "  ",
        )
    )


def _row(truth: Truth, rows: dict[str, Any]) -> Any:
    """Return the stored row of an article, at whichever of its addresses."""
    return next((rows[url] for url in (truth.canonical, truth.url, *truth.also_at) if url in rows), None)


def _head(text: str) -> None:
    print(f"\n{text}")


def _say(text: str, detail: str = "") -> None:
    print(f"  {text}" + (f"\n            {detail}" if detail else ""))
