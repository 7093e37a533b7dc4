"""A parsed page as lines of text: what `body` chooses from, read in one walk.

A *block* is a run of text that a browser shows as its own line; a *node* is an element that holds blocks. Both are
numbered in document order, so that "everything inside this element" is a range of blocks and every later step is
linear. Imports nothing of `crawler`. Its test is tests/pipelines/test_clean.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cssselect import ExpressionError, SelectorError
from lxml import etree
from lxml.cssselect import CSSSelector

# No text a reader sees. `form` is not here: ASP.NET wraps whole pages in one.
_SILENT = frozenset({
    "script", "style", "noscript", "template", "iframe", "object", "embed", "svg", "canvas", "math", "button",
    "select", "textarea", "input", "option", "datalist", "dialog", "audio", "video", "map", "area", "head",
    "link", "meta", "source", "track", "progress", "meter", "applet", "frame", "frameset", "noframes", "amp-ad",
    "amp-iframe", "amp-video", "amp-analytics", "amp-embed", "amp-sidebar", "amp-consent", "amp-youtube",
})  # fmt: skip
_BLOCKS = frozenset({
    "html", "body", "div", "p", "section", "article", "main", "header", "footer", "aside", "nav", "h1", "h2",
    "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "table", "tbody", "thead", "tfoot", "tr",
    "caption", "blockquote", "pre", "figure", "figcaption", "form", "fieldset", "legend", "address", "center",
    "details", "summary", "hgroup", "hr", "amp-carousel", "amp-accordion", "marquee",
})  # fmt: skip
_OPEN, _CLOSE = "\ue000", "\ue001"  # stand for <a> and </a> until white space is settled
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufffc\U000e0000-\U000e007f]"
)
# Joiners carry meaning in Arabic, Persian and Indic writing and in emoji; between Latin letters they only hide words.
_JOINER = re.compile("(?<![\u0590-\u1fff\u2600-\u27ff\U0001f000-\U0001faff])[\u200c\u200d]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
# libxml2 2.14 drops what follows </html>; pages put together from parts have it in their middle
_END_OF_PAGE = re.compile(r"</(?:html|body)\s*>", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,500}>")

MAX_BLOCKS = 40_000  # a page with more lines is no article; reading on would only cost time


@dataclass(slots=True)
class Block:
    """One line. `links` are (start, end, href) in `text`; `joint` is how many <br> part it from the line before."""

    text: str
    tag: str
    owner: int
    links: list[tuple[int, int, str]]
    joint: int = 0
    cut: str | None = None  # the rule that removed it
    strong: bool = False  # all of it is bold

    @property
    def link_chars(self) -> int:
        return sum(end - start for start, end, _ in self.links)


@dataclass(slots=True)
class Node:
    """One element that holds blocks[start:end]. `verdict`: what its class names say of it (see clutter)."""

    tag: str
    parent: int
    start: int
    end: int
    verdict: str | None
    names: str
    element: Any


@dataclass(slots=True)
class Reading:
    """A page as blocks and nodes. `images` are (index of the block that follows, alternative text)."""

    blocks: list[Block] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    images: list[tuple[int, str]] = field(default_factory=list)


def parse_html(text: str) -> Any:
    """Return the page's tree, or None where there is none. Never raises; lxml cuts off nesting beyond 2,048 levels."""
    text = _DECLARATION.sub("", text, count=1)  # lxml refuses str with an encoding declaration
    text = _END_OF_PAGE.sub("", text)
    if not text.strip():
        return None
    # bytes, because lxml reads a str with characters beyond the BMP more slowly and may obey a false <meta charset>
    data = text.encode("utf-8", "replace")
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, recover=True)
    try:
        return etree.fromstring(data, parser)  # plain elements: those of lxml.html cost a look-up each
    except (etree.LxmlError, ValueError):
        return None


def select(root: Any, selector: str) -> list[Any]:
    """Return the elements that a source's CSS names; none where it is no CSS (config reports that)."""
    try:
        return list(CSSSelector(selector, translator="html")(root))
    except (SelectorError, ExpressionError, etree.LxmlError, ValueError, RecursionError):
        return []


def drop(element: Any) -> None:
    """Take an element out of its tree; the text after it stays."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        before = element.getprevious()
        if before is None:
            parent.text = (parent.text or "") + element.tail
        else:
            before.tail = (before.tail or "") + element.tail
    parent.remove(element)


def plain(text: str) -> str:
    """Return text as it is stored: NFC, single spaces, no control, invisible or direction characters."""
    if not text.isascii():
        text = _JOINER.sub("", _INVISIBLE.sub("", text))
        text = unicodedata.normalize("NFC", text)
    text = " ".join(text.split())
    return _CONTROLS.sub("", text) if not text.isprintable() else text


def read_blocks(root: Any, judge: Callable[[str, str], str | None]) -> Reading:
    """Return the blocks and nodes below root. `judge(tag, class and id)` gives a node's verdict."""
    return _Walk(judge).read(root)


