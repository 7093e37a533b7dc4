from __future__ import annotations

from typing import Any

import pytest

from pipelines.rules import TOPIC, Rules

TITLE = "Camat Palembang Diperiksa"
BODY = "Seorang ASN diperiksa pengawas karena tidak netral."


def rule(**spec: Any) -> dict[str, Any]:
    return {"match": None, "categories": [], "regions": [], **spec}


@pytest.mark.parametrize(
    ("spec", "category", "place", "expected"),
    [
        (rule(), None, None, True),
        (rule(match="~periksa"), None, None, True),
        (rule(match="sanksi"), None, None, False),
        (rule(categories=["proses", "sanksi"]), "proses", None, True),
        (rule(categories=["sanksi"]), "proses", None, False),
        (rule(categories=["sanksi"]), None, None, False),
        (rule(regions=["16"]), None, "16.71", True),
        (rule(regions=["16.71"]), None, "16", False),
        (rule(regions=["14", "16"]), None, "16", True),
        (rule(regions=["1"]), None, "16", False),
        (rule(regions=["16"]), None, None, False),
        (rule(match="~periksa", categories=["proses"], regions=["16"]), "proses", "16.71", True),
        (rule(match="~periksa", categories=["proses"], regions=["14"]), "proses", "16.71", False),
    ],
)
def test_every_condition_of_a_rule_must_hold(
    spec: dict[str, Any], category: str | None, place: str | None, expected: bool
) -> None:
    rules = Rules("ASN", {"aturan": spec})
    hit = rules.hit(rules.find(TITLE, BODY), category, place)
    assert ("aturan" in hit) is expected


def test_a_rule_brings_its_own_evidence_and_the_topic_its() -> None:
    rules = Rules({"any": ["ASN"]}, {"periksa": rule(match="~periksa"), "semua": rule()})
    found = rules.find(TITLE, BODY)
    assert [match.text for match in found[TOPIC]] == ["ASN"]
    hit = rules.hit(found, None, None)
    assert {match.text for match in hit["periksa"]} == {"Diperiksa", "diperiksa"}
    assert hit["semua"] == ()
