"""Listing pages, by CSS and by guess (crawler/discovery/listing.py)."""

from __future__ import annotations

import contextlib
import time

import pytest

from crawler.discovery import Listing, listing
from crawler.errors import DiscoveryError

URL = "https://www.outlet.id/tag/netralitas-asn"
PAGE = """<?xml version="1.0"?><!doctype html><html><body>
<nav><a href="/">Beranda</a><a href="/kategori/politik-dan-pemerintahan-daerah">Politik dan Pemerintahan Daerah Kita</a>
<a href="/tentang-kami-dan-redaksi">Tentang</a></nav>
<article><a href="/2024/11/13/camat-dilaporkan-tidak-netral"><img src="f.jpg"></a>
<h3><a href="/2024/11/13/camat-dilaporkan-tidak-netral?utm_source=tag">Camat Dilaporkan Tidak Netral ke Bawaslu</a></h3></article>
<article><a href="https://outlet.id/berita/12345/asn-ikut-kampanye-diperiksa-bawaslu"><h2>ASN Ikut Kampanye Diperiksa</h2>
<span>5 menit lalu</span></a></article>
<aside><a href="/tag/pilkada-serentak-2024-sumsel">Pilkada Serentak 2024 di Sumsel</a>
<a href="https://lain.id/2024/11/13/berita-outlet-lain-yang-panjang">Berita outlet lain yang cukup panjang</a>
<a href="/foto/2024/11/13/galeri-foto-panjang-sekali">Galeri foto yang panjang sekali</a>
<a href="/2024/11/13/brosur-lengkap-sekali.pdf">Brosur lengkap sekali bisa diunduh</a>
<a href="javascript:void(0)">Klik di sini untuk berlangganan</a></aside>
<div class="paging"><a href="/tag/netralitas-asn?page=2">2</a><a class="next" href="?page=2">Halaman Berikutnya &raquo; lagi</a></div>
</body></html>"""
CAMAT = "https://www.outlet.id/2024/11/13/camat-dilaporkan-tidak-netral"
ASN = "https://outlet.id/berita/12345/asn-ikut-kampanye-diperiksa-bawaslu"


def read(body: str | bytes, links: str | None = None, following: str | None = None, url: str = URL) -> Listing:
    return listing.read(body.encode() if isinstance(body, str) else body, url, "text/html", links, following)


def test_by_guess_articles_are_taken_and_menus_tags_and_pages_are_not() -> None:
    assert [(entry.url, entry.title) for entry in read(PAGE).entries] == [
        (CAMAT, "Camat Dilaporkan Tidak Netral ke Bawaslu"),
        (ASN, "ASN Ikut Kampanye Diperiksa"),
    ]


def test_by_css_only_what_it_names_is_taken() -> None:
    found = read(PAGE, "article h3 a, article a h2").entries
    assert [entry.title for entry in found] == ["Camat Dilaporkan Tidak Netral ke Bawaslu"]
    containers = read(PAGE, "article").entries
    assert [entry.url for entry in containers] == [CAMAT, ASN]


def test_the_next_page_only_when_it_is_named() -> None:
    assert read(PAGE).more == ()
    assert read(PAGE, following="a.next").more == ("https://www.outlet.id/tag/netralitas-asn?page=2",)
    assert read(PAGE, following="a.tidak-ada").more == ()


def test_a_base_element_moves_relative_links() -> None:
    body = '<base href="https://www.outlet.id/arsip/"><a class="j" href="judul-berita-yang-cukup-panjang">Judul berita yang panjang</a>'
    assert read(body, "a.j").entries[0].url == "https://www.outlet.id/arsip/judul-berita-yang-cukup-panjang"
    assert (
        read('<base href="http://["><a class="j" href="/judul-1">x</a>', "a.j").entries[0].url
        == "https://www.outlet.id/judul-1"
    )


@pytest.mark.parametrize("ago", ["5 menit lalu", "12 jam yang lalu", "3 hari lalu"])
def test_the_time_since_is_no_part_of_the_title_which_would_change_every_time(ago: str) -> None:
    body = f'<a href="/2024/11/13/camat-dilaporkan">Camat Dilaporkan Tidak Netral <span>{ago}</span></a>'
    assert read(body).entries[0].title == "Camat Dilaporkan Tidak Netral"


def test_a_selector_that_cannot_be_read_is_named() -> None:
    with pytest.raises(DiscoveryError) as caught:
        read(PAGE, "a[[")
    assert caught.value.kind == "bad_selector"


@pytest.mark.parametrize(
    ("body", "links", "kind"),
    [
        ("", None, "not_a_feed"),
        ("   ", "a", "not_a_feed"),
        ("<!-- x -->", None, "not_a_feed"),
        ("Database error", None, "not_a_feed"),
        ("<title>Just a moment...</title><a href='https://cloudflare.com/'>Cloudflare</a>", None, "blocked"),
        ("<title>Just a moment...</title><a href='https://cloudflare.com/'>Cloudflare</a>", "h3 a", "blocked"),
    ],
)
def test_what_is_no_listing_is_named(body: str, links: str | None, kind: str) -> None:
    with pytest.raises(DiscoveryError) as caught:
        read(body, links)
    assert caught.value.kind == kind


def test_a_listing_without_articles_is_empty() -> None:
    assert read("<p>Belum ada berita</p><a href='/'>Beranda</a>") == Listing()
    assert read("<p>Belum ada berita</p>", "h3 a") == Listing()


@pytest.mark.parametrize(
    "body",
    [
        "<div>" * 200_000,
        "<a href='/2024/11/13/judul-berita-panjang-sekali'><div>satu dua tiga empat" * 20_000,
        "<a href='/2024/11/13/judul-berita-panjang-sekali'><table><tr><td>satu dua tiga empat" * 10_000,
        "<a href='/" + "a-" * 500_000 + "'>satu dua tiga empat lima</a>",
        "<" * 1_000_000,
    ],
    ids=["divs", "links in links", "links in tables", "long address", "brackets"],
)
def test_crafted_pages_cost_little(body: str) -> None:
    started_s = time.process_time()
    with contextlib.suppress(DiscoveryError):
        read(body)
    assert time.process_time() - started_s < 10
