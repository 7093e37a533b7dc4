"""A database with many articles, made by SQL in a second: enough like real ones for readers of the feed."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from pipelines.store import Store
from tests.pipelines.conftest import SOURCES

_MATCH = '[{"rule": "topic", "term": "netral*", "text": "netral", "start": 0, "end": 6, "field": "title"}]'
_ROWS = f"""
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO articles (seq, url, url_key, fetched_url, source, title, author, body, published_at, fetched_at, date_precision,
  category, province_code, regency_code, flags, rules, matches, story_id, content_sha256, stored_at)
SELECT i, 'https://satu.example/' || i, printf('%016x', i), 'https://satu.example/' || i, 'satu', 'Camat ' || i || ' diminta netral',
  'Wartawan', replace(hex(zeroblob(10)), '0', 'Pegawai negeri wajib netral. ') || char(10, 10) || 'Nomor ' || i,
  '2024-11-13T01:04:00Z', '2024-11-13T01:06:00Z', 'minute', 'dugaan', '16', '16.71', '["pilkada"]', '["semua"]', '{_MATCH}', 1,
  printf('%064x', i), '2024-11-13T01:06:00Z' FROM n
"""


def fill(path: Path, count: int) -> Path:
    """Fill a database with so many articles of 600 characters, without full text, and return its path."""
    with Store(path) as store:
        store.sync_sources(SOURCES)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        for name in ("articles_inserted", "articles_changed"):
            db.execute(f"DROP TRIGGER {name}")
        db.execute("INSERT INTO stories (title) VALUES ('x')")
        db.execute(_ROWS, (count,))
        db.execute("UPDATE counters SET value = ? WHERE name = 'seq'", (count,))
    return path
