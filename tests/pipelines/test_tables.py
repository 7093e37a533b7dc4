"""The tables of pipelines/data (pipelines/tables.py)."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipelines.tables import read_table

DATA = Path(__file__).parent.parent.parent / "pipelines" / "data"


@pytest.mark.parametrize("path", sorted(DATA.glob("*.yaml")), ids=lambda path: path.name)
def test_a_table_is_the_same_by_yaml_1_2(path: Path) -> None:
    assert repr(read_table(path.name)) == repr(YAML(typ="safe", pure=True).load(path.read_text("utf-8")))
