"""What the tests of alerts share: a clock that only moves when told, an outbox filled without a crawl, a receiver in memory."""

from __future__ import annotations

import base64
import copy
import functools
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from pipelines.alerts import notice_id
from pipelines.attempt import Attempt
from pipelines.channels import Sender
from pipelines.database import stamp
from pipelines.outbox import Relay
from pipelines.store import Store

ZONE = ZoneInfo("Asia/Jakarta")
START = datetime(2024, 11, 13, 3, 0, tzinfo=UTC)  # 10.00 WIB
SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()


@dataclass(frozen=True)
class Hook:
    """A channel of sources.yaml."""

    id: str
    webhook: str | None = None
    secret: str | None = None
    apprise: str | None = None
    digest: str | float | None = None
    quiet: tuple[str, str] | None = None


@dataclass
class Clock:
    """A time that stands still until somebody sleeps."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


async def run(method: Callable[..., Any], *values: Any) -> Any:
    return method(*values)


async def local(host: str, port: int) -> list[str]:
    return [host]


def seconds(value: str | None, now: datetime) -> float | None:
    return float(value) if value else None


def article_data(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "title": f"Camat {number} dipanggil Bawaslu",
        "outlet": f"Koran {number % 40}",
        "body": "PALEMBANG – Pembuka.\n\nSeorang camat diduga tidak netral. Kalimat lain.",
        "url": f"https://satu.example/{number}",
        "category": ("dugaan", "proses", "sanksi", "imbauan", "regulasi", None)[number % 6],
        "province": ("Sumatera Selatan", "Riau", "Jawa Barat", None)[number % 4],
        "regency": ("Kota Palembang", "Kota Dumai", "Kabupaten Garut", None)[number % 4],
        "published_at": "2024-11-13T01:04:00Z",
        "date_precision": "minute",
        "matches": [
            {"rule": "semua", "term": "tidak netral", "text": "tidak netral", "start": 43, "end": 55, "field": "body"}
        ],
        **changes,
    }


def payload(kind: str = "article.matched", *, story: dict[str, Any] | None = None, **changes: Any) -> str:
    data = {
        "rules": ["semua"],
        "story": {"id": 1, "articles": 1, "outlets": 1, **(story or {})},
        "article": article_data(**changes),
    }
    return json.dumps({"type": kind, "timestamp": "2024-11-13T01:06:11Z", "data": data}, ensure_ascii=False)


def fill(store: Store, channel: str, count: int, at: datetime = START, first: int = 0, **changes: Any) -> list[str]:
    """Put alerts into the outbox as if articles had raised them; return their ids in order."""
    ids = []
    with store._transaction():
        for number in range(first, first + count):
            ids.append(notice_id("article.matched", channel, str(number)))
            store._conn.execute(
                "INSERT INTO alerts (id, type, channel, subject, payload, created_at, next_attempt_at) "
                "VALUES (?, 'article.matched', ?, ?, ?, ?, ?)",
                (ids[-1], channel, str(number), payload(number=number, **changes), stamp(at), stamp(at)),
            )
    return ids


def rows(store: Store, sql: str, *values: object) -> list[tuple[Any, ...]]:
    return store._conn.execute(sql, values).fetchall()


def states(store: Store) -> Counter[str]:
    return Counter(state for (state,) in rows(store, "SELECT state FROM alerts WHERE type <> 'digest'"))


@dataclass
class Endpoint:
    """A receiver in memory, behind the real sender. `answer` says what a request gets: a status, a response or an error."""

    clock: Clock
    answer: Callable[[str, datetime], int | httpx.Response | Exception] = lambda name, now: 200
    requests: list[tuple[datetime, str, str]] = field(default_factory=list)  # when, webhook-id, channel's path
    accepted: list[str] = field(default_factory=list)  # ids in the order they were acted on, each once
    bodies: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name, body = request.headers["webhook-id"], request.content
        self.requests.append((self.clock.now, name, request.url.path))
        assert self.bodies.setdefault(name, body) == body, "the same id with another body"
        found = self.answer(name, self.clock.now)
        if isinstance(found, httpx.ReadTimeout):
            self.clock.now += timedelta(seconds=20)
        if isinstance(found, Exception):
            raise found
        response = httpx.Response(found) if isinstance(found, int) else found
        if response.is_success:
            self.take(name)
        return response

    def take(self, name: str) -> None:
        if name not in self.bodies or name not in self.accepted_set:
            self.accepted.append(name)
            self.accepted_set.add(name)

    accepted_set: set[str] = field(default_factory=set)


@functools.cache
def a_sender() -> Sender:
    """A sender to look at or to copy: making one reads the system's certificates."""
    return Sender(local, "id", ZONE, seconds)


