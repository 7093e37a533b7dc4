from __future__ import annotations

import html
import re

import lxml.html
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipelines.forms import HTML, MARKDOWN, TELEGRAM, TEXT, Form, Message, Span, fitted, link, shortened, utf16_units
from pipelines.render import one_line
from tests.alerting import HOSTILE
from tests.telegram import parsed

FORMS = [TEXT, HTML, MARKDOWN, TELEGRAM]
URL = "https://satu.example/a?b=1&c=(2)_x*y*"


def tree(form: Form, written: str) -> lxml.html.HtmlElement:
    """Return what a reader's program makes of it; markup that is none of the three elements we write fails the test."""
    shown = MarkdownIt("commonmark", {"html": True}).render(written) if form is MARKDOWN else written
    found = lxml.html.fragment_fromstring(shown, create_parent="main")
    allowed = {"main", "b", "br", "a", "p", "strong"}
    for node in found.iter():
        assert isinstance(node.tag, str), written
        assert node.tag in allowed, written
        assert set(node.attrib) <= ({"href"} if node.tag == "a" else set()), written
    assert all(href.startswith(("https://", "http://")) for href in found.xpath("//a/@href"))
    return found


@pytest.mark.parametrize("form", [HTML, MARKDOWN])
@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_words_are_only_ever_words(form: Form, text: str) -> None:
    text = one_line(text)
    found = tree(form, form.write([(Span(text),), (Span("a "), Span(text, bold=True), Span(text, url=URL))]))
    assert found.xpath("//a/@href") == [URL]
    assert text in found.text_content().replace("\u2060", "")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_words_come_out_as_they_went_in(text: str) -> None:
    lines = [(Span(text, bold=True), Span(" | "), Span(text, url=URL), Span(text))]
    shown, links, _ = parsed(TELEGRAM.write(lines))
    assert shown.replace("\u2060", "") == f"{text} | {text}{text}".replace("\u2060", "")
    assert links == [URL]
    assert tree(HTML, HTML.write(lines)).text_content() == f"{text} | {text}{text}"
    assert tree(MARKDOWN, MARKDOWN.write(lines)).xpath("//a/@href") == [URL]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://a.example/",
        "//a.example/",
        "https://a.example/ b",
        'https://a.example/"x',
        "https://a.example/<x>",
        "https://a.example/\n",
        "https://a.example/" + "x" * 2000,
        " https://a.example/",
        "",
        None,
        7,
    ],
)
def test_only_http_and_https_are_links(url: object) -> None:
    assert link(url) is None
    assert link("HTTPS://a.example/ä?b=1&c=(2)") is not None


@pytest.mark.parametrize("form", FORMS)
@given(
    st.lists(st.text(st.sampled_from("ab <&*_[]😀é\u0301\u200d@"), max_size=300), min_size=1, max_size=6),
    st.integers(40, 600),
)
@settings(max_examples=60, deadline=None)
def test_nothing_is_longer_than_its_limit_nor_cut_apart(form: Form, texts: list[str], limit: int) -> None:
    lines = [*((Span(text, bold=number % 2 == 0),) for number, text in enumerate(texts)), (Span("x", url=URL),)]
    written = fitted(lines, form, limit)
    assert form.length(written) <= limit
    written.encode("utf-8")
    if form is TELEGRAM:
        parsed(written)
    elif form is not TEXT:
        tree(form, written)


def test_what_fits_is_not_touched_and_the_link_outlives_long_words() -> None:
    lines = [(Span("judul"),), (Span("kata " * 100),), (Span(URL, url=URL),)]
    assert fitted(lines, TEXT, 10_000) == TEXT.write(lines)
    cut = fitted(lines, TEXT, 120)
    assert cut.endswith(URL)
    assert 100 < len(cut) <= 120


def test_lengths_are_those_of_telegram() -> None:
    assert [utf16_units(text) for text in ("abc", "é", "😀", "👩‍👩‍👧")] == [3, 1, 2, 8]
    assert TELEGRAM.length('<b>a&amp;b</b><a href="https://x/">😀</a>') == 5
    lines = [(Span("<&>😀", bold=True),), (Span("x", url=URL),)]
    assert TELEGRAM.cost(lines) == utf16_units("<&>😀\nx\n")


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("e\u0301e\u0301", 3, "e\u0301…"), ("a👩‍👩", 3, "a…"), ("a b", 2, "a…")],
)
def test_words_are_cut_where_a_character_ends(text: str, most: int, expected: str) -> None:
    assert shortened(text, most) == expected


def test_a_message_with_and_without_titles() -> None:
    message = Message("Dugaan", "Camat", ((Span("isi"),),))
    assert message.title == "Dugaan: Camat"
    assert TEXT.write(message.whole) == "Dugaan\nCamat\nisi"
    assert Message("Uji", "", ()).title == "Uji"


def test_markdown_keeps_plain_sentences_plain() -> None:
    text = "Camat (42) dipanggil, kata Bawaslu: tidak netral! Rp1.000-2.000."
    assert MARKDOWN.write([(Span(text),)]) == text
    assert MARKDOWN.write([(Span("1. butir"),), (Span("- butir"),)]) == "1\\. butir  \n\\- butir"
    assert html.unescape(re.sub("<[^>]+>", "", HTML.write([(Span(text),)]))) == text
