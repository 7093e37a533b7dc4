"""The command line as a user meets it: output, JSON, exit statuses, errors."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import gzip
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from newsroom import Newsroom, WebhookReceiver
from tests.conftest import Desk

COMMANDS = (
    "crawl",
    "run",
    "demo",
    "extract",
    "explain",
    "articles",
    "stories",
    "status",
    "sources",
    "rules",
    "alerts",
    "feed",
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk after one crawl, for tests that only look."""
    with Newsroom() as newsroom, WebhookReceiver() as receiver:
        desk = Desk(tmp_path_factory.mktemp("desk"), newsroom, receiver)
        desk.configure()
        desk.crawl()
        yield desk


def test_help_names_every_command_and_answers_at_once() -> None:
    times = []
    for _ in range(3):
        started = time.monotonic()
        done = subprocess.run(Desk.command("--help"), capture_output=True, text=True, check=True)
        times.append(time.monotonic() - started)
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    # Bare Python needs 0.02 s and Scrapy alone 0.5 s: whoever imports it for --help is found here, on any machine.
    code = "import sys, cli; print(sorted({'scrapy', 'trafilatura', 'lxml', 'sqlite_utils', 'httpx', 'pydantic', 'apprise', 'rich.table'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_a_crawl_prints_a_summary_and_plain_progress(desk: Desk) -> None:
    done = desk.pantau("crawl", "phinisi", "tolirepost")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split("\t") == ["source", "outcome", "found", "new", "kept", "duplicates", "errors"]
    assert {line.split("\t")[0] for line in lines[1:3]} == {"phinisi", "tolirepost"}
    assert "alerts: " in done.stdout
    assert "[2/2]" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_some_failed_sources_mean_status_3_and_all_of_them_1(desk: Desk) -> None:
    desk.newsroom.broken("phinisi", 500)
    done = desk.pantau("crawl", "--json", "phinisi", "tolirepost")
    assert done.returncode == 3
    records = {record["source"]: record for record in map(json.loads, done.stdout.splitlines())}
    assert records["phinisi"]["outcome"] in ("failed", "refused")
    assert records["phinisi"]["errors"] == len(records["phinisi"]["problems"]) > 0
    assert records["tolirepost"]["outcome"] == "ok"
    assert desk.pantau("crawl", "phinisi").returncode == 1


def test_a_dry_run_stores_and_sends_nothing(desk: Desk) -> None:
    done = desk.pantau("crawl", "--dry-run", "--json", "tolirepost")
    assert done.returncode == 0
    assert json.loads(done.stdout)["kept"] > 0
    assert not desk.database.exists()
    assert desk.receiver.deliveries == []


def test_no_alerts_stores_and_raises_none_even_later(desk: Desk) -> None:
    desk.crawl("tolirepost", "--no-alerts")
    assert desk.rows()
    desk.crawl("tolirepost")
    assert desk.rows("SELECT * FROM alerts") == []
    assert desk.receiver.deliveries == []


def test_limit_takes_the_newest_and_the_rest_comes_with_the_next_crawl(desk: Desk) -> None:
    first = desk.crawl("koransekanak", "--limit", "3")["koransekanak"]
    assert (first["found"], first["new"]) == (3, 3)
    newest = sorted(
        (t for t in desk.newsroom.truths() if t.outlet == "koransekanak"), key=lambda t: t.published_at, reverse=True
    )
    stored = {row["title"] for row in desk.rows()}
    assert stored <= {truth.title for truth in newest[:4]}  # a listing may hold a dead link among the newest
    rest = desk.crawl("koransekanak")["koransekanak"]
    assert rest["new"] > 0
    assert {row["title"] for row in desk.rows()} == {truth.title for truth in newest if truth.on_topic}


