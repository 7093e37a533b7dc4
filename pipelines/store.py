"""The database's one writer: a poll's report becomes rows in one transaction, or nothing does.

    record    articles (new, edited, duplicate) ─ story ─ alerts ─ rechecks ─ the source's memory and health     one COMMIT

Writes articles, stories and sources; the outbox's rows are pipelines.alerts', what time does to the database pipelines.upkeep's, hubs' pipelines.subscriptions', opening and locking pipelines.database's, reading
pipelines.reader's, deciding pipelines.dedupe's and pipelines.stories'. It imports neither scrapy nor lxml nor trafilatura. Raises StoreError alone. Tests: tests/pipelines/test_store.py; whoever adds a public method adds it there to
the test that every method raises StoreBusy on a locked database.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from crawler.errors import StoreUnwritable
from crawler.identity import entry_key, redacted
from crawler.items import Article, Memory, PollReport, Recheck, Rechecked, Source, Standing, readable, to_json
from pipelines import dedupe, stories
from pipelines.alerts import Plan
from pipelines.database import ours, parse_stamp, stamp
from pipelines.subscriptions import Subscriptions
from pipelines.traits import parse_traits
from pipelines.upkeep import Upkeep

log = logging.getLogger(__name__)
NO_PLAN = Plan()
RECHECKS_A_POLL = 20  # politely: at one a second that is what a poll of a busy outlet costs
CUT_LINES, CUT_CHARS = 60, 200  # enough to see what went, at a kilobyte an article
# Of all that share a key, those that share the most: a retelling shares persons, quotes, or its place and day.
MAX_CANDIDATES = 16
NEWEST_OF_A_KEY = 20  # a busy kabupaten has ten articles on the subject a day; officials are named in more
CONFIRM_GONE_S = 900  # an outlet that moves servers answers 404 for minutes


@dataclass(slots=True)
class Recorded:
    """What one report came to in the database. `kept`: new articles; the lists hold article ids."""

    kept: list[int] = field(default_factory=list)
    revised: list[int] = field(default_factory=list)
    duplicates: int = 0
    alerts: int = 0


@dataclass(frozen=True, slots=True)
class Past:
    """How a source stood after its last poll: failures in a row, the pause planned then, what was learned (JSON)."""

    failures: int = 0
    planned_s: float | None = None
    rhythm: str | None = None
    health: str | None = None
    reached: bool = False  # it has answered at some time


class Store(Upkeep, Subscriptions):
    """The database, open for writing; see `Writer` for opening and what it raises."""

    # -------------------------------------------------------------------------------------------------------- sources

    def sync_sources(self, sources: Iterable[Source]) -> None:
        """Make the table `sources` agree with sources.yaml. One that is no longer there stays, inactive: articles name it."""
        with self._transaction():
            self._conn.execute("UPDATE sources SET active = 0")
            for source in sources:
                self._conn.execute(
                    "INSERT INTO sources (id, name, url, region) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                    "name = excluded.name, url = excluded.url, region = excluded.region, active = 1",
                    (source.id, source.name, redacted(source.url), source.region),
                )

    def due_sources(self, now: datetime, limit: int) -> list[str]:
        """Return the ids of active sources that are due, the longest due first."""
        with ours(self.path):
            rows = self._conn.execute(
                "SELECT id FROM sources WHERE active = 1 AND (next_poll_at IS NULL OR next_poll_at <= ?) "
                "ORDER BY next_poll_at LIMIT ?",
                (stamp(now), limit),
            )
            return [row[0] for row in rows]

    def memory(self, source: str) -> Memory:
        """Return what the source remembers; an empty memory before its first poll, or where it cannot be read.

        Without its memory a source is read as for the first time: what is stored is found again, and nothing is told twice.
        """
        with ours(self.path):
            row = self._conn.execute("SELECT memory FROM memories WHERE source = ?", (source,)).fetchone()
        if row is None:
            return Memory()
        remembered = readable(Memory, row[0])
        if remembered is None:
            log.error("memory unreadable, begun anew source=%s", source)
        return remembered or Memory()

    def past(self, source: str) -> Past:
        """Return how the source stood after its last poll."""
        with ours(self.path):
            row = self._conn.execute(
                "SELECT s.failures, s.last_poll_at, s.next_poll_at, h.rhythm, h.health, s.last_ok_at IS NOT NULL FROM sources s "
                "LEFT JOIN habits h ON h.source = s.id WHERE s.id = ?",
                (source,),
            ).fetchone()
        if row is None:
            return Past()
        failures, last, following, rhythm, health, reached = row
        planned_s = (
            (datetime.fromisoformat(following) - datetime.fromisoformat(last)).total_seconds()
            if last and following
            else None
        )
        return Past(failures, planned_s, rhythm, health, bool(reached))

    # --------------------------------------------------------------------------------------------------------- record

    def record(
        self, report: PollReport, next_poll_at: datetime, plan: Plan = NO_PLAN, standing: Standing | None = None
    ) -> Recorded:
        """Record a report whole: its articles, their stories and alerts, rechecks, the source's memory and health. Or nothing.

        Safe to repeat: what is stored already is found again.
        """
        recorded = Recorded()
        with self._transaction():
            for article in report.articles:
                self._record_article(article, report.finished_at, plan, recorded)
            for checked in report.rechecked:
                self._note_recheck(checked, report.finished_at, plan, recorded)
            if report.memory is not None:
                self._conn.execute(
                    "INSERT INTO memories (source, memory) VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET memory = excluded.memory",
                    (report.source, json.dumps(to_json(report.memory), ensure_ascii=False, separators=(",", ":"))),
                )
            self._record_health(report, next_poll_at, standing)
            if standing is not None:
                self._record_standing(report.source, standing, report.finished_at, plan)
        return recorded

    def _record_article(self, article: Article, now: datetime, plan: Plan, recorded: Recorded) -> None:
        key = entry_key(article.url)
        at_address = self._stored("url_key = ?", key)
        same_text = None
        if article.body and at_address is None:
            same_text = self._stored("source = ? AND content_sha256 = ?", article.source, article.content_sha256)
        decision = dedupe.decide(article, at_address, same_text)
        if decision == "insert":
            article_id, risen = self._insert(article, key, now, plan)
            recorded.kept.append(article_id)
            recorded.alerts += self._raise_matched(article, article_id, plan, now, risen=risen)
        elif decision == "duplicate":
            self._note_duplicate(article, key, at_address or same_text, now)
            recorded.duplicates += 1
        elif decision in ("revise", "complete") and at_address is not None:
            risen = self._replace(article, at_address, now, revision=at_address.revision + (decision == "revise"))
            if decision == "revise":
                recorded.revised.append(at_address.id)
                # Before the match: an edit that first hits a rule is told as that, not as the edit of an article that alerted.
                if dedupe.changes_the_matter(article, at_address):
                    recorded.alerts += self._raise_on_alerted("article.revised", at_address.id, plan, now)
            recorded.alerts += self._raise_matched(article, at_address.id, plan, now, risen=risen)

    def _stored(self, where: str, *values: object) -> dedupe.Stored | None:
        row = self._conn.execute(
            "SELECT id, source, title, body, revision, body_status, from_listing FROM articles "  # noqa: S608  our own text
            f"WHERE {where} LIMIT 1",
            values,
        ).fetchone()
        return dedupe.Stored(*row) if row else None

    def _note_duplicate(self, article: Article, key: str, original: dedupe.Stored | None, now: datetime) -> None:
        assert original is not None
        self._conn.execute(
            "INSERT OR IGNORE INTO duplicates (url_key, url, source, article_id, seen_at) VALUES (?, ?, ?, ?, ?)",
            (key, article.url, article.source, original.id, stamp(now)),
        )

    def _insert(self, article: Article, key: str, now: datetime, plan: Plan) -> tuple[int, bool]:
        """Insert an article; return its id, and whether it makes its story rise."""
        telling = _telling_of(article, article.fetched_at or now)
        story_id = self._story(article, telling)
        row = {
            "url": article.url,
            "url_key": key,
            "source": article.source,
            "fetched_at": stamp(article.fetched_at or now),
            "story_id": story_id,
            "stored_at": stamp(now),
            "recheck_at": stamp(now + timedelta(seconds=plan.recheck_s[0])) if plan.recheck_s else None,
            **_content(article),
        }
        names = ", ".join(row)
        cursor = self._conn.execute(
            f"INSERT INTO articles ({names}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608  names are ours
            tuple(row.values()),
        )
        article_id = int(cursor.lastrowid or 0)
        self._archive(article, article_id, 1, now)
        self._file(article_id, telling)
        self._conn.execute("UPDATE sources SET articles = articles + 1 WHERE id = ?", (article.source,))
        before = self._story_category(story_id)
        self._count_story(story_id)
        return article_id, stories.rises(before, article.category)

    def _replace(self, article: Article, old: dedupe.Stored, now: datetime, *, revision: int) -> bool:
        """Store another wording, keeping the earlier one where it is a new revision; return whether the story rises by it."""
        if revision != old.revision:
            self._conn.execute(
                "INSERT INTO revisions SELECT id, revision, title, body, content_sha256, ? FROM articles WHERE id = ?",
                (stamp(now), old.id),
            )
        row = {"revision": revision, "fetched_at": stamp(article.fetched_at or now), **_content(article)}
        self._unfile(old.id)
        self._conn.execute(
            f"UPDATE articles SET {', '.join(f'{name} = ?' for name in row)} WHERE id = ?",  # noqa: S608  names are ours
            (*row.values(), old.id),
        )
        self._file(old.id, _telling_of(article, article.fetched_at or now))
        self._archive(article, old.id, revision, now)
        story_id = self._conn.execute("SELECT story_id FROM articles WHERE id = ?", (old.id,)).fetchone()[0]
        before = self._story_category(story_id)
        self._count_story(story_id)
        return stories.rises(before, article.category)

    def add_articles(self, articles: Iterable[Article], now: datetime) -> Recorded:
        """Record articles that no poll brought (from a WARC file): no alerts, and nothing of any source's health."""
        recorded = Recorded()
        with self._transaction():
            for article in articles:
                self._record_article(article, now, NO_PLAN, recorded)
        return recorded

    def amend(self, article_id: int, article: Article, *, write: bool = True) -> list[str]:
        """Store what is read of the same answer by better rules; return the columns that changed (also without `write`).

        No revision, no alert; the story stays the same. Times that only the listing told stay: it is not archived.
        """
        with self._transaction():
            article = self._with_listed_times(article_id, article)
            new = {name: value for name, value in _content(article).items() if name in READ_OF_A_PAGE}
            row = self._conn.execute(
                f"SELECT {', '.join(new)}, story_id FROM articles WHERE id = ?",  # noqa: S608  names are ours
                (article_id,),
            ).fetchone()
            changed = [name for name, old in zip(new, row, strict=False) if old != new[name]]
            if changed and write:
                self._unfile(article_id)
                self._conn.execute(
                    f"UPDATE articles SET {', '.join(f'{name} = ?' for name in changed)} WHERE id = ?",  # noqa: S608
                    (*(new[name] for name in changed), article_id),
                )
                self._file(article_id, _telling_of(article, article.fetched_at))
                self._count_story(row[-1])
            return changed

    def _with_listed_times(self, article_id: int, article: Article) -> Article:
        published, modified, precision, evidence = self._conn.execute(
            "SELECT published_at, modified_at, date_precision, date_evidence FROM articles WHERE id = ?", (article_id,)
        ).fetchone()
        if published and (article.published_at is None or (evidence or "").startswith(("entry:", "listing"))):
            at = parse_stamp(published)
            article = replace(article, published_at=at, date_precision=precision, date_evidence=evidence)
        return replace(article, modified_at=article.modified_at or parse_stamp(modified))

    def _archive(self, article: Article, article_id: int, revision: int, now: datetime) -> None:
        """Write the responses behind a wording to the archive, and where they stand to the database."""
        if not article.responses:
            return
        from pipelines.archive import Archive  # only where responses are kept

        archive = Archive(self.path)
        for response in article.responses:
            try:
                place = archive.append(response, self._archived_up_to, now)
            except OSError as error:
                raise StoreUnwritable(f"{archive.folder} cannot be written: {error.strerror}") from error
            self._conn.execute(
                "INSERT INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(article_id, revision, response.url, place.file, place.offset, place.length, place.sha256),
                    stamp(response.fetched_at),
                ),
            )

    def _archived_up_to(self, file: str) -> int:
        query = "SELECT coalesce(max(offset + length), 0) FROM evidence WHERE file = ?"
        end: int = self._conn.execute(query, (file,)).fetchone()[0]
        return end

    def _file(self, article_id: int, telling: stories.Telling) -> None:
        """File an article under what later ones are compared by."""
        traits = json.dumps(to_json(telling.traits), ensure_ascii=False, separators=(",", ":"))
        self._conn.execute("INSERT INTO traits VALUES (?, ?, ?)", (article_id, telling.signature, traits))
        keys = [(key, article_id) for key in stories.keys_of(telling)]
        self._conn.executemany("INSERT OR IGNORE INTO story_keys VALUES (?, ?)", keys)
        bands = [(*band, article_id) for band in stories.bands_of(telling)]
        self._conn.executemany("INSERT INTO bands VALUES (?, ?, ?)", bands)

    def _unfile(self, article_id: int) -> None:
        """Take an article out of what later ones are compared by: under the keys that it was filed under, made anew of its row."""
        row = self._conn.execute(
            "SELECT t.traits, t.signature, coalesce(a.regency_code, a.province_code), a.category, "
            "coalesce(a.published_at, a.fetched_at) FROM traits t JOIN articles a ON a.id = t.article_id WHERE a.id = ?",
            (article_id,),
        ).fetchone()
        if row is None:
            return
        traits, signature, place, category, at = row
        telling = stories.Telling(parse_traits(traits), signature, place, category, datetime.fromisoformat(at))
        keys = [(key, article_id) for key in stories.keys_of(telling)]
        self._conn.executemany("DELETE FROM story_keys WHERE key = ? AND article_id = ?", keys)
        bands = [(*band, article_id) for band in stories.bands_of(telling)]
        self._conn.executemany("DELETE FROM bands WHERE band = ? AND value = ? AND article_id = ?", bands)
        self._conn.execute("DELETE FROM traits WHERE article_id = ?", (article_id,))

    def _story(self, article: Article, telling: stories.Telling) -> int:
        """Return the story of a new article: that of a copy or another telling, else a new one."""
        found = stories.decide_story(telling, self._candidates(telling))
        if found is not None:
            return found
        cursor = self._conn.execute("INSERT INTO stories (title) VALUES (?)", (article.title,))
        return int(cursor.lastrowid or 0)

    def _candidates(self, telling: stories.Telling) -> list[stories.Candidate]:
        """Return the MAX_CANDIDATES stored articles that share the most bands and keys, rare ones counting more.

        The newest first among equals. The cost must not grow with the store (docs/growth.md).
        """
        bands, keys = stories.lookup_bands(telling), stories.lookup_keys(telling)
        # The newest of each key: an official is named in thousands of articles, and only the latest can be the same event.
        newest = f"ORDER BY article_id DESC LIMIT {NEWEST_OF_A_KEY}"
        rarity = "SELECT article_id, 1.0 / count(*) OVER () AS weight FROM"
        values = ", ".join("?" * (len(bands[0]) - 1)) if bands else ""
        by_band = f"{rarity} (SELECT article_id FROM bands WHERE band = ? AND value IN ({values}) {newest})"  # noqa: S608
        by_key = f"{rarity} (SELECT article_id FROM story_keys WHERE key = ? {newest})"  # noqa: S608
        shared = [by_band] * len(bands) + [by_key] * len(keys)
        span = timedelta(days=stories.FAR_DAYS)
        rows = self._conn.execute(
            "SELECT a.story_id, t.traits, t.signature, coalesce(a.regency_code, a.province_code), a.category, "  # noqa: S608
            f"coalesce(a.published_at, a.fetched_at) AS at FROM (SELECT article_id FROM ({' UNION ALL '.join(shared)}) "
            "GROUP BY article_id ORDER BY sum(weight) DESC, article_id DESC LIMIT ?) AS c "
            "JOIN articles a ON a.id = c.article_id JOIN traits t ON t.article_id = c.article_id WHERE at BETWEEN ? AND ?",
            (
                *(value for band in bands for value in band),
                *(*keys, MAX_CANDIDATES, stamp(telling.at - span), stamp(telling.at + span)),
            ),
        )
        return [
            stories.Candidate(
                story_id,
                stories.Telling(parse_traits(traits), signature, place, category, datetime.fromisoformat(at)),
            )
            for story_id, traits, signature, place, category, at in rows
        ]

    def _story_category(self, story_id: int) -> str | None:
        category: str | None = self._conn.execute("SELECT category FROM stories WHERE id = ?", (story_id,)).fetchone()[
            0
        ]
        return category

    def _count_story(self, story_id: int) -> None:
        """Bring the story's row up to date with its articles: title and place are the first one's, the category the strongest."""
        rows = self._conn.execute("SELECT DISTINCT category FROM articles WHERE story_id = ?", (story_id,)).fetchall()
        self._conn.execute(
            "UPDATE stories SET (articles, outlets, first_published_at) = (SELECT count(*), count(DISTINCT source), "
            "min(coalesce(published_at, fetched_at)) FROM articles WHERE story_id = stories.id), "
            "(title, province_code, regency_code) = (SELECT title, province_code, regency_code FROM articles "
            "WHERE story_id = stories.id ORDER BY coalesce(published_at, fetched_at), id LIMIT 1), category = ? WHERE id = ?",
            (stories.strongest(category for (category,) in rows), story_id),
        )

    # ------------------------------------------------------------------------------------------------------- rechecks

    def due_rechecks(self, source: str, now: datetime) -> tuple[Recheck, ...]:
        """Return the source's articles that are to be looked at again now, at most RECHECKS_A_POLL, the longest due first."""
        with ours(self.path):
            rows = self._conn.execute(
                "SELECT url, fetched_url, etag, last_modified, body_status FROM articles "
                "WHERE source = ? AND recheck_at <= ? ORDER BY recheck_at LIMIT ?",
                (source, stamp(now), RECHECKS_A_POLL),
            ).fetchall()
        found = []
        for url, fetched_url, etag, last_modified, status in rows:
            if status != "whole":  # read anew, so asked for without conditions
                etag = last_modified = None
            found.append(Recheck(url, fetched_url, etag, last_modified))
        return tuple(found)

    def _note_recheck(self, checked: Rechecked, now: datetime, plan: Plan, recorded: Recorded) -> None:
        """Note that an article is still there, or missing; missing twice, it is gone since the first time."""
        row = self._conn.execute(
            "SELECT id, stored_at, rechecks, missing_at FROM articles WHERE url_key = ?", (entry_key(checked.url),)
        ).fetchone()
        if row is None:
            return
        article_id, stored_at, rechecks, missing_at = row
        if checked.outcome == "gone" and missing_at is not None:
            self._conn.execute(
                "UPDATE articles SET gone_at = missing_at, recheck_at = NULL WHERE id = ? AND gone_at IS NULL",
                (article_id,),
            )
            recorded.alerts += self._raise_on_alerted("article.gone", article_id, plan, now)
        elif checked.outcome == "gone":
            again = now + timedelta(seconds=CONFIRM_GONE_S)
            self._conn.execute(
                "UPDATE articles SET missing_at = ?, recheck_at = ? WHERE id = ?",
                (stamp(now), stamp(again), article_id),
            )
        else:
            ages = [timedelta(seconds=age_s) for age_s in plan.recheck_s[rechecks + 1 :]]
            next_at = next((at for at in (datetime.fromisoformat(stored_at) + age for age in ages) if at > now), None)
            self._conn.execute(
                "UPDATE articles SET rechecks = rechecks + 1, missing_at = NULL, recheck_at = ? WHERE id = ?",
                (stamp(next_at) if next_at else None, article_id),
            )

    def _record_health(self, report: PollReport, next_poll_at: datetime, standing: Standing | None) -> None:
        at = stamp(report.finished_at)
        good = report.outcome in ("ok", "not_modified", "empty")
        counts = not good and (standing is None or standing.counts_as_failure)
        error = "; ".join(f"{problem.kind}: {problem.message}" for problem in report.errors[:3])[:500] or None
        self._conn.execute(
            "UPDATE sources SET state = CASE WHEN ? THEN 'ok' ELSE 'failing' END, outcome = ?, error = ?, "
            "failures = CASE WHEN ? THEN 0 ELSE failures + ? END, last_poll_at = ?, "
            "last_ok_at = CASE WHEN ? THEN ? ELSE last_ok_at END, last_new_at = CASE WHEN ? THEN ? ELSE last_new_at END, "
            "next_poll_at = ?, found = CASE WHEN ? THEN ? ELSE found END, polls = polls + 1 WHERE id = ?",
            (
                *(good, report.outcome, error, good, counts, at, good, at, report.new > 0, at),
                *(stamp(next_poll_at), report.outcome == "ok", report.found, report.source),
            ),
        )

    def _record_standing(self, source: str, standing: Standing, now: datetime, plan: Plan) -> None:
        """Write how the source stands, and put the notices of it into the outbox."""
        self._conn.execute(
            "UPDATE sources SET state = ?, state_since = ?, overruns = overruns + ? WHERE id = ?",
            (standing.state, stamp(standing.since), standing.overrun, source),
        )
        self._conn.execute(
            "INSERT INTO habits (source, rhythm, health) VALUES (?, ?, ?) ON CONFLICT (source) DO UPDATE SET "
            "rhythm = excluded.rhythm, health = excluded.health",
            (source, standing.rhythm, standing.health),
        )
        for notice in standing.notices:
            row = self._conn.execute("SELECT id, name, url, region FROM sources WHERE id = ?", (source,)).fetchone()
            data = {
                "source": dict(zip(("id", "name", "url", "region"), row, strict=True)),
                "state": notice.state,
                "since": stamp(notice.since),
                "detail": notice.detail,
                **({"until": stamp(notice.until)} if notice.until else {}),
            }
            self._raise_notice(notice.kind, plan.health, f"source:{source}:{stamp(now)}", data, now)


