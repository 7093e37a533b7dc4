from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import json
import logging
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import lxml.html
import pytest
from aiosmtpd.controller import Controller
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook

from crawler.netguard import AddressGuard, resolve_allowed
from crawler.politeness import retry_after_s
from newsroom import WebhookReceiver
from pipelines import channels
from pipelines.attempt import Attempt
from pipelines.channels import Sender, signature
from pipelines.forms import HTML, MARKDOWN, TEXT, Form
from pipelines.messages import render_message
from pipelines.render import one_line, render_payload
from tests.alerting import Hook, hostile_payload, payload
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
    for _ in range(2):  # the second time as plain text
        httpserver.expect_ordered_request("/pesan").respond_with_data("", status=500)
    hook = Hook("meja", apprise=httpserver.url_for("/pesan").replace("http://", "json://"))
    assert (await sender.send(hook, "m", PAYLOAD)).result == "sent"
    document = json.loads(httpserver.log[0][0].get_data())
    assert document["title"] == "Sedang diproses · Kota Palembang: Camat dipanggil Bawaslu"
    assert "diduga tidak netral" in document["message"]
    assert (await sender.send(hook, "m", PAYLOAD)).result == "retry"


async def test_an_address_apprise_does_not_know_is_final(sender: Sender) -> None:
    assert (await sender.send(Hook("meja", apprise="tidakada://x"), "m", PAYLOAD)).result == "final"


class Service:
    """What is read of Apprise's services, with limits as small as some have."""

    def __init__(self, form: str, title: int, body: int, others: tuple[str, ...] = ()) -> None:
        self.title_maxlen, self.body_maxlen = title, body
        self._forms = (form, *others)

    def resolve_format(self, wanted: object = None) -> object:
        import apprise

        names = [apprise.NotifyFormat(form) for form in self._forms]
        return wanted if wanted in names else names[0]


@pytest.mark.parametrize(
    ("service", "form"),
    [
        (Service("html", 250, 32768), HTML),
        (Service("markdown", 0, 2000), MARKDOWN),
        (Service("text", 0, 160), TEXT),
        (Service("text", 250, 2000, ("markdown",)), MARKDOWN),
        (Service("text", 250, 2000, ("html", "markdown")), TEXT),
        (Service("html", 250, 2000, ("text",)), HTML),
    ],
)
def test_a_service_gets_the_form_it_shows(service: Service, form: Form) -> None:
    assert channels._form(service) == form


@pytest.mark.parametrize("form", [HTML, MARKDOWN, TEXT])
@pytest.mark.parametrize(("title_most", "body_most"), [(0, 160), (0, 2000), (30, 160), (250, 512), (250, 32768)])
def test_title_and_body_are_cut_to_the_service_s_limits(form: Form, title_most: int, body_most: int) -> None:
    for number in range(60):
        message = render_message(hostile_payload(number), "id", ZoneInfo("Asia/Jakarta"))
        title, body = channels._cut_for(Service("text", title_most, body_most), message, form)
        assert len(title) <= title_most
        assert 0 < len(body) <= body_most
        if form is HTML:
            assert not lxml.html.fragments_fromstring(f"<p>{body}</p>")[0].xpath(
                ".//*[not(self::b or self::br or self::a)]"
            )


def test_a_title_that_was_cut_stands_in_the_body_too() -> None:
    message = render_message(PAYLOAD, "id", ZoneInfo("Asia/Jakarta"))
    assert "Camat dipanggil Bawaslu" not in channels._cut_for(Service("text", 250, 2000), message, TEXT)[1]
    assert "Camat dipanggil Bawaslu" in channels._cut_for(Service("text", 20, 2000), message, TEXT)[1]
    assert "Camat dipanggil Bawaslu" in channels._cut_for(Service("text", 0, 2000), message, TEXT)[1]


