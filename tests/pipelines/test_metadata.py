"""Headline, reporter, picture and address as the page means them, not as its templates write them."""

from __future__ import annotations

import json

import pytest

from pipelines.blocks import parse_html, read_blocks
from pipelines.bylines import author_of, reporter_in
from pipelines.clean import clean_page
from pipelines.clutter import judge
from pipelines.embedded import image_of, names_of, next_data_body, read_json_ld, text_of
from pipelines.metadata import canonical_of, read_head, same_site, title_of
from tests.pipelines.newspage import PARAGRAPHS, TITLE, URL, page, paragraphs


def title(head: str, body: str = "", url: str = URL) -> str:
    root = parse_html(f"<html><head>{head}</head><body>{body}<p>Isi.</p></body></html>")
    return title_of(read_head(root, url), read_blocks(root, judge))


@pytest.mark.parametrize(
    ("tag", "url"),
    [
        (f"{TITLE} - Kabar Beliung", URL),
        (f"{TITLE} | Kabar Beliung", URL),
        (f"{TITLE} – kabarbeliung.example", URL),
        (f"{TITLE} :: Kabar Beliung", URL),
        (f"{TITLE} : Kabar Beliung Politik", URL),
        (f"KabarBeliung: {TITLE}", URL),
        (f"KabarBeliung.example: {TITLE}", URL),
        (f"{TITLE} - Halaman 2 - Kabar Beliung", URL),
        (f"{TITLE} Halaman all - Kabar Beliung", URL),
        (f"{TITLE} - Page 2", URL),
        (f"{TITLE} | Antara Beliung", "https://beliung.antara-beliung.example/a"),
        (f"{TITLE} | Republika Online", "https://nasional.republika.co.id/berita/1"),
        (f"{TITLE} - Tribunnews.com", "https://sumsel.tribunnews.com/a"),
        (TITLE, URL),
    ],
)
def test_the_title_has_no_site_and_no_page_number(tag: str, url: str) -> None:
    head = f'<title>{tag}</title><meta property="og:site_name" content="Kabar Beliung">'
    assert title(head, url=url) == TITLE
    assert title(head, f"<h1>{TITLE}</h1>", url) == TITLE


def test_the_headline_is_the_heading_that_the_titles_confirm() -> None:
    head = f"<title>{TITLE} - Politik :: Kabar</title>"
    body = f'<h1><a>Kabar Beliung</a></h1><h1>Kabar {TITLE} - Politik :: Kabar</h1><div class="titles"><h1>{TITLE}</h1></div>'
    assert title(head, body) == TITLE
    assert title(head, f'<div class="judul-berita">{TITLE}</div>') == TITLE


def test_a_dash_inside_the_headline_stays() -> None:
    headline = "Ikrar Netralitas - Antara Janji dan Kenyataan di Kantor Camat"
    assert title(f"<title>{headline} - Kabar Beliung</title>") == headline


def test_a_cut_off_title_gives_way_to_the_whole_one() -> None:
    head = f'<title>{TITLE[:40]}...</title><meta property="og:title" content="{TITLE} - Kabar Beliung">'
    assert title(head) == TITLE


def author(body: str = "", head: str = "", ld: object = None) -> str | None:
    if ld is not None:
        head += f'<script type="application/ld+json">{json.dumps({"@type": "NewsArticle", "headline": TITLE, "author": ld})}</script>'
    return clean_page(page(paragraphs(*PARAGRAPHS) + body, head=head), URL).author


@pytest.mark.parametrize(
    "line",
    [
        "Pewarta: Siti Rahma",
        "Pewarta : Siti Rahma",
        "Pewarta: Siti Rahma Editor: Budi Hartono Copyright © KABAR 2024",
        "Penulis: Siti Rahma | Editor: Budi Hartono",
        "Reporter: Siti Rahma / Editor: Budi Hartono",
        "Rep: Siti Rahma/ Red: Budi Hartono",
        "Redaktur & Reporter : Siti Rahma",
        "Oleh: Siti Rahma",
        "Oleh : Siti Rahma",
        "Ditulis oleh: Siti Rahma",
        "Laporan Wartawan Kabar Beliung, Siti Rahma",
        "Kontributor: Siti Rahma",
        "RABU, 13 NOVEMBER 2024 | 08:04 WIB | LAPORAN: SITI RAHMA",
    ],
)
def test_the_line_that_names_the_reporter_wins(line: str) -> None:
    assert (
        author(
            f"<p>{line}</p>",
            '<meta name="author" content="Kabar Beliung">',
            {"@type": "Person", "name": "Budi Hartono"},
        )
        == "Siti Rahma"
    )


