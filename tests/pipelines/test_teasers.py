"""Other stories are told from the article by their form: rows of teasers, links at the end, cards over a name."""

from __future__ import annotations

import pytest

from pipelines.blocks import parse_html, read_blocks
from pipelines.clean import clean_page
from pipelines.clutter import judge
from pipelines.teasers import teaser_rows
from tests.pipelines.newspage import FOURTH, LEAD, OTHER_STORIES, PARAGRAPHS, SECOND, THIRD, URL, page, paragraphs

SENTENCE = "{} und wird in der Stadt seit gestern besprochen, wie Anwohner und Behörden am Mittwoch berichteten."


def row(item: str, count: int = 5) -> str:
    stories = OTHER_STORIES * 3
    return "".join(
        item.format(u=f"/b/{i}/x", t=f"{stories[i]} {i}", s=SENTENCE.format(stories[i])) for i in range(count)
    )


FORMS = {
    "heading and sentence": '<div class="q1"><h3><a href="{u}">{t}</a></h3><p>{s}</p></div>',
    "one link around the heading": '<div class="q1"><a href="{u}"><h4>{t}</h4></a><p>{s}</p><span>13.11.2024</span></div>',
    "list items": '<li><a href="{u}">{t}</a><p>{s}</p></li>',
    "articles with rubric and author": '<article><span>Stadt</span><h2><a href="{u}">{t}</a></h2><p>{s}</p><span>Von A. B.</span></article>',
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["below", "inside", "above"])
def test_a_row_of_teasers_never_outweighs_a_short_article(form: str, place: str) -> None:
    teasers = f'<div class="q9">{row(FORMS[form], 12)}</div>'
    body = paragraphs(LEAD, SECOND)
    html = page(
        body + (teasers if place == "inside" else ""),
        below=teasers if place == "below" else "",
        above=teasers if place == "above" else "",
        body_class="q0",
    )
    assert clean_page(html, URL).paragraphs == (LEAD, SECOND)


@pytest.mark.parametrize(
    "item",
    [
        "<div><h3>{t}</h3><p>{s}</p></div>",  # sections of the article
        '<div><h3><a href="https://toko.lain.example{u}">{t}</a></h3><p>{s}</p></div>',  # things it recommends elsewhere
        "<div><h3><a href='{u}'>{t}</a></h3><p>{s}</p><p>{s} {s}</p><p>{s} {s}</p></div>",  # whole sections
        '<div><h3><a href="#bagian">{t}</a></h3><p>{s}</p></div>',
    ],
)
def test_sections_of_an_article_are_no_teasers(item: str) -> None:
    root = parse_html(f"<html><body><div>{row(item)}</div></body></html>")
    assert teaser_rows(read_blocks(root, judge), URL) == []


def test_two_are_no_row_and_a_row_is_found_where_it_stands() -> None:
    form = FORMS["heading and sentence"]
    for count, expected in ((2, []), (3, [(0, 6)])):
        root = parse_html(f"<html><body><div>{row(form, count)}</div></body></html>")
        assert teaser_rows(read_blocks(root, judge), URL) == expected


@pytest.mark.parametrize(
    "label", ["<h3>More Great Stories</h3>", "<div>Weitere Beiträge</div>", "<p><b>Plus d’articles</b></p>"]
)
def test_a_list_of_links_at_the_end_goes_with_its_label(label: str) -> None:
    items = "".join(f'<li>Man sagt, <a href="/b/{i}">{t}</a></li>' for i, t in enumerate(OTHER_STORIES[:4]))
    assert clean_page(page(paragraphs(*PARAGRAPHS) + f"{label}<ul>{items}</ul>"), URL).paragraphs == PARAGRAPHS


def test_a_list_that_the_last_sentence_announces_stays() -> None:
    end = "Berikut daftar lengkap kecamatan yang akan didatangi tim pemeriksa selama pekan ini."
    items = ("Kecamatan Sungai Rotan", "Kecamatan Muara Beliung", "Kecamatan Ulu Danau Besar")
    body = paragraphs(LEAD, SECOND, end) + "<ul>" + "".join(f"<li>{i}</li>" for i in items) + "</ul>"
    assert clean_page(page(body), URL).paragraphs == (LEAD, SECOND, end, *items)


