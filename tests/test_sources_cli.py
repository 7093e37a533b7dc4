"""`pantau sources add|check|import|export` and `pantau init` as a user meets them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from crawler.config import load_config
from tests.conftest import Desk

HEAD = "# ours\nsettings: {allow_private_networks: true}\ntopic: {any: [ASN, PNS, Bawaslu]}\n"


def test_a_site_is_added_shown_and_then_crawled(desk: Desk) -> None:
    outlet = desk.newsroom.outlet("tingangmedia")
    desk.config.write_text(HEAD, "utf-8")
    tried = desk.pantau("sources", "add", outlet.base_url, "--region", "Kalteng", "--dry-run", "--json")
    assert tried.returncode == 0, tried.stderr
    record = json.loads(tried.stdout)
    assert (record["written"], len(record["articles"])) == (False, 5)
    assert record["entry"]["discover"] == [{"wordpress": outlet.base_url}]
    truths = {truth.canonical: truth for truth in desk.newsroom.truths()}
    assert all(article["body"] == truths[article["url"]].body for article in record["articles"])
    assert desk.config.read_text("utf-8") == HEAD

    done = desk.pantau("sources", "add", outlet.base_url, "--region", "Kalteng")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the topic") == 5
    assert "added to sources.yaml" in done.stdout
    assert desk.config.read_text("utf-8").startswith(HEAD)
    source = load_config(desk.config).sources[0]
    assert (source.name, source.region) == (outlet.name, "62")
    assert desk.crawl()[source.id]["kept"] > 0
    again = desk.pantau("sources", "add", outlet.base_url)
    assert (again.returncode, "already" in again.stderr) == (2, True)


def test_a_site_that_cannot_be_read_is_status_1_with_what_was_tried(desk: Desk) -> None:
    before = desk.config.read_text("utf-8")
    done = desk.pantau("sources", "add", "http://127.0.0.1:1/")
    assert done.returncode == 1
    assert "tried:" in done.stdout
    assert "connect" in done.stdout
    assert desk.config.read_text("utf-8") == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["sources", "add", "ftp://x"],
        ["sources", "add", "https://o.id", "--region", "Atlantis"],
        ["sources", "import", "none.opml"],
        ["init"],
        ["init", "new.yaml", "--region", "Sumsel"],
        ["init", "new.yaml", "--region", "Sumsel", "--notify", "pigeon"],
        ["init", "new.yaml", "--region", "Sumsel", "--notify", "email", "--to", "nobody"],
    ],
    ids=" ".join,
)
def test_usage_errors_are_status_2_and_write_nothing(desk: Desk, arguments: list[str]) -> None:
    before = sorted(desk.folder.iterdir())
    done = desk.pantau(*arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(desk.folder.iterdir()) == before


def test_check_says_since_when_and_what_would_work(desk: Desk) -> None:
    desk.crawl("tolirepost")
    text = desk.config.read_text("utf-8")
    desk.config.write_text(text.replace("/atom.xml", "/pindah.xml"), "utf-8")
    done = desk.pantau("sources", "check", "tolirepost", "--json")
    assert done.returncode == 1, done.stderr
    record = json.loads(done.stdout)
    assert (record["works"], record["state"]) == (False, "ok")  # in the database: of before
    assert record["state_since"]
    assert record["problem"].startswith("gone")
    assert record["proposal"] == {"feed": desk.newsroom.outlet("tolirepost").base_url + "/atom.xml"}
    shown = desk.pantau("sources", "check", "phinisi").stdout.splitlines()
    assert shown[0].split("\t")[-3:] == ["since", "problem", "proposal"]


def test_a_list_is_exported_and_imported_elsewhere(desk: Desk) -> None:
    done = desk.pantau("sources", "export", "--output", "ours.opml")
    assert done.returncode == 0
    assert "simpurmerdeka" in done.stderr  # listing pages are no feeds
    other = desk.folder / "other.yaml"
    added = desk.pantau("sources", "import", "ours.opml", "--config", "other.yaml", "--json")
    record = json.loads(added.stdout)
    assert added.returncode == 0
    assert len(record["added"]) == len(load_config(other).sources) >= 5
    again = desk.pantau("sources", "import", "ours.opml", "--config", "other.yaml")
    assert "0 added to other.yaml" in again.stdout
    assert again.stdout.count("left out: ") == len(record["added"])
    (desk.folder / "bad.csv").write_text("name,url\nA,ftp://x\nB,https://b.id\n")
    assert desk.pantau("sources", "import", "bad.csv", "--config", "other.yaml").returncode == 3


def test_init_writes_a_first_file_from_options_or_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import cli

    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", "--region", "Sumsel", "--notify", "nobody"]) == 0
    assert "outlets" in capsys.readouterr().out
    assert load_config(tmp_path / "sources.yaml").sources
    assert cli.main(["init", "--region", "Sumsel", "--notify", "nobody"]) == 2
    assert "overwrites nothing" in capsys.readouterr().err

    class Person(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Person("Kota Makassar\nwebhook\nhttps://host.example/hook\n"))
    assert cli.main(["init", "other.yaml"]) == 0
    printed = capsys.readouterr().out
    assert "export WEBHOOK_SECRET='whsec_" in printed
    secret = printed.partition("WEBHOOK_SECRET='")[2].partition("'")[0]
    config = load_config(tmp_path / "other.yaml", environ={"WEBHOOK_SECRET": secret})
    assert {source.region for source in config.sources} == {"73"}
    assert config.channels["segera"].webhook == "https://host.example/hook"
