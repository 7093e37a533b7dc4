"""Logging: one line an event, to standard error, with no secret in it.

A message is an event and its values, "poll source=%s outcome=%s"; as JSON each value is a key of its own. The filter sits on the handler, so it sees what every library logs. Tests: tests/crawler/test_logs.py.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

# Line breaks, terminal commands (C0 and C1) and marks that turn the direction of writing.
_BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
# Scheme, login, host and path, parameters.
_ADDRESS = re.compile(r"(https?://)(?:[^\s/@?#]*@)?([^\s?#<>\"']*)(\?[^\s<>\"']*)?")
# The values of an event in its message, each with its place in the arguments.
_VALUE = re.compile(r"(\w+)=%[-+.\d]*[a-z]")
# Only these are heard below WARNING: there, libraries write addresses with what is secret in them, in pieces of their own.
_OURS = ("pantau", "crawler", "pipelines", "scheduler", "newsroom")


def hider(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that takes these secrets out of a text, also where they are percent-encoded."""
    spelled = {spelling for secret in secrets for spelling in (secret, quote(secret, safe="")) if spelling}
    ordered = sorted(spelled, key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in ordered:
            text = text.replace(secret, "***")
        return text

    return hide


class _Redact(logging.Formatter):
    """Formats a record in one line, without secrets, and without logins and parameters of addresses, which may be some."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S%z")
        self.hide(secrets)

    def hide(self, secrets: Iterable[str]) -> None:
        """Take these out of every line."""
        self._hide = hider(secrets)

    def format(self, record: logging.LogRecord) -> str:
        text = self._clean(super().format(record))
        lines = text.split("\n") if record.exc_info else [text]
        # A traceback has lines; they are set in, so that none can pass for an event.
        return "\n    | ".join(_BREAKS.sub(" ", line) for line in lines)

    def _clean(self, text: str) -> str:
        return _ADDRESS.sub(lambda found: found[1] + found[2] + ("?…" if found[3] else ""), self._hide(text))


class _Json(_Redact):
    """One JSON object a line: at, level, logger, event, and the event's values under their names."""

    def format(self, record: logging.LogRecord) -> str:
        found: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
        }
        names = _VALUE.findall(str(record.msg))
        if isinstance(record.args, tuple) and names and len(names) == len(record.args):
            found["event"] = str(record.msg).partition(f" {names[0]}=")[0].rstrip(":")
            found |= {name: self._value(value) for name, value in zip(names, record.args, strict=True)}
        else:
            found["event"] = self._clean(record.getMessage())
        if record.exc_info:
            found["traceback"] = self._clean(self.formatException(record.exc_info))
        return json.dumps(found)  # ASCII: no character of it can break the line

    def _value(self, value: object) -> object:
        return value if isinstance(value, int | float | bool) or value is None else self._clean(str(value))


def hide_secrets(secrets: Iterable[str]) -> None:
    """Hide these from now on in what is logged already; level and form stay."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, _Redact):
            handler.formatter.hide(secrets)


def set_up_logging(secrets: Iterable[str] = (), level: str = "INFO", form: Literal["human", "json"] = "human") -> None:
    """Send logs to standard error, without the secrets: ours of this level and above, those of libraries from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter((_Json if form == "json" else _Redact)(secrets))
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.partition(".")[0] in _OURS)
    # A tick that the last one has not made room for is no event.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
