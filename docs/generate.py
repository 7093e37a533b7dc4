"""The pages of the documentation that are made of the program itself: `python -m docs.generate` writes them.

Commands come from the command line's parser, keys from the models of sources.yaml, limits from their table, outlets from the
shipped list. tests/docs/test_generated.py holds the pages to what this gives.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import typer.main
from pydantic import BaseModel

from cli import app
from crawler.config import load_config
from crawler.errors import ConfigError
from crawler.settings import LIMIT_TABLE
from crawler.sourcesfile import SourcesFile
from pipelines.wilayah import regions

DOCS = Path(__file__).parent
SHIPPED = DOCS.parent / "sources.yaml"
MADE = "<!-- made by python -m docs.generate; do not edit -->\n\n"
THIN = 3  # a province with fewer outlets of high or medium confidence may be silent after a few of them fail
KIB, MIB = 1024, 1024 * 1024


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |\n" for row in lines) + "\n"


# ------------------------------------------------------------------------------------------------------- command line


def commands() -> str:
    """Return the page of the command line."""
    root = typer.main.get_command(app)
    found = list(_commands(root, "pantau"))
    text = MADE + "# Command line\n\n" + f"{root.help}\n\n"
    text += (
        "`--config` (without it `sources.yaml` in the folder where you are) and `--db` (in place of `settings.database`) go with every\n"
        "command that needs them. With `--json` a command prints one JSON document, or one a line where there are many, and nothing\n"
        "else on standard output. Long work shows a progress bar on a terminal and plain lines elsewhere.\n\n"
        "Exit status: 0 done; 1 failed; 2 usage or configuration; 3 done, but some sources failed. Before the command,\n"
        "`--debug` shows tracebacks and every log line. `--help` goes with every command.\n\n"
    )
    text += table(("command", ""), [(f"[`{name}`](#{_slug(name)})", _sentence(one.help)) for name, one in found])
    return text + "".join(_command(name, one) for name, one in found)


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    for word, sub in command.commands.items():
        if hasattr(sub, "commands"):
            yield from _commands(sub, f"{name} {word}")
        else:
            yield f"{name} {word}", sub


def _command(name: str, command: Any) -> str:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option" and param.name != "help"]
    words = [param.metavar or param.name.upper() for param in arguments]
    usage = " ".join([name, *(["[OPTIONS]"] if options else []), *words])
    rows = [(f"`{word}`", param.help or "", "") for word, param in zip(words, arguments, strict=True)]
    for param in options:
        value = "" if param.is_flag else " " + (param.metavar or param.name.upper())
        default = (
            "required" if param.required else "" if param.is_flag or param.default is None else f"`{param.default}`"
        )
        rows.append((f"`{', '.join(param.opts)}{value}`", param.help or "", default))
    text = f"## {name}\n\n{_unwrapped(command.help)}\n\n```text\n{usage}\n```\n\n"
    return text + table(("", "", "default"), rows)


def _sentence(text: str) -> str:
    return _unwrapped(text).split("\n\n")[0]


def _unwrapped(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


# ------------------------------------------------------------------------------------------------------ configuration

_VALID: dict[str, Any] = {
    "settings": {"websub": {"callback": "https://a.example/hubs", "port": 8081}},
    "sources": [
        {"id": "a", "name": "A", "url": "https://a.example", "discover": [{"page": "https://a.example"}], "article": {}}
    ],
    "rules": [{"id": "a"}],
    "channels": {"a": {"apprise": "json://a.example"}},
    "alerts": {},
}


class Section(NamedTuple):
    """A mapping of the file. `path`: where it stands in _VALID."""

    name: str
    model: type[BaseModel]
    path: tuple[str | int, ...]


def configuration() -> str:
    """Return the page of sources.yaml. What a key may hold is what the program itself says when it is something else."""
    text = MADE + "# Configuration\n\n"
    text += (
        "Everything is in one file, `sources.yaml`. It is checked whole before anything happens: each problem is named with file, line,\n"
        "key, what was found and what is allowed, and the exit status is 2. `${NAME}` reads an environment variable anywhere in a\n"
        "value, `$${` stands for `${` itself. Durations have their unit: `s`, `m`, `h`, `d` or `w`. For editors there is a\n"
        "[JSON Schema](../sources.schema.json). Only `sources` is needed:\n\n"
        "```yaml\nsources:\n  - id: outlet-saya\n    name: Outlet Saya\n    url: https://outlet.example\n"
        "    discover: [{feed: https://outlet.example/feed/}]\n```\n\n"
    )
    for section in _sections("", SourcesFile, ()):
        text += f"## {section.name or 'The file'}\n\n{_unwrapped(section.model.__doc__ or '')}\n\n"
        rows = [_key(section, name) for name in section.model.model_fields]
        text += table(("key", "what it is", "allowed", "default"), rows)
    return text


def _sections(name: str, model: type[BaseModel], path: tuple[str | int, ...]) -> Iterator[Section]:
    yield Section(name, model, path)
    for key, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner:
            shape = _SHAPES.get(key)
            step: tuple[str | int, ...] = (0,) if shape == "a list" else ("a",) if shape else ()
            yield from _sections(_shown_key(name, key), inner, (*path, key, *step))


def _shown_key(section: str, key: str) -> str:
    shown = key + {"a list": "[]", "by name": ".NAME"}.get(_SHAPES.get(key, ""), "")
    return f"{section}.{shown}" if section else shown


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := _model_in(part))), None)


def _key(section: Section, name: str) -> tuple[str, str, str, str]:
    field = section.model.model_fields[name]
    inner = _model_in(field.annotation)
    if inner:
        what, shown = (inner.__doc__ or "").split("\n")[0], _shown_key(section.name, name)
        required = "required" if field.is_required() else ""
        return f"`{name}`", what, f"{_SHAPES.get(name, 'a mapping')}: [`{shown}`](#{_slug(shown)})", required
    allowed = _allowed((*section.path, name))
    bounds = [
        f"{word} {getattr(mark, sign)}" for mark in field.metadata for word, sign in _BOUNDS if hasattr(mark, sign)
    ]
    default = "required" if field.is_required() else _shown(field.default, duration="a duration" in allowed)
    what = field.description or _UNDESCRIBED[section.name, name]
    return f"`{name}`", what, ", ".join([allowed, *bounds]), default


# What the models leave to their names.
_UNDESCRIBED = {
    ("sources[]", "name"): "the outlet's name, as people read it",
    ("sources[]", "url"): "the outlet's address",
    ("sources[]", "timezone"): "of dates with no zone; without it that of settings",
    ("rules[]", "id"): "unique and stable: stands in the feed's rules",
    ("rules[]", "match"): "what title or body must say; without it anything",
}
_SHAPES = {"sources": "a list", "rules": "a list", "discover": "a list", "channels": "by name"}
_BOUNDS = (("from", "ge"), ("to", "le"), ("at most", "max_length"))


def _allowed(path: tuple[str | int, ...]) -> str:
    """Return what the program says is allowed at a place of the file."""
    found = _complaint(path, {})
    if found == "a list":
        return f"a list of: {_complaint(path, [{}])}"
    if found.startswith("a term, or"):
        return "a [match expression](expressions.md)"
    if found.startswith("a duration"):
        return found + _complaint(path, "0.001s").replace("a duration of", ", at least").removesuffix(" or more")
    return found


def _complaint(path: tuple[str | int, ...], value: object) -> str:
    tree = json.loads(json.dumps(_VALID))
    inner = tree
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sources.yaml"
        file.write_text(json.dumps(tree), "utf-8")
        try:
            load_config(file)
        except ConfigError as error:
            return error.problems[0].partition("; allowed: ")[2]
    return ""


def _shown(value: Any, *, duration: bool) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        return f"`[{', '.join(_shown(item, duration=duration).strip('`') for item in value)}]`"
    if duration:
        unit, seconds = next(
            (unit, s) for unit, s in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)) if value % s == 0
        )
        return f"`{value / seconds:g}{unit}`"
    return f"`{json.dumps(value)}`" if isinstance(value, bool) else f"`{value}`"


# ------------------------------------------------------------------------------------------------------------- limits


def limits() -> str:
    """Return the page of the limits."""
    text = MADE + "# Limits\n\n"
    text += (
        "What comes from the web may be endless, so everything that is taken from it has an end. None of these can be set; why it\n"
        "is as it is stands beside each. They stand in one table, `crawler/settings.py`.\n"
        "What a hostile answer meets beyond them: [Security](../security.md). Limits of messages to people: [Alerts](../alerts.md).\n\n"
    )
    rows = [(f"`{limit.name}`", _amount(limit.value, limit.unit), limit.unit, limit.reason) for limit in LIMIT_TABLE]
    return text + table(("limit", "value", "unit", "reason"), rows)


def _amount(value: float, unit: str) -> str:
    plain = f"{value:,g}" if value < 1e6 else f"{value:,.0f}"
    for size, word in ((MIB, "MiB"), (KIB, "KiB")) if unit == "bytes" else ((86400, "d"), (3600, "h"), (60, "min")):
        if unit in ("bytes", "seconds") and value >= size and value % size == 0:
            return f"{plain} ({value / size:g} {word})"
    return plain


# ------------------------------------------------------------------------------------------------------------ outlets

_CONFIDENCE = re.compile(r"^  - id: (\S+)  # (high|medium|low); (.+)$", re.M)
_LEVELS = ("high", "medium", "low")


def outlets() -> str:
    """Return the page of the shipped watch list, by province and confidence."""
    said = {found[1]: (found[2], found[3]) for found in _CONFIDENCE.finditer(SHIPPED.read_text("utf-8"))}
    sources = load_config(SHIPPED).sources
    provinces = {code: region.official_name for code, region in regions().items() if len(code) == 2}
    by_province = {code: [one for one in sources if (one.region or "")[:2] == code] for code in provinces}
    counts = {code: Counter(said[one.id][0] for one in group) for code, group in by_province.items()}
    total = Counter(level for level, _ in said.values())
    none = [provinces[code] for code, group in by_province.items() if not group]
    thin = [provinces[code] for code, group in by_province.items() if group and _sure(counts[code]) < THIN]
    text = MADE + "# Shipped outlets\n\n"
    text += (
        f"The `sources.yaml` of the repository has {len(sources)} outlets in {len(provinces) - len(none)} of {len(provinces)} provinces. "
        "It is a beginning, not a census: regional\noutlets open, close and move every month. `pantau sources check` tries each and says what works today; "
        "`pantau init` takes\nthose of one region into a file of your own; [Add a source](howto/add-a-source.md) tells how to add more.\n\n"
        "## How sure an address is\n\n"
        "Each entry says in a comment how sure its address is. None says that it works now.\n\n"
    )
    meaning = {
        "high": "The site answered in 2026 through WordPress's interface, and its headlines were looked through: it is news. Its feed stands where WordPress puts it.",
        "medium": "The outlet is known, and its listing's address is the one that other open programs read it by. We have not seen it answer.",
        "low": "The address is built as the outlet's network builds all of its addresses, or as most sites do. Nobody has seen it answer; expect some of these to fail.",
    }
    text += table(
        ("confidence", "outlets", "what it means"), [(level, total[level], meaning[level]) for level in _LEVELS]
    )
    text += (
        "## By province\n\n"
        f"Without any: **{', '.join(none) or 'none'}**. What happens there is seen only where outlets of other provinces report it.\n\n"
        f"Thin, with fewer than {THIN} outlets of high or medium confidence: **{', '.join(thin) or 'none'}**. There a single outlet that fails\n"
        "may leave a province unwatched; the page `/coverage` of [the web page](web.md) shows it. Outlets for these are the most welcome.\n\n"
    )
    rows: list[tuple[object, ...]] = []
    for code, name in provinces.items():
        linked = f"[{name}](#{_slug(name)})" if by_province[code] else name
        levels = (counts[code][level] or "" for level in _LEVELS)
        rows.append((code, linked, *levels, len(by_province[code]) or "none"))
    rows.append(("", "all", *(total[level] for level in _LEVELS), len(sources)))
    text += table(("code", "province", *_LEVELS, "all"), rows)
    for code, group in by_province.items():
        if group:
            text += f"### {provinces[code]}\n\n"
            text += table(
                ("outlet", "id", "found by", "confidence", "why"),
                [
                    (
                        f"[{one.name}]({one.url})",
                        f"`{one.id}`",
                        ", ".join(way.kind for way in one.discover),
                        *said[one.id],
                    )
                    for one in sorted(group, key=lambda one: (_LEVELS.index(said[one.id][0]), one.id))
                ],
            )
    return text


def _sure(counts: Counter[str]) -> int:
    return counts["high"] + counts["medium"]


def _slug(heading: str) -> str:
    """Return the anchor that the site gives to a heading."""
    return re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-")


PAGES: dict[str, Callable[[], str]] = {
    "reference/commands.md": commands,
    "reference/configuration.md": configuration,
    "reference/limits.md": limits,
    "outlets.md": outlets,
}

if __name__ == "__main__":
    for page, made in PAGES.items():
        (DOCS / page).write_text(made().rstrip("\n") + "\n", "utf-8")
