"""XML that wants files, the network, memory or time gets none of them (GUARANTEES A4, and A6 for authors)."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crawler.discovery import Listing, read_listing
from crawler.errors import DiscoveryError
from crawler.items import Discover
from tests.faults.crawling import ROOT

CORPUS = Path(__file__).parent / "corpus"
ITEM = "<item><title>ASN netral</title><link>https://o.id/a</link></item>"
URL = "https://o.id/feed"

_opened: list[str] = []
_watching = False


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in ("open", "socket.connect", "socket.getaddrinfo"):
        _opened.append(f"{event} {arguments[0]}")


sys.addaudithook(_note)  # stays for the life of the process, and notes only while these tests ask it to


@pytest.fixture(autouse=True)
def nothing_is_opened() -> Iterator[None]:
    global _watching
    read("feed", b"<rss/>")  # what is imported late is imported now
    _opened.clear()
    _watching = True
    yield
    _watching = False
    ours = (str(ROOT), sys.base_prefix, "/zoneinfo/")
    assert not [path for path in _opened if not any(place in path for place in ours)]


def read(kind: str, body: bytes) -> Listing | DiscoveryError:
    try:
        return read_listing(Discover(kind, URL), body, URL, "", "Asia/Jakarta")  # type: ignore[arg-type]
    except DiscoveryError as error:
        return error


def rss(inside: str = ITEM, before: str = "", declared: str = "") -> str:
    return f"{declared}{before}<rss><channel>{inside}</channel></rss>"


def laughs(levels: int = 9) -> str:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels))
    return f'<!DOCTYPE r [<!ENTITY l0 "ha">{entities}]>'


CRAFTED: dict[str, str | bytes] = {
    "billion laughs": rss(f"<item><title>&l8;</title><link>https://o.id/a</link></item>{ITEM}", laughs()),
    "quadratic blow-up": rss(
        f"<item><title>{'&a;' * 50_000}</title></item>", f'<!DOCTYPE r [<!ENTITY a "{"x" * 50_000}">]>'
    ),
    "entity in an attribute": rss('<item><link href="&l8;"/></item>', laughs()),
    "recursive entity": rss("<item><title>&a;</title></item>", '<!DOCTYPE r [<!ENTITY a "&b;"><!ENTITY b "&a;">]>'),
    "external entity": rss("<item><title>&x;</title></item>", '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    "external entity over http": rss("&x;", '<!DOCTYPE r [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]>'),
    "public entity": rss("&x;", '<!DOCTYPE r [<!ENTITY x PUBLIC "-//x" "file:///etc/hostname">]>'),
    "parameter entity": rss("", '<!DOCTYPE r [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>'),
    "external subset": rss(ITEM, '<!DOCTYPE rss SYSTEM "file:///etc/hostname">'),
    "external subset over http": rss(ITEM, '<!DOCTYPE rss PUBLIC "-//N//DTD" "http://127.0.0.1:9/rss.dtd">'),
    "default attributes": rss("<item/>", '<!DOCTYPE r [<!ATTLIST item link CDATA "file:///etc/passwd">]>'),
    "notation": rss(ITEM, '<!DOCTYPE r [<!NOTATION n SYSTEM "file:///bin/sh">]>'),
    "xinclude": rss('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'),
    "stylesheet": rss(ITEM, '<?xml-stylesheet href="file:///etc/passwd"?>'),
    "xml:base to a file": rss('<item xml:base="file:///etc/"><link>passwd</link></item>'),
    "schema location": rss('<item xsi:schemaLocation="x file:///etc/passwd" xmlns:xsi="http://x"/>'),
    "a million deep": rss("<a>" * 1_000_000),
    "a million deep and closed": rss("<a>" * 500_000 + "</a>" * 500_000),
    "64 kB names": rss("<item><" + "n" * 65_536 + "/></item>"),
    "a 4 MB name": rss("<" + "n" * 4_000_000 + "/>"),
    "100,000 attributes": rss("<item " + " ".join(f'a{n}="1"' for n in range(100_000)) + "/>"),
    "a 4 MB attribute": rss(f'<item><link href="{"x" * 4_000_000}"/></item>'),
    "100,000 namespaces": rss("".join(f'<a{n} xmlns:n{n}="u{n}"/>' for n in range(60_000))),
    "100,000 comments": rss("<!---->" * 100_000 + ITEM),
    "comments before it": "<!-- -->" * 100_000 + rss(),
    "unclosed comment": rss(ITEM + "<!-- " + "- " * 1_000_000),
    "unclosed cdata": rss("<item><title><![CDATA[" + "]" * 2_000_000),
    "100,000 cdata starts": rss("<![CDATA[" * 100_000),
    "half entities": rss("<item><title>" + "&" * 1_000_000 + "</title></item>"),
    "numeric entities": rss("<item><title>" + "&#1114112;&#xD800;&#0;" * 50_000 + "</title></item>"),
    "unclosed doctype": "<!DOCTYPE r [" + "<!ENTITY a 'x'>" * 100_000,
    "doctypes": "<!DOCTYPE " * 200_000,
    "declared utf-7": rss("+ADw-item+AD4-", declared='<?xml version="1.0" encoding="utf-7"?>'),
    "declared utf-16, is not": rss(declared='<?xml version="1.0" encoding="utf-16"?>'),
    "declared nonsense": rss(declared='<?xml version="1.0" encoding="hex_codec"?>'),
    "utf-32": rss().encode("utf-32"),
    "ebcdic": rss().encode("cp500"),
    "an author of 1 MB": rss(f"<item><author>{'a.b@c ' * 170_000}</author><link>https://o.id/a</link></item>"),
    "an author of 1 MB without space": rss(
        f"<item><author>{'a(' * 500_000}</author><link>https://o.id/a</link></item>"
    ),
    "a date of 1 MB": rss(f"<item><pubDate>{'1 Januari ' * 100_000}</pubDate><link>https://o.id/a</link></item>"),
    "a title of half tags": rss(f"<item><title>{'&lt;a ' * 200_000}</title><link>https://o.id/a</link></item>"),
}


def test_the_table_is_as_long_as_promised() -> None:
    assert len(CRAFTED) >= 30


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_xml_reads_nothing_and_costs_little(name: str) -> None:
    body = CRAFTED[name]
    body = body.encode() if isinstance(body, str) else body
    for kind in ("feed", "sitemap", "blogger"):
        started = time.process_time()
        found = read(kind, body)
        assert time.process_time() - started < 2, kind
        told = repr(found)
        assert "root:" not in told
        assert len(told) < 100_000
        if isinstance(found, Listing):
            assert all(entry.url.startswith("https://o.id/") for entry in found.entries)


PIECES = (
    *(
        b"<",
        b">",
        b"/>",
        b"&",
        b";",
        b'"',
        b"'",
        b"<item>",
        b"</item>",
        b"<link>",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"-->",
    ),
    *(
        b"<?xml",
        b"?>",
        b"<!DOCTYPE",
        b"[",
        b"]",
        b"<!ENTITY a 'b'>",
        b"&a;",
        b"&nbsp;",
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
    ),
    *(
        b"xmlns:a='b'",
        b"<a:b>",
        b"http://[",
        b"{",
        b"}",
        b'"items":',
        b"\xed\xa0\x80",
        b"\xe2\x80\xae",
        b"\r",
        b"%",
        b"\\u0000",
    ),
)


def mutated(seed: bytes, rng: random.Random) -> bytes:
    """Return the seed with some bytes cut out, put in, doubled or changed."""
    body = bytearray(seed)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(body) + 1)
        match rng.randrange(4):
            case 0:
                del body[at : at + rng.randint(1, 40)]
            case 1:
                body[at:at] = rng.choice(PIECES) * rng.choice((1, 1, 1, 50))
            case 2:
                body[at:at] = body[at : at + rng.randint(1, 200)]
            case _:
                body[at : at + 1] = bytes([rng.randrange(256)])
    return bytes(body)


def fuzz(count: int) -> None:
    rng = random.Random(20241113)
    seeds = [
        path.read_bytes() for path in sorted(CORPUS.iterdir()) if path.suffix in (".xml", ".json", ".html", ".txt")
    ]
    assert len(seeds) >= 8
    slowest = 0.0
    for _ in range(count):
        body = mutated(rng.choice(seeds), rng)
        kind = rng.choice(("feed", "sitemap", "blogger", "wordpress", "page"))
        started = time.process_time()
        found = read(kind, body)
        slowest = max(slowest, time.process_time() - started)
        if isinstance(found, Listing):
            repr(found).encode("utf-8")  # no lone surrogates
    print(f"{count} mutations, the slowest took {slowest * 1000:.0f} ms of CPU")
    assert slowest < 2


def test_two_thousand_mutations_break_nothing() -> None:
    fuzz(2_000)


@pytest.mark.slow
def test_a_hundred_thousand_mutations_break_nothing() -> None:
    fuzz(100_000)
