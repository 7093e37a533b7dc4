"""A YAML file as plain values, with the line of every key, and nothing that a configuration has no need of.

Works on the composed node tree: nothing is ever constructed from a tag, duplicate keys and endless or exploding aliases
are found, and `${NAME}` is replaced in values only after parsing, so that an environment variable cannot change the
structure. Imports of ours: the errors. Its test is tests/crawler/test_yamlfile.py.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml
from ruamel.yaml import YAML, resolver
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from crawler.errors import ConfigError

KeyPath = tuple[str | int, ...]

MAX_FILE_BYTES = 32 << 20  # 47,000 sources are about 12 MB
MAX_DEPTH = 80
SHORTEST_SECRET = 4  # shorter values are not hidden: taking every "1" out would ruin messages and logs
MAX_REPEATED_NODES = 20_000  # nodes that aliases repeat: plenty for shared settings, far from an alias bomb

_TAG = "tag:yaml.org,2002:"
_VARIABLE = re.compile(r"\$\$\{|\$\{(?P<name>[^}]*)(?P<closed>\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INT = re.compile(r"[-+]?(?:0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)")


class _Loader(yaml.CSafeLoader):  # type: ignore[misc]
    """libyaml's parser with ruamel's words of YAML 1.2: `no` and 08:00 are texts."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _versions, _tag, _regexp, _first in resolver.implicit_resolvers:
    if (1, 2) in _versions:
        _Loader.add_implicit_resolver(_tag, _regexp, _first)


# What libyaml, of YAML 1.1, breaks lines at or lets pass where YAML 1.2 does not.
_OTHERWISE = re.compile(r"[\t\x85\u2028\u2029]|%YAML|\?(?:\s|$)|[|>]#")


class WrittenFloat(float):
    """A number that remembers how it was written: an unquoted region code 13.10 is no 13.1."""

    written: str


@dataclass(slots=True)
class YamlFile:
    """What a file says. `lines` and `written` (before `${NAME}` was replaced) are by key path; `problems` by line."""

    path: Path
    value: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    written: dict[KeyPath, str] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    problems: list[tuple[int, str]] = field(default_factory=list)
    _blamed: set[KeyPath] = field(default_factory=set)

    def line(self, path: KeyPath) -> int:
        """Return the line of a key, or of the nearest thing around it that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def add(self, path: KeyPath, found: str, allowed: str) -> None:
        """Note that the value at `path` is wrong; further complaints about the same value are left out."""
        if path in self._blamed:
            return
        self._blamed.add(path)
        where = f"{dotted(path)}: " if path else ""
        text = f"{where}found {found}; allowed: {allowed}"
        # Whoever wrote the message may have quoted a part of the value: what the environment brought in stays hidden.
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "${…}") if len(secret) >= SHORTEST_SECRET else text
        self.problems.append((self.line(path), text))

    def raise_problems(self) -> None:
        """Raise ConfigError with every problem so far, in the order of the file; none: return."""
        if self.problems:
            ordered = dict.fromkeys(f"{self.path}:{line}: {text}" for line, text in sorted(self.problems))
            raise ConfigError(list(ordered))


def dotted(path: KeyPath) -> str:
    """Return a key path as people write it: sources[3].every."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def nearest(word: str, allowed: Mapping[str, object] | list[str] | tuple[str, ...]) -> str | None:
    """Return the allowed word that looks most like this one, if any does."""
    close = difflib.get_close_matches(word.casefold(), list(allowed), n=1, cutoff=0.6)
    return close[0] if close else None


def load_yaml(path: Path, environ: Mapping[str, str]) -> YamlFile:
    """Return what the file says; what is wrong with single values is in its `problems`.

    Raises ConfigError when it cannot be read as YAML at all.
    """
    text = _read(path)
    try:
        root = compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = " ".join(str(part) for part in (error.problem, error.context) if part)
        if "\\t" in what:
            what = "a tab; YAML is indented with spaces"
        raise ConfigError([f"{path}:{line}: found {what}; allowed: one YAML document"]) from None
    except (YAMLError, ValueError) as error:
        raise ConfigError([f"{path}:1: found {str(error).splitlines()[0]}; allowed: YAML"]) from None
    except RecursionError:
        raise ConfigError([f"{path}:1: found deeper nesting than {MAX_DEPTH}; allowed: {MAX_DEPTH} levels"]) from None
    if root is None:
        raise ConfigError([f"{path}:1: found an empty file; allowed: a mapping with at least sources: [...]"])
    file = YamlFile(path)
    file.value = _Builder(file, environ).value(root, (), 0)
    return file


