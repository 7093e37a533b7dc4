"""What the schema is known by, without what changes it: most processes open a database that is as it should be already.

Imports nothing of ours. Tests: tests/pipelines/test_store.py.
"""

from __future__ import annotations

APPLICATION_ID = 0x50414E54  # "PANT": `file` and we know the database as ours, and never touch another one
NEWEST = (
    2  # the number of the last step in pipelines.migrations, kept in user_version: a larger one is from a newer program
)

FEED_COLUMNS = [
    "seq",
    "id",
    "url",
    "source",
    "outlet",
    "title",
    "author",
    "body",
    "image",
    "published_at",
    "modified_at",
    "fetched_at",
    "date_precision",
    "category",
    "province_code",
    "province",
    "regency_code",
    "regency",
    "flags",
    "rules",
    "matches",
    "story_id",
    "revision",
    "content_sha256",
    "gone_at",
]
