"""Hosts that are busy or slow: left alone for as long as they ask, and nobody else waits for them (GUARANTEES A15, A16)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from crawler.items import CrawlSettings, Discover, PollTask, Source
from tests import servers
from tests.faults.crawling import HTML, crawl, open_ports, rss, source
from tests.servers import HostileServer, Reply

RETRY_AFTER = {
    "seconds": "600",
    "date": format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True),
    "negative": "-1",
    "ten years": "315360000",
    "ten years as a date": "Fri, 31 Dec 2099 23:59:59 GMT",
    "nonsense": "sebentar lagi",
    "nothing": None,
}


@pytest.mark.parametrize(
    "asked_for", ["seconds", *(pytest.param(name, marks=pytest.mark.slow) for name in RETRY_AFTER if name != "seconds")]
)
def test_a_hundred_sources_of_a_busy_host_ask_once_and_none_before_its_time(asked_for: str) -> None:
    with HostileServer() as server:
        home = server.name("sibuk.test")
        sources = [Source(f"s{n}", "s", home, (Discover("feed", f"{home}/rubrik-{n}"),)) for n in range(100)]
        for n in range(100):
            server.at(f"/rubrik-{n}", servers.busy(429, RETRY_AFTER[asked_for]))
        settings = CrawlSettings(delay_s=0.2, ports=open_ports(server, "sibuk.test"))
        found = crawl(settings, sources)
        pages = [seen for seen in server.asked() if seen.path != "/robots.txt"]
        later = [PollTask(one, found.reports[one.id].memory) for one in sources]  # type: ignore[arg-type]
        crawl(settings, later)  # another process: what was asked for is remembered
        assert len(server.asked()) == 2  # robots.txt and one listing
    assert len(pages) == 1
    assert {kind for name in found.reports for kind in found.kinds(name)} == {"wait"}
    for report in found.reports.values():
        assert report.memory is not None
        assert report.memory.not_before is not None
        wait_s = (report.memory.not_before - report.finished_at).total_seconds()
        assert 30 < wait_s <= 86_400


def test_a_host_is_not_asked_more_often_than_the_delay_however_many_sources_it_has() -> None:
    with HostileServer() as server:
        home = server.name("satu.test")
        sources = [Source(f"s{n}", "s", home, (Discover("feed", f"{home}/rubrik-{n}"),)) for n in range(8)]
        for n in range(8):
            server.at(f"/rubrik-{n}", rss())
        crawl(CrawlSettings(delay_s=0.25, ports=open_ports(server, "satu.test")), sources)
        times = [seen.at_s for seen in server.seen]
    assert len(times) == 9
    assert all(later - earlier > 0.2 for earlier, later in pairwise(times[1:]))


def slow_and_quick(slow: int, fetch_timeout_s: float) -> None:
    with HostileServer() as server:
        names = [f"lambat-{n}" for n in range(slow)]
        for name in names:
            server.at(f"{name}.test/robots.txt", servers.drip(fetch_timeout_s * 3, every_s=1.0))  # two bytes a second
            server.at(f"{name}.test/listing", servers.drip(fetch_timeout_s * 3, every_s=1.0))
        quick = ["cepat-0", "cepat-1", "cepat-2"]
        for name in quick:
            server.at(f"{name}.test/listing", rss(*(f"/{name}-{n}" for n in range(5))))
            for n in range(5):
                server.at(f"/{name}-{n}", Reply("isi", headers=HTML))
        ports = open_ports(server, *(f"{name}.test" for name in (*names, *quick)))
        sources = [source(server, name) for name in (*names, *quick)]  # the slow ones first
        found = crawl(CrawlSettings(delay_s=0.0, ports=ports), sources, fetch_timeout_s=fetch_timeout_s)
    seconds = {
        name: (found.reports[name].finished_at - found.reports[name].started_at).total_seconds() for name in quick
    }
    print(f"{slow} sources at 2 B/s: the others took {max(seconds.values()):.1f} s, all {found.seconds:.0f} s")
    for name in quick:
        assert len(found.reports[name].articles) == 5
        assert seconds[name] < 10
    for name in names:
        assert found.reports[name].outcome in ("refused", "failed")
        assert found.reports[name].memory is None or found.reports[name].memory.validators == {}  # type: ignore[union-attr]
    assert found.seconds < fetch_timeout_s * 2 + 10


def test_fifty_sources_at_two_bytes_a_second_hold_up_nobody() -> None:
    slow_and_quick(50, 2)


@pytest.mark.slow
def test_fifty_sources_at_two_bytes_a_second_hold_up_nobody_under_the_real_limits() -> None:
    slow_and_quick(50, 30)


CUT = b"<rss><channel><item><title>Satu</title><link>/a</link></item>"
HALF = {
    "shorter than it said": servers.cut_off(CUT),
    "no last chunk": servers.cut_off(CUT, chunked=True),
    "nothing": servers.hang_up(),
    "half a head": Reply(write=lambda out: out.write(b"HTTP/1.1 200 OK\r\nContent-Len")),
    "half-open": Reply(write=lambda out: __import__("time").sleep(6)),
    "garbage": servers.garbage(),
}


def test_half_an_answer_is_none_and_advances_nothing() -> None:
    with HostileServer() as server:
        names = [f"h{n}" for n in range(len(HALF))]
        for name, reply in zip(names, HALF.values(), strict=True):
            server.at(f"{name}.test/listing", reply)
        settings = CrawlSettings(delay_s=0.0, ports=open_ports(server, *(f"{name}.test" for name in names)))
        found = crawl(settings, [source(server, name) for name in names], fetch_timeout_s=2)
        assert not server.asked("/a")
    for name, what in zip(names, HALF, strict=True):
        report = found.reports[name]
        assert (report.outcome, report.articles) == ("failed", ()), what
        assert set(found.kinds(name)) <= {"truncated", "connect", "timeout"}, what
        assert report.memory is None or report.memory.validators == {}, what
