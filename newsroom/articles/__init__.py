"""Reads the article files beside it: our own texts, invented people, real places. tests/newsroom/test_articles.py.

A file holds articles of one outlet, each `=== slug`, header lines `name: value`, a line `---`, then paragraphs parted
by blank lines. `## text` is a heading, `>> text` a photograph's caption, `+++` a page break. Headers: title, author,
editor, sign, rubric, topic (on, off, near), category, place, dateline, age and modified (minutes before now; `3h` and
`2d` work), copy, event, tags (commas), caption, related and summary (parted by ` | `), twin (yes), quirk. `outlet:`
stands before the first. `headlines.txt` and `comments.txt` feed side lists and comments.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from newsroom.model import Article, Block

_HERE = Path(__file__).parent
_TOPIC = {"on": (True, False), "near": (False, True), "off": (False, False)}
_KNOWN = frozenset(
    [
        "title",
        "author",
        "editor",
        "sign",
        "rubric",
        "topic",
        "category",
        "place",
        "dateline",
        "age",
        "modified",
        "copy",
        "event",
        "tags",
        "caption",
        "related",
        "summary",
        "twin",
        "quirk",
    ]
)


@cache
def all_articles() -> tuple[Article, ...]:
    """Return every article of the bundled newsroom, file by file.

    Raises: ValueError naming the file and article whose header is unknown or missing.
    """
    found: list[Article] = []
    for path in sorted(_HERE.glob("outlet-*.txt")):
        head, *parts = path.read_text(encoding="utf-8").split("\n=== ")
        outlet = head.split("outlet:")[1].split()[0]
        found += [_article(outlet, part, path.name) for part in parts]
    return tuple(found)


@cache
def lines(name: str) -> tuple[str, ...]:
    """Return the lines of headlines.txt or comments.txt, without comments and blank lines."""
    text = (_HERE / f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


def _article(outlet: str, part: str, file: str) -> Article:
    head, _, body = part.partition("\n---\n")
    slug, *header = head.strip().splitlines()
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in header)}
    if unknown := set(fields) - _KNOWN:
        raise ValueError(f"{file}, article {slug}: unknown header {sorted(unknown)}")
    if missing := {"title", "topic", "age"} - set(fields):
        raise ValueError(f"{file}, article {slug}: missing header {sorted(missing)}")
    on_topic, near_miss = _TOPIC[fields["topic"]]
    return Article(
        slug=slug.strip(),
        outlet=outlet,
        title=fields["title"],
        blocks=tuple(_block(text) for text in body.strip().split("\n\n")),
        author=fields.get("author"),
        editor=fields.get("editor"),
        sign=fields.get("sign"),
        rubric=fields.get("rubric", "Daerah"),
        on_topic=on_topic,
        near_miss=near_miss,
        category=fields.get("category"),
        place=fields.get("place"),
        dateline=fields.get("dateline"),
        age_min=_minutes(fields["age"]),
        modified_min=_minutes(fields["modified"]) if "modified" in fields else None,
        copy_of=fields.get("copy"),
        event=fields.get("event", fields.get("copy")),
        tags=_split(fields.get("tags", ""), ","),
        caption=fields.get("caption"),
        related=_split(fields["related"], " | ") if "related" in fields else None,
        summary=_split(fields.get("summary", ""), " | "),
        twin=fields.get("twin") == "yes",
        quirk=fields.get("quirk", ""),
    )


def _block(text: str) -> Block:
    text = " ".join(text.split())
    if text == "+++":
        return Block("break")
    if text.startswith("## "):
        return Block("h", text[3:])
    if text.startswith(">> "):
        return Block("caption", text[3:])
    return Block("p", text)


def _minutes(text: str) -> int:
    unit = {"h": 60, "d": 1440}.get(text[-1])
    return round(float(text[:-1]) * unit) if unit else int(text)


def _split(text: str, by: str) -> tuple[str, ...]:
    return tuple(piece.strip() for piece in text.split(by) if piece.strip())
