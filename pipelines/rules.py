"""Which rules an article hits: expression, category and region together. For the label step and for backtests.

Pure but for what is compiled once. Tests: tests/pipelines/test_rules.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crawler.items import Match
from pipelines.matching import Matcher
from pipelines.wilayah import contains

TOPIC = "topic"  # the id of the topic's matches in the feed; no rule may have it


class Rules:
    """The topic and the rules of a configuration, compiled once into one automaton.

    Without a topic (None) the rules alone are looked for. A rule is {"match": expression or None, "categories": [...], "regions": [codes]}; what is empty or None is no condition.
    """

    def __init__(self, topic: object, rules: Mapping[str, Mapping[str, Any]]) -> None:
        expressions = {rule: spec["match"] for rule, spec in rules.items() if spec["match"] is not None}
        self._matcher = Matcher(expressions if topic is None else {**expressions, TOPIC: topic})
        self._rules = rules

    def find(self, title: str, body: str) -> dict[str, tuple[Match, ...]]:
        """Return the evidence for the topic and for each rule whose expression matches."""
        return self._matcher.find(title, body)

    def hit(
        self, found: Mapping[str, tuple[Match, ...]], category: str | None, place: str | None
    ) -> dict[str, tuple[Match, ...]]:
        """Return the rules whose every condition holds, each with its evidence (none where it has no expression).

        `place` is the most exact code known. An unknown category or place fulfils no condition on it.
        """
        hit: dict[str, tuple[Match, ...]] = {}
        for rule, spec in self._rules.items():
            if spec["match"] is not None and rule not in found:
                continue
            if spec["categories"] and category not in spec["categories"]:
                continue
            if spec["regions"] and not (place and any(contains(region, place) for region in spec["regions"])):
                continue
            hit[rule] = found.get(rule, ())
        return hit
