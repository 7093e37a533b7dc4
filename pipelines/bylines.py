"""Who reported it: the name in a byline, a credit, JSON-LD or a meta element; never the brand, the desk or the editor.

Imports of `crawler` nothing. Its test is tests/pipelines/test_metadata.py.
"""

from __future__ import annotations

import re

from pipelines.blocks import Reading, plain
from pipelines.embedded import names_of
from pipelines.lines import flat
from pipelines.metadata import Head, names_site, site_words

# Who did not report it: brands, roles and tools. Compared with the whole name or its words.
_NOBODY = re.compile(
    r"^(?:admin\w*|administrator|redaksi\w*|tim|tim .*|team.*|editor\w*|staff?|newsroom|news ?desk|desk|"
    r"web ?(?:design|master|admin)\w*|"
    r"developer|development|operator|user|guest|penulis|author|reporter|wartawan|kontributor|unknown|"
    r"anonymous|null|none|undefined|"
    r"contributor|super ?admin|root|test|n/?a|humas|redaktur|publisher|online|berita|news|media|root)$",
    re.IGNORECASE,
)
_BRAND = re.compile(
    r"\b(?:developer|development|cyber media|redaksi|pt\.? |media (?:group|network|baru)|newsroom|"
    r"web design|editorial|multimedia|"
    r"all rights|tim (?:redaksi|liputan)|news network|staff|admin)\b|\.(?:com|co|id|net|org|news|tv)\b|"
    r"https?:|www\.|@",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"^(?:(?:oleh|by|penulis|pewarta(?: foto)?|reporter|wartawan|jurnalis|kontributor|"
    r"laporan(?: wartawan)?|rep|teks|naskah|author|"
    r"written by|ditulis oleh|redaktur ?& ?reporter|dilaporkan oleh|peliput|liputan)(?: berita| artikel)?\s*[:|]?\s+|"
    r"(?:oleh|by|penulis|pewarta|reporter|wartawan|laporan|rep)\s*[:|]\s*)",
    re.IGNORECASE,
)
_EDITOR = re.compile(
    r"^(?:editor|red|redaktur|penyunting|uploader|ed|publisher|edited by|penanggung jawab)\b\s*[:|]?\s*",
    re.IGNORECASE,
)
_REPORTER_LINE = re.compile(
    r"(?:^|[\s|/(])(?:pewarta|reporter|wartawan|penulis|jurnalis|kontributor|rep|laporan|peliput|"
    r"redaktur ?& ?reporter|ditulis oleh)\s*[:|]\s*"
    r"(?P<name>[^\W\d_][\w.'’ ,&-]{2,70}?)(?=\s*(?:$|[|/\n(]|[-–—]\s|\b(?:editor|red|redaktur|penyunting|"
    r"uploader|sumber|copyright|tayang|terbit)\b))",
    re.IGNORECASE,
)
_EDITOR_LINE = re.compile(
    r"(?:^|[\s|/(])(?:editor|red|redaktur|penyunting|uploader)\s*[:|"
    r"]\s*(?P<name>[^\W\d_][\w.'’ -]{2,50}?)(?=\s*(?:$|[|/,\n(]|copyright))",
    re.IGNORECASE,
)
# "Kontributor Lhokseumawe, Masriadi": the place is no name
_CORRESPONDENT = re.compile(
    r"^\s*(?:kontributor|koresponden|wartawan|reporter)?\s*(?:kompas\S*|tribun\S*|"
    r"\w+\.com)?\s*(?:kontributor|koresponden) [\w ]{3,25},\s*",
    re.IGNORECASE,
)
_MAILBOX = re.compile(r"^\s*\S+@\S+\s*\((.{2,80})\)\s*$")  # how RSS 2.0 writes an author
_LAPORAN = re.compile(
    r"^laporan (?:wartawan|kontributor|reporter|"
    r"jurnalis)?\s*[^,:]{0,40}[,:]\s*(?P<name>[^\W\d_][\w.' -]{2,50})$",
    re.IGNORECASE,
)
_OLEH = re.compile(r"^oleh\s*:\s*(?P<name>[^\W\d_][\w.'’ -]{2,50})$", re.IGNORECASE)
_BY_LINE = re.compile(r"^(?:oleh|by)\s*:?\s+(?P<name>[A-Z][\w.'’-]+(?:\s+[A-Z][\w.'’-]*){0,4})\W*$", re.IGNORECASE)
_ROLE_ALONE = re.compile(r"^(?:jurnalis|reporter|wartawan|penulis|pewarta|kontributor|oleh)\s*:?$", re.IGNORECASE)
_NAME_ALONE = re.compile(r"^(?:[A-Z][\w.'’]+)(?: [A-Z][\w.'’]*){1,3}$")
_META_AUTHORS = (
    "content_author", "article:reporter", "author", "article:author", "dable:author", "parsely-author",
    "sailthru.author", "dc.creator", "dcterms.creator", "cxenseparse:author", "byl", "bt:author",
    "kompas:author",
)  # fmt: skip
_AUTHOR_NAMES = re.compile(r"(?:^|[\s_-])(?:author|penulis|reporter|byline|writer|pewarta|wartawan)", re.IGNORECASE)


