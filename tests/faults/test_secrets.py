"""Secrets are nowhere but where they must be: no output, log, database, export or command line has one (GUARANTEES C3).

Canaries stand in every place of sources.yaml that may hold a secret, from the environment and written out; then everything
that can go well or wrong does, and all that was printed and written is searched.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from cli import main
from newsroom import WebhookReceiver
from tests import servers
from tests.faults.crawling import HTML, article
from tests.servers import HostileServer, Reply, Seen

# Where it stands -> the canary. Written out in the file are those that begin with "tertulis".
CANARIES = {
    "WEBHOOK_SECRET": "whsec_" + base64.b64encode(b"kenari-webhook-secret-0001").decode(),
    "WEBHOOK_TOKEN": "kenari-webhook-token-0002",
    "APPRISE_PASSWORD": "kenari+apprise-sandi-0003",
    "APPRISE_TOKEN": "kenari-apprise-token-0004",
    "SOURCE_PASSWORD": "kenari-sumber-sandi-0005",
    "SOURCE_QUERY": "kenari-sumber-query-0006",
    "SOURCE_PATH": "kenari-sumber-path-0007",
    "tertulis-webhook": "kenari-tertulis-webhook-0008",
    "tertulis-apprise": "kenari-tertulis-apprise-0009",
    "tertulis-sandi": "kenari-tertulis-sandi-0010",
    "tertulis-query": "kenari-tertulis-query-0011",
}
KEY = CANARIES["WEBHOOK_SECRET"].removeprefix("whsec_")


def spellings() -> Iterator[tuple[str, bytes]]:
    """Yield what to look for: each canary as it is, as addresses spell it, and what a login becomes on the wire."""
    for place, canary in CANARIES.items():
        plain = KEY if place == "WEBHOOK_SECRET" else canary
        yield place, plain.encode()
        yield place, quote(plain, safe="").encode()
        yield place, base64.b64encode(f"pembaca:{plain}".encode())


def searched(what: str, content: bytes) -> list[str]:
    return [f"{place} in {what}" for place, canary in spellings() if canary in content]


class Newsdesk:
    """A folder with a sources.yaml full of canaries, outlets and receivers, and all that `pantau` said in it."""

    def __init__(
        self, folder: Path, server: HostileServer, receiver: WebhookReceiver, capture: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self.server, self.receiver, self.capture = folder, server, receiver, capture
        self.found: list[str] = []
        self.said: list[str] = []
        server.at("/a", Reply(article("ASN Wajib Netral"), headers=HTML))
        self.outlet(Reply(f"<rss><channel><item><title>x</title><link>{server.url}/a</link></item></channel></rss>"))

    def outlet(self, reply: Reply | Callable[[Seen], Reply]) -> None:
        """Answer this at every listing."""
        self.server.at(f"/{CANARIES['SOURCE_PATH']}/rss?token={CANARIES['SOURCE_QUERY']}", reply)
        self.server.at(f"/rss?token={CANARIES['tertulis-query']}", reply)

    def configure(self, channel: str = "", outlet: str = "", more: str = "") -> None:
        channel, outlet = channel or self.receiver.url, outlet or self.server.url
        there, here = channel.removeprefix("http://"), outlet.removeprefix("http://")
        written = {place: canary for place, canary in CANARIES.items() if place.startswith("tertulis")}
        (self.folder / "sources.yaml").write_text(
            f"""\
settings: {{allow_private_networks: true, keep: all, delay: 0s}}
sources:
- id: satu
  name: Satu
  url: {outlet}
  discover: [{{feed: "http://pembaca:${{SOURCE_PASSWORD}}@{here}/${{SOURCE_PATH}}/rss?token=${{SOURCE_QUERY}}"}}]
- id: dua
  name: Dua
  url: {outlet}
  discover: [{{feed: "http://pembaca:{written["tertulis-sandi"]}@{here}/rss?token={written["tertulis-query"]}"}}]
rules: [{{id: semua, match: ASN, notify: [satu, dua, tiga, empat]}}]
channels:
  satu: {{webhook: "http://{there}/${{WEBHOOK_TOKEN}}?t=${{WEBHOOK_TOKEN}}", secret: "${{WEBHOOK_SECRET}}"}}
  dua: {{webhook: "http://{there}/{written["tertulis-webhook"]}", secret: "${{WEBHOOK_SECRET}}"}}
  tiga: {{apprise: "json://pembaca:${{APPRISE_PASSWORD}}@{there}/${{APPRISE_TOKEN}}/"}}
  empat: {{apprise: "json://pembaca:{written["tertulis-apprise"]}@{there}/"}}
{more}""",
            "utf-8",
        )

    def pantau(self, *arguments: str) -> int:
        """Run it; search what it prints and the command lines of all its processes meanwhile."""
        with Spying() as spy:
            status = main(arguments)
        os.environ.pop("PANTAU_DEBUG", None)
        out, err = self.capture.readouterr()
        name = " ".join(arguments)
        self.said.append(f"$ pantau {name}\n{out}{err}")
        self.found += searched(f"stdout of {name}", out.encode()) + searched(f"stderr of {name}", err.encode())
        self.found += searched(f"command lines of {name}", spy.command_lines)
        self.found += [
            f"{place} in the environment" for place in searched("x", spy.environments) if "tertulis" in place
        ]
        return status

    def searched_files(self) -> list[str]:
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.name != "sources.yaml"]
        assert any(path.suffix == ".db" for path in files)
        return [hit for path in files for hit in searched(path.name, path.read_bytes())]


class Spying:
    """Notes the command lines and environments of the descendants of this process."""

    def __init__(self) -> None:
        self.command_lines = self.environments = b""
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Spying:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        seen: set[int] = set()
        while not self._done.wait(0.1):
            with suppress(psutil.Error, OSError):
                for process in psutil.Process().children(recursive=True):
                    if process.pid not in seen:
                        seen.add(process.pid)
                        self.command_lines += Path(f"/proc/{process.pid}/cmdline").read_bytes()
                        self.environments += Path(f"/proc/{process.pid}/environ").read_bytes()


@pytest.fixture
def desk(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Newsdesk]:
    monkeypatch.chdir(tmp_path)
    for name, value in CANARIES.items():
        if name.isupper():
            monkeypatch.setenv(name, value)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    with HostileServer() as server, WebhookReceiver(CANARIES["WEBHOOK_SECRET"]) as receiver:
        made = Newsdesk(tmp_path, server, receiver, capfd)
        made.configure()
        yield made
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def kill_the_crawl_process(seen: Seen) -> Reply:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "crawler.worker" in process.cmdline():
                process.kill()
    time.sleep(0.2)
    return servers.hang_up()


def test_a_good_crawl_and_all_that_shows_it_hold_no_secret(desk: Newsdesk) -> None:
    assert desk.pantau("--debug", "crawl") == 0, desk.said[-1]
    # What is asserted to be hidden was really used.
    logins = [seen.headers.get("Authorization") for seen in desk.server.asked() if "rss" in seen.path]
    assert len(logins) == 2
    assert all(login and login.startswith("Basic ") for login in logins)
    assert len(desk.receiver.deliveries) == 4
    for command in (
        *(("status", "--json"), ("articles", "--json"), ("alerts", "list", "--json")),
        *(("feed", "export", "--format", "jsonl", "--output", "feed.jsonl"), ("feed", "export", "--format", "csv")),
        ("sources", "check", "--json"),
    ):
        assert desk.pantau(*command) == 0, desk.said[-1]
    _assert_none(desk)


def test_whatever_fails_says_no_secret(desk: Newsdesk) -> None:
    closed = f"http://127.0.0.1:{_closed_port()}"
    desk.configure(channel=closed)
    desk.pantau("--debug", "crawl")  # receivers refuse the connection
    desk.configure(channel=desk.server.url)  # 404 to all
    desk.pantau("alerts", "retry")
    desk.configure(channel="http://tidak-ada.invalid", outlet="http://tidak-ada.invalid")  # no such name
    desk.pantau("--debug", "crawl", "--json")
    desk.pantau("alerts", "retry")
    desk.pantau("alerts", "test", "satu")
    desk.pantau("alerts", "test", "empat")
    desk.configure()
    desk.outlet(kill_the_crawl_process)
    desk.pantau("crawl", "--json")
    assert "killed" in desk.said[-1]
    desk.outlet(Reply("x", 500))
    desk.pantau("crawl")
    desk.configure(more="alerts: {health: ['${SOURCE_QUERY}'], max_age: '${APPRISE_PASSWORD}'}\n")
    assert desk.pantau("crawl") == 2
    desk.configure()
    desk.pantau("status")
    desk.pantau("alerts", "list")
    _assert_none(desk)


def _assert_none(desk: Newsdesk) -> None:
    hits = sorted(set(desk.found + desk.searched_files()))
    assert not hits, "\n".join([*hits, *(said for said in desk.said if searched("", said.encode()))])[:6000]


def _closed_port() -> int:
    with HostileServer() as gone:
        return gone.port


def test_the_search_would_find_them() -> None:
    assert searched("x", f"token={CANARIES['SOURCE_QUERY']}".encode()) == ["SOURCE_QUERY in x"] * 2
    assert searched("x", base64.b64encode(f"pembaca:{CANARIES['SOURCE_PASSWORD']}".encode())) == [
        "SOURCE_PASSWORD in x"
    ]
    assert json.dumps(KEY) in json.dumps({"k": KEY})
