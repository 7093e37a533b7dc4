"""Watch lists of other programs (crawler/exchange.py)."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from lxml import etree

from crawler.config import load_config
from crawler.errors import UsageError
from crawler.exchange import export_opml, import_sources

OPML = """<?xml version="1.0"?>
<opml version="2.0"><head><title>x</title></head><body>
<outline text="Sumatera Selatan"><outline text="Kabar &amp; Kita" type="rss" xmlUrl="https://kita.id/feed/" htmlUrl="https://www.kita.id/"/>
 <outline text="kota"><outline title="Dua" XMLURL="https://dua.id/rss"/></outline></outline>
<outline text="Tech"><outline text="Tiga" xmlUrl="https://tiga.id/atom.xml"/><outline text="no feed" htmlUrl="https://x.id"/></outline>
<outline text="Kita lagi" xmlUrl="https://kita.id/feed/"/>
<outline text="Buruk" xmlUrl="javascript:alert(1)"/>
</body></opml>"""


def imported(tmp_path: Path, body: str | bytes, name: str = "list.opml"):
    path, source = tmp_path / "sources.yaml", tmp_path / name
    source.write_bytes(body.encode() if isinstance(body, str) else body)
    return import_sources(path, source), path


def test_nested_outlines_become_sources_and_duplicates_are_told(tmp_path: Path) -> None:
    result, path = imported(tmp_path, OPML)
    assert result.added == ["kita", "dua", "tiga"]
    assert len(result.duplicates) == 1
    assert "Kita lagi is there already, as kita" in result.duplicates[0]
    assert len(result.wrong) == 1
    assert result.wrong[0].startswith("line 6: ")
    sources = load_config(path).sources
    assert [(s.name, s.url, s.region, s.discover[0].url) for s in sources] == [
        ("Kabar & Kita", "https://www.kita.id/", "16", "https://kita.id/feed/"),
        ("Dua", "https://dua.id", None, "https://dua.id/rss"),
        ("Tiga", "https://tiga.id", None, "https://tiga.id/atom.xml"),
    ]
    again = import_sources(path, tmp_path / "list.opml")
    assert (again.added, len(again.duplicates)) == ([], 4)


def test_an_export_is_read_by_another_reader_and_comes_back_as_it_was(tmp_path: Path) -> None:
    _, path = imported(tmp_path, OPML)
    config = load_config(path)
    document, left_out = export_opml(config)
    assert left_out == []
    outlines = [dict(e.attrib) for _, e in etree.iterparse(io.BytesIO(document), tag="outline")]
    assert [o["xmlUrl"] for o in outlines] == [s.discover[0].url for s in config.sources]
    assert all(o["type"] == "rss" and o["text"] for o in outlines)
    back, _ = imported(tmp_path, document, "back.opml")
    assert len(back.duplicates) == 3
    (tmp_path / "sources.yaml").unlink()
    back = import_sources(tmp_path / "sources.yaml", tmp_path / "back.opml")
    assert back.added == ["kita", "dua", "tiga"]


def test_an_export_has_apis_as_feeds_and_leaves_out_secrets_and_pages(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    ways = {
        "wp": "wordpress: https://wp.id/wp-json/wp/v2/posts",
        "blog": "blogger: https://blog.id",
        "page": "page: https://page.id/indeks",
        "token": "feed: 'https://token.id/feed?key=${TOKEN}'",
        "login": "feed: https://user:geheim@login.id/feed",
    }
    path.write_text(
        "sources:\n"
        + "".join(f"- {{id: {n}, name: {n}, url: 'https://{n}.id', discover: [{{{w}}}]}}\n" for n, w in ways.items())
    )
    document, left_out = export_opml(load_config(path, environ={"TOKEN": "s3cret-token"}))
    assert left_out == ["page", "token", "login"]
    assert b"https://wp.id/feed/" in document
    assert b"https://blog.id/feeds/posts/default" in document
    assert b"s3cret" not in document
    assert b"geheim" not in document


BOMB = "<!DOCTYPE o [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
)


@pytest.mark.parametrize(
    "document",
    [
        "<!DOCTYPE o [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><opml><body><outline text='&x;' xmlUrl='https://a.id/f'/></body></opml>",
        "<!DOCTYPE o SYSTEM 'http://127.0.0.1:1/evil.dtd'><opml><body><outline text='A' xmlUrl='https://a.id/f'/></body></opml>",
        BOMB + "]><opml><body><outline text='&j;' xmlUrl='https://a.id/f'/></body></opml>",
        "<opml><body>" + "<outline text='x'>" * 3000 + "<outline xmlUrl='https://a.id/f'/>",
        "<opml><body><outline text='a\x00b' xmlUrl='https://a.id/f'/></body></opml>",
    ],
    ids=["external entity", "external dtd", "bomb", "deep", "control character"],
)
def test_hostile_opml_is_harmless(tmp_path: Path, document: str) -> None:
    result, path = imported(tmp_path, document)
    written = path.read_text() if path.exists() else ""
    assert "root:" not in written
    assert len(written) < 1000
    assert len(result.added) <= 1


CSV = """name;url;feed;region
Satu;https://satu.id;https://satu.id/feed/;Sumsel
"Dua; Tiga";https://dua.id;;Kota Palembang
Salah;https://salah.id;https://salah.id/feed;Atlantis
;;;
Satu lagi;https://satu.id;https://satu.id/feed/;
Empat;ftp://empat.id;;
"""


def test_rows_of_csv_become_sources_and_wrong_ones_are_told_with_their_line(tmp_path: Path) -> None:
    result, path = imported(tmp_path, "\ufeff" + CSV.replace("\n", "\r\n"), "list.csv")
    assert result.added == ["satu", "dua"]
    assert len(result.duplicates) == 1
    assert [line.split(":")[0] for line in result.wrong] == ["line 4", "line 7"]
    assert "Atlantis" in result.wrong[0]
    one, two = load_config(path).sources
    assert (one.region, one.discover[0].kind) == ("16", "feed")
    assert (two.name, two.region, two.discover[0].kind, two.discover[0].url) == (
        "Dua; Tiga",
        "16.71",
        "page",
        "https://dua.id",
    )


def test_the_columns_of_a_research_list_are_understood(tmp_path: Path) -> None:
    text = (
        "name,home_url,province_code,province,network,cms,discovery_primary,discovery_alt,confidence,evidence\n"
        "A,https://a.id,11,Aceh,X,WordPress,https://a.id/feed/,wp-json,high,x\n"
        "B,https://b.id,,national/multi,X,custom,https://b.id/sitemap-news.xml (1 day),tag,low,x\n"
        "C,https://c.id,32,Jawa Barat,X,custom,https://c.id/tag/netralitas-asn,tag,low,x\n"
        "D,https://d.id,32,Jawa Barat,X,custom,RSS (keyword filter),tag,low,x\n"
    )
    result, path = imported(tmp_path, text, "outlets.csv")
    assert result.added == ["a", "c"]
    assert ["national/multi" in result.wrong[0], "discover" in result.wrong[1]] == [True, True]
    assert [s.discover[0].kind for s in load_config(path).sources] == ["feed", "page"]


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe\x00", b"<html><body>x</body></html>", b"a,b\n1,2\n", b"<opml", b"url\n" + b"x" * 200_000]
)
def test_a_file_that_is_neither_is_refused_and_nothing_is_made(tmp_path: Path, body: bytes) -> None:
    try:
        result, path = imported(tmp_path, body)
    except UsageError:
        path = tmp_path / "sources.yaml"
    else:
        assert result.added == []
    assert not path.exists()


def test_an_existing_file_keeps_its_text(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    before = "# ours\nsources:\n  - {id: kita, name: K, url: 'https://lain.id', discover: [{feed: 'https://lain.id/f'}]}  # note\n# end\n"
    path.write_text(before)
    source = tmp_path / "x.opml"
    source.write_text(OPML)
    result = import_sources(path, source)
    assert result.added == ["kita-2", "dua", "tiga"]
    text = path.read_text()
    assert text.startswith(before.partition("# end")[0])
    assert text.endswith("# end\n")
