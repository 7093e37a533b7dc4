"""Alerts for what changes the matter, and rechecks: risen stories, edits in substance, take-downs."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crawler.items import PollReport, Rechecked
from pipelines.alerts import Plan
from pipelines.reader import Reader
from pipelines.store import CONFIRM_GONE_S, RECHECKS_A_POLL, Store
from tests.pipelines.conftest import BODY, NOW, article, report, waiting

HOUR = timedelta(hours=1)
PLAN = Plan({"semua": ("arsip",), "lain": ("redaksi",)}, timedelta(days=3), (3600.0, 21_600.0, 86_400.0, 604_800.0))
URL = "https://satu.example/a"


def due(store: Store, at: datetime = NOW + 9 * timedelta(days=1)) -> list[dict[str, Any]]:
    return [json.loads(alert.payload) for alert in waiting(store, at)]


def kinds(store: Store) -> list[str]:
    return [payload["type"] for payload in due(store)]


def rechecked(outcome: Any, at: datetime, *articles: Any) -> PollReport:
    return report(*articles, rechecked=(Rechecked(URL, outcome),), finished_at=at)


def feed(path: Path) -> dict[str, Any]:
    with Reader(path) as reader:
        return next(iter(reader.feed()))


def copy(source: str, category: str) -> Any:
    return article("x", source=source, title=f"Dari {source}", category=category)


def test_a_story_that_rises_alerts_again_once_a_step(store: Store) -> None:
    store.record(report(article(category="imbauan")), NOW, PLAN)
    assert kinds(store) == ["article.matched"]
    store.record(report(copy("dua", "imbauan"), source="dua"), NOW, PLAN)
    assert kinds(store) == ["article.matched"]
    store.record(report(article("y", source="dua", title="Lagi", category="proses"), source="dua"), NOW, PLAN)
    store.record(
        report(article("z", title="Sama", category="proses", body=BODY + " penutup"), source="satu"), NOW, PLAN
    )
    assert kinds(store) == ["article.matched", "story.risen"]
    store.record(
        report(article("w", title="Akhir", category="sanksi", body=BODY + " putusan"), source="satu"), NOW, PLAN
    )
    assert kinds(store) == ["article.matched", "story.risen", "story.risen"]
    assert [payload["data"]["article"]["category"] for payload in due(store)] == ["imbauan", "proses", "sanksi"]
    assert [payload["data"]["story"].get("risen_from") for payload in due(store)] == [None, "imbauan", "proses"]


def test_a_story_has_the_strongest_category_of_its_articles(store: Store, path: Path) -> None:
    store.record(report(article(category="dugaan")), NOW)
    store.record(report(copy("dua", "imbauan"), source="dua"), NOW)
    with Reader(path) as reader:
        assert [story["category"] for story in reader.stories()] == ["dugaan"]


def test_a_rule_that_waited_for_the_rise_gets_its_first_alert_as_a_match(store: Store) -> None:
    store.record(report(article(category="imbauan", rules={})), NOW, PLAN)
    store.record(report(copy("dua", "sanksi"), source="dua"), NOW, PLAN)
    assert kinds(store) == ["article.matched"]


def test_an_edit_in_substance_of_an_article_that_alerted_is_told_once_where_it_alerted(store: Store) -> None:
    store.record(report(article()), NOW, PLAN)
    store.record(report(article(title="Camat dinyatakan bersih"), finished_at=NOW + HOUR), NOW, PLAN)
    store.record(report(article(title="Camat dinyatakan bersih, kata pengawas"), finished_at=NOW + 2 * HOUR), NOW, PLAN)
    payloads = due(store)
    assert [payload["type"] for payload in payloads] == ["article.matched", "article.revised"]
    assert payloads[1]["data"]["article"]["revision"] == 2
    assert payloads[1]["data"]["previous"] == {"title": "Camat dipanggil pengawas"}
    assert payloads[1]["data"]["rules"] == ["semua"]
    assert {alert.channel for alert in waiting(store, NOW + 9 * HOUR)} == {"arsip"}


def test_a_small_edit_is_a_revision_and_no_alert(store: Store, path: Path) -> None:
    store.record(report(article()), NOW, PLAN)
    store.record(report(article(body=BODY.replace("camat 3", "lurah 3"))), NOW, PLAN)
    assert kinds(store) == ["article.matched"]
    assert feed(path)["revision"] == 2


def test_an_edit_of_an_article_that_never_alerted_is_not_told(store: Store) -> None:
    store.record(report(article(rules={})), NOW, PLAN)
    store.record(report(article(title="Lain sama sekali", rules={})), NOW, PLAN)
    assert kinds(store) == []


def test_an_article_missing_twice_is_gone_since_the_first_time(store: Store, path: Path) -> None:
    store.record(report(article()), NOW, PLAN)
    first = NOW + HOUR
    store.record(rechecked("gone", first), NOW, PLAN)
    assert feed(path)["gone_at"] is None
    assert store.due_rechecks("satu", first + timedelta(seconds=CONFIRM_GONE_S - 1)) == ()
    again = first + timedelta(seconds=CONFIRM_GONE_S)
    assert [item.url for item in store.due_rechecks("satu", again)] == [URL]
    store.record(rechecked("gone", again), NOW, PLAN)
    row = feed(path)
    assert row["gone_at"] == first.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert row["seq"] == 2
    payloads = due(store)
    assert [payload["type"] for payload in payloads] == ["article.matched", "article.gone"]
    assert payloads[1]["data"]["article"]["gone_at"] == row["gone_at"]
    assert store.due_rechecks("satu", NOW + timedelta(days=400)) == ()


def test_an_article_that_was_only_away_for_a_moment_is_not_gone(store: Store, path: Path) -> None:
    store.record(report(article()), NOW, PLAN)
    store.record(rechecked("gone", NOW + HOUR), NOW, PLAN)
    store.record(rechecked("same", NOW + 2 * HOUR), NOW, PLAN)
    store.record(rechecked("gone", NOW + 6 * HOUR), NOW, PLAN)
    assert feed(path)["gone_at"] is None
    assert kinds(store) == ["article.matched"]


def test_articles_are_looked_at_again_at_the_set_ages_and_then_no_more(store: Store) -> None:
    store.record(report(article()), NOW, PLAN)
    ages = []
    at = NOW
    while at < NOW + timedelta(days=30):
        if store.due_rechecks("satu", at):
            ages.append(at - NOW)
            store.record(rechecked("same", at), NOW, PLAN)
        at += timedelta(minutes=30)
    assert ages == [HOUR, 6 * HOUR, timedelta(days=1), timedelta(days=7)]


def test_ages_that_passed_while_nobody_looked_are_looked_at_once(store: Store) -> None:
    store.record(report(article()), NOW, PLAN)
    late = NOW + timedelta(days=2)
    assert len(store.due_rechecks("satu", late)) == 1
    store.record(rechecked("same", late), NOW, PLAN)
    assert store.due_rechecks("satu", late + timedelta(days=4)) == ()
    assert len(store.due_rechecks("satu", NOW + timedelta(days=7))) == 1


def test_rechecks_are_few_a_poll_and_carry_what_makes_them_cheap(store: Store) -> None:
    texts = [
        article(str(n), body=f"{BODY} {n}", etag=f'"{n}"', last_modified="kemarin") for n in range(RECHECKS_A_POLL + 5)
    ]
    store.record(report(*texts), NOW, PLAN)
    found = store.due_rechecks("satu", NOW + HOUR)
    assert len(found) == RECHECKS_A_POLL
    assert (found[0].etag, found[0].last_modified) == ('"0"', "kemarin")


def test_what_was_not_whole_is_asked_for_without_conditions(store: Store) -> None:
    store.record(report(article(body_status="incomplete", etag='"1"')), NOW, PLAN)
    assert store.due_rechecks("satu", NOW + HOUR)[0].etag is None


def test_a_small_difference_between_listing_and_page_is_ours_a_large_one_an_edit(store: Store, path: Path) -> None:
    store.record(report(article(from_listing=True)), NOW, PLAN)
    store.record(report(article(body=BODY + "\n\nSatu baris lagi.")), NOW, PLAN)
    assert feed(path)["revision"] == 1
    store.record(report(article(body=BODY + "\n\n" + " ".join(f"tambahan{n}" for n in range(40)))), NOW, PLAN)
    assert feed(path)["revision"] == 2


def test_a_story_rises_by_an_edit_too(store: Store) -> None:
    store.record(report(article(category="dugaan")), NOW, PLAN)
    store.record(report(article(category="sanksi", title="Camat dijatuhi sanksi")), NOW, PLAN)
    assert kinds(store) == ["article.matched", "article.revised", "story.risen"]


def test_an_edit_that_first_hits_a_rule_is_told_as_a_match_alone(store: Store) -> None:
    store.record(report(article(rules={})), NOW, PLAN)
    store.record(report(article(title="Kini disebut sanksi", body=BODY[: len(BODY) // 2])), NOW, PLAN)
    assert kinds(store) == ["article.matched"]


def test_completing_an_article_is_no_revision(store: Store, path: Path) -> None:
    store.record(report(article(body="Potongan pertama saja.", body_status="incomplete")), NOW, PLAN)
    assert store.record(report(article()), NOW, PLAN).revised == []
    row = feed(path)
    assert (row["body"], row["revision"]) == (BODY, 1)


@pytest.mark.parametrize("number", range(3))
def test_no_rechecks_without_ages(store: Store, number: int) -> None:
    store.record(report(article(str(number))), NOW)
    assert store.due_rechecks("satu", NOW + timedelta(days=99)) == ()


def test_an_article_that_rises_twice_by_edits_is_told_twice(store: Store) -> None:
    store.record(report(article(category="imbauan")), NOW, PLAN)
    for step, category in enumerate(("proses", "sanksi")):
        edited = article(
            category=category, title=f"Camat {category}", body=f"{BODY}\n\nTambahan ke-{step} yang panjang."
        )
        store.record(report(edited, finished_at=NOW + (step + 1) * HOUR), NOW, PLAN)
    assert kinds(store).count("story.risen") == 2
