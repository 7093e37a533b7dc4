"""What the pages carry: the truth's sentences, the clutter, the subject beside every article, and their weight."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest

from newsroom import Newsroom, Truth
from tests.newsroom.conftest import get

DROPPED = re.compile(r"<(script|style|svg)\b.*?</\1>", re.S)


def visible(html: str) -> str:
    """Return the text between tags, entities resolved, white space folded."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", DROPPED.sub(" ", html)))).strip()


def pages(truth: Truth) -> list[str]:
    """Return the HTML of all pages of an article, by the links between them."""
    found = [get(truth.url).text]
    links = re.findall(r'href="([^"]+)"[^>]*>\d+</a>', found[0]) if truth.pages > 1 else []
    found += [get(url).text for url in links if url not in (truth.url, "#")]
    return found


@pytest.fixture(scope="module")
def read(room: Newsroom) -> list[tuple[Truth, list[str]]]:
    return [(truth, pages(truth)) for truth in room.truths()]


def test_pages_weigh_what_real_pages_weigh(read: list[tuple[Truth, list[str]]]) -> None:
    sizes = [len(html.encode()) for _, found in read for html in found]
    assert min(sizes) >= 60_000
    assert max(sizes) <= 200_000
    assert max(sizes) > 2 * min(sizes)


def test_every_paragraph_and_the_title_stand_on_the_pages(read: list[tuple[Truth, list[str]]]) -> None:
    for truth, found in read:
        assert len(found) == truth.pages, truth.url
        text = " ".join(visible(html) for html in found)
        for paragraph in (truth.title, *truth.body.split("\n\n")):
            assert paragraph in text, (truth.url, paragraph)


def test_every_clutter_line_stands_on_the_pages_and_none_in_the_body(read: list[tuple[Truth, list[str]]]) -> None:
    for truth, found in read:
        text = " ".join(visible(html) for html in found)
        assert len(truth.clutter) > 25, truth.url
        for line in truth.clutter:
            assert " ".join(line.split()) in text, (truth.url, line)
            assert line.casefold() not in truth.body.casefold(), (truth.url, line)


def test_side_lists_name_the_subject_on_every_page(read: list[tuple[Truth, list[str]]]) -> None:
    for truth, _ in read:
        beside = " ".join(truth.clutter).casefold()
        assert "netral" in beside, truth.url
        assert re.search(r"\b(asn|pns)\b", beside), truth.url


def test_canonical_links_point_at_the_first_page_and_twins_at_themselves(read: list[tuple[Truth, list[str]]]) -> None:
    for truth, found in read:
        for html in found:
            link = re.search(r"<link [^>]*rel=['\"]canonical['\"][^>]*>", html)
            assert link is not None
            assert f"{truth.canonical}" in re.split("['\"]", link[0])
        for twin in truth.also_at:
            html = get(twin).text
            assert f'rel="canonical" href="{twin}"' in html
            assert truth.body.split("\n\n")[1] in visible(html)
    assert [len(t.also_at) for t, _ in read if t.also_at] == [1]


def test_multi_page_articles_page_as_their_families_do(read: list[tuple[Truth, list[str]]]) -> None:
    long = {t.outlet: t for t, _ in read if t.pages > 1}
    assert set(long) == {"koransekanak", "wartabrantas", "tingangmedia"}
    for outlet, second in (("koransekanak", "/15"), ("wartabrantas", "?page=2"), ("tingangmedia", "2/")):
        truth = long[outlet]
        text = visible(get(truth.url + second).text)
        assert truth.body.split("\n\n")[-1] in text
        assert truth.body.split("\n\n")[0] not in text
    whole = visible(get(long["wartabrantas"].url + "?page=all").text)
    assert all(paragraph in whole for paragraph in long["wartabrantas"].body.split("\n\n"))


@pytest.mark.parametrize(
    ("outlet", "zone", "patterns"),
    [
        ("koransekanak", "Asia/Jakarta", ['"datePublished": "%Y-%m-%d %H:%M:%S"', "%d-%m-%Y,%H:%M WIB"]),
        ("cikapundungtimes", "Asia/Jakarta", ['"datePublished": "%Y-%m-%dT%H:%M:00+07:00"']),
        ("simpurmerdeka", "Asia/Jakarta", [" %Y | %H:%M WIB"]),
        ("tepiansiak", "Asia/Jakarta", ["title='%Y-%m-%dT%H:%M:00+07:00'", " %Y | %H:%M WIB"]),
        ("tingangmedia", "UTC", ['article:published_time" content="%Y-%m-%dT%H:%M:00+00:00"']),
        ("wartabrantas", "Asia/Jakarta", ['"datePublished": "%Y-%m-%dT%H:%M:00+07:00"', " %Y %H:%M WIB</time>"]),
        ("phinisi", "Asia/Makassar", ['content="%Y-%m-%dT%H:%M:00+08:00"', ":%M WITA"]),
        ("tolirepost", "Asia/Jayapura", [" %Y - %H:%M WIT<"]),
    ],
)
def test_dates_are_written_as_the_family_writes_them(
    read: list[tuple[Truth, list[str]]], outlet: str, zone: str, patterns: list[str]
) -> None:
    for truth, found in read:
        if truth.outlet == outlet:
            local = truth.published_at.astimezone(ZoneInfo(zone))
            for pattern in patterns:
                assert local.strftime(pattern) in found[0], (truth.url, pattern)


def test_no_page_of_the_rmol_like_outlet_has_machine_readable_dates(read: list[tuple[Truth, list[str]]]) -> None:
    for truth, found in read:
        if truth.outlet == "simpurmerdeka":
            assert "ld+json" not in found[0]
            assert "published_time" not in found[0]
            assert truth.author is not None
            assert "LAPORAN: <a href=" in found[0]
            assert truth.author.upper() in found[0]


def test_times_are_exact_to_the_minute(read: list[tuple[Truth, list[str]]]) -> None:
    for truth, _ in read:
        assert truth.published_at.second == truth.published_at.microsecond == 0
        assert truth.published_at.utcoffset() == timedelta(0)
        assert truth.modified_at is None or truth.modified_at > truth.published_at
