"""From the blocks of an article to its paragraphs: takes away lines that are no reporting, joins what a <br> tore
apart.

Every rule needs a link, a colon or a position (see clutter). Returns what it cut and by which rule, for `explain`.
Imports nothing of `crawler`. Its test is tests/pipelines/test_clean.py.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import replace

from pipelines import clutter
from pipelines.blocks import Block
from pipelines.tanggal import parse_tanggal

_END = re.compile(r"[.!?…:;।۔。！？][\"”’»'）)\]]*$|[\"”»]$")
_WORD = re.compile(r"\w+")
_NO_FULL_STOP = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]{3}")
_DENSE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}")
_NOT_WORD = re.compile(r"\W+")
_HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])
_DATELINE = re.compile(r"(?:[-–—]{1,3}|:|\|)\s*$")
_ADDRESS = re.compile(r"https?://|www\.|\S@\S|\.(?:com|id|org|net|go)\b")
# A picture's credit at the end of a line. The second form names only the agency, which a dateline does too, so it needs
# a picture.
_CREDITED = re.compile(
    r"[(\[](?:[^()\[\]]{0,60}\b)?(?:foto|photo|dok|doc|dokumentasi|ist|istimewa|screenshot|"
    r"tangkapan layar|courtesy|pexels|unsplash|pixabay|"
    r"freepik|shutterstock|getty images)\b[^()\[\]]{0,80}[)\]]\W*$|(?:\b(?:foto|photo|dok|"
    r"doc)\b ?[:./].{2,60}|\((?:ist|dok)\))$",
    re.IGNORECASE,
)
# A year and a time of day, whatever the language of the month: "sexta-feira, 22 de outubro de 2010 às 20:13"
_STAMP = re.compile(r"(?:19|20)\d\d.{0,24}\d{1,2}[:h.]\d\d|\d{1,2}[:h]\d\d.{0,40}(?<!\d)(?:19|20)\d\d")
_SIGNED = re.compile(r"[.!?…\"”»]\s*[(\[][^()\[\]]{0,80}[)\]]\W*$")  # "… selesai. (dok)" is a desk's sign-off
_AGENCY = re.compile(
    r"(?:[(\[/|]|\b(?:foto|photo|by)\b)[^()\[\]]{0,50}\b(?:antara|getty|reuters|afp|ap|epa|xinhua|humas|"
    r"net|sumber|source|credit|"
    r"kompas|tempo|republika|istimewa|\w+\.(?:com|id|co))\b[^()\[\]]{0,60}[)\]]?\W*$",
    re.IGNORECASE,
)


def flat(text: str) -> str:
    """Return text for comparison: lower case, words parted by single spaces."""
    return _NOT_WORD.sub(" ", text).lower().strip()


def _ended(text: str) -> bool:
    """Whether the line ends as a sentence does. Thai, Lao, Burmese and Khmer write no full stop."""
    return _END.search(text) is not None or _NO_FULL_STOP.search(text) is not None


def weight(text: str) -> int:
    """How many Latin letters one of the text's characters is worth: Chinese, Japanese and Korean say more with each."""
    return 1 if text.isascii() or _DENSE.search(text) is None else 3


def is_prose(text: str) -> bool:
    """Whether the line reads as a sentence: long enough and ended, or too long to be anything else."""
    size = len(text)
    if size >= 160:
        return True
    if size < 40:
        # Scripts without spaces say in 15 characters what takes 45 in Latin
        return size >= 14 and text[-1] in "。！？」" and not text.isascii()
    return _ended(text) or (size >= 20 and not text.isascii() and " " not in text)


def settle(
    blocks: list[Block], *, title: str, author: str, alts: set[str], pictured: set[int]
) -> tuple[list[str], list[str]]:
    """Return (paragraphs, what was cut as "rule: text"). `title`, `author` and `alts` come flat."""
    cut: list[str] = []
    lines = _cut_lines(blocks, title, alts, pictured, cut)
    lines = _cut_head(lines, author, cut)
    lines = _cut_tail(lines, author, cut)
    paragraphs = _join(lines)
    if paragraphs:
        last = clutter.without_sign_off(paragraphs[-1])
        if last != paragraphs[-1]:
            cut.append(f"initials: {paragraphs[-1][len(last) :].strip()}")
            paragraphs[-1] = last
    return [p for p in paragraphs if p], cut


