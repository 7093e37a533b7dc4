"""A regional WordPress site (seed: kantamedia): REST API, /feed/ with content:encoded, inline related boxes, /2/ paging.

Its dates: meta article:published_time in UTC and `<time datetime>` with +07:00; the REST API's are naive, twice (local and GMT).
Sign-offs like "(Fay)" end the last paragraph. One related link stands inside a reporting paragraph (quirk `inline-br`).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

from newsroom import shell, times
from newsroom.families.base import Family, Listing, newest, rss
from newsroom.httpd import Request
from newsroom.model import Article
from newsroom.page import Link, Page, hash_of, ld, meta, split_pages

if TYPE_CHECKING:
    from newsroom.site import Record, Site

JSON = "application/json; charset=UTF-8"


class Wordpress(Family):
    """See the module."""

    kind = "wordpress"
    css_kb, js_kb = 38, 26
    robots_extra = "Disallow: /wp-admin/\nAllow: /wp-admin/admin-ajax.php\n"

    def path(self, article: Article, published: datetime) -> str:
        return f"/{article.slug}/"

    def page_path(self, path: str, number: int) -> str:
        return path if number == 1 else f"{path}{number}/"

    def twin_path(self, path: str) -> str:
        return path.rstrip("/") + "-2/"

    def dateline(self, article: Article, name: str) -> str:
        return f"{article.dateline}, {name} – " if article.dateline else ""

    def discover(self, base: str) -> tuple[dict[str, Any], ...]:
        return ({"wordpress": base},)

    def also(self, base: str) -> tuple[dict[str, Any], ...]:
        return ({"feed": f"{base}/feed/"}, {"sitemap": f"{base}/sitemap.xml"})

    def alternates(self, base: str) -> str:
        return (
            f'<link rel="https://api.w.org/" href="{base}/wp-json/"><meta name="generator" content="WordPress 6.6.2">'
            f'<link rel="alternate" type="application/rss+xml" title="Feed" href="{base}/feed/">'
        )

    # discovery

    def listing(self, site: Site, request: Request) -> Listing | None:
        path = request.path.rstrip("/")
        if "rest_route" in request.query:
            path = "/wp-json" + request.query["rest_route"].rstrip("/")
        if path == "/feed":

            def extra(r: Record) -> str:
                return (
                    f"<dc:creator><![CDATA[{r.article.author or 'Redaksi'}]]></dc:creator>"
                    f"<content:encoded><![CDATA[{self.content(site, r)}]]></content:encoded>"
                )

            space = (
                ' xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"'
            )
            return rss(site, site.listed(), lambda d: times.rfc822(d.astimezone(UTC)), extra=extra, namespaces=space)
        if path == "/wp-json":
            index = {
                "name": site.name,
                "url": site.base,
                "home": site.base,
                "timezone_string": site.zone,
                "namespaces": ["oembed/1.0", "wp/v2"],
            }
            return Listing(JSON, json.dumps(index))
        if path == "/wp-json/wp/v2/posts":
            return self.posts(site, request.query)
        if path.startswith("/wp-json/wp/v2/posts/"):
            for r in site.listed():
                if path.endswith(f"/{r.article.number}") and not r.twin:
                    return Listing(JSON, json.dumps(self.post(site, r, embed=True)), r.modified_at or r.published_at)
            return _error(404, "rest_post_invalid_id", "ID pos tidak valid.")
        if path.startswith("/wp-json/wp/v2/users/"):
            for r in site.listed():
                if path.endswith(f"/{_author_id(r.article.author)}"):
                    return Listing(JSON, json.dumps({"id": _author_id(r.article.author), "name": r.article.author}))
        if path.startswith("/wp-json"):
            return _error(404, "rest_no_route", "Tidak ada rute yang cocok.")
        return None

    def posts(self, site: Site, ask: dict[str, str]) -> Listing:
        """Return /wp/v2/posts as WordPress answers it: search, after, before, orderby, per_page, page, _fields, _embed."""
        try:
            per_page, number = int(ask.get("per_page", "10")), int(ask.get("page", "1"))
        except ValueError:
            per_page = number = 0
        if not 1 <= per_page <= 100 or number < 1:
            return _error(400, "rest_invalid_param", "Parameter tidak valid: per_page")
        records = site.listed()
        if words := ask.get("search", "").casefold().split():
            records = [r for r in records if all(w in _text(r) for w in words)]
        for name, late in (("after", True), ("before", False), ("modified_after", True), ("modified_before", False)):
            if name in ask:
                edge = datetime.fromisoformat(ask[name].replace(" ", "+"))
                edge = (
                    edge
                    if edge.tzinfo
                    else edge.replace(tzinfo=times.local(records[0].published_at, site.zone).tzinfo)
                    if records
                    else edge
                )
                records = [r for r in records if ((_moment(r, name) > edge) if late else (_moment(r, name) < edge))]
        if ask.get("orderby") == "modified":
            records.sort(key=lambda r: r.modified_at or r.published_at, reverse=True)
        if ask.get("order") == "asc":
            records.reverse()
        pages = -(-len(records) // per_page)
        if number > max(pages, 1):
            return _error(
                400, "rest_post_invalid_page_number", "Nomor halaman lebih besar dari jumlah halaman yang tersedia."
            )
        rows = [self.post(site, r, embed="_embed" in ask) for r in records[(number - 1) * per_page : number * per_page]]
        if fields := ask.get("_fields"):
            wanted = {f.partition(".")[0].strip() for f in fields.split(",")}
            rows = [{k: v for k, v in row.items() if k in wanted} for row in rows]
        totals = (("X-WP-Total", str(len(records))), ("X-WP-TotalPages", str(pages)))
        return Listing(JSON, json.dumps(rows), newest(records), headers=totals)

    def post(self, site: Site, r: Record, *, embed: bool) -> dict[str, Any]:
        """Return one post of the REST API; dates without zone, as WordPress gives them."""
        page = site.draft(r)
        changed = r.modified_at or r.published_at
        row: dict[str, Any] = {
            "id": r.article.number + (1 if r.twin else 0),
            "date": _naive(times.local(r.published_at, site.zone)),
            "date_gmt": _naive(r.published_at.astimezone(UTC)),
            "guid": {"rendered": f"{site.base}/?p={r.article.number}"},
            "modified": _naive(times.local(changed, site.zone)),
            "modified_gmt": _naive(changed.astimezone(UTC)),
            "slug": r.path.strip("/"),
            "status": "publish",
            "type": "post",
            "link": site.base + r.path,
            "title": {"rendered": _texturize(r.title)},
            "content": {"rendered": self.content(site, r), "protected": False},
            "excerpt": {"rendered": f"<p>{_texturize(r.lead[:180])} [&hellip;]</p>\n", "protected": False},
            "author": _author_id(r.article.author),
            "featured_media": r.article.number + 7 if page.image else 0,
            "comment_status": "open",
            "categories": [hash_of(r.article.rubric) % 90],
            "tags": [hash_of(t) % 900 for t in r.article.tags],
            "_links": {"self": [{"href": f"{site.base}/wp-json/wp/v2/posts/{r.article.number}"}]},
        }
        if embed:
            row["_embedded"] = {
                "author": [{"id": row["author"], "name": r.article.author or "Redaksi"}],
                "wp:featuredmedia": [{"source_url": page.image, "media_type": "image"}] if page.image else [],
            }
        return row

    def content(self, site: Site, r: Record) -> str:
        """Return content.rendered: the whole text, page breaks as comments, the related plugins' boxes within."""
        total = len(split_pages(r.article.blocks))
        return "\n<!--nextpage-->\n".join(self.body(site.draft(r, n)) for n in range(1, total + 1))

    # pages

    def page(self, page: Page) -> str:
        a = page.article
        head, top, end = self.shell(page)
        title = _texturize(page.title)
        photo = ""
        if page.image and page.number == 1:
            photo = (
                f'<figure class="post-thumbnail gmr-thumbnail"><img width="800" height="500" src="{page.image}" class="attachment-large wp-post-image" alt="">'
                f'<figcaption class="wp-caption-text">{page.c(page.fill(a.caption or ""))}</figcaption></figure>'
            )
        changed = page.modified or page.published
        utc = page.published.astimezone(UTC).isoformat(timespec="seconds")
        site_ld = {
            "@graph": [
                {"@type": "WebSite", "@id": page.base + "/#website", "name": page.site_name},
                {
                    "@type": "BreadcrumbList",
                    "itemListElement": [
                        {"@type": "ListItem", "position": 1, "name": "Beranda"},
                        {"@type": "ListItem", "position": 2, "name": page.title},
                    ],
                },
            ]
        }
        box = '<div class="gmr-box-content"><div class="content-thumbnail"><a href="{href}"><img src="{img}" class="wp-post-image" loading="lazy" alt=""></a></div><div class="item-content"><h2 class="entry-title"><a href="{href}" rel="bookmark">{title}</a></h2></div></div>'
        return f"""<!DOCTYPE html>
<html lang="id" itemscope itemtype="https://schema.org/WebPage"><head><meta charset="UTF-8">
<title>{title} &#8211; {escape(page.site_name)}</title>
<link rel="canonical" href="{page.url}">{self.alternates(page.base)}
{meta(description=page.lead[:150], og__type="article", og__title=f"{page.title} - {page.site_name}", og__url=page.url, og__site_name=page.site_name, og__image=page.image, article__published_time=utc, article__modified_time=changed.astimezone(UTC).isoformat(timespec="seconds") if page.modified else None, twitter__label1="Ditulis oleh", twitter__data1=a.author or "Redaksi")}
{ld(site_ld)}{head}</head><body class="post-template-default single single-post postid-{a.number} gmr-theme">{top}
<header id="masthead" class="site-header"><a href="{page.base}/" class="custom-logo-link">{escape(page.site_name)}</a>{shell.menu("menu-item")}</header>
<div class="gmr-topnotification"><ul>{page.cards(page.side(6, 1), '<li><a href="{href}">{title}</a></li>')}</ul></div>
<div id="content" class="gmr-content"><main id="main" class="site-main"><article id="post-{a.number}" class="post type-post hentry content-single">
<header class="entry-header"><span class="cat-links-content"><a href="/rubrik/{a.rubric.lower()}" rel="category tag">{a.rubric}</a></span>
<h1 class="entry-title">{title}</h1>
<div class="gmr-metacontent-single"><span class="posted-by"><span class="entry-author vcard"><a class="url fn n" href="/author/{_author_id(a.author)}/" rel="author">{escape(a.author or "Redaksi")}</a></span></span>
<span class="posted-on"><time class="entry-date published" datetime="{page.published.isoformat(timespec="seconds")}">{page.published.day} {times.BULAN[page.published.month - 1]} {page.published.year} {page.clock}</time>{f'<time class="updated" datetime="{page.modified.isoformat(timespec="seconds")}">{page.modified.day} {times.BULAN[page.modified.month - 1]} {page.modified.year}</time>' if page.modified else ""}</span></div></header>
{photo}
<div class="entry-content entry-content-single" itemprop="text">
{self.body(page)}
{self.pager(page)}
<div class="sharedaddy sd-sharing-enabled"><h3 class="sd-title">{page.c("Bagikan berita ini")}</h3><ul><li class="share-facebook"><a href="#">Facebook</a></li><li class="share-x"><a href="#">X</a></li><li><a href="#">WhatsApp</a></li></ul></div>
</div>
<footer class="entry-footer"><span class="tags-links">{page.cards(((f"#{t}", f"/tag/{i}") for i, t in enumerate(a.tags)), '<a href="{href}" rel="tag">{title}</a>')}</span></footer></article>
<div class="gmr-related-post"><h3 class="related-text">{page.c("Berita Terkait Pilihan")}</h3>{page.cards(page.side(8, 2), box)}</div>
<div id="comments" class="comments-area"><h3 class="comment-reply-title">{page.c("Tinggalkan Balasan Anda")}</h3><ol class="comment-list">{"".join(f'<li class="comment"><cite class="fn">{n}</cite><p>{t}</p></li>' for n, t in page.comments(3))}</ol></div></main>
<aside id="secondary" class="widget-area">{shell.advertisement(page.rng)}<div class="widget wpberita-popular"><h3 class="widget-title">{page.c("Terpopuler Pekan Ini")}</h3>{page.cards(page.side(10, 3), box)}</div>
<div class="widget"><h3 class="widget-title">{page.c(page.site_name.upper() + " CHANNEL")}</h3><iframe title="YouTube Video" loading="lazy"></iframe></div>
<div class="widget wpberita-recent">{page.cards(page.side(14, 4), box)}</div>{shell.advertisement(page.rng)}</aside></div>
<footer id="colophon"><p>{page.c("Hak cipta dilindungi, dikelola oleh PT Tingang Media Mandiri")}</p></footer>{end}</body></html>"""

    def body(self, page: Page) -> str:
        """Return the paragraphs: a plugin's related box after the third, a quoted `Baca juga` after the sixth, another later."""
        links = page.related(3) if page.number == 1 else page.related(5)[3:]
        out, count = [], 0
        for block in page.blocks(self.dateline(page.article, page.site_name)):
            text = _texturize(block.text)
            if block.kind == "h":
                out.append(f'<h2 class="wp-block-heading">{text}</h2>')
                continue
            count += 1
            if count == 5 and page.article.quirk == "inline-br" and links:
                title, href = links.pop(0)
                text += f'<br />\nBaca Juga : <a href="{href}">{page.c(title)}</a>'
            out.append(f"<p>{text}</p>")
            if count == 3 and links:
                out.append(_inline_related(page, links.pop(0)))
            if count == 6 and links:
                title, href = links.pop(0)
                out.append(
                    f'<blockquote class="wp-block-quote"><p>Baca juga:&nbsp; <a href="{href}">{page.c(title)}</a></p></blockquote>'
                )
        if page.number == page.total:
            if page.article.sign:
                out[-1] = out[-1].removesuffix("</p>") + f" {page.mark(page.article.sign)}</p>"
            if links:
                title, href = links.pop(0)
                out.append(f'<p>Baca juga:&nbsp; <a href="{href}">{page.c(title)}</a></p>')
        return "\n\n".join(out)

    def pager(self, page: Page) -> str:
        if page.total == 1:
            return ""
        links = " ".join(
            f'<span class="post-page-numbers current" aria-current="page">{n}</span>'
            if n == page.number
            else f'<a href="{page.base + page.page_path(n)}" class="post-page-numbers">{n}</a>'
            for n in range(1, page.total + 1)
        )
        return f'<div class="page-links"><span class="page-text">Halaman:</span> {links}</div>'


