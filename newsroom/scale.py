"""Thousands of synthetic articles in the families' real markup, rendered beforehand, for benchmarks.
tests/newsroom/test_scale.py.

An article is paragraphs of the bundled ones recombined by a seeded random, with other numbers in them, under a lead of
its own; about `page_kb` of page, served gzipped where asked for. What pages of an outlet share (style sheets, scripts)
is compressed once and joined in as bytes, so that serving costs a copy, and the whole site a few kilobytes a page.

    with ScaleSite(articles=400, on_topic=0.05, outlets=8, seed=1) as site:
        config = site.sources_yaml(database="bench.db")
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from newsroom import shell, times
from newsroom.articles import all_articles
from newsroom.child import Remote
from newsroom.families import FAMILIES
from newsroom.families.base import Family, rss
from newsroom.httpd import Handler, Request, Response, Servers
from newsroom.model import Article, Block, Outlet, slugify
from newsroom.page import split_pages
from newsroom.site import Record, Site
from newsroom.sources import sources_yaml

FEED_ITEMS = 500  # the most a feed lists, newest first
FEED_PATH = "/rss-skala.xml"

_PLACES = (
    ("Kabupaten Lahat", "16.04"), ("Kota Dumai", "14.72"), ("Kabupaten Garut", "32.05"), ("Kota Metro", "18.72"),
    ("Kabupaten Kapuas", "62.03"), ("Kabupaten Jember", "35.09"), ("Kota Parepare", "73.72"), ("Kota Ternate", "82.71"),
    ("Kabupaten Bone", "73.08"), ("Kabupaten Siak", "14.08"), ("Kabupaten Cianjur", "32.03"), ("Kota Bima", "52.72"),
)  # fmt: skip
_FIRST = (
    "Arman",
    "Bagas",
    "Citra",
    "Darma",
    "Elvina",
    "Fajri",
    "Gilang",
    "Hasna",
    "Irwan",
    "Jumadi",
    "Karlina",
    "Lukita",
    "Murni",
    "Nadim",
    "Okta",
)
_LAST = (
    "Wiratama",
    "Saleh",
    "Kusnadi",
    "Marpuah",
    "Hidayanto",
    "Lasut",
    "Pangkey",
    "Rahmadi",
    "Suryaman",
    "Tuhuteru",
    "Usman",
    "Wenas",
)
_OFFICE = ("Sekda", "Pj Bupati", "Ketua Bawaslu", "Kepala BKPSDM", "Camat", "Inspektur", "Asisten Pemerintahan")
_ON = (
    "{office} {place} Ingatkan Netralitas ASN kepada {n} Pegawai",
    "Bawaslu {place} Catat {n} Dugaan Pelanggaran Netralitas ASN",
    "{n} ASN di {place} Diperiksa soal Politik Praktis, {office} Angkat Bicara",
    "{office} {place}: {n} PNS Tidak Netral Sudah Diproses",
)
_OFF = (
    "Harga Beras di {place} Naik {n} Rupiah per Kilogram",
    "{n} Rumah di {place} Terendam setelah Hujan Semalaman",
    "Turnamen Bulu Tangkis {place} Diikuti {n} Peserta",
    "Puskesmas di {place} Layani {n} Pasien Setiap Hari",
)
_ON_LEAD = (
    "{name}, {office} {place}, kembali berbicara tentang netralitas ASN setelah {n} hari tahapan kampanye berjalan.",
    "Sebanyak {n} pegawai di {place} mendengarkan arahan {name} mengenai netralitas ASN dan larangan politik praktis.",
)
_OFF_LEAD = (
    "Warga {place} bernama {name} menceritakan pengalamannya selama {n} hari terakhir.",
    "Sebanyak {n} orang berkumpul di {place} atas undangan {name} untuk membahas kebutuhan kampung.",
)


@dataclass(frozen=True, slots=True)
class ScalePage:
    """One synthetic article: its canonical address and what a crawl must find."""

    url: str
    outlet: str
    title: str
    on_topic: bool
    published_at: datetime


class ScaleEngine:
    """The outlets of a ScaleSite, in the process that serves them; a context manager. Its arguments are ScaleSite's."""

    def __init__(
        self,
        articles: int = 400,
        on_topic: float = 0.05,
        outlets: int = 8,
        seed: int = 1,
        page_kb: int = 130,
        latency_s: float = 0.0,
        now: datetime | None = None,
    ) -> None:
        self._count, self._share, self._seed, self._page_kb = articles, on_topic, seed, page_kb
        self._latency_s = latency_s
        self._now = (now or datetime.now(UTC)).astimezone(UTC).replace(second=0, microsecond=0)
        self._kinds = [list(FAMILIES.values())[i % len(FAMILIES)] for i in range(outlets)]
        self._servers = Servers()
        self._outlets: list[Outlet] = []
        self._pages: list[ScalePage] = []
        self._served = {"pages": 0, "feeds": 0, "not_modified": 0, "missing": 0, "other": 0}

    def __enter__(self) -> ScaleEngine:
        self._servers.__enter__()
        for i, kind in enumerate(self._kinds):
            handlers: list[Handler] = []
            port = self._servers.listen(lambda request, h=handlers: h[0](request))
            name_id = f"skala-{i + 1:02d}"
            site = Site(
                name_id, f"Harian Skala {i + 1}", "Jawa Timur", "Asia/Jakarta", kind, f"http://127.0.0.1:{port}"
            )
            handlers.append(self._fill(site, Random(f"{self._seed}/{i}")))
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.__exit__()

    def outlets(self) -> list[Outlet]:
        return self._outlets

    def pages(self) -> list[ScalePage]:
        return self._pages

    def served(self) -> dict[str, int]:
        """Return how many pages, feeds, 304s, 404s and others were answered so far."""
        return dict(self._served)

    def _fill(self, site: Site, rng: Random) -> Handler:
        on = set(rng.sample(range(self._count), round(self._count * self._share)))
        made = [synthetic(site.id, n, rng, on_topic=n in on) for n in range(self._count)]
        site.family = _sized(site, made[0], self._page_kb)
        for n, article in enumerate(made):
            site.add(article, self._now - timedelta(minutes=3 + n * 4 + rng.randrange(4)), None)
        bulk = shell.bulk(site.id, site.family.css_kb, site.family.js_kb)
        shared = {text: _Shared(text) for text in bulk}
        packed = {r.path: _pack(site, r, shared) for r in site.records}
        for r in site.records:
            self._pages.append(ScalePage(site.base + r.path, site.id, r.title, r.article.on_topic, r.published_at))
        o = site.outlet
        self._outlets.append(
            Outlet(o.id, o.name, o.base_url, o.kind, o.region, o.timezone, ({"feed": site.base + FEED_PATH},))
        )
        return self._handler(packed, _feed(site))

    def _handler(self, packed: dict[str, list[bytes]], feed: bytes) -> Handler:
        packed_feed = gzip.compress(feed, 6, mtime=0)
        etag = f'"{hashlib.sha256(feed).hexdigest()[:20]}"'
        html = (("Content-Type", "text/html; charset=utf-8"), ("Vary", "Accept-Encoding"))
        xml = (("Content-Type", "application/rss+xml; charset=utf-8"), ("ETag", etag), ("Vary", "Accept-Encoding"))
        squeezed = ("Content-Encoding", "gzip")
        counts, wait = self._served, self._latency_s

        def answer(request: Request) -> Response:
            zipped = "gzip" in request.headers.get("accept-encoding", "")
            parts = packed.get(request.target)
            if parts is not None:
                counts["pages"] += 1
                body = b"".join(parts)
                return Response(
                    200, body if zipped else gzip.decompress(body), (*html, squeezed) if zipped else html, wait
                )
            if request.target == FEED_PATH:
                if request.headers.get("if-none-match") == etag:
                    counts["not_modified"] += 1
                    return Response(304, b"", xml, wait)
                counts["feeds"] += 1
                return Response(200, packed_feed if zipped else feed, (*xml, squeezed) if zipped else xml, wait)
            if request.target == "/robots.txt":
                counts["other"] += 1
                return Response(200, b"User-agent: *\nDisallow: /admin\n", (("Content-Type", "text/plain"),), wait)
            counts["missing"] += 1
            return Response(404, b"Halaman tidak ditemukan", html, wait)

        return answer


