from __future__ import annotations

import xml.etree.ElementTree as ET

from newsroom.scale import ScaleSite
from tests.newsroom.conftest import NOW, get


def test_it_serves_what_it_promises_from_another_process() -> None:
    with ScaleSite(articles=40, on_topic=0.05, outlets=8, seed=3, now=NOW) as site:
        assert site.pid is not None
        assert len(site.outlets) == 8
        assert len(site.pages) == 320
        assert sum(p.on_topic for p in site.pages) == 16
        for outlet in site.outlets:
            items = ET.fromstring(get(outlet.discover[0]["feed"]).text).findall("channel/item")
            listed = [i.findtext("link") for i in items]
            assert listed == [p.url for p in site.pages if p.outlet == outlet.id]
        for page in site.pages[::40]:
            plain = get(page.url)
            assert 120_000 < len(plain.body) < 145_000
            assert plain.body == get(page.url, Accept_Encoding="gzip").body
            assert page.title in plain.text
        assert site.served()["pages"] == 16
        feed = site.outlets[0].discover[0]["feed"]
        assert get(feed, If_None_Match=get(feed).headers["etag"]).status == 304
        assert "rss-skala.xml" in site.sources_yaml(database="x.db")


def test_the_same_seed_gives_the_same_texts_and_another_one_others() -> None:
    def titles(seed: int) -> list[str]:
        with ScaleSite(articles=6, on_topic=0.5, outlets=2, seed=seed, now=NOW, process=False) as site:
            return [p.title for p in site.pages]

    assert titles(1) == titles(1) != titles(2)


def test_only_pages_on_the_subject_name_it_in_their_text() -> None:
    with ScaleSite(articles=30, on_topic=0.5, outlets=1, now=NOW, process=False) as site:
        for page in site.pages:
            post = get(page.url).text.partition('<div class="post">')[2].partition("</p>")[0]
            assert ("netralitas ASN" in post) == page.on_topic