def _inline_related(page: Page, link: Link) -> str:
    """Return a box of the Inline Related Posts plugin: a class of 32 hex digits and its own style."""
    title, href = link
    name = "u" + f"{hash_of(title):08x}" * 4
    style = f".{name} {{ padding:0px; margin: 0; border-left:4px solid #C0392B; }} .{name} .postTitle {{ color:#000; }}"
    return (
        f'<div style="padding-top:1em"><a href="{href}" target="_blank" class="{name}"><style> {style} </style><div style="padding-left:1em">'
        f'<span class="ctaText">Baca Juga:</span>&nbsp; <span class="postTitle">{page.c(title)}</span></div></a></div>'
    )


def _texturize(text: str) -> str:
    """Return text escaped, with dashes and curly quotes as the numeric entities that WordPress writes."""
    out = escape(text, quote=False)
    for sign in "–“”‘’":
        out = out.replace(sign, f"&#{ord(sign)};")
    return out


def _text(r: Record) -> str:
    return (r.title + " " + " ".join(b.text for b in r.article.blocks)).casefold()


def _moment(r: Record, name: str) -> datetime:
    return (r.modified_at or r.published_at) if name.startswith("modified") else r.published_at


def _naive(d: datetime) -> str:
    return f"{d:%Y-%m-%dT%H:%M:%S}"


def _author_id(name: str | None) -> int:
    return hash_of(name or "Redaksi") % 900 + 1


def _error(status: int, code: str, message: str) -> Listing:
    return Listing(JSON, json.dumps({"code": code, "message": message, "data": {"status": status}}), status=status)
