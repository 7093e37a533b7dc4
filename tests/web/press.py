"""A database for the pages, written by SQL: any text may stand in it, also what no article step would let through."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crawler.items import Source
from pipelines.store import Store

NOW = datetime(2024, 11, 13, 1, 4, tzinfo=UTC)
BODY = (
    "PALEMBANG - Bawaslu Kota Palembang memeriksa seorang camat karena diduga tidak menjaga netralitas ASN.\n\n"
    "Camat itu hadir di panggung kampanye pada hari Minggu. Ia datang dengan mobil dinas."
)
SOURCES = [
    Source("satu", "Satu", "https://satu.example", region="16"),
    Source("dua", "Dua", "https://dua.example", region="14"),
    Source("tiga", "Tiga", "https://tiga.example"),
]


def stamped(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Press:
    """Writes stories and articles into a database of ours."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with Store(path) as store:
            store.sync_sources(SOURCES)
        with self.writing() as db:
            db.execute(
                "UPDATE sources SET state = 'ok', last_poll_at = ?, last_new_at = ?", (stamped(NOW), stamped(NOW))
            )

    @contextlib.contextmanager
    def writing(self) -> Any:
        with contextlib.closing(sqlite3.connect(self.path)) as db, db:
            db.execute("PRAGMA synchronous = OFF")
            yield db

    def article(
        self,
        title: str = "Camat diperiksa Bawaslu",
        body: str = BODY,
        *,
        story: int | None = None,
        hours_ago: float = 1,
        hit: str = "netralitas",
        **columns: Any,
    ) -> tuple[int, int]:
        """Add an article, to a new story without one; return (article, story)."""
        at = stamped(NOW - timedelta(hours=hours_ago))
        with self.writing() as db:
            number = db.execute("SELECT coalesce(max(id), 0) + 1 FROM articles").fetchone()[0]
            row: Mapping[str, Any] = {
                "url": f"https://satu.example/{number}",
                "url_key": f"{number:016x}",
                "fetched_url": f"https://satu.example/{number}",
                "source": "satu",
                "title": title,
                "body": body,
                "published_at": at,
                "fetched_at": at,
                "stored_at": at,
                "date_precision": "minute",
                "category": "proses",
                "province_code": "16",
                "regency_code": "16.71",
                "matches": matches(body, hit),
                "content_sha256": hashlib.sha256(body.encode()).hexdigest(),
                **columns,
            }
            if story is None:
                story = db.execute(
                    "INSERT INTO stories (title, first_published_at, category, province_code, regency_code) VALUES (?, ?, ?, ?, ?)",
                    (title, at, row["category"], row["province_code"], row["regency_code"]),
                ).lastrowid
            row = {**row, "story_id": story}
            db.execute(
                f"INSERT INTO articles ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values())
            )
            db.execute(
                "UPDATE stories SET articles = articles + 1, outlets = (SELECT count(DISTINCT source) FROM articles "
                "WHERE story_id = stories.id) WHERE id = ?",
                (story,),
            )
            db.execute("UPDATE sources SET articles = articles + 1 WHERE id = ?", (row["source"],))
        assert story is not None
        return number, story

    def revision(self, article: int, number: int, title: str, body: str) -> None:
        with self.writing() as db:
            db.execute(
                "INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?)",
                (article, number, title, body, "0" * 64, stamped(NOW)),
            )
            db.execute("UPDATE articles SET revision = revision + 1 WHERE id = ?", (article,))


def matches(body: str, hit: str) -> str:
    start = body.find(hit)
    found = (
        []
        if start < 0
        else [{"rule": "topic", "term": hit, "text": hit, "start": start, "end": start + len(hit), "field": "body"}]
    )
    return json.dumps(found)


def fill(path: Path, articles: int) -> Path:
    """Fill a database with so many articles of 3,000 characters in the year before NOW, four a story; return its path."""
    press = Press(path)
    with press.writing() as db:
        for name in ("articles_inserted", "articles_changed"):
            db.execute(f"DROP TRIGGER {name}")
        db.execute(_STORIES, (articles // 4,))
        db.execute(_ARTICLES, (articles, stamped(NOW), 365 * 1440 / articles))
        db.execute("INSERT INTO articles_fts (articles_fts) VALUES ('rebuild')")
        db.execute("UPDATE sources SET articles = ? WHERE id = 'satu'", (articles,))
        db.execute("ANALYZE")
    return path


_STORIES = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= ?)
INSERT INTO stories (id, title, articles, outlets, category, province_code) SELECT i, 'Camat ' || i, 4, 1, 'proses', '16' FROM n
"""
_ARTICLES = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1),
c (i, category, province) AS (SELECT i, substr('imbauanimbauanimbauandugaan proses sanksi lain   data   ', (i * 7919 % 8) * 7 + 1, 7),
  json_extract(codes, '$[' || (i * 31 % 38) || ']')
  FROM n, (SELECT json_group_array(code) AS codes FROM regions WHERE length(code) = 2))
INSERT INTO articles (seq, url, url_key, fetched_url, source, title, body, published_at, fetched_at, date_precision, category,
  province_code, matches, story_id, content_sha256, stored_at)
SELECT i, 'https://satu.example/' || i, printf('%016x', i), 'https://satu.example/' || i, 'satu', 'Camat ' || i || ' diminta netral',
  replace(hex(zeroblob(52)), '0', 'Pegawai negeri wajib netral. ') || 'Nomor ' || i,
  strftime('%Y-%m-%dT%H:%M:%SZ', ?2, '-' || (i * ?3) || ' minutes'), ?2, 'minute', trim(category), province,
  '[{"rule": "topic", "term": "netral", "text": "netral", "start": 21, "end": 27, "field": "body"}]', i / 4 + 1, printf('%064x', i), ?2
FROM c
"""
