"""Who may import whom (docs/architecture.md). Imports inside functions count too."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = (
    "cli",
    "terminal",
    "doctor",
    "operation",
    "scheduler",
    "watch",
    "websub",
    "reprocessing",
    "crawler",
    "pipelines",
    "newsroom",
    "web",
)
STATEFUL = {
    "database",
    "store",
    "alerts",
    "migrations",
    "reader",
    "dedupe",
    "stories",
    "upkeep",
    "subscriptions",
    "guarded",
    "archive",
    "evidence",
    "syndication",
    "parquet",
    "outbox",
    "pacing",
    "messages",
    "forms",
    "telegram",
    "attempt",
    "channels",
    "render",
    "feed",
    "backtest",
    "explaining",
}


def imports(path: Path) -> set[str]:
    """Return the dotted names that a module imports, as far as they are named in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
    return found


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def ours(path: Path) -> set[str]:
    return {name for name in imports(path) if name.split(".")[0] in OURS}


@pytest.mark.parametrize("path", modules("pipelines"), ids=lambda path: path.name)
def test_pipelines_import_only_the_words_of_the_crawler(path: Path) -> None:
    allowed = ("crawler.items", "crawler.errors", "crawler.identity")
    wrong = {
        name
        for name in ours(path)
        if not name.startswith("pipelines") and not name.startswith(allowed) and name != "crawler"
    }
    assert not wrong


@pytest.mark.parametrize("path", modules("crawler"), ids=lambda path: path.name)
def test_the_crawler_imports_no_pipeline_that_holds_state_and_no_room_above(path: Path) -> None:
    wrong = {
        name
        for name in ours(path)
        if name.split(".")[0]
        in ("cli", "terminal", "doctor", "operation", "scheduler", "watch", "websub", "reprocessing", "newsroom", "web")
    }
    wrong |= {name for name in ours(path) if name.startswith("pipelines.") and name.split(".")[1] in STATEFUL}
    assert not wrong


def test_only_configuration_and_discovery_import_pipelines_at_all() -> None:
    importers = {
        str(path.relative_to(ROOT)): {name.split(".")[1] for name in ours(path) if name.startswith("pipelines.")}
        for path in modules("crawler")
    }
    for name, used in importers.items():
        if name.startswith("crawler/discovery/"):
            assert used <= {"charset", "tanggal"}, name
        elif name in ("crawler/config.py", "crawler/configcheck.py", "crawler/sourcesfile.py", "crawler/crew.py"):
            assert used <= {"matching", "expressions", "wilayah", "screen"}, name
        else:
            assert not used, name


@pytest.mark.parametrize(
    "name", ["database", "store", "alerts", "upkeep", "reader", "migrations", "dedupe", "stories", "subscriptions"]
)
def test_what_touches_the_database_parses_nothing(name: str) -> None:
    heavy = {
        found
        for found in imports(ROOT / "pipelines" / f"{name}.py")
        if found.split(".")[0] in ("scrapy", "lxml", "trafilatura", "twisted")
    }
    assert not heavy


@pytest.mark.parametrize("path", modules("newsroom"), ids=lambda path: path.name)
def test_the_newsroom_imports_nothing_of_ours(path: Path) -> None:
    assert {name.split(".")[0] for name in ours(path)} <= {"newsroom"}


@pytest.mark.parametrize("path", modules("web"), ids=lambda path: path.name)
def test_the_web_page_reads_and_knows_nothing_of_the_crawler_but_its_errors(path: Path) -> None:
    allowed = {f"pipelines.{name}" for name in ("reader", "feed", "render", "backtest", "labels", "place", "wilayah")}
    wrong = {
        name
        for name in ours(path)
        if not name.startswith(("web", "crawler.errors", *allowed)) and name not in ("crawler", "pipelines")
    }
    assert not wrong


@pytest.mark.parametrize("path", modules("websub"), ids=lambda path: path.name)
def test_websub_reads_nothing_of_what_hubs_send_and_knows_no_other_room_above(path: Path) -> None:
    allowed = ("websub", "crawler", "pipelines.subscriptions", "pipelines.guarded", "pipelines.store", "watch.Watch")
    assert not {name for name in ours(path) if not name.startswith(allowed) and name not in ("pipelines", "watch")}
    assert not {name for name in imports(path) if name.split(".")[0] in ("lxml", "json", "scrapy")}
    assert not {name for name in ours(path) if name.startswith("crawler.discovery.")}


def test_only_the_scheduler_imports_websub() -> None:
    rooms = [path for room in ("crawler", "pipelines", "newsroom", "web") for path in modules(room)]
    importers = {
        path.name for path in (*rooms, *ROOT.glob("*.py")) if any(n.split(".")[0] == "websub" for n in imports(path))
    }
    assert importers == {"scheduler.py"}


def test_nothing_but_the_command_line_imports_the_web_page() -> None:
    rooms = [path for room in ("crawler", "pipelines", "newsroom") for path in modules(room)]
    importers = {
        path.name for path in (*rooms, *ROOT.glob("*.py")) if any(n.split(".")[0] == "web" for n in imports(path))
    }
    assert importers == {"cli.py"}


def test_nothing_but_the_demo_command_imports_the_newsroom() -> None:
    importers = {
        path.name
        for room in ("crawler", "pipelines")
        for path in modules(room)
        if any(n.startswith("newsroom") for n in imports(path))
    }
    assert not importers
    assert {name for name in imports(ROOT / "cli.py") if name.startswith("newsroom")} == {
        "newsroom.demo",
        "newsroom.demo.run_demo",
    }


def test_sql_stands_in_the_store_the_reader_and_the_migrations_alone() -> None:
    statements = ("SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM", "PRAGMA ")
    rooms = [path for room in ("crawler", "pipelines", "web", "websub") for path in modules(room)]
    owners = ("database", "store", "alerts", "reader", "migrations", "upkeep", "subscriptions")
    for path in (*rooms, ROOT / "cli.py", ROOT / "scheduler.py"):
        if path.stem in owners:
            continue
        if path in (ROOT / "web" / "queries.py", ROOT / "web" / "publishing.py"):
            continue
        texts = [
            node.value
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert not [text for text in texts if text.startswith(statements)], path


def test_what_the_product_imports_is_among_its_dependencies() -> None:
    """By its own name, or brought for certain by one that is: what only a benchmark's package brings is missing elsewhere."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dask"]]
    wanted += project["optional-dependencies"]["parquet"]
    declared = {re.split(r"[^\w.-]", text)[0].lower().replace("_", "-") for text in wanted}
    brought = {"twisted", "zope-interface", "cssselect", "httpcore", "pydantic-core"}  # by Scrapy, httpx and pydantic
    owners = packages_distributions()
    files = [path for room in ("crawler", "pipelines", "newsroom", "web", "websub") for path in modules(room)]
    names = {name.split(".")[0] for path in (*files, *ROOT.glob("*.py")) for name in imports(path)}
    foreign = names - set(sys.stdlib_module_names) - set(OURS)
    missing = {
        name
        for name in foreign
        if not {owner.lower().replace("_", "-").replace(".", "-") for owner in owners.get(name, [name])}
        & ({item.replace(".", "-") for item in declared} | brought)
    }
    assert missing == set()
