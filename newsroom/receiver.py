"""The other end of webhooks: keeps what it is sent, checks the Standard Webhooks signature itself, can be told to fail.

Its check shares no code with the sender's: HMAC-SHA256 over "id.timestamp.body" with the base64-decoded secret. Its
test is tests/newsroom/test_receiver.py.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Condition
from time import monotonic, time
from typing import Any

from newsroom.httpd import Request, Response, Servers

TOLERANCE_S = 300  # how far webhook-timestamp may be from now, as the specification's libraries have it


@dataclass(frozen=True, slots=True)
class Delivery:
    """One POST as it came. `verified`: signature and timestamp are right; `answered` is the status that it got."""

    headers: dict[str, str]  # names in lower case
    body: bytes
    verified: bool
    received_at: datetime
    answered: int
    path: str

    @property
    def id(self) -> str:
        return self.headers.get("webhook-id", "")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class WebhookReceiver:
    """A receiver on loopback; a context manager. `url` and `secret` are for the channel's configuration."""

    def __init__(self, secret: str | None = None, *, status: int = 200) -> None:
        self.secret = secret or "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self.status = status  # what it answers when no special answer is due
        self._plan: deque[tuple[int, str | None, float]] = deque()
        self._deliveries: list[Delivery] = []
        self._arrived = Condition()
        self._servers = Servers()

    def __enter__(self) -> WebhookReceiver:
        self._servers.__enter__()
        self.url = f"http://127.0.0.1:{self._servers.listen(self._answer)}/hook"
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.__exit__()

    @property
    def deliveries(self) -> list[Delivery]:
        """Every POST so far, failed ones too."""
        with self._arrived:
            return list(self._deliveries)

    @property
    def accepted(self) -> list[Delivery]:
        """Those that were verified and answered with 2xx, the first of each webhook-id."""
        first: dict[str, Delivery] = {}
        for delivery in self.deliveries:
            if delivery.verified and 200 <= delivery.answered < 300:
                first.setdefault(delivery.id, delivery)
        return list(first.values())

    def answer_next(
        self, calls: int = 1, *, status: int = 200, retry_after: str | int | None = None, delay_s: float = 0.0
    ) -> None:
        """Answer the next calls so: a status, a Retry-After (seconds or an HTTP date), a delay. Status 0 drops
        the connection.
        """
        wait = None if retry_after is None else str(retry_after)
        with self._arrived:
            self._plan.extend([(status, wait, delay_s)] * calls)

    def clear(self) -> None:
        """Forget deliveries and plans."""
        with self._arrived:
            self._deliveries.clear()
            self._plan.clear()

    def forget_plans(self) -> None:
        """Answer as usual from now on."""
        with self._arrived:
            self._plan.clear()

    def wait(self, count: int, timeout_s: float = 10.0) -> list[Delivery]:
        """Return the deliveries once there are count of them. Raises: TimeoutError when there are fewer in time."""
        end = monotonic() + timeout_s
        with self._arrived:
            while len(self._deliveries) < count:
                left = end - monotonic()
                if left <= 0:
                    raise TimeoutError(f"{len(self._deliveries)} deliveries after {timeout_s} s, {count} expected")
                self._arrived.wait(left)
            return list(self._deliveries)

    def verify(self, headers: dict[str, str], body: bytes) -> bool:
        """Return whether the signature of any version v1 is right and the timestamp within TOLERANCE_S of now."""
        stamp = headers.get("webhook-timestamp", "")
        if not stamp.isdigit() or abs(time() - int(stamp)) > TOLERANCE_S or not headers.get("webhook-id"):
            return False
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = f"{headers['webhook-id']}.{stamp}.".encode() + body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        given = headers.get("webhook-signature", "").split()
        return any(hmac.compare_digest(f"v1,{expected}", signature) for signature in given)

    def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            return Response(405, b"", (("Allow", "POST"),))
        with self._arrived:
            status, wait, delay_s = self._plan.popleft() if self._plan else (self.status, None, 0.0)
            verified = self.verify(request.headers, request.body)
            answered = status if verified or status == 0 or not 200 <= status < 300 else 401
            self._deliveries.append(
                Delivery(request.headers, request.body, verified, datetime.now(UTC), answered, request.path)
            )
            self._arrived.notify_all()
        headers = (("Content-Type", "application/json"), *((("Retry-After", wait),) if wait else ()))
        return Response(answered or 500, b"{}", headers, delay_s, drop=answered == 0)