class _Walk:
    """One pass over the tree; explicit state instead of recursion, since pages nest thousands deep."""

    def __init__(self, judge: Callable[[str, str], str | None]) -> None:
        self.judge = judge
        self.reading = Reading()
        self.pieces: list[str] = []
        self.hrefs: list[str] = []
        self.open_links = 0
        self.bold = 0
        self.plain_seen = False  # text that is not bold, in this block
        self.breaks = 0
        self.node = -1

    def read(self, root: Any) -> Reading:
        walker = etree.iterwalk(root, events=("start", "end"))
        blocks = self.reading.blocks
        closing: list[int] = []  # for each open element: 0 inline, 1 link, 2 bold, 3 node, 4 skipped
        for event, element in walker:
            if event == "start":
                kind = self._enter(element)
                closing.append(kind)
                if kind == 4 or len(blocks) >= MAX_BLOCKS:
                    walker.skip_subtree()
                elif element.text:
                    self._say(element.text)
            else:
                kind = closing.pop()
                if kind:
                    self._leave(kind)
                if element.tail and closing:
                    self._say(element.tail)
        self._flush()
        return self.reading

    def _say(self, text: str) -> None:
        self.pieces.append(text)
        if not self.bold and not self.plain_seen and not text.isspace():
            self.plain_seen = True

    def _enter(self, element: Any) -> int:
        tag = element.tag
        if tag in _SILENT:
            return 4
        get = element.get
        if tag == "br":
            self._flush()
            self.breaks += 1
            return 0
        if tag == "img" or tag == "amp-img":
            alt = get("alt") or get("title") or ""
            self.reading.images.append((len(self.reading.blocks) + bool(self.pieces), plain(alt[:400])))
            return 0
        if tag == "a":
            self.open_links += 1
            if self.open_links == 1:
                self.hrefs.append((get("href") or "").strip())
                self.pieces.append(_OPEN)
            return 1
        if tag in ("b", "strong"):
            self.bold += 1
            return 2
        if tag == "td" or tag == "th":
            self.pieces.append(" ")
        names = f"{get('class', '')} {get('id', '')}"
        if get("itemprop") == "articleBody":
            names += " itemprop-articlebody"
        verdict = self.judge(tag, names) if len(names) > 1 or tag in _BLOCKS else None
        style = get("style")
        if get("hidden") is not None or (style and _HIDDEN_STYLE.search(style)):
            verdict = verdict or "hidden"
        if tag not in _BLOCKS and (tag in ("td", "th") or verdict not in ("related", "caption", "hidden", "media")):
            return 0
        self._flush()
        self.breaks = 0
        nodes = self.reading.nodes
        nodes.append(Node(tag, self.node, len(self.reading.blocks), -1, verdict, names, element))
        self.node = len(nodes) - 1
        return 3

    def _leave(self, kind: int) -> None:
        if kind == 1:
            self.open_links -= 1
            if self.open_links == 0:
                self.pieces.append(_CLOSE)
        elif kind == 2:
            self.bold -= 1
        elif kind == 3:
            self._flush()
            self.breaks = 0
            node = self.reading.nodes[self.node]
            node.end = len(self.reading.blocks)
            self.node = node.parent

    def _flush(self) -> None:
        if not self.pieces:
            return
        raw = "".join(self.pieces)
        self.pieces.clear()
        hrefs, self.hrefs = self.hrefs, []
        strong, self.plain_seen = not self.plain_seen, False
        if self.open_links:  # a link around several blocks goes on in the next one
            self.pieces.append(_OPEN)
            self.hrefs.append(hrefs[-1] if hrefs else "")
        links: list[tuple[int, int, str]] = []
        if _OPEN in raw:
            text, links = _with_links(plain(raw), hrefs)
        else:
            text = plain(raw)
        if not text:
            return
        tag = self._tag()
        self.reading.blocks.append(Block(text, tag, self.node, links, self.breaks, None, strong))
        self.breaks = 0

    def _tag(self) -> str:
        if self.node < 0:
            return "body"
        node = self.reading.nodes[self.node]
        if node.tag == "p" and node.parent >= 0 and self.reading.nodes[node.parent].tag == "li":
            return "li"
        return node.tag


def _with_links(text: str, hrefs: list[str]) -> tuple[str, list[tuple[int, int, str]]]:
    """Take the link marks out of normalised text and return where the links were."""
    out = ""
    parts: list[str] = []
    size = 0
    links: list[tuple[int, int, str]] = []
    start, used = -1, -1
    for piece in re.split(f"([{_OPEN}{_CLOSE}])", text):
        if piece == _OPEN:
            used += 1
            start = size
        elif piece == _CLOSE:
            if start >= 0 and size > start and used < len(hrefs):
                links.append((start, size, hrefs[used]))
            start = -1
        elif piece:
            if size == 0 or out.endswith(" "):
                piece = piece.lstrip(" ")
            if piece:
                parts.append(piece)
                size += len(piece)
                out = piece
    if start >= 0 and size > start and 0 <= used < len(hrefs):
        links.append((start, size, hrefs[used]))
    joined = "".join(parts).rstrip(" ")
    return joined, [(a, min(b, len(joined)), h) for a, b, h in links if a < min(b, len(joined))]
