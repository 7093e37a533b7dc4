"""What a page says of itself in JSON: schema.org (JSON-LD), and the article that Next.js pages carry in __NEXT_DATA__.

Foreign JSON is walked with an explicit stack and a limit on the number of values. Imports nothing of `crawler`. Its
test is tests/pipelines/test_metadata.py.
"""

from __future__ import annotations

import html as html_entities
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

ARTICLE_TYPES = re.compile(
    r"(?:News|Blog|Report|Tech|Opinion|Review|Satirical|Background|Analysis|LiveBlog)\w*|\w*(?:Article|"
    r"Posting)$"
)
_MAX_VALUES = 50_000  # of one JSON document; the largest __NEXT_DATA__ seen has 9,000
_MAX_CHARS = 4_000_000
_CONTROLS = re.compile(r"[\x00-\x1f]")
_BODY_KEYS = re.compile(
    r"^(?:article_?body|body_?html|content_?html|full_?(?:text|content)|content|body|isi|isi_berita|"
    r"konten|text|html|description_html)$",
    re.I,
)


@dataclass(slots=True)
class Embedded:
    """What the page's JSON says. Lists are in order of appearance; `types` are the schema.org types met."""

    article: dict[str, Any] = field(default_factory=dict)
    types: set[str] = field(default_factory=set)
    publishers: list[str] = field(default_factory=list)


def read_json_ld(texts: list[str]) -> Embedded:
    """Return the page's article and its publisher out of all its JSON-LD blocks; broken blocks are skipped."""
    found = Embedded()
    best = -1
    for text in texts[:40]:
        for node in _dicts(_load(text)):
            types = _types(node)
            found.types.update(types)
            if {"Organization", "NewsMediaOrganization", "WebSite"} & set(types) and isinstance(node.get("name"), str):
                found.publishers.append(node["name"])
            if any(ARTICLE_TYPES.fullmatch(kind) for kind in types):
                rank = sum(1 for key in ("headline", "datePublished", "author", "articleBody") if node.get(key))
                if rank > best:
                    best, found.article = rank, node
    return found


def next_data_body(text: str) -> str:
    """Return the longest text or HTML that __NEXT_DATA__ (or a script like it) holds under a body's name, or ""."""
    best = ""
    for node in _dicts(_load(text)):
        for key, value in node.items():
            if isinstance(value, str) and len(value) > max(200, len(best)) and _BODY_KEYS.match(str(key)):
                best = value
            elif isinstance(value, list) and _BODY_KEYS.match(str(key)) and all(isinstance(v, str) for v in value[:50]):
                joined = "\n".join(v for v in value if isinstance(v, str))
                best = joined if len(joined) > max(200, len(best)) else best
    return best


def text_of(value: Any) -> str:
    """Return a schema.org value that should be text as text: of a list its first, of an object its name."""
    for _ in range(4):
        if isinstance(value, list) and value:
            value = value[0]
        elif isinstance(value, dict):
            value = value.get("name") or value.get("@value") or value.get("url") or ""
    return html_entities.unescape(value).strip() if isinstance(value, str) else ""


def names_of(value: Any) -> list[tuple[str, str]]:
    """Return (type, name) of every author in a schema.org author value."""
    found: list[tuple[str, str]] = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            name = item.get("name")
            each = name if isinstance(name, list) else [name]
            kind = " ".join(_types(item))
            found.extend((kind, html_entities.unescape(n).strip()) for n in each if isinstance(n, str))
        elif isinstance(item, str):
            found.append(("", html_entities.unescape(item).strip()))
    return found[:12]


def image_of(value: Any) -> str:
    """Return the address in a schema.org image value."""
    for _ in range(4):
        if isinstance(value, list) and value:
            value = value[0]
        elif isinstance(value, dict):
            value = value.get("url") or value.get("contentUrl") or value.get("@id") or ""
    return value.strip() if isinstance(value, str) else ""


def _types(node: dict[str, Any]) -> list[str]:
    kind = node.get("@type")
    kinds = kind if isinstance(kind, list) else [kind]
    return [k.rsplit("/", 1)[-1] for k in kinds if isinstance(k, str)]


def _load(text: str) -> Any:
    text = text.strip()
    if not text or len(text) > _MAX_CHARS:
        return None
    text = (
        text.removeprefix("<!--")
        .removesuffix("-->")
        .removeprefix("//<![CDATA[")
        .removesuffix("//]]>")
        .strip()
        .rstrip(";")
    )
    for candidate in (text, _CONTROLS.sub(" ", text)):  # raw line breaks inside strings are the commonest fault
        try:
            return json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    stack = [value]
    seen = 0
    while stack and seen < _MAX_VALUES:
        seen += 1
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend(v for v in reversed(item.values()) if isinstance(v, dict | list))
        elif isinstance(item, list):
            stack.extend(v for v in reversed(item[:5_000]) if isinstance(v, dict | list))
