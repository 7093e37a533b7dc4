"""Nothing of ours or of the cloud's is reached, however it is spelled and wherever it stands (GUARANTEES A1, C8).

Every connection that a crawl process tries is noted below Python's sockets; one that would leave this machine fails there.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx
import pytest

from crawler.config import Channel
from crawler.identity import host_key
from crawler.items import CrawlSettings, Discover, DiscoveryKind, Source
from crawler.netguard import AddressGuard, resolve_allowed
from crawler.politeness import retry_after_s
from pipelines.channels import Sender
from tests import servers
from tests.faults.crawling import HTML, ROOT, Crawled, article, audited, crawl, open_ports, rss
from tests.servers import HostileServer, Reply

# fmt: off
SPELLINGS = (
    # this machine
    "127.0.0.1", "127.0.0.2", "127.255.255.254", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0x7F.0.0.1",
    "0177.0.0.1", "017700000001", "0177.0.0x0.1", "localhost", "LOCALHOST", "localhost.", "127.0.0.1.", "0.0.0.0", "0",
    "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
    "127。0。0。1", "①②⑦.0.0.1", "user@127.0.0.1", "8.8.8.8@127.0.0.1", "127_0_0_1.stub.test", "0-0-0-0-0-0-0-1.stub.test",
    # a cloud's metadata, link-local
    "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]", "[fe80::1]", "[fe80::1%25eth0]", "[fd00:ec2::254]", "169_254_169_254.stub.test",
    # private and shared networks
    "10.0.0.1", "10.1", "167772161", "172.16.0.1", "192.168.1.1", "0xc0a80101", "[fd12:3456::1]", "[::ffff:10.0.0.1]",
    "[2002:c0a8:101::]", "[2001:0:53aa:64c:0:0:f5ff:fffe]", "[64:ff9b::a00:1]", "100.64.0.1", "192_168_1_1.stub.test",
    "100_127_255_254.stub.test",
    # what nobody owns
    "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
)
# fmt: on
PLACES = ("start", "link", "sitemap", "redirect", "robots", "canonical", "webhook")
REFUSALS = {"refused_address", "refused_scheme", "dns"}


def test_the_table_is_as_long_as_promised() -> None:
    assert len(SPELLINGS) == len(set(SPELLINGS)) == 60
    assert len(SPELLINGS) * len(PLACES) == 420


class Listener:
    """Counts who connects, on every address of this machine."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port: int = self._socket.getsockname()[1]

    @property
    def connections(self) -> int:
        """How many wait to be accepted."""
        self._socket.setblocking(False)
        count = 0
        while True:
            try:
                self._socket.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def victim() -> Any:
    listening = Listener()
    yield listening
    listening.close()


def test_no_address_that_is_not_public_is_connected_to(victim: Listener, tmp_path: Path) -> None:
    targets = [f"http://{spelling}:{victim.port}/x-{n}" for n, spelling in enumerate(SPELLINGS)]
    ports = {host_key(target) for target in targets}  # so that it is the address that is refused, not the port
    with HostileServer() as server:
        found = _attacked(server, targets, ports, tmp_path / "audit")
        home = f"127.0.0.1:{server.port}"
        asked = server.seen
    assert victim.connections == 0
    assert set(audited(tmp_path / "audit", "connect")) == {home}
    assert not [seen.path for seen in asked if seen.path.startswith("/x-")]
    for place in PLACES[:6]:
        _check(place, found)
    stored = [report.articles for report in found.reports.values()]
    assert all("umpan.test" in one.url and "umpan.test" in one.fetched_url for articles in stored for one in articles)


def _attacked(server: HostileServer, targets: list[str], ports: set[str], audit: Path) -> Crawled:
    home = server.name("umpan.test")
    server.at("umpan.test/robots.txt", Reply("".join(f"Sitemap: {target}\n" for target in targets)))
    server.at("/link", rss(*targets))
    locations = "".join(f"<url><loc>{target}y</loc></url>" for target in targets)
    server.at("/sitemap", Reply(f"<urlset>{locations}</urlset>"))
    server.at("/redirect", rss(*(f"{home}/r-{n}" for n in range(len(targets)))))
    server.at("/canonical", rss(*(f"{home}/c-{n}" for n in range(len(targets)))))
    sources = [Source(f"start-{n}", "x", url, (Discover("feed", url),)) for n, url in enumerate(targets)]
    hosts = ["umpan.test"]
    for n, url in enumerate(targets):
        server.at(f"/r-{n}", servers.redirect(url))
        links = (
            f'<link rel="canonical" href="{url}"><link rel="next" href="{url}?page=2"><link rel="amphtml" href="{url}">'
        )
        server.at(f"/c-{n}", Reply(article(f"ASN Wajib Netral {n}", links), headers=HTML))
        server.at(f"r{n}.test/robots.txt", servers.redirect(url))
        hosts.append(f"r{n}.test")
        there = server.name(f"r{n}.test")
        sources.append(Source(f"robots-{n}", "x", there, (Discover("feed", f"{there}/listing"),)))
    kinds: dict[str, DiscoveryKind] = {"link": "feed", "sitemap": "sitemap", "redirect": "feed", "canonical": "feed"}
    sources += [Source(name, "x", home, (Discover(kind, f"{home}/{name}"),)) for name, kind in kinds.items()]
    settings = CrawlSettings(delay_s=0.0, topic="ASN", ports=(*open_ports(server, *hosts), *ports))
    return crawl(settings, sources, audit=audit, reader="")


