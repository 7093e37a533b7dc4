"""The spider over real HTTP: one crawl process, many hostile outlets (crawler/spiders/outlets.py; GUARANTEES A1-A3, A14-A20).

Each of the two crawls below is done once; the tests look at what came of it.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from crawler.crew import Crew
from crawler.items import CrawlSettings, Discover, DiscoveryKind, Memory, PollReport, PollTask, Source
from tests import servers
from tests.servers import HostileServer, Reply

ROOT = Path(__file__).parent.parent.parent
DELAY_S = 0.15


@dataclass
class Crawled:
    server: HostileServer
    reports: dict[str, PollReport]

    def came_to(self, name: str) -> tuple[str, list[str], int]:
        """Return a source's outcome, its kinds of errors and how many articles it gave."""
        report = self.reports[name]
        return report.outcome, [error.kind for error in report.errors], len(report.articles)


@contextmanager
def process_settings() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCRAPY_SETTINGS_MODULE", "tests.crawler.shortlimits")
        patch.setenv("PANTAU_TEST_READER", "tests.crawler.fakereader")
        patch.chdir(ROOT)
        yield


def crawl(settings: CrawlSettings, sources: list[Source]) -> dict[str, PollReport]:
    async def polled() -> list[PollReport]:
        async with Crew(settings, "t", command=(sys.executable, "-m", "crawler.worker")) as crew:
            return await asyncio.gather(*(crew.poll(PollTask(source, Memory(), limit=40)) for source in sources))

    with process_settings():
        return {report.source: report for report in asyncio.run(polled())}


def rss(server: HostileServer, name: str, *links: str) -> Reply:
    items = "".join(
        f"<item><title>Judul</title><link>{link}</link></item>"
        for link in links or (f"{server.name(name + '.test')}/a",)
    )
    return Reply(f"<rss><channel>{items}</channel></rss>", headers={"Content-Type": "application/rss+xml"})


# ------------------------------------------------------------------------------- answers of all kinds, one outlet each

FEED = "<rss><channel><item><title>Judul</title><link>/a</link></item></channel></rss>"
BOMB = servers.gzip_bomb(64)
RULES = "User-agent: *\nDisallow: /\n"
LISTINGS = {
    "good": Reply(FEED),
    "drip": servers.drip(),
    "huge": Reply("<rss>" + " " * 400_000),
    "bomb": Reply(BOMB, headers={"Content-Encoding": "gzip"}),
    "doublebomb": Reply(gzip.compress(BOMB), headers={"Content-Encoding": "gzip, gzip"}),
    "deflated": Reply(gzip.compress(FEED.encode()), headers={"Content-Encoding": "gzip"}),
    "cutlength": servers.cut_off(FEED.encode()),
    "cutchunk": servers.cut_off(FEED.encode(), chunked=True),
    "hangup": servers.hang_up(),
    "garbage": servers.garbage(),
    "headers": servers.many_headers(),
    "busy": servers.busy(429, "3600"),
    "busydate": servers.busy(503, "Fri, 31 Dec 9999 23:59:59 GMT"),
    "broken": Reply("x", 500),
    "forbidden": Reply("x", 403),
    "gone": Reply("x", 410),
    "html": Reply("<!doctype html><title>Beranda</title>"),
    "challenge": Reply("<!doctype html><title>Just a moment...</title>"),
    "maze": servers.redirect("/listing"),
    "tofile": servers.redirect("file:///etc/passwd"),
    "todata": servers.redirect("data:text/xml,<rss/>"),
    "tonowhere": servers.redirect("http://["),
    "cookies": Reply(FEED, headers={"Set-Cookie": "a=b; Domain=.test", "Referrer-Policy": "os.system"}),
    "charset": Reply(
        FEED.replace("Judul", "“Sékda”").encode("cp1252"), headers={"Content-Type": "text/xml; charset=utf-8"}
    ),
}
ROBOTS = {
    "robots-rules": Reply(RULES),
    "robots-401": Reply(RULES, 401),
    "robots-500": Reply("", 500),
    "robots-503": servers.busy(503),
    "robots-drip": servers.drip(),
    "robots-html": Reply("<!doctype html>" + RULES),
    "robots-moved": servers.redirect("/pindah.txt"),
    "robots-huge": Reply("# isi\n" * 2_000_000 + RULES),
    "robots-long": Reply("# isi\n" * 40_000 + RULES),
    "robots-gone": servers.hang_up(),
}


