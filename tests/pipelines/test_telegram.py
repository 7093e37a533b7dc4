from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from pipelines.attempt import Attempt
from pipelines.channels import Sender
from pipelines.telegram import Chat, parse_address
from tests.alerting import ZONE, Hook, hostile_payload, local, payload, seconds
from tests.telegram import TOKEN, Refused, StrictTelegram, parsed, units


@pytest.fixture
def telegram() -> Iterator[StrictTelegram]:
    with StrictTelegram() as running:
        yield running


@pytest.fixture
async def sender(telegram: StrictTelegram) -> AsyncIterator[Sender]:
    async with Sender(local, "id", ZONE, seconds, telegram_api=telegram.url) as opened:
        yield opened


def chat(*chats: str, token: str = TOKEN) -> Hook:
    return Hook("meja", apprise=f"tgram://{token}/{'/'.join(chats)}")


async def test_an_alert_as_a_phone_shows_it(sender: Sender, telegram: StrictTelegram) -> None:
    text = payload(category="proses", title="Camat & lurah <dipanggil>", story={"outlets": 4})
    assert await sender.send(chat("77"), "m1", text) == Attempt("sent")
    [shown] = telegram.shown
    assert shown.text.splitlines() == [
        "Sedang diproses · Kota Palembang",
        "Camat & lurah <dipanggil>",
        "Koran 0 · Rabu, 13 November 2024 08.04 WIB · +3 media",
        "“Seorang camat diduga tidak netral.”",
        "https://satu.example/0",
    ]
    assert shown.bold == ("Sedang diproses · Kota Palembang", "tidak netral")
    assert shown.links == ("https://satu.example/0",)
    assert shown.document["link_preview_options"] == {"is_disabled": True}
    assert shown.document["chat_id"] == 77


async def sent_whole(sender: Sender, telegram: StrictTelegram, count: int) -> None:
    """C5: hostile alerts: none refused, none lost, none cut apart, the markup always ours."""
    for number in range(count):
        assert await sender.send(chat("77"), f"m{number}", hostile_payload(number)) == Attempt("sent"), number
    assert telegram.refused == []
    assert len(telegram.shown) == count
    assert all("parse_mode" in shown.document for shown in telegram.shown)
    assert {link for shown in telegram.shown for link in shown.links} == {"https://satu.example/a?b=1&c=2"}
    for shown in telegram.shown:
        assert units(shown.text) <= 4096
        assert not set(shown.text) & set("\u202e\u2067\u200f\r\x00\x1b")
        lines = shown.text.splitlines()
        assert not any("://" in line for line in lines[:-1])
        assert "@e" not in shown.text
        assert "@p" not in shown.text


async def test_hostile_alerts_are_neither_refused_nor_lost(sender: Sender, telegram: StrictTelegram) -> None:
    await sent_whole(sender, telegram, 300)


@pytest.mark.slow
async def test_two_thousand_hostile_alerts_are_neither_refused_nor_lost(
    sender: Sender, telegram: StrictTelegram
) -> None:
    await sent_whole(sender, telegram, 2000)


@pytest.mark.parametrize("filler", ["x", "😀", "<", "&", '"', "👩‍👩‍👧", "e\u0301"])
async def test_a_long_headline_is_cut_to_the_limit_and_keeps_the_link(
    sender: Sender, telegram: StrictTelegram, filler: str
) -> None:
    await sender.send(chat("77"), "m", payload(title=filler * 5000, outlet="Koran"))
    [shown] = telegram.shown
    assert 3900 < units(shown.text) <= 4096
    assert shown.links == ("https://satu.example/0",)
    assert "…" in shown.text
    cut = shown.text.splitlines()[1].removesuffix("…")
    assert (filler * 5000).startswith(cut)
    assert not (filler * 5000)[len(cut)].startswith(("\u0301", "\u200d"))


async def test_what_telegram_cannot_parse_goes_again_as_plain_words(sender: Sender, telegram: StrictTelegram) -> None:
    telegram.answers.append((400, {"ok": False, "description": "Bad Request: can't parse entities: so it says"}))
    assert (await sender.send(chat("77"), "m", payload())).result == "sent"
    assert [("parse_mode" in request) for request in telegram.requests] == [True, False]
    assert "https://satu.example/0" in telegram.shown[0].text
    assert "<b>" not in telegram.shown[0].text


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((429, {"ok": False, "parameters": {"retry_after": 33}}), Attempt("retry", "answered 429", 33.0)),
        ((429, {"ok": False}), Attempt("retry", "answered 429")),
        ((500, {}), Attempt("retry", "answered 500")),
        ((502, {}), Attempt("retry", "answered 502")),
        ((200, {"ok": False}), Attempt("retry", "answered 200")),
        ((401, {"ok": False, "description": "Unauthorized"}), Attempt("final", "Telegram refused the token")),
        ((404, {"ok": False, "description": "Not Found"}), Attempt("final", "Telegram refused the token")),
        ((403, {"ok": False}), Attempt("final", "the bot was blocked, or is not in the chat")),
    ],
)
async def test_what_telegram_answers_is_understood(
    sender: Sender, telegram: StrictTelegram, answer: tuple[int, dict[str, object]], expected: Attempt
) -> None:
    telegram.answers.append(answer)
    assert await sender.send(chat("77"), "m", payload()) == expected
    assert telegram.shown == []


