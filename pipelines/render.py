"""Alerts as programs get them, and the words that all output shares: times, single lines, the sentence of a hit.

What people read is pipelines.messages'. Pure: the clock and the row come in. Tests: tests/pipelines/test_render.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

JSON_COLUMNS = ("flags", "rules", "matches")
MAX_BODY_BYTES = 20_000  # INTERFACE section 6; Standard Webhooks advises payloads of under 20 kB
MAX_DIGEST_BYTES = 19_800  # a digest's document stays under 20 kB with its frame
MAX_ITEM_BYTES = 8_000  # an alert in a digest: two and more fit a document; only a list of matches is ever longer
# Not after initials and titles ("H.", "Pj.", "Dr."), and not before a small letter ("…!" katanya).
_SENTENCE_END = re.compile(r"""(?<=[.!?…])(?<!\b[A-Z]\.)(?<!\b[A-Z][a-z]\.)["”’']*\s+(?![a-z])|\n+""")
_QUOTE_CHARS = 300  # a sentence longer than that does not fit a phone's screen
_ONE_LINE = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
_DAYS = {
    "id": ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = {
    "id": (
        "Januari",
        "Februari",
        "Maret",
        "April",
        "Mei",
        "Juni",
        "Juli",
        "Agustus",
        "September",
        "Oktober",
        "November",
        "Desember",
    ),
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}
_ZONE_NAMES = {7: "WIB", 8: "WITA", 9: "WIT"}
DigestItem = dict[str, Any]  # "id", "type", then the alert's data without the body


def feed_record(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of `feed` with its JSON columns as lists."""
    return {
        name: json.loads(value) if name in JSON_COLUMNS and isinstance(value, str) else value
        for name, value in row.items()
    }


def render_payload(
    kind: str,
    now: datetime,
    rules: Sequence[str],
    story: Mapping[str, Any],
    row: Mapping[str, Any],
    former_title: str | None = None,
) -> str:
    """Return the webhook's JSON document (INTERFACE section 6). A body of over 20 kB is cut and marked `body_truncated`.

    `former_title`: the headline before an edit; shown where it is another one.
    """
    article = feed_record(row)
    body = article["body"].encode("utf-8")
    if len(body) > MAX_BODY_BYTES:
        article["body"] = body[:MAX_BODY_BYTES].decode("utf-8", "ignore")
        article["body_truncated"] = True
        kept = len(article["body"])
        article["matches"] = [match for match in article["matches"] if match["field"] != "body" or match["end"] <= kept]
    data: dict[str, Any] = {"rules": list(rules), "story": dict(story), "article": article}
    if former_title is not None and former_title != article["title"]:
        data["previous"] = {"title": former_title}
    return render_notice(kind, now, data)


def render_notice(kind: str, now: datetime, data: Mapping[str, Any]) -> str:
    """Return the webhook's JSON document for what tells of no article."""
    document = {"type": kind, "timestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "data": dict(data)}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def render_test_payload(channel: str, now: datetime) -> str:
    """Return the document that `pantau alerts test` sends to a webhook."""
    return render_notice("channel.test", now, {"channel": channel})


def digest_item(alert_id: str, payload: Mapping[str, Any], story: Mapping[str, int]) -> DigestItem:
    """Return an alert as a digest lists it: without its body, with the story as it stands now. At most MAX_ITEM_BYTES."""
    data = dict(payload["data"])
    if "article" in data:
        data["article"] = {name: value for name, value in data["article"].items() if name != "body"}
        data["story"] = {**data.get("story", {}), **story}
    item = {"id": alert_id, "type": payload["type"], **data}
    if "article" in item and digest_bytes([item]) > MAX_ITEM_BYTES:
        item["article"] |= {"matches": [], "matches_truncated": True}
    return item


def digest_bytes(items: Sequence[DigestItem]) -> int:
    """Return how many bytes the items take in a digest's document."""
    return sum(len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()) + 1 for item in items)


def render_time(at: datetime, precision: str | None, language: str, zone: ZoneInfo) -> str:
    """Return a time as Indonesian papers write it: "Rabu, 13 November 2024 08.04 WIB"; without the hour where only a day is known."""
    local = at.astimezone(zone)
    day = f"{_DAYS[language][local.weekday()]}, {local.day} {_MONTHS[language][local.month - 1]} {local.year}"
    if precision != "minute":
        return day
    offset = local.utcoffset()
    hours = offset.total_seconds() / 3600 if offset else 0.0
    name = _ZONE_NAMES.get(int(hours), local.strftime("%Z")) if hours == int(hours) else local.strftime("%Z")
    return f"{day} {local:%H.%M} {name}"


def one_line(text: str) -> str:
    """Return text without line breaks and control characters: no header, log line or title can be broken by it."""
    return " ".join(_ONE_LINE.sub(" ", text).split())


def sentence_around(text: str, start: int, end: int, *, mark: str = "") -> str:
    """Return the sentence of text[start:end] in one line, at most about 300 characters, the hit between `mark`s."""
    left = max((found.end() for found in _SENTENCE_END.finditer(text, 0, start)), default=0)
    following = _SENTENCE_END.search(text, end)
    right = following.start() if following else len(text)
    if right - left > _QUOTE_CHARS:
        before, after = text[left:start], text[end:right]
        before = before if len(before) <= _QUOTE_CHARS // 2 else "… " + before[-_QUOTE_CHARS // 2 :].partition(" ")[2]
        after = after if len(after) <= _QUOTE_CHARS // 2 else after[: _QUOTE_CHARS // 2].rpartition(" ")[0] + " …"
    else:
        before, after = text[left:start], text[end:right]
    return one_line(f"{before}{mark}{text[start:end]}{mark}{after}")
