"""The article step on whole pages of the newsroom and on pages made here: kept, rejected, continued, labelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.request import urlopen

import pytest
from ruamel.yaml import YAML

from crawler.items import Article, CrawlSettings, Entry, MorePages, Page, ReadRequest, Rejection, Source
from newsroom import TOPIC, Newsroom, Truth
from pipelines import article as step
from pipelines.screen import Screen

NOW = datetime.now(UTC)
SOURCE = Source("satu", "Satu", "https://satu.example", region="16.71")
TEXT = [
    "Seorang camat di Kota Palembang diperiksa pengawas pemilu karena diduga tidak netral menjelang hari pemungutan suara.",
    "Menurut ketua pengawas, aparatur sipil negara itu terlihat membagikan stiker salah satu pasangan calon di kantor kecamatan.",
    "Ia menambahkan bahwa para saksi akan dimintai keterangan mulai pekan depan di kantor sekretariat pengawas pemilu.",
]
URL = "https://satu.example/berita/camat-diperiksa-pengawas"


def topic() -> Any:
    loaded = YAML(typ="safe").load(TOPIC)
    return loaded["topic"] if isinstance(loaded, dict) and "topic" in loaded else loaded


def set_up(**settings: Any) -> None:
    step.set_up(CrawlSettings(**{"topic": topic(), "rules": {}, **settings}))


@pytest.fixture(autouse=True)
def ready() -> None:
    set_up()


def page(
    paragraphs: list[str] = TEXT,
    *,
    url: str = URL,
    title: str = "Camat Diperiksa Pengawas Pemilu karena Tidak Netral",
    extra: str = "",
) -> Page:
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    html = (
        f"<html><head><title>{title} - Satu</title><meta property='og:title' content='{title}'>"
        "<meta property='article:published_time' content='2024-11-13T08:04:00+07:00'></head>"
        f"<body><nav><a href='/'>Beranda</a></nav><article><h1>{title}</h1><div class='entry-content'>{body}</div>{extra}</article></body></html>"
    )
    return Page(url, html.encode(), "text/html; charset=utf-8", NOW)


def request(*pages: Page, **fields: Any) -> ReadRequest:
    return ReadRequest(SOURCE, fields.pop("entry", Entry(url=URL)), pages, NOW, **fields)


def kept(*pages: Page, **fields: Any) -> Article:
    result = step.read_article(request(*pages, **fields))
    assert isinstance(result, Article), result
    return result


def test_a_page_on_the_topic_becomes_an_article_with_its_evidence() -> None:
    found = kept(page())
    assert found.body == "\n\n".join(TEXT)
    assert found.published_at == datetime(2024, 11, 13, 1, 4, tzinfo=UTC)
    assert found.date_precision == "minute"
    assert found.url == URL
    assert found.province_code == "16"
    assert len(found.content_sha256) == 64
    assert found.topic
    for match in found.topic:
        assert getattr(found, match.field)[match.start : match.end] == match.text


def test_another_subject_is_off_topic_whether_screened_or_cleaned() -> None:
    flood = [
        "Sungai meluap sejak malam tadi dan ratusan warga mengungsi ke balai desa terdekat bersama ternak mereka."
    ] * 3
    assert step.read_article(request(page(flood, title="Banjir Rendam Tiga Desa"))) == Rejection("off_topic")
    related = "<aside><h3>Terkait</h3><ul><li><a href='/a'>ASN Diminta Netral pada Pilkada</a></li></ul></aside>"
    assert step.read_article(request(page(flood, title="Banjir Rendam Tiga Desa", extra=related))) == Rejection(
        "off_topic"
    )


def test_everything_is_kept_where_the_settings_say_so() -> None:
    set_up(keep="all")
    flood = [
        "Sungai meluap sejak malam tadi dan ratusan warga mengungsi ke balai desa terdekat bersama ternak mereka."
    ] * 3
    found = kept(page(flood, title="Banjir Rendam Tiga Desa"))
    assert found.topic == ()


def rule(**spec: Any) -> dict[str, Any]:
    return {"match": None, "categories": [], "regions": [], **spec}


@pytest.mark.parametrize(
    ("spec", "hit"),
    [
        (rule(match={"any": ["~periksa"]}), True),
        (rule(match={"any": ["sanksi"]}), False),
        (rule(), True),
        (rule(regions=["16"]), True),
        (rule(regions=["14", "16"]), True),
        (rule(regions=["14"]), False),
        (rule(match={"any": ["~periksa"]}, regions=["14"]), False),
        (rule(categories=["sanksi"]), False),
    ],
)
def test_a_rule_is_hit_when_every_condition_of_it_holds(spec: dict[str, Any], hit: bool) -> None:
    set_up(rules={"aturan": spec})
    assert ("aturan" in kept(page()).rules) is hit


def test_an_article_of_two_pages_asks_for_the_second_and_is_joined() -> None:
    paging = f"<div class='pagination'><span>1</span><a href='{URL}?page=2'>2</a><a rel='next' href='{URL}?page=2'>Selanjutnya</a></div>"
    first = page(TEXT[:2], extra=paging)
    asked = step.read_article(request(first))
    assert isinstance(asked, MorePages)
    assert asked.urls
    second = page(TEXT[2:], url=asked.urls[0])
    if "all" in asked.urls[0]:
        second = page(TEXT, url=asked.urls[0])
    assert kept(first, second).body == "\n\n".join(TEXT)
    alone = kept(first, incomplete=True)
    assert (alone.body, alone.body_status) == ("\n\n".join(TEXT[:2]), "incomplete")


def test_the_topic_may_begin_on_one_page_and_end_on_another() -> None:
    set_up(topic={"all": ["kuda", "zebra"]})
    paging = f"<div class='pagination'><a rel='next' href='{URL}?page=2'>Selanjutnya</a></div>"
    texts = [text.replace("camat", "kuda") for text in TEXT]
    first = page(texts, title="Kuda Pagi", extra=paging)
    assert isinstance(step.read_article(request(first)), MorePages)
    second = page(
        [*texts, "Di halaman ini seekor zebra melintas di depan kantor kecamatan pada siang hari."],
        title="Kuda Pagi",
        url=f"{URL}?page=2",
    )
    assert kept(first, second).topic


def test_a_body_from_the_listing_needs_no_page() -> None:
    html = "".join(f"<p>{text}</p>" for text in TEXT) + "<p><strong>Baca juga: <a href='/x'>Lain</a></strong></p>"
    entry = Entry(url=URL, title="Camat diperiksa", published_at=NOW, author="Rini", body_html=html)
    found = kept(entry=entry)
    assert (found.body, found.author, found.published_at) == ("\n\n".join(TEXT), "Rini", NOW)


def test_a_page_that_costs_too_much_is_kept_by_its_title() -> None:
    found = kept(page(), entry=Entry(url=URL, title="ASN Tidak Netral Diperiksa"), cheap=True)
    assert (found.title, found.body, found.body_status) == ("ASN Tidak Netral Diperiksa", "", "too_costly")
    assert kept(page(title="ASN Tidak Netral Diperiksa"), cheap=True).title == "ASN Tidak Netral Diperiksa - Satu"


def test_a_body_beyond_the_limit_is_cut_at_a_paragraph_and_marked() -> None:
    long = [f"{TEXT[n % 3]} Alinea nomor {n} dari berita yang sangat panjang ini." for n in range(2000)]
    found = kept(page(long))
    assert found.body_status == "too_long"
    assert len(found.body) <= step.MAX_BODY_CHARS
    assert found.body.endswith("panjang ini.")


@pytest.mark.parametrize(
    ("content_type", "body", "detail"),
    [
        ("application/pdf", b"%PDF-1.4", "application/pdf"),
        ("image/jpeg", b"\xff\xd8", "image/jpeg"),
        ("text/html", b"plain words", "text/html"),
        ("", b"", "no HTML"),
    ],
)
def test_what_is_no_page_is_named(content_type: str, body: bytes, detail: str) -> None:
    assert step.read_article(request(Page(URL, body, content_type))) == Rejection("not_an_article", detail)


@pytest.mark.parametrize(
    "body",
    [
        b"<html",
        b"<",
        b"<html><body>\x00\xff\xfe",
        b"<!DOCTYPE html>" * 1000,
        b"<p>" * 50_000,
        "<p>ASN netral é".encode("utf-16"),
    ],
)
def test_no_bytes_raise(body: bytes) -> None:
    set_up(keep="all")
    result = step.read_article(request(Page(URL, body, "text/html")))
    assert isinstance(result, Article | Rejection | MorePages)


@pytest.fixture(scope="module")
def web() -> Iterator[tuple[list[Truth], Callable[[str], bytes]]]:
    with Newsroom() as newsroom:
        cache: dict[str, bytes] = {}

        def get(url: str) -> bytes:
            if url not in cache:
                with urlopen(url) as answer:
                    cache[url] = answer.read()
            return cache[url]

        yield newsroom.truths(), get


def test_the_screen_never_drops_a_page_of_the_newsroom_that_is_on_the_topic(
    web: tuple[list[Truth], Callable[[str], bytes]],
) -> None:
    truths, get = web
    screen = Screen(topic())
    for truth in truths:
        if truth.on_topic:
            first = Page(truth.url, get(truth.url), "text/html")
            assert screen.may_match_any([first.body.decode(), truth.title]) or truth.pages > 1, truth.url


def test_bodies_of_the_newsroom_s_first_pages_are_whole(web: tuple[list[Truth], Callable[[str], bytes]]) -> None:
    set_up(keep="all")
    truths, get = web
    for truth in truths:
        if truth.pages > 1:
            continue
        source = replace(SOURCE, id=truth.outlet, timezone="Asia/Jakarta")
        found = step.read_article(
            ReadRequest(source, Entry(url=truth.url), (Page(truth.url, get(truth.url), "text/html"),), NOW)
        )
        assert isinstance(found, Article), (truth.url, found)
        assert (found.title, found.body) == (truth.title, truth.body)


@pytest.mark.parametrize(
    "html",
    [
        "<title>Just a moment...</title><body>cek</body>",
        "<html><head><title>Internet Positif</title></head><body>Situs diblokir</body></html>",
        "<html><body><script src='/_Incapsula_Resource?x'></script></body></html>",
        "<title>Akses ditolak</title><p>403</p>",
    ],
)
def test_a_challenge_without_a_word_of_the_topic_is_no_article_off_topic(html: str) -> None:
    assert step.read_article(request(Page(URL, html.encode(), "text/html"))) == Rejection("not_an_article", "blocked")


def test_an_article_that_is_off_topic_stays_that_whatever_its_title_says() -> None:
    long = "<title>Akses ditolak: warga mengeluh</title>" + "<p>Harga beras naik di pasar induk kota ini.</p>" * 2000
    assert step.read_article(request(Page(URL, long.encode(), "text/html"))) == Rejection("off_topic")
