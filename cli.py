"""`pantau`: arguments in, tables and JSON out; no logic. Everything heavy is imported where a command needs it.

Exit status: 0 done; 1 failed; 2 usage or configuration; 3 done, but some sources failed. Tests: tests/test_cli.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Coroutine, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from crawler.errors import ConfigError, PantauError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from crawler.config import Config
    from scheduler import Summary

T = TypeVar("T")
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Watch regional Indonesian news for the neutrality of civil servants (netralitas ASN).",
)
sources_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The watch list: list it, try it.")
alerts_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The outbox: list it, retry it, try a channel.")
feed_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The feed for other programs.")
app.add_typer(sources_app, name="sources")
app.add_typer(alerts_app, name="alerts")
app.add_typer(feed_app, name="feed")

ConfigOption = Annotated[Path, typer.Option("--config", help="The configuration.", metavar="FILE")]
DbOption = Annotated[Path | None, typer.Option("--db", help="The database, in place of settings.database.", metavar="FILE")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
CONFIG = Path("sources.yaml")


@app.callback()
def options(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and every log line.")] = False) -> None:
    if debug:
        os.environ["PANTAU_DEBUG"] = "1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status. No traceback reaches a user without --debug."""
    try:
        return app(list(arguments) if arguments is not None else None, standalone_mode=False, prog_name="pantau") or 0
    except (ConfigError, UsageError) as error:
        return _failed(error, 2)
    except PantauError as error:
        return _failed(error, 1)
    except (typer.Abort, KeyboardInterrupt):
        print("pantau: interrupted; what was stored stays, the rest is done again next time", file=sys.stderr)
        return 130
    except typer.Exit as leave:
        return leave.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # the last resort: a bug of ours is one line, and a traceback with --debug
        return _unexpected(error)


def _unexpected(error: Exception) -> int:
    show = getattr(error, "show", None)
    if show is not None and hasattr(error, "exit_code"):  # a usage error of the command line's parser
        show()
        return int(error.exit_code)
    if os.environ.get("PANTAU_DEBUG"):
        raise error
    print(f"pantau: unexpected {type(error).__name__}: {error} (--debug shows more; please report it)", file=sys.stderr)
    return 1


def _failed(error: PantauError, status: int) -> int:
    if os.environ.get("PANTAU_DEBUG"):
        import traceback

        traceback.print_exception(error)
    print("\n".join(f"pantau: {line}" for line in str(error).splitlines()), file=sys.stderr)
    return status


# ------------------------------------------------------------------------------------------------------- crawling