@pytest.fixture(scope="module")
def web() -> Iterator[Crawled]:
    with HostileServer() as server:
        names = [*LISTINGS, *ROBOTS, "paced", "sitemap", "dead"]
        sources = [
            Source(
                name, name, server.name(f"{name}.test"), (Discover("feed", f"{server.name(f'{name}.test')}/listing"),)
            )
            for name in names
        ]
        for name, reply in LISTINGS.items():
            server.at(f"{name}.test/listing", reply)
        for name, reply in ROBOTS.items():
            server.at(f"{name}.test/robots.txt", reply)
            server.at(f"{name}.test/listing", Reply(FEED))
        server.at("/pindah.txt", Reply(RULES))
        server.at("/a", Reply("isi"))
        paced = [f"/p{n}" for n in range(6)]
        for path in paced:
            server.at(path, Reply("isi"))
        server.at("paced.test/listing", rss(server, "paced", *paced))
        packed = gzip.compress(f"<urlset><url><loc>{server.name('sitemap.test')}/a</loc></url></urlset>".encode())
        server.at("sitemap.test/s.xml.gz", Reply(packed, headers={"Content-Type": "application/x-gzip"}))
        server.at("sitemap.test/bomb.xml.gz", Reply(BOMB, headers={"Content-Type": "application/x-gzip"}))
        both = tuple(
            Discover("sitemap", f"{server.name('sitemap.test')}/{path}") for path in ("s.xml.gz", "bomb.xml.gz")
        )
        sources[names.index("sitemap")] = Source("sitemap", "sitemap", server.name("sitemap.test"), both)
        dead = [f"{server.name('dead.test')}/mati-{n}" for n in range(30)]
        server.at("dead.test/listing", rss(server, "dead", *dead))
        for link in dead:
            server.at("dead.test/" + link.rpartition("/")[2], servers.hang_up())
        local = Source("local", "local", server.url, (Discover("feed", f"{server.url}/local.xml"),))
        server.at("127.0.0.1/local.xml", rss(server, "local", *paced))
        ports = tuple(f"{name}:{server.port}" for name in ("127.0.0.1", *(f"{name}.test" for name in names)))
        settings = CrawlSettings(
            contact="redaksi@example.org", delay_s=DELAY_S, allow_private_networks=True, ports=ports
        )
        yield Crawled(server, crawl(settings, [*sources, local]))


@pytest.mark.parametrize(
    ("name", "came_to"),
    [
        ("good", ("ok", [], 1)),
        ("drip", ("failed", ["timeout"], 0)),
        ("huge", ("failed", ["too_large"], 0)),
        ("bomb", ("failed", ["too_large"], 0)),
        ("doublebomb", ("failed", ["too_large"], 0)),
        ("deflated", ("ok", [], 1)),
        ("cutlength", ("failed", ["truncated"], 0)),
        ("cutchunk", ("failed", ["truncated"], 0)),
        ("hangup", ("failed", ["connect"], 0)),
        ("garbage", ("failed", ["connect"], 0)),
        ("headers", ("failed", ["too_large"], 0)),  # a megabyte of them
        ("busy", ("refused", ["wait"], 0)),
        ("busydate", ("refused", ["wait"], 0)),
        ("broken", ("failed", ["http"], 0)),
        ("forbidden", ("failed", ["http"], 0)),
        ("gone", ("failed", ["gone"], 0)),
        ("html", ("failed", ["not_a_feed"], 0)),
        ("challenge", ("refused", ["blocked"], 0)),
        ("maze", ("failed", ["redirects"], 0)),
        ("tofile", ("refused", ["refused_scheme"], 0)),
        ("todata", ("refused", ["refused_scheme"], 0)),
        ("tonowhere", ("failed", ["http"], 0)),
        ("cookies", ("ok", [], 1)),
        ("charset", ("ok", [], 1)),
        ("sitemap", ("ok", ["too_large"], 1)),
        ("robots-401", ("ok", [], 1)),
        ("robots-html", ("ok", [], 1)),
        ("robots-rules", ("refused", ["robots"], 0)),
        ("robots-500", ("refused", ["robots"], 0)),
        ("robots-503", ("refused", ["robots"], 0)),
        ("robots-drip", ("refused", ["robots"], 0)),
        ("robots-moved", ("refused", ["robots"], 0)),
        ("robots-huge", ("refused", ["robots"], 0)),
        ("robots-long", ("refused", ["robots"], 0)),
        ("robots-gone", ("failed", ["connect"], 0)),
    ],
)
def test_each_outlet_comes_to_what_it_should(web: Crawled, name: str, came_to: tuple[str, list[str], int]) -> None:
    assert web.came_to(name) == came_to, web.reports[name].errors


