"""Articles of several pages and twins of one article, from address to stored text: the poll, the article step, the keys.

The web is a dictionary; fetching order, joining and what happens to a page that fails are the product's own.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from crawler.errors import FetchError
from crawler.fetch import Answer
from crawler.identity import entry_key
from crawler.items import Article, ArticleHints, CrawlSettings, Entry, Memory, Page, PollTask, ReadRequest, Source
from crawler.poll import Poller
from crawler.settings import LIMITS
from pipelines import article as step
from tests.outlets.golden import families, read_golden
from tests.pipelines.newspage import OTHER_STORIES, PARAGRAPHS, TITLE, page, paragraphs

NOW = datetime(2024, 11, 20, 3, 0, tzinfo=UTC)
OTHER = "Ini cerita tentang hal yang sama sekali lain dan tidak boleh masuk ke dalam berita tentang camat itu."


@dataclass
class Web:
    """Answers from a dictionary, as crawler.fetch.Fetcher would. What is not in it fails."""

    pages: dict[str, str]
    asked: list[str] = field(default_factory=list)
    hosts: Any = field(default_factory=lambda: SimpleNamespace(of=lambda key: SimpleNamespace(rests=lambda now: False)))
    requests: int = 0
    downloaded_bytes: int = 0

    async def get(self, url: str, **kinds: object) -> Answer:
        self.asked.append(url)
        if url not in self.pages:
            raise FetchError("timeout", url, "no answer within 30 s", retry=True)
        return Answer(url, 200, {"content-type": "text/html; charset=utf-8"}, self.pages[url].encode())


def read(pages: dict[str, str], url: str, hints: ArticleHints = ArticleHints()) -> tuple[Article, Web]:  # noqa: B008
    """Return what is stored of the article at `url`, and the web it came from."""
    step.set_up(CrawlSettings(topic={"any": ["camat"]}, rules={}, keep="all"))
    web = Web(pages)

    async def reader(request: ReadRequest) -> Any:
        return step.read_article(request)

    source = Source("satu", "Satu", url, urls=(url,), article=hints)
    poller = Poller(web, reader, clock=lambda: NOW)  # type: ignore[arg-type]
    report = asyncio.run(poller.poll(PollTask(source, Memory())))
    assert len(report.articles) == 1, report
    return report.articles[0], web


def parts(count: int) -> list[list[str]]:
    """Paragraphs for so many pages, all different."""
    return [[f"{text[:-1]}, menurut catatan lembar {n}." for text in PARAGRAPHS[:2]] for n in range(1, count + 1)]


def site(
    url: str, addresses: list[str], *, whole: str = "", canonical: bool = True, box: str = "paging"
) -> dict[str, str]:
    """The pages of one article that link each other, with a box repeated on each and the next article beside them."""
    made = {}
    texts = parts(len(addresses))
    links = "".join(f'<a href="{address}">{n}</a> ' for n, address in enumerate(addresses, 1))
    if whole:
        links += f'<a href="{whole}">Tampilkan Semua</a>'
    for number, address in enumerate(addresses):
        after = addresses[number + 1] if number + 1 < len(addresses) else ""
        nav = f'<div class="{box}">Halaman: {links}{f"""<a href="{after}">Selanjutnya</a>""" if after else ""}</div>'
        nav += f'<a rel="next" href="/berita/9999/{number}-berita-lain">Artikel Selanjutnya: {OTHER_STORIES[0]}</a>'
        summary = (
            '<div class="ringkasan-box"><p>Camat diperiksa tiga jam lamanya oleh panitia pengawas kecamatan.</p></div>'
        )
        made[address] = page(
            summary + paragraphs(*texts[number]),
            below=nav,
            head=f'<link rel="canonical" href="{url}">' if canonical else "",
        )
    if whole:
        made[whole] = page(
            paragraphs(*(text for part in texts for text in part)), head=f'<link rel="canonical" href="{url}">'
        )
    other = page(paragraphs(OTHER), title="Cerita Lain")
    return made | {f"{'/'.join(url.split('/')[:3])}/berita/9999/{n}-berita-lain": other for n in range(len(addresses))}


def numbered(url: str, form: str, count: int = 3, step_by: int = 1) -> list[str]:
    return [url, *(url + form.format(n=n, at=(n - 1) * step_by) for n in range(2, count + 1))]


MERGED = {
    "?page=N": ("https://www.warta.example/berita/12/camat-dipanggil-bawaslu", "?page={n}", 1),
    "?halaman=N": ("https://www.warta.example/berita/12/camat-dipanggil-bawaslu", "?halaman={n}", 1),
    "?page_num=N": ("https://www.warta.example/berita/12/camat-dipanggil-bawaslu", "?page_num={n}", 1),
    "/2": ("https://www.warta.example/nasional/20241113-12/camat-dipanggil-bawaslu", "/{n}", 1),
    "/2/ of WordPress": ("https://www.warta.example/camat-dipanggil-bawaslu/", "{n}/", 1),
    "/page/2/": ("https://www.warta.example/camat-dipanggil-bawaslu", "/page/{n}/", 1),
    "/15 /30, offsets": ("https://www.warta.example/read/12/camat-dipanggil-bawaslu", "/{at}", 15),
    "/5 /10, offsets": ("https://www.warta.example/read/12/174/camat-dipanggil-bawaslu-1731", "/{at}", 5),
    "-part2": ("https://www.warta.example/berita/12/camat-dipanggil-bawaslu", "-part{n}", 1),
}
AT_ONCE = {
    "?page=all": "https://www.warta.example/berita/12/camat-dipanggil-bawaslu",
    "?showpage=all": "https://daerah.warta.example/read/12/174/camat-dipanggil",
    "?single=1": "https://news.warta.example/berita/d-12/camat-dipanggil",
    "?view=all": "https://www.warta.example/berita/12/camat-dipanggil-bawaslu",
    "/all": "https://sumsel.warta.example/berita/camat-dipanggil-bawaslu",
    "/0": "https://www.warta.example/berita/camat-dipanggil-bawaslu",
}
KNOWN = {  # no link to all of it on the page: the spelling is the site's
    "kompas": ("https://regional.kompas.com/read/2024/11/13/12/camat-dipanggil", "?page={n}", "?page=all", 1),
    "tribunnews": ("https://sumsel.tribunnews.com/2024/11/13/camat-dipanggil", "?page={n}", "?page=all", 1),
    "sindonews": ("https://daerah.sindonews.com/read/12/174/camat-dipanggil", "/{at}", "?showpage=all", 5),
    "detik": ("https://news.detik.com/berita/d-12/camat-dipanggil", "/{n}", "?single=1", 1),
    "poskota": ("https://www.poskota.co.id/2024/11/13/camat-dipanggil-bawaslu", "?page={n}", "?view=all", 1),
    "inews": ("https://sumsel.inews.id/berita/camat-dipanggil-bawaslu", "/{n}", "/all", 1),
    "wahananews": ("https://nasional.wahananews.co/berita/camat-dipanggil-bawaslu", "/{n}", "/0", 1),
}
BOX = "Camat diperiksa tiga jam lamanya oleh panitia pengawas kecamatan."


def whole_body(count: int) -> str:
    return "\n\n".join([BOX, *(text for part in parts(count) for text in part)])


@pytest.mark.parametrize("way", MERGED)
def test_pages_are_fetched_and_joined_in_order_without_repeats(way: str) -> None:
    url, form, by = MERGED[way]
    found, web = read(site(url, numbered(url, form, step_by=by)), url)
    assert found.body == whole_body(3)
    assert (found.body_status, found.title, entry_key(found.url)) == ("whole", TITLE, entry_key(url))
    assert not any("berita-lain" in asked for asked in web.asked)


@pytest.mark.parametrize("way", MERGED)
def test_without_canonical_links_the_key_is_still_the_first_page_s(way: str) -> None:
    url, form, by = MERGED[way]
    found, _ = read(site(url, numbered(url, form, step_by=by), canonical=False), url)
    assert found.body == whole_body(3)
    assert entry_key(found.url) == entry_key(url)


@pytest.mark.parametrize("way", AT_ONCE)
def test_an_address_that_gives_all_is_fetched_instead_of_the_pages(way: str) -> None:
    url = AT_ONCE[way]
    addresses = numbered(url, "?page={n}")
    found, web = read(site(url, addresses, whole=url + way), url)
    assert found.body == "\n\n".join(text for part in parts(3) for text in part)
    assert web.asked == [url, url + way]
    assert entry_key(found.url) == entry_key(url)


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_site_s_own_spelling_is_used_where_the_page_shows_that_there_is_more(name: str) -> None:
    url, form, whole, by = KNOWN[name]
    pages = site(url, numbered(url, form, step_by=by))
    pages[url + whole] = page(paragraphs(*(text for part in parts(3) for text in part)))
    found, web = read(pages, url)
    assert web.asked == [url, url + whole]
    assert found.body == "\n\n".join(text for part in parts(3) for text in part)


def test_all_pages_in_one_response_need_no_second_request() -> None:
    url = "https://www.warta.example/regional/read/12/camat-dipanggil"
    texts = parts(3)
    shown = "".join(
        f'<div class="isi__item-page" data-page="{n}">{paragraphs(*t)}</div>' for n, t in enumerate(texts, 1)
    )
    nav = f'<div class="paging"><a href="{url}?page=1">1</a><a href="{url}?page=2">2</a><a href="{url}?page=3">3</a></div>'
    found, web = read({url: page(shown, below=nav)}, url)
    assert found.body == "\n\n".join(text for part in texts for text in part)
    assert web.asked == [url]


def test_the_hint_of_a_source_leads_from_page_to_page() -> None:
    url, two, three = (f"https://www.warta.example/baca/{n}-camat" for n in (41, 77, 93))
    texts = parts(3)

    def one(number: int, after: str) -> str:
        link = f'<a class="sambungan" href="{after}">Sambungan</a>' if after else ""
        return page(paragraphs(*texts[number]), below=link)

    found, web = read({url: one(0, two), two: one(1, three), three: one(2, "")}, url, ArticleHints(next="a.sambungan"))
    assert found.body == "\n\n".join(text for part in texts for text in part)
    assert (web.asked, entry_key(found.url)) == ([url, two, three], entry_key(url))


def test_the_next_article_is_never_taken_for_the_next_page() -> None:
    url = "https://www.warta.example/berita/12/camat-dipanggil-bawaslu"
    after = "/berita/13/bupati-lantik-pejabat"
    nexts = (
        f'<link rel="next" href="{after}">',
        f'<div class="paging"><a href="{after}">Selanjutnya</a></div>',
        f'<div class="pagination"><a href="{after}/2">2</a></div>',
        f'<a class="load-next" href="/serial/next/12">Baca selanjutnya</a><a href="{after}?page=2">2</a>',
        f'<nav class="navigation post-navigation"><a rel="next" href="{after}/">Bupati Lantik Pejabat</a></nav>',
    )
    for link in nexts:
        pages = {url: page(paragraphs(*PARAGRAPHS), below=link)}
        found, web = read(pages, url)
        assert (found.body, web.asked) == ("\n\n".join(PARAGRAPHS), [url]), link


def test_at_most_twenty_pages_are_read() -> None:
    url = "https://www.warta.example/berita/12/camat-dipanggil-bawaslu"
    found, web = read(site(url, numbered(url, "?page={n}", count=60)), url)
    assert len(web.asked) == len(set(web.asked)) == LIMITS.max_article_pages == 20
    assert found.body == whole_body(20)


@pytest.mark.parametrize("missing", [2, 3])
def test_a_page_that_fails_leaves_the_article_stored_and_incomplete(missing: int) -> None:
    url = "https://www.warta.example/berita/12/camat-dipanggil-bawaslu"
    addresses = numbered(url, "?page={n}")
    pages = site(url, addresses)
    del pages[addresses[missing - 1]]
    found, _ = read(pages, url)
    assert found.body_status == "incomplete"
    assert found.body == whole_body(missing - 1)
    assert entry_key(found.url) == entry_key(url)


def test_an_address_of_all_that_fails_or_gives_a_stub_leaves_the_first_page() -> None:
    url = "https://www.warta.example/berita/12/camat-dipanggil-bawaslu"
    pages = site(url, numbered(url, "?page={n}"), whole=f"{url}?page=all")
    del pages[f"{url}?page=all"]
    found, _ = read(pages, url)
    assert (found.body, found.body_status) == (whole_body(1), "incomplete")


@pytest.mark.parametrize("family", [name for name in families() if read_golden(name).more])
def test_a_golden_article_of_several_pages_is_stored_whole(family: str) -> None:
    golden = read_golden(family)
    url = golden.expected["url"]
    pages = {url: golden.html, **golden.more}
    found, _ = read(pages, url)
    assert found.body == "\n\n".join(golden.whole)
    assert found.body_status == "whole"


# ---- twins


def stored(html: str, url: str) -> Article:
    step.set_up(CrawlSettings(topic={"any": ["camat"]}, rules={}, keep="all"))
    source = Source("satu", "Satu", "https://www.warta.example")
    found = step.read_article(ReadRequest(source, Entry(url=url), (Page(url, html.encode(), "text/html", NOW),), NOW))
    assert isinstance(found, Article), found
    return found


DESKTOP = "https://www.warta.example/berita/12/camat-dipanggil-bawaslu"
TWINS = {
    "AMP below the path": f"{DESKTOP}/amp",
    "AMP with a slash": f"{DESKTOP}/amp/",
    "AMP before the path": "https://www.warta.example/amp/berita/12/camat-dipanggil-bawaslu",
    "AMP by parameter": f"{DESKTOP}?amp=1",
    "AMP host": "https://amp.warta.example/berita/12/camat-dipanggil-bawaslu",
    "mobile host": "https://m.warta.example/berita/12/camat-dipanggil-bawaslu",
    "no www": "https://warta.example/berita/12/camat-dipanggil-bawaslu",
    "shared": f"{DESKTOP}?utm_source=wa&fbclid=x#komentar",
}


def amp(html: str) -> str:
    """The AMP rendering of a page: its own elements for pictures, videos, advertisements and menus."""
    html = html.replace("<html ", "<html amp ", 1).replace("<nav>", "<amp-sidebar>").replace("</nav>", "</amp-sidebar>")
    html = re.sub(
        r"<script.*?</script>", '<script async src="https://cdn.ampproject.org/v0.js"></script>', html, flags=re.S
    )
    more = '<amp-ad width=300 height=250 type="doubleclick"><div placeholder>ADVERTISEMENT</div></amp-ad>'
    more += '<amp-img src="/a.jpg" alt="Camat"></amp-img><amp-youtube data-videoid="x"><p>Tonton video ini sekarang juga.</p></amp-youtube>'
    return html.replace("</p><p>", f"</p>{more}<p>", 1)


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("linked", [True, False])
def test_twins_are_one_article_with_the_same_text(twin: str, linked: bool) -> None:
    head = f'<link rel="canonical" href="{DESKTOP}">' if linked else ""
    html = page(paragraphs(*PARAGRAPHS), head=head)
    one = stored(html, DESKTOP)
    other = stored(amp(html) if "AMP" in twin else html, TWINS[twin])
    assert entry_key(one.url) == entry_key(other.url) == entry_key(DESKTOP) == entry_key(TWINS[twin])
    assert (other.body, other.content_sha256) == (one.body, one.content_sha256)
    if linked:
        assert one.url == other.url == DESKTOP


def test_a_twin_s_stub_yields_to_the_text_that_the_listing_or_the_json_gives() -> None:
    body = " ".join(PARAGRAPHS)
    ld = f'<script type="application/ld+json">{{"@type": "NewsArticle", "headline": "{TITLE}", "articleBody": "{body}"}}</script>'
    stub = page("<p>Baca selengkapnya di aplikasi kami.</p>", head=ld)
    found = stored(stub, TWINS["AMP host"])
    assert found.body.replace("\n\n", " ") == body
    assert replace(found, url="").title == TITLE
