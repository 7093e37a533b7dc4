"""robots.txt, Retry-After, back-off, pacing (crawler/politeness.py; GUARANTEES A14, A15)."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.politeness import Host, Hosts, back_off_s, is_loopback_host, read_robots, retry_after_s
from crawler.settings import LIMITS

NOW = datetime(2024, 11, 13, 1, 4, tzinfo=UTC)
PAGE = "https://a.id/2024/x"
DISALLOW = b"User-agent: *\nDisallow: /\n"


@pytest.mark.parametrize(
    ("status", "body", "allowed"),
    [
        (200, b"", True),
        (200, DISALLOW, False),
        (200, b"\xef\xbb\xbf" + DISALLOW, False),
        (200, b"User-agent: pantau\nDisallow: /2024/\n\nUser-agent: *\nAllow: /\n", False),
        (200, b"User-agent: lain\nDisallow: /\n", True),
        (200, b"<!doctype html><title>404</title>Disallow: /", True),
        (200, b"\xff\xfe\x00garbage\x00\n" * 50, True),
        (204, b"", True),
        (302, b"", True),
        (400, DISALLOW, True),
        (401, DISALLOW, True),
        (403, DISALLOW, True),
        (404, DISALLOW, True),
        (429, b"", False),
        (500, b"", False),
        (503, b"User-agent: *\nAllow: /", False),
        (None, b"", False),
    ],
)
def test_what_robots_txt_means(status: int | None, body: bytes, allowed: bool) -> None:
    robots = read_robots(status, body, "timeout" if status is None else "", 0.0)
    assert robots.allows(PAGE) is allowed
    assert (robots.unreachable is None) == (status is not None and status < 500 and status != 429)


def test_of_a_huge_robots_txt_the_first_500_kib_count() -> None:
    filler = b"# isi\n" * 100_000
    assert not read_robots(200, b"User-agent: *\nDisallow: /2024/\n" + filler, "", 0).allows(PAGE)
    assert read_robots(200, filler + b"User-agent: *\nDisallow: /2024/\n", "", 0).allows(PAGE)


def test_rules_full_of_wildcards_are_judged_at_once() -> None:
    robots = read_robots(200, b"User-agent: *\n" + b"Disallow: /" + b"*a" * 200 + b"b$\n", "", 0)
    assert robots.allows("https://a.id/" + "a" * 1500)


@pytest.mark.parametrize(("value", "seconds"), [("7", 7), ("999999", 60), ("-3", 0), ("nan", 0), ("inf", 0), ("x", 0)])
def test_crawl_delay_is_honoured_up_to_a_minute(value: str, seconds: float) -> None:
    robots = read_robots(200, f"User-agent: *\nCrawl-delay: {value}\n".encode(), "", 0)
    assert robots.crawl_delay_s == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("315360000", 86400.0),  # ten years
        ("9" * 400, 86400.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Wed, 21 Oct 2015 07:28:00 +99999999", None),
    ],
)
def test_retry_after_in_seconds_and_as_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


@given(st.text(max_size=40))
def test_no_retry_after_breaks_anything(value: str) -> None:
    found = retry_after_s(value, NOW)
    assert found is None or 0 <= found <= LIMITS.max_retry_after_s


@pytest.mark.parametrize("failures", [0, 1, 2, 5, 60, 5000])
def test_back_off_doubles_with_jitter_and_has_an_end(failures: int) -> None:
    step = min(3600.0, 10.0 * 2 ** min(max(failures - 1, 0), 50))
    waits = [back_off_s(failures, base_s=10.0, cap_s=3600.0, rng=random.Random(seed)) for seed in range(50)]
    assert all(step / 2 <= wait <= step for wait in waits)
    assert len(set(waits)) > 40


def test_loopback_is_known_by_all_its_names() -> None:
    names = ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "::1"]
    assert all(map(is_loopback_host, names))
    assert not any(map(is_loopback_host, ["outlet.id", "10.0.0.1", "localhost.id", "", "128.0.0.1"]))


class Clock:
    """Monotonic time that passes only while somebody sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now_s)
        monkeypatch.setattr(asyncio, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


async def test_requests_to_a_host_start_at_least_the_delay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    host = Hosts(1.0).of("a.id:443")
    starts = []
    for _ in range(4):
        async with host.slots:
            await host.start_turn()
            starts.append(clock.now_s)
    assert starts == [1000.0, 1001.0, 1002.0, 1003.0]
    host.remember_robots(read_robots(200, b"User-agent: *\nCrawl-delay: 5\n", "", 0))
    for _ in range(2):
        await host.start_turn()
    assert clock.now_s == 1004.0 + 5.0


async def test_loopback_is_not_paced_and_takes_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    host = Hosts(1.0).of("127.0.0.1:8080")
    for _ in range(100):
        await host.start_turn()
    assert clock.now_s == 1000.0
    assert host.width == LIMITS.loopback_width > 1
    assert Hosts(1.0).of("10.0.0.1:80").width == 1


def test_a_longer_rest_is_never_shortened() -> None:
    host = Host(1.0, 1)
    host.block(600, NOW)
    host.block(5, NOW)
    assert host.wait_s(NOW) == 600
    assert host.wait_s(NOW + timedelta(seconds=601)) == 0


def test_five_failures_in_a_row_open_the_circuit_and_one_answer_closes_it() -> None:
    host = Host(1.0, 1)
    for _ in range(4):
        host.failed(100.0)
    assert not host.rests(100.0)
    host.failed(100.0)
    assert host.rests(100.0)
    assert not host.rests(100.0 + LIMITS.host_rest_s)  # one try
    host.failed(200.0)
    assert host.rests(200.0)  # and closed again
    host.answered()
    assert not host.rests(200.0)


def test_robots_txt_is_read_again_after_an_hour_and_the_last_good_one_serves_for_a_day() -> None:
    host = Host(1.0, 1)
    good, bad = read_robots(200, DISALLOW, "", 0.0), read_robots(503, b"", "", 4000.0)
    assert host.usable_robots(0.0) is None
    host.remember_robots(good)
    assert host.usable_robots(3600.0) is good
    assert host.usable_robots(3601.0) is None
    host.remember_robots(bad)
    assert host.usable_robots(4001.0) is good
    host.remember_robots(read_robots(503, b"", "", 86_000.0))
    last = host.usable_robots(86_401.0)
    assert last is not None and last.unreachable


def test_idle_hosts_are_forgotten_but_not_those_that_asked_for_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LIMITS, "max_hosts", 20)
    hosts = Hosts(1.0)
    hosts.of("sibuk.id:80").block(600, datetime.now(UTC))
    for number in range(100):
        hosts.of(f"h{number}.id:80")
    assert len(hosts._hosts) <= 25
    assert hosts.of("sibuk.id:80").blocked_until is not None
