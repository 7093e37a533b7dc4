"""What a CMS family must be able to do, and the listing formats that several share. tests/newsroom/test_outlets.py."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from newsroom import shell, times
from newsroom.httpd import Request
from newsroom.model import Article
from newsroom.page import Page

if TYPE_CHECKING:
    from newsroom.site import Record, Site

FEED_ITEMS = 50


@dataclass(frozen=True, slots=True)
class Listing:
    """An answer of a discovery endpoint. `modified_at` is its Last-Modified; `headers` go out as they are."""

    content_type: str
    body: str | bytes
    modified_at: datetime | None = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


class Family(ABC):
    """A CMS. Subclasses override `page` and `listing`, and what differs of the rest."""

    kind = ""
    css_kb = 24
    js_kb = 34
    page_validators = True  # whether article pages carry ETag and Last-Modified
    robots_extra = ""
    related_label = "Baca Juga"

    def path(self, article: Article, published: datetime) -> str:
        """Return the address of an article's first page, from `/`; published is the outlet's local time."""
        return f"/read/{article.number}/{article.slug}"

    def page_path(self, path: str, number: int) -> str:
        """Return the address (with query) of page number, 1 being path itself."""
        return path if number == 1 else f"{path}?page={number}"

    def twin_path(self, path: str) -> str:
        """Return the second address of an article that the outlet has twice."""
        return path + "-2"

    def whole_path(self, path: str) -> str | None:
        """Return the address that shows all pages at once, or None where the family has none."""
        return None

    def dateline(self, article: Article, name: str) -> str:
        """Return what stands before the first paragraph, with its trailing space."""
        return ""

    @abstractmethod
    def discover(self, base: str) -> tuple[dict[str, Any], ...]:
        """Return the outlet's `discover`, in the form of sources.yaml."""

    def also(self, base: str) -> tuple[dict[str, Any], ...]:
        """Return further ways of discovery that work."""
        return ({"sitemap": f"{base}/sitemap.xml"},)

    @abstractmethod
    def page(self, page: Page) -> str:
        """Return one page of an article as HTML."""

    def listing(self, site: Site, request: Request) -> Listing | None:
        """Return the answer of a discovery endpoint, or None where the path is none."""
        return None

    def alternates(self, base: str) -> str:
        """Return the `<link rel="alternate">` elements of the home page."""
        return ""

    # shared pieces

    def shell(self, page: Page) -> tuple[str, str, str]:
        """Return the outlet's bulk (head, top, end), the widget data with headlines of the subject in the end part."""
        head, top, end = shell.bulk(page.site_id, self.css_kb, self.js_kb)
        return head, top, shell.widget_data([t for t, _ in page.related(12)], page.base) + end

    def home(self, site: Site, heading: str) -> str:
        """Return a front or rubric page that links to every article: no dates, titles in h2."""
        head, top, end = shell.bulk(site.id, self.css_kb, self.js_kb)
        items = "\n".join(
            f'<article class="latest__item"><a href="{escape(r.path)}" class="latest__img"><img src="/img/thumb-{r.article.number}.jpg"'
            f' alt=""></a><h2 class="latest__title"><a class="latest__link" href="{escape(r.path)}">{escape(r.title)}</a></h2></article>'
            for r in site.listed()
        )
        return (
            f'<!DOCTYPE html><html lang="id"><head><meta charset="utf-8"><title>{escape(heading)}</title>'
            f'{self.alternates(site.base)}{head}</head><body>{top}<header><a class="logo" href="/">{escape(site.name)}</a>'
            f"{shell.menu('main-nav')}</header><main><h1>{escape(heading)}</h1>{items}</main>"
            f'<footer><a href="/tentang-kami">Tentang Kami</a> <a href="/pedoman-media-siber">Pedoman Media Siber</a></footer>{end}</body></html>'
        )

    def missing(self, site: Site) -> str:
        """Return the page that says that there is none."""
        head, top, end = shell.bulk(site.id, self.css_kb, self.js_kb)
        links = "".join(f'<li><a href="{escape(r.path)}">{escape(r.title)}</a></li>' for r in site.listed()[:10])
        return (
            f'<!DOCTYPE html><html lang="id"><head><meta charset="utf-8"><title>Halaman tidak ditemukan - {escape(site.name)}</title>'
            f"{head}</head><body>{top}{shell.menu('main-nav')}<main><h1>Halaman tidak ditemukan</h1><p>Maaf, halaman yang Anda"
            f" cari tidak ditemukan atau sudah dihapus.</p><h3>Berita Terpopuler</h3><ul>{links}</ul></main>{end}</body></html>"
        )


