"""Which of a page's blocks are the article: choose the element that holds it, then take away what is not reporting.

The choice weighs sentences, not names: every line of prose speaks for the elements around it, names of classes and the
article text that the page gives as JSON-LD only strengthen or weaken it. All steps are linear in the number of blocks.
Imports nothing of `crawler`. Its test is tests/pipelines/test_clean.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any

from pipelines.blocks import Block, Reading
from pipelines.lines import flat, is_prose, settle, weight
from pipelines.teasers import teaser_rows

_PARAGRAPH = frozenset({
    "p", "li", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "tr", "dd", "dt", "pre", "caption", "summary",
    "address",
})  # fmt: skip
_HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])
# The largest share of a page's prose that an element may hold and still be cut for its name.
_CUT_SHARE = {"meta": 0.12, "caption": 0.5, "figure": 0.3, "nav": 0.35, "aside": 0.35, "hidden": 0.45}
_ROWS = frozenset(("tr", "tbody", "thead", "tfoot"))  # their classes name what they list ("player"), not what they are
_BESIDE = frozenset(("nav", "share", "related", "ads", "aside", "media"))
_DECAY = 0.6  # what a line says for each further element around it; wrapped paragraphs still add up, whole pages do not
_PICTURE = re.compile(r"(?:^|[\s_-])(?:image|img|photo|foto|picture|gambar|bild)s?(?:$|[\s_-])", re.IGNORECASE)
_STANDFIRST = re.compile(
    r"sub-?(?:title|head|line|judul)|stand-?first|summary|excerpt|lead|lede|deck|dek\b|intro|chapeau|sapo|"
    r"entradilla|bajada|"
    r"perex|preamble|ingress|vorspann|abstract|kicker-?text|description|synopsis|sintesi|sommario|occhiello",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Body:
    """What was found. `start`, `headline`: indexes of its first block and of the headline (-1: none); `prose` counts
    the
    characters of its sentences, `rest` all those of the page."""

    paragraphs: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    start: int = -1
    headline: int = -1
    link_share: float = 0.0
    prose: int = 0
    rest: int = 0


@dataclass(slots=True)
class _Page:
    reading: Reading
    title: str
    known: str  # flat text of the body that JSON-LD gives, or empty
    worth: list[float] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)
    children: list[list[int]] = field(default_factory=list)
    headline: int = -1  # index of the block that is the headline
    rows: list[tuple[int, int]] = field(default_factory=list)  # of teasers


def find_body(
    reading: Reading,
    *,
    title: str = "",
    author: str = "",
    known: str = "",
    chosen: Any = None,
    url: str = "",
) -> Body:
    """Return the article's paragraphs among `reading`'s blocks.

    `chosen` is the element that a source's own hint names; `known` the text that JSON-LD gives for the body. `url`: of the
    page, to tell its outlet's links from others'.
    """
    page = _Page(reading, flat(title), flat(known)[:60_000] if len(known) > 200 else "")
    page.headline = _headline(page)
    page.rows = teaser_rows(reading, url)
    body = _attempt(page, author, chosen, strict=True)
    if chosen is None and body.prose < (120 if page.headline >= 0 else 250):
        # Next to nothing: perhaps the article itself stands in an element with a misleading name
        second = _attempt(page, author, chosen, strict=False)
        if second.prose > 1.5 * body.prose:
            return second
    return body


def _attempt(page: _Page, author: str, chosen: Any, *, strict: bool) -> Body:
    for block in page.reading.blocks:
        block.cut = None
    _weigh(page)
    _cut_rows(page)
    _cut_captions(page)
    _cut_by_name(page, strict=strict)
    _weigh(page)
    return _assemble(page, _chosen_spans(page.reading, chosen) or _spans(page), author)


def _weigh(page: _Page) -> None:
    blocks = page.reading.blocks
    worth = []
    looked = 0
    for block in blocks:
        value = _worth(block)
        if value and page.known and looked < 600:
            looked += 1
            value *= 1.6 if flat(block.text)[:60] in page.known else 0.3
        worth.append(value)
    page.worth = worth
    page.sums = [0.0, *accumulate(worth)]


def _worth(block: Block) -> float:
    if block.cut:
        return 0.0
    size = len(block.text)
    own = size - block.link_chars
    if own < 0.5 * size or block.tag in _HEADINGS:
        return 0.0
    own *= weight(block.text)
    if own < 30:
        return 0.0
    return float(min(own, 1200)) if is_prose(block.text) else 0.25 * min(own, 200)


def _total(page: _Page, start: int, end: int) -> float:
    return page.sums[end] - page.sums[start]


def _cut_by_name(page: _Page, *, strict: bool) -> None:
    """Mark the blocks inside elements that their names call clutter, unless that would be most of the page's prose."""
    total = page.sums[-1] or 1.0
    blocks = page.reading.blocks
    done = boxes = 0
    for index, node in enumerate(page.reading.nodes):
        if node.verdict is None or node.verdict == "body" or node.end <= done or node.end == node.start:
            continue
        if node.tag in _ROWS or _wraps_a_post(page, index):
            continue
        if not strict and node.verdict in ("hidden", "nav", "aside", "meta", "media", "ads"):
            continue
        if node.start <= page.headline < node.end and node.verdict not in ("related", "comments"):
            continue
        held = _total(page, node.start, node.end)
        if node.verdict == "comments":
            boxes += 1
            if boxes > 60 or total - held < 300 or _holds_body(page, index, held):
                continue  # readers often write more than the reporter; but this element holds his text too
        elif held > _CUT_SHARE.get(node.verdict, 0.4) * total or (node.verdict == "figure" and "table" in node.names):
            # A short article beside long teasers: it has begun before them, under its headline
            begun = _total(page, page.headline, node.start) if 0 <= page.headline < node.start else 0.0
            if node.verdict not in _BESIDE or begun < 150 or held > 0.8 * total or _within_body(page, node.parent):
                continue
        for block in blocks[max(node.start, done) : node.end]:
            block.cut = block.cut or node.verdict
        done = node.end