def author_of(head: Head, reading: Reading, entry_author: str | None = None) -> str | None:
    """Return who reported it, or None; several names parted by ", ".

    Order: a line that names the reporter ("Pewarta: …", "Penulis: …"), persons in JSON-LD, elements marked as the
    author, the meta elements, the feed. Brands, desks, developers and editors are nobody.
    """
    names = site_words(head)
    credits, marked, editors = _bylines(reading)
    named = [*(name for _, name in names_of(head.embedded.article.get("editor"))), head.meta.get("content_editor", "")]
    editors.update(flat(name) for name in named if name)
    persons = [name for kind, name in names_of(head.embedded.article.get("author")) if "Organization" not in kind]
    metas = [head.meta[key] for key in _META_AUTHORS if key in head.meta]
    groups = (credits[:2], persons, head.marked_authors, marked[:3], metas, [entry_author or ""])
    for group in groups:
        people: list[str] = []
        for raw in group:
            for person in _people(raw, names):
                if person not in people and flat(person) not in editors:
                    people.append(person)
            if people and group is not persons:
                break
        if people:
            return ", ".join(people[:6])
    return None


def _bylines(reading: Reading) -> tuple[list[str], list[str], set[str]]:
    """(lines that name the reporter by his role, lines marked as the author's, editors, flat) of a page."""
    credits: list[str] = []
    marked: list[str] = []
    editors: set[str] = set()
    blocks = reading.blocks
    for index, block in enumerate(blocks[:4_000]):
        text = block.text
        if len(text) > 160:
            continue
        if found := _REPORTER_LINE.search(text) or _LAPORAN.match(text) or _OLEH.match(text):
            credits.append(found["name"])
        if edited := _EDITOR_LINE.search(text):
            editors.add(flat(edited["name"]))
        elif found or len(text) >= 60:
            continue
        elif _ROLE_ALONE.match(text):
            # The name stands in a line of its own beside it: after "Penulis:", else before "Jurnalis"
            around = (index + 1, index - 1) if text.endswith(":") else (index - 1, index + 1)
            near = (blocks[i].text for i in around if 0 <= i < len(blocks))
            credits.extend([name for name in near if _NAME_ALONE.match(name)][:1])
        else:
            owner = reading.nodes[block.owner].names if block.owner >= 0 else ""
            if "comment" in owner or "form" in owner or "*" in text:
                continue
            if _BY_LINE.match(text) or (_AUTHOR_NAMES.search(owner) and not _EDITOR.match(text)):
                marked.append(text)
    return credits, marked, editors


def signed_by(cut: tuple[str, ...]) -> str | None:
    """Return the reporter who signed after the last sentence (a bare name in a line of its own), from what was cut."""
    names = [line.partition(": ")[2] for line in cut[-8:] if line.startswith("tail: ")]
    return next((people[0] for name in names if _NAME_ALONE.match(name) and (people := _people(name, set()))), None)


def reporter_in(listed: str | None, outlet: str = "", url: str = "") -> str | None:
    """Return who reported it out of what a listing gives as the author; None for desks, brands and addresses.

    `outlet` and `url` are the source's: its own name is nobody either.
    """
    host = url.partition("//")[2].partition("/")[0].removeprefix("www.")
    names = {word for name in (outlet, host, host.split(".")[0]) if len(word := flat(name).replace(" ", "")) >= 3}
    return ", ".join(_people(listed or "", names)) or None


# "Rina Marlina Jumat": the day of the date that stood beside the name.
_DAY_AFTER = re.compile(r"[\s,]+(?:Senin|Selasa|Rabu|Kamis|Jum['’]?at|Sabtu|Minggu|Ahad)\b.*$", re.IGNORECASE)


def _people(raw: str, site: set[str]) -> list[str]:
    """The persons in one author value: roles and editors taken off, brands left out."""
    people: list[str] = []
    if re.match(r"\s*https?:|\s*www\.", raw):
        return people  # article:author is often the address of a profile
    raw = _CORRESPONDENT.sub("", _MAILBOX.sub(r"\1", raw))
    for part in re.split(
        r"\s*(?:;|\||/|\s[-–—]\s|,(?!\s*(?:S\.|M\.|Jr|SH\b|MH\b|ST\b|SE\b|MM\b))|\n)\s*", plain(raw)[:200]
    ):
        name = part.strip(" -–—:.,()\"'")
        if _EDITOR.match(name):
            continue
        name = _DAY_AFTER.sub("", _ROLE.sub("", name)).strip(" -–—:,()\"'")
        if (
            not 3 <= len(name) <= 50
            or name.count(" ") > 5
            or not name[0].isalpha()
            or any(c.isdigit() for c in name)
            or name.islower()
        ):
            continue
        if _NOBODY.match(name) or _BRAND.search(name) or names_site(name, site):
            continue
        # Shouted in a byline ("LAPORAN: SITI RAHMA"), it is a name like any other
        people.append(name.title() if name.isupper() and " " in name else name)
    return people
