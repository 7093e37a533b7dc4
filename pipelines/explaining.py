"""Why an article is kept or not: what the database and the label step know of an address, as one record.

Reads, never writes. Tests: tests/test_cli.py.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from crawler.identity import canonical_url, entry_key
from pipelines.labels import label
from pipelines.place import find_place
from pipelines.reader import Reader, Row
from pipelines.render import sentence_around
from pipelines.rules import TOPIC

_KEPT = ("kept", "duplicate")


def explain(reader: Reader, url: str) -> dict[str, Any]:
    """Return a record of an address. `state` is kept, duplicate, waiting, unknown, or why it was left out (off_topic, …).

    Kept: where and when it was seen, what was cut, what matched in which sentence, category and place with their evidence,
    its story, its alerts, what became of it. Left out: which source saw it and when it was last listed. Raises StoreError.
    """
    record: dict[str, Any] = {"url": canonical_url(url)}
    original = reader.duplicate_of(entry_key(url))
    row = reader.whole_article(original["article_id"]) if original else reader.whole_article(url=url)
    if row is None:
        return record | _left_out(reader, url)
    record["state"] = "duplicate" if original else "kept"
    if original:
        record["duplicate_of"] = row["url"]
    return record | _kept(reader, row)


def _left_out(reader: Reader, url: str) -> dict[str, Any]:
    for source, memory in reader.remembering(entry_key(url)):
        known, pending = memory.known.get(entry_key(url)), memory.pending.get(entry_key(url))
        if pending is not None:
            return {
                "state": "waiting",
                "source": source,
                "why": pending.error,
                "attempts": pending.attempts,
                "next_attempt_at": pending.not_before.isoformat(),
            }
        # Kept, but not in the database: it was recorded under its canonical address, which is another one.
        if known is not None and known.outcome not in _KEPT:
            return {"state": known.outcome, "source": source, "last_listed": known.day}
    return {
        "state": "unknown",
        "why": "no source has listed it, or it was forgotten since (45 days after it was last listed)",
    }


def _kept(reader: Reader, row: Row) -> dict[str, Any]:
    on_topic = any(match["rule"] == TOPIC for match in json.loads(row["matches"]))
    labels = label(row["title"], row["body"], on_topic=on_topic)
    place = find_place(row["title"], row["body"], outlet_region=row["outlet_region"], url=row["url"])
    matches = [
        {
            "rule": match["rule"],
            "term": match["term"],
            "field": match["field"],
            "sentence": sentence_around(row[match["field"]], match["start"], match["end"], mark="**"),
        }
        for match in json.loads(row["matches"])
    ]
    return {
        "title": row["title"],
        "source": row["source"],
        "stored_at": row["stored_at"],
        "fetched_url": row["fetched_url"],
        "published_at": row["published_at"],
        "date_evidence": row["date_evidence"],
        "body_status": row["body_status"],
        "cut": json.loads(row["cut"]),
        "matches": matches,
        "rules": json.loads(row["rules"]),
        "category": {"category": row["category"], "why": [dataclasses.asdict(reason) for reason in labels.why]},
        "flags": json.loads(row["flags"]),
        "place": {
            "province": row["province"],
            "regency": row["regency"],
            "why": [dataclasses.asdict(evidence) for evidence in place.why],
        },
        "story": reader.story_of(row["story_id"]),
        "other_addresses": reader.other_addresses(row["id"]),
        "alerts": reader.alerts_on(row["story_id"]),
        "revision": row["revision"],
        "gone_at": row["gone_at"],
        "next_look_at": row["recheck_at"],
    }
