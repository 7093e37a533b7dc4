from typing import Any

import pytest

from crawler.errors import ExpressionError
from pipelines.expressions import MAX_DEPTH, expression_problems, parse_expression, presets, resolve_presets


@pytest.mark.parametrize(
    ("raw", "path", "allowed"),
    [
        (None, (), "quote the word"),
        (True, (), "quote the word"),
        (1.5, (), "a term"),
        (["ASN"], (), "{any: [...]}"),
        ({}, (), "a term"),
        ("", (), "at least one letter"),
        ("...", (), "at least one letter"),
        ("x" * 501, (), "at most 500"),
        ("net*ral", (), "* only right after"),
        ("*netral", (), "* only right after"),
        ("netral *", (), "* only right after"),
        ("jaga ~netral", (), "~ only before a root"),
        ("~politik praktis", (), "one root"),
        ("~uu", (), "three letters"),
        ("~", (), "one root"),
        ("~71", (), "one root"),
        ("title:", (), "at least one letter"),
        ({"any": []}, ("any",), "at least 1 term"),
        ({"any": "ASN"}, ("any",), "a list of terms"),
        ({"anny": ["ASN"]}, ("anny",), "one of all, any"),
        ({"all": ["ASN", {"any": [None]}]}, ("all", 1, "any", 0), "quote the word"),
        ({"near": ["a", "b"]}, ("near",), "within"),
        ({"within": 5}, ("within",), "together with near"),
        ({"near": ["a"], "within": 5}, ("near",), "at least 2 terms"),
        ({"near": ["a", "b"], "within": "5"}, ("within",), "a whole number"),
        ({"near": ["a", "b"], "within": 0}, ("within",), "from 1 to"),
        ({"near": ["a", "b"], "within": True}, ("within",), "a whole number"),
        ({"near": ["a", {"all": ["b", "c"]}], "within": 5}, ("near", 1), "{any: [terms]}"),
        ({"regex": "(a"}, ("regex",), "RE2"),
        ({"regex": r"(a)\1"}, ("regex",), "RE2"),
        ({"regex": "(?=a)"}, ("regex",), "RE2"),
        ({"regex": "(a{500}){500}"}, ("regex",), "RE2"),
        ({"regex": "a*"}, ("regex",), "nothing at all"),
        ({"regex": ""}, ("regex",), "a regular expression"),
        ({"regex": 5}, ("regex",), "a regular expression"),
        ({"regex": "\ud800"}, ("regex",), "valid text"),
        ({"preset": "netral"}, ("preset",), "netralitas-asn"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_path(raw: Any, path: tuple[str | int, ...], allowed: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(raw)
    assert caught.value.path == path
    assert allowed in caught.value.allowed


def test_all_problems_are_found_at_once() -> None:
    raw = {"all": [None, {"regex": "("}, {"near": ["a"], "within": 0}], "any": []}
    assert {problem.path for problem in expression_problems(raw)} == {
        ("all", 0),
        ("all", 1, "regex"),
        ("all", 2, "within"),
        ("all", 2, "near"),
        ("any",),
    }


def test_endless_nesting_is_refused() -> None:
    raw: Any = "ASN"
    for _ in range(MAX_DEPTH * 3):
        raw = {"any": [raw]}
    with pytest.raises(ExpressionError, match="levels"):
        parse_expression(raw)


def test_presets_resolve_to_plain_data_that_means_the_same() -> None:
    resolved = resolve_presets({"any": ["x", {"preset": "netralitas-asn"}], "none": ["y"]})
    assert "preset" not in str(resolved)
    assert parse_expression(resolved) == parse_expression({"any": ["x", presets()["netralitas-asn"]], "none": ["y"]})
    assert resolve_presets({"preset": "netralitas-asn"}) == presets()["netralitas-asn"]
    both = {"preset": "netralitas-asn", "none": ["kades"]}
    assert parse_expression(resolve_presets(both))


@pytest.mark.parametrize("name", list(presets()))
def test_every_shipped_preset_can_be_read(name: str) -> None:
    parse_expression(presets()[name])
