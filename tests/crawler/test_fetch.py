"""One request done properly (crawler/fetch.py; GUARANTEES A1, A2, A14, A15, A16), over a web in memory."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from crawler.errors import FetchError
from crawler.netguard import AddressGuard
from crawler.settings import LIMITS
from tests.crawler.fakeweb import FakeWeb, answer, failure, fetcher

PAGE = "https://o.id/a-1"
ROBOTS = "https://o.id/robots.txt"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Sleeping takes no time; return what was slept."""
    slept: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        if seconds:
            slept.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", noted)
    return slept


async def refused(web: FakeWeb, url: str = PAGE) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await fetcher(web).get(url)
    return caught.value


async def test_an_answer_comes_back_and_is_counted() -> None:
    one = fetcher(FakeWeb({PAGE: "isi"}))
    assert (await one.get(PAGE)).body == b"isi"
    assert (one.requests, one.downloaded_bytes) == (2, len("isi") + len("tidak ada"))


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "file:/etc/passwd", "source:file:///x", "data:text/html,x", "ftp://o.id/x", "s3://b/x"),
        *(
            "gopher://o.id/x",
            "javascript:alert(1)",
            "//o.id/x",
            "/x",
            "",
            "http://",
            "http:///x",
            "http://[::1",
            "about:blank",
        ),
        *("http://o.id:99999/", "http://o.id:0/", "http://o.id:abc/", "https://o.id/" + "x" * 3000, "HTTP+UNIX://x/"),
    ],
)
async def test_other_schemes_and_broken_addresses_are_refused_unasked(url: str) -> None:
    web = FakeWeb()
    assert (await refused(web, url)).kind == "refused_scheme"
    web.pages[PAGE] = answer(status=302, location=url or "http://[")
    error = await refused(web)
    assert error.kind in ("refused_scheme", "http", "gone")
    assert all(asked.url.startswith("https://o.id/") for asked in web.asked)


@pytest.mark.parametrize("port", [22, 8080, 6379])
async def test_ports_that_nobody_named_are_refused_also_by_redirect(port: int) -> None:
    web = FakeWeb({PAGE: answer(status=301, location=f"https://o.id:{port}/x")})
    assert (await refused(web, f"https://o.id:{port}/x")).kind == "refused_address"
    assert (await refused(web)).kind == "refused_address"
    assert web.urls == [PAGE]
    named = fetcher(FakeWeb({f"https://o.id:{port}/x": "isi"}), guard=AddressGuard(False, {f"o.id:{port}"}))
    assert (await named.get(f"https://o.id:{port}/x")).status == 200


async def test_redirects_are_followed_five_times_robots_asked_of_each_host() -> None:
    web = FakeWeb({f"https://h{n}.id/x": answer(status=302, location=f"https://h{n + 1}.id/x") for n in range(5)})
    web.pages["https://h5.id/x"] = "isi"
    assert (await fetcher(web).get("https://h0.id/x")).url == "https://h5.id/x"
    assert sum(asked.url.endswith("/robots.txt") for asked in web.asked) == 6
    web.pages["https://h5.id/x"] = answer(status=302, location="https://h6.id/x")
    assert (await refused(web, "https://h0.id/x")).kind == "redirects"
    assert "https://h6.id/x" not in web.urls


@pytest.mark.parametrize("location", ["", "   ", "http://["])
async def test_a_redirect_to_nowhere_is_an_error_of_this_page(location: str) -> None:
    assert (await refused(FakeWeb({PAGE: answer(status=302, location=location)}))).kind == "http"


@pytest.mark.parametrize(
    ("robots", "kind", "pages"),
    [
        (answer("User-agent: *\nDisallow: /a"), "robots", 0),
        (answer("User-agent: Pantau\nDisallow: /"), "robots", 0),
        (answer(status=500), "robots", 0),
        (answer("User-agent: *\nAllow: /", 503), "robots", 0),
        (failure("timeout"), "robots", 0),
        (failure("too_large", retry=False), "robots", 0),
        (failure("connect"), "connect", 0),
        (failure("dns"), "dns", 0),
        (failure("tls"), "tls", 0),
        (answer(status=302, location="http://10.0.0.1:99/robots.txt"), "refused_address", 0),
        (answer(status=302, location="http://["), "robots", 0),
        (answer(status=429, retry_after="7200"), "robots", 0),
        (answer("x", 401), None, 1),
        (answer("x", 403), None, 1),
        (answer("x", 404), None, 1),
        (answer("<!doctype html>Disallow: /"), None, 1),
        (answer("# " + "x" * 600_000 + "\nUser-agent: *\nDisallow: /"), None, 1),
        (answer(status=301, location="https://o.id/robots.txt"), None, 1),  # a loop says nothing
    ],
)
async def test_no_page_is_asked_for_against_robots_txt_or_without_it(
    robots: object, kind: str | None, pages: int
) -> None:
    web = FakeWeb({PAGE: "isi", ROBOTS: robots})
    if kind:
        assert (await refused(web)).kind == kind
    else:
        assert (await fetcher(web).get(PAGE)).status == 200
    assert len(web.urls) == pages


async def test_robots_txt_is_found_by_redirect_on_another_host() -> None:
    there = {"https://cdn.id/r.txt": "User-agent: *\nDisallow: /"}
    web = FakeWeb({PAGE: "isi", ROBOTS: answer(status=301, location="https://cdn.id/r.txt"), **there})
    assert (await refused(web)).kind == "robots"


