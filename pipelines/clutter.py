"""What is not the article: verdicts on elements by their names, and rules for lines. The facts are in
data/clutter.yaml.

Two guards keep reporting in. A name's verdict never removes most of a page's text (see `body`). A line rule needs a
link, a colon or a position: "baca juga" is also what people say. Imports nothing of `crawler`. Test:
tests/pipelines/test_clutter.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from pipelines.blocks import Block
from pipelines.tables import read_table

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_POST = re.compile(r"(?:^|\s)(?:post-\d+|hentry|type-[a-z]+|postid-\d+|single-post)(?:\s|$)")
_TAG_VERDICTS = {"nav": "nav", "footer": "nav", "aside": "aside", "figcaption": "caption", "figure": "figure"}
_MAX_LINE = 420  # characters; no clutter line seen is longer, and longer ones would cost the rules time
_SENTENCE_END = re.compile(r"[.!?…][\"”’»)\]]*$")
_WORD = re.compile(r"\w+")
_COLON = r"\s*(?:[:：»›→▶|]|[-–—](?=\s)|\.{2,3})+"
_BULLET = r"^[\W_]{0,6}(?:(?:yuk|ayo|nah|oh ya|wajib)[,!]?\s*)?"
_PROMPT = re.compile(
    r"^[\W_]{0,4}(?:yuk|ayo|jangan lupa|ikuti|follow|gabung|bergabung|join|dapatkan|simak|cek|temukan|"
    r"telusuri|update|baca|"
    r"pantau|klik|unduh|download|like|subscribe|ingin|mau|untuk (?:update|informasi|berita|mendapatkan)|kini anda|"
    r"(?:\w+ ){0,2}(?:kini )?hadir di|berita ini|artikel)\b",
    re.IGNORECASE,
)
_CHANNEL = re.compile(
    r"//(?:www\.)?(?:t\.me|telegram\.me|whatsapp\.com/channel|chat\.whatsapp\.com|news\.google\.com|invite\.viber\.com|"
    r"flipboard\.com/@|apps\.apple\.com|play\.google\.com/store)",
    re.IGNORECASE,
)
_PROFILE = re.compile(
    r"//(?:www\.|m\.)?(?:twitter|x|facebook|instagram|tiktok|youtube|linkedin|threads)\.(?:com|net)/"
    r"(?:channel/|c/|company/|in/|user/|pages/)?@?[\w.-]+/?(?:\?[^/]*)?$",
    re.IGNORECASE,
)
# Sign-off at the very end: the sentence is over, then (fay), [ant/red], (fyk/fay), ((ADN)), ***
_SIGN_OFF = re.compile(
    r"(?<=[.!?…\"”’»'])\s*(?:[\(\[]{1,3}(?!\d{4}\)|\d{1,2}/\d)[\w*./&+@-]{1,16}(?:[ ,/|"
    r"-]{1,3}[\w*./&+@-]{1,16}){0,3}[\)\]]{1,3}"
    r"|\*{2,5}|\(\*\)?|\*\)?)[\s.*]*$"
)


@dataclass(frozen=True, slots=True)
class LineRule:
    """One entry of `lines` in clutter.yaml. `where`: line, head, tail or edge (head and tail)."""

    name: str
    where: str
    pattern: re.Pattern[str]
    needs: str | None


@dataclass(frozen=True, slots=True)
class Rules:
    """clutter.yaml, compiled."""

    names: re.Pattern[str]
    verdicts: tuple[str, ...]  # by number of the group in `names`
    label_only: re.Pattern[str]
    label_colon: re.Pattern[str]
    label_before_link: re.Pattern[str]
    label_in_link: re.Pattern[str]
    tail_label: re.Pattern[str]
    lines: tuple[LineRule, ...]


@cache
def rules() -> Rules:
    """Return the compiled rules; read once a process."""
    data = read_table("clutter.yaml")
    verdicts = tuple(entry["verdict"] for entry in data["structure"])
    groups = [f"({'|'.join(entry['names'].split())})" for entry in data["structure"]]
    words = [word for entry in data["related_labels"] for word in entry["words"]]
    strong = "|".join(f"(?:{word})" for word in words if " " in word or not word.isascii())
    every = "|".join(f"(?:{word})" for word in words)
    tails = "|".join(f"(?:{word})" for entry in data["tail_labels"] for word in entry["words"])
    flags = re.IGNORECASE
    return Rules(
        names=re.compile(f"(?<=-)(?:{'|'.join(groups)})(?=-)"),
        verdicts=verdicts,
        label_only=re.compile(f"{_BULLET}(?:{strong})[\\W_]{{0,6}}$", flags),
        label_colon=re.compile(f"{_BULLET}(?:{strong})(?:{_COLON})", flags),
        label_before_link=re.compile(
            f'(?:^[\\W_]{{0,6}}(?:(?:yuk|ayo|nah)[,!]?\\s*)?|(?<=[.!?…"”’»)\\]])\\s*[\\W_]{{0,3}}|[\\(\\[]\\s*)'
            f"(?:(?:{strong})(?:{_COLON})?|(?:{every})(?:{_COLON}))[\\s\"“‘'(\\[>-]*$",
            flags,
        ),
        label_in_link=re.compile(f"{_BULLET}(?:(?:{strong})(?:{_COLON}|\\s|$)|(?:{every}){_COLON})", flags),
        tail_label=re.compile(f"^[\\W_]{{0,4}}(?:{tails})[\\W_]{{0,4}}$", flags),
        lines=tuple(
            LineRule(
                entry["rule"],
                entry["where"],
                re.compile(f"(?:{entry['match']})", 0 if entry.get("cased") else flags),
                entry.get("needs"),
            )
            for entry in data["lines"]
        ),
    )


@lru_cache(maxsize=20_000)
def judge(tag: str, names: str) -> str | None:
    """Return what an element is by its tag and its class and id: related, share, meta, … body, or None."""
    found: str | None = _TAG_VERDICTS.get(tag)
    if len(names) < 3 or len(names) > 1_000:
        return found
    # Each class is judged by the last word that a rule knows ("article-body__related" is related, "related__article-
    # body" is a body); of several classes the one that is a body wins: it is the others that describe its surroundings.
    verdict: str | None = None
    # WordPress writes an article's categories and tags as classes of its outermost element
    wordpress = _POST.search(names) is not None
    for name in names.split():
        if wordpress and name.startswith(("category-", "tag-", "topic", "author-", "kategori-", "post_")):
            continue
        flat = f"-{_NOT_WORD.sub('-', _HUMP.sub('-', name).lower()).strip('-')}-"
        at, best = 0, None
        while (match := rules().names.search(flat, at)) is not None:
            best = match.lastindex
            at = match.end()
        if best is not None:
            judged = rules().verdicts[best - 1]
            if judged == "body":
                return "body"
            verdict = verdict or judged
    return found if verdict is None or tag in ("html", "body", "main") else verdict


def cut_related(block: Block) -> tuple[str, str] | None:
    """Return what of a block's text is a "Baca juga" label with its links, and the text without it; None where nothing is.

    The text without it is empty where nothing else was in the line.
    """
    text = block.text
    table = rules()
    if not block.links:
        if len(text) > _MAX_LINE or text[0] in "\"“‘'":
            return None
        match = table.label_colon.match(text)
        return (text, "") if match and _title_like(text[match.end() :]) else None
    spans = _related_spans(block)
    if not spans:
        return None
    taken, kept, at = [], [], 0
    for start, end in spans:
        kept.append(text[at:start])
        taken.append(text[start:end])
        at = end
    kept.append(text[at:])
    rest = " ".join(" ".join(kept).split())
    if not any(c.isalnum() for c in rest) or (len(rest) < 25 and not _SENTENCE_END.search(rest)):
        rest = ""
    return " ".join(taken).strip(), rest


def _related_spans(block: Block) -> list[tuple[int, int]]:
    text, table = block.text, rules()
    spans: list[tuple[int, int]] = []
    before_it, last = "", -9
    for start, end, href in block.links[:60]:
        if spans and not _WORD.search(text[spans[-1][1] : start]):
            spans[-1] = (spans[-1][0], end)  # one label, several links
            continue
        if href == before_it and start - last <= 1 and len(href) > 1:
            spans.append((start, end))  # the same link twice, glued: a card that opens over a name, with its links
            continue
        before_it, last = href, end
        floor = spans[-1][1] if spans else 0
        before = table.label_before_link.search(text, max(floor, start - 90), start) if start else None
        if before:
            spans.append((before.start(), end))
        elif (label := table.label_in_link.match(text[start : min(end, start + 90)])) and (
            text[start + label.end() - 1] in ":：|»" or not _WORD.search(text[floor:start] + text[end:])
        ):
            spans.append((start, end))
    if spans and not _WORD.search(text[spans[-1][1] :]):
        spans[-1] = (spans[-1][0], len(text))
    return spans


def _title_like(rest: str) -> bool:
    """Whether what follows a label is a headline: not empty, one sentence at most, no full stop at its end."""
    rest = rest.strip()
    return len(_WORD.findall(rest[:300])) >= 2 and len(rest) < 260 and not rest.endswith(".") and ". " not in rest


def is_label(text: str) -> bool:
    """Whether the line is a related-links label and nothing else."""
    return len(text) < 90 and rules().label_only.match(text) is not None


def is_tail_label(text: str) -> bool:
    """Whether the line is a heading after which no article goes on (comments, tags, latest news)."""
    return len(text) < 60 and rules().tail_label.match(text) is not None


def line_rule(text: str, where: str, *, linked: bool = False) -> str | None:
    """Return the name of the rule that calls this line clutter at `where` (line, head, tail), or None."""
    if len(text) > _MAX_LINE:
        return None
    for rule in rules().lines:
        if rule.where != "line" and rule.where != where and not (rule.where == "edge" and where != "line"):
            continue
        if rule.pattern.fullmatch(text) is None:
            continue
        if rule.needs == "prompt" and (text[0] in "\"“‘'" or not (linked or _PROMPT.match(text))):
            continue
        if rule.needs == "link" and not linked:
            continue
        if rule.needs == "no_sentence" and len(text) > 60 and _SENTENCE_END.search(text) and text.count(" ") > 12:
            continue
        return rule.name
    return None


def is_contact(block: Block) -> bool:
    """Whether the line is where to follow or write to whom: short, with a link to a channel, a profile or a mailbox.

    Told by the addresses, so in any language. A post that the reporting quotes is no profile.
    """
    if len(block.text) > 320 or len(block.text) - block.link_chars < 8:
        return False  # an address alone may be what the article ends with
    short = len(block.text) < 140 or "@" in block.text
    return any(
        _CHANNEL.search(href) or (short and (href.startswith("mailto:") or _PROFILE.search(href)))
        for _, _, href in block.links
    )


def without_sign_off(text: str) -> str:
    """Return the last paragraph without the desk's initials: "… selesai." of "… selesai. (fyk/fay)"."""
    return _SIGN_OFF.sub("", text[-120:]).rstrip() if len(text) <= 120 else text[:-120] + _SIGN_OFF.sub("", text[-120:])
