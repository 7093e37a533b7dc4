"""The bulk of a news page that is not news: style sheets, trackers, advertisement code, icons, menus. tests/newsroom/test_pages.py.

Real pages carry 60 to 200 KB for 3 KB of text. This makes that bulk: deterministic by seed, of no use to anybody, in the
proportions of real pages (inline scripts first, then links, then styles), and with the subject's words in places where
they mean nothing, as real recommendation widgets have them.
"""

from __future__ import annotations

import json
from functools import lru_cache
from html import escape
from random import Random

_SYLLABLE_LIST = "ad bar nav pro sli tra wid gal ban lib fra mod ren toc vid ser pre lay met dat"
_SYLLABLES = _SYLLABLE_LIST.split()
_CSS_PROPERTIES = (
    "margin:{n}px auto",
    "padding:{n}px {m}px",
    "font-size:{n}px;line-height:1.{m}",
    "display:flex;align-items:center;gap:{n}px",
    "position:relative;z-index:{n}",
    "color:#{c};background-color:#{d}",
    "border-bottom:1px solid #{c}",
    "width:{m}%;max-width:{w}px",
    "transition:all .{n}s ease-in-out",
    "box-shadow:0 {n}px {m}px rgba(0,0,0,.1)",
    "grid-template-columns:repeat({n},minmax(0,1fr))",
)
_JS = (
    '!function(e,t){{var n=e.{a}||(e.{a}={{}});n.{b}=function(r,i){{return r&&r.{c}?r.{c}.call(t,i||{n}):n.{d}||null}},n.v="{n}.{m}"}}(window,document);',
    'window.{a}=window.{a}||[];window.{a}.push({{event:"{b}",slot:"{c}-{n}",ts:{w},lazy:!0,meta:{{k:"{d}",v:{m}}}}});',
    'function {a}_{b}(e){{for(var t=e.split("&"),n={{}},r=0;r<t.length;r++){{var i=t[r].split("=");n[i[0]]=decodeURIComponent(i[1]||"")}}return n.{c}||{n}}}',
    'googletag.cmd.push(function(){{googletag.defineSlot("/2183{w}/{a}_{b}_{n}",[[300,250],[336,280],[{m},90]],"div-gpt-{c}-{w}").addService(googletag.pubads()).setTargeting("pos","{d}")}});',
    'var {a}{n}=document.querySelectorAll(".{b}-{c}[data-{d}]");{a}{n}.forEach(function(e){{e.addEventListener("click",function(t){{t.preventDefault(),{a}Track("{b}",e.dataset.{d},{m})}})}});',
    'try{{if("{a}"in navigator&&!localStorage.getItem("{b}_{n}")){{localStorage.setItem("{b}_{n}",JSON.stringify({{t:Date.now()+{w}e3,s:"{c}"}}))}}}}catch(e){{console.warn("{d}",e)}}',
)


def word(rng: Random, parts: int = 2) -> str:
    """Return an identifier such as `navTra`."""
    first, *rest = (rng.choice(_SYLLABLES) for _ in range(parts))
    return first + "".join(part.capitalize() for part in rest)


def css(rng: Random, kb: int) -> str:
    """Return about kb kilobytes of rules, as a `<style>` element."""
    out, size = [], 0
    while size < kb * 1024:
        body = ";".join(
            p.format(
                n=rng.randint(1, 9),
                m=rng.randint(2, 40),
                w=rng.randint(300, 1280),
                c=f"{rng.randrange(4096):03x}",
                d=f"{rng.randrange(4096):03x}",
            )
            for p in rng.sample(_CSS_PROPERTIES, 3)
        )
        rule = f".{word(rng)}-{word(rng, 1)} .{word(rng, 1)}__{word(rng, 1)}{{{body}}}"
        out.append(rule)
        size += len(rule)
    return f"<style>{''.join(out)}@media only screen and (max-width:768px){{.t600{{display:none}}}}</style>"


def js(rng: Random, kb: int) -> str:
    """Return about kb kilobytes of inline `<script>` elements."""
    out, size = [], 0
    while size < kb * 1024:
        statements = [
            rng.choice(_JS).format(
                a=word(rng),
                b=word(rng),
                c=word(rng, 1),
                d=word(rng, 1),
                n=rng.randint(1, 99),
                m=rng.randint(100, 970),
                w=rng.randint(10_000, 99_999),
            )
            for _ in range(rng.randint(4, 16))
        ]
        piece = "<script>" + "".join(statements) + "</script>\n"
        out.append(piece)
        size += len(piece)
    return "".join(out)


