"""A folder as its reader has it: sources.yaml, and a database with articles."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from newsroom import Newsroom, WebhookReceiver
from tests.conftest import Desk


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The database stands where the demo leaves one, too."""
    with Newsroom() as newsroom, WebhookReceiver() as receiver:
        desk = Desk(tmp_path_factory.mktemp("desk"), newsroom, receiver)
        desk.configure()
        desk.crawl("tolirepost", "simpurmerdeka", "tepiansiak")
        (desk.folder / "pantau-demo").mkdir()
        shutil.copy(desk.database, desk.folder / "pantau-demo" / "pantau.db")
        yield desk
