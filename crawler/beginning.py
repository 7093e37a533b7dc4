"""`pantau init`: a first sources.yaml for one region, made of the shipped watch list and three answers.

Cases are told at once, appeals and announcements once a day. Secrets stay in the environment. Tests:
tests/crawler/test_beginning.py.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import TypeAdapter

from crawler import editing
from crawler.errors import UsageError
from crawler.sourcesfile import Region

WAYS = ("telegram", "email", "webhook", "nobody")
ASK_TO = {
    "telegram": "Which chat (its number, or @name)?",
    "email": "Which address?",
    "webhook": "Which address (https://…)?",
}
_TO = {
    "telegram": (r"-?\d+|@\w{3,}", "a chat's number such as -1001234567890, or @name"),
    "email": (r"[\w.+-]+@[\w-]+(\.[\w-]+)+", "an address such as redaksi@example.org"),
    "webhook": (r"https?://[^\s\"'\\]+", "an address such as https://host/hook"),
}
# In the shipped list, whose form is ours: an entry ends at the next one, or at the heading of the next province.
_ENTRY = re.compile(r"^  - id: .*\n(?:    .*\n)+", re.M)
# By province: the rest of the country has WIB.
_WITA = frozenset(["51", "52", "53", "63", "64", "65", "71", "72", "73", "74", "75", "76"])
_WIT = frozenset(["81", "82", "91", "92", "93", "94", "95", "96"])


@dataclass(frozen=True, slots=True)
class Beginning:
    """A first file: how many outlets it has, and the lines to run before `pantau` so that its secrets are there."""

    outlets: int
    exports: tuple[str, ...]


def begin(path: Path, code: str, region: str, notify: str, to: str = "") -> Beginning:
    """Write a first sources.yaml with the shipped outlets of a region. `code` is its Kemendagri code, `region` its name.

    Raises UsageError where the file exists, the answers are none that are allowed, or no outlet is shipped for the region.
    """
    if path.exists():
        raise UsageError(f"{path} exists; init overwrites nothing")
    if notify not in WAYS:
        raise UsageError(f"--notify: found {notify!r}; allowed: {', '.join(WAYS)}")
    if notify != "nobody" and not re.fullmatch(_TO[notify][0], to):
        raise UsageError(f"--to: found {to!r}; allowed for {notify}: {_TO[notify][1]}")
    outlets = shipped_outlets(code)
    if not outlets:
        raise UsageError(f"no outlet of {region} is shipped; `pantau sources add URL` begins a list")
    channel, variables = _channel(notify, to)
    text = _text(code, region, "\n".join(outlets), channel)
    environ = dict(os.environ)
    for name, value in variables.items():
        environ.setdefault(name, value)
    editing.checked(path, text, environ)
    editing.replace_file(path, text)
    return Beginning(len(outlets), tuple(f"export {name}='{value}'" for name, value in variables.items()))


def shipped_outlets(code: str) -> list[str]:
    """Return the entries of the shipped watch list for a region, as they are written: those of the province around it too."""
    found = []
    for entry in _ENTRY.findall(files("crawler").joinpath("data", "sources.yaml").read_text(encoding="utf-8")):
        region = re.search(r"^    region: (.+)$", entry, re.M)
        own = _region_code(region[1]) if region else ""
        if own and (f"{own}.".startswith(f"{code}.") or f"{code}.".startswith(f"{own}.")):
            found.append(entry.rstrip("\n"))
    return found


@cache
def _region_code(name: str) -> str:
    return str(TypeAdapter(Region).validate_python(name.strip("\"'")))


def _channel(notify: str, to: str) -> tuple[str, dict[str, str]]:
    """Return a channel's lines, and the variables that it reads with what stands for them until they are set."""
    if notify == "telegram":
        return f'apprise: "tgram://${{TELEGRAM_TOKEN}}/{to}"', {"TELEGRAM_TOKEN": "TOKEN-OF-YOUR-BOT"}
    if notify == "email":
        line = f'apprise: "mailtos://${{SMTP_USER}}:${{SMTP_PASSWORD}}@${{SMTP_HOST}}?to={to}"'
        return line, {"SMTP_USER": "YOUR-USER", "SMTP_PASSWORD": "YOUR-PASSWORD", "SMTP_HOST": "smtp.example.org"}
    if notify == "webhook":
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        return f'webhook: "{to.replace("${", "$${")}"\n    secret: ${{WEBHOOK_SECRET}}', {"WEBHOOK_SECRET": secret}
    return "", {}


def _text(code: str, region: str, outlets: str, channel: str) -> str:
    province = code[:2]
    zone = "WITA" if province in _WITA else "WIT" if province in _WIT else "WIB"
    at_once, daily = ("[segera]", "[harian]") if channel else ("[]", "[]")
    channels = (
        f"""
channels:
  segera:
    {channel}
  harian:
    {channel}
    digest: "07:00"
"""
        if channel
        else ""
    )
    return f"""\
# The watch list of {region}, made by `pantau init`. `pantau sources check` tells which outlets work; take out what does not.
# More outlets: `pantau sources add URL`. The form of this file: docs/sources.schema.json.

settings:
  timezone: {zone}
  # contact: redaksi@example.org   # put yours here: it tells outlets whom to ask

topic:
  preset: netralitas-asn

# Cases at once, appeals and announcements once a day.
rules:
  - id: kasus
    categories: [dugaan, proses, sanksi]
    # regions: [{region}]   # leaves out what happens elsewhere, and what no place is known of
    notify: {at_once}
  - id: imbauan
    categories: [imbauan, regulasi, data]
    notify: {daily}
{channels}
sources:
{outlets}
"""
