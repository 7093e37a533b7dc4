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
    Listener,
    Progress,
    print_addition,
    print_articles,
    print_backtest,
    print_checks,
    print_explanation,
    print_findings,
    print_json,
    print_outcome,
    print_record,
    print_status,
    print_stories,
    print_summaries,
    print_table,
    summary_record,
)

if TYPE_CHECKING:
    from crawler.config import Config
    from watch import Summary

T = TypeVar("T")
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Watch regional Indonesian news for the neutrality of civil servants (netralitas ASN).",
)
sources_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The watch list: list it, try it, add to it."
)
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
AfterOption = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Only what changed after this seq.")]
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
    from watch import FAILED, crawl_once, named_sources

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
    from watch import try_once

    memories = {}
    if config.settings.database.exists():
        with Reader(config.settings.database) as reader:
            memories = {source.id: reader.memory(source.id) for source in wanted}
    return _run(try_once(config, wanted, memories, since=since, limit=limit, on_progress=progress.articles))


@app.command()
def init(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="What to write; must not exist yet.")] = CONFIG,
    region: RegionOption = None,
    notify: Annotated[str | None, typer.Option(help="telegram, email, webhook or nobody.")] = None,
    to: Annotated[
        str | None, typer.Option(help="The chat's number, the e-mail address, the webhook's address.")
    ] = None,
) -> int:
    """Write a first configuration: asks for the region, who is told, and where."""
    from crawler.beginning import ASK_TO, begin
    from pipelines.wilayah import region_name

    if file.exists():
        raise UsageError(f"{file} exists; init overwrites nothing")
    code = _region(region or _asked("--region", "Which province, kabupaten or kota?")) or ""
    notify = notify or _asked("--notify", "Who is to be told (telegram, email, webhook, nobody)?")
    if to is None and notify in ASK_TO:
        to = _asked("--to", ASK_TO[notify])
    beginning = begin(file, code, region_name(code) or "", notify, to or "")
    print(f"{file}: {beginning.outlets} outlets")
    for line in beginning.exports:
        print(f"  {line}")
    print("next: pantau sources check, pantau crawl --no-alerts, pantau run")
    return 0


@app.command()
def run(config: ConfigOption = CONFIG, db: DbOption = None) -> int:
    """Watch for ever: poll what is due, store, alert. SIGTERM ends it."""
    from crawler.config import load_config
    from scheduler import run_daemon

    asyncio.run(run_daemon(_config(config, db), lambda: load_config(config, database=db.absolute() if db else None)))
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
    warc: Annotated[
        list[Path] | None, typer.Option("--warc", help="Any WARC file, in place of what is stored.", metavar="FILE")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Run rules over what is stored, or over WARC files: what would have alerted, and why. Sends nothing."""
    from watch import backtest

    loaded = _config(config, db, quiet=True)
    other = _config(against, None, quiet=True) if against else None
    rows = None
    if warc:
        from reprocessing import rows_of_files

        rows = _run(rows_of_files(loaded, warc, _since(since)))
    records = backtest(loaded, rules or [], _since(since), other, rows)
    if as_json:
        print_json(records)
    else:
        print_backtest(records)
    return 0


@app.command()
def status(config: ConfigOption = CONFIG, db: DbOption = None, as_json: JsonOption = False) -> int:
    """Show each source's health, the queue of alerts, the database."""
    from dataclasses import asdict

    from pipelines.database import holder
    from pipelines.reader import Reader

    database = _database(config, db)
    writer = holder(database)
    with Reader(database) as reader:
        record = {
            "writer": asdict(writer) if writer else None,
            "database": reader.counts(),
            "network_down_since": reader.mark("network_down_since"),
            "channels": reader.channels(),
            "subscriptions": reader.subscriptions(),
            "sources": reader.sources(),
        }
    if as_json:
        print_json([record])
    else:
        print_status(record)
    return 0


@app.command()
def evidence(
    article: Annotated[int, typer.Argument(metavar="ID", help="The article's id (`pantau articles --json` shows it).")],
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="The zip; evidence-ID.zip without.", metavar="FILE")
    ] = None,
) -> int:
    """Gather an article, its wordings, the answers behind them and hashes into one zip that can be kept."""
    from pipelines.evidence import gather

    target = output or Path(f"evidence-{article}.zip")
    files = gather(_database(config, db), article, target, datetime.now(UTC))
    print(f"{target}: {', '.join(files)}")
    return 0


