"""The other pages of an article, in every way outlets spell them; never the next article."""

from __future__ import annotations

import pytest

from crawler.items import ArticleHints
from pipelines.blocks import parse_html
from pipelines.clean import clean_page
from pipelines.paging import MAX_PAGES, Paging, find_pages, page_number
from tests.pipelines.newspage import PARAGRAPHS, URL, page, paragraphs

SITE = "https://www.warta.example"
ARTICLE = f"{SITE}/read/2024/11/13/camat-dipanggil-bawaslu"


def box(*links: tuple[str, str], name: str = "paging") -> str:
    items = "".join(f'<li><a href="{href}">{label}</a></li>' for href, label in links)
    return f'<html><body><p>Isi berita.</p><ul class="{name}">{items}</ul><a href="/lain/berita-lain">Berita lain</a></body></html>'


def pages(html: str, url: str = ARTICLE, canonical: str | None = None, hint: str | None = None) -> Paging:
    return find_pages(parse_html(html), url, canonical, hint=hint)


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ([("?page=2", "2")], ["?page=2"]),
        ([("?page=1", "1"), ("?page=2", "2"), ("?page=3", "3"), ("?page=2", "Selanjutnya")], ["?page=2", "?page=3"]),
        ([("?halaman=2", "Halaman 2")], ["?halaman=2"]),
        ([("?page_num=2", "2"), ("?page_num=3", "3")], ["?page_num=2", "?page_num=3"]),
        ([("/2", "2"), ("/3", "3")], ["/2", "/3"]),
        ([("/2/", "2"), ("/3/", "3")], ["/2/", "/3/"]),
        ([("/page/2/", "Next »")], ["/page/2/"]),
        ([("/15", "2"), ("/30", "3")], ["/15", "/30"]),
        ([("-part2", "2")], ["-part2"]),
        (
            [("?page=2", "2"), ("?page=3", "3"), ("?page=6", "6")],
            ["?page=2", "?page=3", "?page=4", "?page=5", "?page=6"],
        ),
    ],
)
def test_numbered_pages_are_found_in_order(links: list[tuple[str, str]], expected: list[str]) -> None:
    html = box(*((f"{ARTICLE}{href}", label) for href, label in links))
    assert pages(html) == Paging(tuple(f"{ARTICLE}{e}" for e in expected))


@pytest.mark.parametrize(
    ("href", "label"),
    [
        ("?page=all", "Show All"),
        ("?page=all", "Tampilkan Semua"),
        ("?showpage=all", "Semua halaman"),
        ("?single=1", "All"),
        ("?view=all", "Lihat Semua"),
        ("/all", "Lihat Semua Halaman"),
        ("/0", "Semua"),
    ],
)
def test_an_address_that_gives_all_comes_alone(href: str, label: str) -> None:
    whole = f"{ARTICLE}{href}"
    html = box((f"{ARTICLE}?page=2", "2"), (f"{ARTICLE}?page=3", "3"), (whole, label))
    assert pages(html) == Paging((whole,), whole)


@pytest.mark.parametrize(
    ("url", "link", "whole"),
    [
        ("https://regional.kompas.com/read/2024/11/13/1/camat", "?page=2", "?page=all"),
        ("https://sumsel.tribunnews.com/2024/11/13/camat-dipanggil", "?page=2", "?page=all"),
        ("https://daerah.sindonews.com/read/1/174/camat-dipanggil", "/10", "?showpage=all"),
        ("https://news.detik.com/berita/d-12345/camat-dipanggil", "/2", "?single=1"),
        ("https://www.beritasatu.com/news/12345/camat-dipanggil", "?page=2", "?view=all"),
        ("https://sumsel.inews.id/berita/camat-dipanggil-bawaslu", "/2", "/all"),
    ],
)
def test_a_known_site_has_its_own_spelling_of_all(url: str, link: str, whole: str) -> None:
    assert pages(box((url + link, "2")), url) == Paging((url + whole,), url + whole)
    assert pages(box((f"{url}-lain{link}", "2")), url) == Paging()  # a known site alone is no evidence of pages


def test_the_hint_of_the_source_wins() -> None:
    html = box((f"{ARTICLE}?page=2", "2")) + '<a class="lanjut" href="/sambungan/77">Sambungan</a>'
    assert pages(html, hint="a.lanjut").next_pages == (f"{SITE}/sambungan/77",)


@pytest.mark.parametrize(
    "html",
    [
        '<a class="next" rel="next" href="/read/2024/11/13/berita-berikutnya">Berita Selanjutnya</a>',
        '<div class="pagination"><a href="/read/2024/11/13/berita-lain/2">2</a></div>',
        '<div class="paging"><a href="/politik?page=2">2</a><a href="/?page=3">3</a></div>',
        '<a href="/read/2024/11/13/camat-dipanggil-bawaslu-lagi">Camat dipanggil lagi</a>',
        '<a href="#2">2</a><a href="?page=1">1</a><a href="javascript:next()">Next</a>',
        '<a href="https://lain.example/read/2024/11/13/camat-dipanggil-bawaslu?page=2">2</a>',
        '<a href="/read/2024/11/13/camat-dipanggil-bawaslu/2024">arsip tahun lalu</a>',
        '<a href="/read/2024/11/13/camat-dipanggil-bawaslu?utm_source=wa">Bagikan</a>',
        "",
    ],
)
def test_what_is_no_page_of_this_article(html: str) -> None:
    assert pages(f"<html><body><p>Isi.</p>{html}</body></html>") == Paging()


def test_a_link_element_names_the_next_page_too() -> None:
    assert pages(f'<html><head><link rel="next" href="{ARTICLE}/2/"></head><body>x</body></html>').next_pages == (
        f"{ARTICLE}/2/",
    )


def test_from_a_later_page_the_others_are_found() -> None:
    html = box((ARTICLE, "1"), (f"{ARTICLE}?page=2", "2"), (f"{ARTICLE}?page=3", "3"))
    assert pages(html, f"{ARTICLE}?page=2", ARTICLE).next_pages == (f"{ARTICLE}?page=3",)
    assert pages(html, f"{ARTICLE}?page=all", ARTICLE) == Paging()


def test_the_front_page_is_no_article_with_pages() -> None:
    assert pages(box(("/?page=2", "2"), ("/?page=3", "3")), f"{SITE}/") == Paging()


def test_there_are_at_most_twenty_pages() -> None:
    html = box(*((f"{ARTICLE}?page={n}", str(n)) for n in range(1, 400)))
    assert len(pages(html).next_pages) == MAX_PAGES - 1


@pytest.mark.parametrize(
    ("url", "number"),
    [
        (ARTICLE, 1),
        (f"{ARTICLE}?page=3", 3),
        (f"{ARTICLE}?page=all", 0),
        (f"{ARTICLE}?single=1", 0),
        (f"{ARTICLE}?id=12345", 1),
    ],
)
def test_an_address_says_which_page_it_is(url: str, number: int) -> None:
    assert page_number(url) == number


def test_clean_page_reports_the_pages_and_the_hint_is_used() -> None:
    below = f'<div class="halaman">Halaman: <a href="{URL}?page=2">2</a></div>'
    found = clean_page(page(paragraphs(*PARAGRAPHS), below=below), URL)
    assert (found.next_pages, found.whole_at) == ((f"{URL}?page=2",), None)
    hinted = clean_page(
        page(paragraphs(*PARAGRAPHS), below='<a class="lanjut" href="/b/2">x</a>'),
        URL,
        hints=ArticleHints(next="a.lanjut"),
    )
    assert hinted.next_pages == ("https://www.kabarbeliung.example/b/2",)
