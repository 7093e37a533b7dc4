"""The documentation says what is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from crawler.config import load_config
from crawler.settings import LIMIT_TABLE
from pipelines.reader import Reader
from pipelines.store import Store
from tests.conftest import Desk

ROOT = Path(__file__).parent.parent


def documented(table: str) -> list[str]:
    section = (ROOT / "docs" / "columns.md").read_text("utf-8").split(f"\n## {table}:")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


@pytest.mark.parametrize("table", ["feed", "stories", "revisions", "sources"])
def test_every_column_is_documented_in_a_sentence(tmp_path: Path, table: str) -> None:
    Store(tmp_path / "pantau.db").close()
    with Reader(tmp_path / "pantau.db") as reader:
        columns = {row["name"] for row in reader._rows(f"SELECT name FROM pragma_table_info('{table}')")}
    assert sorted(documented(table)) == sorted(columns)


def test_every_table_is_named(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "columns.md").read_text("utf-8")
    Store(tmp_path / "pantau.db").close()
    with Reader(tmp_path / "pantau.db") as reader:
        names = {row["name"] for row in reader._rows("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
    ours = {name for name in names if not name.startswith(("sqlite_", "_sqlite", "articles_fts_"))}
    assert {name for name in ours if name not in text} == set()


def test_every_limit_has_a_unit_and_a_reason() -> None:
    assert len({limit.name for limit in LIMIT_TABLE}) == len(LIMIT_TABLE)
    assert all(limit.unit and len(limit.reason) > 10 for limit in LIMIT_TABLE)


def yaml_blocks() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)


def test_the_first_sources_yaml_of_the_readme_is_valid_alone_and_with_its_rule(tmp_path: Path) -> None:
    first, more = yaml_blocks()
    assert len(first.strip().splitlines()) == 5
    path = tmp_path / "sources.yaml"
    path.write_text(first, "utf-8")
    assert load_config(path).sources[0].id == "outlet-saya"
    path.write_text(first + more, "utf-8")
    assert load_config(path, environ={"TELEGRAM_TOKEN": "1:a", "TELEGRAM_CHAT": "2"}).rules[0].notify == ("redaksi",)


def test_the_shipped_sources_yaml_is_valid_and_covers_the_country() -> None:
    config = load_config(ROOT / "sources.yaml")
    assert len(config.sources) >= 250
    assert len({source.region[:2] for source in config.sources if source.region}) >= 36


def test_the_commented_examples_of_the_shipped_sources_yaml_are_valid(tmp_path: Path) -> None:
    head, mark, tail = (ROOT / "sources.yaml").read_text("utf-8").partition("sources:\n\n")
    assert mark
    before, rules, channels = head.partition("rules:\n")[0], *head.partition("rules:\n")[2].split("\n\n", 1)
    examples = "".join(line.removeprefix("# ").removeprefix("#") + "\n" for line in channels.splitlines())
    text = before + "rules:\n" + rules.replace("# notify", "notify") + "\n" + examples + mark + tail
    path = tmp_path / "sources.yaml"
    path.write_text(text, "utf-8")
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    config = load_config(path, environ={"TELEGRAM_TOKEN": "1:a", "TELEGRAM_CHAT": "2", "WEBHOOK_SECRET": secret})
    assert [rule.notify for rule in config.rules] == [("redaksi",), ("harian",)]
    assert list(config.channels) == ["redaksi", "harian", "arsip"]
    assert config.alerts.health == ("redaksi",)


def test_the_consumer_of_the_readme_reads_the_feed(desk: Desk) -> None:
    desk.crawl("tolirepost")
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)[0]
    done = subprocess.run([sys.executable, "-c", code], cwd=desk.folder, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len(desk.rows())


def test_every_command_of_the_readme_exists() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for group, name in set(re.findall(r"pantau (sources|alerts|feed) (\w+)", text)):
        done = subprocess.run(
            [sys.executable, "-m", "cli", group, name, "--help"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (group, name)
    for name in set(re.findall(r"`?pantau (crawl|run|demo|extract|articles|status)\b", text)):
        assert (
            subprocess.run([sys.executable, "-m", "cli", name, "--help"], capture_output=True, check=False).returncode
            == 0
        ), name