async def test_a_wrong_token_and_a_wrong_chat_are_final_and_no_error_or_log_holds_the_token(
    sender: Sender, telegram: StrictTelegram, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for hook in (chat("77", token="123456:RAHASIA"), chat("77", token="1:RAHASIA"), chat("404")):
        attempt = await sender.send(hook, "m", payload())
        assert attempt.result == "final"
        assert "RAHASIA" not in attempt.error
    assert attempt.error == "answered 400: Bad Request: chat not found"
    echo = f"Bad Request: {TOKEN} is odd"
    telegram.answers.extend([(400, {"description": echo})] * 2)
    assert TOKEN not in (await sender.send(chat("77"), "m", payload())).error
    async with Sender(local, "id", ZONE, seconds, telegram_api="http://127.0.0.1:1") as lost:
        attempt = await lost.send(chat("77"), "m", payload())
    assert attempt.result == "retry"
    assert TOKEN not in attempt.error + caplog.text
    assert "RAHASIA" not in caplog.text


async def test_a_group_that_moved_is_named_with_its_new_number(sender: Sender, telegram: StrictTelegram) -> None:
    answer = (400, {"description": "group chat was upgraded", "parameters": {"migrate_to_chat_id": -1001}})
    telegram.answers.extend([answer, answer])
    attempt = await sender.send(chat("-5"), "m", payload())
    assert attempt == Attempt("final", "the group became a supergroup; its chat is now -1001")


async def test_of_several_chats_only_those_that_failed_are_tried_again(
    sender: Sender, telegram: StrictTelegram
) -> None:
    telegram.answers.append((500, {}))
    hook = chat("1", "2", "@tiga")
    attempt = await sender.send(hook, "m", payload())
    assert attempt == Attempt("retry", "answered 500 (2 of 3 chats have it)")
    assert (await sender.send(hook, "m", payload())).result == "sent"
    assert sorted(str(shown.chat) for shown in telegram.shown) == ["1", "2", "@tiga"]
    telegram.blocked.add(2)
    assert (await sender.send(hook, "m2", payload())).error.endswith("not in the chat (2 of 3 chats have it)")


async def test_a_request_for_a_pause_holds_the_other_chats_too(sender: Sender, telegram: StrictTelegram) -> None:
    telegram.answers.append((429, {"parameters": {"retry_after": 3}}))
    assert (await sender.send(chat("1", "2"), "m", payload())).wait_s == 3
    assert len(telegram.requests) == 1


async def test_a_telegram_that_hangs_is_given_up_at_the_deadline(
    sender: Sender, telegram: StrictTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.channels.DEADLINE_S", 0.3)
    gone = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with Sender(local, "id", ZONE, seconds, telegram_api=url) as waiting:
        attempt = await asyncio.wait_for(waiting.send(chat("1"), "m", payload()), 5)
    gone.set()
    server.close()
    assert attempt == Attempt("retry", "no answer within 0.3 s")


async def test_faster_than_telegram_allows_is_answered_with_a_pause(telegram: StrictTelegram) -> None:
    telegram._per_second = 1
    async with Sender(local, "id", ZONE, seconds, telegram_api=telegram.url) as sender:
        attempts = [await sender.send(chat("1"), f"m{number}", payload()) for number in range(2)]
    assert [(attempt.result, attempt.wait_s) for attempt in attempts] == [("sent", None), ("retry", 1.0)]


@pytest.mark.parametrize(
    ("address", "chats", "gap_s"),
    [
        ("tgram://123:ABC/1", [Chat(1)], 1),
        ("tgram://bot123:ABC/1/", [Chat(1)], 1),
        ("tgram://123%3AABC/-100200", [Chat(-100200)], 3),
        ("tgram://123:ABC/1/2/@saluran", [Chat(1), Chat(2), Chat("@saluran")], 3),
        ("tgram://123:ABC/saluran", [Chat("@saluran")], 3),
        ("tgram://123:ABC/1:7/2", [Chat(1, 7), Chat(2)], 1),
        ("tgram://123:ABC/1?topic=9", [Chat(1, 9)], 1),
        ("tgram://123:ABC/1:7/2?thread=9&silent=yes", [Chat(1, 7), Chat(2, 9)], 1),
        ("tgram://123:ABC/?to=1,2", [Chat(1), Chat(2)], 1),
        ("tgram://123:ABC/1/1", [Chat(1)], 1),
    ],
)
def test_addresses_are_those_of_apprise(address: str, chats: list[Chat], gap_s: float) -> None:
    import apprise

    found = parse_address(address)
    assert found is not None
    assert (list(found.chats), found.gap_s, found.token) == (chats, gap_s, "123:ABC")
    assert "ABC" not in repr(found)
    theirs = apprise.Apprise.instantiate(address)
    assert {(chat.id, chat.topic) for chat in found.chats} == set(theirs.targets)


@pytest.mark.parametrize("address", ["mailto://a@b.example", "tgram://123:ABC", "tgram://123:ABC/", "tgram://x/1", ""])
def test_what_is_not_to_be_understood_is_left_to_apprise(address: str) -> None:
    assert parse_address(address) is None


@pytest.mark.parametrize(
    "text",
    [
        "<b>a",
        "a</b>",
        "<b><i>a</b></i>",
        "a < b",
        "a > b",
        "&nbsp;",
        "& a",
        "<script>a</script>",
        "<p>a</p>",
        '<a href="x>a</a>',
    ],
)
def test_the_fake_is_strict(text: str) -> None:
    with pytest.raises(Refused):
        parsed(text)


def test_the_fake_reads_what_is_right() -> None:
    found = parsed('<b>a &lt; <i>b</i></b> <a href="https://x/?a=1&amp;b=2">c</a> &amp;&#128512;')
    assert found == ("a < b c &😀", ["https://x/?a=1&b=2"], ["a < b"])
