"""Bytes to text, for everything that comes from the web: pages, feeds, sitemaps, JSON.

Pure; imports nothing of ours. Its test is tests/pipelines/test_article.py.
"""

from __future__ import annotations

import codecs
import re

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARED = re.compile(
    rb"""(?:charset\s*=\s*["']?|<\?xml[^>]{0,100}encoding\s*=\s*["'])\s*([A-Za-z0-9_:.\-]{2,40})""", re.I
)
_HEADER = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_:.\-]{2,40})""", re.I)
# C0 and C1 controls but tab and line breaks, and lone surrogates: no text has them, SQLite and XML choke on them.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_DECLARED_WITHIN = 4096  # HTML says 1,024; real pages put scripts first


def decode_page(body: bytes, content_type: str = "") -> str:
    """Return the text of a page or feed, without control characters. Never raises.

    A byte order mark wins. Then valid UTF-8 is UTF-8, whatever is declared: a legacy text is almost never valid UTF-8 by
    chance, and wrong declarations are common. Then what the HTTP header or the text itself declares (Latin-1 read as
    Windows-1252, as browsers do). Text that is UTF-8 but for a few broken bytes keeps them as U+FFFD; the rest is Windows-1252.
    """
    for bom, encoding in _BOMS:
        if body.startswith(bom):
            return _CONTROLS.sub("", body[len(bom) :].decode(encoding, "replace"))
    try:
        return _CONTROLS.sub("", body.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    declared = _declared(body, content_type)
    if declared is not None and codecs.lookup(declared).name != "utf-8":
        return _CONTROLS.sub("", body.decode(declared, "replace"))
    text = body.decode("utf-8", "replace")
    wide = sum(1 for byte in body[:200_000] if byte >= 0x80)
    if text.count("\ufffd") * 4 > wide:  # most of what is not ASCII is broken as UTF-8
        text = body.decode("cp1252", "replace")
    return _CONTROLS.sub("", text)


def _declared(body: bytes, content_type: str) -> str | None:
    found = _HEADER.search(content_type)
    names = [found.group(1)] if found else []
    inside = _DECLARED.search(body[:_DECLARED_WITHIN])
    if inside:
        names.append(inside.group(1).decode("ascii"))
    for name in names:
        name = "cp1252" if name.lower() in ("iso-8859-1", "latin-1", "latin1", "ascii", "us-ascii") else name
        try:
            codec = codecs.lookup(name)
        except LookupError:
            continue
        if codec.name.startswith(("utf-16", "utf-32")) and b"\0" not in body[:_DECLARED_WITHIN]:
            continue  # their Latin letters have a zero byte each
        if codec.name == "utf-16" and body[:1] == b"\0":
            return "utf-16-be"  # without a mark, Python takes the other order
        if codec._is_text_encoding:
            return codec.name
    return None
