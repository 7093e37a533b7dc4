"""Every family's golden page is read exactly: words, people, minutes, addresses."""

from __future__ import annotations

from datetime import datetime

import pytest

from pipelines.clean import CleanPage, clean_page, join_pages
from tests.outlets.golden import Golden, families, read_golden


def minute(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%MZ") if at else None


def cleaned(golden: Golden, html: str, url: str) -> CleanPage:
    return clean_page(html, url, zone=golden.expected["zone"], fetched_at=golden.fetched_at)


def said(page: CleanPage) -> dict[str, object]:
    """What a page says, in the words of expected.json."""
    return {
        "title": page.title,
        "author": page.author,
        "published_at": minute(page.published_at),
        "modified_at": minute(page.modified_at),
        "date_precision": page.date_precision,
        "image": page.image,
        "canonical": page.canonical,
        "next_pages": list(page.next_pages),
        "whole_at": page.whole_at,
        "paragraphs": list(page.paragraphs),
    }


def test_there_are_enough_families() -> None:
    assert len(families()) >= 22


@pytest.mark.parametrize("family", families())
def test_a_golden_page_is_read_exactly(family: str) -> None:
    golden = read_golden(family)
    page = cleaned(golden, golden.html, golden.expected["url"])
    assert page.kind == "article"
    found = said(page)
    assert found == {key: golden.expected[key] for key in found}


@pytest.mark.parametrize("family", [name for name in families() if read_golden(name).more])
def test_the_pages_of_a_golden_article_are_joined(family: str) -> None:
    golden = read_golden(family)
    first = cleaned(golden, golden.html, golden.expected["url"])
    others = [cleaned(golden, html, url) for url, html in golden.more.items()]
    numbered = [page for page in others if page.url != golden.expected["whole_at"]]
    for rest in (others, numbered or others):
        joined = join_pages([first, *reversed(rest)])
        assert (list(joined.paragraphs), joined.url) == (golden.whole, golden.expected["url"])
