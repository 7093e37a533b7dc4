"""Everything that can be wrong with sources.yaml, said with its line, its key, what was found and what is allowed.

Single values are judged by the models (crawler/sourcesfile.py); here their complaints become sentences, and what no
single value shows is checked: expressions, ids used twice, channels that do not exist. A value that the environment
brought in is shown as it is written. Imports of ours: errors, the models, the file, expressions. Its test is
tests/crawler/test_config.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from crawler.sourcesfile import SourcesFile
from crawler.yamlfile import KeyPath, YamlFile, nearest
from pipelines.matching import expression_problems

# A match of this id in the feed is the topic's; no rule may take it.
TOPIC_ID = "topic"
# Values of these keys may hold a password even when nothing came from the environment; errors never show them.
_SECRET_KEYS = frozenset({"apprise", "secret", "webhook"})

_MISSING: dict[str | int, str] = {
    "sources": "a list with at least one source: {id, name, url, discover}",
    "discover": "a list with at least one of feed, sitemap, wordpress, blogger, page, such as - feed: https://host/rss",
    "id": "an id of a-z, 0-9 and hyphens",
    "name": "the outlet's name",
    "url": "the outlet's address, such as https://host",
}
_SHAPES = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_LIMITS = {
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "too_long": "at most {max_length}",
}


def check_file(file: YamlFile) -> SourcesFile:
    """Return the file's content as a model. Raises ConfigError with every problem of the file."""
    if not isinstance(file.value, dict):
        file.problems.append((1, f"found {_kind(file.value)}; allowed: a mapping with at least sources: [...]"))
        file.raise_problems()
    model = _validate(file)
    _check_across(file)
    file.raise_problems()
    if model is None:
        raise AssertionError("a file that is not valid was left without a problem")
    return model


def _validate(file: YamlFile) -> SourcesFile | None:
    try:
        return SourcesFile.model_validate(file.value)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=True):
            _report(file, detail)
        return None


def _report(file: YamlFile, detail: ErrorDetails) -> None:
    path = _path_in_file(file.value, detail["loc"])
    kind = detail["type"]
    if kind == "too_short" and detail["input"]:
        return  # pydantic counts valid items only; what is wrong with the others is reported by itself
    if kind == "extra_forbidden":
        allowed = _keys_of(path[:-1])
        close = nearest(str(path[-1]), allowed)
        hint = (
            f"{close} (did you mean it?), or one of {', '.join(allowed)}" if close else f"one of {', '.join(allowed)}"
        )
        file.add(path, "a key that does not exist", hint)
    elif kind == "missing":
        file.add(path, "nothing", _MISSING.get(path[-1], "a value"))
    else:
        file.add(path, _found(file, path, detail["input"]), _allowed(detail))


def _allowed(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "pantau":
        return str(context["allowed"])
    if kind == "literal_error":
        return "one of " + str(context["expected"]).replace("'", "").replace(" or ", ", ")
    if kind == "too_short":
        return _MISSING.get(detail["loc"][-1], "at least one")
    return _SHAPES.get(kind) or _LIMITS.get(kind, detail["msg"]).format(**context)


def _path_in_file(value: Any, location: tuple[str | int, ...]) -> KeyPath:
    """Return the location without what pydantic adds for keys of mappings, which is not in the file."""
    path: list[str | int] = []
    for key in location:
        inside = key in value if isinstance(value, dict) else isinstance(value, list) and key in range(len(value))
        if inside:
            value = value[key]
        elif key == "[key]":
            continue
        path.append(key)
    return tuple(path)


def _keys_of(path: KeyPath) -> tuple[str, ...]:
    """Return the keys that the mapping at this path may have."""
    model: type[BaseModel] = SourcesFile
    for key in path:
        if key in model.model_fields:
            model = next(_models_in(model.model_fields[str(key)].annotation), model)
    return tuple(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)


def _found(file: YamlFile, path: KeyPath, value: object) -> str:
    """Say what was found: as written in the file, never with what an environment variable brought in."""
    if path in file.written:
        return repr(file.written[path])
    if isinstance(value, str) and any(key in _SECRET_KEYS for key in path):
        return "a value that may be secret"
    if isinstance(value, str):
        return repr(value if len(value) <= 80 else value[:77] + "…")
    return _kind(value)


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if value is None:
        return "nothing"
    return str(value).casefold() if isinstance(value, bool) else str(value)


def _check_across(file: YamlFile) -> None:
    tree = file.value
    _check_match(file, tree.get("topic"), ("topic",))
    channels = tree["channels"] if isinstance(tree.get("channels"), dict) else {}
    for group in ("sources", "rules"):
        seen: dict[str, int] = {}
        for index, entry in enumerate(_list(tree.get(group))):
            if not isinstance(entry, dict):
                continue
            identifier, path = entry.get("id"), (group, index, "id")
            if isinstance(identifier, str) and identifier in seen:
                found = _found(file, path, identifier)
                file.add(path, f"{found} again (first in line {seen[identifier]})", "an id that is used once")
            elif isinstance(identifier, str):
                seen[identifier] = file.line(path)
            if group == "rules":
                if identifier == TOPIC_ID:
                    file.add(path, repr(identifier), "another id: the feed's matches call the topic so")
                _check_match(file, entry.get("match"), (group, index, "match"))
                _check_channels(file, entry.get("notify"), (group, index, "notify"), channels)
    alerts = tree.get("alerts")
    if isinstance(alerts, dict):
        _check_channels(file, alerts.get("health"), ("alerts", "health"), channels)


def _check_match(file: YamlFile, raw: object, path: KeyPath) -> None:
    if raw is None:
        return
    for error in expression_problems(raw):
        where = (*path, *error.path)
        said = isinstance(error.found, str) and error.found.startswith(("a ", "an ", "near "))
        file.add(where, str(error.found) if said else _found(file, where, error.found), error.allowed)


def _check_channels(file: YamlFile, ids: object, path: KeyPath, channels: Mapping[str, object]) -> None:
    single = isinstance(ids, str)
    for index, identifier in enumerate([ids] if single else _list(ids)):
        if isinstance(identifier, str) and identifier not in channels:
            close = nearest(identifier, list(channels))
            known = f"one of the channels {', '.join(channels)}" if channels else "a channel under channels:"
            hint = f"{known}; did you mean {close}?" if close else known
            where = path if single else (*path, index)
            file.add(where, _found(file, where, identifier), hint)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
