"""Logging: one line an event, to standard error, with no secret in it.

The filter sits on the handler, so it sees what every library logs. Tests: tests/crawler/test_logs.py.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable
from urllib.parse import quote

# Line breaks, terminal commands (C0 and C1) and marks that turn the direction of writing.
_BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


class _Redact(logging.Formatter):
    """Formats a record in one line and replaces every secret that stands in it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S%z")
        spelled = {spelling for secret in secrets for spelling in (secret, quote(secret, safe="")) if spelling}
        self._secrets = sorted(spelled, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        if record.exc_info:
            return text  # a traceback has lines; it is logged where we have a bug
        return _BREAKS.sub(" ", text)


def set_up_logging(secrets: Iterable[str] = (), level: str = "INFO") -> None:
    """Send logs of this level and above to standard error, without the secrets. Libraries speak from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redact(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for library in ("httpx", "httpcore", "apscheduler", "asyncio", "apprise", "scrapy", "twisted"):
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLevelName(level)))