# The columns that `amend` brings up to date; the others say how and when the answer was had.
READ_OF_A_PAGE = (
    *("title", "author", "body", "image", "published_at", "modified_at", "date_precision", "date_evidence", "category"),
    *("province_code", "regency_code", "flags", "rules", "matches", "content_sha256", "body_status", "cut"),
)


def _telling_of(article: Article, now: datetime | None) -> stories.Telling:
    """Return what an article is compared by."""
    at = article.published_at or now
    assert at is not None  # what was read has a time at which it was
    return stories.Telling(
        traits=article.traits,
        signature=bytes.fromhex(article.signature),
        place=article.regency_code or article.province_code,
        category=article.category,
        at=at,
    )


def _content(article: Article) -> dict[str, Any]:
    """Return the columns that an article's pages determine."""
    found = [("topic", match) for match in article.topic]
    found += [(rule, match) for rule, matches in article.rules.items() for match in matches]
    matches = [{"rule": rule, **to_json(match)} for rule, match in found]
    return {
        "fetched_url": article.fetched_url,
        "title": article.title,
        "author": article.author,
        "body": article.body,
        "image": article.image,
        "published_at": stamp(article.published_at) if article.published_at else None,
        "modified_at": stamp(article.modified_at) if article.modified_at else None,
        "date_precision": article.date_precision,
        "date_evidence": article.date_evidence,
        "category": article.category,
        "province_code": article.province_code,
        "regency_code": article.regency_code,
        "flags": json.dumps(list(article.flags)),
        "rules": json.dumps(list(article.rules)),
        "matches": json.dumps(matches, ensure_ascii=False),
        "content_sha256": article.content_sha256,
        "body_status": article.body_status,
        "cut": json.dumps([line[:CUT_CHARS] for line in article.cut[:CUT_LINES]], ensure_ascii=False),
        "from_listing": int(article.from_listing),
        "etag": article.etag,
        "last_modified": article.last_modified,
    }
