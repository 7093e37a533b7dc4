from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tests.web.conftest import ZONE
from tests.web.press import NOW
from web.filters import BadFilter, Filters, read_filters


def test_an_address_and_its_filters_are_the_same_thing() -> None:
    asked = Filters("16.71", "all", "7d", None, None, "satu", "politik praktis", 3, "en")
    query = asked.query(page=3)
    assert query == "?region=16.71&category=all&period=7d&outlet=satu&q=politik+praktis&page=3&lang=en"
    assert (
        read_filters(
            {
                "region": "16.71",
                "category": "all",
                "period": "7d",
                "outlet": "satu",
                "q": "politik praktis",
                "page": "3",
                "lang": "en",
            }
        )
        == asked
    )
    assert Filters().query() == "?"


def test_another_filter_starts_at_the_first_page() -> None:
    assert Filters(page=4).query(region="16") == "?region=16"


def test_a_region_may_be_named() -> None:
    assert read_filters({"region": "Sumsel"}).region == "16"


@pytest.mark.parametrize(
    "args",
    [
        {"region": "Nirwana"},
        {"region": "Solok"},  # a kota and a kabupaten
        {"category": "x"},
        {"period": "2d"},
        {"from": "kemarin"},
        {"from": "0001-01-01"},
        {"from": "2024-11-02", "to": "2024-11-01"},
        {"page": "0"},
        {"page": "-1"},
        {"page": "²"},
        {"page": "99999999999"},
        {"lang": "de"},
    ],
)
def test_what_is_not_there_is_said(args: dict[str, str]) -> None:
    with pytest.raises(BadFilter):
        read_filters(args)


def test_days_are_local_days() -> None:
    first, after = Filters(start=date(2024, 11, 12), end=date(2024, 11, 12)).span(NOW, ZONE)
    assert (first, after) == (datetime(2024, 11, 11, 17, tzinfo=UTC), datetime(2024, 11, 12, 17, tzinfo=UTC))
    assert Filters(period="all").span(NOW, ZONE) == (None, None)
    assert Filters(period="1d").span(NOW, ZONE) == (datetime(2024, 11, 12, 1, 4, tzinfo=UTC), None)
