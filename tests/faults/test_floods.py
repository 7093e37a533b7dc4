"""Churn without news and floods: one article stays one, edits have an end, a flood is cut and foreign text is stored (GUARANTEES A8-A11)."""

from __future__ import annotations

import itertools
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.fetch import Fetcher
from crawler.identity import entry_key
from crawler.items import (
    Article,
    CrawlSettings,
    Discover,
    Entry,
    Memory,
    MorePages,
    Page,
    PollReport,
    PollTask,
    ReadRequest,
    Rejection,
    Source,
)
from crawler.netguard import AddressGuard
from crawler.politeness import Hosts
from crawler.poll import Poller
from crawler.settings import LIMITS
from pipelines import article as step
from pipelines.alerts import Plan
from pipelines.store import Store
from tests.crawler.fakeweb import START, FakeWeb, answer
from tests.faults.crawling import HTML, XML, article, crawl, open_ports, source
from tests.servers import HostileServer, Reply

PLAN = Plan({"semua": ("arsip",)}, timedelta(days=3))
SOURCE = Source("o", "O", "https://o.id", (Discover("feed", "https://o.id/feed"),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "pantau.db") as opened:
        opened.sync_sources([SOURCE])
        yield opened


@pytest.fixture(autouse=True)
def article_step() -> None:
    step.set_up(
        CrawlSettings(keep="all", topic="ASN", rules={"semua": {"match": "ASN", "categories": [], "regions": []}})
    )


async def read(request: ReadRequest) -> Article | Rejection | MorePages:
    return step.read_article(request)


class Watched:
    """An outlet, polled and recorded again and again."""

    def __init__(self, store: Store) -> None:
        self.web, self.store, self.now, self.memory = FakeWeb(), store, START, Memory()
        self.kept = self.revised = self.alerts = 0

    async def poll(self) -> PollReport:
        self.now += timedelta(minutes=15)
        fetcher = Fetcher(self.web.download, Hosts(0.0), AddressGuard(), random.Random(1))
        poller = Poller(fetcher, read, "t", clock=lambda: self.now)
        report = await poller.poll(PollTask(SOURCE, self.memory))
        self.memory = report.memory or self.memory
        recorded = self.store.record(report, self.now, PLAN)
        self.kept += len(recorded.kept)
        self.revised += len(recorded.revised)
        self.alerts += recorded.alerts
        return report


def item(link: str, guid: str, title: str = "ASN Wajib Netral", at: str = "Wed, 13 Nov 2024 08:00:00 +0700") -> str:
    return f"<item><title>{title}</title><link>{link}</link><guid>{guid}</guid><pubDate>{at}</pubDate></item>"


# ------------------------------------------------------------------------------------------------------ A10: churn

VARIANTS = [
    f"{scheme}://{host}o.id{amp}/berita/asn-wajib-netral{end}{query}"
    for scheme, host, amp, end, query in itertools.product(
        ("http", "https"),
        ("", "www.", "m.", "amp."),
        ("", "/amp"),
        ("", "/"),
        (
            *("", "?utm_source=rss&amp;utm_medium=feed", "?fbclid=x1", "?gclid=2", "?amp=1", "?page=all", "?ref=depan"),
            *(
                "?utm_campaign=a#komentar",
                "?m=1",
                "?print=1",
                "#top",
                "?igshid=z",
                "?single=1",
                "?_ga=1.2",
                "?mc_cid=3",
            ),
            "?outputType=amp",
        ),
    )
]


def test_five_hundred_variants_of_an_address_have_one_key() -> None:
    assert len(VARIANTS) >= 500
    keys = {entry_key(variant.replace("&amp;", "&")) for variant in VARIANTS}
    assert len(keys) == 1
    others = {entry_key(f"https://o.id/berita/asn-wajib-netral-{n}?p={n}") for n in range(500)}
    assert len(others) == 500
    assert not keys & others


@pytest.mark.parametrize("guid", ["changes every time", "one for all", "a timestamp", "the address"])
async def test_two_hundred_fetches_with_churn_are_one_article_and_one_alert(store: Store, guid: str) -> None:
    one = Watched(store)
    page = answer(article(), content_type="text/html")
    one.web.pages = dict.fromkeys((variant.replace("&amp;", "&").partition("#")[0] for variant in VARIANTS), page)
    rng = random.Random(1)
    for number in range(200):
        link = rng.choice(VARIANTS)
        name = {
            "changes every time": f"g{number}",
            "one for all": "g",
            "a timestamp": f"{one.now}",
            "the address": link,
        }[guid]
        one.web.pages["https://o.id/feed"] = f"<rss><channel><x>{number}</x>{item(link, name)}</channel></rss>"
        report = await one.poll()
        assert report.outcome == "ok"
    assert (one.kept, one.alerts) == (1, 1)
    assert one.revised == 0


# ------------------------------------------------------------------------------------------------------- A11: edits


@pytest.mark.parametrize("edit", ["headline", "body", "a clock in the body", "headline that flips"])
async def test_a_hundred_edits_are_at_most_one_more_alert_and_24_revisions(store: Store, edit: str) -> None:
    one = Watched(store)
    for number in range(100):
        title = f"ASN Wajib Netral {number if edit == 'headline' else number % 2 if 'flips' in edit else ''}".strip()
        text = {
            "body": f"Aparatur sipil negara nomor {number} "
            + f"kata{number} " * 30
            + "wajib netral dalam pemilihan itu."
        }
        clock = f"<p>Diperbarui pukul {number // 60:02}:{number % 60:02} WIB oleh redaksi daerah kami di Palembang.</p>"
        html = article(title, text=text.get(edit, "")).replace(
            "</article>", (clock if "clock" in edit else "") + "</article>"
        )
        at = f"<updated>2024-11-13T{number // 60 + 1:02}:{number % 60:02}:00Z</updated>"
        listing = item("https://o.id/a", "g", title).replace("</item>", at + "</item>")
        one.web.pages = {
            "https://o.id/feed": f"<rss><channel>{listing}</channel></rss>",
            "https://o.id/a": answer(html, content_type="text/html"),
        }
        await one.poll()
    assert one.kept == 1
    assert one.revised <= 24
    assert one.alerts <= 2  # the match, and one change


# ------------------------------------------------------------------------------------------------------- A9: floods


def flood(count: int) -> bytes:
    return (
        "<rss><channel>" + "".join(f"<item><link>/b/{n}</link></item>" for n in range(count)) + "</channel></rss>"
    ).encode()


def check_flood(count: int, *, kept: int, kind: str = "feed") -> None:
    body = flood(count)
    if kind == "sitemap":
        body = (
            body.replace(b"item>", b"url>")
            .replace(b"link>", b"loc>")
            .replace(b"rss>", b"urlset>")
            .replace(b"channel>", b"x>")
        )
        body = body.replace(b"<x>", b"").replace(b"</x>", b"")
    with HostileServer() as server:
        server.at("/listing", Reply(body, headers=XML))
        for n in range(600):
            server.at(f"/b/{n}", Reply("isi", headers=HTML))
        settings = CrawlSettings(delay_s=0.0, ports=open_ports(server, "banjir.test"))
        found = crawl(settings, [source(server, "banjir", kind)])  # type: ignore[arg-type]
        report = found.reports["banjir"]
        pages = len(server.asked("/b/"))
    print(
        f"{count} items ({len(body) / 1e6:.1f} MB, {kind}): {found.seconds:.1f} s, {found.peak_mib:.0f} MiB, kept {len(report.articles)}"
    )
    assert len(report.articles) == pages == kept
    assert report.truncated == bool(kept)
    assert found.seconds < 15
    assert found.peak_mib < 300
    assert [error.kind for error in report.errors] == ([] if kept else ["too_large"])


def test_of_ten_thousand_items_without_dates_the_first_500_are_taken() -> None:
    check_flood(10_000, kept=500)


@pytest.mark.slow
def test_as_many_items_as_a_feed_may_hold_and_a_million() -> None:
    check_flood(130_000, kept=500)
    check_flood(1_000_000, kept=0)
    check_flood(90_000, kept=500, kind="sitemap")
    check_flood(1_000_000, kept=0, kind="sitemap")


async def test_a_poll_holds_no_more_text_than_it_may_and_the_rest_waits(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LIMITS, "max_poll_chars", 50_000)
    monkeypatch.setattr(LIMITS, "poll_width", 1)
    one = Watched(store)
    links = [f"https://o.id/a-{n}" for n in range(10)]
    listing = "".join(item(link, link, f"ASN {link}") for link in links)
    one.web.pages = {"https://o.id/feed": f"<rss><channel>{listing}</channel></rss>"}
    for link in links:
        one.web.pages[link] = answer(
            article(f"ASN {link}", text="Aparatur sipil negara wajib netral. " * 100), content_type="text/html"
        )
    report = await one.poll()
    assert 2 <= len(report.articles) < 10
    assert len(one.memory.pending) == 10 - len(report.articles)
    for _ in range(10):
        await one.poll()
    assert one.memory.pending == {}
    assert sum(entry.outcome == "kept" for entry in one.memory.known.values()) >= 10


# ------------------------------------------------------------------------------------------------- A8: foreign text

PROSE = "Aparatur sipil negara wajib netral selama pemilihan kepala daérah, “kata” ketua pengawas – kemarin."


def fixtures() -> dict[str, tuple[bytes, str]]:
    """Return 50 pages whose charset is wrong, lied about or mixed, each with its Content-Type."""
    found: dict[str, tuple[bytes, str]] = {}
    html = article("ASN Nétral", text=PROSE)
    for charset in ("utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"):
        for told in ("", "utf-8", "iso-8859-1", "windows-1252", "us-ascii", "utf-16"):
            head = f'<meta charset="{told}">' if told and len(found) % 2 else ""
            body = html.replace("<head>", "<head>" + head).encode(charset)
            found[f"{charset} said to be {told or 'nothing'}"] = (
                body,
                f"text/html; charset={told}" if told else "text/html",
            )
    nasty = {
        "nul": "\x00", "controls": "\x01\x07\x08\x0b\x1b[2J", "c1": "\x85\x9b31m", "rtl override": "\u202egnaj\u202c",
        "zero width": "\u200bne\u200dt\u200cral\ufeff", "soft hyphen": "ne\u00adtral", "combining": "e\u0301" * 50,
        "emoji": "👩‍👩‍👧😀", "not characters": "\ufffe\uffff", "private use": "\ue000\ue001", "separators": "\u2028\u2029\x0c",
        "tags": "\U000e0041\U000e007f", "numeric": "&#0;&#xD800;&#x110000;&#128;",
    }  # fmt: skip
    for name, text in nasty.items():
        body = article(f"ASN {text} Netral", text=f"{PROSE} {text}").encode("utf-8", "surrogatepass")
        found[name] = (body, "text/html; charset=utf-8")
    found["surrogates"] = (article("ASN", text=PROSE).encode() + b"\xed\xa0\x80\xed\xb0\x80", "text/html")
    return found


def stored(store: Store, body: bytes, content_type: str, entry: Entry) -> Article | None:
    """Let the page go through the article step and into the database; return the article."""
    now = datetime(2024, 11, 13, 2, tzinfo=UTC)
    found = step.read_article(ReadRequest(SOURCE, entry, (Page(entry.url, body, content_type),), now, incomplete=True))
    if not isinstance(found, Article):
        return None
    store.record(PollReport("o", "ok", now, now, articles=(found,), memory=Memory()), now, PLAN)
    return found


def test_fifty_pages_of_any_charset_are_read_and_stored(store: Store) -> None:
    pages = fixtures()
    assert len(pages) == 50
    for n, (name, (body, content_type)) in enumerate(pages.items()):
        found = stored(store, body, content_type, Entry(f"https://o.id/b-{n}"))
        assert found is not None, name
        assert "netral selama pemilihan kepala da" in found.body, name
        text = found.title + found.body.replace("\n\n", "")
        text.encode("utf-8")
        assert all(character.isprintable() or character in "\ue000\ue001\u200d" for character in text), (name, text)


@st.composite
def nasty_text(draw: st.DrawFn) -> str:
    return draw(st.text(st.characters(codec=None), max_size=60)) + draw(
        st.sampled_from(
            ["", "\x00", "\ud800", "\udfff\ud800", "\u202e", "ASN", "\u200b", "&#0;", "]]>", "</p>", "'; --"]
        )
    )


def foreign_strings(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "pantau.db") as opened:
        opened.sync_sources([SOURCE])
        number = itertools.count()
        done = 0

        @given(nasty_text(), nasty_text(), nasty_text())
        @settings(max_examples=count, deadline=None, database=None)
        def store_it(title: str, text: str, author: str) -> None:
            nonlocal done
            html = article(f"ASN {title}", f'<meta name="author" content="{author}">', text=f"{PROSE} {text}")
            entry = Entry(
                f"https://o.id/s-{next(number)}?q={quote(title, errors='replace')}",
                title=title,
                author=author,
                guid=text,
                summary=text,
            )
            done += stored(opened, html.encode("utf-8", "surrogatepass"), "text/html; charset=utf-8", entry) is not None
            cheap = step.read_article(ReadRequest(SOURCE, replace(entry, body_html=html), (), datetime.now(UTC)))
            assert isinstance(cheap, Article | Rejection | MorePages)

        started = time.monotonic()
        store_it()
        print(f"{done} of {count} strings stored in {time.monotonic() - started:.0f} s, 0 errors")
        assert done > count * 0.8


def test_foreign_strings_are_stored_without_error() -> None:
    foreign_strings(100)


@pytest.mark.slow
def test_ten_thousand_foreign_strings_are_stored_without_error() -> None:
    foreign_strings(10_000)
