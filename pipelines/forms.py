"""A message as spans of text, and how it is written for each kind of service; with render.py the only place that escapes or cuts.

Cutting is done on the text before it is written down, so no tag, entity or character is ever cut in two.
Pure. Tests: tests/pipelines/test_forms.py.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

_LINK = re.compile(r"https?://[^\s<>\"\\^`{|}\x00-\x20\x7f-\x9f]+", re.IGNORECASE)
MAX_LINK = 2000  # characters; no article's address is longer (crawler.settings)
# What a service would make a mention or a link of, in words that are not ours: a joiner after it keeps it text.
_ACTIVE = re.compile(r"@(?=\w)|:(?=//)")
_JOINER = "\u2060"
_MARKDOWN = re.compile(r"[\\`*_\[\]<>~|&]")
_MARKDOWN_START = re.compile(r"^(\s*\d*)([#+\-=.):])")
_SHORTEST = 12  # characters that are left of each text before whole lines go


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text. `url` None: no link; only http and https ever are one (`link`)."""

    text: str
    bold: bool = False
    url: str | None = None


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """What a person gets. `label` says what it is in one line, `headline` what it is about (may be ""), `lines` the rest."""

    label: str
    headline: str
    lines: tuple[Line, ...]

    @property
    def title(self) -> str:
        """One line, for services that have titles."""
        return ": ".join(part for part in (self.label, self.headline) if part)

    @property
    def whole(self) -> tuple[Line, ...]:
        """Label and headline first, for services without titles."""
        label = ((Span(self.label, bold=True),),) if self.label else ()
        headline = ((Span(self.headline),),) if self.headline else ()
        return (*label, *headline, *self.lines)


@dataclass(frozen=True, slots=True)
class Form:
    """How a kind of service wants its messages: one line written down, what parts lines, and how length is counted."""

    name: str
    line: Callable[[Line], str]
    newline: str
    length: Callable[[str], int]

    def write(self, lines: Sequence[Line]) -> str:
        return self.newline.join(self.line(line) for line in lines)

    def cost(self, lines: Sequence[Line]) -> int:
        """Return the length that the lines take, each with what parts it from the next."""
        return sum(self.length(self.line(line) + self.newline) for line in lines)


def link(url: object) -> str | None:
    """Return the address when it may be a link: http or https, without white space, quotes or brackets; else None."""
    return url if isinstance(url, str) and len(url) <= MAX_LINK and _LINK.fullmatch(url) else None


def utf16_units(text: str) -> int:
    """Return the length as Telegram and JavaScript count it."""
    return len(text) + sum(character > "\uffff" for character in text)


def _text_line(line: Line) -> str:
    text = "".join(span.text for span in line)
    return "\n".join([text, *(span.url for span in line if span.url and span.url != span.text)])


def _html_line(line: Line) -> str:
    return "".join(_tagged(span, html.escape(span.text)) for span in line)


def _telegram_line(line: Line) -> str:
    # Telegram knows four named entities, and the apostrophe is none of them.
    def escaped(span: Span) -> str:
        text = span.text if span.url else _ACTIVE.sub(lambda found: found.group() + _JOINER, span.text)
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    return "".join(_tagged(span, escaped(span)) for span in line)


def _tagged(span: Span, text: str) -> str:
    if span.url:
        text = f'<a href="{html.escape(span.url)}">{text}</a>'
    return f"<b>{text}</b>" if span.bold and span.text.strip() else text


def _markdown_line(line: Line) -> str:
    written = ""
    for span in line:
        text = _MARKDOWN.sub(lambda found: "\\" + found.group(), span.text)
        if span.url is None:
            text = _ACTIVE.sub(lambda found: found.group() + _JOINER, text)
        if not written:
            text = _MARKDOWN_START.sub(r"\1\\\2", text)
        if span.url:
            text = f"[{text}](<{span.url}>)"
        if span.bold and span.text.strip():
            lead, tail = len(text) - len(text.lstrip()), len(text.rstrip())
            text = f"{text[:lead]}**{text[lead:tail]}**{text[tail:]}"
        written += text
    return written


TEXT = Form("text", _text_line, "\n", len)
HTML = Form("html", _html_line, "<br>\n", len)
MARKDOWN = Form("markdown", _markdown_line, "  \n", len)
TELEGRAM = Form("telegram", _telegram_line, "\n", lambda text: utf16_units(_shown(text)))

_TAG = re.compile(r"<[^>]*>")


def _shown(written: str) -> str:
    """Return what is seen of Telegram's HTML; its limit holds after the entities are parsed."""
    return html.unescape(_TAG.sub("", written))


def fitted(lines: Sequence[Line], form: Form, limit: int) -> str:
    """Return the lines written down in at most `limit`: long texts are cut first, links last, then lines go from the end."""
    written = form.write(lines)
    if form.length(written) <= limit:
        return written
    low, high = _SHORTEST, max((len(span.text) for line in lines for span in line), default=0)
    found = None
    while low <= high:
        middle = (low + high) // 2
        written = form.write([_cut(line, middle) for line in lines])
        if form.length(written) <= limit:
            found, low = written, middle + 1
        else:
            high = middle - 1
    if found is not None:
        return found
    kept = [_cut(line, _SHORTEST) for line in lines]
    while len(kept) > 1 and form.length(form.write(kept)) > limit:
        kept.pop()
    written = form.write(kept)
    return written if form.length(written) <= limit else form.write([(Span(shortened(TEXT.write(kept), limit // 2)),)])


def _cut(line: Line, most: int) -> Line:
    return tuple(
        span if span.text == span.url else replace(span, text=shortened(span.text, most, keep_space=True))
        for span in line
    )


def shortened(text: str, most: int, *, keep_space: bool = False) -> str:
    """Return the text in at most `most` characters, "…" where it was cut; a joined emoji or accent is not parted."""
    if len(text) <= most:
        return text
    end = max(most - 1, 0)
    while end and (text[end] in "\u200d\ufe0f\u20e3" or text[end - 1] == "\u200d" or "\u0300" <= text[end] <= "\u036f"):
        end -= 1
    return (text[:end] if keep_space else text[:end].rstrip()) + "…"