def _cut_lines(blocks: list[Block], title: str, alts: set[str], pictured: set[int], cut: list[str]) -> list[Block]:
    """Rules that hold anywhere in the body."""
    kept: list[Block] = []
    seen: set[str] = set()
    recent: deque[str] = deque(maxlen=3)
    points_open = False  # whether the points of a summary box go on
    label_open = 0  # lines that a bare "Baca juga" may still claim
    last = len(blocks) - 1
    for index, line in enumerate(blocks):
        block, text = line, line.text
        taken = clutter.cut_related(block)
        if taken is not None:
            cut.append(f"related: {taken[0][:200]}")
            text = taken[1]
            if not text:
                continue
            block = replace(block, text=text, links=[])
        if clutter.is_label(text):
            cut.append(f"related: {text}")
            label_open = 12
            continue
        all_link = block.link_chars >= 0.8 * len(text)
        if label_open and (all_link or (label_open == 12 and _headline_like(block))):
            cut.append(f"related: {text[:200]}")
            label_open -= 1
            continue
        label_open = 0
        if points_open and (block.tag == "li" or text[0] in "•-–*"):
            cut.append(f"summary: {text[:200]}")
            continue
        points_open = False
        rule = _why_not(block, title, alts, pictured, all_link) or _repeated(text, seen, recent)
        if rule is None and clutter.is_tail_label(text) and not _goes_on(blocks, index, last):
            cut.extend(f"tail: {b.text[:200]}" for b in blocks[index:])
            break
        if rule == "comment-terms" and index > 0.4 * last and len(kept) > 2:
            cut.extend(f"comments: {b.text[:200]}" for b in blocks[index:])  # the readers' part begins
            break
        if rule is not None:
            cut.append(f"{rule}: {text[:200]}")
            points_open = rule == "summary"
        else:
            kept.append(block)
    return _without_pull_quotes(kept, cut)


def _without_pull_quotes(lines: list[Block], cut: list[str]) -> list[Block]:
    """Drop the quotations that only repeat a sentence of the body in large letters."""
    quotes = [b for b in lines if b.tag in ("blockquote", "aside", "h2", "h3", "h4", "q") and 30 < len(b.text) < 400][
        :30
    ]
    if not quotes:
        return lines
    chosen = {id(b) for b in quotes}
    rest = flat(" ".join(b.text for b in lines if id(b) not in chosen)[:200_000])
    dropped = {id(b) for b in quotes if flat(b.text) in rest}
    cut.extend(f"pull-quote: {b.text[:200]}" for b in quotes if id(b) in dropped)
    return [b for b in lines if id(b) not in dropped]


def _why_not(block: Block, title: str, alts: set[str], pictured: set[int], all_link: bool) -> str | None:
    text = block.text
    rule = clutter.line_rule(text, "line", linked=bool(block.links))
    if rule is not None:
        return rule
    if all_link and not _ADDRESS.search(text) and not text.endswith((".", ".”", '."')):
        return "link-line"
    key = flat(text)
    if key == title:
        return "title"
    if len(text) < 400:
        if key in alts and len(key) > 20:
            return "caption"
        near = id(block) in pictured
        credited = _CREDITED.search(text) and (near or not _SIGNED.search(text))
        if not _DATELINE.search(text) and (credited or (near and len(text) < 300 and _AGENCY.search(text))):
            return "caption"
    return None


def _repeated(text: str, seen: set[str], recent: deque[str]) -> str | None:
    """A caption or a lead shown twice. Lists and tables may well repeat a short line, but not at once."""
    key = flat(text)
    if (len(key) > 120 and key in seen) or (len(key) > 40 and key in recent):
        return "repeat"
    seen.add(key)
    recent.append(key)
    return None


def _headline_like(block: Block) -> bool:
    return (
        15 < len(block.text) < 160
        and not _END.search(block.text)
        and (block.strong or block.tag in ("li", "h3", "h4", "h5"))
    )


