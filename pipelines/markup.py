"""What a page may say, without parsing it: a superset of every text that cleaning can take from its markup.

Tags go as browsers read them (quoted ">", comments, stray "<"), each leaving JOINT behind: a word that tags part is
whole again without the joints. Of <meta> the attributes are read, of scripts the two kinds that cleaning reads, JSON-LD
and __NEXT_DATA__; other scripts and style sheets are no text. `cut_links` also leaves out links that stand alone in their block:
menus and lists of other headlines, which are never part of a body.

Imports nothing of ours. Its test is tests/pipelines/test_screen.py.
"""

from __future__ import annotations

import html
import re

# A tag to its end, or to the end of the text: ">" inside a quoted value does not end it (HTML, 13.2.5 Tokenization).
# It always succeeds and gives nothing back, so a pass over a page is linear however odd the page.
_TO_END = r"(?:[^>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+'|))*+(?:>|\Z)"
_TAG = re.compile(rf"<(?=[a-zA-Z/!?]){_TO_END}")
# Stands behind a text while its tags are taken away: gone means that the last tag was not closed.
_SENTINEL = "\x1e"
# White space to every reader of ours, and nothing that a page needs.
JOINT = "\x1f"
# A link alone in its block: between two tags of blocks nothing but links. Not in <p> (a body's paragraph may be one
# link, as print editions do with names) and not in <h1>, and short enough to be a headline.
_BLOCK = (
    "article|aside|dd|div|dl|dt|figcaption|figure|footer|form|h[2-6]|header|li|main|nav|ol|section|"
    "table|tbody|td|th|tr|ul"
)
_LONE_LINKS = re.compile(
    rf"(?P<block><(?:/?(?:{_BLOCK})(?=[\s/>]){_TO_END}|/p>)\s*+)"
    rf"(?P<links>(?:<a(?=\s[^>]*href){_TO_END}"
    rf"(?:[^<]++|<(?!/?(?:a|p|h1|body)[\s/>])(?=[a-zA-Z/]){_TO_END})*+</a\s*+>\s*+)++)"
    rf"(?=<(?:/?(?:{_BLOCK})[\s/>]|p[\s>]))",
    re.IGNORECASE,
)
_MAX_HEADLINE_CHARS = 300
_SPECIAL = re.compile(r"<(?:!--|(?P<name>script|style|title|textarea|meta)(?=[\s/>]))", re.IGNORECASE)
_CLOSE = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style", "title", "textarea")}
_CDATA = re.compile(r"<!\[CDATA\[([^\]]*+(?:\](?!\]>)[^\]]*+)*+)")
# The scripts that are read (pipelines.metadata.read_head); lists of other headlines are in others.
_READ_SCRIPT = re.compile(r"ld\+json|__NEXT_DATA__", re.IGNORECASE)
_JSON_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
# Entities without a semicolon: readers differ about where the name ends, so both readings are kept.
_OPEN_ENTITY = re.compile(r"&[A-Za-z][A-Za-z0-9]*+(?!;)")
# A title comes as plain text, in which "<netral>" is words; no page is as short.
_PLAIN_CHARS = 4_000
_ROUNDS = 3  # of decoding entities: some content systems encode twice
# Places that look like a script or a comment but stand inside a tag's attribute; a page with more is not screened.
_MAX_FALSE_STARTS = 8


class Unreadable(ValueError):
    """The markup is too odd to say what a page does not hold."""


def readable_texts(page: str, *, cut_links: bool = False) -> list[str]:
    """Return texts that together hold, unbroken, every word that cleaning could take from the page or title.

    Raises Unreadable where that cannot be promised.
    """
    texts, scripts = _strip(page, cut_links=cut_links)
    if len(page) <= _PLAIN_CHARS:
        texts.append(page)
    for script in scripts:
        decoded = _JSON_ESCAPE.sub(_unescape, script) if "\\" in script else script
        if "\\u" in script:
            decoded = _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), decoded)
        texts.append(decoded)
        # The markup of a body may be written in entities inside the string.
        for markup in dict.fromkeys((decoded, html.unescape(decoded))):
            if "<" in markup:
                texts += _strip(markup, cut_links=False)[0]
    found: list[str] = []
    for text in texts:
        _decode_entities(text, found)
    return found