def sender_to(endpoint: Endpoint) -> Sender:
    made = copy.copy(a_sender())
    made._client = httpx.AsyncClient(transport=httpx.MockTransport(endpoint))
    return made


def relay_to(store: Store, sender: Any, channels: Sequence[Hook], clock: Clock, **options: Any) -> Relay:
    return Relay(
        store, run, {hook.id: hook for hook in channels}, sender, zone=ZONE, clock=clock, sleep=clock.sleep, **options
    )


class People:
    """A sender that takes everything as a service for people would, and keeps what it was given."""

    def __init__(self, clock: Clock, gap_s: float = 1.0, takes: Callable[[str], bool] = lambda name: True) -> None:
        self._clock, self._gap_s, self._takes = clock, gap_s, takes
        self.sent: list[tuple[datetime, str, dict[str, Any]]] = []

    async def send(self, channel: Hook, alert_id: str, payload: str) -> Attempt:
        if not self._takes(alert_id):
            return Attempt("retry", "answered 500")
        self.sent.append((self._clock.now, alert_id, json.loads(payload)))
        return Attempt("sent")

    def gap_s(self, channel: Hook) -> float:
        return 0.0 if channel.webhook else self._gap_s

    def parts(self, channel: Hook, items: Any, most: int | None) -> Any:
        return a_sender().parts(channel, items, most)

    def listed(self) -> list[str]:
        """The ids of all alerts that were told, singly or in a digest."""
        told = []
        for _, alert_id, document in self.sent:
            told += [item["id"] for item in document["data"]["alerts"]] if document["type"] == "digest" else [alert_id]
        return told


async def pass_time(relay: Relay, clock: Clock, hours: float, step_s: float = 60.0) -> Counter[str]:
    """Let the relay tick for so long; return what it did."""
    end, counts = clock.now + timedelta(hours=hours), Counter[str]()
    while clock.now < end:
        counts += await relay.deliver_due()
        clock.now += timedelta(seconds=step_s)
    return counts


# ------------------------------------------------------------------------------------------------- hostile headlines

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "]]><b>tebal",
    "<b>tidak ditutup",
    "</b></a></i>",
    '<a href="javascript:alert(1)">klik</a>',
    "[klik](javascript:alert(1))",
    "[klik](https://jahat.example)",
    "![gambar](https://jahat.example/x.png)",
    "<https://jahat.example>",
    "https://jahat.example/masuk",
    "_*[tidak ditutup",
    "`kode",
    "~~coret~~ ||rahasia||",
    "# judul",
    "- butir",
    "1. butir",
    "> kutipan",
    "=====",
    "&lt;b&gt; &nbsp; &#x41; &tidakada;",
    "& < >",
    "a < b > c && d",
    "@everyone @here @pejabat",
    "<@12345> <!channel>",
    "/start@bot",
    "😀" * 40,
    "👩‍👩‍👧‍👦🇮🇩",
    "\u202egnp.exe",
    "\u2067rtl\u2069 \u200f",
    "العربية ASN",
    "é" * 30 + "e\u0301",
    "baris\r\nBcc: semua@example.org",
    "baris\u2028lagi\u2029dan\u0085lagi",
    "nol\x00\x1b[31m",
    "<![CDATA[x]]>",
    "<!-- komentar",
    "<?php echo 1 ?>",
    "tg://user?id=1",
    "\\*\\_\\[",
    "|tabel|tabel|",
)


def hostile(number: int) -> str:
    """Return a headline that breaks what is not escaped or cut with care; the same for the same number."""
    rng = random.Random(number)
    if number < len(HOSTILE):
        return HOSTILE[number]
    parts = [*rng.choices(HOSTILE, k=rng.randint(1, 4)), "Camat", "ASN"]
    rng.shuffle(parts)
    text = " ".join(parts)
    if rng.random() < 0.3:
        filler = rng.choice(("x", "😀", "<", "&", "é", "e\u0301", "*", "]", "kata "))
        text = text[: rng.randint(0, 30)] + filler * rng.randint(3900, 5100) + text
    return text


def hostile_payload(number: int) -> str:
    """Return an alert every text of which is hostile; now and then its address is no link."""
    url = (
        "https://satu.example/a?b=1&c=2",
        "javascript:alert(1)",
        'https://satu.example/"><script>',
        "data:text/html,x",
    )
    title = hostile(number)
    body = f"Pembuka. {hostile(number + 7)} ASN {hostile(number + 3)}"
    start = body.index("ASN")
    return payload(
        ("article.matched", "story.risen", "article.revised", "article.gone")[number % 4],
        title=title,
        outlet=hostile(number + 1)[:300],
        regency=hostile(number + 2)[:100],
        url=url[number % 7 if number % 7 < 4 else 0],
        body=body,
        matches=[{"rule": "semua", "term": "ASN", "text": "ASN", "start": start, "end": start + 3, "field": "body"}],
    )
