"""A small site in WIT on a JNews-like theme: Atom feed, an inline related list inside the body, a heading as related label.

Its dates: only the visible "Rabu, 13 November 2024 - 10:04 WIT". The related label is a heading, its link a second one.
"""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from newsroom import shell, times
from newsroom.families.base import FEED_ITEMS, Family, Listing, newest
from newsroom.httpd import Request
from newsroom.model import Article
from newsroom.page import Page, meta

if TYPE_CHECKING:
    from newsroom.site import Site


class Jnews(Family):
    """See the module."""

    kind = "jnews"
    css_kb, js_kb = 28, 32

    def path(self, article: Article, published: datetime) -> str:
        return f"/{published:%Y/%m/%d}/{article.slug}/"

    def twin_path(self, path: str) -> str:
        return path.rstrip("/") + "-2/"

    def dateline(self, article: Article, name: str) -> str:
        return f"{article.dateline}, {name.replace(' ', '')} - " if article.dateline else ""

    def discover(self, base: str) -> tuple[dict[str, Any], ...]:
        return ({"feed": f"{base}/atom.xml"},)

    def alternates(self, base: str) -> str:
        return f'<link rel="alternate" type="application/atom+xml" href="{base}/atom.xml">'

    def listing(self, site: Site, request: Request) -> Listing | None:
        if request.path != "/atom.xml":
            return None
        records = site.listed()[:FEED_ITEMS]
        rows = "".join(
            f'<entry><id>tag:{r.article.number}</id><title>{escape(r.title)}</title><link href="{site.base}{r.path}?utm_source=atom"/>'
            f"<published>{times.local(r.published_at, site.zone).isoformat(timespec='seconds')}</published>"
            f"<updated>{times.local(r.modified_at or r.published_at, site.zone).isoformat(timespec='seconds')}</updated>"
            f"<author><name>{escape(r.article.author or 'Redaksi')}</name></author><summary>{escape(r.lead[:160])}</summary></entry>\n"
            for r in records
        )
        changed = newest(records)
        updated = times.local(changed, site.zone).isoformat(timespec="seconds") if changed else ""
        body = (
            f'<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"><id>{site.base}/</id>'
            f"<title>{escape(site.name)}</title><updated>{updated}</updated>\n{rows}</feed>"
        )
        return Listing("application/atom+xml; charset=utf-8", body, changed)

    def page(self, page: Page) -> str:
        a = page.article
        head, top, end = self.shell(page)
        title = escape(page.title)
        post = '<article class="jeg_post jeg_pl_sm"><div class="jeg_thumb"><a href="{href}"><img class="lazyload" data-src="{img}" alt=""></a></div><div class="jeg_postblock_content"><h3 class="jeg_post_title"><a href="{href}">{title}</a></h3></div></article>'
        photo = ""
        if page.image:
            photo = (
                f'<div class="jeg_featured featured_image"><a href="{page.image}"><img src="{page.image}" alt="{title}"></a>'
                f'<p class="wp-caption-text">{page.c(page.fill(a.caption or ""))}</p></div>'
            )
        return f"""<!doctype html>
<html lang="id"><head><meta charset="utf-8"><title>{title} - {escape(page.site_name)}</title>
<link rel="canonical" href="{page.url}">{self.alternates(page.base)}
{meta(og__title=page.title, og__type="article", og__url=page.url, og__image=page.image, author=a.author)}{head}</head>
<body class="jnews jeg_single_tpl_1">{top}<div class="jeg_header"><a href="/">{escape(page.site_name)}</a>{shell.menu("jeg_menu")}</div>
<div class="jeg_news_ticker">{page.cards(page.side(6, 1), '<div><a href="{href}">{title}</a></div>')}</div>
<div class="jeg_content"><div class="entry-header"><h1 class="jeg_post_title">{title}</h1>
<div class="jeg_post_meta"><div class="jeg_meta_author">oleh <a href="/author/1">{escape(a.author or "Redaksi")}</a></div>
<div class="jeg_meta_date">{times.long(page.published)} - {page.clock} {page.zone_letters}</div></div></div>
{photo}
<div class="jeg_share_top_container">{page.c("Bagikan di Facebook Bagikan di Twitter")}</div>
<div class="entry-content no-share"><div class="content-inner">
{self.body(page)}
<div class="jeg_post_tags"><span>Tags:</span> {page.cards(((f"#{t}", f"/tag/{i}") for i, t in enumerate(a.tags)), '<a href="{href}">{title}</a>')}</div>
</div></div>
<div class="jnews_related_post_container"><h3>{page.c("Berita Terkait Pilihan Redaksi")}</h3>{page.cards(page.side(8, 2), post)}</div>
<div class="jnews_comment_container">{"".join(f"<li><b>{n}</b><p>{t}</p></li>" for n, t in page.comments(3))}</div></div>
<div class="jeg_sidebar">{shell.advertisement(page.rng)}{page.cards(page.side(22, 3), post)}{shell.advertisement(page.rng)}</div>
<div class="jeg_footer">{page.c("Hak cipta dilindungi, kabar dari kepulauan rempah")}</div>{end}</body></html>"""

    def body(self, page: Page) -> str:
        """Return the paragraphs; after the second the theme's inline list, after the fifth a heading label with its link."""
        out, links = [], page.related(3)
        for i, block in enumerate(page.blocks(self.dateline(page.article, page.site_name))):
            text = escape(block.text, quote=False)
            out.append(f"<h2>{text}</h2>" if block.kind == "h" else f"<p>{text}</p>")
            if i == 1:
                items = page.cards(
                    links[:2],
                    '<div class="jeg_post_info"><h3 class="jeg_post_title"><a href="{href}">{title}</a></h3></div>',
                )
                out.append(
                    f'<div class="jnews_inline_related_post_wrapper left half"><div class="jeg_block_heading"><h3><span>Berita Terkait</span></h3></div>{items}</div>'
                )
            if i == 4:
                title, href = links[2]
                out.append(f'<h3><strong>Baca Juga:</strong></h3>\n<h3><a href="{href}">{page.c(title)}</a></h3>')
        if page.article.sign:
            out[-1] = out[-1].removesuffix("</p>") + f" <strong>{page.mark(page.article.sign)}</strong></p>"
        return "\n".join(out)
