"""Feeds of all kinds, and what stands in their place (crawler/discovery/feed.py, base.py; GUARANTEES A3-A9, A18)."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.discovery import Listing, feed
from crawler.discovery.base import article_address, plain
from crawler.errors import DiscoveryError
from crawler.items import Entry

URL = "https://outlet.id/feed/"
AT = datetime(2024, 11, 13, 3, 0, tzinfo=UTC)  # 10:00 WIB


def read(body: str | bytes, url: str = URL, zone: str = "Asia/Jakarta") -> Listing:
    return feed.read(body.encode() if isinstance(body, str) else body, url, "application/rss+xml", zone)


def rss(items: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>', version: str = "2.0") -> str:
    spaces = (
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:media="http://search.yahoo.com/mrss/" xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" '
        'xmlns:atom="http://www.w3.org/2005/Atom"'
    )
    return f'{head}<rss version="{version}" {spaces}><channel><title>O</title><link>https://outlet.id/</link>{items}</channel></rss>'


def item(title: str = "Judul", link: str = "https://outlet.id/a-1", more: str = "") -> str:
    return f"<item><title>{title}</title><link>{link}</link>{more}</item>"


def one(body: str | bytes, **arguments: str) -> Entry:
    entries = read(body, **arguments).entries
    assert len(entries) == 1, entries
    return entries[0]


@pytest.mark.parametrize("version", ["0.91", "0.92", "2.0"])
def test_rss_in_its_versions(version: str) -> None:
    doctype = (
        '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/rss-0.91.dtd">'
    )
    found = one(rss(item("Camat &amp; lurah"), head=f'<?xml version="1.0"?>\n{doctype}\n', version=version))
    assert (found.url, found.title) == ("https://outlet.id/a-1", "Camat & lurah")


def test_rss_2_with_all_it_can_say() -> None:
    more = (
        "<pubDate>Wed, 13 Nov 2024 10:00:00 +0700</pubDate><guid isPermaLink='false'>12</guid><dc:creator>Sri Wahyuni</dc:creator>"
        "<description>&lt;p&gt;Ringkas&lt;/p&gt;</description><content:encoded><![CDATA[<p>Isi & lengkap</p>]]></content:encoded>"
        "<enclosure url='/g/f.jpg' type='image/jpeg' length='1'/>"
    )
    assert one(rss(item(more=more))) == Entry(
        url="https://outlet.id/a-1",
        title="Judul",
        published_at=AT,
        guid="12",
        summary="Ringkas",
        body_html="<p>Isi & lengkap</p>",
        author="Sri Wahyuni",
        image="https://outlet.id/g/f.jpg",
    )


def test_rss_1_rdf() -> None:
    found = one(
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://outlet.id/"><title>O</title></channel>'
        '<item rdf:about="https://outlet.id/a-1"><title>Judul</title><dc:date>2024-11-13T10:00:00+07:00</dc:date></item></rdf:RDF>'
    )
    assert (found.url, found.published_at) == ("https://outlet.id/a-1", AT)


@pytest.mark.parametrize(
    ("space", "published"),
    [("http://www.w3.org/2005/Atom", "published"), ("http://purl.org/atom/ns#", "issued")],
    ids=["1.0", "0.3"],
)
def test_atom(space: str, published: str) -> None:
    listing = read(
        f'<feed xmlns="{space}" xml:base="https://outlet.id/blog/"><link rel="next" href="?page=2"/><entry>'
        '<link rel="self" href="https://outlet.id/x.atom"/><link rel="alternate" type="text/html" href="a-1"/><id>tag:1</id>'
        f"<title type='html'>&lt;b&gt;Judul&lt;/b&gt;</title><{published}>2024-11-13T03:00:00Z</{published}>"
        "<author><name>Sri</name></author><content type='html'>&lt;p&gt;Isi&lt;/p&gt;</content></entry></feed>"
    )
    found = listing.entries[0]
    assert (found.url, found.title, found.published_at) == ("https://outlet.id/blog/a-1", "Judul", AT)
    assert (found.author, found.body_html, found.guid) == ("Sri", "<p>Isi</p>", "tag:1")
    assert listing.more == ("https://outlet.id/blog/?page=2",)


def test_json_feed() -> None:
    items = [
        {
            "id": "7",
            "url": "/a-1",
            "title": "Judul",
            "date_published": "2024-11-13T10:00:00+07:00",
            "content_html": "<p>x",
        }
    ]
    found = one(
        "\ufeff\n" + json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": [*items, 3, None, {}]})
    )
    assert (found.url, found.published_at, found.body_html) == ("https://outlet.id/a-1", AT, "<p>x")


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("Rabu, 13 November 2024 10:00:00 WIB", AT),
        ("Wed, 13 Nov 2024 10:00:00 WIB", AT),
        ("Wed, 13 Nov 2024 11:00:00 WITA", AT),
        ("Wed, 13 Nov 2024 12:00:00 WIT", AT),
        ("Wed, 13 Nov 2024 10:00:00 +0700", AT),
        ("Wed, 13 Nov 2024 03:00:00 GMT", AT),
        ("2024-11-13T03:00:00Z", AT),
        ("2024-11-13 10:00:00", AT),
        ("13/11/2024 10:00", AT),
        ("besok", None),
        ("", None),
        ("Wed, 30 Feb 2024 10:00:00 +0700", None),
        ("0000-00-00 00:00:00", None),
    ],
)
def test_dates_are_never_seven_hours_off(written: str, read_as: datetime | None) -> None:
    assert one(rss(item(more=f"<pubDate>{written}</pubDate>"))).published_at == read_as


def test_a_date_without_a_zone_is_in_the_sources() -> None:
    body = rss(item(more="<pubDate>2024-11-13 12:00:00</pubDate>"))
    assert one(body, zone="Asia/Jayapura").published_at == AT


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("ASN&nbsp;&ldquo;netral&rdquo;", "ASN “netral”"),
        ("Camat & lurah", "Camat & lurah"),
        ("a&b;c &unknownentity; d", "a&b;c &unknownentity; d"),
        ("<![CDATA[<b>Wali Kota</b> & jajaran]]>", "Wali Kota & jajaran"),
        ("<![CDATA[&quot;Netral&quot;]]>", '"Netral"'),
        ("Camat &amp;amp; lurah &amp;#8220;netral&amp;#8221;", "Camat & lurah “netral”"),
        ("a\x00b\x0bc &#0; &#x1f; d", "abc d"),
        ("dua\n   baris\t kata", "dua baris kata"),
        ("", None),
        ("<![CDATA[ ]]>", None),
    ],
)
def test_titles_that_are_no_xml_are_mended(written: str, title: str | None) -> None:
    assert (one(rss(item(written))).title or "").replace("\ufffd ", "") == (title or "")


@pytest.mark.parametrize(
    "body",
    [
        rss(item("“Netral” — Sékda")).encode("cp1252"),
        rss(item("“Netral” — Sékda"), head='<?xml version="1.0" encoding="windows-1252"?>').encode("cp1252"),
        rss(item("“Netral” — Sékda"), head='<?xml version="1.0" encoding="iso-8859-1"?>').encode(),
        b"\xef\xbb\xbf" + rss(item("“Netral” — Sékda")).encode(),
        rss(item("“Netral” — Sékda"), head='<?xml version="1.0" encoding="utf-16"?>').encode("utf-16"),
        b"\r\n\n  " + rss(item("“Netral” — Sékda")).encode(),
    ],
    ids=["cp1252 as UTF-8", "cp1252", "UTF-8 as latin-1", "BOM", "UTF-16", "blank lines first"],
)
def test_whatever_the_charset_claims(body: bytes) -> None:
    assert one(body).title == "“Netral” — Sékda"


def test_of_a_cut_feed_the_whole_entries_are_read() -> None:
    body = rss(item("Satu") + item("Dua", "https://outlet.id/a-2"))
    found = read(body[: body.index("Dua") + 2]).entries
    assert found[0].title == "Satu"
    assert len(found) == 1


@pytest.mark.parametrize(
    ("items", "urls"),
    [
        ("<item><guid>https://outlet.id/a-1</guid></item>", ["https://outlet.id/a-1"]),
        ("<item><guid>12</guid></item>", []),
        (item(link="/a-1"), ["https://outlet.id/a-1"]),
        (item(link="  \n https://outlet.id/a-1#komentar\n"), ["https://outlet.id/a-1"]),
        (item(link="<![CDATA[https://outlet.id/?p=1&b=2]]>"), ["https://outlet.id/?p=1&b=2"]),
        (item(link="https://outlet.id/?p=1&b=2"), ["https://outlet.id/?p=1&b=2"]),
        (
            item(link="https://feeds.fb/~r/1", more="<feedburner:origLink>https://outlet.id/a-1</feedburner:origLink>"),
            ["https://outlet.id/a-1"],
        ),
        ('<item><atom:link rel="alternate" href="/a-1"/></item>', ["https://outlet.id/a-1"]),
        ('<item xml:base="https://lain.id/x/"><link>a-1</link></item>', ["https://lain.id/x/a-1"]),
        *(
            (item(link=home), [])
            for home in ("https://outlet.id", "/", "/?utm_source=rss", "https://outlet.id/index.php")
        ),
        *(
            (item(link=f"{scheme}x"), [])
            for scheme in ("javascript:", "file:///", "data:", "ftp://h/", "gopher://h/", "mailto:")
        ),
        *(
            (item(link=bad), [])
            for bad in ("http://[::1", "http://o.id:99999/a", "http:///x", "https://o.id/" + "x" * 3000)
        ),
    ],
)
def test_links_that_lead_to_an_article_are_taken_and_no_others(items: str, urls: list[str]) -> None:
    assert [entry.url for entry in read(rss(items)).entries] == urls


def test_a_guid_that_several_entries_share_is_nobodys() -> None:
    items = [item(link=f"/a-{n}", more=f"<guid>{guid}</guid>") for n, guid in enumerate(["x", "x", "y"])]
    assert [entry.guid for entry in read(rss("".join(items))).entries] == [None, None, "y"]
    entry = '<entry><link href="/a-{}"/><id>sama</id></entry>'
    atom = read('<feed xmlns="http://www.w3.org/2005/Atom">' + entry.format(1) + entry.format(2) + "</feed>")
    assert [found.guid for found in atom.entries] == [None, None]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<!doctype html><title>Beranda</title><a href='/'>x</a>", "not_a_feed"),
        ("<!-- x --><!-- y -->\n<HTML><body>x", "not_a_feed"),
        ("<html><script src='https://www.google.com/recaptcha/api.js'></script>Berita", "not_a_feed"),
        ("<!DOCTYPE html><title>Just a moment...</title>", "blocked"),
        ("<html><head><title>Attention Required! | Cloudflare</title>", "blocked"),
        ("<html><body>Internet<script src='//internetpositif.id/x.js'>", "blocked"),
        ("", "not_a_feed"),
        ("   \n", "not_a_feed"),
        ("Database error", "not_a_feed"),
        ("{", "not_a_feed"),
        ('{"items": 3}', "not_a_feed"),
        ("{" * 100_000, "not_a_feed"),
        ('{"a":' * 100_000, "not_a_feed"),
        ("<svg></svg>", "not_a_feed"),
        ("<urlset></urlset>", "not_a_feed"),
        ("<", "not_a_feed"),
        ("\x00\x01\x02", "not_a_feed"),
    ],
)
def test_what_is_no_feed_is_named(body: str, kind: str) -> None:
    with pytest.raises(DiscoveryError) as caught:
        read(body)
    assert caught.value.kind == kind


def test_an_empty_feed_is_empty_not_wrong() -> None:
    assert read(rss("")) == Listing()


LAUGHS = '<!DOCTYPE rss [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    "body",
    [
        rss(item("&j;"), head=LAUGHS + "]>"),
        rss(item("&j;"), head=LAUGHS),
        rss(item("&x;"), head='<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/hostname">]>'),
        rss(
            item("&x;"),
            head='<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/x.dtd" [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>',
        ),
        rss(
            '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/hostname" parse="text"/>'
            + item("t")
        ),
        rss("<a>" * 1_000_000),
        rss("<item>" * 200_000),
        "<rss>" + "<" * 2_000_000,
        rss(item("<" * 500_000)),
        rss(item("&lt;" * 300_000)),
        "<!---->" * 200_000 + "x",
        "<!-- -->" * 200_000,
        "<!DOCTYPE [" * 200_000,
        "<!DOCTYPE x [" + "]" * 1_000_000,
        rss("<![CDATA[" * 200_000),
        rss(item("&" * 1_000_000)),
        rss(item("&a" * 500_000)),
        "<rss " + "a" * 1_000_000 + "='1'>",
        "<rss " + "".join(f"a{n}='1' " for n in range(100_000)) + ">",
        rss(item(more=f"<author>{'a' * 1_000_000}@{'b' * 500_000}</author>")),
        "<?xml " * 200_000,
    ],
    ids=lambda body: body[:30],
)
def test_crafted_xml_reads_no_file_and_costs_little(body: str, only_files_of_ours: None) -> None:
    started_s = time.process_time()
    try:
        entries = read(body).entries
    except DiscoveryError:
        entries = ()
    assert time.process_time() - started_s < 10  # some cost minutes before they were mended
    assert all(len(entry.title or "") <= 500 and "ha" * 50 not in (entry.title or "") for entry in entries)


@pytest.fixture
def only_files_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Path("/etc/hostname").read_text().strip()

    def checked(text: str | None, max_chars: int = 5000) -> str | None:
        assert not text or not secret or secret not in text
        return plain(text, max_chars)

    monkeypatch.setattr(feed, "plain", checked)


def test_ten_thousand_entries_in_reasonable_time() -> None:
    items = "".join(
        item(f"Judul {n}", f"/a-{n}", f"<pubDate>13/11/2024 10:{n % 60:02}</pubDate><guid>{n}</guid>")
        for n in range(10_000)
    )
    started_s = time.process_time()
    assert len(read(rss(items)).entries) == 10_000
    assert time.process_time() - started_s < 15


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: rss(item(text, text, text)).encode()))
def test_no_bytes_raise_anything_but_our_error(body: bytes) -> None:
    try:
        for entry in read(body).entries:
            assert entry.url.startswith(("http://", "https://"))
            str(entry).encode()  # no lone surrogates
    except DiscoveryError as error:
        str(error).encode()


def test_json_escapes_bring_no_surrogates_and_no_nul() -> None:
    found = one(
        '{"items": [{"url": "/a\\ud800b", "title": "x\\ud800y\\u0000", "content_html": "\\udfff", "id": "\\ud800"}]}'
    )
    str(found).encode()
    assert found.title == "xy"


@given(st.text(max_size=50))
def test_an_address_is_http_or_nothing(href: str) -> None:
    found = article_address(href, URL)
    assert found is None or found.startswith(("http://", "https://"))
