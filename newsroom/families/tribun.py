"""A regional title of a Tribun-like network: RSS with +0700 and a news sitemap, pages by ?page=2, all of them by ?page=all.

Its dates: JSON-LD @graph with +07:00 and "Tayang: Rabu, 13 November 2024 08:04 WIB". A summary box repeats the story, the
reporter stands before the text ("Laporan Wartawan …"), the editor after it.
"""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from newsroom import shell, times
from newsroom.families.base import Family, Listing, rss, urlset
from newsroom.httpd import Request
from newsroom.model import Article
from newsroom.page import Page, ld, meta

if TYPE_CHECKING:
    from newsroom.site import Site


class Tribun(Family):
    """See the module."""

    kind = "tribun"
    css_kb, js_kb = 30, 100

    def path(self, article: Article, published: datetime) -> str:
        return f"/{published:%Y/%m/%d}/{article.slug}"

    def whole_path(self, path: str) -> str | None:
        return f"{path}?page=all"

    def dateline(self, article: Article, name: str) -> str:
        return f"{_host(name)}, {article.dateline} - " if article.dateline else ""

    def discover(self, base: str) -> tuple[dict[str, Any], ...]:
        return ({"feed": f"{base}/rss"}, {"sitemap": f"{base}/daerah/sitemap-news.xml"})

    def alternates(self, base: str) -> str:
        return f'<link rel="alternate" type="application/rss+xml" href="{base}/rss">'

    def listing(self, site: Site, request: Request) -> Listing | None:
        if request.path in ("/rss", "/rss/"):
            return rss(
                site, site.listed(), times.rfc822, extra=lambda r: f"<category>{escape(r.article.rubric)}</category>"
            )
        if request.path == "/daerah/sitemap-news.xml":
            return urlset(site, site.listed(), news=True, lastmod=False)
        return None

    def page(self, page: Page) -> str:
        a = page.article
        head, top, end = self.shell(page)
        title = escape(page.title)
        graph = {
            "@graph": [
                {"@type": "Organization", "@id": page.base + "/#org", "name": page.site_name},
                {
                    "@type": "NewsArticle",
                    "headline": page.title,
                    "datePublished": page.published.isoformat(timespec="seconds"),
                    "dateModified": (page.modified or page.published).isoformat(timespec="seconds"),
                    "author": {"@type": "Person", "name": a.author or "Redaksi"},
                    "editor": {"@type": "Person", "name": a.editor or "Redaksi"},
                    "image": {"@type": "ImageObject", "url": page.image},
                    "mainEntityOfPage": page.url,
                    "publisher": {"@id": page.base + "/#org"},
                },
            ]
        }
        photo = ""
        if page.image and page.number == 1:
            photo = (
                f'<div class="pb20 ovh"><a class="glightbox" href="{page.image}"><img src="{page.image}" alt="{title}"></a></div>'
                f'<div class="pos_rel credit pa20 f12">{page.c("FOTO : " + page.fill(a.caption or ""))}</div>'
            )
        item = '<li class="p1520 art-list"><div class="fr"><a href="{href}"><img src="{img}" class="shou2"></a></div><h3><a class="f20 ln24 fbo" href="{href}" title="{title}">{title}</a></h3></li>'
        return f"""<!DOCTYPE html>
<html lang="id-ID"><head><meta charset="utf-8">
<title>{title} - {escape(page.site_name)}</title>
<link rel="canonical" href="{page.url}"><link rel="amphtml" href="{page.base}/amp{page.path}">
{meta(description=page.lead[:150], og__title=page.title, og__type="article", og__url=page.url, og__image=page.image, content_PublishedDate=None)}
{ld(graph)}{head}</head><body id="bodyart">{top}
<div class="header"><a href="/">{escape(page.site_name)}</a>{shell.menu("mainmenu")}</div>
<div class="topic-strip">{page.cards(page.side(7, 1), '<h4><a href="{href}">{title}</a></h4>')}</div>
<div class="main"><div class="content"><div id="article">
<h1 id="arttitle" class="f50 black2">{title}</h1>
<div class="mt10"><time class="grey">Tayang: {times.long(page.published)} {page.clock} {page.zone_letters}</time>{f'<time class="grey upd">Diperbarui: {times.long(page.modified)} {page.modified:%H:%M} {page.zone_letters}</time>' if page.modified else ""}</div>
<div id="penulis" class="f13">Penulis: <a rel="author" href="/penulis/1">{escape(a.author or "Redaksi")}</a></div><div id="editor" class="f13">Editor: <a href="/editor/2">{escape(a.editor or "Redaksi")}</a></div>
<div class="sosmed"><span>{page.c("Baca berita tanpa iklan di aplikasi")}</span></div>
{photo}
<div class="side-article mb5"><div class="kiri-sosmed"><a href="#">Facebook</a></div></div>
<div class="side-article txt-article multi-fontsize">
{self.body(page)}
</div>
{self.pager(page)}
<p class="gnews">{page.c("Baca berita lainnya di Google News " + page.site_name)}</p>
<div class="mb20"><h5 class="tagcloud3">Tags {page.cards(((f"Topik {t}", f"/tag/{i}") for i, t in enumerate(a.tags)), '<a class="rd2" href="{href}">{title}</a>')}</h5></div>
<div class="bsi"><h3>{page.c("Berita Terkait Lainnya")}</h3><ul>{page.cards(page.side(10, 2), item)}</ul></div>
<div id="comment"><h4>{page.c("KOMENTAR PEMBACA KAMI")}</h4>{"".join(f'<div class="kom"><b>{n}</b><p>{t}</p></div>' for n, t in page.comments(5))}</div>
</div></div><div class="sidebar">{shell.advertisement(page.rng)}<h3>Populer</h3><ul>{page.cards(page.side(12, 3), item)}</ul>
<h3>{page.c("Terkini Lainnya")}</h3><ul>{page.cards(page.side(16, 4), item)}</ul>{shell.advertisement(page.rng)}</div></div>
<div class="footer">{page.c("Jaringan Warta Brantas, hak cipta dilindungi undang-undang")}</div>{end}</body></html>"""

    def body(self, page: Page) -> str:
        """Return the paragraphs with `Baca juga` after the second and fifth, the summary first and a bare (*) sign last."""
        out, links = [], page.related(4)[(page.number - 1) * 2 :]
        a = page.article
        if page.number == 1:
            if a.summary:
                points = "".join(f"<li>{page.c(page.fill(s))}</li>" for s in a.summary)
                out.append(
                    f'<blockquote class="summary-article"><strong>{page.c("Ringkasan Berita:")}</strong><ul>{points}</ul></blockquote>'
                )
            if a.author:
                out.append(
                    f"<p><strong>{page.c(f'Laporan Wartawan {_host(page.site_name).title()}, {a.author}')}</strong></p>"
                )
        count = 0
        for block in page.blocks(self.dateline(a, page.site_name)):
            text = escape(block.text, quote=False)
            if block.kind == "h":
                out.append(f"<h2>{text}</h2>")
                continue
            count += 1
            if count == 1 and page.number == 1 and a.dateline:
                line, _, rest = text.partition(" - ")
                text = f"<strong>{line}</strong> - {rest}"
            out.append(f"<p>{text}</p>")
            if count in (2, 5) and links:
                title, href = links.pop(0)
                out.append(
                    f'<p class="baca"><strong><span class="more">Baca juga: </span> <a href="{href}" title="{page.c(title)}">{escape(title)}</a></strong></p>'
                )
            if count == 4:
                out.append(shell.advertisement(page.rng, page.c("Scroll untuk lanjut membaca")))
        if page.number == page.total and a.sign:
            out.append(f"<p>{page.mark(a.sign)}</p>")
        return "\n".join(out)

    def pager(self, page: Page) -> str:
        if page.total == 1:
            return ""
        links = "".join(
            f'<a class="{"active" if n == page.number else ""}" href="{page.base + page.page_path(n)}">{n}</a>'
            for n in range(1, page.total + 1)
        )
        return (
            f'<div class="paging" id="paging"><span class="total-page">{page.mark(f"Halaman {page.number}/{page.total}")}</span>'
            f'{links}<a class="all" href="{page.url}?page=all">{page.c("Tampilkan semua halaman")}</a></div>'
        )


def _host(name: str) -> str:
    return name.upper().replace(" ", "") + ".COM"