def _cut_captions(page: _Page) -> None:
    """Mark the line under a picture in an element that is named after the picture and holds nothing else."""
    pictured = {index for index, _ in page.reading.images}
    for node in page.reading.nodes:
        if node.end - node.start not in (1, 2) or node.verdict == "body" or node.start <= page.headline < node.end:
            continue
        if (node.start in pictured or node.end in pictured) and _PICTURE.search(node.names):
            for block in page.reading.blocks[node.start : node.end]:
                if block.tag not in _HEADINGS and len(block.text) < 500:
                    block.cut = block.cut or "caption"


def _wraps_a_post(page: _Page, index: int) -> bool:
    """Whether the element holds a post of X that the reporting quotes, and nothing else: it stays, however it is wrapped."""
    node = page.reading.nodes[index]
    for inner in page.reading.nodes[index + 1 : index + 5]:
        if inner.start != node.start or inner.end != node.end:
            return False
        if "twitter-tweet" in inner.names:
            return True
    return False


def _cut_rows(page: _Page) -> None:
    """Mark the rows of teasers, unless next to nothing would be left: then the page is a list of them."""
    rows = [(start, end) for start, end in page.rows if not start <= page.headline < end]
    held = sum(_total(page, start, end) for start, end in rows)
    if not held or page.sums[-1] - held < 150:
        return
    for start, end in rows:
        for block in page.reading.blocks[start:end]:
            block.cut = "teasers"
    _weigh(page)


def _within_body(page: _Page, at: int) -> bool:
    nodes = page.reading.nodes
    for _ in range(4):
        if at < 0:
            return False
        if nodes[at].verdict == "body":
            return True
        at = nodes[at].parent
    return False


def _holds_body(page: _Page, index: int, held: float) -> bool:
    nodes = page.reading.nodes
    end = nodes[index].end
    for node in nodes[index + 1 :]:
        if node.start >= end:
            break
        if "itemprop-articlebody" in node.names or (
            node.verdict == "body" and _total(page, node.start, node.end) > 0.6 * held > 0
        ):
            return True
    return False


