"""A poll: (source, memory) -> (articles, memory, report) (crawler/poll.py, crawler/discovering.py), over a web in memory."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from crawler.items import Discover, Memory
from crawler.poll import Poller
from crawler.settings import LIMITS
from tests.crawler.fakeweb import START, FakeWeb, Outlet, answer, failure, feed

FEED = Discover("feed", "https://o.id/feed")
DAY_S = 24 * 3600


def outlet(pages: dict[str, object] | None = None, *discover: Discover) -> Outlet:
    return Outlet(FakeWeb(pages), discover or (FEED,))


def with_articles(*paths: str, text: str = "isi", **more: object) -> Outlet:
    return outlet({"https://o.id/feed": feed(*paths), **{f"https://o.id{path}": text for path in paths}, **more})


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: sleep(0))


# ------------------------------------------------------------------------------------------- what is unchanged


async def test_new_articles_are_read_once_and_an_unchanged_web_costs_one_request() -> None:
    one = with_articles("/a", "/b")
    first = await one.poll()
    assert (first.outcome, first.found, first.new, len(first.articles)) == ("ok", 2, 2, 2)
    second = await one.poll()
    assert (second.outcome, second.found, second.new, second.articles) == ("not_modified", 0, 0, ())
    assert one.web.urls == ["https://o.id/feed"]
    assert second.requests == 1


async def test_validators_are_sent_back() -> None:
    one = with_articles("/a")
    one.web.pages["https://o.id/feed"] = answer(feed("/a"), etag='"1"', last_modified="Wed, 13 Nov 2024 01:00:00 GMT")
    await one.poll()
    one.web.pages["https://o.id/feed"] = answer(status=304)
    assert (await one.poll()).outcome == "not_modified"
    sent = one.web.asked[-1].headers
    assert (sent["If-None-Match"], sent["If-Modified-Since"]) == ('"1"', "Wed, 13 Nov 2024 01:00:00 GMT")


async def test_a_new_etag_on_the_same_body_is_no_change() -> None:
    one = with_articles("/a")
    one.web.pages["https://o.id/feed"] = answer(feed("/a"), etag='"1"')
    await one.poll()
    one.web.pages["https://o.id/feed"] = answer(feed("/a"), etag='"2"')
    assert (await one.poll()).outcome == "not_modified"


async def test_a_server_that_says_304_for_ever_is_asked_in_full_after_a_day() -> None:
    one = with_articles("/a", "/b")
    bodies = {"now": feed("/a")}
    one.web.pages["https://o.id/feed"] = lambda asked: (
        answer(status=304) if "If-None-Match" in asked.headers else answer(bodies["now"], etag='"1"')
    )
    await one.poll()
    bodies["now"] = feed("/b", "/a")
    for _ in range(3):
        assert (await one.poll(after_s=DAY_S / 4)).new == 0
    assert [article.url for article in (await one.poll(after_s=DAY_S / 4)).articles] == ["https://o.id/b"]


async def test_a_clock_set_back_makes_a_full_fetch_not_a_year_of_304() -> None:
    one = with_articles("/a")
    one.web.pages["https://o.id/feed"] = answer(feed("/a"), etag='"1"')
    await one.poll()
    await one.poll(after_s=-365 * DAY_S)
    assert "If-None-Match" not in one.web.asked[-1].headers


async def test_validators_that_nobody_uses_are_forgotten() -> None:
    one = with_articles("/a")
    await one.poll()
    one.discover = (Discover("feed", "https://o.id/baru"),)
    one.web.pages["https://o.id/baru"] = feed("/a")
    await one.poll(after_s=(LIMITS.known_days + 1) * DAY_S)
    assert set(one.memory.validators) == {"https://o.id/baru"}


# --------------------------------------------------------------------------------------------- when they stand still


async def test_limit_takes_the_newest_and_leaves_the_rest_for_the_next_poll() -> None:
    dated = [(f"/{n}", f"Judul {n}", f"2024-11-{n:02} 10:00") for n in range(1, 7)]
    one = outlet({"https://o.id/feed": feed(*dated), **{f"https://o.id/{n}": "isi" for n in range(1, 7)}})
    report = await one.poll(limit=2)
    assert {article.url for article in report.articles} == {"https://o.id/5", "https://o.id/6"}
    assert (report.found, report.truncated) == (2, True)
    assert one.memory.validators == {}
    assert len((await one.poll()).articles) == 4
    assert (await one.poll()).outcome == "not_modified"


async def test_limit_that_ends_before_the_last_listing_leaves_it_for_the_next_poll() -> None:
    page = Discover("page", "https://o.id/indeks", links="p a", next="b a", max_pages=3)
    one = outlet(
        {
            "https://o.id/indeks": "<p><a href=/1>x</a></p><b><a href=/i2></a></b>",
            "https://o.id/i2": "<p><a href=/2>y</a></p>",
        },
        page,
    )
    await one.poll(limit=1)
    report = await one.poll()
    assert one.web.urls[:2] == ["https://o.id/indeks", "https://o.id/i2"]
    assert report.outcome == "ok"


async def test_since_leaves_out_what_is_older_and_the_next_poll_takes_it() -> None:
    one = outlet({"https://o.id/feed": feed(("/a", "A", "2024-11-13 08:00"), ("/b", "B", "2024-11-01 08:00"))})
    one.web.pages |= {"https://o.id/a": "isi", "https://o.id/b": "isi"}
    report = await one.poll(since=START - timedelta(days=2))
    assert [article.url for article in report.articles] == ["https://o.id/a"]
    assert one.web.urls == ["https://o.id/feed", "https://o.id/a"]
    assert [article.url for article in (await one.poll()).articles] == ["https://o.id/b"]


async def test_500_entries_a_poll_and_the_rest_is_not_wanted() -> None:
    paths = [f"/a-{n}" for n in range(700)]
    one = with_articles(*paths)
    report = await one.poll()
    assert (len(report.articles), report.truncated) == (500, True)
    assert (await one.poll()).outcome == "not_modified"


@pytest.mark.parametrize("kind", ["truncated", "timeout", "too_large"])
async def test_a_listing_that_is_cut_off_is_read_again(kind: object) -> None:
    one = with_articles("/a")
    one.web.pages["https://o.id/feed"] = failure(kind)  # type: ignore[arg-type]
    report = await one.poll()
    assert (report.outcome, report.errors[0].kind) == ("failed", kind)
    assert one.memory.validators == {}


async def test_a_listing_page_that_fails_is_looked_for_again_behind_the_unchanged_first() -> None:
    page = Discover("page", "https://o.id/indeks", links="p a", next="b a", max_pages=3)
    one = outlet(
        {"https://o.id/indeks": "<p><a href=/1>x</a></p><b><a href=/i2></a></b>", "https://o.id/1": "isi"}, page
    )
    one.web.pages["https://o.id/i2"] = failure("timeout")
    assert [error.kind for error in (await one.poll()).errors if error.url == "https://o.id/i2"] == ["timeout"]
    one.web.pages |= {"https://o.id/i2": "<p><a href=/2>y</a></p>", "https://o.id/2": "isi"}
    assert [article.url for article in (await one.poll()).articles] == ["https://o.id/2"]


async def test_one_listing_that_fails_does_not_stop_the_others() -> None:
    one = outlet(
        {"https://o.id/feed": feed("/a"), "https://o.id/a": "isi"}, Discover("feed", "https://o.id/rusak"), FEED
    )
    report = await one.poll()
    assert (report.outcome, len(report.articles)) == ("ok", 1)
    assert [(error.url, error.kind) for error in report.errors] == [("https://o.id/rusak", "gone")]


async def test_listings_may_take_half_of_a_polls_time() -> None:
    children = [f"https://o.id/s{n}.xml" for n in range(30)]
    index = "<sitemapindex>" + "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in children) + "</sitemapindex>"
    one = outlet({"https://o.id/s.xml": index}, Discover("sitemap", "https://o.id/s.xml"))

    def slow(asked: object) -> object:
        one.now += timedelta(seconds=LIMITS.sitemap_timeout_s)
        return failure("timeout")(asked)  # type: ignore[arg-type]

    one.web.pages |= dict.fromkeys(children, slow)
    report = await one.poll()
    assert len(one.web.urls) < 10
    assert (report.finished_at - report.started_at).total_seconds() < LIMITS.poll_timeout_s


# ------------------------------------------------------------------------------------------------------- sitemaps


def sitemap(*paths: str) -> str:
    return "<urlset>" + "".join(f"<url><loc>https://o.id{path}</loc></url>" for path in paths) + "</urlset>"


def index(*paths: str) -> str:
    return (
        "<sitemapindex>"
        + "".join(f"<sitemap><loc>https://o.id{path}</loc></sitemap>" for path in paths)
        + "</sitemapindex>"
    )


SITEMAP = Discover("sitemap", "https://o.id/s.xml")


@pytest.mark.parametrize("status", [200, 304])
async def test_an_unchanged_index_still_leads_to_its_children(status: int) -> None:
    one = outlet(
        {"https://o.id/s.xml": answer(index("/s1.xml"), etag='"1"'), "https://o.id/s1.xml": sitemap("/a")}, SITEMAP
    )
    one.web.pages |= {"https://o.id/a": "isi", "https://o.id/b": "isi"}
    await one.poll()
    one.web.pages["https://o.id/s1.xml"] = sitemap("/b", "/a")
    if status == 304:
        one.web.pages["https://o.id/s.xml"] = answer(status=304)
    assert [article.url for article in (await one.poll()).articles] == ["https://o.id/b"]


async def test_a_child_that_failed_is_read_behind_the_unchanged_index() -> None:
    one = outlet({"https://o.id/s.xml": index("/s1.xml"), "https://o.id/s1.xml": failure("timeout")}, SITEMAP)
    await one.poll()
    one.web.pages |= {"https://o.id/s1.xml": sitemap("/a"), "https://o.id/a": "isi"}
    assert len((await one.poll()).articles) == 1


async def test_loops_end_and_depth_is_two() -> None:
    pages = {
        "/s.xml": index("/s.xml", "/s1.xml"),
        "/s1.xml": index("/s.xml", "/s2.xml"),
        "/s2.xml": index("/s3.xml"),
        "/s3.xml": "",
    }
    one = outlet({f"https://o.id{path}": body for path, body in pages.items()}, SITEMAP)
    await one.poll()
    assert [url.rpartition("/")[2] for url in one.web.urls] == ["s.xml", "s1.xml", "s2.xml"]


async def test_of_fifty_thousand_children_fifty_are_read() -> None:
    one = outlet({"https://o.id/s.xml": index(*(f"/s{n}.xml" for n in range(5000)))}, SITEMAP)
    await one.poll()
    assert len(one.web.urls) == LIMITS.max_sitemaps


async def test_an_endless_next_page_ends_at_max_pages() -> None:
    page = Discover("page", "https://o.id/i?h=0", links="p a", next="b a", max_pages=4)
    one = outlet(
        {f"https://o.id/i?h={n}": f"<p><a href=/a{n}>x</a></p><b><a href='/i?h={n + 1}'></a></b>" for n in range(99)},
        page,
    )
    one.web.pages |= {f"https://o.id/a{n}": "isi" for n in range(99)}
    assert len((await one.poll()).articles) == 4


# ------------------------------------------------------------------------------------------------------ WordPress


async def test_wordpress_without_pretty_addresses_is_found_at_rest_route() -> None:
    body = '[{"link": "https://o.id/?p=1", "title": {"rendered": "T"}}]'
    for instead in (answer("x", 404), answer("<!doctype html>Beranda")):
        one = outlet({"https://o.id/?p=1": "isi"}, Discover("wordpress", "https://o.id"))
        one.web.pages |= _api(one, instead, body)
        assert len((await one.poll()).articles) == 1
        assert "rest_route=/wp/v2/posts" in one.web.urls[1]


def _api(one: Outlet, pretty: object, plain: object) -> dict[str, object]:
    from crawler.discovery.wordpress import requests, rest_route

    (url,) = requests("https://o.id")
    return {url: pretty, rest_route(url): plain}  # type: ignore[dict-item]


async def test_a_whole_body_in_the_listing_saves_the_page() -> None:
    body = "Aparatur sipil negara wajib netral. " * 20
    one = outlet({}, Discover("wordpress", "https://o.id"))
    one.web.pages |= _api(
        one, f'[{{"link": "https://o.id/a", "title": {{"rendered": "T"}}, "content": {{"rendered": "{body}"}}}}]', ""
    )
    (article,) = (await one.poll()).articles
    assert article.body == body
    assert one.web.urls == one.web.urls[:1]


# ---------------------------------------------------------------------------------------------- changes and topics


async def test_a_changed_topic_makes_off_topic_entries_new_again() -> None:
    one = with_articles("/a", text="off")
    assert (await one.poll()).off_topic == 1
    assert (await one.poll()).outcome == "not_modified"
    one.rules = "t2"
    one.web.pages["https://o.id/a"] = "isi"
    report = await one.poll(limit=1)
    assert (report.new, len(report.articles)) == (1, 1)


async def test_a_changed_topic_counts_also_when_a_limit_leaves_something_out() -> None:
    one = with_articles("/a", "/b", text="off")
    await one.poll()
    one.rules = "t2"
    one.web.pages |= {"https://o.id/a": "isi", "https://o.id/b": "isi"}
    assert len((await one.poll(limit=1)).articles) == 1
    assert len((await one.poll()).articles) == 1


async def test_an_edit_that_the_listing_shows_is_fetched_again_and_nothing_else() -> None:
    one = with_articles("/a", "/b")
    await one.poll()
    one.web.pages["https://o.id/feed"] = feed(("/a", "Judul baru", ""), "/b")
    report = await one.poll()
    assert one.web.urls == ["https://o.id/feed", "https://o.id/a"]
    assert (report.new, [article.title for article in report.articles]) == (0, ["Judul baru"])
    one.web.pages["https://o.id/feed"] = feed("/c", ("/a", "Judul baru", ""), "/b")
    await one.poll()
    assert "https://o.id/a" not in one.web.urls


async def test_a_headline_that_flips_without_end_is_followed_24_times() -> None:
    one = with_articles("/a")
    await one.poll()
    fetched = 0
    for number in range(40):
        one.web.pages["https://o.id/feed"] = feed(("/a", f"Judul {number}", ""))
        fetched += len((await one.poll()).articles)
    assert fetched == LIMITS.max_changes


async def test_an_edit_that_since_passes_over_is_seen_by_the_next_poll() -> None:
    one = outlet({"https://o.id/feed": feed(("/a", "A", "2024-11-01 08:00")), "https://o.id/a": "isi"})
    await one.poll()
    one.web.pages["https://o.id/feed"] = feed(("/a", "B", "2024-11-01 08:00"))
    assert (await one.poll(since=START)).articles == ()
    assert [article.title for article in (await one.poll()).articles] == ["B"]


async def test_an_article_known_under_another_address_is_not_new() -> None:
    one = with_articles("/a")
    await one.poll()
    one.web.pages["https://o.id/feed"] = feed(("/a?utm_source=x", "Judul /a", ""), ("/a/", "Judul /a", ""))
    report = await one.poll()
    assert (report.found, report.new) == (1, 0)


async def test_a_guid_of_an_entry_that_moved_is_known_but_one_guid_for_all_hides_nothing() -> None:
    entry = "<item><title>{1}</title><link>https://o.id/{0}</link><guid>tetap</guid></item>"
    one = outlet(
        {"https://o.id/feed": f"<rss><channel>{entry.format('a', 'A')}</channel></rss>", "https://o.id/a": "isi"}
    )
    await one.poll()
    one.web.pages |= {
        "https://o.id/feed": f"<rss><channel>{entry.format('b', 'A')}</channel></rss>",
        "https://o.id/b": "isi",
    }
    assert (await one.poll()).articles == ()  # moved
    one.web.pages |= {
        "https://o.id/feed": f"<rss><channel>{entry.format('c', 'C')}</channel></rss>",
        "https://o.id/c": "isi",
    }
    assert len((await one.poll()).articles) == 1  # another title: another article


# ----------------------------------------------------------------------------------------------- what fails, retries


async def test_a_page_that_fails_is_tried_again_later_each_time_also_when_it_left_the_listing() -> None:
    one = with_articles("/a")
    one.web.pages["https://o.id/a"] = failure("timeout")
    await one.poll()
    one.web.pages["https://o.id/feed"] = feed()
    assert (await one.poll(after_s=60)).new == 0
    assert one.web.urls == ["https://o.id/feed"]  # not yet due
    await one.poll(after_s=LIMITS.attempt_base_s)
    assert one.web.urls == ["https://o.id/feed", "https://o.id/a"]
    one.web.pages["https://o.id/a"] = "isi"
    assert (await one.poll(after_s=60)).articles == ()
    assert len((await one.poll(after_s=LIMITS.attempt_base_s * 2)).articles) == 1
    assert one.memory.pending == {}


@pytest.mark.parametrize(
    ("reply", "attempts"), [(answer(status=500), 10), (answer(status=404), 2), (answer(status=410), 1), ("broken", 10)]
)
async def test_a_page_is_given_up_in_the_end(reply: object, attempts: int) -> None:
    one = with_articles("/a", text=reply)  # type: ignore[arg-type]
    tried = 0
    for _ in range(15):
        await one.poll(after_s=DAY_S)
        tried += "https://o.id/a" in one.web.urls
    assert tried == attempts
    assert one.memory.pending == {}


async def test_one_page_that_breaks_the_article_step_does_not_stop_the_others() -> None:
    one = with_articles("/a", "/b", "/c")
    one.web.pages["https://o.id/b"] = "broken"
    report = await one.poll()
    assert (report.outcome, len(report.articles)) == ("ok", 2)
    assert [(error.url, error.kind) for error in report.errors] == [("https://o.id/b", "failed")]


async def test_a_page_that_costs_too_much_counts_by_its_title_and_the_others_go_on() -> None:
    one = with_articles("/a", "/b")
    one.web.pages["https://o.id/a"] = "slow"
    found = {article.url: article.body_status for article in (await one.poll()).articles}
    assert found == {"https://o.id/a": "too_costly", "https://o.id/b": "whole"}


async def test_a_dead_host_gets_five_requests_and_the_rest_waits() -> None:
    paths = [f"/a-{n}" for n in range(100)]
    one = with_articles(*paths)
    one.web.pages |= {f"https://o.id{path}": failure("connect") for path in paths}
    await one.poll()
    assert len(one.web.urls) == 1 + LIMITS.host_failures
    assert len(one.memory.pending) == 100
    one.hosts.of("o.id:443").answered()  # it has rested
    one.web.pages |= {f"https://o.id{path}": "isi" for path in paths}
    assert len((await one.poll(after_s=LIMITS.attempt_base_s * 2)).articles) == 100


async def test_articles_on_another_host_that_rests_are_tried_when_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    one = outlet(
        {"https://o.id/feed": feed("/x").replace("https://o.id/x", "https://cdn.id/x"), "https://cdn.id/x": "isi"}
    )
    host = one.hosts.of("cdn.id:443")
    for _ in range(9):
        host.failed(float("1e12"))
    assert (await one.poll()).articles == ()
    host.rest_until_s = 0.0
    assert len((await one.poll()).articles) == 1


async def test_a_long_retry_after_is_remembered_across_processes() -> None:
    one = with_articles("/a", "/b", "/c")
    one.web.pages["https://o.id/b"] = one.web.pages["https://o.id/a"] = answer(status=429, retry_after="3600")
    report = await one.poll()
    assert sum(error.kind == "wait" for error in report.errors) == 1
    assert one.memory.not_before is not None
    one.hosts = type(one.hosts)(0.0)  # another process
    refused = await one.poll(after_s=600)
    assert (refused.outcome, refused.errors[0].kind, one.web.asked) == ("refused", "wait", [])
    one.web.pages |= {f"https://o.id/{name}": "isi" for name in "abc"}
    articles = (await one.poll(after_s=3600)).articles
    assert {article.url for article in articles} >= {"https://o.id/a", "https://o.id/b"}
    assert one.memory.not_before is None


async def test_a_wish_that_lies_years_ahead_is_an_effect_of_the_clock() -> None:
    one = with_articles("/a")
    one.memory = Memory(rules="t1", not_before=START + timedelta(days=365))
    assert len((await one.poll()).articles) == 1


@pytest.mark.parametrize(
    ("reply", "outcome", "kind"),
    [
        (answer(status=500), "failed", "http"),
        (answer(status=403), "failed", "http"),
        (answer("<!doctype html>x"), "failed", "not_a_feed"),
        (answer("<html><title>Just a moment...</title>"), "refused", "blocked"),
        (answer(status=429, retry_after="900"), "refused", "wait"),
        (answer(status=302, location="http://o.id:22/"), "refused", "refused_address"),
        (answer(status=302, location="file:///etc/passwd"), "refused", "refused_scheme"),
        (failure("dns"), "failed", "dns"),
    ],
)
async def test_what_a_discovery_comes_to_has_a_word(reply: object, outcome: str, kind: str) -> None:
    report = await outlet({"https://o.id/feed": reply}).poll()
    assert (report.outcome, [error.kind for error in report.errors]) == (outcome, [kind])


async def test_robots_5xx_means_no_page_is_asked_for() -> None:
    one = with_articles("/a")
    one.web.pages["https://o.id/robots.txt"] = answer(status=503)
    report = await one.poll()
    assert (report.outcome, one.web.urls) == ("refused", [])


async def test_an_empty_feed_is_empty() -> None:
    assert (await with_articles().poll()).outcome == "empty"


# ------------------------------------------------------------------------------------------------------ the rest


async def test_pages_of_a_long_article_are_joined_and_one_that_fails_leaves_it_incomplete() -> None:
    one = with_articles("/a", "/b")
    one.web.pages |= {"https://o.id/a": "satu next:https://o.id/a/2", "https://o.id/a/2": "dua"}
    one.web.pages |= {"https://o.id/b": "satu next:https://o.id/b/2", "https://o.id/b/2": failure("timeout")}
    found = {article.url: article for article in (await one.poll()).articles}
    assert found["https://o.id/a"].body.endswith("|dua")
    assert found["https://o.id/b"].body_status == "incomplete"


async def test_two_listings_complete_each_other() -> None:
    other = (
        "<rss><channel><item><link>https://www.o.id/a/</link><pubDate>2024-11-13 08:00</pubDate></item></channel></rss>"
    )
    one = outlet(
        {"https://o.id/feed": feed("/a"), "https://o.id/feed2": other, "https://o.id/a": "isi"},
        FEED,
        Discover("feed", "https://o.id/feed2"),
    )
    (article,) = (await one.poll()).articles
    assert (article.title, article.published_at) == ("Judul /a", START.replace(hour=1, minute=0))


async def test_addresses_asked_for_by_hand_are_read_without_discovery() -> None:
    one = Outlet(FakeWeb({"https://o.id/x": "isi"}), (), urls=("https://o.id/x",))
    report = await one.poll()
    assert (report.outcome, len(report.articles)) == ("ok", 1)


async def test_a_bug_met_by_one_source_is_in_its_report(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("kutu")

    monkeypatch.setattr("crawler.poll._newest_first", broken)
    report = await with_articles("/a").poll()
    assert (report.outcome, report.errors[0].message, report.memory) == ("failed", "ZeroDivisionError: kutu", None)


async def test_what_is_not_read_in_time_waits_for_the_next_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    one = with_articles("/a", "/b")
    never = asyncio.Event()

    async def stuck(request: object) -> None:
        await never.wait()

    monkeypatch.setattr(LIMITS, "poll_timeout_s", 0.1)
    monkeypatch.setattr("tests.crawler.fakeweb.read", stuck)
    report = await one.poll()
    assert [error.kind for error in report.errors] == ["timeout"]
    assert len(one.memory.pending) == 2
    monkeypatch.undo()
    assert len((await one.poll()).articles) == 2


async def test_memory_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LIMITS, "max_known", 50)
    one = outlet({})
    for day in range(20):
        paths = [f"/{day}-{n}" for n in range(10)]
        one.web.pages |= {"https://o.id/feed": feed(*paths), **{f"https://o.id{path}": "isi" for path in paths}}
        await one.poll(after_s=DAY_S)
    assert len(one.memory.known) == 50
    one.web.pages["https://o.id/feed"] = feed("/baru")
    await one.poll(after_s=(LIMITS.known_days + 1) * DAY_S)
    assert len(one.memory.known) <= 1


async def test_progress_is_told() -> None:
    one = with_articles("/a", "/b")
    told: list[tuple[str, int, int]] = []
    build = Poller.__init__

    def listening(self: Poller, *values: object, **named: object) -> None:
        build(self, *values, **{**named, "progress": lambda *step: told.append(step)})  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Poller, "__init__", listening)
        await one.poll()
    assert told == [("o", 0, 2), ("o", 1, 2), ("o", 2, 2)]
