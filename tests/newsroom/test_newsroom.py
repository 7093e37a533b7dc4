"""The newsroom as its users hold it: configuration, requests seen, a web that changes, a process of its own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ruamel.yaml import YAML

from newsroom import Article, Newsroom
from newsroom.child import Remote
from tests.newsroom.conftest import NOW, get

PARAGRAPHS = [f"Paragraf ke-{n} tentang netralitas ASN di sebuah kabupaten." for n in range(6)]


def test_sources_yaml_is_complete_and_takes_rules_and_settings(room: Newsroom) -> None:
    text = room.sources_yaml(
        database="x.db",
        every="5s",
        rules="- id: semua\n  match: {any: [ASN]}\n",
        channels="channels:\n  a: {webhook: u}\n",
    )
    config = YAML(typ="safe").load(text)
    assert config["settings"] == {"allow_private_networks": True, "database": "x.db"}
    assert [s["id"] for s in config["sources"]] == [o.id for o in room.outlets]
    assert all(s["every"] == "5s" and s["url"].startswith("http://127.0.0.1:") for s in config["sources"])
    assert [list(s["discover"]) for s in config["sources"]] == [list(o.discover) for o in room.outlets]
    assert config["rules"] == [{"id": "semua", "match": {"any": ["ASN"]}}]
    assert config["channels"] == {"a": {"webhook": "u"}}
    assert "any" in config["topic"]
    assert len(YAML(typ="safe").load(room.sources_yaml(only=["phinisi"]))["sources"]) == 1


def test_requests_are_seen_and_forgotten() -> None:
    with Newsroom(NOW) as room:
        get(room.outlet("phinisi").base_url + "/x?y=1")
        assert room.requests == [("phinisi", "GET", "/x?y=1", 404)]
        room.clear()
        assert room.requests == []


def test_a_published_article_is_listed_and_served() -> None:
    with Newsroom(NOW, articles=[]) as room:
        feed = room.outlet("wartabrantas").base_url + "/rss"
        before = get(feed)
        truth = room.publish("wartabrantas", Article.of("", "Judul Baru", PARAGRAPHS, on_topic=True, age_min=5))
        assert truth.published_at == NOW - timedelta(minutes=5)
        assert truth.body == "\n\n".join(PARAGRAPHS)
        assert get(feed, If_None_Match=before.headers["etag"]).status == 200
        assert truth.url in get(feed).text
        assert PARAGRAPHS[3] in get(truth.url).text
        assert room.truths() == [truth]


def test_an_edit_changes_page_feed_and_truth_but_not_the_address() -> None:
    with Newsroom(NOW) as room:
        old = next(t for t in room.truths() if t.also_at)
        etag = get(old.url).headers["etag"]
        new = room.edit(old.url, title="Judul yang Diralat", paragraphs=PARAGRAPHS)
        assert (new.url, new.published_at) == (old.url, old.published_at)
        assert new.modified_at == NOW
        assert new in room.truths()
        page = get(old.url, If_None_Match=etag)
        assert page.status == 200
        assert "Judul yang Diralat" in page.text
        assert "Judul yang Diralat" in get(old.also_at[0]).text
        with pytest.raises(KeyError):
            room.edit(old.url + "tidak-ada/", title="x")


def test_what_is_taken_down_is_gone_everywhere() -> None:
    with Newsroom(NOW) as room:
        truth = next(t for t in room.truths() if t.outlet == "koransekanak")
        room.take_down(truth.url)
        assert get(truth.url).status == 410
        assert truth.url not in get(room.outlet("koransekanak").base_url + "/rss").text
        assert truth.url not in [t.url for t in room.truths()]


def test_an_outlet_breaks_and_mends() -> None:
    with Newsroom(NOW) as room:
        url = room.outlet("phinisi").base_url + "/rss/terkini.xml"
        room.broken("phinisi", 429, retry_after=7)
        answer = get(url)
        assert (answer.status, answer.headers["retry-after"]) == (429, "7")
        room.broken("phinisi", drop=True)
        with pytest.raises(OSError, match=r".*"):
            get(url)
        room.broken("phinisi", None)
        assert get(url).status == 200
        assert [r[3] for r in room.requests] == [429, 0, 200]


def test_in_a_process_of_its_own_it_is_the_same() -> None:
    with Newsroom(NOW, process=True) as there, Newsroom(NOW) as here:
        assert [t.title for t in there.truths()] == [t.title for t in here.truths()]
        truth = there.publish("phinisi", Article.of("phinisi", "Judul", PARAGRAPHS))
        assert get(truth.url).status == 200
        assert there.requests[-1][:2] == ("phinisi", "GET")
        with pytest.raises(KeyError):
            there.take_down("http://127.0.0.1:1/x")


def test_a_process_that_ended_is_reported() -> None:
    with Remote("newsroom.engine:Engine", articles=[]) as remote:
        remote._process.kill()
        remote._process.wait()
        with pytest.raises(ConnectionError, match="has ended"):
            remote.call("outlets")