@pytest.mark.parametrize(
    "name", ["robots-rules", "robots-500", "robots-503", "robots-drip", "robots-huge", "robots-gone"]
)
def test_without_a_readable_robots_txt_no_page_is_asked_for(web: Crawled, name: str) -> None:
    assert {seen.path for seen in web.server.asked(host=f"{name}.test")} == {"/robots.txt"}


def test_every_request_says_who_we_are_and_carries_nothing_of_others(web: Crawled) -> None:
    assert len(web.server.seen) > 60
    for seen in web.server.seen:
        assert seen.headers["User-Agent"] == "pantau-asn/0.1 (+redaksi@example.org)"
        assert not {"Cookie", "Referer", "Authorization"} & seen.headers.keys()


def test_a_host_is_paced_and_loopback_is_not(web: Crawled) -> None:
    paced = [seen.at_s for seen in web.server.asked(host="paced.test")]
    assert len(paced) == 8
    assert paced[-1] - paced[1] >= (len(paced) - 2) * DELAY_S * 0.9  # the first one also connects
    assert len(web.server.asked(host="127.0.0.1")) == 8
    assert web.came_to("paced") == web.came_to("local") == ("ok", [], 6)


def test_a_dead_host_is_left_alone_after_five_failures_and_the_rest_waits(web: Crawled) -> None:
    # Twisted itself asks once more where a connection that was kept open turns out to be dead.
    assert 5 <= len(web.server.asked("/mati", "dead.test")) <= 6
    memory = web.reports["dead"].memory
    assert memory is not None
    assert len(memory.pending) == 30


def test_a_wrong_charset_is_read_right(web: Crawled) -> None:
    assert web.reports["charset"].articles[0].title == "“Sékda”"


def test_what_failed_advances_no_validator(web: Crawled) -> None:
    for name in ("cutlength", "cutchunk", "huge", "bomb", "drip", "html"):
        memory = web.reports[name].memory
        assert memory is None or memory.validators == {}, name


def test_retry_after_is_remembered_for_at_most_a_day(web: Crawled) -> None:
    for name, seconds in (("busy", 3600), ("busydate", 86_400)):
        report = web.reports[name]
        assert report.memory is not None
        assert report.memory.not_before is not None
        assert seconds - 60 < (report.memory.not_before - report.finished_at).total_seconds() <= seconds
        assert len(web.server.asked("/listing", f"{name}.test")) == 1


# --------------------------------------------------------------------------------------------------- the address guard

SPELLINGS = [
    *(
        "127.0.0.1",
        "127.0.0.2",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0x7F.0.0.1",
        "0177.0.0.1",
        "017700000001",
    ),
    *("localhost", "LOCALHOST", "localhost.", "127.0.0.1.", "0.0.0.0", "0", "[::1]", "[0:0:0:0:0:0:0:1]", "[::]"),
    *(
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "user@127.0.0.1",
    ),
]


class Listener:
    """Counts who connects, on every address of this machine."""

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._socket.close()


def named_ports(port: int) -> tuple[str, ...]:
    """Return "host:port" for every spelling, so that it is the address that is refused and not the port."""
    return tuple(f"{spelling.rpartition('@')[2].strip('[]').lower()}:{port}" for spelling in SPELLINGS)