@app.command()
def crawl(
    sources: Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]…", help="Ids of sources; all without.")] = None,
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    since: Annotated[str | None, typer.Option(help="Leave out what was published longer ago, such as 2d.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Articles a source, the newest first; 500 without it.")] = None,
    no_alerts: Annotated[bool, typer.Option("--no-alerts", help="Store, but raise and send no alerts.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Store nothing, send nothing.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Crawl every source, or those named, once, now."""
    from scheduler import FAILED, crawl_once, named_sources

    loaded = _config(config, db, quiet=True)
    wanted = named_sources(loaded, sources or [])
    start = _since(since)
    with _Progress(len(wanted), enabled=not as_json) as progress:
        if dry_run:
            summaries = _dry_run(loaded, wanted, start, limit, progress)
            sent: dict[str, int] = {}
        else:
            crawling = crawl_once(
                loaded, wanted, since=start, limit=limit, alerts=not no_alerts, on_progress=progress.articles, on_summary=progress.source
            )
            summaries, counts = _run(crawling)
            sent = dict(counts)
    if as_json:
        _print_json([_summary_record(summary) for summary in summaries])
    else:
        _print_summaries(summaries, sent, dry_run)
    failed = sum(summary.outcome in FAILED for summary in summaries)
    return 0 if not failed else 1 if failed == len(summaries) else 3


def _dry_run(config: Config, wanted: Sequence[Any], since: datetime | None, limit: int | None, progress: _Progress) -> list[Summary]:
    from pipelines.reader import Reader
    from scheduler import try_once

    memories = {}
    if config.settings.database.exists():
        with Reader(config.settings.database) as reader:
            memories = {source.id: reader.memory(source.id) for source in wanted}
    return _run(try_once(config, wanted, memories, since=since, limit=limit, on_progress=progress.articles))


def _summary_record(summary: Summary) -> dict[str, Any]:
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


def _print_summaries(summaries: Sequence[Summary], sent: dict[str, int], dry_run: bool) -> None:
    rows = [
        (s.source, s.outcome, s.found, s.new, s.kept, s.duplicates, len(s.problems)) for s in summaries
    ]
    _print_table(("source", "outcome", "found", "new", "kept", "duplicates", "errors"), rows)
    for summary in summaries:
        for problem in summary.problems[:5]:
            print(f"  {summary.source}: {problem['kind']}: {problem['message']} ({problem['url']})")
        if len(summary.problems) > 5:
            print(f"  {summary.source}: and {len(summary.problems) - 5} more (--json shows all)")
    if dry_run:
        print("dry run: nothing was stored, nothing was sent")
    elif sent:
        print("alerts: " + ", ".join(f"{count} {_ATTEMPTS[name]}" for name, count in sorted(sent.items(), reverse=True)))


_ATTEMPTS = {"sent": "sent", "retry": "to be tried again (pantau alerts list)", "final": "given up (pantau alerts list)"}


@app.command()
def run(config: ConfigOption = CONFIG, db: DbOption = None) -> int:
    """Watch for ever: poll what is due, store, alert. SIGTERM ends it."""
    from scheduler import run_daemon

    asyncio.run(run_daemon(_config(config, db)))
    return 0


@app.command()
def demo(
    keep: Annotated[Path, typer.Option("--keep", help="The folder for its files.", metavar="DIR")] = Path("pantau-demo"),
) -> int:
    """Run the whole job on a bundled newsroom, without the network, and leave a database to look at."""
    from newsroom.demo import run_demo

    return run_demo(keep, main)


@app.command()
def extract(
    inputs: Annotated[list[str], typer.Argument(metavar="FILE|URL…", help="Pages (.gz too) or addresses.")],
    url: Annotated[str | None, typer.Option(help="Where a single file came from.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Its topic and rules; the shipped topic without.", metavar="FILE")] = None,
    as_json: JsonOption = False,
) -> int:
    """Show what would be stored of each page. Stores nothing, sends nothing."""
    from crawler.config import default_config
    from crawler.trying import extract_all

    if url is not None and len(inputs) > 1:
        raise UsageError("--url says where one file came from; there are several")
    loaded = _config(config, None, quiet=True) if config else default_config()
    failed = 0
    for record in extract_all(inputs, url, loaded):
        failed += "error" in record
        if as_json:
            _print_json([record])
        else:
            _print_record(record)
    return 0 if not failed else 1 if failed == len(inputs) else 3


# ------------------------------------------------------------------------------------------------------- looking


@app.command()
def articles(
    query: Annotated[str | None, typer.Argument(help="Words that must all be there; “…” for a phrase.")] = None,
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    since: Annotated[str | None, typer.Option(help="Published no longer ago than that, such as 2d.")] = None,
    region: Annotated[str | None, typer.Option(help="A province, kabupaten or kota: name, alias or code.")] = None,
    category: Annotated[str | None, typer.Option(help="imbauan, dugaan, proses, sanksi, regulasi, data or lain.")] = None,
    source: Annotated[str | None, typer.Option(help="The id of a source.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    as_json: JsonOption = False,
) -> int:
    """Search what is stored, newest first."""
    from crawler.items import CATEGORIES
    from pipelines.reader import Reader
    from pipelines.render import feed_record

    if category is not None and category not in CATEGORIES:
        raise UsageError(f"no category {category!r}; there are: {', '.join(CATEGORIES)}")
    with Reader(_database(config, db)) as reader:
        rows = reader.articles(query, since=_since(since), region=_region(region), category=category, source=source, limit=limit)
    if as_json:
        _print_json(feed_record(row) for row in rows)
    else:
        _print_articles(rows)
    return 0


@app.command()
def status(config: ConfigOption = CONFIG, db: DbOption = None, as_json: JsonOption = False) -> int:
    """Show each source's health, the queue of alerts, the database."""
    from pipelines.reader import Reader

    with Reader(_database(config, db)) as reader:
        rows, counts = reader.sources(), reader.counts()
    if as_json:
        _print_json([{"database": counts, "sources": rows}])
        return 0
    columns = ("id", "state", "last_ok_at", "last_new_at", "articles", "failures", "next_poll_at", "error")
    _print_table(columns, [tuple(row[name] for name in columns) for row in rows if row["active"]])
    print(
        f"{counts['articles']} articles in {counts['stories']} stories, {counts['bytes'] / 1e6:.1f} MB; alerts: {counts['alerts_sent']} sent, "
        f"{counts['alerts_waiting']} waiting, {counts['alerts_failed']} failed"
    )
    return 0


@sources_app.command("list")
def sources_list(config: ConfigOption = CONFIG, as_json: JsonOption = False) -> int:
    """List the watch list."""
    from pipelines.wilayah import region_name

    loaded = _config(config, None, quiet=True)
    records = [
        {
            "id": source.id,
            "name": source.name,
            "url": source.url,
            "region": source.region,
            "region_name": region_name(source.region) if source.region else None,
            "every_s": source.every_s,
            "discover": [{item.kind: item.url} for item in source.discover],
        }
        for source in loaded.sources
    ]
    if as_json:
        _print_json(records)
    else:
        rows = [(r["id"], r["name"], r["region_name"], ", ".join(kind for item in r["discover"] for kind in item), r["url"]) for r in records]
        _print_table(("id", "name", "region", "discover", "url"), rows)
    return 0


@sources_app.command("check")
def sources_check(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help="Ids of sources; all without.")] = None,
    config: ConfigOption = CONFIG,
    as_json: JsonOption = False,
) -> int:
    """Try each source live, three articles of each way of discovery, and say what works. Stores nothing, sends nothing."""
    from crawler.trying import check_sources
    from scheduler import named_sources

    loaded = _config(config, None, quiet=True)
    records = check_sources(loaded, named_sources(loaded, ids or []))
    if as_json:
        _print_json(records)
    else:
        rows = [(r["source"], r["discover"], "works" if r["works"] else "fails", r["found"], r["readable"], r["problem"]) for r in records]
        _print_table(("source", "discover", "", "found", "readable", "problem"), rows)
    broken = {r["source"] for r in records if not r["works"]}
    works = {r["source"] for r in records if r["works"]}
    return 0 if not broken else 1 if not works else 3


# --------------------------------------------------------------------------------------------------------- alerts


@alerts_app.command("list")
def alerts_list(
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: JsonOption = False,
) -> int:
    """List the newest alerts and what became of them."""
    from pipelines.reader import Reader

    with Reader(_database(config, db)) as reader:
        rows = reader.alerts(limit)
    if as_json:
        _print_json(rows)
    else:
        columns = ("created_at", "channel", "type", "state", "attempts", "next_attempt_at", "error", "title")
        _print_table(columns, [tuple(row[name] for name in columns) for row in rows])
    return 0


@alerts_app.command("retry")
def alerts_retry(config: ConfigOption = CONFIG, db: DbOption = None, as_json: JsonOption = False) -> int:
    """Send those that wait or have failed, now."""
    from scheduler import retry_alerts

    record = _run(retry_alerts(_config(config, db, quiet=True)))
    if as_json:
        _print_json([record])
    elif record["daemon"]:
        print(f"the daemon (process {record['daemon']}) was told to send what waits or has failed")
    else:
        print(f"{record['sent']} sent, {record['retry']} to be tried again, {record['final']} given up")
    return 1 if record["retry"] or record["final"] else 0


@alerts_app.command("test")
def alerts_test(channel: str, config: ConfigOption = CONFIG, as_json: JsonOption = False) -> int:
    """Send a test message to a channel."""
    from scheduler import try_channel

    attempt = _run(try_channel(_config(config, None, quiet=True), channel))
    if as_json:
        _print_json([{"channel": channel, "sent": attempt.result == "sent", "error": attempt.error or None}])
    else:
        print(f"{channel}: {'works' if attempt.result == 'sent' else attempt.error}")
    return 0 if attempt.result == "sent" else 1


# ----------------------------------------------------------------------------------------------------------- feed


@feed_app.command("export")
def feed_export(
    form: Annotated[str, typer.Option("--format", help="jsonl or csv.")],
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    after: Annotated[int, typer.Option(help="Only what changed after this seq.")] = 0,
    output: Annotated[Path | None, typer.Option(help="A file; standard output without.", metavar="FILE")] = None,
) -> int:
    """Write the feed in a format for other programs."""
    from pipelines.feed import FORMATS, write_feed
    from pipelines.reader import Reader

    if form not in FORMATS:
        raise UsageError(f"no format {form!r}; there are: {', '.join(FORMATS)}")
    with Reader(_database(config, db)) as reader:
        if output is None:
            write_feed(reader.feed(after), form, sys.stdout)
        else:
            with output.open("w", encoding="utf-8", newline="") as file:
                count = write_feed(reader.feed(after), form, file)
            print(f"{count} articles written to {output}", file=sys.stderr)
    return 0


# --------------------------------------------------------------------------------------------------------- shared


def _config(path: Path, db: Path | None, *, quiet: bool = False) -> Config:
    from crawler.config import load_config
    from crawler.logs import set_up_logging

    loaded = load_config(path, database=db.absolute() if db else None)
    level = "DEBUG" if os.environ.get("PANTAU_DEBUG") else "WARNING" if quiet else "INFO"
    set_up_logging(loaded.secrets(), level)
    return loaded


def _database(config: Path, db: Path | None) -> Path:
    """Return the database to read: --db needs no configuration."""
    return db if db is not None else _config(config, None, quiet=True).settings.database


def _run(job: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(job)


def _since(text: str | None) -> datetime | None:
    from crawler.config import parse_duration

    if text is None:
        return None
    try:
        return datetime.now(UTC) - timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--since: found {text!r}; allowed: a duration such as 30m, 12h, 2d") from error


def _region(text: str | None) -> str | None:
    from pipelines.wilayah import AmbiguousRegion, resolve_region, similar_regions

    if text is None:
        return None
    try:
        code = resolve_region(text)
    except AmbiguousRegion as error:
        raise UsageError(f"--region: {error}; say which") from error
    if code is None:
        near = similar_regions(text)
        raise UsageError(f"--region: no region {text!r}" + (f"; did you mean {' or '.join(near)}?" if near else ""))
    return code


def _print_json(records: Iterable[Any]) -> None:
    for record in records:
        sys.stdout.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")


def _console() -> Console:
    from rich.console import Console

    return Console(soft_wrap=not sys.stdout.isatty(), highlight=False)


def _print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on a terminal, tab-separated lines elsewhere."""
    from pipelines.render import one_line

    texts = [[one_line("" if value is None else str(value)) for value in row] for row in rows]
    if not sys.stdout.isatty():
        print("\t".join(columns))
        for row in texts:
            print("\t".join(row))
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False)
    for row in texts:
        table.add_row(*(Text(value) for value in row))
    _console().print(table)


def _print_articles(rows: Sequence[dict[str, Any]]) -> None:
    from pipelines.render import one_line

    for row in rows:
        place = row["regency"] or row["province"] or "-"
        print(one_line(f"{row['published_at'] or row['fetched_at']}  {row['category'] or '-'}  {place}  {row['outlet']}"))
        print(f"  {one_line(row['title'])}\n  {row['url']}")
    if not rows:
        print("nothing found")


def _print_record(record: dict[str, Any]) -> None:
    for name, value in record.items():
        if name == "body":
            continue
        print(f"{name}: {json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value}")
    if record.get("body"):
        print(f"\n{record['body']}")
    print()


class _Progress:
    """A bar on a terminal; a line a source elsewhere, on standard error; nothing where JSON is asked for."""

    def __init__(self, sources: int, *, enabled: bool) -> None:
        self._total, self._done, self._enabled = sources, 0, enabled
        self._bar: Any = None
        self._reading: dict[str, int] = {}

    def __enter__(self) -> _Progress:
        if self._enabled and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
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

    def source(self, summary: Summary) -> None:
        """Take the end of a source's poll."""
        self._done += 1
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done)
        elif self._enabled:
            print(f"[{self._done}/{self._total}] {summary.source}: {summary.outcome}, {summary.kept} kept of {summary.new} new", file=sys.stderr)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def entry_point() -> NoReturn:
    """The `pantau` script."""
    sys.exit(main())



if __name__ == "__main__":
    entry_point()
