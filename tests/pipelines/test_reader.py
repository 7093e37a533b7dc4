from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from crawler.errors import StoreUnusable
from pipelines.reader import Reader, fts_expression
from pipelines.store import Store
from tests.pipelines.conftest import BODY, LATER, NOW, PLAN, article, report


@pytest.fixture
def filled(store: Store, path: Path) -> Path:
    store.record(
        report(
            article(
                "1",
                title="Camat dipanggil",
                body=f"{BODY} satu",
                province_code="16",
                regency_code="16.71",
                category="proses",
            ),
            article(
                "2",
                title="Lurah diimbau",
                body=f"{BODY} dua",
                province_code="16",
                category="imbauan",
                published_at=NOW - timedelta(days=5),
            ),
            article("3", title="Sekda mengingatkan", body=f"{BODY} tiga", province_code="14", published_at=None),
        ),
        LATER,
        PLAN,
    )
    return path


def titles(path: Path, *query: str, **filters: object) -> list[str]:
    with Reader(path) as reader:
        return [row["title"] for row in reader.articles(*query, **filters)]  # type: ignore[arg-type]


def test_articles_are_newest_first(filled: Path) -> None:
    assert titles(filled) == ["Sekda mengingatkan", "Camat dipanggil", "Lurah diimbau"]
    assert titles(filled, limit=1) == ["Sekda mengingatkan"]


def test_filters_narrow(filled: Path) -> None:
    assert titles(filled, region="16") == ["Camat dipanggil", "Lurah diimbau"]
    assert titles(filled, region="16.71") == ["Camat dipanggil"]
    assert titles(filled, category="imbauan") == ["Lurah diimbau"]
    assert titles(filled, source="dua") == []
    assert titles(filled, since=NOW - timedelta(days=1)) == ["Sekda mengingatkan", "Camat dipanggil"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("camat dipanggil", 1),
        ('"camat dipanggil"', 1),
        ('"dipanggil camat"', 0),
        ("CAMAT", 3),
        ("dipang*", 1),
        ("tidakada", 0),
    ],
)
def test_queries_find_words_phrases_and_beginnings(filled: Path, query: str, expected: int) -> None:
    assert len(titles(filled, query, limit=50)) == expected


@pytest.mark.parametrize(
    "query",
    [
        '"',
        "a AND",
        "NEAR(",
        "title:x",
        "*",
        "-",
        "^a",
        "a OR b)",
        "(((",
        "'; DROP TABLE articles",
        "",
        " ",
        '""',
        "col : x",
    ],
)
def test_no_query_breaks_the_search(filled: Path, query: str) -> None:
    titles(filled, query)


def test_an_expression_quotes_every_part() -> None:
    assert fts_expression('camat "tidak netral" dukung* AND') == '"camat" "tidak netral" "dukung"* "AND"'


def test_an_article_is_found_at_any_spelling_of_its_address(filled: Path) -> None:
    with Reader(filled) as reader:
        row = reader.article_at("http://www.satu.example/1/?utm_campaign=x")
        assert row is not None
        assert row["title"] == "Camat dipanggil"
        assert reader.article_at("https://satu.example/none") is None


def test_reading_cannot_write_and_goes_on_while_the_store_writes(filled: Path, store: Store) -> None:
    with Reader(filled) as reader:
        rows = reader.feed()
        next(rows)
        store.record(report(article("4", body=BODY + " empat")), LATER)
        assert len(list(rows)) == 2
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._conn.execute("DELETE FROM articles")


def test_counts_alerts_and_sources_are_there_for_status(filled: Path) -> None:
    with Reader(filled) as reader:
        counts = reader.counts()
        assert (counts["articles"], counts["alerts_waiting"], counts["seq"]) == (
            3,
            2,
            3,
        )  # near copies: one story, one alert a channel
        assert {alert["state"] for alert in reader.alerts()} == {"waiting"}
        assert [source["id"] for source in reader.sources()] == ["dua", "satu"]


def test_a_missing_or_empty_database_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="pantau crawl"):
        Reader(tmp_path / "none.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreUnusable, match="pantau crawl"):
        Reader(tmp_path / "empty.db")


def test_stories_come_with_who_tells_them(store: Store, path: Path) -> None:
    store.record(report(article("1", title="Pertama")), LATER)
    store.record(report(article("x", source="dua", title="Kedua", published_at=NOW), source="dua"), LATER)
    other = " ".join(f"kabar{n} lain{n}" for n in range(60))
    store.record(report(article("2", title="Lain", body=other, published_at=NOW - timedelta(days=3))), LATER)
    with Reader(path) as reader:
        found = reader.stories()
        assert [(story["title"], story["articles"], story["outlets"]) for story in found] == [
            ("Pertama", 2, 2),
            ("Lain", 1, 1),
        ]
        assert [item["title"] for item in found[0]["told_by"]] == ["Pertama", "Kedua"]
        assert [story["title"] for story in reader.stories("kabar5")] == ["Lain"]
        assert [story["title"] for story in reader.stories(since=NOW - timedelta(days=1))] == ["Pertama"]


def test_articles_by_publication_come_oldest_first_each_once(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.reader._BATCH", 3)
    texts = [article(str(n), body=f"{BODY} nomor {n}", published_at=NOW - timedelta(hours=n // 2)) for n in range(10)]
    store.record(report(*texts), LATER)
    with Reader(path) as reader:
        urls = [row["url"] for row in reader.by_publication()]
        assert len(set(urls)) == len(urls) == 10
        assert len(list(reader.by_publication(NOW - timedelta(hours=2)))) == 6


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        ("SELECT * FROM feed WHERE seq > 5 ORDER BY seq LIMIT 10", "articles_seq"),
        (
            "SELECT * FROM feed f ORDER BY coalesce(f.published_at, f.fetched_at) DESC, f.id DESC LIMIT 20",
            "articles_by_time",
        ),
        (
            "SELECT * FROM feed f WHERE f.province_code = '16' ORDER BY coalesce(f.published_at, f.fetched_at) DESC, f.id DESC",
            "articles_by_province",
        ),
        (
            "SELECT * FROM feed f WHERE f.regency_code = '16.71' ORDER BY coalesce(f.published_at, f.fetched_at) DESC, f.id DESC",
            "articles_by_regency",
        ),
        (
            "SELECT * FROM feed f WHERE f.category = 'dugaan' ORDER BY coalesce(f.published_at, f.fetched_at) DESC, f.id DESC",
            "articles_by_category",
        ),
    ],
)
def test_what_is_asked_for_often_goes_by_an_index_and_sorts_nothing(
    store: Store, path: Path, sql: str, index: str
) -> None:
    with Reader(path) as reader:
        plan = [row["detail"] for row in reader._rows(f"EXPLAIN QUERY PLAN {sql}")]
    assert f"USING INDEX {index}" in plan[0]
    assert not [step for step in plan if "TEMP B-TREE" in step]


def test_a_common_word_and_a_rare_one_find_the_same(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.record(report(*(article(str(n), body=f"{BODY} Nomor {n}.", title=f"Judul {n}") for n in range(30))), LATER)
    with Reader(path) as reader:
        rare = reader.articles("camat", limit=7)
        monkeypatch.setattr("pipelines.reader._COMMON", 10)
        assert reader.articles("camat", limit=7) == rare
    assert len(rare) == 7