def test_nothing_on_this_machine_is_reached_however_it_is_spelled_and_wherever_it_stands() -> None:
    victim = Listener()
    with HostileServer() as server:
        targets = [f"http://{spelling}:{victim.port}/x-{n}" for n, spelling in enumerate(SPELLINGS)]
        home = server.name("umpan.test")
        server.at("/listing", rss(server, "umpan", *targets))
        server.at(
            "/s.xml", Reply("<urlset>" + "".join(f"<url><loc>{url}y</loc></url>" for url in targets) + "</urlset>")
        )
        server.at("/redirects", rss(server, "umpan", *(f"{home}/r-{n}" for n in range(len(targets)))))
        sources = [Source(f"start-{n}", "x", url, (Discover("feed", url),)) for n, url in enumerate(targets)]
        hosts = []
        for n, url in enumerate(targets):
            server.at(f"/r-{n}", servers.redirect(url))
            server.at(f"r{n}.test/robots.txt", servers.redirect(f"http://{SPELLINGS[n]}:{victim.port}/robots.txt"))
            hosts.append(f"r{n}.test:{server.port}")
            robots = server.name(f"r{n}.test")
            sources.append(Source(f"robots-{n}", "x", robots, (Discover("feed", f"{robots}/listing"),)))
        discoveries: tuple[tuple[str, DiscoveryKind], ...] = (
            ("listing", "feed"),
            ("s.xml", "sitemap"),
            ("redirects", "feed"),
        )
        sources += [Source(name, "x", home, (Discover(kind, f"{home}/{name}"),)) for name, kind in discoveries]
        ports = (f"umpan.test:{server.port}", *hosts, *named_ports(victim.port))
        reports = crawl(CrawlSettings(delay_s=0.0, ports=ports), sources)
        asked = [seen.path for seen in server.seen]
    victim.close()
    assert victim.connections == 0
    assert not any(report.articles for report in reports.values())
    for name, report in reports.items():
        if name.startswith(("start", "robots")):
            assert report.outcome in ("refused", "failed"), name
        else:
            assert len(report.errors) >= len(SPELLINGS) - 6, name  # some spellings are one address
        kinds = {error.kind for error in report.errors}
        assert kinds <= {"refused_address", "refused_scheme", "dns"}, (name, report.errors)
    plain = [
        reports[f"start-{n}"].errors[0].kind
        for n, spelling in enumerate(SPELLINGS)
        if spelling in ("127.0.0.1", "2130706433", "0x7f.1", "localhost")
    ]
    assert plain == ["refused_address"] * 4
    assert sum(path.startswith("/r-") for path in asked) == len(SPELLINGS)
    assert all(
        path == "/robots.txt" for path, seen in zip(asked, server.seen, strict=True) if seen.host.startswith("r")
    )


# --------------------------------------------------------------------------------------------------- by hand, Scrapy's way


def test_scrapy_crawl_outlets_yields_articles_as_items(tmp_path: Path) -> None:
    text = (
        "<p>Aparatur sipil negara wajib menjaga netralitas selama pemilihan kepala daerah, kata ketua pengawas pemilu.</p>"
        * 5
    )
    page = f"<!doctype html><html><head><title>ASN Wajib Netral</title></head><body><article><h1>ASN Wajib Netral</h1>{text}</article></body></html>"
    with HostileServer() as server:
        server.at("/listing", rss(server, "x", f"{server.url}/2024/11/13/asn-wajib-netral"))
        server.at("/2024/11/13/asn-wajib-netral", Reply(page, headers={"Content-Type": "text/html"}))
        (tmp_path / "sources.yaml").write_text(
            "settings: {allow_private_networks: true, keep: all}\ntopic: ASN\n"
            f"sources:\n- {{id: satu, name: Satu, url: '{server.url}', discover: [{{feed: '{server.url}/listing'}}]}}\n"
        )
        command = [
            sys.executable,
            "-m",
            "scrapy",
            "crawl",
            "outlets",
            "-a",
            "source=satu",
            "-a",
            f"config={tmp_path / 'sources.yaml'}",
        ]
        environment = {name: value for name, value in os.environ.items() if name != "SCRAPY_SETTINGS_MODULE"}
        done = subprocess.run(
            [*command, "-O", str(tmp_path / "items.jsonl")],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    items = [json.loads(line) for line in (tmp_path / "items.jsonl").read_text().splitlines()]
    assert done.returncode == 0
    assert [item["title"] for item in items] == ["ASN Wajib Netral"], done.stderr
