"""A poll: (source, memory) -> (articles, memory, report) (crawler/poll.py), over a web in memory."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from crawler.items import Discover, Memory
from crawler.poll import Poller
from crawler.settings import LIMITS
from tests.crawler.fakeweb import DAY_S, FEED, START, FakeWeb, Outlet, answer, failure, feed, outlet, with_articles


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: sleep(0))


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
