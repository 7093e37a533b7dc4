"""Whole bodies, and nothing else: families of pages, broken pages, dear pages, and pages that are no articles."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from crawler.items import ArticleHints, Entry
from pipelines.clean import CleanPage, clean_fragment, clean_page, join_pages
from tests.pipelines.newspage import (
    FOURTH,
    LEAD,
    OTHER_STORIES,
    PARAGRAPHS,
    SECOND,
    THIRD,
    TITLE,
    URL,
    page,
    paragraphs,
)

OTHER = f'<a href="https://www.kabarbeliung.example/read/9">{OTHER_STORIES[1]}</a>'
PICTURE = "Camat Muara Beliung seusai diperiksa (Dok: Kabar Beliung)"


# ---- families


def test_a_network_of_local_editions_with_related_lines_between_paragraphs() -> None:
    sublead = "Camat Muara Beliung, Rosid Hamdani, keluar dari ruang sidang panitia pengawas pada Rabu siang--"
    related = f'<p><strong>BACA JUGA:<a href="https://koran.example/read/1/x">{OTHER_STORIES[0]}</a></strong></p>'
    body = (
        f'<div class="post"><p>{sublead}</p>'
        + paragraphs(LEAD, SECOND)
        + related * 2
        + paragraphs(THIRD)
        + related
        + paragraphs(FOURTH)
    )
    found = clean_page(page(body + '</div><ul class="pagination"><li><a>1</a></li></ul>', body_class="kolom"), URL)
    assert found.paragraphs == (sublead, *PARAGRAPHS)


def test_a_page_with_numbered_headings_pictures_and_topics() -> None:
    picture = f'<div class="wrap-img"><img src="/a.jpg" alt="{TITLE}"><span>{TITLE}</span><em>{PICTURE}</em></div>'
    body = (
        f"<p>{LEAD}</p><p>Baca Juga: {OTHER}</p><h2>1. Camat diperiksa tiga jam</h2>{picture}<p>{SECOND}</p>"
        f"<h2>2. Foto menjadi bahan pertanyaan</h2>{picture}<p>{THIRD}</p><p>{FOURTH}</p><p>Baca Juga: {OTHER}</p>"
        '<div class="topik"><p>Topik:</p><ul><li><a href="/tag/asn">netralitas</a></li></ul></div><h3>Berita Terkini Lainnya</h3>'
    )
    found = clean_page(page(body), URL)
    assert found.paragraphs == (
        LEAD,
        "1. Camat diperiksa tiga jam",
        SECOND,
        "2. Foto menjadi bahan pertanyaan",
        THIRD,
        FOURTH,
    )


def test_links_before_a_bare_label_and_links_at_the_end() -> None:
    links = "<ul>" + "".join(f'<li><a href="/b/{i}">{t}</a></li>' for i, t in enumerate(OTHER_STORIES[:3])) + "</ul>"
    body = f"<p>{LEAD}</p>{links}<div>Baca Juga</div>" + paragraphs(SECOND, THIRD, FOURTH) + links
    assert clean_page(page(body), URL).paragraphs == PARAGRAPHS


def test_a_body_parted_by_line_breaks_alone() -> None:
    body = "<br><br>\n\n".join(PARAGRAPHS) + "<br><br><br>Bagikan:<br>Komentar"
    found = clean_page(page(body, body_class="detail"), URL)
    assert found.paragraphs == PARAGRAPHS
    assert found.published_at == datetime(2024, 11, 13, 1, 4, tzinfo=UTC)


def test_related_lines_between_line_breaks() -> None:
    body = f"{LEAD}<br/><br/>Baca Juga: {OTHER}<br/><br/>{SECOND}<br/>{THIRD}<br/><br/>Baca Juga: {OTHER}<br/><br/>{FOURTH}<br/>"
    assert clean_page(page(body), URL).paragraphs == PARAGRAPHS


def test_a_wordpress_page_with_sign_off_share_bar_and_channel() -> None:
    body = (
        paragraphs(LEAD, SECOND)
        + f'<div class="inline-related"><p><strong>Baca juga:&nbsp; </strong>{OTHER}</p></div>'
        + paragraphs(THIRD, f"{FOURTH} (Fay)")
        + '<div class="sharedaddy"><p>Bagikan berita ini</p></div><h4>KABAR CHANNEL</h4><iframe src="/v"></iframe>'
    )
    assert clean_page(page(body, body_class="entry-content"), URL).paragraphs == PARAGRAPHS


def test_a_lead_outside_the_element_of_the_other_paragraphs() -> None:
    body = (
        f'<b>{LEAD}</b><div class="lanjutan">'
        + paragraphs(SECOND, THIRD, FOURTH, SECOND.replace("pagi", "malam"))
        + "</div>"
    )
    assert clean_page(page(body, body_class="x9"), URL).paragraphs[:2] == (LEAD, SECOND)


@pytest.mark.parametrize(
    "wrap", ["<strong>{}</strong>", "<span>{}</span>", "<font size=2><b>{}</b></font>", "<center>{}</center>"]
)
def test_a_bold_or_spanned_lead_is_kept(wrap: str) -> None:
    body = wrap.format(LEAD) + "<br><br>" + paragraphs(SECOND, THIRD, FOURTH)
    assert clean_page(page(body), URL).paragraphs == PARAGRAPHS


@pytest.mark.parametrize(
    "wrap",
    ["<div>{}</div>", "<div class=row><div class=col><div><p>{}</p></div></div></div>", "<section><p>{}</p></section>"],
)
def test_paragraphs_that_are_wrapped_one_by_one(wrap: str) -> None:
    assert clean_page(page("".join(wrap.format(p) for p in PARAGRAPHS), body_class="x1"), URL).paragraphs == PARAGRAPHS


def test_two_halves_around_an_advertisement() -> None:
    half = '<div class="bagian">{}</div>'
    body = (
        half.format(paragraphs(LEAD, SECOND))
        + '<div class="iklan"><p>Beli rumah murah di Beliung sekarang juga, cicilan ringan.</p></div>'
    )
    assert (
        clean_page(page(body + half.format(paragraphs(THIRD, FOURTH)), body_class="x1"), URL).paragraphs == PARAGRAPHS
    )


def test_all_pages_in_one_response_are_the_whole_article() -> None:
    parts = (paragraphs(LEAD, SECOND * 2), paragraphs(THIRD * 2, FOURTH))
    body = "".join(f'<div class="isi__item-page" data-page="{n}">{part}</div>' for n, part in enumerate(parts, 1))
    below = f'<div class="paging"><a href="{URL}?page=1">1</a><a href="{URL}?page=2">2</a></div>'
    found = clean_page(page(body, below=below), URL)
    assert (found.paragraphs[0], found.paragraphs[-1], found.next_pages) == (LEAD, FOURTH, ())


def test_lists_headings_and_subleads_of_the_article_stay() -> None:
    items = (
        "Pegawai dilarang mengunggah gambar calon.",
        "Pegawai dilarang menghadiri kampanye.",
        "Pegawai wajib melapor.",
    )
    body = f"<p>{LEAD}</p><h3>Isi edaran</h3><ul>{''.join(f'<li>{i}</li>' for i in items)}</ul>" + paragraphs(
        SECOND, THIRD
    )
    assert clean_page(page(body), URL).paragraphs == (LEAD, "Isi edaran", *items, SECOND, THIRD)


@pytest.mark.parametrize("label", ["Intinya Sih...", "Ringkasan Berita:", "Baca 10 detik", "Poin penting"])
@pytest.mark.parametrize("point", ["<li>{}</li>", "<li><p>{}</p></li>", "<p>• {}</p>"])
def test_a_summary_in_points_is_not_the_reporting(label: str, point: str) -> None:
    points = "".join(
        point.format(text) for text in ("Camat dipanggil Bawaslu Rabu pagi.", "Foto bersama calon menjadi soal utama.")
    )
    box = f"<p>{label}</p><ul>{points}</ul>"
    assert clean_page(page(box + paragraphs(*PARAGRAPHS)), URL).paragraphs == PARAGRAPHS


def test_a_sentence_torn_by_one_line_break_is_one_paragraph_again() -> None:
    start, end = SECOND.split(", kata ")
    body = f"{LEAD}<br><br>{start},<br>kata {end}<br><br>{THIRD}<br><br>{FOURTH}"
    assert clean_page(page(body), URL).paragraphs == PARAGRAPHS


def test_a_last_sentence_that_names_a_day_stays() -> None:
    last = "Hasil seleksi diumumkan 4 Desember 2024."
    assert clean_page(page(paragraphs(*PARAGRAPHS, last)), URL).paragraphs == (*PARAGRAPHS, last)
    assert clean_page(page(paragraphs(*PARAGRAPHS, f"{last} (Lia)")), URL).paragraphs == (*PARAGRAPHS, last)
    found = clean_page(page(paragraphs(*PARAGRAPHS, "Rabu, 13 November 2024")), URL)
    assert found.paragraphs == PARAGRAPHS


def test_title_byline_date_and_caption_inside_the_body_element_go() -> None:
    caption = "Ruang sidang panitia pengawas di lantai dua kantor lama"
    body = (
        f"<h2>{TITLE}</h2><p>Oleh: Siti Rahma</p><p>Rabu, 13 November 2024 08:04 WIB</p>"
        f'<figure><img src="/a.jpg" alt="x"><figcaption>{caption}</figcaption></figure>'
        f'<img src="/b.jpg" alt="{caption}"><p>{caption}</p>' + paragraphs(*PARAGRAPHS)
    )
    found = clean_page(page(body), URL)
    assert found.paragraphs == PARAGRAPHS
    assert found.author == "Siti Rahma"


def test_comments_longer_than_the_article_are_not_the_article() -> None:
    comment = "<p>Saya pembaca lama dan menurut saya, pegawai itu tidak bersalah, sebab ia hanya lewat di sana, begitu pendapat saya.</p>"
    below = f'<div class="comments-area"><div class="comment">{comment * 30}</div></div>'
    assert clean_page(page(paragraphs(*PARAGRAPHS), below=below, body_class="x1"), URL).paragraphs == PARAGRAPHS


def test_a_short_article_beside_a_long_footer() -> None:
    footer = (
        '<div class="footer-info">'
        + "<p>Kantor redaksi kami berada di Jalan Rotan, buka setiap hari kerja, telepon tersedia.</p>" * 1
    )
    found = clean_page(page(paragraphs(LEAD, SECOND), below=footer + "</div>"), URL)
    assert found.paragraphs == (LEAD, SECOND)


def test_wordpress_classes_of_category_and_tag_do_not_cut_the_article() -> None:
    body = f'<article class="post-12 type-post category-politik tag-asn hentry">{paragraphs(*PARAGRAPHS)}</article>'
    assert clean_page(page(body, body_class="x1"), URL).paragraphs == PARAGRAPHS


# ---- bodies in JSON


def test_a_body_that_only_json_ld_holds() -> None:
    article = {
        "@type": "NewsArticle",
        "headline": TITLE,
        "articleBody": "\n\n".join(PARAGRAPHS),
        "datePublished": "2024-11-13T08:04:00+07:00",
    }
    head = f'<script type="application/ld+json">{json.dumps({"@graph": [article]})}</script>'
    found = clean_page(page('<div id="app"></div>', head=head), URL)
    assert found.paragraphs == PARAGRAPHS
    assert found.kind == "article"


def test_a_body_that_only_next_data_holds() -> None:
    content = (
        paragraphs(LEAD, SECOND)
        + f'<p><strong class="readmore">Baca Juga: {OTHER}</strong></p>'
        + paragraphs(THIRD, FOURTH)
    )
    data = {"props": {"pageProps": {"article": {"title": TITLE, "content": content, "id": 3}}}}
    head = f'<script id="__NEXT_DATA__" type="application/json">{json.dumps(data)}</script>'
    assert clean_page(page('<div id="__next"></div>', head=head), URL).paragraphs == PARAGRAPHS


def test_broken_json_does_no_harm() -> None:
    head = '<script type="application/ld+json">{"@type": "NewsArticle", "articleBody": </script>'
    assert clean_page(page(paragraphs(*PARAGRAPHS), head=head), URL).paragraphs == PARAGRAPHS


# ---- hints, entries and fragments


def test_the_hints_of_a_source_win() -> None:
    other = '<div class="besar">' + paragraphs(*(p.replace("camat", "lurah") for p in PARAGRAPHS)) * 3 + "</div>"
    body = f'<div class="kecil"><p class="sisipan">Sisipan yang panjang dan tidak diminta siapa pun di halaman ini.</p>{paragraphs(LEAD, SECOND)}</div>'
    hints = ArticleHints(body="div.kecil", remove=(".sisipan",))
    assert clean_page(page(other + body), URL, hints=hints).paragraphs == (LEAD, SECOND)


@pytest.mark.parametrize("selector", ["div[", "div:nope", "::x", "", "a" * 5000])
def test_a_broken_hint_does_nothing(selector: str) -> None:
    hints = ArticleHints(body=selector, remove=(selector,), next=selector)
    assert clean_page(page(paragraphs(*PARAGRAPHS)), URL, hints=hints).paragraphs == PARAGRAPHS


def test_removing_keeps_the_text_behind_the_element() -> None:
    body = f"<p>{LEAD} <span class=iklan-kecil>Pasang iklan</span> Sekian.</p>" + paragraphs(SECOND, THIRD)
    found = clean_page(page(body), URL, hints=ArticleHints(remove=(".iklan-kecil",)))
    assert found.paragraphs[0] == f"{LEAD} Sekian."


def test_the_listing_fills_what_the_page_lacks() -> None:
    entry = Entry(
        URL,
        TITLE,
        datetime(2024, 11, 13, 1, 4, tzinfo=UTC),
        author="Siti Rahma",
        image="https://gambar.example/foto/a1.jpg",
    )
    bare = f"<html><body><div>{paragraphs(*PARAGRAPHS)}</div></body></html>"
    found = clean_page(bare, URL, entry=entry)
    assert (found.title, found.author, found.image) == (TITLE, "Siti Rahma", entry.image)
    assert (found.published_at, found.date_precision) == (entry.published_at, "minute")


def test_a_fragment_of_a_feed_is_cleaned_by_the_same_rules() -> None:
    html = f"{paragraphs(LEAD, SECOND)}<p>Baca juga: {OTHER}</p><figure><img><figcaption>{PICTURE}</figcaption></figure>{paragraphs(THIRD, FOURTH)}"
    end = '<p>The post <a href="/x">Camat</a> appeared first on <a href="/">Kabar</a>.</p>'
    assert clean_fragment(html + end, URL) == PARAGRAPHS
    assert clean_fragment("\n\n".join(PARAGRAPHS), URL) == PARAGRAPHS
    assert clean_fragment("", URL) == ()


# ---- joining


def cleaned(url: str, *texts: str, **fields: object) -> CleanPage:
    return CleanPage(url, title=TITLE, paragraphs=texts, **fields)  # type: ignore[arg-type]


def test_pages_are_joined_in_order_without_repeats() -> None:
    box = "Camat diperiksa tiga jam oleh panitia pengawas."
    one = cleaned(URL, box, LEAD, SECOND, next_pages=(f"{URL}?page=2",))
    two = cleaned(f"{URL}?page=2", box, THIRD)
    three = cleaned(f"{URL}?page=3", box, FOURTH)
    found = join_pages([one, three, two])
    assert found.paragraphs == (box, *PARAGRAPHS)
    assert (found.url, found.next_pages) == (URL, ())


def test_the_address_that_has_it_all_replaces_the_others() -> None:
    one = cleaned(URL, LEAD, SECOND, whole_at=f"{URL}?page=all")
    assert join_pages([one, cleaned(f"{URL}?page=all", *PARAGRAPHS)]).paragraphs == PARAGRAPHS
    stub = cleaned(f"{URL}?page=all", "Halaman ini sedang dimuat.")
    assert join_pages([one, stub]).paragraphs == (LEAD, SECOND)


def test_joining_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no page"):
        join_pages([])