class ScaleSite:
    """Synthetic outlets in a process of their own (process=False: in threads of this one); a context manager.

    `articles` is a count per outlet, `on_topic` the share of them on the subject, `page_kb` the size aimed at,
    `latency_s` the wait before every answer. The same seed gives the same texts. Feeds list the newest 500.
    """

    def __init__(
        self,
        articles: int = 400,
        on_topic: float = 0.05,
        outlets: int = 8,
        seed: int = 1,
        *,
        page_kb: int = 130,
        latency_s: float = 0.0,
        now: datetime | None = None,
        process: bool = True,
    ) -> None:
        arguments: dict[str, Any] = {
            "articles": articles, "on_topic": on_topic, "outlets": outlets, "seed": seed,
            "page_kb": page_kb, "latency_s": latency_s, "now": now,
        }  # fmt: skip
        self._engine: ScaleEngine | Remote = (
            Remote("newsroom.scale:ScaleEngine", **arguments) if process else ScaleEngine(**arguments)
        )

    def __enter__(self) -> ScaleSite:
        self._engine.__enter__()
        self.outlets: list[Outlet] = self._call("outlets")
        self.pages: list[ScalePage] = self._call("pages")
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.__exit__()

    def _call(self, name: str) -> Any:
        return self._engine.call(name) if isinstance(self._engine, Remote) else getattr(self._engine, name)()

    @property
    def pid(self) -> int | None:
        """The serving process, to leave it out of a measurement; None when it is this one."""
        return self._engine.pid if isinstance(self._engine, Remote) else None

    def served(self) -> dict[str, int]:
        """Return how many pages, feeds, 304s (not_modified), 404s (missing) and others were answered so far."""
        found: dict[str, int] = self._call("served")
        return found

    def sources_yaml(self, **settings: Any) -> str:
        """Return a complete sources.yaml for all outlets; the arguments are `newsroom.sources.sources_yaml`'s."""
        return sources_yaml(self.outlets, **settings)