def _headline(page: _Page) -> int:
    """Index of the block that is the headline: the <h1> that says the title, else any line that does."""
    fallback = -1
    for index, block in enumerate(page.reading.blocks):
        if block.tag in _HEADINGS or (fallback < 0 and len(block.text) > 20):
            same = page.title and flat(block.text) == page.title
            if same and block.tag == "h1":
                return index
            if (same or (block.tag == "h1" and not page.title)) and fallback < 0 and block.link_chars == 0:
                fallback = index
    if fallback >= 0:
        return fallback
    ones = [i for i, block in enumerate(page.reading.blocks) if block.tag == "h1" and len(block.text) > 15]
    return ones[0] if len(ones) == 1 else -1


def _chosen_spans(reading: Reading, chosen: Any) -> list[tuple[int, int]]:
    if chosen is None:
        return []
    return [(n.start, n.end) for n in reading.nodes if n.element is chosen and n.end > n.start]


def _spans(page: _Page) -> list[tuple[int, int]]:
    """Return the ranges of blocks that are the article: the best element, and what belongs to it beside it."""
    nodes = page.reading.nodes
    if not nodes:
        return []
    scores = [0.0] * len(nodes)
    for block, value in zip(page.reading.blocks, page.worth, strict=True):
        if value:
            at = block.owner
            if at >= 0 and nodes[at].tag in _PARAGRAPH:
                at = nodes[at].parent
            weight = value
            for _ in range(6):
                if at < 0:
                    break
                scores[at] += weight
                weight *= _DECAY
                at = nodes[at].parent
    best, top = 0, 0.0
    for index, node in enumerate(nodes):
        score = scores[index]
        if not score:
            continue
        if node.verdict == "body":
            score *= 1.5
        elif node.tag in ("article", "main"):
            score *= 1.1
        elif node.tag == "footer" or node.verdict in ("comments", "related"):
            score *= 0.4
        if page.headline >= 0:
            if node.end <= page.headline:
                score *= 0.5  # before the headline: a ticker or teaser
            elif node.start - page.headline <= 25:
                score *= 1.3
        if score > top:
            best, top = index, score
    return _with_neighbours(page, best)


def _with_neighbours(page: _Page, best: int) -> list[tuple[int, int]]:
    """Add the parts of the article that stand beside the best element: a lead of its own, a second half after an
    advertisement.

    Looks outwards until the element that also holds the headline; what lies between two parts belongs to them too.
    """
    nodes = page.reading.nodes
    spans = [(nodes[best].start, nodes[best].end)]
    current = best
    for _ in range(8):
        parent = nodes[current].parent
        if parent < 0 or nodes[parent].tag == "html":
            break
        units = [unit for unit in _units(page, parent) if unit[2] != current]
        spans.extend(unit[:2] for unit in units if _belongs(page, unit, current))
        low, high = min(s for s, _ in spans), max(e for _, e in spans)
        spans.extend(unit[:2] for unit in units if low <= unit[0] < unit[1] <= high and _may_lie_between(page, unit))
        if nodes[parent].tag in ("article", "main", "body") or nodes[parent].start <= page.headline:
            break
        current = parent
    return _with_headings(page, _merged(spans))


