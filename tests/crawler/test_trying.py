"""Trying things out without storing or sending (crawler/trying.py)."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from crawler.config import Config, load_config
from crawler.trying import check_sources, extract_all
from tests.servers import HostileServer, Reply

TEXT = "Aparatur sipil negara di kabupaten itu wajib menjaga netralitas selama pemilihan kepala daerah, kata ketua pengawas. "
BODY = "".join(f"<p>{TEXT}Pernyataan nomor {n} disampaikan di hadapan wartawan pada Rabu siang.</p>" for n in range(6))
PAGE = (
    "<!doctype html><html><head><title>ASN Wajib Netral - Outlet</title>"
    "<link rel='canonical' href='https://www.outlet.id/2024/11/13/asn-wajib-netral'>"
    "<meta property='article:published_time' content='2024-11-13T10:00:00+07:00'></head>"
    f"<body><article><h1>ASN Wajib Netral</h1>{BODY}</article></body></html>"
)


def config(folder: Path, *sources: str, private: bool = True) -> Config:
    lines = (
        "\n".join(f"- {source}" for source in sources)
        or "- {id: x, name: X, url: 'https://x.id', discover: [{feed: 'https://x.id/f'}]}"
    )
    (folder / "sources.yaml").write_text(
        f"settings: {{allow_private_networks: {str(private).lower()}}}\ntopic: {{any: [netralitas]}}\nsources:\n{lines}\n"
    )
    return load_config(folder / "sources.yaml")


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_becomes_what_would_be_stored(tmp_path: Path, packed: bool) -> None:
    page = tmp_path / ("page.html.gz" if packed else "page.html")
    page.write_bytes(gzip.compress(PAGE.encode()) if packed else PAGE.encode())
    (record,) = extract_all([str(page)], None, config(tmp_path))
    assert record["input"] == str(page)
    assert record["url"] == "https://www.outlet.id/2024/11/13/asn-wajib-netral"
    assert record["title"] == "ASN Wajib Netral"
    assert record["published_at"] == "2024-11-13T03:00:00Z"
    assert record["body"].startswith("Aparatur sipil negara")
    assert {match["text"] for match in record["matches"]} == {"netralitas"}


def test_the_given_address_wins_over_the_pages_own_relative_truth(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(PAGE.replace("<link rel='canonical' href='https://www.outlet.id/2024/11/13/asn-wajib-netral'>", ""))
    (record,) = extract_all([str(page)], "https://lain.id/a", config(tmp_path))
    assert record["url"] == "https://lain.id/a"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tidak-ada.html", None),
        ("rusak.html.gz", b"\x1f\x8brusak"),
        ("terpotong.html.gz", gzip.compress(PAGE.encode())[:-30]),
        ("kosong.html", b""),
    ],
)
def test_a_file_that_cannot_be_read_has_an_error_and_no_columns(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    page = tmp_path / name
    if content is not None:
        page.write_bytes(content)
    (record,) = extract_all([str(page)], None, config(tmp_path))
    assert record["error"]
    assert record["title"] is record["body"] is None


def test_a_page_off_the_topic_has_no_matches(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(PAGE.replace("netralitas", "kebersihan").replace("Netral", "Bersih"))
    (record,) = extract_all([str(page)], None, config(tmp_path))
    assert (record["matches"], record["rules"]) == ([], [])
    assert record["body"]


def test_an_address_is_fetched_as_in_a_crawl(tmp_path: Path) -> None:
    with HostileServer() as server:
        server.at("/a", Reply(PAGE.replace("canonical", "x"), headers={"Content-Type": "text/html"}))
        server.at("/terlarang", Reply(PAGE))
        server.at("/robots.txt", Reply("User-agent: *\nDisallow: /terlarang"))
        source = f"{{id: o, name: O, url: '{server.url}', discover: [{{feed: '{server.url}/f'}}]}}"
        good, forbidden, gone = extract_all(
            [f"{server.url}/a", f"{server.url}/terlarang", f"{server.url}/hilang"], None, config(tmp_path, source)
        )
        refused, broken = extract_all(
            [f"{server.url}/a", "http://x.id:99999/a"], None, config(tmp_path, source, private=False)
        )
    assert good["title"] == "ASN Wajib Netral"
    assert forbidden["error"].startswith("robots:")
    assert gone["error"].startswith("gone:")
    assert refused["error"].startswith("refused_address:")
    assert broken["error"].startswith("refused_scheme:")
    assert [seen.path for seen in server.seen].count("/terlarang") == 0


def test_each_way_of_discovery_is_tried_by_itself(tmp_path: Path) -> None:
    with HostileServer() as server:
        items = "".join(f"<item><title>T{n}</title><link>{server.url}/a-{n}</link></item>" for n in range(5))
        server.at("/f", Reply(f"<rss><channel>{items}</channel></rss>"))
        server.at("/kosong", Reply("<rss><channel/></rss>"))
        for number in range(5):
            server.at(
                f"/a-{number}",
                Reply(
                    PAGE.replace("canonical", "x").replace("nomor", f"nomor {number}"),
                    headers={"Content-Type": "text/html"},
                ),
            )
        ways = ", ".join(f"{{feed: '{server.url}/{path}'}}" for path in ("f", "kosong", "hilang"))
        loaded = config(tmp_path, f"{{id: o, name: O, url: '{server.url}', discover: [{ways}]}}")
        works, empty, gone = check_sources(loaded, loaded.sources)
    assert (works["source"], works["works"], works["found"], works["readable"], works["problem"]) == (
        "o",
        True,
        3,
        3,
        None,
    )
    assert works["newest"] == "2024-11-13T03:00:00+00:00"
    assert (empty["works"], empty["problem"]) == (False, "it lists no article")
    assert not gone["works"]
    assert gone["problem"].startswith("gone:")
