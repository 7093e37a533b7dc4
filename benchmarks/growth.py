"""Does recording an article cost the same in a small database and in a large one? Prints it, or writes docs/growth.md.

    python -m benchmarks.growth [--articles 1000000] [--small 10000] [--recorded 300] [--folder DIR] [--write]

Fills two databases of the real schema, then records articles one by one through `Store.record` (each with body, traits, signature,
matches, a rule hit and an alert, and a transaction of its own), by turns in the one and in the other, so that a busy machine slows
both. Filling a million takes about a quarter of an hour and 7.5 GB; a folder that holds filled databases is used again.
It writes rows past the store, but every row that a recording looks at (stories, traits, story keys, bands, full text) is as the
store would have filed it: 514 kabupaten and kota with twelve officials each who speak in most of their stories, 1,000 articles a day,
stories of one to some dozen tellings, two tellings in five a copy. The sources' memories are left out: they do not grow with the store.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from pathlib import Path

from crawler.identity import entry_key
from crawler.items import Article, PollReport, Source, Traits, to_json
from pipelines.alerts import Plan
from pipelines.database import stamp
from pipelines.dedupe import PERMUTATIONS, content_sha256, sign
from pipelines.place import find_place
from pipelines.reader import Reader, Row
from pipelines.rules import TOPIC, Rules
from pipelines.store import Store
from pipelines.stories import Telling, bands_of, keys_of
from pipelines.traits import MAX_WORDS, common_words, hash_of, traits_of
from pipelines.wilayah import regions

READING = "<!-- made by python -m benchmarks.reading"
ROOT = Path(__file__).resolve().parents[1]
FIRST_DAY = datetime(2022, 1, 3, tzinfo=UTC)
ARTICLES_A_DAY = 1000
SOURCES = 400
OFFICIALS = 12
# How many articles tell one event: most outlets' news is told once, a few events everywhere.
STORY_SIZES, STORY_SHARES = (1, 2, 3, 4, 6, 9, 16, 30), (60, 18, 9, 5, 4, 2, 1.5, 0.5)
CATEGORIES, CATEGORY_SHARES = ("imbauan", "dugaan", "proses", "sanksi", "regulasi", "data"), (50, 18, 14, 7, 6, 5)
PLAN = Plan({"semua": ("meja",)}, timedelta(days=3), (3600.0, 21600.0, 86400.0, 604800.0))
RULES = Rules({"preset": "netralitas-asn"}, {"semua": {"match": "ASN", "categories": [], "regions": []}})
BATCH = 5000
WARMING = 100  # recordings that fill the caches and are not counted

_SYLLABLES = [consonant + vowel for consonant in "bcdghjklmnprstwy" for vowel in "aeiou"]
_FUNCTION = (
    "yang",
    "dan",
    "di",
    "ke",
    "dari",
    "untuk",
    "dengan",
    "pada",
    "dalam",
    "tidak",
    "akan",
    "ini",
    "itu",
    "oleh",
    "telah",
)
_OFFICES = ("Sekda", "Pj Bupati", "Ketua Bawaslu", "Kepala BKPSDM", "Asisten Pemerintahan", "Inspektur", "Kepala Dinas")
_DEEDS = {
    "imbauan": "mengingatkan ASN agar menjaga netralitas",
    "dugaan": "menerima laporan dugaan pelanggaran netralitas ASN",
    "proses": "memanggil seorang ASN untuk klarifikasi soal netralitas",
    "sanksi": "menjatuhkan sanksi kepada ASN yang melanggar netralitas",
    "regulasi": "menerbitkan surat edaran netralitas ASN",
    "data": "mencatat puluhan laporan netralitas ASN",
}


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, as every telling of it has it."""

    number: int
    region: str
    at: datetime
    category: str
    officials: tuple[str, str]
    office: str
    person: str
    words: tuple[str, ...]
    quote: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """One telling. `words`: its uncommon words; `quotes`: all of them."""

    event: Event
    number: int
    source: str
    at: datetime
    title: str
    body: str
    words: frozenset[str]
    quotes: tuple[str, ...]
    signature: bytes


