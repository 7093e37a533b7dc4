from __future__ import annotations

from datetime import date

import pytest

from pipelines.wilayah import regions
from web import drawing


def test_every_province_and_every_kabupaten_and_kota_is_on_a_map() -> None:
    provinces = {code for code in regions() if len(code) == 2}
    assert {shape.code for shape in drawing.country().shapes} == provinces
    drawn = {shape.code for code in provinces for shape in drawing.province(code).shapes}
    assert drawn == {code for code in regions() if "." in code}


def test_what_has_no_shape_is_a_point_on_the_map() -> None:
    kepulauan_seribu = next(shape for shape in drawing.province("31").shapes if shape.code == "31.01")
    assert kepulauan_seribu.point and not kepulauan_seribu.path
    for code in ("12", "13", "31", "33", "35"):
        drawn = drawing.province(code)
        for shape in drawn.shapes:
            if shape.point:
                assert 0 <= shape.point[0] <= drawn.width
                assert 0 <= shape.point[1] <= drawn.height


def test_the_map_of_the_country_is_small() -> None:
    assert sum(len(shape.path) for shape in drawing.country().shapes) < 40_000


@pytest.mark.parametrize(
    ("counts", "bounds"), [([], []), ([0, 0], []), ([1], [1]), ([3], [2, 3]), ([100, 1], [3, 7, 16, 40, 100])]
)
def test_shades_grow_by_ratio(counts: list[int], bounds: list[int]) -> None:
    assert drawing.shades(counts) == bounds


def test_the_largest_count_is_darkest_and_none_is_lightest() -> None:
    assert drawing.shade_of(3, [2, 3]) == drawing.STEPS
    assert drawing.shade_of(0, [2, 3]) == 0
    assert [drawing.shade_of(n, [3, 7, 16, 40, 100]) for n in (1, 4, 100)] == [1, 2, 5]


def test_bars_stand_where_their_days_are_and_stack() -> None:
    rows = [
        {"day": "2024-11-01", "category": "dugaan", "n": 1},
        {"day": "2024-11-01", "category": "sanksi", "n": 3},
        {"day": "2024-11-20", "category": "proses", "n": 2},
    ]
    bars, most = drawing.bars(rows, "day", 200, 100)
    assert most == 4
    assert bars[0].parts == (("sanksi", 25.0, 75.0), ("dugaan", 0.0, 25.0))
    assert (bars[1].first, bars[1].x) == (date(2024, 11, 20), 190.0)
    assert drawing.bars([], "day", 200, 100) == ([], 0)


def test_months_and_weeks_end_where_the_next_begin() -> None:
    (month,), _ = drawing.bars([{"day": "2024-02-01", "category": None, "n": 1}], "month", 10, 10)
    (week,), _ = drawing.bars([{"day": "2024-11-11", "category": "data", "n": 1}], "week", 10, 10)
    assert (month.last, week.last) == (date(2024, 2, 29), date(2024, 11, 17))
    assert month.counts == {"lain": 1}
