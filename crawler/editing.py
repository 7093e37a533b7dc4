"""Adding sources to sources.yaml: new lines at the end of its list, every other byte as it was.

The YAML parser says where the list ends and how it is indented; the text goes in there, so comments, order, quotes and blank
lines stay. What comes out is checked as a configuration before it replaces the file. Tests: tests/crawler/test_editing.py.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from crawler.config import Config, load_config
from crawler.errors import ConfigError, UsageError
from crawler.yamlfile import load_yaml

Entry = Mapping[str, Any]


def read_text(path: Path) -> str:
    """Return what the file says, its line ends as they are; "" where there is none. Raises ConfigError."""
    if not path.exists():
        return ""
    text = path.read_bytes().decode("utf-8", "replace") if path.is_file() else "?"
    if any(line.strip() and not line.lstrip("\ufeff ").startswith("#") for line in text.splitlines()):
        load_yaml(path, _Anything())  # its size, its bytes, its syntax
    return text


def lists_sources(text: str) -> bool:
    """Return whether there is at least one source in the file."""
    root = _composed(text.removeprefix("\ufeff"))
    value = _pair_of(root, "sources")[1] if isinstance(root, MappingNode) else None
    return isinstance(value, SequenceNode) and bool(value.value)


def appended(text: str, entries: Sequence[Entry]) -> str:
    """Return the text with entries added to its list of sources. Raises UsageError where that is something else than a list."""
    mark, body = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    newline = "\r\n" if "\r\n" in body else "\n"
    root = _composed(body)
    key, value = _pair_of(root, "sources") if isinstance(root, MappingNode) else (None, None)
    if root is not None and not isinstance(root, MappingNode):
        raise UsageError("the file is no mapping with sources: in it")
    if isinstance(value, SequenceNode) and value.flow_style:
        added = _into_brackets(body, value, entries)
    elif isinstance(value, SequenceNode):
        lines = _block(entries, value.start_mark.column, newline)
        added = _inserted(body, _end_of_list(body, value), lines, newline)
    elif key is not None and isinstance(value, ScalarNode) and value.value == "":
        added = _inserted(body, key.end_mark.index, _block(entries, 2, newline), newline)
    elif value is None and not (isinstance(root, MappingNode) and root.flow_style):
        added = _inserted(body, len(body), f"sources:{newline}{_block(entries, 2, newline)}", newline)
    else:
        raise UsageError("sources: is no list that an entry can be added to")
    return mark + added


def checked(path: Path, text: str, environ: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration that the text would be in place of the file. Raises ConfigError, nothing is changed."""
    with _part(path, text) as part:
        try:
            return load_config(part, environ=environ)
        except ConfigError as error:
            raise ConfigError([line.replace(str(part), str(path), 1) for line in error.problems]) from None


def replace_file(path: Path, text: str) -> None:
    """Put the text in place of the file, whole or not at all; its rights stay. Raises UsageError where it cannot be written."""
    target = path.resolve()  # a link stays a link
    with _part(target, text) as part:
        try:
            if target.exists():
                part.chmod(stat.S_IMODE(target.stat().st_mode))
            part.replace(target)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from error


@contextlib.contextmanager
def _part(path: Path, text: str) -> Iterator[Path]:
    """Write the text beside the file (what is relative in it stays so) and take it away after. Raises UsageError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(text.encode())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def dumped(value: Any, offset: int = 0) -> str:
    """Return plain values as YAML in block style, `${` escaped, each line set in by so many spaces."""
    writer = YAML()
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.width = 4096
    out = io.StringIO()
    writer.dump(_escaped(value), out)
    return "".join(" " * offset + line for line in out.getvalue().splitlines(keepends=True))


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list | tuple) else value


def _block(entries: Sequence[Entry], column: int, newline: str) -> str:
    text = dumped([dict(entry) for entry in entries])  # its dashes stand in column 2
    lines = [" " * column + line.removeprefix("  ") for line in text.splitlines()]
    return "".join(line + newline for line in lines)


def _inserted(text: str, index: int, lines: str, newline: str) -> str:
    """Return the text with whole lines put in after the line of the index."""
    end = text.find("\n", index)
    before, after = (text[: end + 1], text[end + 1 :]) if end >= 0 else (text, "")
    if before and not before.endswith("\n"):
        before += newline
    return before + lines + after


def _into_brackets(text: str, value: SequenceNode, entries: Sequence[Entry]) -> str:
    close = value.end_mark.index - 1
    rest = text[_end_of(value.value[-1]) : close] if value.value else ","
    writer = YAML()
    writer.default_flow_style = True
    writer.width = 4096
    out = io.StringIO()
    writer.dump(_escaped([dict(entry) for entry in entries]), out)
    comma = "" if "," in re.sub(r"#[^\n]*", "", rest) else ", "
    return text[:close] + comma + out.getvalue().strip()[1:-1] + text[close:]


def _end_of_list(text: str, value: SequenceNode) -> int:
    """Return an index in the last line of the list: of its last value, or of comments after it that stand further in than its dashes."""
    end = _end_of(value)
    while True:
        start = text.find("\n", end) + 1
        line = text[start:].partition("\n")[0]
        inner = len(line) - len(line.lstrip(" ")) > value.start_mark.column
        if not start or not (inner and line.lstrip(" ").startswith("#")):
            return end
        end = start


def _end_of(node: Node) -> int:
    """Return where the text of a node ends: a block's own mark lies behind the blank lines and comments that follow it."""
    if isinstance(node, CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        inner = max((_end_of(part) for part in (last if isinstance(last, tuple) else (last,))), default=0)
        # An alias stands for a node somewhere else in the text.
        return inner if inner > node.start_mark.index else int(node.end_mark.index)
    if isinstance(node, ScalarNode) and node.style in ("|", ">"):
        return int(node.end_mark.index) - 1
    return int(node.end_mark.index)


def _composed(text: str) -> Node | None:
    try:
        return YAML(typ="safe", pure=True).compose(text)  # type: ignore[no-any-return]
    except YAMLError as error:
        raise ConfigError([f"found {str(error).splitlines()[0]}; allowed: YAML"]) from None


def _pair_of(node: MappingNode, key: str) -> tuple[Node, Node] | tuple[None, None]:
    return next(((name, value) for name, value in node.value if name.value == key), (None, None))


class _Anything(dict[str, str]):
    """An environment in which everything is set: for reading a file's form alone."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> str:
        return ""
