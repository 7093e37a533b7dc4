"""A political daily of an RMOL-like network: listing pages with a next link, related links as bullets under a late label.

Its dates: only the visible line `RABU, 25 SEPTEMBER 2024 | 10:58 WIB | LAPORAN: NAMA`, no JSON-LD and no meta dates.
The related block sits inside the body: three bullets first, then the bare label "Baca Juga"; three more bullets end the body.
"""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from newsroom import shell, times
from newsroom.families.base import Family, Listing, newest
from newsroom.httpd import Request
from newsroom.model import Article
from newsroom.page import Page, meta

if TYPE_CHECKING:
    from newsroom.site import Site

PER_PAGE = 5


class Rmol(Family):
    """See the module."""

    kind = "rmol"
    css_kb, js_kb = 14, 16
    page_validators = False

    def path(self, article: Article, published: datetime) -> str:
        return f"/{article.slug}"

    def dateline(self, article: Article, name: str) -> str:
        return ""

    def discover(self, base: str) -> tuple[dict[str, Any], ...]:
        return ({"page": f"{base}/indeks", "links": "h3.judul a", "next": "a.next", "max_pages": 3},)

    def also(self, base: str) -> tuple[dict[str, Any], ...]:
        return ({"page": f"{base}/tag/netralitas-asn"}, {"sitemap": f"{base}/sitemap.xml"})

    def listing(self, site: Site, request: Request) -> Listing | None:
        if request.path == "/indeks":
            records = site.listed()
        elif request.path == "/tag/netralitas-asn":
            records = [r for r in site.listed() if r.article.on_topic]
        else:
            return None
        number = int(request.query.get("page", "1") or 1) if request.query.get("page", "1").isdigit() else 1
        shown = records[(number - 1) * PER_PAGE : number * PER_PAGE]
        head, top, end = shell.bulk(site.id, self.css_kb, self.js_kb)
        rows = "\n".join(
            f'<div class="news-item"><a class="foto" href="{r.path}"><img src="/img/thumb-{r.article.number}.jpg" alt=""></a>'
            f'<span class="kanal"><a href="/rubrik/{r.article.rubric.lower()}">{r.article.rubric}</a></span>'
            f'<h3 class="judul"><a href="{r.path}">{escape(r.title)}</a></h3>'
            f'<p class="tgl">{self.stamp(times.local(r.published_at, site.zone), site.zone)}</p></div>'
            for r in shown
        )
        more = ""
        if len(records) > number * PER_PAGE:
            more = f'<a class="next" href="{request.path}?page={number + 1}">Selanjutnya &rsaquo;</a>'
        before = (
            f'<a class="prev" href="{request.path}?page={number - 1}">&lsaquo; Sebelumnya</a>' if number > 1 else ""
        )
        popular = "".join(
            f'<li><a href="{r.path}">{escape(r.title)}</a></li>' for r in site.listed()[:6] if not r.ghost
        )
        body = (
            f'<!DOCTYPE html><html lang="id"><head><meta charset="utf-8"><title>Indeks Berita | {escape(site.name)}</title>{head}</head>'
            f'<body>{top}{shell.menu("nav-utama")}<div class="indeks"><h1>Indeks Berita</h1>\n{rows}\n<div class="paging">{before}{more}</div></div>'
            f'<aside><h4>Populer</h4><ul>{popular}</ul></aside><footer><a href="/tentang-kami">Tentang Kami</a></footer>{end}</body></html>'
        )
        return Listing("text/html; charset=utf-8", body, newest(records))

    @staticmethod
    def stamp(d: datetime, zone: str) -> str:
        return f"{times.long(d)} | {d:%H:%M} {times.letters(zone)}".upper()

    def page(self, page: Page) -> str:
        a = page.article
        head, top, end = self.shell(page)
        title = escape(page.title)
        photo = ""
        if page.image:
            photo = (
                f'<div class="foto-utama"><img src="{page.image}" alt="{title}">'
                f'<p class="caption-foto">{page.c(page.fill(a.caption or ""))}</p></div>'
            )
        reporter = f' | LAPORAN: <a href="/reporter/{a.number}">{escape(a.author.upper())}</a>' if a.author else ""
        share = page.c("facebook twitter whatsapp telegram line copy")
        return f"""<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>{title} | {escape(page.site_name)}</title>
<link rel="canonical" href="{page.url}">
{meta(description=page.lead[:150], og__type="article", og__title=f"{page.title} | {page.site_name}", og__image=page.image, og__url=page.url)}
{head}</head><body>{top}
<div id="header"><div class="logo"><a href="/">{escape(page.site_name)}</a></div>{shell.menu("nav-utama")}</div>
<div class="headline-ticker"><ul>{page.cards(page.side(8, 6), '<li><a href="{href}">{title}</a></li>')}</ul></div>
<div class="wrap"><div class="kiri"><div class="bread"><a href="/">Home</a> &rsaquo; <a href="/rubrik/{a.rubric.lower()}">{a.rubric}</a></div>
<h1 class="judul-utama">{title}</h1>
<p class="tanggal">{self.stamp(page.published, page.zone)}{reporter}</p>
<div class="bagikan">{share}</div>
{photo}
<div class="post newsContent">
{self.body(page)}
</div>
<div class="bagikan bawah">{share}<span class="copied">{page.c("URL berhasil dicopy")}</span></div>
<div class="tag-list">{page.cards(((f"#{t.lower().replace(' ', '')}", f"/tag/{i}") for i, t in enumerate(a.tags)), '<a href="{href}">{title}</a> ')}</div>
<div class="komentar"><h4>Komentar Pembaca</h4>{"".join(f'<div class="k"><b>{n}</b> <p>{t}</p></div>' for n, t in page.comments(4))}</div>
<h4>{page.c("Berita Lainnya dari " + a.rubric)}</h4>{page.cards(page.side(9, 7), '<div class="grid"><a href="{href}"><img src="{img}"></a><h5><a href="{href}">{title}</a></h5></div>')}
</div><div class="kanan">{shell.advertisement(page.rng)}
<h4>Populer</h4><ul class="populer">{page.cards(page.side(12, 8), '<li><i>{n}</i> <a href="{href}">{title}</a></li>')}</ul>
<h4>Terkini</h4>{page.cards(page.side(20, 9), '<div class="item-kanan"><a href="{href}"><img data-original="{img}"></a><h6><a href="{href}">{title}</a></h6></div>')}
{shell.advertisement(page.rng)}</div></div>
<div id="footer">{page.c(page.site_name + " - Suara Politik dari Ujung Sumatra")}</div>{end}</body></html>"""

    def body(self, page: Page) -> str:
        """Return the paragraphs with the bullets and their late label after the lead, and bullets again at the end."""
        links = page.related(6)

        def bullets(some: list[tuple[str, str]]) -> str:
            return page.cards(some, '<li><a href="{href}">{title}</a></li>')

        out = []
        for i, block in enumerate(page.blocks()):
            text = escape(block.text, quote=False)
            out.append(f"<h3>{text}</h3>" if block.kind == "h" else f"<p>{text}</p>")
            if i == 0:
                out.append(f'<ul class="terkait">{bullets(links[:3])}</ul><div class="label-terkait">Baca Juga</div>')
            if i == 3:
                out.append(shell.advertisement(page.rng, page.c("SCROLL TO RESUME CONTENT")))
        if page.article.sign:
            out[-1] = out[-1].removesuffix("</p>") + f" {page.mark(page.article.sign)}</p>"
        out.append(f'<ul class="terkait akhir">{bullets(links[3:])}</ul>')
        return "\n".join(out)
