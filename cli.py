"""`pantau`: arguments in, tables and JSON out; no logic. Everything heavy is imported where a command needs it.

Exit status: 0 done; 1 failed; 2 usage or configuration; 3 done, but some sources failed. Tests: tests/test_cli.py.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from crawler.errors import ConfigError, PantauError, UsageError
from terminal import (
    Progress,
    print_articles,
    print_backtest,
    print_explanation,
    print_findings,
    print_json,
    print_record,
    print_status,
    print_stories,
    print_summaries,
    print_table,
    summary_record,
)

if TYPE_CHECKING:
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
alerts_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The outbox: list it, retry it, try a channel."
)
rules_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The rules: try them on what is stored.")
feed_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The feed for other programs.")
app.add_typer(sources_app, name="sources")
app.add_typer(alerts_app, name="alerts")
app.add_typer(rules_app, name="rules")
app.add_typer(feed_app, name="feed")

ConfigOption = Annotated[Path, typer.Option("--config", help="The configuration.", metavar="FILE")]
DbOption = Annotated[
    Path | None, typer.Option("--db", help="The database, in place of settings.database.", metavar="FILE")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
RegionOption = Annotated[str | None, typer.Option(help="A province, kabupaten or kota: name, alias or code.")]
CategoryOption = Annotated[str | None, typer.Option(help="imbauan, dugaan, proses, sanksi, regulasi, data or lain.")]
SourceOption = Annotated[str | None, typer.Option(help="The id of a source.")]
LimitOption = Annotated[int, typer.Option(min=1, help="How many at most.")]
CONFIG = Path("sources.yaml")


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and every log line.")] = False,
) -> None:
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
    except Exception as error:  # noqa: BLE001  the last resort: a bug of ours is one line, and a traceback with --debug
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
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]…", help="Ids of sources; all without.")
    ] = None,
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    since: Annotated[str | None, typer.Option(help="Leave out what was published longer ago, such as 2d.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Articles a source, the newest first; 500 without it.")
    ] = None,
    no_alerts: Annotated[bool, typer.Option("--no-alerts", help="Store, but raise and send no alerts.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Store nothing, send nothing.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Crawl every source, or those named, once, now."""
    from scheduler import FAILED, crawl_once, named_sources

    loaded = _config(config, db, quiet=True)
    wanted = named_sources(loaded, sources or [])
    start = _since(since)
    with Progress(len(wanted), enabled=not as_json) as progress:
        if dry_run:
            summaries = _dry_run(loaded, wanted, start, limit, progress)
            sent: dict[str, int] = {}
        else:
            crawling = crawl_once(
                loaded,
                wanted,
                since=start,
                limit=limit,
                alerts=not no_alerts,
                on_progress=progress.articles,
                on_summary=progress.source,
            )
            summaries, counts = _run(crawling)
            sent = dict(counts)
    if as_json:
        print_json([summary_record(summary) for summary in summaries])
    else:
        print_summaries(summaries, sent, dry_run)
    failed = sum(summary.outcome in FAILED for summary in summaries)
    return 0 if not failed else 1 if failed == len(summaries) else 3


def _dry_run(
    config: Config, wanted: Sequence[Any], since: datetime | None, limit: int | None, progress: Progress
) -> list[Summary]:
    from pipelines.reader import Reader
    from scheduler import try_once

    memories = {}
    if config.settings.database.exists():
        with Reader(config.settings.database) as reader:
            memories = {source.id: reader.memory(source.id) for source in wanted}
    return _run(try_once(config, wanted, memories, since=since, limit=limit, on_progress=progress.articles))


@app.command()
def run(config: ConfigOption = CONFIG, db: DbOption = None) -> int:
    """Watch for ever: poll what is due, store, alert. SIGTERM ends it."""
    from scheduler import run_daemon

    asyncio.run(run_daemon(_config(config, db), lambda: _config(config, db)))
    return 0


@app.command()
def demo(
    keep: Annotated[Path, typer.Option("--keep", help="The folder for its files.", metavar="DIR")] = Path(
        "pantau-demo"
    ),
) -> int:
    """Run the whole job on a bundled newsroom, without the network, and leave a database to look at."""
    from newsroom.demo import run_demo

    return run_demo(keep, main)


