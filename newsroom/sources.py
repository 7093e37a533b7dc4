"""Writes a sources.yaml for outlets on loopback. JSON scalars are YAML scalars, so no YAML library is needed.

Its test is tests/newsroom/test_newsroom.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from newsroom.model import Outlet

# Written so that it keeps exactly the articles whose truth says on_topic; the near misses pass simpler ones.
TOPIC = """\
any:
  - all:
      - any: [ASN, PNS, PPPK, "aparatur sipil negara", "pegawai negeri", "abdi negara"]
      - any:
          - {near: [netralitas, ASN], within: 6}
          - {near: [netral, ASN], within: 8}
          - "netralitas PNS"
          - "netralitas pegawai"
          - "netralitas aparatur"
          - "netralitas birokrasi"
          - "tidak netral"
          - "tak netral"
          - "politik praktis"
          - keberpihakan
          - "mendukung salah satu pasangan"
  - all:
      - any: [camat, lurah, sekda, "kepala dinas", "kepala sekolah", ASN, PNS]
      - any: [Bawaslu, Panwaslu, Panwascam, Gakkumdu, BKN]
      - any: ["ikut kampanye", "hadir di kampanye", "mengarahkan warga", "salah satu pasangan calon"]
"""


def sources_yaml(
    outlets: Iterable[Outlet],
    *,
    rules: str = "",
    channels: str = "",
    topic: str = TOPIC,
    every: str | None = None,
    extra: str = "",
    **settings: Any,
) -> str:
    """Return a complete sources.yaml. rules, channels and topic are YAML text, with or without their key before it.

    Settings go in as given; allow_private_networks is true without them. `extra` is appended as it is (an `alerts:`
    block).
    """
    settings = {"allow_private_networks": True, **settings}
    lines = [
        "settings:",
        *(f"  {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items()),
        "",
    ]
    lines.append(_block("topic", topic))
    lines.append("sources:")
    for outlet in outlets:
        lines += [
            f"  - id: {outlet.id}",
            f"    name: {json.dumps(outlet.name, ensure_ascii=False)}",
            f"    url: {json.dumps(outlet.base_url)}",
            f"    region: {json.dumps(outlet.region)}",
            f"    timezone: {outlet.timezone}",
        ]
        if every:
            lines.append(f"    every: {every}")
        lines.append("    discover:")
        lines += [f"      - {json.dumps(entry)}" for entry in outlet.discover]
    for name, text in (("rules", rules), ("channels", channels)):
        if text.strip():
            lines.append("\n" + _block(name, text))
    return "\n".join(lines) + "\n" + extra


def _block(name: str, text: str) -> str:
    if text.lstrip().startswith(f"{name}:"):
        return text.strip("\n") + "\n"
    return f"{name}:\n" + "".join(f"  {line}\n" if line.strip() else "\n" for line in text.strip("\n").splitlines())
