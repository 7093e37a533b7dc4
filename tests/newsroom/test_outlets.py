"""Each outlet serves what its kind of discovery promises."""

from __future__ import annotations

import gzip
import json
import re
import xml.etree.ElementTree as ET
from datetime import datetime
from html import unescape

import pytest

from newsroom import Newsroom
from tests.newsroom.conftest import NOW, get

NEWS = "{http://www.google.com/schemas/sitemap-news/0.9}"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
ATOM = "{http://www.w3.org/2005/Atom}"
IDS = (
    "koransekanak", "cikapundungtimes", "simpurmerdeka", "tepiansiak",
    "tingangmedia", "wartabrantas", "phinisi", "tolirepost",
)  # fmt: skip


def addresses(room: Newsroom, outlet_id: str) -> set[str]:
    """Return every address at which the outlet has an article."""
    found = [t for t in room.truths() if t.outlet == outlet_id]
    return {t.url for t in found} | {u for t in found for u in t.also_at}


def clean(url: str) -> str:
    return re.sub(r"\?utm_.*", "", url)


def test_all_five_kinds_of_discovery_and_eight_families_are_there(room: Newsroom) -> None:
    assert {key for o in room.outlets for d in o.discover for key in d} >= {
        "feed",
        "sitemap",
        "page",
        "wordpress",
        "blogger",
    }
    assert len({o.kind for o in room.outlets}) == 8
    assert {o.timezone for o in room.outlets} == {"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"}
    assert [o.id for o in room.outlets] == list(IDS)


