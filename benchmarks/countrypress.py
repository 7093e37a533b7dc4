"""A country of news outlets: how often each publishes, what goes wrong with it, and its feeds and pages; for benchmarks.countryweb.

An outlet is a few numbers; its feed is written when it is asked for, its pages are of a bank rendered beforehand, but for those on
topic, which are rendered one by one. What is published when is decided by the seed, so that the process that serves and the one that
measures agree without a word.
"""

from __future__ import annotations

import math
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import formatdate
from html import escape
from typing import Any

from benchmarks.polling import DAY
from newsroom.families import FAMILIES
from newsroom.model import slugify
from newsroom.scale import synthetic
from newsroom.site import Site

MEAN_A_DAY, SPREAD, MOST_A_DAY = 20.0, 1.2, 400.0  # articles of an outlet: lognormal, so half of them have ten or fewer
BATCH, BATCH_GAP_S = 2.0, 180.0  # editors publish in batches
SHARES = {"slow": 0.04, "dead": 0.02, "hostile": 0.01}  # of the outlets; the others are as they should be
DEAD = ("silent", "reset", "broken")
HOSTILE_FEEDS = ("garbage feed", "endless feed", "feed in a maze", "dripping feed")
HOSTILE_PAGES = ("endless page", "page in a maze", "dripping page", "page of a million")
HOSTILE = HOSTILE_FEEDS + HOSTILE_PAGES
FAILING = frozenset(DEAD + HOSTILE_FEEDS)  # whose polls bring nothing
# How long a server keeps an idle connection: cheap hosting, nginx, a content network. A third each.
KEPT_S = (5.0, 65.0, 300.0)
# How feeds answer a conditional request: 304; the same bytes again; other bytes each time (lastBuildDate is now).
ANSWERS, ANSWER_SHARES = ("304", "same", "restless"), (70, 25, 5)
BANK = 8  # pages of each CMS family, of 30 to 130 KB
TITLE = "Judul Tiruan Yang Diganti"
_PLACES = [
    "Lahat",
    "Dumai",
    "Garut",
    "Metro",
    "Kapuas",
    "Jember",
    "Parepare",
    "Ternate",
    "Bone",
    "Siak",
    "Cianjur",
    "Bima",
    "Sikka",
    "Buton",
    "Nias",
    "Sorong",
]
_OFF = (
    "Harga Beras di {} Naik {} Rupiah per Kilogram",
    "{} Diguyur Hujan, {} Rumah Terendam",
    "Turnamen Voli {} Diikuti {} Peserta",
    "Puskesmas {} Layani {} Pasien Sehari",
    "Jalan Rusak di {} Sepanjang {} Meter Mulai Diperbaiki",
    "Petani {} Panen {} Ton Cabai",
)


@dataclass(slots=True)
class Outlet:
    """One outlet. `entries`: (seconds from the opening, number, on topic) of everything that it lists until the end, oldest first."""

    index: int
    a_day: float
    kind: str  # "", "slow", or one of DEAD and HOSTILE
    listed: int
    answer: str
    kept_s: float
    family: str
    latency_s: float
    entries: list[tuple[float, int, bool]] = field(default_factory=list)

    @property
    def host(self) -> str:
        number = (127 << 24) + (1 << 16) + 1 + self.index
        return socket.inet_ntoa(number.to_bytes(4))

    @property
    def id(self) -> str:
        return f"media-{self.index + 1:05d}"


def outlets(
    count: int, seed: int, lasts_s: float, on_topic: float, hour: float, *, quiet: bool = False
) -> list[Outlet]:
    """Return the outlets with what they publish until `lasts_s` after the opening, at which it is `hour` in the west of the country.

    `quiet`: nothing new, nothing wrong, and every feed answers 304.
    """
    rng = random.Random(seed)
    middle = math.log(MEAN_A_DAY) - SPREAD**2 / 2
    found = []
    for index in range(count):
        drawn = rng.random()
        kind = ""
        for name, share in () if quiet else SHARES.items():
            if 0 <= drawn < share:
                kind = {"slow": "slow", "dead": rng.choice(DEAD), "hostile": HOSTILE[index % len(HOSTILE)]}[name]
            drawn -= share
        outlet = Outlet(
            index,
            min(MOST_A_DAY, rng.lognormvariate(middle, SPREAD)),
            kind,
            rng.randint(20, 50),
            "304" if quiet else rng.choices(ANSWERS, ANSWER_SHARES)[0],
            rng.choice(KEPT_S),
            rng.choice(list(FAMILIES)),
            rng.uniform(1, 8) if kind == "slow" else 0.0,
        )
        zone = rng.choice((0, 0, 0, 1, 1, 2))  # WIB, WITA, WIT
        outlet.entries = _old(outlet, rng)
        outlet.entries += [] if quiet else _new(outlet, rng, lasts_s, on_topic, hour + zone)
        found.append(outlet)
    return found


def _old(outlet: Outlet, rng: random.Random) -> list[tuple[float, int, bool]]:
    """Return what the feed lists at the opening."""
    at, ages = -60.0, []
    for _ in range(outlet.listed):
        at -= rng.expovariate(outlet.a_day / 86400)
        ages.append(at)
    return [(at, place - outlet.listed, False) for place, at in enumerate(reversed(ages))]


def _new(
    outlet: Outlet, rng: random.Random, lasts_s: float, on_topic: float, hour: float
) -> list[tuple[float, int, bool]]:
    times: list[float] = []
    at, most = 0.0, max(DAY)
    while True:
        at += rng.expovariate(outlet.a_day / 86400 / BATCH * most * 24 / sum(DAY))
        if at > lasts_s:
            break
        if rng.random() < DAY[int(hour + at / 3600) % 24] / most:
            moment = at
            times.append(moment)
            while rng.random() > 1 / BATCH:
                moment += rng.expovariate(1 / BATCH_GAP_S)
                times.append(moment)
    return [(at, number, rng.random() < on_topic) for number, at in enumerate(sorted(t for t in times if t < lasts_s))]


