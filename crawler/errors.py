"""The error tree. Every error of ours carries what it is about; the message says what, the limit and the value seen.

    PantauError                  shown to a user as one line, never as a traceback without --debug
    ├── ConfigError              sources.yaml cannot be used: file, line, key, found, allowed          exit 2
    ├── UsageError               the command line asks for something that is not there                 exit 2
    ├── ExpressionError          a match expression cannot be read (becomes a ConfigError with a line)
    ├── StoreError               the database
    │   ├── StoreLocked          another pantau writes to it
    │   ├── StoreBusy            it stayed locked for longer than we wait; try again
    │   └── StoreUnusable        not ours, newer than this program, or corrupt
    │       └── StoreUnwritable  no room, a broken or read-only disk; may mend itself
    ├── FetchError               one request failed: `kind` is one word of FETCH_KINDS
    ├── DiscoveryError           a listing is not what it should be: `kind` is one of not_a_feed, blocked, too_large, bad_selector
    └── WorkerError              the crawl process could not start, or died

This module imports nothing of ours.
"""

from __future__ import annotations

from typing import Literal

FetchKind = Literal[
    "refused_address",  # the address guard: private, loopback, link-local, or a port nobody configured
    "refused_scheme",
    "robots",  # robots.txt forbids it, or could not be read (RFC 9309: 5xx means no crawl)
    "wait",  # the host asked to be left alone until later (Retry-After)
    "dns",
    "connect",
    "tls",
    "timeout",
    "too_large",
    "truncated",
    "redirects",
    "http",  # a status that is no answer; the message names it
    "gone",  # 404 or 410
    "failed",
]


class PantauError(Exception):
    """The base of every error that this program raises on purpose."""


class ConfigError(PantauError):
    """sources.yaml cannot be used. `problems` has one line for each thing that is wrong, all of them at once."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UsageError(PantauError):
    """The command line names something that does not exist."""


class ExpressionError(PantauError):
    """A match expression cannot be read. `path` leads to the wrong part ("any", 0, "near")."""

    def __init__(self, path: tuple[str | int, ...], found: object, allowed: str) -> None:
        super().__init__(f"found {found!r}; allowed: {allowed}")
        self.path = path
        self.found = found
        self.allowed = allowed


class StoreError(PantauError):
    """The database. `path` says which."""


class StoreLocked(StoreError):
    """Another pantau process is the writer of this database."""


class StoreBusy(StoreError):
    """The database stayed locked by somebody else for longer than we wait; nothing was written."""


class StoreUnusable(StoreError):
    """The file is not ours, is from a newer version, or is damaged; nothing was written."""


class StoreUnwritable(StoreUnusable):
    """The disk has no room, is broken or read-only; nothing was written, and later it may work."""


class FetchError(PantauError):
    """One request came to nothing. `retry` says whether a later try may succeed; `wait_s` is what the host asked for."""

    def __init__(self, kind: FetchKind, url: str, message: str, *, retry: bool, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.url = url
        self.retry = retry
        self.wait_s = wait_s


class DiscoveryError(PantauError):
    """A listing was answered but is not what it should be."""

    def __init__(self, kind: Literal["not_a_feed", "blocked", "too_large", "bad_selector"], message: str) -> None:
        super().__init__(message)
        self.kind = kind


class WorkerError(PantauError):
    """The crawl process could not start, or died."""