def _with_headings(page: _Page, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Add the headings that stand between two parts of the article: each belongs to the part that it opens."""
    between = [
        (i, i + 1)
        for (_, before), (after, _) in pairwise(spans)
        if after - before <= 8
        for i in range(before, after)
        if page.reading.blocks[i].tag in _HEADINGS and not page.reading.blocks[i].links
    ]
    return _merged([*spans, *between]) if between else spans


def _units(page: _Page, parent: int) -> list[tuple[int, int, int]]:
    """The parts of an element in order: (start, end, node), node -1 for lines that are the element's own."""
    if not page.children:
        page.children = [[] for _ in page.reading.nodes]
        for index, node in enumerate(page.reading.nodes):
            if node.parent >= 0:
                page.children[node.parent].append(index)
    nodes = page.reading.nodes
    units: list[tuple[int, int, int]] = []
    at = nodes[parent].start
    for child in page.children[parent]:
        units.extend((i, i + 1, -1) for i in range(at, nodes[child].start))
        if nodes[child].end > nodes[child].start:
            units.append((nodes[child].start, nodes[child].end, child))
        at = max(at, nodes[child].end)
    units.extend((i, i + 1, -1) for i in range(at, nodes[parent].end))
    return units


def _belongs(page: _Page, unit: tuple[int, int, int], branch: int) -> bool:
    """Whether what stands beside `branch`, which holds the article, is more of it."""
    start, end, child = unit
    if page.headline >= start:
        return False
    good = _total(page, start, end)
    if child < 0:
        return good >= 40
    node, root = page.reading.nodes[child], page.reading.nodes[branch]
    if node.verdict not in (None, "body"):
        return False
    if node.tag in _PARAGRAPH and node.tag != "li":
        return good >= 60 and node.tag not in _HEADINGS
    size, links = _sizes(page, start, end)
    if node.verdict == "body":
        return good >= 60 and links < 0.5 * size and good >= 0.25 * (size - links)
    alike = node.names == root.names and node.tag == root.tag
    return good >= (60 if alike else 200) and links < 0.12 * size and good >= 0.75 * (size - links)


def _may_lie_between(page: _Page, unit: tuple[int, int, int]) -> bool:
    node = page.reading.nodes[unit[2]] if unit[2] >= 0 else None
    if node is not None and node.verdict not in (None, "body"):
        return False
    size, links = _sizes(page, unit[0], unit[1])
    return links <= 0.3 * size


def _sizes(page: _Page, start: int, end: int) -> tuple[int, int]:
    """Characters and characters in links of what is not cut in a range of blocks."""
    size = links = 0
    for block in page.reading.blocks[start:end]:
        if not block.cut:
            size += len(block.text)
            links += block.link_chars
    return size, links


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _standfirst(page: _Page, start: int) -> list[Block]:
    """The sentence between the headline and the body that the outlet shows as a lead of its own."""
    blocks, nodes = page.reading.blocks, page.reading.nodes
    if not 0 <= page.headline < start or start - page.headline > 40:
        return []
    found = []
    for index in range(page.headline + 1, start):
        block = blocks[index]
        if block.cut or len(block.text) < 50 or block.link_chars > 0.3 * len(block.text) or block.owner < 0:
            continue
        owner = nodes[block.owner]
        parent = nodes[owner.parent] if owner.parent >= 0 else owner
        if _STANDFIRST.search(owner.names) or _STANDFIRST.search(parent.names) or index == page.headline + 1:
            found.append(block)
    return found


def _assemble(page: _Page, spans: list[tuple[int, int]], author: str) -> Body:
    blocks = page.reading.blocks
    if not spans:
        return Body()
    start = spans[0][0]
    if start <= page.headline < spans[-1][1] and _total(page, start, page.headline) < 0.4 * _total(
        page, start, spans[-1][1]
    ):
        # What stands above the headline is not the article; unless most of it is, and the "headline" is another one's
        spans = [(max(a, page.headline + 1), b) for a, b in spans if b > page.headline + 1]
        start = spans[0][0] if spans else start
    lines: list[Block] = _standfirst(page, start)
    images: set[int] = set()
    alts: set[str] = set()
    for a, b in spans:
        lines.extend(blocks[a:b])
    for index, alt in page.reading.images:
        images.add(index)
        if len(alt) > 20:
            alts.add(flat(alt))
    pictured = {id(blocks[i]) for i in images if i < len(blocks)}
    cut = [f"{b.cut}: {b.text[:200]}" for b in lines if b.cut]
    kept = [b for b in lines if not b.cut]
    links = sum(b.link_chars for b in kept)
    size = sum(len(b.text) for b in kept)
    paragraphs, more = settle(kept, title=page.title, author=flat(author), alts=alts, pictured=pictured)
    prose = sum(len(p) * weight(p) for p in paragraphs if is_prose(p))
    rest = sum(len(b.text) for b in blocks)
    return Body(tuple(paragraphs), tuple(cut + more), start, page.headline, links / size if size else 0.0, prose, rest)
