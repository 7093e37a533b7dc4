"""Two readers of one file format (crawler/yamlfile.py): libyaml, which is fast, must say what ruamel says."""

from __future__ import annotations

import random
import warnings
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from crawler.yamlfile import compose

PIECES = (
    *("a", "b: ", "- ", "\n", "  ", "\n  ", "\n    ", "[", "]", "{", "}", ", ", ": ", "? ", "'", '"', "#x", " #", "---\n", "%", "@", "`"),
    *("yes", "no", "on", "08:00", "1.5", "0o7", "0x1F", "012", "1_000", "null", "~", "true", "2024-01-01", "1e3", ".inf", "<<: ", "é"),
    *("&a ", "*a", "!!str ", "!x ", "|", ">", "|-\n  ", "https://x.example/?a=b", "\t", "\u2028", "\x85", "?", "''", '"\\n"'),
)  # fmt: skip


def tree(node: Any) -> Any:
    if node is None:
        return None
    # Where a value is empty, or has a tag before it, they name different lines; both are near enough.
    line = node.start_mark.line if node.value and not node.tag.startswith("!") else None
    here = (node.id, node.tag, line)
    if node.id == "mapping":
        return (*here, [(tree(key), tree(value)) for key, value in node.value])
    return (*here, [tree(item) for item in node.value] if node.id == "sequence" else node.value)


def read(reader: Any, text: str) -> Any:
    try:
        return tree(reader(text))
    except Exception as error:  # noqa: BLE001  whatever it is: both must refuse
        return f"refused: {type(error).__module__.partition('.')[0]}"


def test_the_shipped_file_and_random_texts_are_the_same_to_both() -> None:
    rng = random.Random(3)
    texts = ["".join(rng.choice(PIECES) for _ in range(rng.randint(1, 14))) for _ in range(6000)]
    texts.append((Path(__file__).parents[2] / "sources.yaml").read_text("utf-8"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ruamel's, of anchors that are used again
        different = [text for text in texts if read(compose, text) != read(YAML(typ="safe", pure=True).compose, text)]
    assert different == []
