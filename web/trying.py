"""A rule over what is stored: what it would have sent. Bounded in time, in linear time an article, one at a time.

Tests: tests/web/test_trying.py.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, AliasToken
from ruamel.yaml.error import YAMLError

from pipelines.backtest import Outcome, run
from pipelines.reader import Reader

MAX_RULE = 2000  # characters; the longest rule of the shipped watch list has a tenth
_MAX_BRACKETS = 80  # as deep as that the YAML reader still takes milliseconds; its time grows with the square
LIMIT_S = 5.0  # reading what is stored; a page is waited for no longer
_YAML = re.compile(r"\s*(?:[{\[]|- |(?:all|any|none|near|regex|title|preset|within)\s*:\s)")
_ONE_AT_A_TIME = threading.Lock()


class BadRule(ValueError):
    """The text is no rule; the message says why."""


class Busy(Exception):
    """Another rule is being tried."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. `until`: the publication at which the time was over, None where all was read."""

    outcome: Outcome
    rows: int
    until: str | None


def read_rule(text: str) -> object:
    """Return the expression that a person typed: YAML as in sources.yaml, or one term a line (any of them). Raises BadRule."""
    if len(text) > MAX_RULE:
        raise BadRule(f"{len(text)} > {MAX_RULE}")
    if not _YAML.match(text):
        lines = [line.strip().strip('"').strip() for line in text.splitlines()]
        return {"any": [line for line in lines if line]}
    if sum(text.count(mark) for mark in ("[", "{", "- ", "? ", ": ")) > _MAX_BRACKETS:
        raise BadRule(f"[ {{ - : > {_MAX_BRACKETS}")
    try:
        yaml = YAML(typ="safe", pure=True)
        # An alias repeats what it stands for: nine lines of them are a billion terms.
        if any(isinstance(token, AliasToken) for token in yaml.scan(text)):
            raise BadRule("alias (*)")
        return yaml.load(text)
    except YAMLError as error:
        raise BadRule(str(error).splitlines()[0]) from error
    except RecursionError:
        raise BadRule("[[[") from None


def try_rule(
    database: Path, expression: object, categories: tuple[str, ...], region: str | None, since: datetime | None
) -> Trial:
    """Return what a rule would have sent of what was published since. Raises Busy, and ExpressionError and StoreError of ours."""
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        raise Busy
    try:
        rule = {"match": expression, "categories": categories, "regions": (region,) if region else ()}
        with Reader(database) as reader:
            rows = _Limited(reader.by_publication(since))
            outcome = run(rows, {"?": rule})["?"]
        return Trial(outcome, rows.count, rows.until)
    finally:
        _ONE_AT_A_TIME.release()


class _Limited:
    """Rows until the time is over; then `until` says where."""

    def __init__(self, rows: Iterator[Mapping[str, Any]]) -> None:
        self._rows, self.count, self.until = rows, 0, None

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        end = time.monotonic() + LIMIT_S
        for row in self._rows:
            if time.monotonic() > end:
                self.until = row["published_at"] or row["fetched_at"]
                return
            self.count += 1
            yield row
