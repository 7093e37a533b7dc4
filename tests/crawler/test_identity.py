"""Which article an address means (crawler/identity.py; GUARANTEES A10)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.identity import canonical_url, entry_key, host_key, redacted

PLAIN = "https://www.outlet.id/2024/11/13/asn-dilaporkan"


@pytest.mark.parametrize(
    "variant",
    [
        "http://outlet.id/2024/11/13/asn-dilaporkan",
        "https://outlet.id/2024/11/13/asn-dilaporkan/",
        "HTTPS://WWW.Outlet.ID:443/2024/11/13/asn-dilaporkan",
        "https://m.outlet.id/2024/11/13/asn-dilaporkan",
        "https://amp.outlet.id/2024/11/13/asn-dilaporkan",
        "https://outlet.id/amp/2024/11/13/asn-dilaporkan",
        "https://outlet.id/2024/11/13/asn-dilaporkan/amp/",
        "https://outlet.id/2024/11/13/asn-dilaporkan?amp=1",
        "https://outlet.id/2024/11/13/asn-dilaporkan?page=all",
        "https://outlet.id/2024/11/13/asn-dilaporkan?page=2",
        "https://outlet.id/2024/11/13/asn-dilaporkan?utm_source=rss&utm_medium=feed#komentar",
        "https://outlet.id/2024/11/13/asn-dilaporkan?fbclid=x&m=1",
        "https://outlet.id//2024/11/13/asn%2Ddilaporkan",
        "  https://www.outlet.id/2024/11/13/asn-dilaporkan \n",
    ],
)
def test_variants_of_one_address_have_one_key(variant: str) -> None:
    assert entry_key(variant) == entry_key(PLAIN)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://outlet.id/?p=12", "https://outlet.id/?p=13"),
        ("https://outlet.id/baca.php?id=1&kat=2", "https://outlet.id/baca.php?id=2&kat=2"),
        ("https://outlet.id/a", "https://lain.id/a"),
        ("https://outlet.id:8080/a", "https://outlet.id/a"),
        ("https://outlet.id/indeks?page=2", "https://outlet.id/indeks?page=3"),
        ("https://outlet.id/a%2Fb", "https://outlet.id/a/b"),
        ("https://outlet.id/A", "https://outlet.id/a"),
    ],
)
def test_different_articles_have_different_keys(one: str, other: str) -> None:
    assert entry_key(one) != entry_key(other)


def test_the_order_of_parameters_makes_no_other_article_but_is_kept_in_the_address() -> None:
    assert entry_key("https://o.id/x?b=2&a=1") == entry_key("https://o.id/x?a=1&b=2")
    assert canonical_url("https://o.id/x?b=2&a=1") == "https://o.id/x?b=2&a=1"


@pytest.mark.parametrize(
    ("given_url", "canonical"),
    [
        ("https://o.id/a%2fb%41?q=%7e", "https://o.id/a%2FbA?q=~"),
        ("https://o.id/?/2024/judul", "https://o.id/?/2024/judul"),  # old sites put the path there
        ("https://o.id/cari?q=a%26b", "https://o.id/cari?q=a%26b"),
        ("https://o.id/x?latin=%E9", "https://o.id/x?latin=%E9"),
        ("https://o.id/100%", "https://o.id/100%25"),
        ("https://o.id/é", "https://o.id/%C3%A9"),
        ("http://user:rahasia@o.id/a", "http://o.id/a"),
        ("http://[::1]:8080/a", "http://[::1]:8080/a"),
        ("https://o.id./a", "https://o.id/a"),
        ("https://o.id", "https://o.id/"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("http://[::1", "http://[::1"),
        ("http://o.id:99999/a", "http://o.id:99999/a"),
    ],
)
def test_a_working_address_stays_one(given_url: str, canonical: str) -> None:
    assert canonical_url(given_url) == canonical


@given(st.text(max_size=60) | st.text(max_size=60).map(lambda tail: "http://o.id/" + tail))
def test_nothing_makes_them_raise_and_the_canonical_address_is_its_own(text: str) -> None:
    once = canonical_url(text)
    assert canonical_url(once) == once
    assert len(entry_key(text)) == 16
    host_key(text)
    redacted(text)


def test_host_key_is_host_and_port() -> None:
    assert host_key("https://O.id/a") == "o.id:443"
    assert host_key("http://o.id/a") == "o.id:80"
    assert host_key("http://[::1]:81/") == "::1:81"
    assert [host_key(url) for url in ("mailto:a@b", "http://o.id:0/", "http://o.id:x/", "http://[")] == ["", "", "", ""]


def test_redacted_shows_no_login_and_no_values() -> None:
    assert redacted("https://user:pw@o.id/a?token=rahasia&b=2") == "https://o.id/a?token=…&b=…"
    assert "rahasia" not in redacted("https://[rahasia@x")