class Press:
    """Writes the feeds and pages of outlets on one port. `opened_at`: the Unix time of the opening."""

    def __init__(self, port: int, opened_at: float, seed: int) -> None:
        self.port, self.opened_at, self._seed = port, opened_at, seed
        self._rendered: dict[tuple[int, int], tuple[str, str, Site, Any]] = {}

    def base(self, outlet: Outlet) -> str:
        return f"http://{outlet.host}" + (f":{self.port}" if self.port != 80 else "")

    def address(self, outlet: Outlet, number: int, on_topic: bool) -> str:
        return self.base(outlet) + self._named(outlet, number, on_topic)[0]

    def count(self, outlet: Outlet, now: float) -> int:
        """Return how many entries there are by now."""
        entries, since = outlet.entries, now - self.opened_at
        count = outlet.listed
        while count < len(entries) and entries[count][0] <= since:
            count += 1
        return count

    def feed(self, outlet: Outlet, count: int, built: float) -> bytes:
        """Return the feed with the newest of the first `count` entries, as built at that Unix time."""
        items, base = [], self.base(outlet)
        for at, number, on_topic in reversed(outlet.entries[max(0, count - outlet.listed) : count]):
            path, title = self._named(outlet, number, on_topic)
            moment = formatdate(self.opened_at + at, usegmt=True).replace("GMT", "+0000")
            words = f"{title}. " + "Demikian keterangan yang dihimpun di lapangan dari sejumlah warga setempat. " * 3
            items.append(
                f"<item><title>{escape(title, quote=False)}</title><link>{base}{path}</link><dc:creator><![CDATA[Redaksi]]></dc:creator>"
                f"<pubDate>{moment}</pubDate><category><![CDATA[Daerah]]></category><guid isPermaLink=\"false\">{base}/?p={number + 9000}</guid>"
                f"<description><![CDATA[<img src=\"{base}/img/{number}.jpg\"/>{words}]]></description></item>\n"
            )  # fmt: skip
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
            f"<title>Media {outlet.index + 1}</title><link>{base}</link><description>Berita daerah</description>"
            f"<lastBuildDate>{formatdate(built, usegmt=True)}</lastBuildDate>\n{''.join(items)}</channel></rss>"
        ).encode()

    def validators(self, outlet: Outlet, count: int) -> dict[str, str]:
        """Return the feed's ETag and Last-Modified with so many entries; none where the outlet knows nothing of conditions."""
        if outlet.answer != "304":
            return {}
        last = self.opened_at + outlet.entries[count - 1][0]
        return {"etag": f'"{outlet.index:x}-{count:x}"', "last-modified": formatdate(last, usegmt=True)}

    def page(self, outlet: Outlet, path: str) -> str | None:
        """Return the page on topic at this path, or None where there is none."""
        for index, number in list(self._rendered):
            found = self._rendered[index, number]
            if index == outlet.index and found[0] == path:
                _, _, site, record = found
                return str(site.family.page(site.draft(record)))
        return None

    def _named(self, outlet: Outlet, number: int, on_topic: bool) -> tuple[str, str]:
        """Return an entry's path and title."""
        if on_topic:
            return self._article(outlet, number)
        mixed = (outlet.index * 2654435761 + number * 40503 + self._seed) & 0xFFFFFFFF
        words = _OFF[mixed % len(_OFF)].format(_PLACES[mixed // 7 % len(_PLACES)], mixed // 113 % 900 + 11)
        return f"/berita/{number + 9000}/{slugify(words)}", words

    def _article(self, outlet: Outlet, number: int) -> tuple[str, str]:
        known = self._rendered.get((outlet.index, number))
        if known is None:
            rng = random.Random(f"{self._seed}/{outlet.index}/{number}")
            family = FAMILIES[outlet.family]
            site = Site(f"bank-{outlet.family}", "Media", "Jawa Timur", "Asia/Jakarta", family, self.base(outlet))
            made = synthetic(outlet.id, number, rng, on_topic=True)
            made = replace(made, slug=f"{number + 9000}-{outlet.index}-{made.slug}")
            at = next(at for at, n, _ in outlet.entries if n == number)
            record = site.add(made, datetime.fromtimestamp(self.opened_at + at, UTC), None)
            known = self._rendered[outlet.index, number] = (record.path, record.title, site, record)
        return known[0], known[1]


def bank(seed: int) -> list[bytes]:
    """Return pages off topic of every family, of 30 to 130 KB, with TITLE as their title."""
    rng = random.Random(seed)
    now = datetime.now(UTC)
    pages = []
    for name, family in FAMILIES.items():
        for number in range(BANK):
            family = type(family)()
            site = Site(f"bank-{name}", "Media", "Jawa Timur", "Asia/Jakarta", family, "http://media.invalid")
            article = replace(synthetic("bank", number, rng, on_topic=False), title=TITLE)
            record = site.add(article, now, None)
            wanted = rng.randint(30, 130) * 1024
            bare = len(site.family.page(site.draft(record)).encode())
            family.js_kb = max(2, family.js_kb + (wanted - bare) // 1024)
            pages.append(site.family.page(site.draft(record)).encode())
    return pages


def on_topic(found: Sequence[Outlet]) -> list[tuple[Outlet, float, int]]:
    """Return (outlet, seconds from the opening, number) of every new article on topic that can be had."""
    hidden = frozenset(DEAD + HOSTILE)
    return [(o, at, n) for o in found if o.kind not in hidden for at, n, hit in o.entries if hit]
