from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

from crawler.items import CATEGORIES as KNOWN
from crawler.items import SourceState
from web.words import CATEGORIES, PERIODS, SERIOUS, STANDINGS, STEPS, WORDS


def test_both_languages_have_the_same_words_with_the_same_gaps() -> None:
    def gaps(text: str) -> list[str | None]:
        return [name for _, name, _, _ in Formatter().parse(text) if name is not None]

    assert WORDS["id"].keys() == WORDS["en"].keys()
    assert {word: gaps(text) for word, text in WORDS["id"].items()} == {
        word: gaps(text) for word, text in WORDS["en"].items()
    }


def test_categories_states_and_periods_all_have_words() -> None:
    assert set(CATEGORIES) == set(KNOWN)
    assert set(SERIOUS) | set(STEPS) <= set(CATEGORIES)
    assert set(STANDINGS) == set(SourceState.__args__)  # type: ignore[attr-defined]
    for word in (*CATEGORIES, *PERIODS, *STANDINGS.values()):
        assert word in WORDS["id"]


def test_templates_use_words_that_exist() -> None:
    for path in (Path(__file__).parents[2] / "web" / "templates").glob("*.html"):
        for word in re.findall(r"\bt\.(\w+)|\bt\[\"(\w+)\"\]", path.read_text("utf-8")):
            assert "".join(word) in WORDS["id"], (path.name, word)