def compose(text: str) -> Any:
    """Return the tree of a document's nodes, None of an empty one. Raises ruamel's YAMLError, ValueError or RecursionError.

    By libyaml, which takes a seventh of the time (47,000 sources: 6 s, not 40). What it does not like, or reads otherwise, goes to
    ruamel, which knows YAML 1.2 and says better what is wrong.
    """
    if not _OTHERWISE.search(text):
        try:
            return yaml.compose(text, Loader=_Loader)
        except yaml.YAMLError:
            pass
    return YAML(typ="safe", pure=True).compose(text)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError([f"{path}: found more than {MAX_FILE_BYTES} bytes; allowed: {MAX_FILE_BYTES} bytes"])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            [f"{path}:{line}: found the byte 0x{data[error.start]:02x}, which is not UTF-8; allowed: UTF-8 text"]
        ) from None
    control = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise ConfigError([f"{path}:{line}: found the control character U+{ord(control[0]):04X}; allowed: text"])
    return text


class _Builder:
    """From nodes to values, noting lines and problems in the file."""

    def __init__(self, file: YamlFile, environ: Mapping[str, str]) -> None:
        self._file = file
        self._environ = environ
        self._seen: set[int] = set()
        self._repeated = 0

    def value(self, node: Any, path: KeyPath, depth: int) -> Any:
        """Return the value of the node; what cannot be used becomes None and a problem."""
        self._file.lines.setdefault(path, node.start_mark.line + 1)
        if depth > MAX_DEPTH:
            raise ConfigError([f"{self._at(node)}: found deeper nesting; allowed: {MAX_DEPTH} levels"])
        if id(node) in self._seen or self._repeated:
            # Inside something repeated everything counts, or a bomb of nested aliases would stay small on paper.
            self._repeated += 1
            if self._repeated > MAX_REPEATED_NODES:
                limit = f"aliases that repeat at most {MAX_REPEATED_NODES} values"
                raise ConfigError([f"{self._at(node)}: found aliases that repeat more; allowed: {limit}"])
        self._seen.add(id(node))
        if node.id == "mapping" and node.tag == f"{_TAG}map":
            return self._mapping(node, path, depth)
        if node.id == "sequence" and node.tag == f"{_TAG}seq":
            return [self.value(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]
        if node.id == "scalar":
            return self._scalar(node, path)
        self._file.add(path, f"the tag {_short(node.tag)}", "a value without a tag")
        return None

    def _mapping(self, node: Any, path: KeyPath, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.id != "scalar":
                self._file.problems.append(
                    (key_node.start_mark.line + 1, "found a key that is no word; allowed: a word")
                )
                continue
            key = str(key_node.value)
            here = (*path, key)
            line = key_node.start_mark.line + 1
            if key in found:
                first = self._file.lines[here]
                where = dotted(here)
                self._file.problems.append(
                    (line, f"{where}: found a second time (first in line {first}); allowed: once")
                )
                continue
            self._file.lines[here] = line
            found[key] = self.value(value_node, here, depth + 1)
        return found

    def _scalar(self, node: Any, path: KeyPath) -> Any:
        text = str(node.value)
        kind = (node.tag or "").removeprefix(_TAG)
        if kind == "null":
            return None
        if kind == "bool":
            return text.casefold() == "true"
        if kind == "int" and _INT.fullmatch(text):
            return int(text.replace("_", ""), 8 if "0o" in text else 16 if "0x" in text else 10)
        if kind == "float":
            number = WrittenFloat(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
            number.written = text
            return number
        if kind in ("str", "timestamp", "int", "merge"):
            return self._replace_variables(text, path)
        self._file.add(path, f"the tag {_short(node.tag)}", "a value without a tag")
        return None

    def _replace_variables(self, text: str, path: KeyPath) -> str:
        if "${" not in text:
            return text
        self._file.written[path] = text

        def replace(match: re.Match[str]) -> str:
            if match["name"] is None:
                return "${"
            name = match["name"]
            if not match["closed"] or not _NAME.fullmatch(name):
                self._file.add(
                    path, repr(match[0]), "${NAME} for an environment variable, $${ for these two characters"
                )
                return ""
            if name not in self._environ:
                self._file.add(path, f"${{{name}}}, which is not set", f"an environment variable {name} that is set")
                return ""
            self._file.secrets.add(self._environ[name])
            return self._environ[name]

        return _VARIABLE.sub(replace, text)

    def _at(self, node: Any) -> str:
        return f"{self._file.path}:{node.start_mark.line + 1}"


def _short(tag: str | None) -> str:
    tag = tag or "!"
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag
