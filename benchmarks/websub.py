"""From publishing to the alert, where outlets name a hub: `pantau run` as it is, two outlets polled once an hour, one hub, one webhook.

    python -m benchmarks.websub [--publications 50] [--write]

Everything is on loopback, so what is measured is ours: the hub tells at the moment of publishing, and no network and no outlet's cache
are in it. Publications come 6 to 9 s apart, at the two outlets in turn, so that no source is told of twice within LIMITS.push_gap_s.
`--write` puts the figures into docs/howto/be-told-by-hubs.md.
"""

from __future__ import annotations

import argparse
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import write_into
from newsroom import Article, Newsroom, WebhookReceiver
from tests.websub_hub import Hub

DOC = Path(__file__).parent.parent / "docs" / "howto" / "be-told-by-hubs.md"
OUTLETS = ("koransekanak", "phinisi")
RULES = "rules:\n  - {id: semua, match: {any: [ASN]}, notify: [arsip]}\n"
LONGEST_S = 60.0
_SYLLABLES = (
    "ba",
    "ci",
    "du",
    "ga",
    "ja",
    "ke",
    "lu",
    "mo",
    "na",
    "pi",
    "ra",
    "su",
    "ti",
    "wa",
    "yo",
    "meng",
    "per",
    "kan",
)


def article(outlet: str, number: int, rng: random.Random) -> Article:
    """Return an article like no other: one that told the same event would join its story and raise no alert."""

    def words(count: int) -> str:
        return " ".join("".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))) for _ in range(count))

    paragraphs = [f"{words(14).capitalize()} netralitas ASN {words(12)}." for _ in range(5)]
    return Article.of(outlet, f"Netralitas ASN {words(4).title()} {number}", paragraphs, on_topic=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measured(publications: int, folder: Path) -> list[float]:
    """Return the seconds from publishing to the webhook, one a publication."""
    rng = random.Random(1)
    with Newsroom(process=True, articles=[]) as newsroom, Hub() as hub, WebhookReceiver() as receiver:
        for outlet in OUTLETS:
            newsroom.publish(outlet, article(outlet, 0, rng))
            newsroom.advertise(outlet, hub.url)
        port = free_port()
        text = newsroom.sources_yaml(
            only=OUTLETS,
            every="1h",
            topic="any: [ASN]",
            rules=RULES,
            channels=f"channels:\n  arsip: {{webhook: '{receiver.url}', secret: {receiver.secret}}}\n",
            websub={"callback": f"http://127.0.0.1:{port}/websub", "port": port},
        )
        (folder / "sources.yaml").write_text(text.replace("sources:\n", f"sources:\n{hub.entry}", 1), "utf-8")
        with (folder / "log").open("w") as log:
            process = subprocess.Popen([sys.executable, "-m", "cli", "run"], cwd=folder, stdout=log, stderr=log)
        try:
            until(lambda: len(hub.subscribers) == len(OUTLETS) and len(receiver.deliveries) == len(OUTLETS))
            time.sleep(12)
            return [published(newsroom, hub, receiver, OUTLETS[n % 2], n + 1, rng) for n in range(publications)]
        finally:
            process.terminate()
            process.wait(30)


def published(
    newsroom: Newsroom, hub: Hub, receiver: WebhookReceiver, outlet: str, number: int, rng: random.Random
) -> float:
    """Publish one article, tell the hub's subscribers, and return how long its alert took; LONGEST_S where none came."""
    had = len(receiver.deliveries)
    fresh = article(outlet, number, rng)
    begun_s = time.monotonic()
    newsroom.publish(outlet, fresh)
    hub.tell(str(newsroom.outlet(outlet).discover[0]["feed"]))
    until(lambda: len(receiver.deliveries) > had, LONGEST_S, must=False)
    took_s = time.monotonic() - begun_s
    time.sleep(max(0.0, 6 + 3 * rng.random() - took_s))
    return took_s


def until(condition: Callable[[], object], timeout_s: float = 120.0, *, must: bool = True) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            if must:
                raise TimeoutError("the daemon did not come so far")
            return
        time.sleep(0.005)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--publications", type=int, default=50)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = measured(options.publications, Path(folder))
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    row = f"| {len(seconds)} | {statistics.median(seconds):.2f} s | {cuts[18]:.2f} s | {max(seconds):.2f} s |"
    print("publications, p50, p95, longest:", row)
    if options.write:
        head = ["| publications | p50 | p95 | longest |", "|---|---|---|---|"]
        write_into(DOC, "benchmarks.websub", [*head, row])


if __name__ == "__main__":
    main()
