"""A regional paper of a Disway-like network (seed: koranpalpres): RSS feed, `BACA JUGA:` paragraphs, pages by path offset /15.

Its dates: naive JSON-LD, a visible line with hyphens and a comma, and Indonesian words in pubDate. The feed's links carry
tracking, and one article stands in it twice. JSON-LD's author is the brand; the reporter stands in the visible line.
"""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from newsroom import shell, times
from newsroom.families.base import Family, Listing, rss
from newsroom.httpd import Request
from newsroom.model import Article
from newsroom.page import Page, ld, meta

if TYPE_CHECKING:
    from newsroom.site import Site

STEP = 15  # the network's page offset: the second page of an article is /15, the third /30


class Disway(Family):
    """See the module."""

    kind = "disway"
    page_validators = False

    def page_path(self, path: str, number: int) -> str:
        return path if number == 1 else f"{path}/{STEP * (number - 1)}"

    def dateline(self, article: Article, name: str) -> str:
        return f"{article.dateline}, {host(name)} – " if article.dateline else ""

    def discover(self, base: str) -> tuple[dict[str, Any], ...]:
        return ({"feed": f"{base}/rss"},)

    def alternates(self, base: str) -> str:
        return f'<link rel="alternate" type="application/rss+xml" title="RSS" href="{base}/rss">'

    def listing(self, site: Site, request: Request) -> Listing | None:
        if request.path != "/rss":
            return None

        def date(d: datetime) -> str:
            return f"{times.long(d)} {d:%H:%M:%S} {times.letters(site.zone)}"

        records = site.listed()
        records += [r for r in records if r.article.copy_of][:1]  # listed once more, under other tracking
        seen: set[str] = set()

        def link(url: str) -> str:
            medium = "feed" if url not in seen else "kanal-politik"
            seen.add(url)
            return f"{url}?utm_source=rss&utm_medium={medium}&utm_campaign=harian"

        return rss(site, records, date, link=link, guid=lambda r: "<guid/>")

    def page(self, page: Page) -> str:
        a = page.article
        head, top, end = self.shell(page)
        title = escape(page.title)
        stamp = f"{page.published:%Y-%m-%d %H:%M:%S}"
        changed = f"{page.modified or page.published:%Y-%m-%d %H:%M:%S}"
        news = {
            "@type": "NewsArticle",
            "mainEntityOfPage": {"@type": "WebPage", "@id": page.url},
            "headline": page.title,
            "image": {"@type": "ImageObject", "url": page.image or f"{page.base}/img/logo-share.png"},
            "datePublished": stamp,
            "dateModified": changed,
            "author": {"@type": "Organization", "name": page.site_name},
            "publisher": {
                "@type": "Organization",
                "name": page.site_name,
                "logo": {"@type": "ImageObject", "url": "/img/logo.png"},
            },
            "description": page.lead[:150],
        }
        byline = (
            f'<div class="date-post"><span class="reporter">Reporter: <a href="/author/1">{escape(a.author or "Tim Redaksi")}</a></span>'
            f'<span class="sep">|</span><span class="editor">Editor: <a href="/author/2">{escape(a.editor or "Redaksi")}</a></span>'
            f'<span class="sep">|</span><span class="date">{times.HARI[page.published.weekday()]} {page.published:%d-%m-%Y,%H:%M} {page.zone_letters}</span></div>'
        )
        photo = ""
        if page.image and page.number == 1:
            photo = (
                f'<figure class="thumb-post"><img class="lazyload" data-src="{page.image}" src="/img/blank.png" alt="{title}">'
                f"<figcaption>{page.c(page.fill(a.caption or '') + '--')}</figcaption></figure>"
            )
        return f"""<!DOCTYPE html>
<html lang="id">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} | {escape(host(page.site_name).title())}</title>
<link rel="canonical" href="{page.url}">
{meta(description=page.lead[:160], keywords=", ".join(a.tags), og__type="article", og__site_name=page.site_name, og__title=page.title, og__url=page.url, og__image=page.image)}
{ld(news)}{head}
</head>
<body class="single">{top}
<header class="header"><a href="/" class="logo"><img src="/img/logo.png" alt="{escape(page.site_name)}"></a>{shell.menu("navbar-nav")}</header>
{shell.advertisement(page.rng)}
<div class="trending"><b>Trending:</b><ul>{page.cards(page.side(8, 3), '<li><a href="{href}">{title}</a></li>')}</ul></div>
<div class="container"><div class="row"><div class="col-md-8">
<ol class="breadcrumb"><li><a href="/">Home</a></li><li><a href="/kategori/{a.rubric.lower()}">{a.rubric}</a></li></ol>
<h1 class="title-post">{title}</h1>
{byline}
<div class="share"><a class="fb" href="#">{page.c("Bagikan ke Facebook")}</a><a class="wa" href="#">{page.c("Bagikan ke WhatsApp")}</a><span class="copy">{page.c("Salin tautan artikel")}</span></div>
{photo}
<div class="post">
{self.body(page)}
</div>
{self.pagination(page)}
<p class="google-news">{page.c("Cek berita dan artikel lainnya di Google News " + page.site_name)}</p>
<p class="source">{page.c("Sumber: liputan " + host(page.site_name).lower())}</p>
<div class="tags"><h4>Tag</h4><ul>{page.cards(((f"#{t}", f"/tag/{t}") for t in a.tags), '<li><a href="{href}">{title}</a></li>')}</ul></div>
<div class="related-post"><h3>Berita Terkait</h3>{page.cards(page.side(8, 1), '<div class="media"><a href="{href}"><img data-src="{img}" class="lazyload" alt=""></a><div class="media-body"><h4><a href="{href}">{title}</a></h4></div></div>')}</div>
<div class="komentar"><h3>Komentar</h3>{"".join(f'<div class="komentar-item"><b>{n}</b><p>{t}</p></div>' for n, t in page.comments(4))}</div>
</div>
<aside class="col-md-4">{shell.advertisement(page.rng)}
<div class="widget"><h3>Terpopuler</h3><ol>{page.cards(page.side(12, 2), '<li><span class="num">{n}</span><a href="{href}"><img data-src="{img}" alt=""><span class="judul">{title}</span></a></li>')}</ol></div>
<div class="widget"><h3>Terkini</h3><ul>{page.cards(page.side(15, 4), '<li class="media"><a href="{href}" data-track="terkini-{n}">{title}</a></li>')}</ul></div>
{shell.advertisement(page.rng)}</aside>
</div></div>
<footer><p>{page.c("Harian " + page.site_name + ", bagian dari Jejaring Media Nusantara Raya")}</p><p>{page.c("Alamat redaksi: Jalan Sekanak Lama Nomor 17")}</p></footer>
{end}</body></html>"""

    def body(self, page: Page) -> str:
        """Return the paragraphs with `BACA JUGA:` lines after the third (two in a row) and the sixth, and advertisements."""
        links = page.related(3)
        if page.number > 1:
            links = links[2:]
        out, count = [], 0
        for block in page.blocks(self.dateline(page.article, page.site_name)):
            if block.kind == "h":
                out.append(f"<h3>{escape(block.text, quote=False)}</h3>")
                continue
            out.append(f"<p>{escape(block.text, quote=False)}</p>")
            count += 1
            if count == 2:
                out.append(shell.advertisement(page.rng, page.c("ADVERTISEMENT")))
            for _ in range({3: 2, 6: 1}.get(count, 0)):
                if links:
                    title, href = links.pop(0)
                    out.append(
                        f'<p><strong>BACA JUGA:<a href="{href}" target="_blank">{page.c(title)}</a></strong></p>'
                    )
        if page.number == page.total and page.article.sign:
            out[-1] = out[-1].removesuffix("</p>") + f" <strong>{page.mark(page.article.sign)}</strong></p>"
        return "\n".join(out)

    def pagination(self, page: Page) -> str:
        if page.total == 1:
            return ""
        items = []
        for n in range(1, page.total + 1):
            href = page.base + page.page_path(n)
            items.append(
                f'<li class="page-item active"><a class="page-link" href="#">{n}</a></li>'
                if n == page.number
                else f'<li class="page-item"><a class="page-link" href="{href}" data-ci-pagination-page="{n}">{n}</a></li>'
            )
        if page.number < page.total:
            items.append(
                f'<li class="page-item"><a class="page-link" href="{page.base + page.page_path(page.number + 1)}" data-ci-pagination-page="{page.number + 1}" rel="next">&raquo;</a></li>'
            )
        return f'<ul class="pagination justify-content-center">{"".join(items)}</ul>'


def host(name: str) -> str:
    """Return the outlet's name as its datelines print it: KORANSEKANAK.COM."""
    return name.upper().replace(" ", "") + ".COM"
