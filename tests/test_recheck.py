"""Edits and take-downs, end to end: seen by the listing or by a recheck, stored as revisions, told once."""

from __future__ import annotations

import json

import pytest

from newsroom import Article, Truth
from tests.conftest import Desk

TEXT = [
    "Seorang camat yang juga aparatur sipil negara dilaporkan warga karena dianggap tidak netral menjelang pemilihan kepala daerah.",
    "Pengawas pemilu menyatakan laporan tentang netralitas ASN itu sedang dikaji dan para saksi segera dipanggil.",
    "Warga yang melapor membawa rekaman video dan beberapa foto dari acara syukuran di balai desa setempat.",
]


@pytest.fixture
def watched(desk: Desk) -> Desk:
    """A desk whose kept articles are due to be looked at again after every crawl."""
    desk.configure(recheck=["1s", "2s", "3s", "4s", "5s", "6s"])
    return desk


def publish(desk: Desk, outlet: str) -> Truth:
    return desk.newsroom.publish(
        outlet, Article.of(outlet, "Camat Dilaporkan karena Tidak Netral", TEXT, on_topic=True, age_min=5)
    )


def row(desk: Desk, truth: Truth) -> dict[str, object]:
    return next(
        found for found in desk.rows() if found["title"].startswith("Camat Dilaporkan") or found["url"] == truth.url
    )


def later(desk: Desk) -> None:
    """Make every recheck due: as if its age had come."""
    import sqlite3

    db = sqlite3.connect(desk.database)
    db.execute("UPDATE articles SET recheck_at = '2020-01-01T00:00:00Z' WHERE recheck_at IS NOT NULL")
    db.commit()
    db.close()


# The first feed with each change; another feed, a listing page and WordPress with `make test-all`.
@pytest.mark.parametrize(
    "outlet",
    ["phinisi", *(pytest.param(o, marks=pytest.mark.slow) for o in ("koransekanak", "simpurmerdeka", "tingangmedia"))],
)
def test_an_edited_article_gets_a_revision_and_its_alert_a_successor(watched: Desk, outlet: str) -> None:
    truth = publish(watched, outlet)
    watched.crawl(outlet)
    before = row(watched, truth)
    watched.newsroom.edit(
        truth.url,
        title="Camat Dilaporkan, Kini Dinyatakan Bersih",
        paragraphs=[*TEXT, "Pengawas menutup kasus itu karena bukti tidak cukup."],
    )
    later(watched)
    watched.crawl(outlet)
    after = row(watched, truth)
    assert (after["id"], after["revision"], after["title"]) == (
        before["id"],
        2,
        "Camat Dilaporkan, Kini Dinyatakan Bersih",
    )
    assert int(str(after["seq"])) > int(str(before["seq"]))
    old = watched.rows("SELECT title, body FROM revisions WHERE article_id = ?", after["id"])
    assert old == [{"title": before["title"], "body": before["body"]}]
    told = [
        delivery.json
        for delivery in watched.receiver.deliveries
        if delivery.json["data"]["article"]["id"] == after["id"]
    ]
    # The outlet now tells of an outcome, so the story rises by the edit too.
    assert [document["type"] for document in told] == ["article.matched", "article.revised", "story.risen"]
    later(watched)
    watched.crawl(outlet)
    assert row(watched, truth)["revision"] == 2


def test_a_page_that_only_turned_its_clutter_gets_no_revision(watched: Desk) -> None:
    publish(watched, "phinisi")
    watched.crawl("phinisi")
    before = watched.rows("SELECT id, seq, revision FROM feed ORDER BY id")
    for _ in range(2):
        later(watched)
        watched.crawl("phinisi")
    assert watched.rows("SELECT id, seq, revision FROM feed ORDER BY id") == before


def test_a_recheck_is_conditional_and_an_unchanged_page_costs_a_304(watched: Desk) -> None:
    watched.crawl("phinisi")
    later(watched)
    watched.newsroom.clear()
    watched.crawl("phinisi")
    pages = [(path, status) for _, _, path, status in watched.newsroom.requests if path.startswith("/berita/")]
    assert len(pages) == len(watched.rows())
    assert {status for _, status in pages} == {304}


@pytest.mark.parametrize("status", [pytest.param(404, marks=pytest.mark.slow), 410])
def test_a_take_down_is_noted_when_seen_twice_and_told_once(watched: Desk, status: int) -> None:
    truth = publish(watched, "phinisi")
    watched.crawl("phinisi")
    watched.newsroom.take_down(truth.url, status)
    for expected in (None, "gone"):
        later(watched)
        watched.crawl("phinisi")
        gone_at = row(watched, truth)["gone_at"]
        assert (gone_at is None) is (expected is None)
    later(watched)
    watched.crawl("phinisi")
    assert row(watched, truth)["gone_at"] == gone_at
    kinds = [
        delivery.json["type"]
        for delivery in watched.receiver.deliveries
        if delivery.json["data"]["article"]["url"] == truth.url
    ]
    assert kinds == ["article.matched", "article.gone"]


def test_an_outlet_that_is_down_loses_no_article(watched: Desk) -> None:
    watched.crawl("phinisi")
    watched.newsroom.broken("phinisi", 500)
    later(watched)
    done = watched.pantau("crawl", "phinisi", "--json")
    assert json.loads(done.stdout)["outcome"] in ("failed", "refused")
    assert {found["gone_at"] for found in watched.rows()} == {None}