@app.command()
def reprocess(
    warc: Annotated[
        list[Path] | None, typer.Option("--warc", help="Any WARC file, in place of the archive.", metavar="FILE")
    ] = None,
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; store nothing.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Clean, match and label archived answers again, after rules improved. Fakes no revision, alerts nobody."""
    from reprocessing import reprocess_archive, reprocess_files

    loaded = _config(config, db, quiet=True)
    with Progress(1, enabled=not as_json) as progress:
        if warc:
            outcome, _ = _run(reprocess_files(loaded, warc, dry_run=dry_run, on_article=progress.count))
        else:
            outcome = _run(reprocess_archive(loaded, dry_run=dry_run, on_article=progress.count))
    if as_json:
        print_json([outcome.record()])
    else:
        print_outcome(outcome)
    return 0 if not outcome.problems else 1 if len(outcome.problems) == outcome.looked_at else 3


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; must not exist yet.")],
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Write a consistent, checked copy of the database, also while the daemon runs."""
    from pipelines.upkeep import back_up

    count = back_up(_database(config, db), target)
    if as_json:
        print_json([{"file": str(target), "articles": count, "bytes": target.stat().st_size}])
    else:
        print(f"{count} articles, {target.stat().st_size / 1e6:.1f} MB in {target}; checked")
    return 0


@app.command()
def serve(
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8001,
    public: Annotated[
        bool, typer.Option("--public", help="Serve a copy without recipients, rules and errors, for everybody.")
    ] = False,
    host: Annotated[
        str, typer.Option(help="The address to listen on; another one than this machine's with --public alone.")
    ] = "127.0.0.1",
) -> int:
    """Serve the web page of what is stored: stories, map, coverage, Datasette's tables."""
    from zoneinfo import ZoneInfo

    from crawler.config import default_config
    from web.plugin import Site
    from web.serving import listen
    from web.serving import serve as serve_page

    if not public and host not in ("127.0.0.1", "::1", "localhost"):
        raise UsageError(f"--host {host}: without --public the page is for this machine alone")
    settings = (default_config() if db and not config.exists() else _config(config, db, quiet=True)).settings
    site = Site(db or settings.database, ZoneInfo(settings.timezone), settings.language, public)
    try:
        listening = listen(host, port)
    except OSError as error:
        why = str(error.strerror or error).partition(" (")[0]  # Python says the address once more
        raise UsageError(f"{host}:{port} cannot be listened on: {why}; --port names another") from error
    with listening:
        serve_page(site, listening, lambda: print(f"http://{host}:{port}/  (Ctrl-C ends it)", flush=True))
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
    from crawler.identity import without_login
    from crawler.logs import hider
    from pipelines.wilayah import region_name

    loaded = _config(config, None, quiet=True)
    hide = hider(loaded.secrets())  # an address may hold a token
    records = [
        {
            "id": source.id,
            "name": source.name,
            "url": hide(without_login(source.url)[0]),
            "region": source.region,
            "region_name": region_name(source.region) if source.region else None,
            "every_s": source.every_s,
            "discover": [{item.kind: hide(without_login(item.url)[0])} for item in source.discover],
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
    db: DbOption = None,
    as_json: JsonOption = False,
) -> int:
    """Try each source live, three articles of each way of discovery: what works, since when, what is wrong, what would work.

    Stores nothing, sends nothing.
    """
    from crawler.adding import propose
    from crawler.trying import check_sources
    from pipelines.reader import Reader
    from watch import named_sources

    loaded = _config(config, db, quiet=True)
    wanted = named_sources(loaded, ids or [])
    records = check_sources(loaded, wanted)
    works = {r["source"] for r in records if r["works"]}
    proposals = propose(loaded, [source for source in wanted if source.id not in works])
    standing = {}
    if loaded.settings.database.exists():
        with Reader(loaded.settings.database) as reader:
            standing = {row["id"]: row for row in reader.sources()}
    for record in records:
        known, way = standing.get(record["source"]), proposals.get(record["source"])
        record["state"] = known["state"] if known else None
        record["state_since"] = known["state_since"] if known else None
        record["proposal"] = {way.kind: way.url} if way else None
    if as_json:
        print_json(records)
    else:
        print_checks(records)
    broken = {r["source"] for r in records if not r["works"]}
    return 0 if not broken else 1 if not works else 3


@sources_app.command("add")
def sources_add(
    url: Annotated[str, typer.Argument(help="The site, or its feed, sitemap or a page that lists articles.")],
    config: ConfigOption = CONFIG,
    region: RegionOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what was found, write nothing.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Find how a site is read, show five of its articles as they would be stored, and append it to the configuration."""
    from crawler.adding import add_source
    from pipelines.wilayah import region_name

    code = _region(region)
    addition = add_source(config, url, region_name(code) if code else None, write=not dry_run)
    if as_json:
        print_json([addition.record() | {"written": addition.entry is not None and not dry_run}])
    else:
        print_addition(addition.record(), str(config), dry_run)
    return 0 if addition.entry else 1


@sources_app.command("import")
def sources_import(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="OPML, or CSV with columns such as name, url, feed, region.")
    ],
    config: ConfigOption = CONFIG,
    as_json: JsonOption = False,
) -> int:
    """Append the outlets of an OPML or CSV file to the configuration, without trying them."""
    from dataclasses import asdict

    from crawler.exchange import import_sources

    imported = import_sources(config, file)
    if as_json:
        print_json([asdict(imported)])
    else:
        for line in (*imported.duplicates, *imported.wrong):
            print(f"left out: {line}")
        added, left = len(imported.added), len(imported.duplicates) + len(imported.wrong)
        print(f"{added} added to {config}, {left} left out" + ("; pantau sources check tries them" if added else ""))
    return 0 if not imported.wrong else 3 if imported.added else 1


@sources_app.command("export")
def sources_export(
    config: ConfigOption = CONFIG,
    output: Annotated[Path | None, typer.Option(help="A file; standard output without.", metavar="FILE")] = None,
) -> int:
    """Write the feeds of the watch list as OPML."""
    from crawler.exchange import export_opml

    document, left_out = export_opml(_config(config, None, quiet=True))
    if output is None:
        sys.stdout.buffer.write(document)
    else:
        try:
            output.write_bytes(document)
        except OSError as error:
            raise UsageError(f"--output: {output} cannot be written: {error.strerror}") from error
    if left_out:
        print(f"left out, without a feed or with a secret in its address: {', '.join(left_out)}", file=sys.stderr)
    return 0


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
    from watch import retry_alerts

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
    from watch import try_channel

    attempt = _run(try_channel(_config(config, None, quiet=True), channel))
    if as_json:
        print_json([{"channel": channel, "sent": attempt.result == "sent", "error": attempt.error or None}])
    else:
        print(f"{channel}: {'works' if attempt.result == 'sent' else attempt.error}")
    return 0 if attempt.result == "sent" else 1


# ----------------------------------------------------------------------------------------------------------- feed


@feed_app.command("export")
def feed_export(
    form: Annotated[str, typer.Option("--format", help="jsonl, csv, parquet, atom, rss or jsonfeed.")],
    config: ConfigOption = CONFIG,
    db: DbOption = None,
    after: AfterOption = 0,
    output: Annotated[Path | None, typer.Option(help="A file; standard output without.", metavar="FILE")] = None,
) -> int:
    """Write the feed in a format for other programs."""
    from pipelines.feed import FORMATS, export_feed, write_feed
    from pipelines.reader import Reader

    if form not in FORMATS:
        raise UsageError(f"no format {form!r}; there are: {', '.join(FORMATS)}")
    with Reader(_database(config, db)) as reader:
        if output is None:
            write_feed(reader.feed(after), form, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            count = export_feed(reader.feed(after), form, output)
            print(f"{count} articles written to {output}", file=sys.stderr)
    return 0


@feed_app.command("follow")
def feed_follow(config: ConfigOption = CONFIG, db: DbOption = None, after: AfterOption = 0) -> int:
    """Print the feed as JSON lines, and go on as articles arrive. Ends with SIGTERM, Ctrl-C, or when nobody reads any more."""
    from pipelines.feed import follow, json_line
    from pipelines.reader import Reader

    with Reader(_database(config, db)) as reader, Listener() as listener:
        for row in follow(reader, after, listener.wait):
            if not listener.write(json_line(row)):
                break
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
    found: list[T] = []

    async def run() -> (
        None
    ):  # returns nothing: up to Python 3.12 asyncio writes down the result of a whole crawl for nobody
        found.append(await job)

    asyncio.run(run())
    return found[0]


def _asked(option: str, question: str) -> str:
    """Return a person's answer; where there is nobody to ask, the option is missing."""
    if not sys.stdin.isatty():
        raise UsageError(f"{option} is missing: {question}")
    return str(typer.prompt(question, prompt_suffix=" ")).strip()


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
