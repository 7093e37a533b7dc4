"""What is generated is current, every page is reached, every link leads somewhere, nothing is loaded from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from crawler.config import load_config
from crawler.settings import LIMIT_TABLE
from docs.generate import PAGES as GENERATED
from pipelines.reader import Reader
from pipelines.store import Store
from tests.docs.pages import PAGES, ROOT

DOCS = ROOT / "docs"
# What a browser would fetch by itself; links that are clicked are none of it.
_LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\ssrc\s*=\s*["']?(?:https?:)?//|"""
    r"""<link\b(?![^>]*rel=["']?(?:canonical|prev|next))[^>]*?\shref\s*=\s*["']?(?:https?:)?//|"""
    r"""@import\s+["']?(?:url\()?["']?(?:https?:)?//|url\(\s*["']?(?:https?:)?//""",
    re.I,
)


@pytest.mark.parametrize("page", GENERATED)
def test_a_generated_page_is_current(page: str) -> None:
    assert (DOCS / page).read_text("utf-8").rstrip("\n") == GENERATED[page]().rstrip("\n"), "python -m docs.generate"


def test_every_limit_has_a_unit_and_a_reason() -> None:
    assert len({limit.name for limit in LIMIT_TABLE}) == len(LIMIT_TABLE)
    assert all(limit.unit and len(limit.reason) > 10 for limit in LIMIT_TABLE)


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2]
    assert sorted(re.findall(r": (\S+\.md)$", text, re.M)) == sorted(
        str(p.relative_to(DOCS)) for p in DOCS.rglob("*.md")
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_every_named_file_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    links = [
        link.partition("#")[0]
        for link in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text)
        for link in link
        if link
    ]
    missing = [link for link in links if link and "://" not in link and not (page.parent / link).exists()]
    named = re.findall(r"`((?:benchmarks|crawler|deploy|docs|newsroom|pipelines|tests|web)/[\w./-]+\w)`", text)
    assert missing + [name for name in named if not (ROOT / name).exists()] == []


def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="make docs installs it")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        check=True,
    )
    built = [
        *(tmp_path / "site").rglob("*.html"),
        *(tmp_path / "site").rglob("*.css"),
        *(tmp_path / "site").rglob("*.svg"),
    ]
    assert len(built) > len(GENERATED)
    assert {str(file): found[0] for file in built if (found := _LOADED.search(file.read_text("utf-8")))} == {}


def test_the_recording_is_small_and_stands_alone() -> None:
    text = (DOCS / "images" / "demo.svg").read_text("utf-8")
    assert len(text.encode()) < 200_000
    assert "pantau demo" in text and "NOT AS IT SHOULD BE" not in text
    assert set(re.findall(r"https?://[\w.]+", text)) <= {"http://www.w3.org", "http://127.0.0.1"}
    assert not re.search(r"<script|href|@import|url\(", text)
    assert "/tmp" not in text


# ------------------------------------------------------------------------------------------------------------- columns


def documented(table: str) -> list[str]:
    section = (DOCS / "columns.md").read_text("utf-8").split(f"\n## {table}:")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


@pytest.mark.parametrize("table", ["feed", "stories", "revisions", "sources"])
def test_every_column_is_documented_in_a_sentence(tmp_path: Path, table: str) -> None:
    Store(tmp_path / "pantau.db").close()
    with Reader(tmp_path / "pantau.db") as reader:
        columns = {row["name"] for row in reader._rows(f"SELECT name FROM pragma_table_info('{table}')")}
    assert sorted(documented(table)) == sorted(columns)


def test_every_table_is_named(tmp_path: Path) -> None:
    text = (DOCS / "columns.md").read_text("utf-8")
    Store(tmp_path / "pantau.db").close()
    with Reader(tmp_path / "pantau.db") as reader:
        names = {row["name"] for row in reader._rows("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
    ours = {name for name in names if not name.startswith(("sqlite_", "_sqlite", "articles_fts_"))}
    assert {name for name in ours if name not in text} == set()


# ---------------------------------------------------------------------------------------------- the shipped sources.yaml


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
