"""The pages of the documentation and the code that stands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.M | re.S)
_PARTS = frozenset({"|", "||", "&", "&&", ";"})


class Block(NamedTuple):
    """A fenced block. `place` is page:line of its first line."""

    page: str
    place: str
    language: str
    text: str


def blocks(*languages: str) -> list[Block]:
    """Return every fenced block in these languages; all without."""
    found = []
    for page in PAGES:
        name, text = str(page.relative_to(ROOT)), page.read_text("utf-8")
        for fence in _FENCE.finditer(text):
            if not languages or fence[1] in languages:
                line = text.count("\n", 0, fence.start()) + 2
                found.append(Block(name, f"{name}:{line}", fence[1], fence[2]))
    return found


def inline(start: str) -> list[tuple[str, str]]:
    """Return (page, text) of what stands in backticks in a line and begins so."""
    found = []
    for page in PAGES:
        text = _FENCE.sub("", page.read_text("utf-8"))
        found += [(str(page.relative_to(ROOT)), code) for code in re.findall(rf"`({start}[^`\n]*)`", text)]
    return found


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each single command of a shell text."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in lexer:
            if word in _PARTS:
                yield words
                words = []
            else:
                words.append(word)
        if words:
            yield words


def pantau_commands() -> list[tuple[str, list[str]]]:
    """Return (place, arguments) of each `pantau …` in the shell blocks."""
    return [
        (block.place, words[1:])
        for block in blocks("sh")
        for words in commands(block.text)
        if words and words[0].rpartition("/")[2] == "pantau"
    ]
