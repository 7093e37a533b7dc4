"""Alerts as people and programs read them; the only place that escapes or cuts what goes out.

Pure: the clock and the row come in. Tests: tests/pipelines/test_render.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

JSON_COLUMNS = ("flags", "rules", "matches")
MAX_BODY_BYTES = 20_000  # INTERFACE section 6; Standard Webhooks advises payloads of under 20 kB
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
_CATEGORY_NAMES = {
    "en": {
        "imbauan": "exhortation",
        "dugaan": "alleged violation",
        "proses": "examination",
        "sanksi": "sanction",
        "regulasi": "regulation",
        "data": "figures",
        "lain": "other",
    }
}
_WORDS = {
    "id": {
        "unknown": "waktu terbit tidak diketahui",
        "media": "media lain",
        "test": "Uji kanal pantau",
        "works": "Kanal {} berfungsi.",
    },
    "en": {
        "unknown": "time of publication unknown",
        "media": "more outlets",
        "test": "pantau channel test",
        "works": "Channel {} works.",
    },
}


@dataclass(frozen=True, slots=True)
class Message:
    """What a person gets: plain text, title in one line."""

    title: str
    body: str


def feed_record(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of `feed` with its JSON columns as lists."""
    return {
        name: json.loads(value) if name in JSON_COLUMNS and isinstance(value, str) else value
        for name, value in row.items()
    }


def render_payload(
    kind: str, now: datetime, rules: Sequence[str], story: Mapping[str, int], row: Mapping[str, Any]
) -> str:
    """Return the webhook's JSON document (INTERFACE section 6). A body of over 20 kB is cut and marked `body_truncated`."""
    article = feed_record(row)
    body = article["body"].encode("utf-8")
    if len(body) > MAX_BODY_BYTES:
        article["body"] = body[:MAX_BODY_BYTES].decode("utf-8", "ignore")
        article["body_truncated"] = True
        kept = len(article["body"])
        article["matches"] = [match for match in article["matches"] if match["field"] != "body" or match["end"] <= kept]
    document = {
        "type": kind,
        "timestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data": {"rules": list(rules), "story": dict(story), "article": article},
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def render_test_payload(channel: str, now: datetime) -> str:
    """Return the document that `pantau alerts test` sends to a webhook."""
    document = {
        "type": "channel.test",
        "timestamp": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data": {"channel": channel},
    }
    return json.dumps(document, separators=(",", ":"))


def render_message(payload: str, language: str, zone: ZoneInfo) -> Message:
    """Return an alert as a message for a phone: category and place, headline, outlet and time, the sentence that matched, link."""
    data = json.loads(payload)["data"]
    words = _WORDS[language]
    if "article" not in data:
        return Message(words["test"], words["works"].format(data["channel"]))
    article = data["article"]
    category = article["category"]
    where = article["regency"] or article["province"]
    label = " · ".join(part for part in (_CATEGORY_NAMES.get(language, {}).get(category, category), where) if part)
    published = article["published_at"]
    when = (
        render_time(datetime.fromisoformat(published), article["date_precision"], language, zone)
        if published
        else words["unknown"]
    )
    others = data["story"]["outlets"] - 1
    more = f"+{others} {words['media']}" if others > 0 else ""
    lines = [
        one_line(article["title"]),
        " · ".join(part for part in (one_line(article["outlet"]), when, more) if part),
        _evidence(article),
        article["url"],
    ]
    return Message(
        one_line(f"[{label}] {article['title']}" if label else article["title"]),
        "\n\n".join(line for line in lines if line),
    )


def render_test_message(channel: str, language: str) -> Message:
    """Return what `pantau alerts test` sends to people."""
    words = _WORDS[language]
    return Message(words["test"], words["works"].format(channel))


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


def _evidence(article: Mapping[str, Any]) -> str:
    """Return the first sentence of the body that a rule matched, in quotes; the topic's where the rule matched the title alone."""
    hits = [match for match in article["matches"] if match["field"] == "body"]
    hits.sort(key=lambda match: (match["rule"] == "topic", match["start"]))
    # The payload's body may be cut before the hit.
    if not hits or hits[0]["end"] > len(article["body"]):
        return ""
    return f"“{sentence_around(article['body'], hits[0]['start'], hits[0]['end'])}”"