def rss(
    site: Site,
    records: Iterable[Record],
    date: Callable[[datetime], str],
    *,
    link: Callable[[str], str] = lambda url: url,
    extra: Callable[[Record], str] = lambda record: "",
    namespaces: str = "",
    guid: Callable[[Record], str] = lambda record: "",
    most: int = FEED_ITEMS,
) -> Listing:
    """Return an RSS 2.0 feed; date writes a local time, link adds tracking, extra adds elements to an item."""
    chosen = list(records)[:most]
    items = [
        (
            f"<item><title>{escape(r.title, quote=False)}</title><link>{escape(link(site.base + r.path))}</link>"
            + (guid(r) or f'<guid isPermaLink="false">{r.article.number}</guid>')
            + f"<pubDate>{date(times.local(r.published_at, site.zone))}</pubDate>"
            f"<description><![CDATA[{escape(r.lead[:180], quote=False)}...]]></description>{extra(r)}</item>\n"
        )
        for r in chosen
    ]
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"{namespaces}><channel><title>{escape(site.name)}</title>'
        f"<link>{site.base}</link><description>Berita terkini {escape(site.region)}</description><language>id</language>\n"
        f"{_hub_links(site)}"
        f"{''.join(items)}</channel></rss>"
    )
    return Listing("application/rss+xml; charset=UTF-8", body, newest(chosen))


def _hub_links(site: Site) -> str:
    """Return the Atom links by which a feed names its hub and itself (WebSub); nothing without a hub."""
    if not site.hub:
        return ""
    feed = next(
        way["feed"] for way in (*site.family.discover(site.base), *site.family.also(site.base)) if "feed" in way
    )
    links = (("hub", site.hub), ("self", feed))
    space = 'xmlns:atom="http://www.w3.org/2005/Atom"'
    return "".join(f'<atom:link {space} rel="{rel}" href="{escape(url)}"/>\n' for rel, url in links)


def urlset(site: Site, records: Sequence[Record], *, news: bool = False, lastmod: bool = True) -> Listing:
    """Return a sitemap, with the news extension's title and date where news is set."""
    rows = []
    for r in records:
        moment = times.local(r.published_at, site.zone).isoformat(timespec="seconds")
        changed = times.local(r.modified_at or r.published_at, site.zone).isoformat(timespec="seconds")
        detail = (
            f"<news:news><news:publication><news:name>{escape(site.name)}</news:name><news:language>id</news:language>"
            f"</news:publication><news:publication_date>{moment}</news:publication_date>"
            f"<news:title><![CDATA[{r.title}]]></news:title><news:keywords>{escape(', '.join(r.article.tags))}</news:keywords></news:news>"
            if news
            else ""
        )
        rows.append(
            f"<url><loc>{escape(site.base + r.path)}</loc>{f'<lastmod>{changed}</lastmod>' if lastmod else ''}{detail}</url>\n"
        )
    space = ' xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"' if news else ""
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"{space}>\n'
        f"{''.join(rows)}</urlset>"
    )
    return Listing("application/xml; charset=utf-8", body, newest(records))


def newest(records: Iterable[Record]) -> datetime | None:
    """Return the latest change of any of the records."""
    return max((r.modified_at or r.published_at for r in records), default=None)
