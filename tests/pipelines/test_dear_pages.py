"""Broken bytes and markup do no harm; a megabyte of anything costs no more than it may; other scripts are prose too."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.clean import clean_fragment, clean_page, decode_page
from tests.pipelines.newspage import LEAD, PARAGRAPHS, SECOND, TITLE, URL, page, paragraphs


def test_text_is_normal_form_without_invisible_characters() -> None:
    text = "Pega\u00adwai ne\u200bgeri di\u202e kafe\u0301\u00a0 itu   tetap\tnetral selama masa kampanye, kata bupati.\x07"
    found = clean_page(page(paragraphs(LEAD, text, SECOND)), URL)
    assert found.paragraphs[1] == "Pegawai negeri di kafé itu tetap netral selama masa kampanye, kata bupati."


def test_an_xml_declaration_is_no_obstacle() -> None:
    html = '<?xml version="1.0" encoding="ISO-8859-1"?>\n' + page(paragraphs(*PARAGRAPHS))
    assert clean_page(html, URL).paragraphs == PARAGRAPHS


def test_what_follows_the_end_of_the_page_is_read_too() -> None:
    html = page(paragraphs(*PARAGRAPHS)).replace(
        '<div class="isi-artikel">', '</div></body></html><div class="isi-artikel">'
    )
    assert clean_page(html, URL).paragraphs == PARAGRAPHS


def test_unclosed_elements_do_not_lose_the_body() -> None:
    body = "".join(f"<p><font><b>{p}" for p in PARAGRAPHS)
    assert clean_page(page(body), URL).paragraphs == PARAGRAPHS


DEAR = {
    "equal paragraphs": "<p>Pegawai negeri diminta tetap netral selama masa kampanye.</p>" * 16_000,
    "short paragraphs": "<p>Tetap netral.</p>" * 50_000,
    "nested divs": "<div>" * 200_000 + "x" + "</div>" * 200_000,
    "nested comments": '<div class="comments">' * 2_000 + "Kalimat yang cukup panjang untuk dihitung sebagai prosa.",
    "line breaks": "kalimat pendek<br>" * 50_000,
    "links": '<p><a href="/berita/1203/camat-muara-beliung-dipanggil-bawaslu?page=2">Judul berita lain</a></p>'
    * 12_000,
    "labels": "<p>Baca juga</p>" * 50_000,
    "one line": "kata " * 400_000,
    "one word": "a" * 1_000_000,
    "share words": ("<p>" + "facebook x line " * 25 + "!</p>") * 2_000,
    "page numbers": ("<p>" + "1 2 3 4 5 6 7 8 9 " * 20 + "y</p>") * 2_500,
    "brackets": ("<p>Selesai. " + "(" * 50 + "a/b " * 20 + "</p>") * 5_000,
    "list items": '<ul><li><a href="/b">Judul</a> lain</li>' + "<li>Judul lain</li>" * 15_000 + "</ul>",
    "teasers": '<div><h3><a href="/b/1">Judul berita yang lain</a></h3><p>Kalimat tentang berita yang lain itu di sana.</p></div>'
    * 8_000,
    "nested teasers": '<div><h3><a href="/b/1">Judul berita yang lain</a></h3>' * 2_000,
    "authors": '<div class="vcard"><a rel="author">Siti</a>' * 15_000,
    "posts": '<div class="widget"><blockquote class="twitter-tweet"><p>Kutipan pendek.</p></blockquote></div>' * 10_000,
    "glued links": "<p>" + '<a href="/a">x</a>' * 40_000 + "</p>",
    "open tags": "<" * 1_000_000,
    "classes": "".join(f'<div class="c{i} berita-{i}">teks {i}</div>' for i in range(20_000)),
}


@pytest.mark.parametrize("name", DEAR)
def test_a_megabyte_of_anything_is_bounded(name: str) -> None:
    html = page(DEAR[name])
    started = time.process_time()
    clean_page(html, URL)
    assert time.process_time() - started < 4.0  # one second on an idle core


def test_twice_the_page_is_about_twice_the_cost() -> None:
    def cost(count: int) -> float:
        html = page(
            "".join(
                f"<p>Paragraf {i} tentang pegawai negeri yang menjaga netralitas di kantor.</p>" for i in range(count)
            )
        )
        best = 9.0
        for _ in range(3):
            started = time.process_time()
            clean_page(html, URL)
            best = min(best, time.process_time() - started)
        return best

    assert cost(8_000) < 3.5 * cost(4_000)


@given(st.binary(max_size=600))
@settings(max_examples=150, deadline=None)
def test_no_bytes_break_it(body: bytes) -> None:
    clean_page(decode_page(body), URL)
    clean_fragment(decode_page(body), URL)


@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<div class='baca-juga'>",
                "</div>",
                "<a href='?page=2'>",
                "</a>",
                "<br>",
                "<table>",
                "<td>",
                "Baca juga:",
                " netral. ",
                "<script type='application/ld+json'>",
                "{",
                "</script>",
                "<h1>",
                "&#0;",
                "&nbsp;",
                "<!--",
                "-->",
                "<![CDATA[",
            ]
        ),
        max_size=60,
    )
)
@settings(max_examples=200, deadline=None)
def test_no_markup_breaks_it(pieces: list[str]) -> None:
    clean_page("".join(pieces), URL)


@pytest.mark.parametrize(
    "url", ["", "x", "http://[", "https://a.example:99999/b", "javascript:1", "https://a.example/" + "b" * 5000]
)
def test_no_address_breaks_it(url: str) -> None:
    html = page(
        paragraphs(*PARAGRAPHS),
        head='<link rel="canonical" href="http://[::1"><meta property="og:image" content="//[">',
    )
    assert clean_page(html, url).paragraphs == PARAGRAPHS


@pytest.mark.parametrize(
    "sentences",
    [
        (
            "นายกเทศมนตรีขอให้ข้าราชการวางตัวเป็นกลางในช่วงการเลือกตั้งที่จะมาถึง",
            "เขากล่าวว่าผู้ฝ่าฝืนจะถูกลงโทษทางวินัยตามกฎหมาย",
            "คาดว่าจะประกาศผลในสัปดาห์หน้า",
        ),
        (
            "市长周三要求公务员在选举期间保持中立，不得参与任何竞选活动，也不得在网上表态支持候选人。",
            "他说，违反规定的人员将依法受到处分，选举委员会已经收到三份举报。",
            "结果预计下周公布。",
        ),
        (
            "دعا رئيس البلدية الموظفين يوم الأربعاء إلى التزام الحياد خلال الانتخابات المقبلة.",
            "وقال إن المخالفين سيواجهون إجراءات تأديبية وفقا للقانون المعمول به.",
            "ومن المتوقع إعلان النتائج الأسبوع المقبل.",
        ),
    ],
)
def test_other_scripts_are_prose_too(sentences: tuple[str, ...]) -> None:
    html = f"<html><body><nav><a href=/>x</a></nav><h1>{TITLE}</h1><div>{paragraphs(*sentences)}</div></body></html>"
    found = clean_page(html, URL)
    assert (found.kind, found.paragraphs) == ("article", sentences)