class World:
    """Makes events and their tellings, always the same ones for a seed; places, officials and words are always the same."""

    def __init__(self, seed: int, first_number: int = 0) -> None:
        rng = random.Random(11)
        self._rng = rng
        self._common = [word for word in sorted(common_words()) if len(word) > 3]
        self._rare = list(dict.fromkeys(self._word(rng.randint(2, 4)) for _ in range(30_000)))
        self._weights = list(accumulate(1 / (rank + 10) for rank in range(len(self._rare))))  # Zipf
        first = [self._word(2).capitalize() for _ in range(400)]
        last = [self._word(3).capitalize() for _ in range(900)]
        self._people = [f"{rng.choice(first)} {rng.choice(last)}" for _ in range(60_000)]
        self._regions = [region for region in regions().values() if "." in region.code]
        self._officials = {region.code: rng.sample(self._people, OFFICIALS) for region in self._regions}
        self._events = self._articles = first_number
        self._rng = random.Random(seed)

    def _word(self, syllables: int) -> str:
        return "".join(self._rng.choice(_SYLLABLES) for _ in range(syllables))

    def event(self, at: datetime) -> Event:
        rng = self._rng
        region = rng.choice(self._regions)
        self._events += 1
        words = tuple(rng.choices(self._rare, cum_weights=self._weights, k=14))
        return Event(
            self._events,
            region.code,
            at,
            rng.choices(CATEGORIES, CATEGORY_SHARES)[0],
            (rng.choice(self._officials[region.code][:4]), rng.choice(self._officials[region.code])),
            rng.choice(_OFFICES),
            rng.choice(self._people),
            words,
            " ".join(rng.choices([*words, *_FUNCTION], k=14)),
            rng.randbytes(4 * PERMUTATIONS),
        )

    def telling(self, event: Event, *, copy: bool) -> Told:
        rng = self._rng
        self._articles += 1
        rare = rng.choices(self._rare, cum_weights=self._weights, k=30)
        own = {*rng.sample(event.words, 9), *rare}
        quotes = (event.quote, " ".join(rng.choices([*rare, *_FUNCTION], k=12)))
        at = event.at + timedelta(minutes=rng.randint(0, 2000))
        place = regions()[event.region].official_name
        title = f"{event.office} {place} {_DEEDS[event.category].capitalize()} {event.words[0]} {rare[0]}"
        filler = rng.choices(self._common, k=50) + rng.choices(_FUNCTION, k=55) + list(own)
        rng.shuffle(filler)
        sentences = [" ".join(filler[i : i + 16]).capitalize() + "." for i in range(0, len(filler), 16)]
        one, other = event.officials
        paragraphs = [
            f"{place} - {event.office} {place}, {one}, {_DEEDS[event.category]} menjelang pilkada, {at:%d/%m} ({at:%d/%m/%Y}).",
            " ".join(sentences[:3]),
            f"“{quotes[0].capitalize()},” kata {one}.",
            " ".join(sentences[3:6]),
            f"Hal itu dibenarkan {other}. “{quotes[1].capitalize()},” ujarnya.",
            " ".join(sentences[6:9]),
            f"{event.person} yang dihubungi terpisah belum memberi jawaban. " + " ".join(sentences[9:]),
        ]
        signature = event.signature if copy else rng.randbytes(4 * PERMUTATIONS)
        source = f"media-{rng.randrange(SOURCES)}"
        return Told(
            event, self._articles, source, at, title, "\n\n".join(paragraphs), frozenset(own), quotes, signature
        )

    def tellings(self, end: int) -> Iterator[Told]:
        """Yield so many articles, event by event, ARTICLES_A_DAY a day."""
        number = 0
        while number < end:
            event = self.event(FIRST_DAY + timedelta(days=number / ARTICLES_A_DAY))
            size = self._rng.choices(STORY_SIZES, STORY_SHARES)[0]
            for turn in range(min(size, end - number)):
                yield self.telling(event, copy=turn == 0 or self._rng.random() < 0.4)
            number += size


def article_of(told: Told) -> Article:
    """Return the article as the article step would make it: real matches, traits and signature."""
    found = RULES.find(told.title, told.body)
    place = find_place(told.title, told.body)
    address = f"https://{told.source}.example/{told.number}/berita-{told.number}"
    article = Article(
        source=told.source,
        url=address,
        fetched_url=address,
        title=told.title,
        body=told.body,
        author="Redaksi",
        published_at=told.at,
        date_precision="minute",
        fetched_at=told.at,
        content_sha256=content_sha256(told.body),
        topic=found.get(TOPIC, ()),
        category=told.event.category,  # type: ignore[arg-type]
        province_code=place.province_code,
        regency_code=place.regency_code,
        flags=("pilkada",),
        traits=traits_of(told.title, told.body, told.at),
        signature=sign(told.body),
    )
    return replace(article, rules=RULES.hit(found, article.category, article.regency_code))


