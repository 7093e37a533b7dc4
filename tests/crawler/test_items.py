"""The shared words survive the way between processes (crawler/items.py)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.items import (
    Article,
    CrawlSettings,
    Entry,
    Memory,
    PollReport,
    PollTask,
    Source,
    Validator,
    from_json,
    to_json,
)
from crawler.ledger import Known

times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
validators = st.builds(Validator, etag=st.none() | texts, full_at=st.none() | times, entries=st.integers(0, 9))
knowns = st.builds(Known, day=texts, outcome=texts, marks=st.dictionaries(texts, texts, max_size=3))
memories = st.builds(
    Memory,
    validators=st.dictionaries(texts, validators, max_size=3),
    known=st.dictionaries(texts, knowns, max_size=3),
    pending=st.just({}),
    rules=texts,
    not_before=st.none() | times,
)
articles = st.builds(
    Article,
    source=texts,
    url=texts,
    fetched_url=texts,
    title=texts,
    body=texts,
    author=st.none() | texts,
    published_at=st.none() | times,
    flags=st.lists(texts, max_size=3).map(tuple),
)


@given(memories, st.lists(articles, max_size=3), times)
def test_a_report_is_the_same_after_a_json_line(memory: Memory, found: list[Article], at: datetime) -> None:
    report = PollReport("a", "ok", at, at + timedelta(seconds=1), articles=tuple(found), memory=memory)
    line = json.dumps(to_json(report), ensure_ascii=False)
    assert from_json(PollReport, json.loads(line)) == report


@given(memories, st.lists(texts, max_size=3))
def test_a_task_is_the_same_after_a_json_line(memory: Memory, urls: list[str]) -> None:
    task = PollTask(Source("a", "A", "https://a.id", urls=tuple(urls)), memory, limit=7)
    assert from_json(PollTask, json.loads(json.dumps(to_json(task)))) == task


def test_expressions_pass_unchanged() -> None:
    settings = CrawlSettings(topic={"all": ["ASN", {"any": ["~netral"]}]}, rules={"r": {"match": None}}, ports=("a:8",))
    assert from_json(CrawlSettings, to_json(settings)) == settings


def test_defaults_are_left_out_and_times_are_utc() -> None:
    at = datetime(2024, 11, 13, 8, 4, tzinfo=timezone(timedelta(hours=7)))
    assert to_json(Entry("https://a.id/x", published_at=at)) == {
        "url": "https://a.id/x",
        "published_at": "2024-11-13T01:04:00+00:00",
    }


@pytest.mark.parametrize("nonsense", [3, "x", [], {}, {"source": "a"}, {"unknown": 1}])
def test_anything_else_is_refused(nonsense: object) -> None:
    with pytest.raises((TypeError, KeyError, AttributeError)):
        from_json(PollReport, nonsense)