@pytest.mark.parametrize(
    ("ld", "expected"),
    [
        ({"@type": "Person", "name": "Siti Rahma"}, "Siti Rahma"),
        (
            [{"@type": "Person", "name": "Siti Rahma"}, {"@type": "Person", "name": "Andi Malik"}],
            "Siti Rahma, Andi Malik",
        ),
        ("Siti Rahma", "Siti Rahma"),
        ({"@type": "Person", "name": "Web Developer; Siti Rahma"}, "Siti Rahma"),
        ({"@type": "Person", "name": "Pewarta Siti Rahma"}, "Siti Rahma"),
        ({"@type": "Organization", "name": "Kabar Beliung"}, None),
        ({"@type": "Person", "name": "Kabar Beliung"}, None),
        ({"@type": "Person", "name": "Redaksi"}, None),
        ({"@type": "Person", "name": "admin"}, None),
        ({"@type": "Person", "name": "Kabar Cyber Media"}, None),
        ({"@type": "Person", "name": "PT MEDIA BELIUNG BARU"}, None),
        ({"@type": "Person", "name": "https://kabar.example/penulis/siti"}, None),
        ({"@type": "Person", "name": ""}, None),
        (None, None),
    ],
)
def test_persons_of_json_ld_and_nobody_else(ld: object, expected: str | None) -> None:
    assert author(ld=ld) == expected


def test_the_editor_is_not_the_reporter() -> None:
    visible = '<p class="editor">Editor : Budi Hartono</p>'
    ld = {"@type": "Person", "name": "Budi Hartono"}
    assert author(visible, ld=ld) is None
    root = parse_html(page(paragraphs(*PARAGRAPHS), above='<div class="author-2">Siti Rahma</div>') + visible)
    assert author_of(read_head(root, URL), read_blocks(root, judge)) == "Siti Rahma"


def test_a_name_beside_its_role_and_a_name_after_the_last_sentence() -> None:
    assert author("<div>Siti Rahma</div><div>Jurnalis</div>") == "Siti Rahma"
    assert author("<div>Penulis:</div><div>Siti Rahma</div>") == "Siti Rahma"
    assert author("<p><strong>SITI RAHMA</strong></p>") == "Siti Rahma"
    assert author('<div class="author">Siti Rahma - kabarbeliung</div>') == "Siti Rahma"