def synthetic(outlet: str, number: int, rng: Random, *, on_topic: bool) -> Article:
    """Return the article of that number: a lead of its own and seven to ten recombined paragraphs."""
    place, code = rng.choice(_PLACES)
    name = f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"
    words = {"place": place, "name": name, "office": rng.choice(_OFFICE), "n": rng.randint(12, 990)}
    title = rng.choice(_ON if on_topic else _OFF).format(**words)
    lead = rng.choice(_ON_LEAD if on_topic else _OFF_LEAD).format(**words)
    chosen = rng.sample(_paragraphs(on_topic), rng.randint(7, 10))
    texts = [lead, *(re.sub(r"\b\d{2,3}\b", lambda m: str(rng.randint(11, 10 ** len(m[0]) - 1)), p) for p in chosen)]
    return Article(
        slug=f"{slugify(title)}-{number}",
        outlet=outlet,
        title=title,
        blocks=tuple(Block("p", t) for t in texts),
        author=f"{rng.choice(_FIRST)} {rng.choice(_LAST)}",
        sign="(skl)",
        rubric="Politik" if on_topic else "Daerah",
        on_topic=on_topic,
        place=code,
        dateline=place.split(" ", 1)[1].upper(),
        tags=("netralitas ASN", "Pilkada") if on_topic else ("daerah", "warga"),
        caption=f"Suasana di {place} dalam dokumentasi {name}",
    )


_BY_TOPIC: dict[bool, list[str]] = {}


def _paragraphs(on_topic: bool) -> list[str]:
    """Return every paragraph but leads of the bundled articles on the subject, or wholly off it."""
    if not _BY_TOPIC:
        for wanted in (True, False):
            chosen = [a for a in all_articles() if a.on_topic == wanted and not a.near_miss]
            _BY_TOPIC[wanted] = [
                b.text for a in chosen for page in split_pages(a.blocks) for b in page[1:] if b.kind == "p"
            ]
    return _BY_TOPIC[on_topic]


def _sized(site: Site, sample: Article, page_kb: int) -> Family:
    """Return the outlet's family with as much script as makes a page of page_kb."""
    trial = Site(site.id, site.name, site.region, site.zone, site.family, site.base)
    record = trial.add(sample, datetime.now(UTC), None)
    family = type(site.family)()
    family.js_kb = max(2, family.js_kb + page_kb - len(family.page(trial.draft(record)).encode()) // 1024)
    return family


class _Shared:
    """A text that pages of an outlet share, compressed once as a piece of a gzip stream."""

    def __init__(self, text: str) -> None:
        self.raw = text.encode()
        self.deflated = _deflate(self.raw, 6)


def _deflate(raw: bytes, level: int) -> bytes:
    """Return raw as deflate blocks that end on a byte and refer to nothing before them, so that they can be joined."""
    squeeze = zlib.compressobj(level, zlib.DEFLATED, -15)
    return squeeze.compress(raw) + squeeze.flush(zlib.Z_FULL_FLUSH)


def _pack(site: Site, record: Record, shared: dict[str, _Shared]) -> list[bytes]:
    """Return a page as the pieces of one gzip stream, the shared ones the same objects on every page."""
    rest = site.family.page(site.draft(record))
    parts, crc, size = [b"\x1f\x8b\x08\0\0\0\0\0\0\xff"], 0, 0
    for text, piece in shared.items():
        before, found, after = rest.partition(text)
        if not found:
            continue
        raw = before.encode()
        parts += [_deflate(raw, 1), piece.deflated]
        crc, size = zlib.crc32(piece.raw, zlib.crc32(raw, crc)), size + len(raw) + len(piece.raw)
        rest = after
    raw = rest.encode()
    crc, size = zlib.crc32(raw, crc), size + len(raw)
    parts += [_deflate(raw, 1), b"\x03\0", crc.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")]
    return parts


def _feed(site: Site) -> bytes:
    body = rss(site, site.listed(), times.rfc822, most=FEED_ITEMS).body
    return body.encode() if isinstance(body, str) else body
