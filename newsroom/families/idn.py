"""A magazine-like portal (seed: IDN Times): news sitemap behind an index with one .gz, summary box, numbered headings.

Its dates: JSON-LD with +07:00 and a short visible date. Classes are a build's hashes; the page's state lies in a script too.
Below each heading a photograph repeats the article's title as its alternative text, with a caption.
"""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Any

from newsroom import shell, times
from newsroom.families.base import Family, Listing, newest, urlset
from newsroom.httpd import Request
from newsroom.model import Article
from newsroom.page import Page, hash_of, ld, meta

if TYPE_CHECKING:
    from newsroom.site import Site

FRESH = timedelta(hours=48)  # what a news sitemap may hold, by its specification


class Idn(Family):
    """See the module."""

    kind = "idn"
    css_kb, js_kb = 30, 68
    robots_extra = "Disallow: /search\n"

    def path(self, article: Article, published: datetime) -> str:
        return f"/news/daerah/{article.slug}-00-{article.number}-kx7p2"

    def twin_path(self, path: str) -> str:
        return path.replace("/news/daerah/", "/news/politik/")

    def dateline(self, article: Article, name: str) -> str:
        return f"{article.dateline}, {name} - " if article.dateline else ""

    def discover(self, base: str) -> tuple[dict[str, Any], ...]:
        return ({"sitemap": f"{base}/sitemap.xml"},)

    def also(self, base: str) -> tuple[dict[str, Any], ...]:
        return ({"sitemap": f"{base}/sitemap-news.xml"},)

    def listing(self, site: Site, request: Request) -> Listing | None:
        records = site.listed()
        if not records:
            return None
        edge = records[0].published_at - FRESH
        fresh = [r for r in records if r.published_at > edge]
        old = [r for r in records if r.published_at <= edge]
        if request.path == "/sitemap.xml":
            parts = [("sitemap-news.xml", newest(fresh)), ("sitemap-arsip-1.xml.gz", newest(old))]
            rows = "".join(
                f"<sitemap><loc>{site.base}/{name}</loc><lastmod>{times.local(at, site.zone).isoformat(timespec='seconds')}</lastmod></sitemap>\n"
                for name, at in parts
                if at
            )
            body = (
                '<?xml version="1.0" encoding="UTF-8"?>\n<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
                f"{rows}</sitemapindex>"
            )
            return Listing("application/xml; charset=utf-8", body, newest(records))
        if request.path == "/sitemap-news.xml":
            return urlset(site, fresh, news=True)
        if request.path == "/sitemap-arsip-1.xml.gz":
            plain = urlset(site, old)
            body = str(plain.body).encode()
            return Listing("application/gzip", gzip.compress(body, mtime=0), plain.modified_at)
        return None

    def page(self, page: Page) -> str:
        a = page.article
        head, top, end = self.shell(page)
        title = escape(page.title)
        css = f"css-{hash_of(page.site_id) % 0xFFFFF:x}"
        news = {
            "@type": "NewsArticle",
            "headline": page.title,
            "image": [page.image] if page.image else [],
            "datePublished": page.published.isoformat(timespec="seconds"),
            "dateModified": (page.modified or page.published).isoformat(timespec="seconds"),
            "author": [{"@type": "Person", "name": a.author or "Redaksi", "url": f"{page.base}/author/{a.number}"}],
            "publisher": {"@type": "Organization", "name": page.site_name},
            "mainEntityOfPage": page.url,
        }
        crumbs = {
            "@type": "BreadcrumbList",
            "itemListElement": [
                {"@type": "ListItem", "position": i, "item": {"@id": page.base + path, "name": name}}
                for i, (name, path) in enumerate((("Home", "/"), ("News", "/news"), (page.title, page.path)), 1)
            ],
        }
        state = {
            "props": {
                "pageProps": {
                    "article": {"slug": a.slug, "title": page.title, "related": [t for t, _ in page.side(10, 5)]}
                }
            },
            "buildId": "tiruan",
        }
        summary = ""
        if a.summary:
            points = "".join(f"<li>{page.c(page.fill(s))}</li>" for s in a.summary)
            summary = f'<div class="{css}-sum summary-box"><strong>{page.mark("Intinya Sih...")}</strong><ul>{points}</ul></div>'
        cover = ""
        if page.image:
            cover = (
                f'<figure class="{css}-cover"><img src="{page.image}" alt="{title}"/>'
                f"<figcaption>{page.c(page.fill(a.caption or ''))}</figcaption></figure>"
            )
        card = f'<div class="{css}-card"><a href="{{href}}" class="{css}-lnk"><div class="{css}-im"><img loading="lazy" src="{{img}}" alt="{{title}}"/></div><h3 class="{css}-ttl">{{title}}</h3><span class="{css}-ch">News</span></a></div>'
        return f"""<!DOCTYPE html><html lang="id" data-theme="light"><head><meta charSet="utf-8"/><meta name="viewport" content="width=device-width"/>
<title>{title} | {escape(page.site_name)}</title><link rel="canonical" href="{page.url}"/>
{meta(description=page.lead[:155], author=page.site_name, og__type="article", og__title=page.title, og__image=page.image, og__url=page.url, twitter__title=page.title)}
{ld(news)}{ld(crumbs)}{head}</head><body><div id="__next">{top}
<header class="{css}-hd"><a href="/"><img alt="{escape(page.site_name)}" src="/img/logo.svg"/></a>{shell.menu(css + "-nav")}</header>
<div class="{css}-ticker">{page.cards(page.side(6, 1), '<a href="{href}">{title}</a>')}</div>
<main class="{css}-main"><article class="{css}-art">
<nav class="{css}-bc"><a href="/">Home</a> / <a href="/news">News</a> / <a href="/news/daerah">Daerah</a></nav>
<h1 class="{css}-h1">{title}</h1>
<div class="{css}-by"><a href="/author/{a.number}">{escape(a.author or "Redaksi")}</a><time>{page.published.day:02d} {times.BULAN[page.published.month - 1][:3]} {page.published.year}, {page.clock} {page.zone_letters}</time></div>
<div class="{css}-share"><button>{page.c("Share to Facebook")}</button><button>{page.c("Share to WhatsApp")}</button><button>{page.c("Copy Link Berhasil")}</button></div>
{cover}{summary}
<div class="{css}-body article-content">
{self.body(page, css)}
</div>
<div class="{css}-topic"><p>Topik:</p><ul>{page.cards(((t, f"/tag/{i}") for i, t in enumerate((*a.tags, a.author or "Redaksi"))), '<li><a href="{href}">{title}</a></li>')}</ul></div>
<p class="{css}-fol">{page.c("Ikuti terus " + page.site_name + " untuk info terkini dari daerahmu")}</p>
</article>
<section class="{css}-lat"><h2>{page.c("Berita Terkini Lainnya")}</h2>{page.cards(page.side(14, 2), card)}</section>
<section class="{css}-cmt"><h2>Komentar Pembaca</h2>{"".join(f"<div><b>{n}</b><p>{t}</p></div>" for n, t in page.comments(3))}</section></main>
<aside class="{css}-sd">{shell.advertisement(page.rng, page.c("ADVERTISEMENT"))}<h2>{page.c("Editor's Picks")}</h2>{page.cards(page.side(10, 3), card)}
{shell.advertisement(page.rng)}<h2>{page.c("Trending di Daerahmu")}</h2>{page.cards(page.side(10, 4), card)}</aside>
<footer class="{css}-ft"><p>{page.c(f"Hak cipta {page.site_name}, bagian dari Cikapundung Media")}</p></footer></div>
<script id="__NEXT_DATA__" type="application/json">{json.dumps(state, ensure_ascii=False)}</script>{end}</body></html>"""

    def body(self, page: Page, css: str) -> str:
        """Return paragraphs, numbered headings, photographs below them, and `Baca Juga` boxes after each section."""
        out: list[str] = []
        links = page.related(3)
        number = 0
        for block in page.blocks(self.dateline(page.article, page.site_name)):
            text = escape(block.text, quote=False)
            if block.kind == "h":
                if links and number < 3:
                    title, href = links.pop(0)
                    out.append(f'<div class="{css}-rel"><p>Baca Juga: <a href="{href}">{page.c(title)}</a></p></div>')
                number += 1
                out.append(f"<h2>{text}</h2>")
                out.append(shell.advertisement(page.rng) if number == 2 else "")
            elif block.kind == "caption":
                out.append(
                    f'<figure><img alt="{escape(page.title)}" src="{page.base}/img/{page.article.number}-{number}.jpg"/>'
                    f"<figcaption>{page.c(block.text)}</figcaption></figure>"
                )
            elif not out and page.article.dateline:
                place, _, rest = text.partition(" - ")
                out.append(f"<p><strong>{place}</strong> - {rest}</p>")
            else:
                out.append(f"<p>{text}</p>")
        title, href = links.pop(0) if links else page.related(4)[-1]
        out.append(f'<div class="{css}-rel"><p>Baca Juga: <a href="{href}">{page.c(title)}</a></p></div>')
        return "\n".join(out)