@pytest.mark.parametrize(
    "line",
    [
        'Følg oss på <a href="https://t.me/kabar">Telegram</a> for å få siste nytt fra byen hver dag',
        'Ne ratez rien : abonnez-vous à <a href="https://www.whatsapp.com/channel/0029Va">notre chaîne</a>.',
        'Lebih banyak di <a href="https://news.google.com/publications/CAA">sini</a>, setiap hari dari redaksi kami.',
        'Siti Rahma writes about towns. Write to her: <a href="mailto:siti@kabar.example">siti@kabar.example</a>.',
        'Síguenos en <a href="https://twitter.com/kabar">Twitter</a> y no te pierdas nada.',
        'Sign up for our <a href="/n">weekly newsletter</a> and read the stories that the town talks about.',
        "Additional reporting by Siti Rahma in Muara Beliung; editing by Budi Hartawan",
        "Siti Rahma in Muara Beliung contributed to this report.",
        "Con información de EFE",
    ],
)
def test_where_to_follow_and_who_helped_goes_at_the_end_in_any_language(line: str) -> None:
    found = clean_page(page(paragraphs(*PARAGRAPHS) + f"<p>{line}</p>"), URL)
    assert found.paragraphs == PARAGRAPHS


@pytest.mark.parametrize(
    "line",
    [
        'Camat itu menulis permintaan maaf <a href="https://twitter.com/camat/status/12345">di akunnya</a> pada Rabu malam.',
        'Salinan putusan dapat dibaca di <a href="https://bawaslu.example/putusan.pdf">laman panitia</a> mulai besok pagi.',
    ],
)
def test_a_post_or_a_document_that_the_reporting_links_stays(line: str) -> None:
    found = clean_page(page(paragraphs(*PARAGRAPHS) + f"<p>{line}</p>"), URL)
    assert len(found.paragraphs) == 5


def test_a_card_over_a_name_goes_and_the_sentence_stays() -> None:
    card = '<a href="/orang/rosid">Rosid Hamdani</a><span><a href="/orang/rosid">Rosid H.</a><a href="/b/1">{}</a> <a href="/b/2">{}</a></span>'
    named = SECOND.replace("Camat itu", "Camat " + card.format(*OTHER_STORIES[:2]))
    found = clean_page(page(paragraphs(LEAD, named, THIRD, FOURTH)), URL)
    assert found.paragraphs[1] == SECOND.replace("Camat itu", "Camat Rosid Hamdani")


@pytest.mark.parametrize("name", ["image top", "foto-berita", "article-img", "picture"])
def test_the_line_under_a_picture_is_a_caption_by_its_element(name: str) -> None:
    shown = '<div class="{}"><img src="/a.jpg"><p>Camat keluar dari ruang sidang panitia pengawas pada Rabu siang yang panas.</p></div>'
    found = clean_page(page(shown.format(name) + paragraphs(*PARAGRAPHS)), URL)
    assert found.paragraphs == PARAGRAPHS


@pytest.mark.parametrize(
    "wrap", ["{}", '<div class="social-embed">{}</div>', '<div class="widget"><div>{}</div></div>']
)
def test_a_post_that_the_reporting_quotes_stays_however_it_is_wrapped(wrap: str) -> None:
    said = "Kami sudah memeriksa camat itu selama tiga jam dan akan mengumumkan hasilnya."
    post = f'<blockquote class="twitter-tweet"><p>{said}</p>— Panwas (@panwas) <a href="https://twitter.com/p/status/1">13 November 2024</a></blockquote>'
    found = clean_page(page(paragraphs(LEAD, SECOND) + wrap.format(post) + paragraphs(THIRD, FOURTH)), URL)
    assert said in found.paragraphs


def test_rows_of_a_table_are_not_judged_by_what_they_list() -> None:
    rows = "".join(
        f'<tr class="player-{n}"><td>{n}</td><td>Regu {n}</td><td>{90 - n} angka</td></tr>' for n in range(1, 8)
    )
    found = clean_page(page(paragraphs(LEAD, SECOND) + f"<table>{rows}</table>" + paragraphs(THIRD, FOURTH)), URL)
    assert "1 Regu 1 89 angka" in found.paragraphs


@pytest.mark.parametrize(
    "stamp",
    ["sexta-feira, 22 de outubro de 2010 às 20:13", "Siti Rahma 2024-11-13 17:27", "środa, 13 listopada 2024, 8:04"],
)
def test_a_time_stamp_in_any_language_is_no_line_of_the_story(stamp: str) -> None:
    assert clean_page(page(paragraphs(stamp, *PARAGRAPHS)), URL).paragraphs == PARAGRAPHS
