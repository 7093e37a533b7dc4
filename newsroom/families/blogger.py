"""A Blogger portal (seed: riauantara): Blogger's feed as JSON and Atom, a body split by `<br>`, no paragraphs at all.

Its dates: `<abbr class='published' title='…+07:00'>` around the visible "Rabu, 13 November 2024 | 08:04 WIB".
Feeds answer start-index and max-results as Blogger does, and carry the whole body.
"""

from __future__ import annotations

import json
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from newsroom import shell, times
from newsroom.families.base import Family, Listing, newest
from newsroom.httpd import Request
from newsroom.model import Article
from newsroom.page import Page, meta

if TYPE_CHECKING:
    from newsroom.site import Record, Site

BR = "<br />\n<br />\n"
BLOG_ID = "4410027719960514412"


class Blogger(Family):
    """See the module."""

    kind = "blogger"
    css_kb, js_kb = 34, 30
    robots_extra = "Disallow: /search\n"

    def path(self, article: Article, published: datetime) -> str:
        return f"/{published:%Y/%m}/{article.slug[:39].strip('-')}.html"

    def twin_path(self, path: str) -> str:
        return path.removesuffix(".html") + "_1.html"

    def dateline(self, article: Article, name: str) -> str:
        return f"{article.dateline}, {name} | " if article.dateline else ""

    def discover(self, base: str) -> tuple[dict[str, Any], ...]:
        return ({"blogger": base},)

    def also(self, base: str) -> tuple[dict[str, Any], ...]:
        return (
            {"feed": f"{base}/feeds/posts/default"},
            {"feed": f"{base}/feeds/posts/default?alt=rss"},
            {"sitemap": f"{base}/sitemap.xml"},
        )

    def alternates(self, base: str) -> str:
        return (
            f'<meta content="blogger" name="generator"><link rel="alternate" type="application/atom+xml" title="Atom" href="{base}/feeds/posts/default">'
            f'<link rel="alternate" type="application/rss+xml" title="RSS" href="{base}/feeds/posts/default?alt=rss">'
        )

    def listing(self, site: Site, request: Request) -> Listing | None:
        if not request.path.startswith("/feeds/posts/"):
            return None
        ask = request.query
        start = int(ask.get("start-index", "1")) if ask.get("start-index", "1").isdigit() else 1
        most = min(int(ask.get("max-results", "25")), 150) if ask.get("max-results", "25").isdigit() else 25
        records = site.listed()
        if q := ask.get("q"):
            records = [
                r for r in records if q.lower() in (r.title + " ".join(b.text for b in r.article.blocks)).lower()
            ]
        shown = records[max(start, 1) - 1 :][:most]
        short = request.path.startswith("/feeds/posts/summary")
        entries = [self.entry(site, r, short) for r in shown]
        changed = newest(records)
        updated = _stamp(times.local(changed, site.zone)) if changed else ""
        if ask.get("alt") == "json":
            feed = {
                "version": "1.0",
                "encoding": "UTF-8",
                "feed": {
                    "xmlns": "http://www.w3.org/2005/Atom",
                    "xmlns$openSearch": "http://a9.com/-/spec/opensearchrss/1.0/",
                    "id": {"$t": f"tag:blogger.com,1999:blog-{BLOG_ID}"},
                    "updated": {"$t": updated},
                    "title": {"type": "text", "$t": site.name},
                    "generator": {"version": "7.00", "uri": "http://www.blogger.com", "$t": "Blogger"},
                    "openSearch$totalResults": {"$t": str(len(records))},
                    "openSearch$startIndex": {"$t": str(start)},
                    "openSearch$itemsPerPage": {"$t": str(most)},
                    "entry": [_json_entry(e) for e in entries],
                },
            }
            return Listing("application/json; charset=UTF-8", json.dumps(feed, ensure_ascii=False), changed)
        if ask.get("alt") == "rss":
            items = "".join(
                f"<item><guid isPermaLink='false'>{e['id']}</guid><pubDate>{times.rfc822(e['at'])}</pubDate><title>{escape(e['title'])}</title>"
                f"<description>{escape(e['html'])}</description><link>{e['url']}</link><author>noreply@blogger.com ({escape(e['author'])})</author></item>"
                for e in entries
            )
            body = f"<?xml version='1.0' encoding='UTF-8'?><rss version='2.0'><channel><title>{escape(site.name)}</title><link>{site.base}/</link>{items}</channel></rss>"
            return Listing("application/rss+xml; charset=UTF-8", body, changed)
        rows = "".join(
            f"<entry><id>{e['id']}</id><published>{_stamp(e['at'])}</published><updated>{_stamp(e['changed'])}</updated>"
            + "".join(f"<category scheme='http://www.blogger.com/atom/ns#' term='{escape(t)}'/>" for t in e["tags"])
            + f"<title type='text'>{escape(e['title'])}</title><{e['tag']} type='html'>{escape(e['html'])}</{e['tag']}>"
            f"<link rel='replies' type='text/html' href='{e['url']}#comment-form' title='0 Komentar'/>"
            f"<link rel='self' type='application/atom+xml' href='{site.base}/feeds/{BLOG_ID}/posts/default/{e['number']}'/>"
            f"<link rel='alternate' type='text/html' href='{e['url']}' title='{escape(e['title'])}'/>"
            f"<author><name>{escape(e['author'])}</name><email>noreply@blogger.com</email></author></entry>"
            for e in entries
        )
        body = (
            "<?xml version='1.0' encoding='UTF-8'?><feed xmlns='http://www.w3.org/2005/Atom' xmlns:openSearch='http://a9.com/-/spec/opensearchrss/1.0/'>"
            f"<id>tag:blogger.com,1999:blog-{BLOG_ID}</id><updated>{updated}</updated><title type='text'>{escape(site.name)}</title>"
            f"<link rel='alternate' type='text/html' href='{site.base}/'/><openSearch:totalResults>{len(records)}</openSearch:totalResults>"
            f"<openSearch:startIndex>{start}</openSearch:startIndex><openSearch:itemsPerPage>{most}</openSearch:itemsPerPage>{rows}</feed>"
        )
        return Listing("application/atom+xml; charset=UTF-8", body, changed)

    def entry(self, site: Site, r: Record, short: bool) -> dict[str, Any]:
        """Return what every form of the feed says of a post; the html is the post as its author typed it."""
        page = site.draft(r)
        at = times.local(r.published_at, site.zone)
        html = escape(r.lead[:200]) if short else self.body(page)
        return {
            "id": f"tag:blogger.com,1999:blog-{BLOG_ID}.post-{r.article.number}{'1' if r.twin else '0'}",
            "number": r.article.number,
            "at": at,
            "changed": times.local(r.modified_at, site.zone) if r.modified_at else at,
            "title": r.title,
            "html": html,
            "tag": "summary" if short else "content",
            "url": site.base + r.path,
            "author": r.article.author or "Redaksi",
            "tags": r.article.tags,
            "image": page.image,
        }

    def page(self, page: Page) -> str:
        a = page.article
        head, top, end = self.shell(page)
        title = escape(page.title)
        author = (
            f"<span class='post-author vcard'>Oleh <span class='fn' itemprop='author'>{escape(a.author)}</span></span>"
            if a.author
            else ""
        )
        photo = ""
        if page.image:
            photo = (
                f"<div class='separator' style='clear: both; text-align: center;'><a href='{page.image}'><img border='0' src='{page.image}'/></a></div>"
                f"<div class='caption-foto'><i>{page.c(page.fill(a.caption or ''))}</i></div>"
            )
        share = "".join(
            f"<a class='share-{s.lower()}' href='#'>{s}</a>" for s in ("Facebook", "Twitter", "WhatsApp", "Telegram")
        )
        return f"""<!DOCTYPE html>
<html class='v2' dir='ltr' lang='id' xmlns='http://www.w3.org/1999/xhtml' xmlns:b='http://www.google.com/2005/gml/b'>
<head><meta content='text/html; charset=UTF-8' http-equiv='Content-Type'/><meta content='blogger' name='generator'/>
<link href='{page.url}' rel='canonical'/>{self.alternates(page.base)}
<title>{title} | {escape(page.site_name)}</title>
{meta(description=page.lead[:140], og__url=page.url, og__title=page.title, og__image=page.image)}{head}</head>
<body class='item-view'>{top}
<div id='menu-atas'><span>Menu</span> <span>Close Menu</span>{shell.menu("menu-blog")}</div>
<div class='widget' data-version='1' id='PopularPosts1'><h3>{page.c("Berita Populer Minggu Ini")}</h3>{page.cards(page.side(10, 1), "<div class='item-thumbnail'><a href='{href}'><img src='{img}'/></a></div><div class='item-title'><a href='{href}'>{title}</a></div>")}</div>
<div class='blog-posts hfeed'><div class='post hentry' itemscope='itemscope' itemtype='http://schema.org/BlogPosting'>
<h1 class='post-title entry-title' itemprop='headline'>{title}</h1>
<div class='post-header'>{author} <span class='post-timestamp'><abbr class='published' itemprop='datePublished' title='{page.published.isoformat(timespec="seconds")}'>{times.long(page.published)} | {page.clock} {page.zone_letters}</abbr></span></div>
{shell.advertisement(page.rng)}
{photo}
<div class='post-body entry-content' id='post-body-{a.number}' itemprop='articleBody'>
{self.body(page)}
<div style='clear: both;'></div></div>
<div class='post-footer'><div class='bagikan'>Bagikan: {share}<p>{page.c("Bagikan berita ini kepada kerabat Anda")}</p></div>
<div class='label-pos'>Label: {page.cards(((f"Kabar {t}", f"/search/label/{i}") for i, t in enumerate(a.tags)), "<a href='{href}' rel='tag'>{title}</a>")}</div>
<div id='related-posts'><h4>{page.c("Berita Terkait Lainnya")}</h4><ul>{page.cards(page.side(8, 2), "<li><a href='{href}'>{title}</a></li>")}</ul></div></div>
<div class='comments' id='comments'><h4>Komentar</h4>{"".join(f"<div class='comment'><cite>{n}</cite><p class='comment-content'>{t}</p></div>" for n, t in page.comments(4))}</div></div></div>
<div class='sidebar'>{shell.advertisement(page.rng)}<div class='widget FeaturedPost'><h3>{page.c("Terbaru dari Redaksi")}</h3>{page.cards(page.side(24, 3), "<div class='post-list'><a href='{href}' title='{title}'><img class='thumb' src='{img}'/>{title}</a></div>")}</div>
<div class='widget BlogArchive'><ul>{"".join(f"<li><a href='/search?updated-max={y}'>{y} ({y % 97 + 12})</a></li>" for y in range(2015, page.published.year + 1))}</ul></div></div>
<div class='footer'>{page.c("Diberdayakan oleh mesin blog, dirawat oleh " + page.site_name)}</div>{end}</body></html>"""

    def body(self, page: Page) -> str:
        """Return the text split by double breaks, the dateline bold, `Baca Juga:` between two breaks."""
        out = []
        links = page.related(2)
        for i, block in enumerate(page.blocks(self.dateline(page.article, page.site_name))):
            text = escape(block.text, quote=False)
            if i == 0 and page.article.dateline:
                place, _, rest = text.partition(" | ")
                text = f"<b>{place} |</b> {rest}"
            out.append(f"<b>{text}</b>" if block.kind == "h" else text)
            if i in (2, 5) and links:
                title, href = links.pop(0)
                out.append(f"<span style='color: red;'>Baca Juga:</span> <a href='{href}'>{page.c(title)}</a>")
        if page.article.sign:
            out[-1] += f" <i>{page.mark(page.article.sign)}</i>"
        return BR + BR.join(out) + "<br />"


def _stamp(d: datetime) -> str:
    return d.isoformat(timespec="milliseconds")


def _json_entry(e: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": {"$t": e["id"]},
        "published": {"$t": _stamp(e["at"])},
        "updated": {"$t": _stamp(e["changed"])},
        "category": [{"scheme": "http://www.blogger.com/atom/ns#", "term": t} for t in e["tags"]],
        "title": {"type": "text", "$t": e["title"]},
        e["tag"]: {"type": "html", "$t": e["html"]},
        "link": [
            {"rel": "replies", "type": "text/html", "href": e["url"] + "#comment-form", "title": "0 Komentar"},
            {"rel": "alternate", "type": "text/html", "href": e["url"], "title": e["title"]},
        ],
        "author": [{"name": {"$t": e["author"]}, "email": {"$t": "noreply@blogger.com"}}],
        "thr$total": {"$t": "0"},
    }
    if e["image"]:
        entry["media$thumbnail"] = {"url": e["image"].replace(".jpg", "-s72.jpg"), "height": "72", "width": "72"}
    return entry