def _goes_on(blocks: list[Block], index: int, last: int) -> bool:
    """Whether reporting follows: the label is then a heading of the article, or stands in its middle."""
    if re.search(r"komentar|comment|repl(?:y|ies)|balasan", blocks[index].text, re.IGNORECASE) and index > 2:
        return False
    if last - index > 400:
        return True
    for block in blocks[index + 1 : last + 1]:
        if len(block.text) > 90 and is_prose(block.text) and block.link_chars < 0.5 * len(block.text):
            return True
    return False


def _cut_head(lines: list[Block], author: str, cut: list[str]) -> list[Block]:
    """Before the first sentence: dates, bylines and labels go; a dateline, a lead or a heading stays."""
    first = next((i for i, b in enumerate(lines) if is_prose(b.text) and len(b.text) > 50), None)
    if first is None:
        return lines
    kept = []
    for block in lines[:first]:
        text = block.text
        rule = clutter.line_rule(text, "head")
        if rule is None and not _DATELINE.search(text):
            if (author and flat(text) in author) or (author and author in flat(text) and len(text) < 90):
                rule = "byline"
            elif (len(text) < 120 and not _END.search(text) and parse_tanggal(text) is not None) or (
                len(text) < 80 and not _END.search(text) and _STAMP.search(text)
            ):
                rule = "date"
            elif len(text) * weight(text) < 28 and block.tag not in ("h2", "h3", "tr") and not _ended(text):
                # five short words in a paragraph of their own are a line of the story, a result say
                rule = None if block.tag == "p" and text.count(" ") >= 4 else "head"
        if rule is None:
            kept.append(block)
        else:
            cut.append(f"{rule}: {text[:200]}")
    return kept + lines[first:]


def _cut_tail(lines: list[Block], author: str, cut: list[str]) -> list[Block]:
    """After the last sentence: credits, initials, dates and lone headings go; addresses and list items stay."""
    end = len(lines)
    dropped: list[str] = []
    while end > 1:
        if more := _trailing_links(lines, end):
            dropped.extend(f"related: {b.text[:200]}" for b in reversed(lines[end - more : end]))
            end -= more
            continue
        block = lines[end - 1]
        text = block.text
        rule = clutter.line_rule(text, "tail", linked=bool(block.links)) or (
            "label" if clutter.is_tail_label(text) else "contact" if clutter.is_contact(block) else None
        )
        if rule is None:
            text = clutter.without_sign_off(text)
            if is_prose(text) and len(text) > 50:
                break
            if author and flat(text) in author:
                rule = "byline"
            elif block.tag in _HEADINGS:
                rule = "heading"
            elif len(text) < 40 and not _ended(text) and block.tag != "li" and not _ADDRESS.search(text):
                rule = "tail"
            elif len(text) < 120 and not _END.search(text) and (parse_tanggal(text) or _STAMP.search(text)):
                rule = "date"
            else:
                break
        dropped.append(f"{rule}: {text[:200]}")
        end -= 1
    cut.extend(reversed(dropped))
    return lines[:end]


def _trailing_links(lines: list[Block], end: int) -> int:
    """How many list items at the end are links to other stories, under a heading or a label of their own; 0 or 3 up."""
    count = linked = 0
    while count < min(end - 1, 60) and lines[end - 1 - count].tag == "li":
        block = lines[end - 1 - count]
        linked += block.link_chars >= 0.25 * len(block.text)
        count += 1
    if count < 3 or linked < 0.8 * count or count == end:
        return 0
    label = lines[end - 1 - count]
    return count if label.tag in _HEADINGS or (len(label.text) < 70 and not label.text.endswith(".")) else 0


def _join(lines: list[Block]) -> list[str]:
    """Paragraphs; a sentence that a single <br> tore in two becomes one again."""
    paragraphs: list[list[str]] = []
    before: Block | None = None
    for block in lines:
        if (
            before is not None
            and block.joint == 1
            and before.owner == block.owner
            and not _END.search(before.text[-8:])
            and block.text[:1].islower()
        ):
            paragraphs[-1].append(block.text)
        else:
            paragraphs.append([block.text])
        before = block
    return [" ".join(parts) for parts in paragraphs]
