"""Adding a site: found, tried, shown, appended (crawler/adding.py), through real crawl processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.adding import add_source, propose
from crawler.config import load_config
from crawler.errors import ConfigError, UsageError
from newsroom import Newsroom
from tests.crawler.test_trying import PAGE
from tests.servers import HostileServer, Reply

HEAD = "# ours\nsettings: {allow_private_networks: true}  # for the test\n"
HTML = {"Content-Type": "text/html"}


def site(server: HostileServer, home: str = "<html><title>Kabar Kita - Berita</title></html>") -> None:
    server.at("/", Reply(home, headers=HTML))
    for number in range(7):
        page = (
            PAGE.replace("canonical", "x")
            .replace("nomor", f"nomor {number}")
            .replace("Wajib Netral", f"Netral {number}")
        )
        server.at(f"/2024/11/camat-netral-{number}", Reply(page, headers=HTML))


def items(server: HostileServer) -> str:
    return "".join(
        f"<item><title>T{n}</title><link>{server.url}/2024/11/camat-netral-{n}</link></item>" for n in range(7)
    )


def test_a_listing_page_is_proposed_where_there_is_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(HEAD)
    with HostileServer() as server:
        links = "".join(f"<a href='/2024/11/camat-netral-{n}'>Camat yang netral nomor {n}</a>" for n in range(7))
        site(server, f"<html><title>Kabar Kita - Berita</title>{links}</html>")
        addition = add_source(path, server.url, "Sumatera Selatan")
        with pytest.raises(UsageError, match="already, as 127-0-0-1"):
            add_source(path, server.url + "/")
    assert addition.entry == {
        "id": "127-0-0-1",
        "name": "Kabar Kita",
        "url": server.url,
        "region": "Sumatera Selatan",
        "discover": [{"page": server.url}],
    }
    assert len(addition.articles) == 5
    assert addition.record()["articles"][0]["published_at"] == "2024-11-13T03:00:00Z"
    assert path.read_text().startswith(HEAD)
    assert load_config(path).sources[0].region == "16"


def test_a_feed_whose_articles_cannot_be_read_gives_way_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(HEAD)
    with HostileServer() as server:
        head = "<link rel='alternate' type='application/rss+xml' href='/f'>"
        site(server, f"<html><head>{head}<title>K</title></head></html>")
        server.at(
            "/f",
            Reply(f"<rss><channel><item><title>T</title><link>{server.url}/hilang-sudah</link></item></channel></rss>"),
        )
        server.at("/robots.txt", Reply(f"Sitemap: {server.url}/news.xml"))
        places = "".join(f"<url><loc>{server.url}/2024/11/camat-netral-{n}</loc></url>" for n in range(7))
        server.at("/news.xml", Reply(f"<urlset>{places}</urlset>"))
        addition = add_source(path, server.url, write=False)
    assert addition.entry is not None
    assert addition.entry["discover"] == [{"sitemap": f"{server.url}/news.xml"}]
    assert any("hilang-sudah" in url for url, _ in addition.tried)
    assert path.read_text() == HEAD  # nothing written


def test_without_a_file_private_addresses_stay_closed_and_none_is_made_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    with HostileServer() as server:
        site(server)
        addition = add_source(path, server.url)
        assert server.seen == []
    assert addition.entry is None
    assert addition.tried[0][1].startswith("refused_address")
    assert not path.exists()


@pytest.mark.parametrize(
    "address", ["", "https://", "ftp://o.id", "javascript:alert(1)", "https://o.id:99999", "http://["]
)
def test_what_is_no_address_is_refused_before_any_request(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="allowed: an address"):
        add_source(tmp_path / "sources.yaml", address)


def test_a_file_with_mistakes_is_told_and_left(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("settings: {timezone: X}\n")
    with pytest.raises(ConfigError, match=r"sources\.yaml:1: settings\.timezone"):
        add_source(path, "https://o.id")
    assert path.read_text() == "settings: {timezone: X}\n"


def test_what_would_work_is_proposed_for_what_does_not(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    with HostileServer() as server:
        site(server)
        server.at("/rss.xml", Reply(f"<rss><channel>{items(server)}</channel></rss>"))
        path.write_text(
            HEAD + f"sources: [{{id: o, name: O, url: '{server.url}', discover: [{{feed: '{server.url}/lama'}}]}}]\n"
        )
        config = load_config(path)
        (way,) = propose(config, config.sources).values()
    assert (way.kind, way.url) == ("feed", f"{server.url}/rss.xml")
    assert propose(config, ()) == {}


@pytest.mark.slow
def test_every_outlet_of_the_newsroom_is_added_and_then_read_as_its_own_entry_would_be(tmp_path: Path) -> None:
    from crawler.trying import check_sources

    path = tmp_path / "sources.yaml"
    path.write_text(HEAD)
    with Newsroom() as newsroom:
        for outlet in newsroom.outlets:
            addition = add_source(path, outlet.base_url, outlet.region)
            assert addition.entry is not None, addition.tried
            assert len(addition.articles) >= 4
            truths = {truth.canonical: truth for truth in newsroom.truths() if truth.outlet == outlet.id}
            for article in addition.articles:
                assert article.body == truths[article.url].body
        config = load_config(path)
        assert [source.name for source in config.sources] == [outlet.name for outlet in newsroom.outlets]
        assert all(record["works"] for record in check_sources(config, config.sources))
