"""What a daemon that has watched the outlets of benchmarks.countryweb for long remembers of them, made beforehand.

Each outlet's feed is polled through the poll's own code, without a wire, and recorded through the store's own `record`. What was listed
before is added: entries are remembered for some weeks after they are listed no more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import countrypress
from crawler.config import load_config
from crawler.crew import crawl_settings
from crawler.fetch import Answer, Fetcher
from crawler.health import judge
from crawler.items import Discover, Memory, PollReport, PollTask, ReadRequest, Rejection, Source
from crawler.ledger import Known
from crawler.netguard import AddressGuard
from crawler.politeness import Hosts
from crawler.poll import Poller
from crawler.settings import LIMITS
from newsroom.model import Outlet
from newsroom.receiver import WebhookReceiver
from newsroom.sources import sources_yaml
from pipelines.store import Store

GIVEN_UP = 8  # failures in a row of an outlet that has been dead for long
RULES = "- id: semua\n  match: {any: [ASN, PNS, '~netral']}\n  notify: [meja]\n"


def write_config(
    path: Path,
    outlets: Sequence[countrypress.Outlet],
    press: countrypress.Press,
    receiver: WebhookReceiver,
    every_s: float,
    **settings: Any,
) -> None:
    """Write a sources.yaml for the outlets, alerts to the receiver."""
    listed = []
    for outlet in outlets:
        base = press.base(outlet)
        discover = ({"feed": base + "/feed/"},)
        listed.append(
            Outlet(outlet.id, f"Media {outlet.index + 1}", base, "feed", "Jawa Timur", "Asia/Jakarta", discover)
        )
    channels = f"meja:\n  webhook: {receiver.url}\n  secret: {receiver.secret}\n"
    text = sources_yaml(
        listed, rules=RULES, channels=channels, topic="preset: netralitas-asn", every=f"{every_s:g}s", **settings
    )
    path.write_text(text, "utf-8")


async def fill(
    database: Path,
    one: Path,
    outlets: Sequence[countrypress.Outlet],
    press: countrypress.Press,
    every_s: float,
    days: int,
) -> None:
    """Record in a new database what is remembered after so many days; all are due within the next interval.

    `one`: a sources.yaml with one outlet, as the daemon will have it with all.
    """
    config = load_config(one)
    digest = crawl_settings(config)[1]
    rng = random.Random(days)
    now = datetime.now(UTC)
    past = _History(days, now)
    bodies: dict[str, tuple[dict[str, str], bytes]] = {}

    async def download(url: str, headers: Mapping[str, str], max_bytes: int, timeout_s: float) -> Answer:
        found = bodies.get(url)
        return Answer(url, 200, *found) if found else Answer(url, 404 if "robots" in url else 200, {}, b"<p>Berita")

    async def read(request: ReadRequest) -> Rejection:
        return Rejection("off_topic")

    guard = AddressGuard(allow_private=True, ports={f"{outlet.host}:{press.port}" for outlet in outlets})
    poller = Poller(Fetcher(download, Hosts(0.0), guard), read, rules=digest, clock=lambda: now)
    sources = {o.index: _source(config.sources[0], o, press) for o in outlets}
    with Store(database) as store:
        store._conn.execute("PRAGMA synchronous = OFF")  # made anew if it breaks
        store.sync_sources(sources.values())
        for outlet in outlets:
            source = sources[outlet.index]
            if outlet.kind in countrypress.FAILING and rng.random() < 0.9:
                _record_dead(store, source, now, now + timedelta(seconds=rng.uniform(0, 6 * 3600)))
                continue
            feed, headers = press.feed(outlet, outlet.listed, press.opened_at), press.validators(outlet, outlet.listed)
            bodies = {source.discover[0].url: ({"content-type": "application/rss+xml", **headers}, feed)}
            report = await poller.poll(PollTask(source, Memory()))
            assert report.memory is not None
            full_at = now - timedelta(seconds=rng.uniform(0, LIMITS.full_fetch_s))
            memory = replace(
                report.memory,
                validators={key: replace(item, full_at=full_at) for key, item in report.memory.validators.items()},
                known=past.of(outlet.a_day, rng) | dict(report.memory.known),
            )
            standing, _ = judge(None, None, report, None)
            due = now + timedelta(seconds=rng.uniform(0, every_s * 1.05))
            store.record(replace(report, memory=memory), due, standing=standing)
        # Filling takes minutes: everything is planned as if it had been done in a moment, just now.
        store.move_times(timedelta(seconds=time.time() - now.timestamp()), datetime.now(UTC))


class _History:
    """What is remembered of entries that are listed no more: two keys each, as of an RSS item with a guid."""

    def __init__(self, days: int, now: datetime) -> None:
        rng = random.Random(days)
        self.days = days
        names = [(now - timedelta(days=day)).date().isoformat() for day in range(days + 1)]
        self._pool = []
        for _ in range(int(LIMITS.max_known) // 2):
            known = Known(rng.choice(names), "off_topic", {"0": f"{rng.getrandbits(32):08x}"})
            self._pool += [(f"{rng.getrandbits(64):016x}", known), (f"g{rng.getrandbits(64):016x}", known)]

    def of(self, a_day: float, rng: random.Random) -> dict[str, Known]:
        count = min(len(self._pool) - 200, int(a_day * self.days) * 2)
        start = rng.randrange(len(self._pool))
        return dict((self._pool + self._pool)[start : start + max(0, count)])


def _source(example: Source, outlet: countrypress.Outlet, press: countrypress.Press) -> Source:
    base = press.base(outlet)
    return replace(
        example, id=outlet.id, name=f"Media {outlet.index + 1}", url=base, discover=(Discover("feed", base + "/feed/"),)
    )


def _record_dead(store: Store, source: Source, now: datetime, due: datetime) -> None:
    rhythm = health = None
    for day in range(GIVEN_UP):
        at = now - timedelta(days=GIVEN_UP - day)
        report = PollReport(source.id, "failed", at, at)
        standing, _ = judge(rhythm, health, report, None)
        rhythm, health = standing.rhythm, standing.health
        store.record(report, due, standing=standing)