def fill(path: Path, articles: int) -> None:
    """Make a database of so many articles."""
    with Store(path) as store:
        store.sync_sources(Source(f"media-{n}", f"Media {n}", f"https://media-{n}.example") for n in range(SOURCES))
    _Filler(path, World(1)).fill(articles)


class _Filler:
    """Writes tellings into the tables past the store, fast."""

    def __init__(self, path: Path, world: World) -> None:
        self._path, self._world = path, world
        self._hash: dict[str, int] = {}
        self._article_id = self._seq = 0
        self._story_of: dict[int, int] = {}
        self._bands: list[list[tuple[int, int]]] = []
        self._keys: list[tuple[int, int]] = []
        sample = article_of(world.telling(world.event(FIRST_DAY), copy=False))
        matches = [
            {"rule": rule, **to_json(m)} for rule, ms in [("topic", sample.topic), *sample.rules.items()] for m in ms
        ]
        self._matches = json.dumps(matches, ensure_ascii=False)

    def fill(self, articles: int) -> None:
        conn = sqlite3.connect(self._path, isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000"):
            conn.execute(f"PRAGMA {pragma}").fetchall()
        trigger = conn.execute("SELECT sql FROM sqlite_master WHERE name = 'articles_inserted'").fetchone()[0]
        conn.execute("BEGIN")
        conn.execute("DROP TRIGGER articles_inserted")
        batch: list[Told] = []
        for told in self._world.tellings(articles):
            batch.append(told)
            if len(batch) == BATCH:
                self._write(conn, batch)
                batch.clear()
        self._write(conn, batch)
        # In the order of their tables: rows that arrive in disorder would cost ten times as much.
        conn.executemany("INSERT OR IGNORE INTO story_keys VALUES (?, ?)", sorted(self._keys))
        for band, values in enumerate(self._bands):
            conn.executemany(f"INSERT OR IGNORE INTO bands VALUES ({band}, ?, ?)", sorted(values))
            values.clear()
        conn.execute("UPDATE counters SET value = ? WHERE name = 'seq'", (self._seq,))
        conn.execute(
            "UPDATE stories SET (articles, outlets, first_published_at) = (SELECT count(*), count(DISTINCT source), "
            "min(published_at) FROM articles WHERE story_id = stories.id)"
        )
        conn.execute(trigger)
        conn.execute("COMMIT")
        conn.execute("PRAGMA journal_mode = WAL").fetchall()
        conn.close()

    def _write(self, conn: sqlite3.Connection, batch: Sequence[Told]) -> None:
        articles, traits, full_text = [], [], []
        for told in batch:
            event = told.event
            self._article_id += 1
            self._seq += 2  # counting the articles of a story moves it once more
            if event.number not in self._story_of:
                cursor = conn.execute(
                    "INSERT INTO stories (title, category, province_code, regency_code) VALUES (?, ?, ?, ?)",
                    (told.title, event.category, event.region[:2], event.region),
                )
                self._story_of[event.number] = int(cursor.lastrowid or 0)
            address = f"https://{told.source}.example/{told.number}/berita-{told.number}"
            at = stamp(told.at)
            recheck = stamp(told.at + timedelta(days=7))
            articles.append(
                (
                    *(
                        self._article_id,
                        self._seq,
                        address,
                        entry_key(address),
                        address,
                        told.source,
                        told.title,
                        "Redaksi",
                    ),
                    *(
                        told.body,
                        at,
                        at,
                        "minute",
                        event.category,
                        event.region[:2],
                        event.region,
                        '["pilkada"]',
                        '["semua"]',
                    ),
                    *(self._matches, self._story_of[event.number], content_sha256(told.body), at, recheck),
                )
            )
            telling = Telling(self._traits(told), told.signature, event.region, event.category, told.at)
            traits.append(
                (self._article_id, told.signature, json.dumps(to_json(telling.traits), separators=(",", ":")))
            )
            full_text.append((self._article_id, told.title, told.body))
            self._keys += [(key, self._article_id) for key in keys_of(telling)]
            values = bands_of(telling)
            self._bands += [[] for _ in range(len(values) - len(self._bands))]
            for band, value in values:
                self._bands[band].append((value, self._article_id))
        conn.executemany(
            "INSERT INTO articles (id, seq, url, url_key, fetched_url, source, title, author, body, published_at, fetched_at, "
            "date_precision, category, province_code, regency_code, flags, rules, matches, story_id, content_sha256, stored_at, "
            f"recheck_at) VALUES ({', '.join('?' * 22)})",
            articles,
        )
        conn.executemany("INSERT INTO traits VALUES (?, ?, ?)", traits)
        conn.executemany("INSERT INTO articles_fts (rowid, title, body) VALUES (?, ?, ?)", full_text)

    def _traits(self, told: Told) -> Traits:
        """Return what `traits_of` finds in the telling, put together from its parts: a hundred times as fast."""
        if len(self._hash) > 200_000:
            self._hash.clear()
        event = told.event
        names = dict.fromkeys(name.lower() for name in (*event.officials, event.person))
        quotes: set[int] = set()
        for quote in told.quotes:
            words = quote.split()
            quotes |= {self._hashed(" ".join(words[i : i + 3])) for i in range(len(words) - 2)}
        words = {self._hashed(word) for word in (*told.words, *_DEEDS[event.category].split())}
        title = {self._hashed(event.words[0])}
        day: date = told.at.date()
        return Traits(
            tuple(names),
            tuple(sorted(quotes)[:16]),
            (day.isoformat(),),
            tuple(sorted(words)[:MAX_WORDS]),
            tuple(title),
        )

    def _hashed(self, text: str) -> int:
        found = self._hash.get(text)
        if found is None:
            found = self._hash[text] = hash_of(text)
        return found


@dataclass(frozen=True, slots=True)
class Cost:
    """What recording one article cost at one size, in milliseconds, and how long reading took."""

    articles: int
    cpu_ms: float
    mean_cpu_ms: float
    wall_ms: float
    candidates: float
    bytes_an_article: float
    cursor_ms: float
    rare_search_ms: float
    common_search_ms: float


class Recording:
    """Articles to record in one database, and what each of them cost: a third tells an event that was just recorded."""

    def __init__(self, path: Path, articles: int, count: int) -> None:
        self.path, self.articles = path, articles
        with Reader(path) as reader:
            stored = reader.counts()["articles"]
        self._bytes_an_article = path.stat().st_size / stored
        at = FIRST_DAY + timedelta(days=articles / ARTICLES_A_DAY)
        world = World(stored, first_number=10 * stored)
        told: list[Told] = []
        while len(told) < count + WARMING:
            event = world.event(at)
            told.append(world.telling(event, copy=True))
            if len(told) % 2 == 0:
                told.append(world.telling(event, copy=False))
        self.prepared = [article_of(item) for item in told[: count + WARMING]]
        self._cpu_s: list[float] = []
        self._wall_s: list[float] = []
        self._candidates: list[int] = []

    def record(self, store: Store, article: Article) -> None:
        now = article.published_at
        assert now is not None
        report = PollReport(article.source, "ok", now, now, found=20, new=1, articles=(article,))
        wall_started, cpu_started = time.perf_counter(), time.process_time()
        done = store.record(report, now + timedelta(minutes=15), PLAN)
        self._cpu_s.append(time.process_time() - cpu_started)
        self._wall_s.append(time.perf_counter() - wall_started)
        if len(done.kept) != 1 or not article.rules:
            raise SystemExit(f"not recorded as it should be: {article.url}: {done}")
        # Afterwards, so that it warms nothing: the article itself is among them now.
        telling = Telling(article.traits, bytes.fromhex(article.signature), article.regency_code, article.category, now)
        self._candidates.append(len(store._candidates(telling)) - 1)

    def cost(self) -> Cost:
        cpu, wall = self._cpu_s[WARMING:], self._wall_s[WARMING:]
        return Cost(
            self.articles,
            statistics.median(cpu) * 1000,
            statistics.fmean(cpu) * 1000,
            statistics.median(wall) * 1000,
            statistics.fmean(self._candidates),
            self._bytes_an_article,
            *_reading(self.path),
        )


def recorded(paths: dict[int, Path], count: int) -> list[Cost]:
    """Return what recording `count` articles one by one costs in each database, by its number of articles."""
    recordings = [Recording(path, articles, count) for articles, path in paths.items()]
    with contextlib.ExitStack() as stack:
        stores = [stack.enter_context(Store(recording.path)) for recording in recordings]
        for articles in zip(*(recording.prepared for recording in recordings), strict=True):
            for recording, store, article in zip(recordings, stores, articles, strict=True):
                recording.record(store, article)
    return [recording.cost() for recording in recordings]


def _reading(path: Path) -> tuple[float, float, float]:
    """Return the milliseconds of 1,000 rows by cursor in the middle, and of searches for a name and for a word of every article."""
    with Reader(path) as reader:
        middle = reader.counts()["seq"] // 2

        def cursor() -> list[Row]:
            return reader._rows("SELECT * FROM feed WHERE seq > ? ORDER BY seq LIMIT 1000", middle)

        name = cursor()[500]["body"].rsplit("\n\n", 1)[1].split(" yang ")[0]
        return (
            _median_ms(cursor),
            _median_ms(lambda: reader.articles(f'"{name}"', limit=20)),
            _median_ms(lambda: reader.articles("netralitas", limit=20)),
        )


def _median_ms(job: Callable[[], list[Row]]) -> float:
    spent = []
    for _ in range(5):
        started = time.perf_counter()
        if not job():
            raise SystemExit("nothing was found")
        spent.append(time.perf_counter() - started)
    return statistics.median(spent) * 1000


def page(costs: Sequence[Cost]) -> str:
    """Return docs/growth.md."""
    small, large = costs[0], costs[-1]
    names = [f"{cost.articles:,} articles" for cost in costs]
    lines = [
        ("recording one, CPU, median (ms)", [f"{c.cpu_ms:.2f}" for c in costs]),
        ("recording one, CPU, mean (ms)", [f"{c.mean_cpu_ms:.2f}" for c in costs]),
        ("recording one, wall, median (ms)", [f"{c.wall_ms:.2f}" for c in costs]),
        ("stored articles compared with the new one", [f"{c.candidates:.0f}" for c in costs]),
        ("1,000 rows of `feed` by cursor (ms)", [f"{c.cursor_ms:.0f}" for c in costs]),
        ("search for a person's name, newest 20 (ms)", [f"{c.rare_search_ms:.1f}" for c in costs]),
        ("search for a word of every article, newest 20 (ms)", [f"{c.common_search_ms:.1f}" for c in costs]),
        ("file, bytes an article", [f"{c.bytes_an_article:,.0f}" for c in costs]),
    ]
    return "\n".join(
        [
            "# Does it stay fast as it grows?",
            "",
            "Made by `python -m benchmarks.growth --write`; how the database is filled stands at the top of that file.",
            f"Each article is recorded by itself: one transaction, `synchronous=FULL`, an alert. Median CPU at {large.articles:,} articles is",
            f"{large.cpu_ms / small.cpu_ms:.2f} times that at {small.articles:,} (promised: at most 1.3 times), with both files in the page cache; "
            "while a large one",
            "is still read from disk, after a restart of the machine, it was 1.5 times.",
            "",
            "| | " + " | ".join(names) + " |",
            "| --- |" + " --- |" * len(costs),
            *(f"| {name} | " + " | ".join(cells) + " |" for name, cells in lines),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=1_000_000, help="the large size")
    parser.add_argument("--small", type=int, default=10_000, help="the small size")
    parser.add_argument("--recorded", type=int, default=300, help="articles recorded at each size")
    parser.add_argument("--folder", type=Path, help="where the databases go and stay (else a temporary folder)")
    parser.add_argument("--write", action="store_true", help="write docs/growth.md")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        paths = {size: folder / f"{size}.db" for size in (asked.small, asked.articles)}
        for size, path in paths.items():
            if not path.exists():
                started = time.monotonic()
                fill(path, size)
                print(f"{size:,} articles in {time.monotonic() - started:.0f} s", flush=True)
        costs = recorded(paths, asked.recorded)
    text = page(costs)
    print(text)
    if asked.write:
        target = ROOT / "docs" / "growth.md"
        _, mark, reading = target.read_text("utf-8").partition(READING)  # what benchmarks.reading has measured stays
        target.write_text(text + "\n" + mark + reading if mark else text, "utf-8")


if __name__ == "__main__":
    main()
