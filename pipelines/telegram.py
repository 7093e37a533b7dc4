"""Telegram, spoken directly: its status codes, its Retry-After and its way of counting are not to be had through Apprise.

Addresses are those of Apprise (`tgram://TOKEN/CHAT/CHAT2:TOPIC`). No error holds the token. Tests: tests/pipelines/test_telegram.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pipelines.attempt import Attempt
from pipelines.forms import TELEGRAM, TEXT, Message, fitted, utf16_units
from pipelines.render import one_line

API = "https://api.telegram.org"
MAX_UNITS = 4096  # UTF-16 units of a message, after its entities are parsed
# https://core.telegram.org/bots/faq: a message a second in one chat, 20 a minute in a group.
GAP_S, GROUP_GAP_S = 1.0, 3.0
_ADDRESS = re.compile(r"tgram://(?:bot)?(?P<id>\d+)(?::|%3A)(?P<secret>[^/?#]+)(?P<rest>.*)", re.IGNORECASE)
_CHAT = re.compile(
    r"(?:(?P<id>-?\d{1,32})|(?:@|%40)?(?P<name>[a-z_-][a-z0-9_-]+))(?:(?::|%3A)(?P<topic>\d+))?", re.IGNORECASE
)
TOO_MANY = "answered 429"
_TRUE = frozenset({"yes", "true", "1", "on"})

# Given an address and a JSON document: the status and the body of the answer.
Post = Callable[[str, bytes], Awaitable[tuple[int, bytes]]]


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat: its number (negative for groups) or "@name", and a topic in it."""

    id: int | str
    topic: int | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """A `tgram://` address."""

    token: str = field(repr=False)
    chats: tuple[Chat, ...]
    silent: bool = False

    @property
    def gap_s(self) -> float:
        """How long after one message the next may follow; a name may be a group's."""
        groups = any(isinstance(chat.id, str) or chat.id < 0 for chat in self.chats)
        return GROUP_GAP_S if groups else GAP_S


def parse_address(address: str) -> Address | None:
    """Return what an Apprise address of Telegram says; None for any other, and for one without a chat (Apprise looks that up)."""
    found = _ADDRESS.fullmatch(address.strip())
    if found is None:
        return None
    parts = urlsplit(f"//{found['rest']}" if found["rest"].startswith("?") else f"//x{found['rest']}")
    query = {name.lower(): values[-1] for name, values in parse_qs(parts.query).items()}
    topic = query.get("topic") or query.get("thread")
    names = [unquote(name) for name in parts.path.split("/") if name] + re.split(r"[\s,;]+", query.get("to", ""))
    chats = []
    for chat in (_CHAT.fullmatch(name) for name in names):
        if chat is not None:
            own = chat["topic"] or topic
            number = int(own) if own and own.isdigit() else None
            chats.append(Chat(int(chat["id"]) if chat["id"] else f"@{chat['name']}", number))
    if not chats:
        return None
    secret = unquote(found["secret"])
    return Address(f"{found['id']}:{secret}", tuple(dict.fromkeys(chats)), query.get("silent", "").lower() in _TRUE)


class Telegram:
    """Sends messages; remembers, while it lives, which chats already have one, so that a retry goes to the others alone."""

    def __init__(self, post: Post, api: str = API) -> None:
        self._post, self._api = post, api
        self._have: dict[str, set[Chat]] = {}

    async def send(self, address: Address, alert_id: str, message: Message) -> Attempt:
        """Return what an attempt came to: one that may still pass in any chat is a retry, else a refusal in any is final."""
        have = self._have.setdefault(alert_id, set())
        failed: list[Attempt] = []
        for chat in address.chats:
            if chat in have:
                continue
            attempt = await self._send_to(address, chat, message)
            if attempt.result == "sent":
                have.add(chat)
                continue
            failed.append(attempt)
            if attempt.error == TOO_MANY:
                break  # it asks the bot for a pause, not the chat
        worst = next(
            (attempt for attempt in failed if attempt.result == "retry"), failed[0] if failed else Attempt("sent")
        )
        if worst.result != "retry" or not have:
            del self._have[alert_id]
        if have and worst.result != "sent":
            return Attempt(
                worst.result, f"{worst.error} ({len(have)} of {len(address.chats)} chats have it)", worst.wait_s
            )
        return worst

    async def _send_to(self, address: Address, chat: Chat, message: Message) -> Attempt:
        status, answer = await self._call(address, chat, fitted(message.whole, TELEGRAM, MAX_UNITS), "HTML")
        if status == 400:
            # Whatever it did not like of the markup, the words must arrive.
            text = fitted(message.whole, TEXT, MAX_UNITS // 2)
            assert utf16_units(text) <= MAX_UNITS
            status, answer = await self._call(address, chat, text, None)
        return judged(status, answer, address.token)

    async def _call(
        self, address: Address, chat: Chat, text: str, parse_mode: str | None
    ) -> tuple[int, dict[str, Any]]:
        document: dict[str, Any] = {"chat_id": chat.id, "text": text, "link_preview_options": {"is_disabled": True}}
        if chat.topic is not None:
            document["message_thread_id"] = chat.topic
        if parse_mode is not None:
            document["parse_mode"] = parse_mode
        if address.silent:
            document["disable_notification"] = True
        status, body = await self._post(f"{self._api}/bot{address.token}/sendMessage", json.dumps(document).encode())
        try:
            answer = json.loads(body)
        except ValueError:
            answer = {}
        return status, answer if isinstance(answer, dict) else {}


MAX_WAIT_S = 24 * 3600.0  # as with Retry-After: a longer one is a mistake


def judged(status: int, answer: dict[str, Any], token: str) -> Attempt:
    """Return what Telegram's answer means, in plain words and without the token."""
    parameters = answer.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    if 200 <= status < 300 and answer.get("ok") is True:
        return Attempt("sent")
    if status == 429:
        wait_s = parameters.get("retry_after")
        asked = min(float(wait_s), MAX_WAIT_S) if isinstance(wait_s, int | float) and wait_s >= 0 else None
        return Attempt("retry", "answered 429", asked)
    if status >= 500 or 200 <= status < 400:
        return Attempt("retry", f"answered {status}")
    if status in (401, 404):
        return Attempt("final", "Telegram refused the token")
    if status == 403:
        return Attempt("final", "the bot was blocked, or is not in the chat")
    if "migrate_to_chat_id" in parameters:
        return Attempt("final", f"the group became a supergroup; its chat is now {parameters['migrate_to_chat_id']}")
    reason = one_line(str(answer.get("description", ""))).replace(token, "…")[:120]
    return Attempt("final", f"answered {status}" + (f": {reason}" if reason else ""))
