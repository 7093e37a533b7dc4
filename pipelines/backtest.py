"""What rules would have alerted on what is stored, and why; and what another set of rules would have.

Pure: rows come in, oldest first. Tests: tests/pipelines/test_backtest.py.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crawler.items import Match
from pipelines.render import sentence_around
from pipelines.rules import TOPIC, Rules

SAMPLES = 5


@dataclass(slots=True)
class Outcome:
    """What one rule would have done. `alerts`: addresses of articles that would have raised one (the first of their story)."""

    rule: str
    hits: int = 0
    alerts: dict[str, None] = field(default_factory=dict)
    by_day: Counter[str] = field(default_factory=Counter)
    by_source: Counter[str] = field(default_factory=Counter)
    samples: list[dict[str, Any]] = field(default_factory=list)
    _stories: set[int] = field(default_factory=set)

    def take(self, row: Mapping[str, Any], matches: Sequence[Match]) -> None:
        """Count one article that the rule hits."""
        self.hits += 1
        if row["story_id"] in self._stories:
            return
        self._stories.add(row["story_id"])
        self.alerts[row["url"]] = None
        self.by_day[(row["published_at"] or row["fetched_at"])[:10]] += 1
        self.by_source[row["source"]] += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(sample(row, matches))

    def record(self) -> dict[str, Any]:
        """Return it as `pantau rules test --json` prints it."""
        return {
            "rule": self.rule,
            "hits": self.hits,
            "alerts": len(self.alerts),
            "by_day": dict(sorted(self.by_day.items())),
            "by_source": dict(self.by_source.most_common()),
            "samples": self.samples,
        }


def run(rows: Iterable[Mapping[str, Any]], rules: Mapping[str, Mapping[str, Any]]) -> dict[str, Outcome]:
    """Return the outcome of each rule over rows of `feed`, which must be in the order of their publication.

    Whether an article is on the topic was decided when it was stored; one that was not hits no rule. One alert a story and
    rule, as one a story and channel in a crawl.
    """
    compiled = Rules(None, rules)
    outcomes = {rule: Outcome(rule) for rule in rules}
    for row in rows:
        topic = _topic_matches(row["matches"])
        if not topic:
            continue
        found = compiled.find(row["title"], row["body"])
        for rule, matches in compiled.hit(found, row["category"], row["regency_code"] or row["province_code"]).items():
            outcomes[rule].take(row, matches or topic)
    return outcomes


def _topic_matches(stored: str) -> list[Match]:
    found = (item for item in json.loads(stored) if item.pop("rule") == TOPIC)
    return [Match(**item) for item in found]


def compared(old: Outcome | None, new: Outcome | None) -> dict[str, list[str]]:
    """Return which alerts come and which go when the new rule takes the old one's place."""
    before, after = (outcome.alerts if outcome else {} for outcome in (old, new))
    return {"come": [url for url in after if url not in before], "go": [url for url in before if url not in after]}


def sample(row: Mapping[str, Any], matches: Sequence[Match]) -> dict[str, Any]:
    """Return an article with its evidence: for each of the first hits its sentence, the hit in ** **."""
    evidence: list[str] = []
    for match in matches:
        shown = sentence_around(row[match.field], match.start, match.end, mark="**")
        if shown not in evidence:
            evidence.append(shown)
    return {
        "url": row["url"],
        "title": row["title"],
        "source": row["source"],
        "published_at": row["published_at"],
        "evidence": evidence[:3],
    }
