"""Articles, reports and stores for the tests of the stateful pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crawler.items import Article, Match, Memory, PollReport, Source
from pipelines.alerts import Plan
from pipelines.dedupe import content_sha256, sign
from pipelines.store import Store

NOW = datetime(2024, 11, 13, 1, 4, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
PLAN = Plan({"pelanggaran": ("arsip",), "semua": ("arsip", "redaksi")}, timedelta(days=3))
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
