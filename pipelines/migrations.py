"""The database's schema, as numbered steps; each runs in one transaction with the record that it ran.

Columns are only ever added: `feed` and `stories` are read by programs that we do not know. Times are TEXT
"2024-11-13T01:04:00Z", UTC. What each column says is in docs/columns.md. Tests: tests/faults/test_database.py.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from pipelines.schema import APPLICATION_ID
from pipelines.wilayah import region_name, regions

migrations = Migrations("pantau")

_TABLES = """
CREATE TABLE regions (
  code TEXT PRIMARY KEY, name TEXT NOT NULL
) STRICT;

CREATE TABLE sources (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, url TEXT NOT NULL, region TEXT, active INTEGER NOT NULL DEFAULT 1,
  state TEXT NOT NULL DEFAULT 'new', error TEXT, failures INTEGER NOT NULL DEFAULT 0,
  last_poll_at TEXT, last_ok_at TEXT, last_new_at TEXT, next_poll_at TEXT,
  found INTEGER NOT NULL DEFAULT 0, polls INTEGER NOT NULL DEFAULT 0, articles INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX sources_due ON sources (next_poll_at) WHERE active = 1;

CREATE TABLE memories (
  source TEXT PRIMARY KEY REFERENCES sources (id), memory TEXT NOT NULL
) STRICT;

CREATE TABLE stories (
  id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, first_published_at TEXT, articles INTEGER NOT NULL DEFAULT 0,
  outlets INTEGER NOT NULL DEFAULT 0, category TEXT, province_code TEXT, regency_code TEXT
) STRICT;

CREATE TABLE articles (
  id INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL DEFAULT 0,
  url TEXT NOT NULL UNIQUE, url_key TEXT NOT NULL UNIQUE, fetched_url TEXT NOT NULL,
  source TEXT NOT NULL REFERENCES sources (id),
  title TEXT NOT NULL, author TEXT, body TEXT NOT NULL, image TEXT,
  published_at TEXT, modified_at TEXT, fetched_at TEXT NOT NULL, date_precision TEXT, date_evidence TEXT,
  category TEXT, province_code TEXT, regency_code TEXT,
  flags TEXT NOT NULL DEFAULT '[]', rules TEXT NOT NULL DEFAULT '[]', matches TEXT NOT NULL DEFAULT '[]',
  story_id INTEGER REFERENCES stories (id), revision INTEGER NOT NULL DEFAULT 1,
  content_sha256 TEXT NOT NULL, gone_at TEXT, body_status TEXT NOT NULL DEFAULT 'whole',
  stored_at TEXT NOT NULL, from_listing INTEGER NOT NULL DEFAULT 0, etag TEXT, last_modified TEXT, cut TEXT NOT NULL DEFAULT '[]',
  recheck_at TEXT, rechecks INTEGER NOT NULL DEFAULT 0, missing_at TEXT
) STRICT;
CREATE INDEX articles_recheck ON articles (source, recheck_at) WHERE recheck_at IS NOT NULL;
CREATE UNIQUE INDEX articles_seq ON articles (seq) WHERE seq > 0;
CREATE INDEX articles_same_text ON articles (source, content_sha256);
CREATE INDEX articles_story ON articles (story_id);
CREATE INDEX articles_by_time ON articles (coalesce(published_at, fetched_at), id);

CREATE TABLE revisions (
  article_id INTEGER NOT NULL REFERENCES articles (id), revision INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL,
  content_sha256 TEXT NOT NULL, seen_at TEXT NOT NULL, PRIMARY KEY (article_id, revision)
) STRICT;

CREATE TABLE duplicates (
  url_key TEXT PRIMARY KEY, url TEXT NOT NULL, source TEXT NOT NULL, article_id INTEGER NOT NULL REFERENCES articles (id),
  seen_at TEXT NOT NULL
) STRICT;

CREATE TABLE traits (
  article_id INTEGER PRIMARY KEY REFERENCES articles (id), signature BLOB NOT NULL, traits TEXT NOT NULL
) STRICT;
CREATE TABLE story_keys (
  key INTEGER NOT NULL, article_id INTEGER NOT NULL, PRIMARY KEY (key, article_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE bands (
  band INTEGER NOT NULL, value INTEGER NOT NULL, article_id INTEGER NOT NULL, PRIMARY KEY (band, value, article_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
  id TEXT PRIMARY KEY, type TEXT NOT NULL, channel TEXT NOT NULL, story_id INTEGER NOT NULL REFERENCES stories (id),
  article_id INTEGER NOT NULL REFERENCES articles (id), subject TEXT NOT NULL, payload TEXT NOT NULL, created_at TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
  attempts INTEGER NOT NULL DEFAULT 0, next_attempt_at TEXT, first_attempt_at TEXT, sent_at TEXT, error TEXT,
  UNIQUE (subject, channel, type)
) STRICT;
CREATE INDEX alerts_article ON alerts (article_id);
CREATE INDEX alerts_due ON alerts (next_attempt_at) WHERE state = 'waiting';

CREATE TABLE counters (
  name TEXT PRIMARY KEY, value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters VALUES ('seq', 0);

CREATE VIRTUAL TABLE articles_fts USING fts5 (
  title, body, content='articles', content_rowid='id', tokenize="unicode61 remove_diacritics 2"
);
"""

# `seq` moves with whatever the view `feed` shows. The columns are named so that setting seq itself, and bookkeeping that no
# consumer sees, moves nothing and rewrites no full text.
_TRIGGERS = """
CREATE TRIGGER articles_inserted AFTER INSERT ON articles BEGIN
  UPDATE counters SET value = value + 1 WHERE name = 'seq';
  UPDATE articles SET seq = (SELECT value FROM counters WHERE name = 'seq') WHERE id = new.id;
  INSERT INTO articles_fts (rowid, title, body) VALUES (new.id, new.title, new.body);
END;
CREATE TRIGGER articles_changed AFTER UPDATE OF url, source, title, author, body, image, published_at, modified_at, fetched_at,
  date_precision, category, province_code, regency_code, flags, rules, matches, story_id, revision, content_sha256, gone_at
  ON articles BEGIN
  UPDATE counters SET value = value + 1 WHERE name = 'seq';
  UPDATE articles SET seq = (SELECT value FROM counters WHERE name = 'seq') WHERE id = new.id;
END;
CREATE TRIGGER articles_reworded AFTER UPDATE OF title, body ON articles BEGIN
  INSERT INTO articles_fts (articles_fts, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
  INSERT INTO articles_fts (rowid, title, body) VALUES (new.id, new.title, new.body);
END;
CREATE TRIGGER articles_deleted AFTER DELETE ON articles BEGIN
  INSERT INTO articles_fts (articles_fts, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
END;
"""

_VIEW = """
CREATE VIEW feed AS SELECT
  a.seq, a.id, a.url, a.source, s.name AS outlet, a.title, a.author, a.body, a.image, a.published_at, a.modified_at, a.fetched_at,
  a.date_precision, a.category, a.province_code, p.name AS province, a.regency_code, r.name AS regency, a.flags, a.rules, a.matches,
  a.story_id, a.revision, a.content_sha256, a.gone_at
FROM articles a JOIN sources s ON s.id = a.source
LEFT JOIN regions p ON p.code = a.province_code LEFT JOIN regions r ON r.code = a.regency_code;
"""


@migrations()
def m0001_the_feed(db: Database) -> None:
    """Everything of version 0.1."""
    for script in (_TABLES, _TRIGGERS, _VIEW):
        for statement in statements(script):
            db.conn.execute(statement)
    db.conn.executemany("INSERT INTO regions VALUES (?, ?)", [(code, region_name(code)) for code in regions()])
    db.conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")


# Alerts that tell of no article (a digest, a source that fell silent, a channel that is dead) have no story and no article.
# SQLite cannot drop NOT NULL, so the table is made anew.
_WATCHED = """
CREATE TABLE alerts_2 (
  id TEXT PRIMARY KEY, type TEXT NOT NULL, channel TEXT NOT NULL, story_id INTEGER REFERENCES stories (id),
  article_id INTEGER REFERENCES articles (id), subject TEXT NOT NULL, payload TEXT NOT NULL, created_at TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
  attempts INTEGER NOT NULL DEFAULT 0, next_attempt_at TEXT, first_attempt_at TEXT, sent_at TEXT, error TEXT,
  digest_id TEXT REFERENCES alerts (id),
  UNIQUE (subject, channel, type)
) STRICT;
INSERT INTO alerts_2 SELECT id, type, channel, story_id, article_id, subject, payload, created_at, state, attempts,
  next_attempt_at, first_attempt_at, sent_at, error, NULL FROM alerts ORDER BY rowid;
DROP TABLE alerts;
ALTER TABLE alerts_2 RENAME TO alerts;
CREATE INDEX alerts_article ON alerts (article_id);
CREATE INDEX alerts_story ON alerts (story_id);
CREATE INDEX alerts_due ON alerts (next_attempt_at) WHERE state = 'waiting' AND digest_id IS NULL;
CREATE INDEX alerts_sent ON alerts (channel, sent_at) WHERE state = 'sent';
CREATE INDEX alerts_digest ON alerts (digest_id) WHERE digest_id IS NOT NULL;
CREATE INDEX alerts_queue ON alerts (channel) WHERE state = 'waiting' AND digest_id IS NULL;

CREATE TABLE channels (
  id TEXT PRIMARY KEY, last_sent_at TEXT, failing_since TEXT, error TEXT, held_until TEXT, last_digest_at TEXT
) STRICT;

-- A partial index does not serve "WHERE seq > ?": a thousand rows by cursor took 1.4 s in a million, 7 ms with this one.
DROP INDEX articles_seq;
CREATE UNIQUE INDEX articles_seq ON articles (seq);
-- The newest of a province, a regency, a category: with the index by time alone a rare one is looked for in all.
CREATE INDEX duplicates_article ON duplicates (article_id);
CREATE INDEX articles_with_body ON articles (coalesce(published_at, fetched_at), id) WHERE body != '';
CREATE INDEX articles_by_province ON articles (province_code, coalesce(published_at, fetched_at), id);
CREATE INDEX articles_by_regency ON articles (regency_code, coalesce(published_at, fetched_at), id);
CREATE INDEX articles_by_category ON articles (category, coalesce(published_at, fetched_at), id);

-- With every column that the web page filters by: its map, timeline and counts read no bodies (docs/web.md). The two times stand
-- in it once more because SQLite before 3.41 looks them up in the table else.
DROP INDEX articles_by_time;
CREATE INDEX articles_by_time ON articles (coalesce(published_at, fetched_at), id, category, province_code, regency_code, source,
  story_id, published_at, fetched_at);

ALTER TABLE sources ADD COLUMN outcome TEXT;
ALTER TABLE sources ADD COLUMN state_since TEXT;
ALTER TABLE sources ADD COLUMN overruns INTEGER NOT NULL DEFAULT 0;
CREATE TABLE habits (
  source TEXT PRIMARY KEY REFERENCES sources (id), rhythm TEXT NOT NULL, health TEXT NOT NULL
) STRICT;

CREATE TABLE evidence (
  article_id INTEGER NOT NULL REFERENCES articles (id), revision INTEGER NOT NULL, url TEXT NOT NULL, file TEXT NOT NULL,
  offset INTEGER NOT NULL, length INTEGER NOT NULL, sha256 TEXT NOT NULL, fetched_at TEXT NOT NULL
) STRICT;
CREATE INDEX evidence_article ON evidence (article_id, revision);
CREATE INDEX evidence_file ON evidence (file, offset);

-- `feed` is the digest of a feed's address, as in memories: the address may hold a token. One row a feed, beside those that are ended.
CREATE TABLE subscriptions (
  token TEXT PRIMARY KEY, source TEXT NOT NULL REFERENCES sources (id), feed TEXT NOT NULL, hub TEXT NOT NULL, host TEXT NOT NULL,
  topic TEXT NOT NULL, secret TEXT NOT NULL, callback TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('new', 'pending', 'active', 'failing', 'denied', 'leaving')),
  next_try_at TEXT NOT NULL, asked_at TEXT, lease_until TEXT, failures INTEGER NOT NULL DEFAULT 0, error TEXT, last_push_at TEXT
) STRICT;
CREATE UNIQUE INDEX subscriptions_feed ON subscriptions (source, feed) WHERE state <> 'leaving';
CREATE INDEX subscriptions_source ON subscriptions (source);
CREATE INDEX subscriptions_due ON subscriptions (next_try_at);

CREATE TABLE marks (
  name TEXT PRIMARY KEY, value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
UPDATE sources SET outcome = CASE WHEN state = 'new' THEN NULL ELSE state END,
  state = CASE WHEN state IN ('ok', 'not_modified', 'empty') THEN 'ok' WHEN state = 'new' THEN 'new' ELSE 'failing' END;
"""


@migrations()
def m0002_the_watch_over_itself(db: Database) -> None:
    """Health of sources and channels, digests, subscriptions to hubs."""
    for statement in statements(_WATCHED):
        db.conn.execute(statement)


def statements(script: str) -> list[str]:
    """Return the statements of a script, one by one: executescript would commit the transaction they belong to."""
    import sqlite3

    found, part = [], ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            found.append(part.strip())
            part = ""
    return found