async def test_robots_txt_is_read_once_for_many_pages() -> None:
    web = FakeWeb({f"https://o.id/a-{n}": "isi" for n in range(20)})
    one = fetcher(web)
    await asyncio.gather(*(one.get(url) for url in list(web.pages)))
    assert sum(asked.url == ROBOTS for asked in web.asked) == 1


async def test_the_last_good_robots_txt_serves_while_it_cannot_be_read() -> None:
    web = FakeWeb({PAGE: "isi", ROBOTS: "User-agent: *\nDisallow: /rahasia"})
    one = fetcher(web)
    await one.get(PAGE)
    host = one.hosts.of("o.id:443")
    assert host.robots is not None
    host.remember_robots(replace(host.robots, read_at=host.robots.read_at - LIMITS.robots_ttl_s - 1))
    web.pages[ROBOTS] = failure("connect")
    assert (await one.get(PAGE)).status == 200
    with pytest.raises(FetchError):
        await one.get("https://o.id/rahasia")


@pytest.mark.parametrize(
    ("reply", "kind", "retry", "requests"),
    [
        (answer(status=404), "gone", True, 1),
        (answer(status=410), "gone", False, 1),
        (answer(status=403), "http", True, 1),
        (answer(status=401), "http", True, 1),
        (answer(status=451), "http", False, 1),
        (answer(status=304), "http", False, 1),  # to a request that set no condition
        (answer(status=500), "http", True, 2),
        (answer(status=502), "http", True, 2),
        (answer(status=503), "http", True, 2),
        (answer(status=429), "wait", True, 1),
        (failure("connect"), "connect", True, 2),
        (failure("truncated"), "truncated", True, 2),
        (failure("timeout"), "timeout", True, 1),
        (failure("too_large", retry=False), "too_large", False, 1),
        (failure("tls"), "tls", True, 1),
    ],
)
async def test_every_way_to_fail_has_a_word_and_at_most_one_more_attempt(
    reply: object, kind: str, retry: bool, requests: int
) -> None:
    web = FakeWeb({PAGE: reply})
    error = await refused(web)
    assert (error.kind, error.retry, len(web.urls)) == (kind, retry, requests)


async def test_a_condition_makes_304_an_answer() -> None:
    web = FakeWeb({PAGE: answer(status=304)})
    assert (await fetcher(web).get(PAGE, headers={"If-None-Match": "x"})).status == 304


@pytest.mark.parametrize("status", [429, 503])
async def test_a_short_retry_after_is_waited_for(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    replies = iter([answer(status=status, retry_after="7"), answer("isi")])
    one = fetcher(FakeWeb({PAGE: lambda asked: next(replies)}))
    slept = []
    sleep = asyncio.sleep

    async def rest(seconds: float) -> None:
        if seconds:
            slept.append(seconds)
            one.hosts.of("o.id:443").blocked_until = None  # as if that time had passed
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", rest)
    assert (await one.get(PAGE)).body == b"isi"
    assert len(slept) == 1
    assert 6 < slept[0] <= 7


@pytest.mark.parametrize(
    ("retry_after", "wait_s"),
    [("600", 600), ("315360000", 86_400), (None, 60), ("-5", 60), ("0", 60), ("Sun, 06 Nov 1994 08:49:37 GMT", 60)],
)
async def test_a_long_retry_after_ends_the_attempt_and_keeps_everybody_away(
    retry_after: str | None, wait_s: float
) -> None:
    headers = {"retry_after": retry_after} if retry_after is not None else {}
    web = FakeWeb({f"https://o.id/a-{n}": answer(status=429, **headers) for n in range(30)})
    one = fetcher(web)
    results = await asyncio.gather(*(one.get(url) for url in list(web.pages)), return_exceptions=True)
    assert {error.kind for error in results if isinstance(error, FetchError)} == {"wait"}
    assert all(wait_s - 5 < (error.wait_s or 0) <= wait_s for error in results if isinstance(error, FetchError))
    assert len(web.urls) == 1  # those that waited for their turn heard it too


async def test_after_five_failures_a_host_rests_and_only_a_probe_asks_it() -> None:
    web = FakeWeb({f"https://o.id/a-{n}": answer(status=500) for n in range(30)})
    one = fetcher(web)
    results = await asyncio.gather(*(one.get(url) for url in list(web.pages)), return_exceptions=True)
    assert len(web.urls) == LIMITS.host_failures
    assert (
        sum(isinstance(error, FetchError) and error.kind == "wait" and error.wait_s is None for error in results) >= 25
    )
    web.pages[PAGE] = "isi"
    with pytest.raises(FetchError):
        await one.get(PAGE)
    assert (await one.get(PAGE, probe=True)).body == b"isi"
    assert (await one.get(PAGE)).body == b"isi"


async def test_limits_are_those_asked_for_else_those_of_a_page() -> None:
    web = FakeWeb({PAGE: "isi"})
    await fetcher(web).get(PAGE)
    await fetcher(web).get(PAGE, max_bytes=7, timeout_s=3)
    pages = [(asked.max_bytes, asked.timeout_s) for asked in web.asked if asked.url == PAGE]
    assert pages == [(LIMITS.max_page_bytes, LIMITS.fetch_timeout_s), (7, 3)]
