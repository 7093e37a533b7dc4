"""The tables of pipelines/data, read by libyaml: a tenth of ruamel's time, and every process that reads articles reads them all.

Imports nothing of ours. Its test, tests/pipelines/test_tables.py, sees to it that YAML 1.2 reads them alike.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml


def read_table(name: str) -> Any:
    """Return what the file `name`, such as "cues.yaml", holds."""
    text = files("pipelines").joinpath("data", name).read_text("utf-8")
    return yaml.load(text, Loader=yaml.CSafeLoader)
