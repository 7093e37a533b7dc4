"""What unpacks to a gigabyte is cut at its limit: little memory, little time, and named (GUARANTEES A3)."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable, Iterator

import brotli
import pytest

from crawler.items import CrawlSettings, Discover, Source
from tests.faults.crawling import HTML, crawl, open_ports, rss
from tests.servers import HostileServer, Reply

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 1024 * 1024


def _packed(compressor: object, mib: int, chunk: bytes = b" " * MIB) -> bytes:
    """Return so many MiB packed, without ever holding them."""
    pack = getattr(compressor, "compress", None) or compressor.process  # type: ignore[attr-defined]
    end = getattr(compressor, "flush", None) or compressor.finish  # type: ignore[attr-defined]
    return b"".join([*(pack(chunk) for _ in range(mib)), end()])


def _zlib(mib: int, wbits: int) -> bytes:
    """Return the same 16 MiB packed again and again: none of them looks back at the one before."""
    packer = zlib.compressobj(9, wbits=wbits)
    first, again = (packer.compress(b" " * 16 * MIB) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * (mib // 16 - 1) + packer.flush()


def gz(mib: int) -> bytes:
    return _zlib(mib, 31)


def br(mib: int) -> bytes:
    return _packed(brotli.Compressor(quality=1), mib)


def zst(mib: int) -> bytes:
    return _packed(zstd.ZstdCompressor(1), mib)


def deflate(mib: int) -> bytes:
    return _zlib(mib, 15)


def raw_deflate(mib: int) -> bytes:
    return _zlib(mib, -15)


def members(mib: int) -> bytes:
    """Many gzip members in a row."""
    return gz(16) * (mib // 16)


# kind of listing, Content-Encoding, how it is made; "page" and "robots" are an article's page and robots.txt.
BOMBS: dict[str, tuple[str, str, Callable[[int], bytes]]] = {
    "gzip": ("feed", "gzip", gz),
    "brotli": ("feed", "br", br),
    "zstd": ("feed", "zstd", zst),
    "deflate": ("feed", "deflate", deflate),
    "raw deflate": ("feed", "deflate", raw_deflate),
    "gzip members": ("feed", "gzip", members),
    "gzip in gzip": ("feed", "gzip, gzip", lambda mib: gzip.compress(gz(mib))),
    "gzip in brotli": ("feed", "gzip, br", lambda mib: brotli.compress(gz(mib))),
    "sitemap.xml.gz": ("sitemap", "", gz),
    "sitemap.xml.gz in gzip": ("sitemap", "gzip", lambda mib: gzip.compress(gz(mib))),
    "page": ("page", "gzip", gz),
    "robots.txt": ("robots", "zstd", zst),
}


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer() as running:
        yield running


def unpacked_one_by_one(server: HostileServer, mib: int) -> Iterator[tuple[str, float, float, list[str]]]:
    for name, (kind, encoding, make) in BOMBS.items():
        reply = Reply(make(mib), headers={**HTML, "Content-Encoding": encoding} if encoding else HTML)
        home = server.name("bom.test")
        listing = Reply(rss("/a").content, headers=HTML)
        server.at("/robots.txt", reply if kind == "robots" else Reply("tidak ada", 404))
        server.at("/listing", listing if kind in ("page", "robots") else reply)
        server.at("/a", reply)
        discover = Discover("sitemap" if kind == "sitemap" else "feed", f"{home}/listing")
        settings = CrawlSettings(delay_s=0.0, keep="all", topic="ASN", ports=open_ports(server, "bom.test"))
        found = crawl(settings, [Source("bom", "bom", home, (discover,))], reader="")
        yield (
            name,
            found.peak_mib,
            found.seconds,
            [f"{error.kind}: {error.message}" for error in found.reports["bom"].errors],
        )


def check(server: HostileServer, mib: int) -> None:
    for name, peak_mib, seconds, errors in unpacked_one_by_one(server, mib):
        print(f"{name}: {peak_mib:.0f} MiB, {seconds:.1f} s, {errors}")
        assert peak_mib < 300, name
        assert seconds < 3, name
        assert errors, name
        assert "too_large" in errors[0], (name, errors)


def test_bombs_are_cut_at_the_limit(server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in BOMBS.keys() - {"brotli", "sitemap.xml.gz in gzip", "page"}:
        monkeypatch.delitem(BOMBS, name)  # the suite takes three of the twelve
    check(server, 64)


@pytest.mark.slow
def test_bombs_of_a_gigabyte_are_cut_at_the_limit(server: HostileServer) -> None:
    assert len(BOMBS) == 12
    check(server, 1024)
