"""A news agency's bureau (Antara-like), in WITA: RSS with naive local dates, `Pewarta/Editor/COPYRIGHT` under the text.

Its dates: a visible line with a one-digit hour ("Rabu, 13 November 2024 9:04 WITA") and a microdata meta with +08:00. The
feed's pubDate has no zone at all: only the source's time zone says what it means.
"""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from newsroom import shell, times
from newsroom.families.base import Family, Listing, rss
from newsroom.httpd import Request
from newsroom.model import Article
from newsroom.page import Page, meta

if TYPE_CHECKING:
    from newsroom.site import Site


class Antara(Family):
    """See the module."""

    kind = "antara"
    css_kb, js_kb = 26, 62

    def path(self, article: Article, published: datetime) -> str:
        return f"/berita/{article.number}/{article.slug}"

    def dateline(self, article: Article, name: str) -> str:
        return f"{article.dateline} ({_agency(name)}) - " if article.dateline else ""

    def discover(self, base: str) -> tuple[dict[str, Any], ...]:
        return ({"feed": f"{base}/rss/terkini.xml"},)

    def alternates(self, base: str) -> str:
        return f'<link rel="alternate" type="application/rss+xml" title="Terkini" href="{base}/rss/terkini.xml">'

    def listing(self, site: Site, request: Request) -> Listing | None:
        if request.path != "/rss/terkini.xml":
            return None
        return rss(site, site.listed(), lambda d: f"{d:%Y-%m-%d %H:%M:%S}")

    def page(self, page: Page) -> str:
        a = page.article
        head, top, end = self.shell(page)
        title = escape(page.title)
        photo = ""
        if page.image:
            photo = (
                f'<figure class="image-overlay"><picture><img class="img-fluid" src="{page.image}" alt="{title}"></picture>'
                f'<figcaption class="wp-caption-text">{page.c(page.fill(a.caption or ""))}</figcaption></figure>'
            )
        card = '<article class="simple-post"><div class="simple-thumb"><a href="{href}" title="{title}"><img class="lazyload" data-src="{img}"></a></div><header><h3><a href="{href}">{title}</a></h3></header></article>'
        when = f"{times.long(page.published)} {page.published.hour}:{page.published:%M} {page.zone_letters}"
        return f"""<!DOCTYPE html>
<html lang="id"><head><meta charset="utf-8">
<title>{title} - {escape(_agency(page.site_name))} {escape(a.rubric)}</title>
<link rel="canonical" href="{page.url}">
{meta(description=page.lead[:150], author=page.site_name, og__title=page.title, og__url=page.url, og__image=page.image, og__type="article")}
{head}</head><body>{top}
<header class="navbar"><a href="/"><img src="/img/logo.png" alt="{escape(page.site_name)}"></a>{shell.menu("nav-item")}</header>
<div class="top-ticker">{page.cards(page.side(6, 1), '<span><a href="{href}">{title}</a></span>')}</div>
<section class="main-content"><div class="container"><div class="row"><div class="col-md-8"><article class="post-wrapper clearfix" itemscope itemtype="http://schema.org/NewsArticle">
<meta itemprop="datePublished" content="{page.published.isoformat(timespec="seconds")}"><meta itemprop="dateModified" content="{(page.modified or page.published).isoformat(timespec="seconds")}">
<header class="post-header clearfix"><h1 class="post-title" itemprop="headline">{title}</h1>
<p class="simple-share"><span class="article-date"><i class="fa fa-clock-o"></i> {when}</span></p></header>
{photo}
<div class="social-share">{page.c("Bagikan: Facebook Twitter WhatsApp Surel")}</div>
<div class="post-content clearfix" itemprop="articleBody">
{self.body(page)}
<p class="text-muted mt20 small">Pewarta: <span itemprop="author">{escape(a.author or "Redaksi")}</span><br>{page.c("Editor: " + (a.editor or "Redaksi"))}<br>{page.c(f"COPYRIGHT © {_agency(page.site_name)} {page.published.year}")}</p>
</div>
<ul class="tags-widget">{page.cards(((f"Kata kunci {t}", f"/tag/{i}") for i, t in enumerate(a.tags)), '<li><a href="{href}">{title}</a></li>')}</ul>
<p class="disclaimer">{page.c("Dilarang mengambil konten untuk keperluan apa pun tanpa izin tertulis dari kantor berita")}</p>
</article><section class="terkait"><h3>{page.c("Berita Terkait Lain")}</h3>{page.cards(page.side(9, 2), card)}</section>
<div class="komentar"><h3>Komentar</h3>{"".join(f"<blockquote><b>{n}</b><p>{t}</p></blockquote>" for n, t in page.comments(3))}</div></div>
<div class="col-md-4">{shell.advertisement(page.rng)}<h3>Terpopuler</h3>{page.cards(page.side(12, 3), card)}<h3>{page.c("Top News Daerah")}</h3>{page.cards(page.side(14, 4), card)}{shell.advertisement(page.rng)}</div>
</div></div></section><footer>{page.c("Kantor berita daerah, melayani kawasan timur")}</footer>{end}</body></html>"""

    def body(self, page: Page) -> str:
        """Return the paragraphs with `Baca juga` spans after the third and sixth."""
        out, links = [], page.related(2)
        for i, block in enumerate(page.blocks(self.dateline(page.article, page.site_name))):
            text = escape(block.text, quote=False)
            out.append(f"<h3>{text}</h3>" if block.kind == "h" else f"<p>{text}</p>")
            if i in (2, 5) and links:
                title, href = links.pop(0)
                out.append(
                    f'<p><span class="baca-juga"><b>Baca juga: <a href="{href}" title="{escape(title)}">{page.c(title)}</a></b></span></p>'
                )
            if i == 3:
                out.append(shell.advertisement(page.rng))
        if page.article.sign:
            out[-1] = out[-1].removesuffix("</p>") + f" {page.mark(page.article.sign)}</p>"
        return "\n".join(out)


def _agency(name: str) -> str:
    return name.split()[-1].upper()