def test_since_leaves_out_what_is_older(desk: Desk) -> None:
    ages = sorted(
        truth.published_at for truth in desk.newsroom.truths() if truth.outlet == "phinisi" and truth.on_topic
    )
    desk.crawl("phinisi", "--since", "1h")
    recent = [row["published_at"] for row in desk.rows()]
    assert len(recent) < len(ages)
    desk.crawl("phinisi")
    assert len(desk.rows()) == len(ages)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["crawl", "--config", "none.yaml"], "none.yaml"),
        (["crawl", "nobody"], "no source 'nobody'"),
        (["crawl", "--since", "soon"], "--since: found 'soon'"),
        (["articles", "--category", "gosip"], "no category 'gosip'"),
        (["articles", "--region", "Solok"], "Kota Solok"),
        (["articles", "--region", "Palembangg"], "did you mean Kota Palembang"),
        (["feed", "export", "--format", "xls"], "no format 'xls'"),
        (["alerts", "test", "nobody"], "no channel 'nobody'"),
        (["extract", "a.html", "b.html", "--url", "https://x.example/a"], "one file"),
        (["crawl", "--limit", "0"], "--limit"),
        (["nonsense"], "nonsense"),
        (["crawl", "--nonsense"], "--nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_usage_errors_say_what_is_wrong_with_status_2(filled: Desk, arguments: list[str], words: str) -> None:
    done = filled.pantau(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_broken_configuration_names_every_problem_with_its_line_and_makes_no_request(desk: Desk) -> None:
    desk.config.write_text(
        desk.config.read_text()
        .replace("region:", "regoin:")
        .replace("timezone: Asia/Jakarta", "timezone: Asia/Jakatra")
    )
    desk.newsroom.clear()
    done = desk.pantau("crawl")
    assert done.returncode == 2
    assert done.stderr.count("regoin") >= len(desk.newsroom.outlets)
    assert "sources.yaml:" in done.stderr
    assert "did you mean" in done.stderr
    assert desk.newsroom.requests == []


def test_a_command_without_a_database_says_how_to_make_one(desk: Desk) -> None:
    done = desk.pantau("status")
    assert (done.returncode, "pantau crawl" in done.stderr) == (1, True)


def test_debug_shows_a_traceback_and_only_debug_does(desk: Desk) -> None:
    assert "Traceback" in desk.pantau("--debug", "crawl", "nobody").stderr
    assert "Traceback" not in desk.pantau("crawl", "nobody").stderr


def test_articles_searches_filters_and_prints_json(filled: Desk) -> None:
    found = [
        json.loads(line)
        for line in filled.pantau("articles", "netralitas", "--json", "--limit", "5").stdout.splitlines()
    ]
    assert 0 < len(found) <= 5
    assert isinstance(found[0]["matches"], list)
    dates = [row["published_at"] for row in found]
    assert dates == sorted(dates, reverse=True)
    only = filled.pantau("articles", "--region", "Sumsel", "--json", "--limit", "100").stdout.splitlines()
    assert {json.loads(line)["province_code"] for line in only} == {"16"}
    assert filled.pantau("articles", "zzzz").stdout == "nothing found\n"


def test_status_tells_of_sources_alerts_and_the_database(filled: Desk) -> None:
    done = filled.pantau("status")
    assert "koransekanak\tok" in done.stdout
    assert "articles in" in done.stdout
    record = json.loads(filled.pantau("status", "--json").stdout)
    assert record["database"]["articles"] == len(filled.rows())
    assert {source["state"] for source in record["sources"]} == {"ok"}
    assert "daemon: does not run" in done.stdout


def test_on_a_terminal_of_80_columns_status_has_a_line_a_source(filled: Desk) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(filled.command("status"), cwd=filled.folder, stdout=slave, stdin=slave)
    os.close(slave)
    printed = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while block := os.read(master, 65_536):
            printed += block
    os.close(master)
    assert process.wait(30) == 0
    lines = re.sub(r"\x1b\[[0-9;]*m|\r", "", printed.decode()).splitlines()
    assert [line for line in lines if len(line) > 80] == []
    names = tuple(outlet.id for outlet in filled.newsroom.outlets)
    assert sum(line.startswith(names) for line in lines) == len(names)


def test_the_feed_is_exported_whole_or_after_a_seq(filled: Desk) -> None:
    rows = filled.rows("SELECT * FROM feed ORDER BY seq")
    lines = filled.pantau("feed", "export", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [row["seq"] for row in rows]
    target = filled.folder / "berita.csv"
    assert (
        filled.pantau(
            "feed", "export", "--format", "csv", "--after", str(rows[2]["seq"]), "--output", str(target)
        ).returncode
        == 0
    )
    table = list(csv.DictReader(io.StringIO(target.read_text("utf-8"), newline="")))
    assert [row["url"] for row in table] == [row["url"] for row in rows[3:]]


def test_alerts_list_and_test_and_retry(desk: Desk) -> None:
    desk.receiver.answer_next(1, status=400)
    assert desk.pantau("crawl", "tolirepost").returncode == 0
    listed = [json.loads(line) for line in desk.pantau("alerts", "list", "--json").stdout.splitlines()]
    assert [alert["state"] for alert in listed].count("failed") == 1
    done = desk.pantau("alerts", "retry")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 sent" in done.stdout
    assert {
        alert["state"] for alert in map(json.loads, desk.pantau("alerts", "list", "--json").stdout.splitlines())
    } == {"sent"}
    assert len(desk.receiver.accepted) == len(listed)
    desk.receiver.clear()
    assert desk.pantau("alerts", "test", "arsip").returncode == 0
    assert desk.receiver.deliveries[0].json["type"] == "channel.test"
    assert desk.receiver.deliveries[0].verified
    desk.receiver.answer_next(1, status=500)
    assert desk.pantau("alerts", "test", "arsip").returncode == 1


def page_of(desk: Desk, folder: Path) -> tuple[Path, object]:
    from urllib.request import urlopen

    truth = next(
        truth
        for truth in desk.newsroom.truths()
        if truth.on_topic and truth.pages == 1 and truth.outlet == "koransekanak"
    )
    page = folder / "halaman.html.gz"
    with urlopen(truth.url) as answer:
        page.write_bytes(gzip.compress(answer.read()))
    return page, truth


def test_extract_shows_what_would_be_stored_of_a_file(filled: Desk, tmp_path: Path) -> None:
    page, truth = page_of(filled, tmp_path)
    done = filled.pantau("extract", str(page), "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["input"], record["title"], record["body"]) == (str(page), truth.title, truth.body)
    assert record["url"] == truth.canonical
    assert record["published_at"] == f"{truth.published_at:%Y-%m-%dT%H:%M}:00Z"
    assert record["matches"]
    assert record["rules"] == []
    other = json.loads(
        filled.pantau(
            "extract", str(page), "--json", "--config", "sources.yaml", "--url", "https://lain.example/berita/1"
        ).stdout
    )
    assert other["rules"] == ["semua"]
    assert {match["rule"] for match in other["matches"]} == {"topic", "semua"}


def test_extract_of_several_pages_goes_on_after_a_bad_one(filled: Desk, tmp_path: Path) -> None:
    page, _ = page_of(filled, tmp_path)
    off = tmp_path / "banjir.html"
    off.write_text(
        "<html><title>Banjir di hulu</title><body><article><h1>Banjir di hulu</h1>"
        + "<p>Sungai meluap sejak malam tadi dan warga mengungsi ke balai desa terdekat.</p>" * 5
    )
    done = filled.pantau("extract", str(page), str(tmp_path / "none.html"), str(off), "--json")
    assert done.returncode == 3
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert records[1]["error"].startswith("cannot be read")
    assert (records[2]["matches"], records[2]["rules"]) == ([], [])
    assert records[2]["title"] == "Banjir di hulu"


def test_extract_fetches_an_address_as_a_crawl_would(filled: Desk) -> None:
    truth = next(truth for truth in filled.newsroom.truths() if truth.pages > 1 and truth.on_topic)
    record = json.loads(filled.pantau("extract", truth.url, "--config", "sources.yaml", "--json").stdout)
    assert (record["title"], record["body"]) == (truth.title, truth.body)
    refused = filled.pantau("extract", truth.url, "--json")  # without a configuration private networks are closed
    assert refused.returncode == 1
    assert "refused_address" in json.loads(refused.stdout)["error"]


def test_sources_are_listed_and_checked(filled: Desk) -> None:
    listed = [json.loads(line) for line in filled.pantau("sources", "list", "--json").stdout.splitlines()]
    assert [source["id"] for source in listed] == [outlet.id for outlet in filled.newsroom.outlets]
    filled.newsroom.broken("phinisi", 503)
    try:
        done = filled.pantau("sources", "check", "phinisi", "tingangmedia", "--json")
    finally:
        filled.newsroom.broken("phinisi", None)
    records = {record["source"]: record for record in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, records["phinisi"]["works"], records["tingangmedia"]["works"]) == (3, False, True)
    assert records["phinisi"]["problem"]


def test_stories_are_shown_with_their_outlets(filled: Desk) -> None:
    found = [json.loads(line) for line in filled.pantau("stories", "--json", "--limit", "100").stdout.splitlines()]
    assert {story["id"] for story in found} == {row["story_id"] for row in filled.rows()}
    shared = max(found, key=lambda story: story["outlets"])
    assert shared["outlets"] >= 3
    assert len({article["outlet"] for article in shared["told_by"]}) == shared["outlets"]
    assert shared["title"] in filled.pantau("stories", "--limit", "100").stdout


def test_rules_are_tried_on_what_is_stored_and_compared(filled: Desk, tmp_path: Path) -> None:
    record = json.loads(filled.pantau("rules", "test", "--json").stdout)
    alerts = filled.rows("SELECT DISTINCT story_id FROM alerts")
    assert (record["rule"], record["alerts"]) == ("semua", len(alerts))
    assert sum(record["by_day"].values()) == sum(record["by_source"].values()) == record["alerts"]
    assert "**" in record["samples"][0]["evidence"][0]
    other = tmp_path / "lain.yaml"
    other.write_text(filled.config.read_text("utf-8").replace('[ASN, PNS, "~netral"]', '["~sanksi"]'), "utf-8")
    compared = json.loads(filled.pantau("rules", "test", "--json", "--against", str(other)).stdout)
    assert compared["come"]
    assert len(compared["come"]) < record["alerts"]
    assert filled.pantau("rules", "test", "nobody").returncode == 2


def test_extract_explains_what_was_cut(filled: Desk, tmp_path: Path) -> None:
    page, truth = page_of(filled, tmp_path)
    record = json.loads(filled.pantau("extract", str(page), "--json", "--explain").stdout)
    assert record["cut"]
    assert all(": " in line for line in record["cut"])
    assert record["date_evidence"]
    assert record["body"] == truth.body


def test_explain_says_why_an_article_is_kept_a_duplicate_off_topic_or_unknown(filled: Desk) -> None:
    truths = filled.newsroom.truths()

    def explained(url: str) -> dict[str, object]:
        return json.loads(filled.pantau("explain", url, "--json").stdout)

    kept = explained(next(truth.url for truth in truths if truth.on_topic and truth.outlet == "phinisi"))
    assert kept["state"] == "kept"
    assert any("**" in match["sentence"] and match["rule"] == "topic" for match in kept["matches"])
    assert kept["cut"]
    assert kept["date_evidence"]
    assert kept["story"]["told_by"]
    assert kept["alerts"]
    twin = next(truth for truth in truths if truth.also_at)
    states = {explained(url)["state"] for url in (twin.url, *twin.also_at)}
    assert states == {"kept", "duplicate"}
    off = explained(next(truth.url for truth in truths if truth.near_miss and truth.outlet == "phinisi"))
    assert (off["state"], off["source"]) == ("off_topic", "phinisi")
    assert explained("https://lain.example/tak/pernah/dilihat")["state"] == "unknown"
    shown = filled.pantau("explain", str(kept["url"])).stdout
    assert "matched topic" in shown
    assert "category" in shown


def test_a_bug_of_ours_is_one_line_without_debug(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import cli

    def broken(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.delenv("PANTAU_DEBUG", raising=False)
    monkeypatch.setattr("pipelines.reader.Reader", broken)
    assert cli.main(["status", "--db", "any.db"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("pantau: unexpected KeyError")
    assert "Traceback" not in printed.err
