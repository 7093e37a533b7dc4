"""Answers that are not what they should be: pages in the way, lying 304s, endless headers, cookies, credentials (GUARANTEES A17-A20)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from crawler.items import CrawlSettings, Discover, Source
from crawler.settings import LIMITS
from tests import servers
from tests.crawler.fakeweb import Asked, answer, feed, with_articles
from tests.faults.crawling import HTML, article, crawl, open_ports, rss, source
from tests.servers import HostileServer, Reply

DAY = timedelta(days=1)

# ------------------------------------------------------------------------------------------ A18: what stands in the way

PROSE = "<p>Kami memakai kuki untuk meningkatkan layanan. Dengan melanjutkan Anda setuju dengan ketentuan kami.</p>"


def page(title: str, body: str, head: str = "") -> str:
    return f"<!doctype html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>"


# name -> (page, what it is as a feed, what it is as a page with articles, what it is as an article).
IN_THE_WAY = {
    "cloudflare challenge": (
        page("Just a moment...", "<div class=cf-challenge>Enable JavaScript and cookies to continue</div>"),
        *("blocked", "blocked", "blocked"),
    ),
    "cloudflare block": (
        page(
            "Attention Required! | Cloudflare", "<h1>Sorry, you have been blocked</h1><p>You are unable to access</p>"
        ),
        *("blocked", "blocked", "blocked"),
    ),
    "turnstile": (
        page("Tunggu sebentar", "<script>window._cf_chl_opt={}</script><p>Checking your browser before accessing.</p>"),
        *("blocked", "blocked", "blocked"),
    ),
    "captcha": (
        page("Verifikasi CAPTCHA", "<p>Verify you are human by completing the action below.</p>"),
        *("blocked", "blocked", "blocked"),
    ),
    "imunify": (
        page("One moment, please...", "<p>Please wait while your request is being verified... imunify360</p>"),
        *("blocked", "blocked", "blocked"),
    ),
    "incapsula": (
        page("", '<iframe src="/_Incapsula_Resource?x=1">Request unsuccessful. Incapsula incident ID: 1</iframe>'),
        *("blocked", "blocked", "blocked"),
    ),
    "ddos-guard": (page("DDoS-Guard", "<p>Checking your browser</p>"), *("blocked", "blocked", "blocked")),
    "internet positif": (
        page("Internet Positif", "<p>Situs ini diblokir sesuai peraturan perundang-undangan. TrustPositif</p>"),
        *("blocked", "blocked", "blocked"),
    ),
    "internet baik": (
        page(
            "Pemberitahuan",
            '<a href="http://internetbaik.telkomsel.com/">Mohon maaf, akses ke internetbaik dialihkan</a>',
        ),
        *("blocked", "blocked", "blocked"),
    ),
    "akses ditolak": (
        page("Akses Ditolak", "<h1>403 Forbidden</h1><p>Akses ditolak oleh administrator.</p>"),
        *("blocked", "blocked", "blocked"),
    ),
    "consent": (
        page("Sebelum Anda melanjutkan", f"<h1>Sebelum Anda melanjutkan</h1>{PROSE}<button>Terima semua kuki</button>"),
        *("blocked", "blocked", "blocked"),
    ),
    "login wall": (
        page(
            "Masuk", "<h1>Masuk</h1><p>Silakan login untuk membaca artikel ini.</p><form><input type=password></form>"
        ),
        *("blocked", "blocked", "blocked"),
    ),
    "parked domain": (
        page("outlet.id is for sale", "<h1>This domain is for sale</h1><a href='https://x.id/buy'>Buy this domain</a>"),
        *("not_a_feed", "not_a_feed", "not_an_article"),
    ),
    "suspended": (
        page("Account Suspended", "<h1>This Account has been suspended.</h1><p>Contact your hosting provider.</p>"),
        *("blocked", "blocked", "blocked"),
    ),
    "feed turned html": (
        page("Beranda", "<nav><a href='/'>Beranda</a><a href='/politik'>Politik</a></nav><p>Selamat datang.</p>"),
        *("not_a_feed", "empty", "not_an_article"),
    ),
}


def test_what_stands_in_the_way_is_named_and_never_stored() -> None:
    assert len(IN_THE_WAY) == 15
    with HostileServer() as server:
        sources, expected = [], {}
        for number, (name, (html, as_feed, as_page, as_article)) in enumerate(IN_THE_WAY.items()):
            host = f"h{number}"
            server.at(f"{host}.test/listing", Reply(html, headers=HTML))
            server.at(f"{host}.test/feed", rss("/2024/11/13/asn-wajib-netral"))
            server.at(f"{host}.test/2024/11/13/asn-wajib-netral", Reply(html, headers=HTML))
            for suffix, kind, path, came_to in (
                ("feed", "feed", "/listing", as_feed),
                ("page", "page", "/listing", as_page),
                ("article", "feed", "/feed", as_article),
            ):
                key = f"{host}-{suffix}"
                home = server.name(f"{host}.test")
                sources.append(Source(key, key, home, (Discover(kind, home + path),)))  # type: ignore[arg-type]
                expected[key] = (name, came_to)
        ports = open_ports(server, *(f"h{n}.test" for n in range(len(IN_THE_WAY))))
        found = crawl(CrawlSettings(delay_s=0.0, keep="all", topic="ASN", ports=ports), sources, reader="")
    wrong = {}
    for key, (name, came_to) in expected.items():
        kinds = found.kinds(key) or [found.reports[key].outcome]
        if kinds != [came_to]:
            wrong[f"{name} as {key.partition('-')[2]}"] = (kinds, came_to, found.reports[key].errors)
        if found.reports[key].articles:
            wrong[f"{name} stored"] = (
                found.reports[key].articles[0].title,
                "",
                found.reports[key].articles[0].body[:100],
            )  # type: ignore
    assert not wrong


# ------------------------------------------------------------------------------------------------ A17: 304 for ever


@pytest.mark.parametrize("lie", ["304 for ever", "an etag for each request", "the same etag for all"])
async def test_a_new_article_behind_a_lying_304_is_found_within_a_day(lie: str) -> None:
    one = with_articles("/a")
    listed = ["/a"]
    count = 0

    def listing(asked: Asked) -> Any:
        nonlocal count
        count += 1
        conditional = "If-None-Match" in asked.headers
        if conditional and lie != "an etag for each request":
            return answer("", 304)
        return answer(feed(*listed), etag=f'"{count}"' if lie.startswith("an") else '"x"')

    one.web.pages["https://o.id/feed"] = listing
    one.web.pages["https://o.id/b"] = "isi"
    await one.poll()
    listed.append("/b")
    begun = one.now
    while True:
        report = await one.poll(after_s=900)
        if report.articles:
            break
        assert one.now - begun < DAY + timedelta(seconds=900)
    assert [found.url for found in report.articles] == ["https://o.id/b"]


# ----------------------------------------------------------------------------------------- A19: headers and cookies


def endless(header: bytes) -> Callable[[Any], None]:
    def write(out: Any) -> None:
        out.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            out.write(header * 64)

    return write


HEADERS = {
    "lines": Reply(write=endless(b"X-Lagi: " + b"y" * 8000 + b"\r\n")),
    "folded": Reply(write=endless(b" lanjutan " + b"y" * 8000 + b"\r\n")),
    "oneline": Reply(write=endless(b"y" * 8000)),
    "continues": Reply(write=lambda out: [out.write(b"HTTP/1.1 100 Continue\r\n\r\n") for _ in range(10**9)]),  # type: ignore
    "thousand": servers.many_headers(1000),
    "megabyte": Reply("x", headers={f"X-{n}": "y" * 10_000 for n in range(100)}),
}


def test_headers_without_end_cost_nothing_and_a_megabyte_of_them_is_refused() -> None:
    with HostileServer() as server:
        for name, reply in HEADERS.items():
            server.at(f"{name}.test/listing", reply)
        ports = open_ports(server, *(f"{name}.test" for name in HEADERS))
        found = crawl(CrawlSettings(delay_s=0.0, ports=ports), [source(server, name) for name in HEADERS])
    assert found.peak_mib < 150, found.peak_mib  # a process that did nothing has 100
    assert found.seconds < 20
    for name in HEADERS:
        kinds = found.kinds(name)
        assert kinds == ["connect" if name in ("folded", "oneline") else "too_large"], (name, kinds)


def test_no_cookie_is_ever_sent_back_nor_to_a_neighbour() -> None:
    """Set for go.id by one office, it must not reach another; nor do we bring any back."""
    names = [f"dinas-{n}.sumsel.go.id.test" for n in range(4)]
    domains = ("go.id.test", ".id.test", "test", "sumsel.go.id.test", "")
    with HostileServer() as server:
        for name in names:
            cookies = {
                "Set-Cookie": f"sesi=1; Domain={domains[names.index(name)]}; Path=/",
                "Referrer-Policy": "os.system",
            }
            server.at(f"{name}/robots.txt", Reply("", headers=cookies))
            server.at(f"{name}/listing", Reply(rss("/a", "/b").content, headers=cookies))
        server.at("/a", Reply("isi", headers={"Set-Cookie": "a=b"}))
        server.at("/b", servers.redirect(server.name(names[0]) + "/a"))
        sources = [
            Source(f"s{n}", "s", server.name(name), (Discover("feed", server.name(name) + "/listing"),))
            for n, name in enumerate(names)
        ]
        found = crawl(CrawlSettings(delay_s=0.0, ports=open_ports(server, *names)), sources)
        assert all(report.outcome == "ok" for report in found.reports.values())
        assert len(server.seen) >= 16
        assert not [seen for seen in server.seen if {"Cookie", "Referer"} & seen.headers.keys()]


# ----------------------------------------------------------------------------------------------------- A20: credentials

LOGIN = "Basic " + base64.b64encode(b"pembaca:sandi rahasia").decode()


def test_a_login_reaches_the_address_it_was_written_for_and_no_redirect() -> None:
    """Twelve ways to lead a request with credentials elsewhere, and one that stays."""
    with HostileServer() as server, HostileServer() as other:
        home, port = server.name("dalam.test"), server.port
        targets = [
            f"http://luar.test:{port}/r",  # another host
            f"http://a.dalam.test:{port}/r",
            f"http://dalam.test.:{port}/r",
            f"http://dalam.test:{other.port}/r",  # another port
            f"http://DALAM.test:{other.port}/r",
            f"//luar.test:{port}/r",
            f"http://dalam.test@luar.test:{port}/r",
            f"http://pembaca:sandi%20rahasia@luar.test:{port}/r",  # with credentials of its own
            f"http://x:y@dalam.test:{other.port}/r",
            f"https://dalam.test:{other.port}/r",  # another scheme
            f"http://luar.test:{port}\\@dalam.test:{port}/r",  # we read this as dalam.test, and go there
            f"http://dalam.test:{port}@luar.test:{port}/r",
        ]
        sources = []
        for n, target in enumerate(targets):
            server.at(f"dalam.test/start-{n}", servers.redirect(target))
            url = f"http://pembaca:sandi%20rahasia@dalam.test:{port}/start-{n}"
            sources.append(Source(f"s{n}", "s", home, (Discover("feed", url),)))
        server.at("dalam.test/tetap", servers.redirect("/sini"))
        server.at("dalam.test/sini", rss("/a"))
        server.at("/a", Reply(article(), headers=HTML))
        url = f"http://pembaca:sandi%20rahasia@dalam.test:{port}/tetap"
        sources.append(Source("tetap", "s", home, (Discover("feed", url),)))
        names = ("dalam.test", "luar.test", "a.dalam.test", "dalam.test.")
        ports = (*open_ports(server, *names), *open_ports(other, *names))
        found = crawl(CrawlSettings(delay_s=0.0, ports=ports), sources)
        with_login = {(seen.host, seen.path) for seen in server.seen if "Authorization" in seen.headers}
        assert with_login == {("dalam.test", f"/start-{n}") for n in range(12)} | {
            ("dalam.test", "/tetap"),
            ("dalam.test", "/sini"),
            ("dalam.test", "/r"),
        }
        assert {seen.headers["Authorization"] for seen in server.seen if "Authorization" in seen.headers} == {LOGIN}
        assert not [seen for seen in other.seen if "Authorization" in seen.headers]
        arrived = [seen for seen in (*server.seen, *other.seen) if seen.path == "/r"]
        assert len(arrived) >= 8  # the redirects were followed
    assert found.reports["tetap"].outcome == "ok"
    stored = repr(found.reports)
    assert "sandi" not in stored
    assert LIMITS.max_redirects == 5