def _decode_entities(text: str, found: list[str]) -> None:
    if "&" not in text or _OPEN_ENTITY.search(text):
        found.append(text)
    for _ in range(_ROUNDS):
        decoded = html.unescape(text) if "&" in text else text
        if decoded == text:
            return
        found.append(decoded)
        text = decoded


def _unescape(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return " " if match[2] in "ntrf" else "" if match[2] == "b" else match[2]


def _strip(page: str, *, cut_links: bool) -> tuple[list[str], list[str]]:
    """Return the texts of the markup, entities still encoded, and the JSON scripts."""
    out: list[str] = []
    aside: list[str] = [match[1] for match in _CDATA.finditer(page)] if "<![CDATA[" in page else []
    scripts: list[str] = []
    done = false_starts = 0
    for special in _SPECIAL.finditer(page):
        start = special.start()
        if start < done:
            continue
        text = _without_tags(page[done:start], cut_links=cut_links)
        if text is None:
            # What looks like a comment or script stands in an attribute: go on to see where that tag ends.
            false_starts += 1
            if false_starts > _MAX_FALSE_STARTS:
                raise Unreadable(page[start : start + 40])
            continue
        out.append(text)
        done = _skip_special(page, special, aside, scripts)
    text = _without_tags(page[done:], cut_links=cut_links)
    if text is None:
        text = _up_to_open_tag(page[done:], aside)
    out.append(text)
    return [JOINT.join(out), *aside], scripts


def _without_tags(markup: str, *, cut_links: bool) -> str | None:
    """Return the markup's text, or None where its last tag is not closed."""
    if cut_links:
        markup = _LONE_LINKS.sub(_cut_headlines, markup)
    text = _TAG.sub(JOINT, markup + _SENTINEL)
    return text[:-1] if text.endswith(_SENTINEL) else None


def _up_to_open_tag(markup: str, aside: list[str]) -> str:
    """Return the text before the tag that is never closed. Browsers drop the rest; some readers may not."""
    start = max(tag.start() for tag in _TAG.finditer(markup))
    aside.append(markup[start:])
    return _TAG.sub(JOINT, markup[:start])


def _cut_headlines(match: re.Match[str]) -> str:
    links = match["links"]
    headline_chars = len(_TAG.sub("", links)) / max(1, links.lower().count("</a"))
    return match["block"] if headline_chars <= _MAX_HEADLINE_CHARS else match[0]


def _skip_special(page: str, special: re.Match[str], aside: list[str], scripts: list[str]) -> int:
    """Return where the comment or element ends, having kept what of it can be text."""
    start, name = special.start(), special["name"]
    if name is None:
        return _end_of_comment(page, start, aside)
    tag = _TAG.match(page, start)
    if tag is None or not tag[0].endswith(">"):
        aside.append(page[start:])
        return len(page)
    name = name.lower()
    if name == "meta":
        aside.append(tag[0])
        return tag.end()
    close = _CLOSE[name].search(page, tag.end())
    content = page[tag.end() : close.start() if close else len(page)]
    if close is None and name in ("script", "style"):
        aside.append(content)
    if name == "script" and _READ_SCRIPT.search(html.unescape(tag[0])):
        scripts.append(content)
    elif name in ("title", "textarea"):
        aside += (content, _TAG.sub(JOINT, content))
    return tag.end() + len(content)


def _end_of_comment(page: str, start: int, aside: list[str]) -> int:
    for empty in ("<!-->", "<!--->"):
        if page.startswith(empty, start):
            return start + len(empty)
    end = page.find("-->", start + 4)
    if end < 0:
        # Browsers drop the rest of the page, other readers do not.
        aside.append(_TAG.sub(JOINT, page[start + 4 :]))
        return len(page)
    odd_end = page.find("--!>", start + 4, end)
    return odd_end + 4 if odd_end >= 0 else end + 3
