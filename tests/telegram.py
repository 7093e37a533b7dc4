"""A Telegram on loopback that is as strict as the real one: what it would refuse, it refuses; a context manager.

Formatting by https://core.telegram.org/bots/api#html-style: allowed tags alone, properly nested, `<`, `>` and `&` escaped, four
named entities. Its check shares no code with the sender's. Its test is at the end of tests/pipelines/test_telegram.py.
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass
from time import monotonic
from typing import Any

from newsroom.httpd import Request, Response, Servers

TOKEN = "123456:TEST-token_of_nobody"
_TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "tg-spoiler", "a", "code", "pre", "blockquote"}
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_TAG = re.compile(r"<(/?)([a-zA-Z-]+)((?:\s+[a-z-]+=\"[^\"<>]*\")*)\s*>")
_ENTITY = re.compile(r"&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([a-z]+));")


class Refused(ValueError):
    """Telegram's words for what it does not accept."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as a phone shows it."""

    chat: int | str
    text: str
    links: tuple[str, ...]
    bold: tuple[str, ...]
    document: dict[str, Any]


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parsed(text: str) -> tuple[str, list[str], list[str]]:
    """Return the text, the links and what is bold. Raises Refused as Telegram does."""
    out, links, bold, stack, place = "", [], [], [], 0
    while place < len(text):
        character = text[place]
        if character == "<":
            found = _TAG.match(text, place)
            if found is None:
                raise Refused(
                    f"can't parse entities: Unexpected end tag or unsupported start tag at byte offset {place}"
                )
            closing, name, attributes = found[1], found[2].lower(), found[3]
            if name not in _TAGS:
                raise Refused(f'can\'t parse entities: Unsupported start tag "{name}" at byte offset {place}')
            if closing:
                if not stack or stack[-1][0] != name:
                    raise Refused(f"can't parse entities: Unmatched end tag at byte offset {place}")
                start, wanted = stack.pop()[1:]
                if name in ("b", "strong"):
                    bold.append(out[start:])
                if name == "a" and wanted:
                    links.append(wanted)
            else:
                href = re.search(r'href="([^"]*)"', attributes)
                stack.append((name, len(out), parsed(href[1])[0] if href else ""))
            place = found.end()
        elif character == "&":
            found = _ENTITY.match(text, place)
            if found is None or (found[3] and found[3] not in _ENTITIES):
                raise Refused(f"can't parse entities: unsupported entity at byte offset {place}")
            out += _ENTITIES[found[3]] if found[3] else chr(int(found[1]) if found[1] else int(found[2], 16))
            place = found.end()
        elif character == ">":
            raise Refused(f"can't parse entities: unescaped > at byte offset {place}")  # stricter than it need be
        else:
            out += character
            place += 1
    if stack:
        raise Refused(f"can't parse entities: Can't find end tag corresponding to start tag {stack[-1][0]}")
    return out, links, bold


class StrictTelegram:
    """`url` is the base address for the sender. `refused` holds what it did not take, `shown` what a phone shows."""

    def __init__(self, *, per_second: int = 0) -> None:
        self.shown: list[Shown] = []
        self.refused: list[tuple[int, str]] = []
        self.requests: list[dict[str, Any]] = []
        self.answers: deque[tuple[int, dict[str, Any]]] = deque()  # given before anything is looked at
        self.blocked: set[int | str] = set()
        self._per_second, self._last = per_second, -1.0
        self._servers = Servers()

    def __enter__(self) -> StrictTelegram:
        self._servers.__enter__()
        self.url = f"http://127.0.0.1:{self._servers.listen(self._answer)}"
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.__exit__()

    def _answer(self, request: Request) -> Response:
        status, document = self._judge(request)
        if status != 200:
            self.refused.append((status, str(document.get("description", ""))))
        return Response(status, json.dumps(document).encode(), (("Content-Type", "application/json"),))

    def _judge(self, request: Request) -> tuple[int, dict[str, Any]]:
        if request.path != f"/bot{TOKEN}/sendMessage":
            found = re.match(r"/bot\d+:", request.path)
            return (401, _no("Unauthorized", 401)) if found else (404, _no("Not Found", 404))
        document = json.loads(request.body)
        self.requests.append(document)
        if self.answers:
            return self.answers.popleft()
        if self._per_second and monotonic() - self._last < 1 / self._per_second:
            return 429, {**_no("Too Many Requests: retry after 1", 429), "parameters": {"retry_after": 1}}
        chat, text = document.get("chat_id"), document.get("text", "")
        if chat in self.blocked:
            return 403, _no("Forbidden: bot was blocked by the user", 403)
        try:
            shown = _shown(chat, text, document)
        except Refused as error:
            return 400, _no(f"Bad Request: {error}", 400)
        self._last = monotonic()
        self.shown.append(shown)
        return 200, {"ok": True, "result": {"message_id": len(self.shown)}}


def _shown(chat: int | str, text: str, document: dict[str, Any]) -> Shown:
    if chat == 404:
        raise Refused("chat not found")
    mode = document.get("parse_mode")
    if mode not in (None, "HTML"):
        raise Refused("unsupported parse_mode")
    plain, links, bold = parsed(text) if mode else (text, [], [])
    if not plain.strip():
        raise Refused("message text is empty")
    if units(plain) > 4096:
        raise Refused("message is too long")
    plain.encode("utf-8")  # half a surrogate pair is no text
    return Shown(chat, plain, tuple(links), tuple(bold), document)


def _no(description: str, code: int) -> dict[str, Any]:
    return {"ok": False, "error_code": code, "description": description}
