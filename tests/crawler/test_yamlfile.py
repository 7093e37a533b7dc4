from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.errors import ConfigError
from crawler.yamlfile import WrittenFloat, YamlFile, dotted, load_yaml


def load(tmp_path: Path, text: str, **environ: str) -> YamlFile:
    path = tmp_path / "f.yaml"
    path.write_text(text, encoding="utf-8")
    return load_yaml(path, environ)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("0x1F", 31),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("~netral", "~netral"),
        ("null", None),
        ("07:00", "07:00"),
        ("2024-11-13", "2024-11-13"),
        ("netral*", "netral*"),
        ("title:netralitas", "title:netralitas"),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("[a, {b: c}]", ["a", {"b": "c"}]),
        ("'${X} $${X} $X'", "nilai ${X} $X"),
    ],
)
def test_values_are_plain(tmp_path: Path, text: str, value: Any) -> None:
    assert load(tmp_path, f"a: {text}\n", X="nilai").value == {"a": value}


def test_a_number_remembers_how_it_was_written(tmp_path: Path) -> None:
    number = load(tmp_path, "a: 13.10\n").value["a"]
    assert isinstance(number, WrittenFloat) and number == 13.1 and number.written == "13.10"


def test_every_key_and_item_has_its_line(tmp_path: Path) -> None:
    file = load(tmp_path, "# c\na:\n  - b: 1\n    c:\n      - 2\n\n      - 3\n")
    assert file.lines == {
        (): 2,
        ("a",): 2,
        ("a", 0): 3,
        ("a", 0, "b"): 3,
        ("a", 0, "c"): 4,
        ("a", 0, "c", 0): 5,
        ("a", 0, "c", 1): 7,
    }
    assert file.line(("a", 0, "gone", "x")) == 3
    assert dotted(("a", 0, "c", 1)) == "a[0].c[1]"


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert load_yaml(path, {}).value == {"a": 1, "b": 2}


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`, \n\t\r\\~${}<?.0123x\u00e9\ud7ff", max_size=60))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        file = load_yaml(path, {})
    except ConfigError as error:
        assert all(problem.startswith(str(path)) for problem in error.problems)
    else:
        assert all(line >= 1 for line in file.lines.values())
