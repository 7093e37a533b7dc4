from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook

from crawler.netguard import AddressGuard, resolve_allowed
from crawler.politeness import retry_after_s
from newsroom import WebhookReceiver
from pipelines import channels
from pipelines.channels import Sender, signature
from pipelines.render import render_payload
from tests.pipelines.test_outbox import Hook
from tests.pipelines.test_render import ROW, STORY

PAYLOAD = render_payload("article.matched", datetime(2024, 11, 13, tzinfo=UTC), ["semua"], STORY, ROW)
SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()


def opened(*, private: bool = True, ports: set[str] | None = None) -> Sender:
    guard = AddressGuard(private, ports or set())
    return Sender(partial(resolve_allowed, guard), "id", ZoneInfo("Asia/Jakarta"), retry_after_s)


def port_of(receiver: WebhookReceiver) -> str:
    return receiver.url.removeprefix("http://").partition("/")[0]


@pytest.fixture
async def sender(receiver: WebhookReceiver) -> AsyncIterator[Sender]:
    async with opened(ports={port_of(receiver)}) as made:
        yield made


def test_a_signature_is_what_the_specification_s_own_library_makes() -> None:
    at = datetime(2024, 11, 13, 1, 6, 11, tzinfo=UTC)
    ours = signature(SECRET, "msg_1", int(at.timestamp()), PAYLOAD.encode())
    assert ours == Webhook(SECRET).sign("msg_1", at, PAYLOAD)


async def test_a_webhook_gets_the_payload_byte_by_byte_with_its_three_headers(
    sender: Sender, receiver: WebhookReceiver
) -> None:
    attempt = await sender.send(Hook("arsip", receiver.url, receiver.secret), "msg_7", PAYLOAD)
    assert attempt.result == "sent"
    delivery = receiver.deliveries[0]
    assert delivery.body == PAYLOAD.encode()
    assert delivery.headers["webhook-id"] == "msg_7"
    assert delivery.headers["content-type"] == "application/json"
    assert Webhook(receiver.secret).verify(delivery.body, delivery.headers) == json.loads(PAYLOAD)


async def test_retry_after_as_a_date_and_as_seconds_reaches_the_outbox(
    sender: Sender, receiver: WebhookReceiver
) -> None:
    hook = Hook("arsip", receiver.url, receiver.secret)
    receiver.answer_next(1, status=429, retry_after="90")
    assert (await sender.send(hook, "m", PAYLOAD)).wait_s == 90
    receiver.answer_next(1, status=503, retry_after="Wed, 13 Nov 1999 01:00:00 GMT")
    assert (await sender.send(hook, "m", PAYLOAD)).wait_s == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
    ],
)
async def test_a_webhook_to_this_machine_is_refused_unless_private_networks_are_open(url: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.3)
        port = listener.getsockname()[1]
        address = url.format(port=port)
        hosts = {"127.0.0.1", "localhost", "2130706433", "0x7f.1", "::ffff:127.0.0.1", "::ffff:7f00:1"}
        async with opened(private=False, ports={f"{host}:{port}" for host in hosts}) as strict:
            attempt = await strict.send(Hook("arsip", address, SECRET), "m", PAYLOAD)
        assert attempt.result == "retry"
        with pytest.raises(TimeoutError):
            listener.accept()


async def test_a_port_that_no_webhook_names_is_refused(receiver: WebhookReceiver) -> None:
    async with opened(ports=set()) as strict:
        attempt = await strict.send(Hook("arsip", receiver.url, receiver.secret), "m", PAYLOAD)
    assert (attempt.result, receiver.deliveries) == ("retry", [])
    assert "guard" in attempt.error


async def test_a_receiver_that_never_answers_is_given_up_at_the_deadline(
    sender: Sender, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "DEADLINE_S", 0.3)
    receiver.answer_next(1, delay_s=2)
    attempt = await sender.send(Hook("arsip", receiver.url, receiver.secret), "m", PAYLOAD)
    assert (attempt.result, attempt.error) == ("retry", "no answer within 0.3 s")


async def test_errors_hold_neither_secret_nor_address(sender: Sender) -> None:
    hook = Hook("arsip", "http://127.0.0.1:80/rahasia-panjang?token=sangat-rahasia", SECRET)
    attempt = await sender.send(hook, "m", PAYLOAD)
    assert attempt.result == "retry"
    assert "rahasia" not in attempt.error
    telegram = Hook("tg", None, None, apprise="tgram://123456:RAHASIA-SEKALI/1")
    assert "RAHASIA" not in (await sender.send(telegram, "m", PAYLOAD)).error


async def test_an_endless_answer_does_not_hold_the_sender(sender: Sender) -> None:
    gone = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n")
        try:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        finally:
            gone.set()
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, opened(ports={f"127.0.0.1:{port}"}) as patient:
        attempt = await asyncio.wait_for(patient.send(Hook("a", f"http://127.0.0.1:{port}/", SECRET), "m", PAYLOAD), 5)
        assert attempt.result == "sent"
        await asyncio.wait_for(gone.wait(), 5)  # the connection is given up, not read to its end


async def test_other_services_are_reached_by_apprise_with_a_readable_message(
    sender: Sender, httpserver: HTTPServer
) -> None:
    httpserver.expect_ordered_request("/pesan").respond_with_data("")
    httpserver.expect_ordered_request("/pesan").respond_with_data("", status=500)
    hook = Hook("meja", None, None, apprise=httpserver.url_for("/pesan").replace("http://", "json://"))
    assert (await sender.send(hook, "m", PAYLOAD)).result == "sent"
    document = json.loads(httpserver.log[0][0].get_data())
    assert document["title"] == "[proses · Kota Palembang] Camat dipanggil Bawaslu"
    assert "diduga tidak netral" in document["message"]
    assert (await sender.send(hook, "m", PAYLOAD)).result == "retry"


async def test_an_address_apprise_does_not_know_is_final(sender: Sender) -> None:
    assert (await sender.send(Hook("meja", None, None, apprise="tidakada://x"), "m", PAYLOAD)).result == "final"
