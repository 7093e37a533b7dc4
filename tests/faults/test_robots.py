"""robots.txt in fourteen shapes; where it cannot be read, no page is asked for (GUARANTEES A14)."""

from __future__ import annotations

from typing import Any

import pytest

from crawler import politeness
from crawler.errors import FetchError
from crawler.politeness import Hosts
from tests.crawler.fakeweb import FakeWeb, answer, failure, fetcher

ROBOTS, PAGE = "https://o.id/robots.txt", "https://o.id/berita/1"
NO = "User-agent: *\nDisallow: /berita/\n"

# What robots.txt answers; what else is at an address; whether the page may be asked for.
CASES: dict[str, tuple[Any, dict[str, Any], bool]] = {
    "rules": (NO, {}, False),
    "rules for others": ("User-agent: lain\nDisallow: /\n", {}, True),
    "rules for us before those for all": (NO + "User-agent: pantau\nAllow: /\n", {}, True),
    "a mark, line ends and capitals": (
        ("\ufeff" + NO).replace("\n", "\r\n").upper().replace("/BERITA/", "/berita/"),
        {},
        False,
    ),
    "404": (answer("tidak ada", 404), {}, True),
    "401 with rules in it": (answer(NO, 401), {}, True),
    "500": (answer("x", 500), {}, False),
    "503": (answer("User-agent: *\nAllow: /\n", 503), {}, False),
    "429": (answer("", 429, retry_after="3600"), {}, False),
    "a time-out": (failure("timeout"), {}, False),
    "too large to read": (failure("too_large", retry=False), {}, False),
    "HTML": ("<!doctype html><pre>" + NO, {}, True),
    "moved to another host": (answer("", 302, location="https://cdn.id/r.txt"), {"https://cdn.id/r.txt": NO}, False),
    "moved in circles": (answer("", 302, location=ROBOTS), {}, True),
    "500 kB and more": ("# isi\n" * 70_000 + NO, {}, False),
    "rules beyond 500 KiB": ("# isi\n" * 90_000 + NO, {}, True),
    "wildcards without end": ("User-agent: *\nDisallow: /" + "*a" * 3_000 + "\nDisallow: /berita/\n", {}, False),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_page_is_asked_for_only_where_robots_txt_lets_us(name: str) -> None:
    robots, more, allowed = CASES[name]
    web = FakeWeb({ROBOTS: robots, PAGE: "isi", **more})
    one = fetcher(web)
    if allowed:
        assert (await one.get(PAGE)).body == b"isi"
    else:
        with pytest.raises(FetchError) as caught:
            await one.get(PAGE)
        assert caught.value.kind in ("robots", "wait")
    assert (PAGE in web.urls) is allowed


def test_the_table_is_as_long_as_promised() -> None:
    assert len(CASES) >= 14


async def test_what_changes_counts_from_the_next_hour_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1_000_000.0
    monkeypatch.setattr(politeness.time, "monotonic", lambda: now_s)
    web = FakeWeb({ROBOTS: "", PAGE: "isi"})
    one = fetcher(web)
    one.hosts = Hosts(0.0)
    assert await one.get(PAGE)
    web.pages[ROBOTS] = NO
    now_s += 3500
    assert await one.get(PAGE)  # an hour has not passed
    now_s += 200
    with pytest.raises(FetchError, match="forbids"):
        await one.get(PAGE)
    web.pages[ROBOTS] = answer("", 503)
    now_s += 3700
    with pytest.raises(FetchError, match="forbids"):  # the last one that could be read goes on
        await one.get(PAGE)
    now_s += 25 * 3600
    with pytest.raises(FetchError, match="could not be read"):
        await one.get(PAGE)


async def test_a_sitemap_that_it_names_is_not_fetched() -> None:
    web = FakeWeb({ROBOTS: "Sitemap: http://169.254.169.254/s.xml\nSitemap: https://o.id/s.xml\n", PAGE: "isi"})
    await fetcher(web).get(PAGE)
    assert [asked.url for asked in web.asked] == [ROBOTS, PAGE]