async def test_a_service_that_blocks_holds_neither_the_loop_nor_the_relay(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    monkeypatch.setattr(channels, "DEADLINE_S", 0.15)
    monkeypatch.setattr(channels, "_notify", lambda *values: free.wait(10))
    sending = asyncio.create_task(sender.send(Hook("meja", apprise="json://127.0.0.1/"), "m", PAYLOAD))
    ticks = 0
    while not sending.done():
        await asyncio.sleep(0.01)
        ticks += 1
    free.set()
    assert sending.result() == Attempt("retry", "no answer within 0.3 s")
    assert ticks >= 10


async def test_what_a_service_raises_reaches_the_boundary_and_not_the_thread(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*values: object) -> bool:
        raise KeyError("bug")

    monkeypatch.setattr(channels, "_notify", broken)
    with pytest.raises(KeyError):
        await sender.send(Hook("meja", apprise="json://127.0.0.1/"), "m", PAYLOAD)


# ------------------------------------------------------------------------------------------------------------- e-mail


class Mailbox:
    """Keeps what an SMTP server was given."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        self.envelopes.append(envelope)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, Hook]]:
    kept = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(kept, hostname="127.0.0.1", port=port)
    server.start()
    address = f"mailto://127.0.0.1:{port}?from=pantau@example.org&to=redaksi@example.org&mode=insecure"
    try:
        yield kept, Hook("meja", apprise=address)
    finally:
        server.stop()


INJECTIONS = [
    f"Camat{separator}{header}"
    for separator in ("\r\n", "\n", "\r", "\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\r\n\r\n", "\x1c")
    for header in ("Bcc: semua@example.org", "To: jahat@example.org", "Content-Type: text/html")
]
BODIES = ["x" * 5000, "kata " * 1200, "😀" * 1500, ".\r\nQUIT", "\r\n.\r\n", "é" * 998]


async def test_no_headline_adds_a_header_or_a_reader_to_an_e_mail(
    sender: Sender, mailbox: tuple[Mailbox, Hook]
) -> None:
    """C7."""
    kept, hook = mailbox
    assert len(INJECTIONS) == 30
    wanted: set[str] | None = None
    for number, title in enumerate(INJECTIONS):
        long = BODIES[number % len(BODIES)]
        text = payload(title=title, outlet=long, matches=[])
        assert await sender.send(hook, f"m{number}", text) == Attempt("sent")
        envelope = kept.envelopes[-1]
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert envelope.rcpt_tos == ["redaksi@example.org"]
        names = {name.lower() for name in message}
        wanted = wanted or names
        assert names == wanted
        assert "bcc" not in names
        assert len(message.get_all("to", [])) == len(message.get_all("subject", [])) == 1
        subject = message["subject"]
        assert "".join(subject.split()) == "".join(f"Dugaan pelanggaran · Kota Palembang: {one_line(title)}".split())
        assert all(len(line) <= 998 for line in envelope.content.split(b"\r\n"))
        shown = message.get_body(("html",)).get_content()
        text = lxml.html.fromstring(shown).text_content()
        assert one_line(long) in text
        assert "https://satu.example/0" in text


async def test_nothing_foreign_is_active_in_an_e_mail_that_arrived(
    sender: Sender, mailbox: tuple[Mailbox, Hook]
) -> None:
    """C4, behind all that the library does with our HTML."""
    kept, hook = mailbox
    for number in range(40):
        assert await sender.send(hook, f"m{number}", hostile_payload(number)) == Attempt("sent")
        message = email.message_from_bytes(kept.envelopes[-1].content, policy=email.policy.default)
        shown = lxml.html.document_fromstring(message.get_body(("html",)).get_content())
        for node in shown.iter():
            assert node.tag in ("html", "head", "body", "b", "br", "a", "p"), (number, node.tag)
            assert set(node.attrib) <= {"href"}
        assert set(shown.xpath("//a/@href")) <= {"https://satu.example/a?b=1&c=2"}


async def test_an_e_mail_server_that_is_away_is_tried_again(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apprise.plugins.email.base.NotifyEmail.request_rate_per_sec", 0)
    hook = Hook("meja", apprise="mailto://127.0.0.1:9?from=pantau@example.org&to=redaksi@example.org&mode=insecure")
    assert (await sender.send(hook, "m", PAYLOAD)).result == "retry"


@pytest.mark.parametrize(
    "address",
    [
        "mailto://pantau:RAHASIA@127.0.0.1:9?from=pantau@example.org&to=redaksi@example.org&mode=insecure",
        "json://pantau:RAHASIA@127.0.0.1:9/RAHASIA",
        "mmost://127.0.0.1:9/RAHASIARAHASIARAHASIARAHASIA",
        "xml://pantau:RAHASIA@127.0.0.1:9/RAHASIA",
        "gotify://127.0.0.1:9/RAHASIA",
        "ntfy://pantau:RAHASIA@127.0.0.1:9/RAHASIA",
    ],
)
async def test_what_apprise_says_of_a_failure_holds_no_secret(
    sender: Sender, address: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C3; nobody listens at any of them."""
    monkeypatch.setattr("apprise.plugins.base.NotifyBase.request_rate_per_sec", 0)
    monkeypatch.setattr("apprise.plugins.email.base.NotifyEmail.request_rate_per_sec", 0)
    caplog.set_level(logging.INFO)
    attempt = await sender.send(Hook("meja", apprise=address), "m", PAYLOAD)
    assert attempt.result == "retry"
    assert "RAHASIA" not in attempt.error + caplog.text


async def test_an_address_that_httpx_cannot_read_is_no_crash() -> None:
    channel = Hook("arsip", webhook="http://0177.0.0.1/", secret=SECRET)
    async with opened(private=False) as sender:
        attempt = await sender.send(channel, "msg_1", PAYLOAD)
    assert attempt.result == "retry"
