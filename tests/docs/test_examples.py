"""Every fenced block of the documentation is true: configurations load, commands parse, programs and queries run."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer.main
from ruamel.yaml import YAML
from standardwebhooks import Webhook

import cli
from crawler.config import Config, load_config
from crawler.sourcesfile import SourcesFile
from pipelines.matching import Matcher
from tests.conftest import Desk, end, wait_for
from tests.docs.pages import ROOT, Block, blocks, commands, inline, pantau_commands

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SOURCE = "sources: [{id: a, name: A, url: https://a.example, discover: [{feed: https://a.example/rss}]}]\n"
CHANNEL = "{apprise: 'json://a.example'}"
PANTAU = typer.main.get_command(cli.app)
# What reads alone, and so is run on the demo's database; others would crawl, serve or write a configuration.
READING = {
    *("articles", "stories", "explain", "status", "evidence", "backup"),
    *("rules test", "feed export", "sources list", "alerts list"),
}


def ids(block: Block) -> str:
    return block.place


def test_every_block_says_what_it_is() -> None:
    known = {"sh", "yaml", "python", "sql", "json", "text"}
    pictures = [block.place for block in blocks("") if "─►" in block.text]
    assert [block.place for block in blocks() if block.language not in known and block.place not in pictures] == []


# ------------------------------------------------------------------------------------------------------ configurations


def loaded(tmp_path: Path, text: str) -> Config:
    """Return the configuration of a block; what it needs from a whole file and does not say itself is put beside it."""
    tree = YAML(typ="safe").load(text)
    assert set(tree) <= set(SourcesFile.model_fields), "no part of sources.yaml"
    told = {channel for rule in tree.get("rules", ()) for channel in rule.get("notify", ())}
    told |= set(tree.get("alerts", {}).get("health", ()))
    if "sources" not in tree:
        text += SOURCE
    if told and "channels" not in tree:
        text += "channels: {" + ", ".join(f"{channel}: {CHANNEL}" for channel in told) + "}\n"
    path = tmp_path / "sources.yaml"
    path.write_text(text, "utf-8")
    return load_config(
        path, environ=dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "123456") | {"WEBHOOK_SECRET": SECRET}
    )


@pytest.mark.parametrize("block", blocks("yaml"), ids=ids)
def test_a_configuration_loads(tmp_path: Path, block: Block) -> None:
    assert loaded(tmp_path, block.text).sources


def test_the_first_file_of_the_readme_is_five_lines_and_takes_its_rule(tmp_path: Path) -> None:
    first, more = (block.text for block in blocks("yaml") if block.page == "README.md")
    assert len(first.strip().splitlines()) == 5
    config = loaded(tmp_path, first + more)
    assert (config.sources[0].id, config.rules[0].notify) == ("outlet-saya", ("redaksi",))


# ------------------------------------------------------------------------------------------------------------ commands


def command_of(words: list[str]) -> tuple[str, Any, list[str]]:
    """Return the name of the command that the words begin with, the command, and the other words."""
    command: Any = PANTAU
    name: list[str] = []
    while words and hasattr(command, "commands") and words[0] in command.commands:
        name.append(words[0])
        command, words = command.commands[words[0]], words[1:]
    return " ".join(name), command, words


def test_every_command_is_one_and_takes_what_it_is_given() -> None:
    found = pantau_commands()
    assert len(found) > 40
    for place, words in found:
        name, command, rest = command_of(words)
        assert not hasattr(command, "commands"), f"{place}: no such command: {words}"
        try:
            command.make_context(name, list(rest))
        except Exception as error:
            raise AssertionError(f"{place}: pantau {' '.join(words)}: {error}") from error


def test_every_command_named_in_a_sentence_is_one_with_these_options() -> None:
    for page, text in inline("pantau [a-z]"):
        words = re.sub(r"[\[\]…]", " ", text).split()[1:]
        name, command, rest = command_of(words)
        options = {option for param in command.params for option in param.opts}
        assert not hasattr(command, "commands") or (name and not rest), f"{page}: {text}"
        assert {word for word in rest if word.startswith("--")} <= options, f"{page}: {text}"


def test_every_make_target_is_one() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    named = {
        word for block in blocks("sh") for words in commands(block.text) if words[0] == "make" for word in words[1:]
    }
    named |= {text.split()[1] for _, text in inline("make ")}
    assert {"demo", "docs", "test"} <= named <= targets


@pytest.mark.parametrize(
    ("place", "words"), [found for found in pantau_commands() if command_of(found[1])[0] in READING], ids=str
)
def test_a_command_that_reads_runs(
    filled: Desk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: str,
    words: list[str],
) -> None:
    monkeypatch.chdir(filled.folder)
    (filled.folder / "baru.yaml").write_bytes(filled.config.read_bytes())
    row = filled.rows("SELECT id, url FROM feed ORDER BY seq LIMIT 1")[0]
    here = {"https://outlet.example/berita/1": row["url"], "12": str(row["id"])}
    for number, word in enumerate(words):
        if word.startswith("/"):  # a server's path: its database is ours, what is written goes elsewhere
            read = number and words[number - 1] == "--db"
            here[word] = str(filled.database if read else tmp_path / Path(word).name)
    arguments = [here.get(word, word) for word in words]
    if words[0] == "evidence":
        arguments += ["--output", str(tmp_path / "evidence.zip")]
    assert cli.main(arguments) == 0, (place, capsys.readouterr().err)


# ------------------------------------------------------------------------------------------------ queries and programs


@pytest.mark.parametrize(
    "query",
    [block.text for block in blocks("sql")]
    + [text for _, text in inline("SELECT ") if ":" not in text and "?" not in text],
)
def test_a_query_finds_something(filled: Desk, query: str) -> None:
    assert filled.rows(query)


@pytest.mark.parametrize("block", [one for one in blocks("python") if "serve_forever" not in one.text], ids=ids)
def test_a_consumer_reads_the_whole_feed(filled: Desk, block: Block) -> None:
    (filled.folder / "cursor.txt").unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", block.text], cwd=filled.folder, capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == len(filled.rows())


def test_the_receiver_takes_what_is_signed_and_acts_once() -> None:
    (block,) = [one for one in blocks("python") if "serve_forever" in one.text]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", block.text.replace("9000", str(port))],
        env=os.environ | {"WEBHOOK_SECRET": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    body = json.dumps({"type": "channel.test", "timestamp": "2024-11-13T01:06:11Z", "data": {"channel": "arsip"}})
    stamp = int(time.time())
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.digest(key, f"msg_1.{stamp}.{body}".encode(), hashlib.sha256)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(stamp),
        "webhook-signature": "v1,c29tZXRoaW5n v1," + base64.b64encode(digest).decode(),
    }
    Webhook(SECRET).verify(body, headers)

    def post(**more: str) -> int:
        return httpx.post(
            f"http://127.0.0.1:{port}/hook", content=body, headers=headers | more, trust_env=False
        ).status_code

    def listens() -> bool:
        with socket.socket() as trial:
            return trial.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_for(listens, 10)
        assert [post(), post()] == [204, 204]
        assert post(**{"webhook-id": "msg_2"}) == 401
        assert post(**{"webhook-timestamp": str(stamp - 400)}) == 401
    finally:
        process.terminate()
        printed, _ = process.communicate(timeout=10)
        end(process)
    assert printed.splitlines() == ["channel.test "]


def test_the_document_of_a_webhook_has_what_one_has(filled: Desk) -> None:
    (block,) = blocks("json")
    shown = json.loads(block.text)
    (payload, *_) = [
        json.loads(row["payload"])
        for row in filled.rows("SELECT payload FROM alerts WHERE type = 'article.matched' LIMIT 1")
    ]
    assert _form(shown) == _form(payload)


def _form(value: Any) -> Any:
    """Return the keys of a document, whatever their values; of a list the form of its first item."""
    if isinstance(value, dict):
        return {key: _form(item) for key, item in value.items()}
    return [_form(value[0])] if isinstance(value, list) and value and isinstance(value[0], dict) else None


def test_every_term_of_the_table_finds_what_it_says() -> None:
    text = (ROOT / "docs" / "reference" / "expressions.md").read_text("utf-8")
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \|$", text.partition("## Putting terms together")[0], re.M)
    assert len(rows) >= 8
    for term, finds, not_finds in rows:
        matcher = Matcher({"x": term})
        assert all("x" in matcher.find("", word) for word in finds.split(", ")), (term, finds)
        assert not any("x" in matcher.find("", word) for word in not_finds.split(", ")), (term, not_finds)


def test_the_demo_database_is_read_and_not_changed(filled: Desk) -> None:
    assert sqlite3.connect(filled.database).execute("PRAGMA integrity_check").fetchone() == ("ok",)
