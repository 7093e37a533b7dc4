"""Hostile outlets beside good ones in one `pantau crawl`: the good ones lose nothing, and what we use has an end (GUARANTEES A)."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.faults.crawling import HTML, ROOT, XML, Watching, article, rss
from tests.servers import HostileServer, Reply, Seen

GOOD_ARTICLES = 5
EQUAL = "<p>Aparatur sipil negara diminta tetap netral selama masa kampanye.</p>"


def pages(count: int, page: Reply | Callable[[int], Reply]) -> Callable[[HostileServer, str], Reply]:
    """Return a feed of so many pages, each that reply."""

    def laid(server: HostileServer, name: str) -> Reply:
        for number in range(count):
            server.at(f"{name}.test/p-{number}", page(number) if callable(page) else page)
        return rss(*(f"/p-{number}" for number in range(count)))

    return laid


def endless_headers(out: Any) -> None:
    out.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        out.write(b"X-Lagi: " + b"y" * 8000 + b"\r\n")


def endless_body(out: Any) -> None:
    out.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    while True:
        out.write(b"<p>lagi</p>" * 8000)


def endless_chunks(out: Any) -> None:
    out.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        out.write(b"1\r\nx\r\n" * 8000)


def hellos(out: Any) -> None:
    while True:
        out.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def growing(seen: Seen) -> Reply:
    """A calendar without end: every page names the next one and new articles."""
    at = int(seen.path.rpartition("=")[2] or 0) if "=" in seen.path else 0
    links = "".join(f'<a href="/2024/11/13/berita-{at}-{n}-x">ASN wajib netral kata bupati {at}</a>' for n in range(20))
    return Reply(f'<!doctype html>{links}<a class="n" href="/listing?h={at + 1}">lagi</a>', headers=HTML)


def article_page(body: str) -> Reply:
    return Reply(article(text="x") + body, headers=HTML)


Listing = Reply | Callable[[Seen], Reply] | Callable[[HostileServer, str], Reply]
# The first twelve are the suite's; all of them `make test-all`'s.
HOSTILE: dict[str, Listing] = {
    "drip": servers.drip(),
    "endless-headers": Reply(write=endless_headers),
    "endless-body": Reply(write=endless_body),
    "bomb": Reply(servers.gzip_bomb(256), headers={"Content-Encoding": "gzip"}),
    "dear-pages": pages(2, article_page(EQUAL * 15_000)),
    "maze": servers.redirect("/listing"),
    "to-loopback": servers.redirect("http://127.0.0.1:22/"),
    "hang-up": servers.hang_up(),
    "cut": servers.cut_off(b"<rss><channel><item><link>/a</link>"),
    "flood": rss(*(f"/banjir-{n}" for n in range(20_000))),
    "billion-laughs": Reply(
        '<!DOCTYPE r [<!ENTITY a "ha">'
        + "".join(f'<!ENTITY {c} "{f"&{b};" * 10}">' for b, c in zip("abcdefghi", "bcdefghij", strict=True))
        + "]><rss><channel><item><title>&j;</title><link>/a</link></item></channel></rss>",
        headers=XML,
    ),
    "calendar": growing,
    # --- slow from here
    "endless-chunks": Reply(write=endless_chunks),
    "hellos": Reply(write=hellos),
    "garbage": servers.garbage(),
    "many-headers": servers.many_headers(20_000),
    "busy": servers.busy(429, "86400"),
    "busy-soon": servers.busy(503, "1"),
    "busy-now": servers.busy(429, "0"),
    "broken": Reply("x", 500),
    "html": Reply("<!doctype html><title>Beranda</title>", headers=HTML),
    "challenge": Reply("<!doctype html><title>Just a moment...</title>", headers=HTML),
    "to-file": servers.redirect("file:///etc/passwd"),
    "to-metadata": servers.redirect("http://169.254.169.254/latest/meta-data/"),
    "double-bomb": Reply(gzip.compress(servers.gzip_bomb(256)), headers={"Content-Encoding": "gzip, gzip"}),
    "page-bombs": pages(5, Reply(servers.gzip_bomb(64), headers={**HTML, "Content-Encoding": "gzip"})),
    "page-drips": pages(20, servers.drip()),
    "page-hangs": pages(50, servers.hang_up()),
    "page-redirects": pages(20, servers.redirect("/p-0")),
    "large-pages": pages(10, article_page("<div>" + "kata netral " * 200_000 + "</div>")),
    "nested": pages(3, article_page("<div>" * 100_000)),
    "one-line": pages(3, article_page("kata " * 500_000)),
    "classes": pages(3, article_page("".join(f'<div class="c{i} berita-{i}">teks {i}</div>' for i in range(40_000)))),
    "links": pages(3, article_page('<p><a href="/b/1203/judul?page=2">Judul berita lain</a></p>' * 20_000)),
    "authors": Reply(f"<rss><channel><item><author>{'a@b ' * 250_000}</author><link>/a</link></item></channel></rss>"),
    "deep-xml": Reply("<rss><channel>" + "<a>" * 500_000, headers=XML),
    "long-names": Reply(f"<rss><channel><{'n' * 65_536}/></channel></rss>", headers=XML),
    "many-attributes": Reply("<rss " + " ".join(f'a{n}="x"' for n in range(100_000)) + "></rss>", headers=XML),
    "deep-json": Reply("[" * 1_000_000, headers={"Content-Type": "application/json"}),
    "long-title": Reply(f"<rss><channel><item><title>{'x' * 3_000_000}</title><link>/a</link></item></channel></rss>"),
    "long-link": rss(*("/" + "x" * 10_000 for _ in range(100))),
    "guid-bodies": Reply(
        "<rss><channel>"
        + "".join(f"<item><guid>{n}</guid><link>/g-{n}</link></item>" for n in range(500))
        + "</channel></rss>"
    ),
    "cookies": Reply(rss("/a").content, headers={"Set-Cookie": "a=" + "b" * 4000 + "; Domain=.test"}),
    "empty": Reply("", headers=XML),
    "nul": Reply(b"\x00" * 1_000_000, headers=XML),
    "utf16": Reply(rss("/a").content.decode().encode("utf-16"), headers={"Content-Type": "text/xml; charset=utf-8"}),
    "session-ids": lambda seen: rss(*(f"/a?PHPSESSID={time.monotonic_ns()}{n}" for n in range(20))),
}


def crawled(folder: Path, names: list[str], limit: int) -> tuple[dict[str, dict[str, Any]], float, float]:
    """Crawl the named hostile outlets and three good ones; return the summaries, seconds and the most MiB of all processes."""
    with HostileServer() as server:
        good = [f"baik-{n}" for n in range(3)]
        for name in good:
            server.at(f"{name}.test/listing", rss(*(f"/{name}-{n}" for n in range(GOOD_ARTICLES))))
            for n in range(GOOD_ARTICLES):
                server.at(f"/{name}-{n}", Reply(article(f"ASN {name} Wajib Netral {n}"), headers=HTML))
        lines = ["settings: {delay: 0s}", "topic: ASN", "sources:"]
        for name in [*names, *good]:
            listing = HOSTILE.get(name)
            if listing is not None:
                is_laid = callable(listing) and listing.__name__ == "laid"
                server.at(f"{name}.test/listing", listing(server, name) if is_laid else listing)  # type: ignore
            if name == "calendar":
                for n in range(60):
                    server.at(f"calendar.test/listing?h={n}", growing)
            home = f"http://{name}.test:{server.port}"
            page = f'{{page: "{home}/listing", next: a.n, max_pages: 50}}'
            discover = page if name == "calendar" else f'{{feed: "{home}/listing"}}'
            lines.append(f"- {{id: {name}, name: {name}, url: '{home}', discover: [{discover}]}}")
        (folder / "sources.yaml").write_text("\n".join(lines))
        environment = {**os.environ, "SCRAPY_SETTINGS_MODULE": "tests.faults.names", "PYTHONPATH": str(ROOT)}
        environment["PANTAU_TEST_LIMITS"] = json.dumps(
            {"fetch_timeout_s": 6 if limit < 100 else 8, "wait_in_poll_s": 2, "host_rest_s": 5}
        )
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cli", "crawl", "--json", f"--limit={limit}"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with Watching(process.pid) as watch:
            out, err = process.communicate(timeout=400)
        seconds = time.monotonic() - started
        assert process.returncode == 3, err
    summaries = {record["source"]: record for record in map(json.loads, out.splitlines())}
    assert len(summaries) == len(names) + len(good)
    for name in good:
        assert (summaries[name]["outcome"], summaries[name]["kept"], summaries[name]["errors"]) == (
            "ok",
            GOOD_ARTICLES,
            0,
        )
    return summaries, seconds, watch.peak_mib


def check(folder: Path, names: list[str], *, limit: int, within_s: float) -> None:
    summaries, seconds, peak_mib = crawled(folder, names, limit)
    print(f"{len(names)} hostile outlets: {seconds:.0f} s, {peak_mib:.0f} MiB")
    for name, summary in summaries.items():
        print(f"  {name}: {summary['outcome']}, kept {summary['kept']}, {[p['kind'] for p in summary['problems']][:3]}")
    assert peak_mib < 600
    assert seconds < within_s
    # Nobody took the crawl process down with all the others' polls.
    assert not [name for name, summary in summaries.items() if summary["outcome"] == "killed"]


def test_twelve_hostile_outlets_take_nothing_from_three_good_ones(tmp_path: Path) -> None:
    check(tmp_path, list(HOSTILE)[:12], limit=10, within_s=120)


@pytest.mark.slow
def test_47_hostile_outlets_take_nothing_from_three_good_ones(tmp_path: Path) -> None:
    assert len(HOSTILE) == 47
    check(tmp_path, list(HOSTILE), limit=500, within_s=240)
