"""Webs without end: loops, calendars, pages that name the next one for ever, sessions in addresses, soft 404 (GUARANTEES A12, A13)."""

from __future__ import annotations

import itertools

import pytest

from crawler.items import CrawlSettings, Discover
from crawler.settings import LIMITS
from tests.crawler.fakeweb import Asked, answer, outlet
from tests.faults.crawling import HTML, article, crawl, open_ports, rss, source
from tests.servers import HostileServer, Reply, Seen

SITEMAP = Discover("sitemap", "https://o.id/s-0.xml")


def index(*names: str) -> str:
    return (
        "<sitemapindex>"
        + "".join(f"<sitemap><loc>https://o.id/{name}</loc></sitemap>" for name in names)
        + "</sitemapindex>"
    )


@pytest.mark.parametrize("shape", ["itself", "loop of three", "fan of 50,000", "fans of fans", "new names for ever"])
async def test_sitemaps_that_lead_on_and_on_cost_at_most_fifty_requests(shape: str) -> None:
    number = itertools.count(1)
    one = outlet({}, SITEMAP)

    def there(asked: Asked) -> object:
        match shape:
            case "itself":
                return answer(index("s-0.xml"))
            case "loop of three":
                at = int(asked.url.rpartition("-")[2].removesuffix(".xml"))
                return answer(index(f"s-{(at + 1) % 3}.xml"))
            case "fan of 50,000":
                return (
                    answer(index(*(f"s-{n}.xml" for n in range(50_000))))
                    if asked.url.endswith("-0.xml")
                    else answer("<urlset/>")
                )
            case "fans of fans":
                return answer(index(*(f"s-{next(number)}.xml" for _ in range(100))))
            case _:
                return answer(index(f"s-{next(number)}.xml"))

    class Everything(dict[str, object]):
        def get(self, url: str, default: object = None) -> object:
            return default if url.endswith("robots.txt") else there

    one.web.pages = Everything()
    await one.poll()
    assert 1 <= len(one.web.urls) <= LIMITS.max_sitemaps == 50


def serve(server: HostileServer) -> dict[str, object]:
    """Lay out an outlet for each trap; answer for any path below it."""
    count = itertools.count()

    def calendar(seen: Seen) -> Reply:
        at = int(seen.path.rpartition("=")[2]) if "=" in seen.path else 0
        links = "".join(
            f'<a href="/2024/{at}/{n}/asn-wajib-netral-kata-bupati">ASN wajib netral kata bupati</a>' for n in range(5)
        )
        return Reply(f'<!doctype html>{links}<a class="n" href="/kalender?hari={at + 1}">besok</a>', headers=HTML)

    def further(seen: Seen) -> Reply:
        """An article that is never whole: each page names another one."""
        at = int(seen.path.rpartition("=")[2]) if "=" in seen.path else 1
        links = f'<div class="pagination"><a href="/cerita?page={at + 1}">{at + 1}</a></div><link rel="next" href="/cerita?page={at + 1}">'
        return Reply(article("ASN Wajib Netral").replace("</article>", links + "</article>"), headers=HTML)

    def sessions(seen: Seen) -> Reply:
        return rss(*(f"/berita?PHPSESSID={next(count)}" for _ in range(30)))

    traps: dict[str, object] = {"kalender": calendar, "cerita": further, "sesi": sessions}
    server.at("kalender.test/kalender", calendar)
    server.at("cerita.test/feed", rss("/cerita"))
    server.at("cerita.test/cerita", further)
    server.at("sesi.test/feed", sessions)
    for n in range(200):
        server.at(f"kalender.test/kalender?hari={n}", calendar)
        server.at(f"cerita.test/cerita?page={n}", further)
        server.at(f"sesi.test/berita?PHPSESSID={n}", Reply(article("ASN Wajib Netral"), headers=HTML))
    return traps


MISSING = (
    *("Halaman tidak ditemukan", "404 - Halaman Tidak Ditemukan", "Oops! Artikel tidak ditemukan", "Not Found", "404"),
    *("Maaf, halaman yang Anda cari tidak ada", "Berita telah dihapus", "Konten tidak tersedia", "Page not found"),
    *(
        "Nothing Found",
        "Error 404",
        "Artikel tidak ada",
        "Laman tidak ditemukan",
        "Url tidak ditemukan",
        "Berita hilang",
    ),
    *(
        "Halaman sudah dihapus",
        "That page can't be found",
        "Konten telah dihapus",
        "Maaf, artikel tidak ditemukan",
        "Ups! 404",
    ),
)


def test_what_has_no_end_is_ended_and_soft_404_is_no_article() -> None:
    with HostileServer() as server:
        serve(server)
        for n, title in enumerate(MISSING):
            html = f"<!doctype html><html><head><title>{title}</title></head><body><h1>{title}</h1><p>Silakan kembali ke <a href='/'>beranda</a>.</p></body></html>"
            server.at(f"hilang.test/m-{n}", Reply(html, headers=HTML))
        server.at("hilang.test/feed", rss(*(f"/m-{n}" for n in range(len(MISSING)))))
        names = ("kalender", "cerita", "sesi", "hilang")
        listed = source(server, "kalender", "page", "/kalender", next="a.n", max_pages=50)
        sources = [listed, *(source(server, name, "feed", "/feed") for name in names[1:])]
        settings = CrawlSettings(
            delay_s=0.0, keep="all", topic="ASN", ports=open_ports(server, *(f"{n}.test" for n in names))
        )
        first = crawl(settings, sources, reader="")
        asked = {
            name: [seen.path for seen in server.asked(host=f"{name}.test") if "robots" not in seen.path]
            for name in names
        }
    assert first.seconds < 60
    assert sum(path.startswith("/kalender") for path in asked["kalender"]) <= 50
    assert len(asked["cerita"]) <= 1 + LIMITS.max_article_pages
    assert [found.body_status for found in first.reports["cerita"].articles] == ["incomplete"]
    # Sessions make new addresses; the database sees that they are one text (tests/pipelines/test_store.py).
    assert len(asked["sesi"]) <= 1 + 30
    assert len(MISSING) == 20
    assert not first.reports["hilang"].articles
    assert {error.message for error in first.reports["hilang"].errors} <= {"soft_404"}