@app.command()
def extract(
    inputs: Annotated[list[str], typer.Argument(metavar="FILE|URL…", help="Pages (.gz too) or addresses.")],
    url: Annotated[str | None, typer.Option(help="Where a single file came from.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Its topic and rules; the shipped topic without.", metavar="FILE")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also what was cut from the body, and by which rule.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Show what would be stored of each page. Stores nothing, sends nothing."""
    from crawler.config import default_config
    from crawler.trying import extract_all

    if url is not None and len(inputs) > 1:
        raise UsageError("--url says where one file came from; there are several")
    loaded = _config(config, None, quiet=True) if config else default_config()
    failed = 0
    for record in extract_all(inputs, url, loaded, explain=explain):
        failed += "error" in record
        if as_json:
            print_json([record])
        else:
            print_record(record)
    return 0 if not failed else 1 if failed == len(inputs) else 3


# ------------------------------------------------------------------------------------------------------- looking


@app.command()
def articles(
    query: Annotated[str | None, typer.Argument(help="Words that must all be there; “…” for a phrase.")] = None,
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    since: Annotated[str | None, typer.Option(help="Published no longer ago than that, such as 2d.")] = None,
    region: RegionOption = None,
    category: CategoryOption = None,
    source: SourceOption = None,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> int:
    """Search what is stored, newest first."""
    from pipelines.reader import Reader
    from pipelines.render import feed_record

    with Reader(_database(config, db)) as reader:
        rows = reader.articles(
            query, since=_since(since), region=_region(region), category=_category(category), source=source, limit=limit
        )
    if as_json:
        print_json(feed_record(row) for row in rows)
    else:
        print_articles(rows)
    return 0


@app.command()
def stories(
    query: Annotated[str | None, typer.Argument(help="Words that must all be in one of its articles.")] = None,
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    since: Annotated[str | None, typer.Option(help="Told no longer ago than that, such as 2d.")] = None,
    region: RegionOption = None,
    category: CategoryOption = None,
    source: SourceOption = None,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> int:
    """Search the stories, each with the outlets that tell it, newest first."""
    from pipelines.reader import Reader

    with Reader(_database(config, db)) as reader:
        rows = reader.stories(
            query, since=_since(since), region=_region(region), category=_category(category), source=source, limit=limit
        )
    if as_json:
        print_json(rows)
    else:
        print_stories(rows)
    return 0


@app.command()
def explain(url: str, config: ConfigOption = CONFIG, db: DbOption = None, as_json: JsonOption = False) -> int:
    """Say why an article is kept or not, with the evidence."""
    from pipelines.explaining import explain as explained
    from pipelines.reader import Reader

    with Reader(_database(config, db)) as reader:
        record = explained(reader, url)
    if as_json:
        print_json([record])
    else:
        print_explanation(record)
    return 0


@rules_app.command("test")
def rules_test(
    rules: Annotated[list[str] | None, typer.Argument(metavar="[RULE]…", help="Ids of rules; all without.")] = None,
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    since: Annotated[str | None, typer.Option(help="Articles published no longer ago than that, such as 30d.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="Another configuration: which alerts come, which go.", metavar="FILE")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Run rules over what is stored: what would have alerted, and why. Sends nothing."""
    from scheduler import backtest

    loaded = _config(config, db, quiet=True)
    other = _config(against, None, quiet=True) if against else None
    records = backtest(loaded, rules or [], _since(since), other)
    if as_json:
        print_json(records)
    else:
        print_backtest(records)
    return 0


@app.command()
def status(config: ConfigOption = CONFIG, db: DbOption = None, as_json: JsonOption = False) -> int:
    """Show each source's health, the queue of alerts, the database."""
    from pipelines.reader import Reader

    with Reader(_database(config, db)) as reader:
        record = {
            "database": reader.counts(),
            "network_down_since": reader.mark("network_down_since"),
            "channels": reader.channels(),
            "sources": reader.sources(),
        }
    if as_json:
        print_json([record])
    else:
        print_status(record)
    return 0


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; must not exist yet.")],
    config: ConfigOption = CONFIG,
    db: DbOption = None,
) -> int:
    """Write a consistent, checked copy of the database, also while the daemon runs."""
    from pipelines.upkeep import back_up

    count = back_up(_database(config, db), target)
    print(f"{count} articles, {target.stat().st_size / 1e6:.1f} MB in {target}; checked")
    return 0


@app.command()
def doctor(config: ConfigOption = CONFIG, db: DbOption = None, as_json: JsonOption = False) -> int:
    """Say what is wrong with this installation, and how to mend it."""
    from dataclasses import asdict

    from doctor import examine

    findings = examine(config, db)
    if as_json:
        print_json(asdict(finding) for finding in findings)
    else:
        print_findings(findings)
    return 1 if any(finding.level == "problem" for finding in findings) else 0


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
        print_json(records)
    else:
        rows = [
            (r["id"], r["name"], r["region_name"], ", ".join(kind for item in r["discover"] for kind in item), r["url"])
            for r in records
        ]
        print_table(("id", "name", "region", "discover", "url"), rows)
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
        print_json(records)
    else:
        rows = [
            (r["source"], r["discover"], "works" if r["works"] else "fails", r["found"], r["readable"], r["problem"])
            for r in records
        ]
        print_table(("source", "discover", "", "found", "readable", "problem"), rows)
    broken = {r["source"] for r in records if not r["works"]}
    works = {r["source"] for r in records if r["works"]}
    return 0 if not broken else 1 if not works else 3


# --------------------------------------------------------------------------------------------------------- alerts


@alerts_app.command("list")
def alerts_list(
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> int:
    """List the newest alerts and what became of them."""
    from pipelines.reader import Reader

    with Reader(_database(config, db)) as reader:
        rows = reader.alerts(limit)
    if as_json:
        print_json(rows)
    else:
        columns = ("created_at", "channel", "type", "state", "attempts", "next_attempt_at", "error", "title")
        print_table(columns, [tuple(row[name] for name in columns) for row in rows])
    return 0


@alerts_app.command("retry")
def alerts_retry(config: ConfigOption = CONFIG, db: DbOption = None, as_json: JsonOption = False) -> int:
    """Send those that wait or have failed, now."""
    from scheduler import retry_alerts

    record = _run(retry_alerts(_config(config, db, quiet=True)))
    if as_json:
        print_json([record])
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
        print_json([{"channel": channel, "sent": attempt.result == "sent", "error": attempt.error or None}])
    else:
        print(f"{channel}: {'works' if attempt.result == 'sent' else attempt.error}")
    return 0 if attempt.result == "sent" else 1


# ----------------------------------------------------------------------------------------------------------- feed


@feed_app.command("export")
def feed_export(
    form: Annotated[str, typer.Option("--format", help="jsonl or csv.")],
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    after: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Only what changed after this seq.")] = 0,
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
            try:
                with output.open("w", encoding="utf-8", newline="") as file:
                    count = write_feed(reader.feed(after), form, file)
            except OSError as error:
                raise UsageError(f"--output: {output} cannot be written: {error.strerror}") from error
            print(f"{count} articles written to {output}", file=sys.stderr)
    return 0


# --------------------------------------------------------------------------------------------------------- shared


def _config(path: Path, db: Path | None, *, quiet: bool = False) -> Config:
    from crawler.config import load_config
    from crawler.logs import set_up_logging

    loaded = load_config(path, database=db.absolute() if db else None)
    level = "DEBUG" if os.environ.get("PANTAU_DEBUG") else "WARNING" if quiet else "INFO"
    set_up_logging(loaded.secrets(), level, loaded.settings.logs)
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


def _category(text: str | None) -> str | None:
    from crawler.items import CATEGORIES

    if text is not None and text not in CATEGORIES:
        raise UsageError(f"no category {text!r}; there are: {', '.join(CATEGORIES)}")
    return text


def entry_point() -> NoReturn:
    """The `pantau` script."""
    sys.exit(main())


if __name__ == "__main__":
    entry_point()