def test_meta_author_and_marked_author() -> None:
    assert author(head='<meta name="author" content="Siti Rahma">') == "Siti Rahma"
    assert author('<span itemprop="author" itemscope><span itemprop="name">Siti Rahma</span></span>') == "Siti Rahma"
    assert author(head='<meta property="article:author" content="https://facebook.com/kabar">') is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://img.example/2024/11/camat.jpg", "https://img.example/2024/11/camat.jpg"),
        ("/foto/camat-beliung.jpg", "https://www.kabarbeliung.example/foto/camat-beliung.jpg"),
        ("//img.example/camat-diperiksa.webp?w=600", "https://img.example/camat-diperiksa.webp?w=600"),
        ("https://img.example/assets/logo-kabar.png", None),
        ("https://img.example/default-image.jpg", None),
        ("data:image/png;base64,AAAA", None),
        ("https://img.example/", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_the_picture_is_absolute_and_no_logo(address: str, expected: str | None) -> None:
    head = f'<meta property="og:image" content="{address}">'
    assert clean_page(page(paragraphs(*PARAGRAPHS), head=head), URL).image == expected


@pytest.mark.parametrize(
    ("link", "url", "expected"),
    [
        ("https://www.kabarbeliung.example/berita/1203/x", URL, "https://www.kabarbeliung.example/berita/1203/x"),
        ("https://m.kompas.com/read/1", "https://www.kompas.com/amp/read/1", "https://m.kompas.com/read/1"),
        ("/berita/1203/x#isi", URL, "https://www.kabarbeliung.example/berita/1203/x"),
        ("http://127.0.0.1:8001/a/b", "http://127.0.0.1:8001/a/b?utm=1", "http://127.0.0.1:8001/a/b"),
        ("http://127.0.0.1:8002/a/b", "http://127.0.0.1:8001/a/b", None),
        ("https://lain.com/berita/1", "https://www.kompas.com/read/1", None),
        ("https://www.kabarbeliung.example/", URL, None),
        ("https://www.kabarbeliung.example/index.php", URL, None),
        ("javascript:void(0)", URL, None),
        ("http://[::1", URL, None),
    ],
)
def test_a_canonical_address_is_believed_on_the_same_site_only(link: str, url: str, expected: str | None) -> None:
    root = parse_html(f'<html><head><link rel="canonical" href="{link}"></head><body>x</body></html>')
    assert canonical_of(read_head(root, url)) == expected


def test_og_url_stands_in_for_a_canonical_link_that_is_useless() -> None:
    root = parse_html(
        f'<html><head><link rel=canonical href="/"><meta property="og:url" content="{URL}"></head><body>x</body></html>'
    )
    assert canonical_of(read_head(root, URL + "?a=1")) == URL


def test_sites_are_told_apart() -> None:
    assert same_site("https://sumsel.tribunnews.com/a", "https://www.tribunnews.com/b")
    assert same_site("http://localhost:81/a", "http://localhost:81/b")
    assert not same_site("http://localhost:81/a", "http://localhost:82/a")
    assert not same_site("https://a.go.id/x", "https://b.go.id/x")


def test_json_ld_is_found_in_graphs_lists_and_with_raw_line_breaks() -> None:
    graph = json.dumps(
        {"@graph": [{"@type": "WebSite", "name": "Kabar"}, {"@type": ["NewsArticle"], "headline": TITLE}]}
    )
    assert read_json_ld([graph]).article["headline"] == TITLE
    assert read_json_ld(['[{"@type": "NewsArticle", "headline": "a\nb"}]']).article["headline"] == "a\nb"
    assert read_json_ld(["<!-- {} -->", "{", "", "null", "3"]).article == {}
    assert read_json_ld([graph]).publishers == ["Kabar"]


def test_the_fullest_article_of_several_wins() -> None:
    poor, rich = (
        {"@type": "NewsArticle", "headline": h, **more}
        for h, more in (("a", {}), ("b", {"datePublished": "2024-11-13"}))
    )
    assert read_json_ld([json.dumps([poor, rich])]).article["headline"] == "b"


def test_schema_values_come_in_many_forms() -> None:
    assert text_of([{"name": "A &amp; B"}]) == "A & B"
    assert text_of(3) == ""
    assert names_of({"@type": "Person", "name": ["A", "B"]}) == [("Person", "A"), ("Person", "B")]
    assert image_of([{"@type": "ImageObject", "url": "/a.jpg"}]) == "/a.jpg"
    assert image_of(None) == ""


def test_a_body_in_next_data_is_the_longest_under_a_name_for_bodies() -> None:
    data = {"a": {"content": "x" * 300}, "b": [{"body": "y" * 400, "keterangan": "z" * 900}]}
    assert next_data_body(json.dumps(data)) == "y" * 400
    assert next_data_body("{") == ""
    assert next_data_body("[" * 100_000) == ""


def test_the_author_of_a_listing_is_held_to_the_same_rules() -> None:
    assert reporter_in("Siti Rahma") == "Siti Rahma"
    assert reporter_in("siti@kabar.example (SITI RAHMA)") == "Siti Rahma"
    assert [reporter_in(a) for a in ("siti@kabar.example", "redaksi@kabar.example (Redaksi)")] == [None, None]
    assert reporter_in("Kabar Beliung", "Kabar Beliung", URL) is None
    assert reporter_in("kabarbeliung", "KB", URL) is None
    assert reporter_in("Siti Rahma; Kabar Beliung", "Kabar Beliung", URL) == "Siti Rahma"
    assert [reporter_in(nobody) for nobody in ("Redaksi", "admin", "Redaksi Tepian", "", None)] == [None] * 5


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        ('<span class="author vcard"><a class="url fn n" href="/author/siti">Siti Rahma</a></span>', "Siti Rahma"),
        (
            '<span>Diposting <time datetime="2024-11-13T08:04:00+07:00">13 Nov</time> oleh <a rel="author">Siti Rahma</a></span>',
            "Siti Rahma",
        ),
        ('<span class="author vcard"><a class="url fn n" href="/author/admin">admin</a></span>', None),
        ('<span class="author vcard"><a class="fn">Kabar Beliung</a></span>', None),
    ],
)
def test_an_author_marked_by_hcard_or_rel_is_read_and_a_desk_is_nobody(above: str, expected: str | None) -> None:
    assert clean_page(page(paragraphs(*PARAGRAPHS), above=above), URL).author == expected


def test_the_editor_that_the_page_names_elsewhere_is_no_author() -> None:
    ld = json.dumps(
        {
            "@type": "NewsArticle",
            "headline": TITLE,
            "author": [{"@type": "Person", "name": n} for n in ("Siti Rahma", "Budi Hartawan")],
        }
    )
    head = f'<meta name="content_editor" content="Budi Hartawan"><script type="application/ld+json">{ld}</script>'
    assert clean_page(page(paragraphs(*PARAGRAPHS), head=head, above=""), URL).author == "Siti Rahma"