@pytest.mark.parametrize(
    ("outlet_id", "path", "date"),
    [
        ("koransekanak", "/rss", r"^(Senin|Selasa|Rabu|Kamis|Jumat|Sabtu|Minggu), \d+ \w+ \d{4} \d\d:\d\d:\d\d WIB$"),
        ("tingangmedia", "/feed/", r"\+0000$"),
        ("wartabrantas", "/rss", r"\+0700$"),
        ("phinisi", "/rss/terkini.xml", r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$"),
    ],
)
def test_rss_lists_every_article_with_the_dates_of_its_family(
    room: Newsroom, outlet_id: str, path: str, date: str
) -> None:
    items = ET.fromstring(get(room.outlet(outlet_id).base_url + path).text).findall("channel/item")
    listed = {clean(i.findtext("link") or "") for i in items}
    assert addresses(room, outlet_id) <= listed
    assert all(re.search(date, i.findtext("pubDate") or "") for i in items)


def test_the_first_feed_tracks_its_readers_and_lists_an_article_twice(room: Newsroom) -> None:
    items = ET.fromstring(get(room.outlet("koransekanak").base_url + "/rss").text).findall("channel/item")
    links = [i.findtext("link") or "" for i in items]
    assert all("utm_source=rss" in link for link in links)
    assert len(set(links)) == len(links) == len({clean(link) for link in links}) + 1
    assert get(links[0]).status == 200


def test_atom_has_the_times_of_its_zone(room: Newsroom) -> None:
    entries = ET.fromstring(get(room.outlet("tolirepost").base_url + "/atom.xml").text).findall(f"{ATOM}entry")
    truths = {t.url: t for t in room.truths()}
    for entry in entries:
        link = entry.find(f"{ATOM}link")
        assert link is not None
        stamp = entry.findtext(f"{ATOM}published") or ""
        assert stamp.endswith("+09:00")
        assert datetime.fromisoformat(stamp) == truths[clean(link.get("href", ""))].published_at


def test_sitemap_index_leads_to_a_news_sitemap_and_a_gzipped_archive(room: Newsroom) -> None:
    base = room.outlet("cikapundungtimes").base_url
    index = [e.text or "" for e in ET.fromstring(get(base + "/sitemap.xml").text).iter(f"{MAP}loc")]
    assert index == [f"{base}/sitemap-news.xml", f"{base}/sitemap-arsip-1.xml.gz"]
    news = ET.fromstring(get(index[0]).text)
    listed = {u.findtext(f"{MAP}loc"): u.find(f"{NEWS}news") for u in news}
    truths = {t.url: t for t in room.truths()}
    for url, detail in listed.items():
        assert detail is not None
        assert detail.findtext(f"{NEWS}title") == truths[url or ""].title
        assert (
            datetime.fromisoformat(detail.findtext(f"{NEWS}publication_date") or "") == truths[url or ""].published_at
        )
    archive = get(index[1])
    assert archive.headers["content-type"] == "application/gzip"
    old = {e.text for e in ET.fromstring(gzip.decompress(archive.body)).iter(f"{MAP}loc")}
    assert old
    assert set(listed) | old == addresses(room, "cikapundungtimes")


def test_listing_pages_follow_next_and_hold_one_dead_link(room: Newsroom) -> None:
    outlet = room.outlet("simpurmerdeka")
    found: list[str] = []
    url = outlet.discover[0]["page"]
    for _ in range(outlet.discover[0]["max_pages"]):
        page = get(url).text
        found += re.findall(r'<h3 class="judul"><a href="([^"]+)"', page)
        following = re.search(r'<a class="next" href="([^"]+)"', page)
        if not following:
            break
        url = outlet.base_url + following[1]
    statuses = {path: get(outlet.base_url + path).status for path in found}
    assert {outlet.base_url + p for p, s in statuses.items() if s == 200} == addresses(room, "simpurmerdeka")
    assert list(statuses.values()).count(404) == 1


def test_one_feed_entry_says_with_200_that_there_is_nothing(room: Newsroom) -> None:
    items = ET.fromstring(get(room.outlet("koransekanak").base_url + "/rss").text).findall("channel/item")
    lost = list({clean(i.findtext("link") or "") for i in items} - addresses(room, "koransekanak"))
    assert len(lost) == 1
    answer = get(lost[0])
    assert answer.status == 200
    assert "Halaman tidak ditemukan" in answer.text


def test_blogger_pages_through_its_json_feed_with_whole_bodies(room: Newsroom) -> None:
    base = room.outlet("tepiansiak").base_url
    entries = []
    for start in (1, 5, 9, 13):
        feed = json.loads(get(f"{base}/feeds/posts/default?alt=json&start-index={start}&max-results=4").text)["feed"]
        entries += feed["entry"]
        assert int(feed["openSearch$totalResults"]["$t"]) == len(addresses(room, "tepiansiak"))
    truths = {t.url: t for t in room.truths()}
    links = [next(link["href"] for link in e["link"] if link["rel"] == "alternate") for e in entries]
    assert sorted(links) == sorted(addresses(room, "tepiansiak"))
    for url, entry in zip(links, entries, strict=True):
        truth = truths[url]
        assert datetime.fromisoformat(entry["published"]["$t"]) == truth.published_at
        assert truth.body.split("\n\n")[-1] in unescape(re.sub("<[^>]+>", "", entry["content"]["$t"]))
    atom = ET.fromstring(get(f"{base}/feeds/posts/default").text)
    assert len(atom.findall(f"{ATOM}entry")) == len(links)


def test_wordpress_searches_pages_and_counts(room: Newsroom) -> None:
    api = room.outlet("tingangmedia").base_url + "/wp-json/wp/v2/posts"
    first = get(f"{api}?per_page=4&page=1")
    total = len(addresses(room, "tingangmedia"))
    assert (first.headers["x-wp-total"], first.headers["x-wp-totalpages"]) == (str(total), str(-(-total // 4)))
    rows = [row for n in (1, 2, 3) for row in json.loads(get(f"{api}?per_page=4&page={n}").text)]
    assert {row["link"] for row in rows} == addresses(room, "tingangmedia")
    assert get(f"{api}?per_page=4&page=99").status == 400
    assert get(f"{api}?per_page=101").status == 400
    hits = json.loads(get(f"{api}?search=netralitas+ASN&per_page=100&_fields=link,title").text)
    assert hits
    assert len(hits) < total
    assert set(hits[0]) == {"link", "title"}


def test_wordpress_content_is_whole_and_its_dates_have_no_zone(room: Newsroom) -> None:
    base = room.outlet("tingangmedia").base_url
    rows = {r["link"]: r for r in json.loads(get(f"{base}/wp-json/wp/v2/posts?per_page=100&_embed=1").text)}
    for truth in (t for t in room.truths() if t.outlet == "tingangmedia"):
        row = rows[truth.url]
        assert datetime.fromisoformat(row["date_gmt"] + "+00:00") == truth.published_at
        assert datetime.fromisoformat(row["date"] + "+07:00") == truth.published_at
        assert unescape(row["title"]["rendered"]) == truth.title
        text = unescape(re.sub("<[^>]+>", "", row["content"]["rendered"]))
        assert all(paragraph in text for paragraph in truth.body.split("\n\n"))
        assert (
            row["_embedded"]["author"][0]["name"] == "Redaksi Tingang"
        )  # a desk, which the truth does not call an author
    after = (NOW.replace(microsecond=0)).isoformat()
    assert json.loads(get(f"{base}/wp-json/wp/v2/posts?after={after}".replace("+", "%2B")).text) == []


@pytest.mark.parametrize("outlet_id", IDS)
def test_listings_answer_304_to_their_etag_and_date(room: Newsroom, outlet_id: str) -> None:
    outlet = room.outlet(outlet_id)
    for entry in (*outlet.discover, *outlet.also):
        url = next(iter(entry.values()))
        url += {"wordpress": "/wp-json/wp/v2/posts?per_page=3", "blogger": "/feeds/posts/default?alt=json"}.get(
            next(iter(entry)), ""
        )
        full = get(url)
        assert full.status == 200
        assert get(url, If_None_Match=full.headers["etag"]).status == 304
        assert get(url, If_Modified_Since=full.headers["last-modified"]).status == 304
        assert get(url, If_None_Match='"other"').status == 200


@pytest.mark.parametrize("outlet_id", IDS)
def test_robots_home_missing_pages_and_gzip(room: Newsroom, outlet_id: str) -> None:
    base = room.outlet(outlet_id).base_url
    robots = get(base + "/robots.txt").text
    assert "Disallow: /admin\n" in robots
    assert f"Sitemap: {base}/sitemap.xml" in robots
    assert get(base + "/sitemap.xml").status == 200
    home = get(base + "/", Accept_Encoding="gzip")
    assert home.headers["content-encoding"] == "gzip"
    assert home.body == get(base + "/").body
    assert get(base + "/tidak-ada").status == 404
    assert get(base + "/admin").status == 403
    assert get(base + "/", method="POST").status == 405


@pytest.mark.parametrize("outlet_id", IDS)
def test_tracking_parameters_lead_to_the_same_page(room: Newsroom, outlet_id: str) -> None:
    truth = next(t for t in room.truths() if t.outlet == outlet_id)
    assert get(truth.url + "?utm_source=x&utm_medium=y").body == get(truth.url).body