def _check(place: str, found: Crawled) -> None:
    if place == "canonical":  # never followed, and never believed
        assert found.kinds("canonical") == []
        assert len(found.reports["canonical"].articles) == 60
        return
    if place in ("start", "robots"):
        for n, spelling in enumerate(SPELLINGS):
            report = found.reports[f"{place}-{n}"]
            assert report.outcome in ("refused", "failed"), spelling
            assert set(found.kinds(f"{place}-{n}")) <= REFUSALS, (spelling, report.errors)
        return
    report = found.reports[place]
    assert {error.kind for error in report.errors} <= REFUSALS, report.errors
    assert len(report.errors) >= len(SPELLINGS) - 8  # some spellings are one address
    assert not report.articles


def test_a_name_that_turns_to_a_private_address_is_refused_then(tmp_path: Path) -> None:
    """Rebinding: public for robots.txt, private for what follows, on a new connection each time."""
    names = [f"{address}.{n}.rebind.test" for n, address in enumerate(("10_0_0_1", "169_254_169_254", "127_0_0_2"))]
    closing = {"Connection": "close"}
    with HostileServer() as server:
        server.at("/robots.txt", Reply("tidak ada", 404, closing))
        server.at("/listing", Reply(rss("/a").content, headers=closing))
        sources = [
            Source(name, "x", server.name(name), (Discover("feed", server.name(name) + "/listing"),)) for name in names
        ]
        found = crawl(CrawlSettings(delay_s=0.0, ports=open_ports(server, *names)), sources, audit=tmp_path / "audit")
        assert {seen.path for seen in server.seen} == {"/robots.txt"}
        assert set(audited(tmp_path / "audit", "connect")) == {f"127.0.0.1:{server.port}"}
    for name in names:
        assert found.kinds(name) == ["refused_address"]


async def test_no_webhook_reaches_what_is_not_public(victim: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []
    connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: (tried.append(address), connect(self, address)))
    loop = asyncio.get_running_loop()
    getaddrinfo = loop.getaddrinfo

    async def stubbed(host: str, port: int, **more: Any) -> Any:
        if host.endswith(".stub.test"):
            address = host.partition(".")[0].replace("_", ".").replace("-", ":")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
        return await getaddrinfo(host, port, **more)

    monkeypatch.setattr(loop, "getaddrinfo", stubbed)
    targets = [f"http://{spelling}:{victim.port}/x" for spelling in SPELLINGS]
    guard = AddressGuard(False, {host_key(target) for target in targets})
    secret = "whsec_" + "c2VjcmV0" * 4
    async with Sender(partial(resolve_allowed, guard), "id", ZoneInfo("Asia/Jakarta"), retry_after_s) as sender:
        for target in targets:
            try:
                attempt = await sender.send(Channel("c", webhook=target, secret=secret), "msg_1", "{}")
            except httpx.InvalidURL:
                continue  # refused before any name is looked up
            assert attempt.result in ("retry", "final"), target
            assert urlsplit(target).path not in attempt.error
    assert tried == []
    assert victim.connections == 0


def test_without_its_address_guard_pantau_crawls_nothing_and_fails(tmp_path: Path) -> None:
    with HostileServer() as server:
        (tmp_path / "sources.yaml").write_text(
            f"sources:\n- {{id: a, name: A, url: '{server.url}', discover: [{{feed: '{server.url}/f'}}]}}\n"
        )
        environment = {**os.environ, "SCRAPY_SETTINGS_MODULE": "tests.crawler.noguard", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-P", "-m", "cli", "crawl"],
            cwd=tmp_path,
            env=environment,
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert server.seen == []
    assert done.returncode == 1
    assert "the address guard is not active" in done.stderr
