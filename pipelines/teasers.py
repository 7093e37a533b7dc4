"""Lists of teasers: where an outlet shows other stories, each as a headline that is a link with a sentence under it.

They are told by their form, in any language: a row of elements of one kind, each with one linked headline to a page of
the same outlet and next to no text. An article's own lists have no such headlines, and its sections have more text.
Linear in the page. Imports nothing of `crawler`. Its test is tests/pipelines/test_teasers.py.
"""

from __future__ import annotations

from itertools import accumulate
from urllib.parse import urlsplit

from pipelines.blocks import Block, Reading
from pipelines.lines import is_prose

_ROW = 3  # fewer of a kind are no row
_ITEM_TEXT = 320  # characters of sentences; the longest teaser seen has 290
_ITEM_BLOCKS = 9  # headline, teaser, rubric, date, author, counts


def teaser_rows(reading: Reading, url: str) -> list[tuple[int, int]]:
    """Return the ranges of blocks that are rows of teasers, in document order, none within another."""
    blocks, nodes = reading.blocks, reading.nodes
    site = _site(url)
    heads = [0, *accumulate(_is_headline(block, site) for block in blocks)]
    texts = [0, *accumulate(_own_text(block) for block in blocks)]
    items = [0] * len(nodes)  # of each element: how many of its parts are teasers, and how many parts it has
    parts = [0] * len(nodes)
    told = [0] * len(nodes)
    for node in nodes:
        if node.parent < 0 or node.end <= node.start:
            continue
        parts[node.parent] += 1
        if (
            1 <= heads[node.end] - heads[node.start] <= 2
            and node.end - node.start <= _ITEM_BLOCKS
            and texts[node.end] - texts[node.start] <= _ITEM_TEXT
        ):
            items[node.parent] += 1
            told[node.parent] += texts[node.end] > texts[node.start]
    rows: list[tuple[int, int]] = []
    for index, node in enumerate(nodes):
        if rows and node.start < rows[-1][1]:
            continue
        if items[index] >= _ROW and told[index] >= _ROW and items[index] >= 0.7 * parts[index]:
            rows.append((node.start, node.end))
    return rows


def _is_headline(block: Block, site: str) -> bool:
    if not 15 <= len(block.text) <= 220 or block.link_chars < 0.8 * len(block.text):
        return False
    return all(not href.startswith(("#", "mailto:")) and _site(href) in ("", site) for _, _, href in block.links)


def _own_text(block: Block) -> int:
    own = len(block.text) - block.link_chars
    return own if own > 0.7 * len(block.text) and is_prose(block.text) else 0


def _site(url: str) -> str:
    """The last two labels of an address's host; "" of an address without one. Enough to tell other outlets apart."""
    if "//" not in url[:10]:
        return ""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return "?"
    return ".".join(host.rsplit(".", 2)[-2:])
