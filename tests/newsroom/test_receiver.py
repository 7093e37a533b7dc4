from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from standardwebhooks import Webhook

from newsroom import WebhookReceiver

BODY = json.dumps({"type": "article.matched", "data": {"rules": ["pelanggaran"]}})


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


def post(
    receiver: WebhookReceiver, secret: str | None = None, name: str = "msg_1", at: datetime | None = None
) -> tuple[int, str | None]:
    at = at or datetime.now(UTC)
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret or receiver.secret).sign(name, at, BODY),
        "Content-Type": "application/json",
    }
    connection = http.client.HTTPConnection(urlsplit(receiver.url).netloc, timeout=5)
    try:
        connection.request("POST", "/hook", BODY, headers)
        response = connection.getresponse()
        response.read()
        return response.status, response.getheader("Retry-After")
    finally:
        connection.close()


def test_a_rightly_signed_delivery_is_verified_and_kept(receiver: WebhookReceiver) -> None:
    assert post(receiver) == (200, None)
    (delivery,) = receiver.wait(1)
    assert delivery.verified
    assert delivery.id == "msg_1"
    assert delivery.json["data"]["rules"] == ["pelanggaran"]
    assert receiver.accepted == [delivery]


def test_a_wrong_secret_or_an_old_timestamp_is_refused(receiver: WebhookReceiver) -> None:
    assert post(receiver, secret="whsec_" + "c2VjcmV0" * 4)[0] == 401
    assert post(receiver, at=datetime.now(UTC) - timedelta(hours=1))[0] == 401
    assert [d.verified for d in receiver.deliveries] == [False, False]
    assert receiver.accepted == []


def test_it_fails_as_told_and_then_recovers(receiver: WebhookReceiver) -> None:
    receiver.answer_next(2, status=503, retry_after=3)
    receiver.answer_next(status=0)
    assert post(receiver) == (503, "3")
    assert post(receiver)[0] == 503
    with pytest.raises((http.client.HTTPException, OSError)):
        post(receiver)
    assert post(receiver)[0] == 200
    assert [d.answered for d in receiver.deliveries] == [503, 503, 0, 200]
    assert len(receiver.accepted) == 1
    receiver.clear()
    with pytest.raises(TimeoutError, match="0 deliveries"):
        receiver.wait(1, timeout_s=0.05)
