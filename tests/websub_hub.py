"""A hub on loopback for tests and the benchmark: verifies intents, tells subscribers, and misbehaves in every way when told to.

with Hub() as hub:
    newsroom.advertise("phinisi", hub.url)
    ...
    hub.tell(topic)

It is a source of its own in sources.yaml (`hub.entry`), because the address guard lets nobody call a port that the file does not name.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

import httpx

from newsroom.httpd import Request, Response, Servers


@dataclass
class Subscriber:
    """Whom a topic's changes are told."""

    callback: str
    secret: str
    lease_s: int


class Hub:
    """A hub. `requests`: the forms that came. `answers`: the statuses of verifications, in order.

    `lease_s` is granted; `status` answers requests, with `retry_after`; `location`: /hub sends on to there. `mode` says what is done with a
    request: verify, silent, deny, sync (verifies before it answers), wrong_topic.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, str]] = []
        self.answers: list[int] = []
        self.verifying = 0  # verifications begun
        self.mode, self.status, self.lease_s, self.location, self.retry_after = "verify", 202, 864_000, "", ""
        self.subscribers: dict[str, Subscriber] = {}
        self._servers = Servers()
        self._pool = ThreadPoolExecutor(2)
        self._client = httpx.Client(timeout=10, trust_env=False)
        self._lock = threading.Lock()

    def __enter__(self) -> Hub:
        self._servers.__enter__()
        self.port = self._servers.listen(self._answer)
        self.url = f"http://127.0.0.1:{self.port}/hub"
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.__exit__()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    @property
    def entry(self) -> str:
        """Return a source of sources.yaml that names the hub's port; its feed is empty."""
        base = f"http://127.0.0.1:{self.port}"
        return f"  - {{id: hub, name: Hub, url: '{base}', every: 1d, discover: [{{feed: '{base}/feed'}}]}}\n"

    def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            found = request.path == "/feed"
            body = b'<rss version="2.0"><channel><title>kosong</title></channel></rss>' if found else b""
            return Response(200 if found else 404, body, (("Content-Type", "application/rss+xml"),))
        form = dict(parse_qsl(request.body.decode()))
        with self._lock:
            self.requests.append(form)
        if self.location and request.path == "/hub":
            return Response(307, b"", (("Location", self.location),))
        if self.status == 202 and self.mode != "silent":
            self.verifying += 1
            work = self._pool.submit(self.verify, form, self.mode)
            if self.mode == "sync":
                work.result()
        return Response(self.status, b"ok", (("Retry-After", self.retry_after),) if self.retry_after else ())

    def verify(self, form: dict[str, str], mode: str) -> None:
        topic, callback, wanted = form["hub.topic"], form["hub.callback"], form["hub.mode"]
        if mode == "deny":
            self.answers.append(self.ask(callback, mode="denied", topic=topic, reason="tidak\r\nboleh").status_code)
            return
        asked = topic + ("x" if mode == "wrong_topic" else "")
        answer = self.ask(callback, mode=wanted, topic=asked, challenge="c" * 20, lease_seconds=str(self.lease_s))
        if answer.status_code == 200 and answer.text == "c" * 20:
            if wanted == "subscribe":
                self.subscribers[topic] = Subscriber(callback, form["hub.secret"], self.lease_s)
            else:
                self.subscribers.pop(topic, None)
        self.answers.append(answer.status_code)

    def ask(self, callback: str, **fields: str) -> httpx.Response:
        """Return what a callback answers to a verification with these fields (`hub.` is put before them)."""
        return self._client.get(callback + "?" + urlencode({f"hub.{name}": value for name, value in fields.items()}))

    def tell(self, topic: str, body: bytes = b"<rss/>", *, method: str = "sha256", signature: str | None = None) -> int:
        """Tell the topic's subscriber of a change, signed; return the status that it answers with."""
        one = self.subscribers[topic]
        digest: Callable[..., object] = getattr(hashlib, method, hashlib.sha256)
        signed = hmac.new(one.secret.encode(), body, digest).hexdigest()  # type: ignore[arg-type]
        headers = {"X-Hub-Signature": f"{method}={signed}" if signature is None else signature}
        return self._client.post(one.callback, content=body, headers=headers).status_code