def icons(rng: Random, count: int = 24) -> str:
    """Return a hidden SVG sprite."""
    symbols = []
    for _ in range(count):
        path = "".join(f"{rng.choice('mlhvcsq')}{rng.randint(-9, 9)}.{rng.randint(0, 99)} " for _ in range(30))
        symbols.append(f'<symbol id="i-{word(rng)}" viewBox="0 0 24 24"><path d="{path.strip()}z"/></symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg" style="display:none">{"".join(symbols)}</svg>'


def analytics(name: str) -> str:
    """Return the tracker snippets that head every page."""
    return (
        "<script>(function(w,d,s,l,i){w[l]=w[l]||[];w[l].push({'gtm.start':new Date().getTime(),event:'gtm.js'});"
        "var f=d.getElementsByTagName(s)[0],j=d.createElement(s),dl=l!='dataLayer'?'&l='+l:'';j.async=true;"
        "j.src='/js/gtm.js?id='+i+dl;f.parentNode.insertBefore(j,f);})(window,document,'script','dataLayer','GTM-TIRUAN');"
        '</script>\n<script async src="/js/pubads.js"></script>\n<script>window.googletag=window.googletag||{cmd:[]};'
        f"window._{word(Random(name))}={{site:{json.dumps(name)},consent:!0}};</script>\n"
    )


def advertisement(rng: Random, words: str = "ADVERTISEMENT") -> str:
    """Return one advertisement slot with its script; words is what a reader sees of it."""
    slot = f"div-gpt-ad-{rng.randint(10**9, 10**10)}-0"
    return (
        f'<div class="ads-box {word(rng)}"><span class="ads-label">{words}</span><div id="{slot}" style="min-height:250px">'
        f"<script>googletag.cmd.push(function(){{googletag.display('{slot}')}});</script></div></div>"
    )


def widget_data(titles: list[str], base: str) -> str:
    """Return a recommendation widget's data: headlines of our subject inside a script, where nobody reads them."""
    rows = [
        {"id": 7000 + i, "title": t, "url": f"{base}/r/{i}", "ctr": round(0.01 * (i + 1), 2)}
        for i, t in enumerate(titles)
    ]
    return f'<script id="rekomendasi" type="application/json">{json.dumps({"populer": rows}, ensure_ascii=False)}</script>\n'


@lru_cache(maxsize=64)
def bulk(seed: str, css_kb: int, js_kb: int) -> tuple[str, str, str]:
    """Return (head, top of body, end of body) of an outlet's unchanging bulk, made once."""
    rng = Random(seed)
    head = analytics(seed) + css(rng, css_kb) + js(rng, js_kb // 2)
    return head, icons(rng), js(rng, js_kb - js_kb // 2)


_PROVINCES = (
    "Aceh|Sumatera Utara|Sumatera Barat|Riau|Jambi|Sumatera Selatan|Bengkulu|Lampung|Bangka Belitung|Kepulauan Riau|"
    "DKI Jakarta|Jawa Barat|Jawa Tengah|DI Yogyakarta|Jawa Timur|Banten|Bali|Nusa Tenggara Barat|Nusa Tenggara Timur|"
    "Kalimantan Barat|Kalimantan Tengah|Kalimantan Selatan|Kalimantan Timur|Kalimantan Utara|Sulawesi Utara|"
    "Sulawesi Tengah|Sulawesi Selatan|Sulawesi Tenggara|Gorontalo|Sulawesi Barat|Maluku|Maluku Utara|Papua|Papua Barat|"
    "Papua Selatan|Papua Tengah|Papua Pegunungan|Papua Barat Daya"
)
_RUBRICS = (
    "Nasional|Politik|Daerah|Hukum|Ekonomi|Olahraga|Gaya Hidup|Teknologi|Otomotif|Pendidikan|Kesehatan|Wisata|"
    "Kuliner|Opini|Advertorial|Foto|Video|Pilkada"
)
PROVINCES, RUBRICS = tuple(_PROVINCES.split("|")), tuple(_RUBRICS.split("|"))


def menu(css_class: str, *, provinces: bool = True) -> str:
    """Return a mega menu: rubrics with sub-rubrics, then every province."""
    rows = []
    for rubric in RUBRICS:
        path = "/rubrik/" + rubric.lower().replace(" ", "-")
        subs = "".join(
            f'<li class="sub"><a class="{css_class}__link" href="{path}/{s}" data-gtm="menu-{s}">{s.capitalize()}</a></li>'
            for s in ("terkini", "terpopuler", "indeks", "sorotan")
        )
        rows.append(
            f'<li class="{css_class}__item"><a href="{path}">{escape(rubric)}</a><ul class="dropdown">{subs}</ul></li>'
        )
    if provinces:
        rows += [
            f'<li class="{css_class}__prov"><a href="/rubrik/{p.lower().replace(" ", "-")}">{p}</a></li>'
            for p in PROVINCES
        ]
    return f'<nav class="{css_class}" aria-label="menu"><ul class="{css_class}__list">{"".join(rows)}</ul></nav>'
