"""Articles, reports and stores for the tests of the stateful pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crawler.items import Article, Match, Memory, PollReport, Source
from pipelines.alerts import DueAlert, Plan
from pipelines.database import parse_stamp, stamp
from pipelines.dedupe import content_sha256, sign
from pipelines.store import Store

NOW = datetime(2024, 11, 13, 1, 4, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
PLAN = Plan({"pelanggaran": ("arsip",), "semua": ("arsip", "redaksi")}, timedelta(days=3))
FAR = datetime(9000, 1, 1, tzinfo=UTC)
SOURCES = [Source("satu", "Satu", "https://satu.example"), Source("dua", "Dua", "https://dua.example")]
BODY = "\n\n".join(
    f"Alinea ke-{n} tentang pengawas yang memanggil camat {n} untuk dimintai keterangan soal spanduk di kantor kecamatan nomor {n * 7}."
    for n in range(8)
)


def article(
    path: str = "a", *, source: str = "satu", title: str = "Camat dipanggil pengawas", body: str = BODY, **fields: Any
) -> Article:
    return Article(
        source=source,
        url=f"https://{source}.example/{path}",
        fetched_url=f"https://{source}.example/{path}",
        title=title,
        body=body,
        content_sha256=content_sha256(body),
        signature=sign(body),
        **{
            "published_at": NOW - timedelta(hours=1),
            "date_precision": "minute",
            "fetched_at": NOW,
            "topic": (Match("camat", "Camat", 0, 5, "title"),),
            "rules": {"semua": (Match("camat", "Camat", 0, 5, "title"),)},
            **fields,
        },
    )


def report(*articles: Article, source: str = "satu", memory: Memory | None = None, **fields: Any) -> PollReport:
    return PollReport(
        source,
        fields.pop("outcome", "ok"),
        NOW,
        fields.pop("finished_at", NOW),
        articles=articles,
        memory=memory,
        **fields,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pantau.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as opened:
        opened.sync_sources(SOURCES)
        yield opened


def waiting(store: Store, at: datetime = FAR) -> list[DueAlert]:
    """Return the alerts that wait, in no digest, and are due by then, in the order they were made."""
    rows = store._conn.execute(
        "SELECT id, type, channel, payload, attempts, next_attempt_at, first_attempt_at FROM alerts "
        "WHERE state = 'waiting' AND digest_id IS NULL AND next_attempt_at <= ? ORDER BY rowid",
        (stamp(at),),
    )
    return [DueAlert(*row[:5], datetime.fromisoformat(row[5]), parse_stamp(row[6])) for row in rows]
