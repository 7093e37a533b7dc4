import csv
from collections import Counter
from pathlib import Path

import pytest

from pipelines.wilayah import AmbiguousRegion, contains, region_name, regions, resolve_region, similar_regions

DATA = Path(__file__).parents[2] / "pipelines" / "data"


def test_the_table_is_whole() -> None:
    assert Counter(region.level for region in regions().values()) == {"provinsi": 38, "kabupaten": 416, "kota": 98}
    assert all(code[:2] in regions() for code in regions())


def test_every_official_name_and_code_resolves_to_itself() -> None:
    for code, region in regions().items():
        assert resolve_region(code) == code
        assert resolve_region(region.official_name) == code
        assert resolve_region(region.official_name.upper()) == code


def test_every_short_name_resolves_or_is_one_of_the_26_pairs() -> None:
    ambiguous = set()
    for region in regions().values():
        try:
            assert resolve_region(region.short_name)
        except AmbiguousRegion as error:
            assert region.code in error.codes
            ambiguous.add(region.short_name)
    # Gorontalo is a pair too, but the bare name is the province.
    assert len(ambiguous) == 25


def test_every_alias_resolves_to_its_code() -> None:
    with (DATA / "aliases.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            assert resolve_region(row["alias"]) == row["code"], row


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Sumatera Selatan", "16"),
        ("  sumsel ", "16"),
        ("Provinsi Sumatera Selatan", "16"),
        ("Prov. Sumsel", "16"),
        ("16", "16"),
        ("16.71", "16.71"),
        ("Palembang", "16.71"),
        ("Kota Palembang", "16.71"),
        ("Kab. Solok", "13.02"),
        ("kota solok", "13.72"),
        ("Bengkulu", "17"),
        ("Kota Bengkulu", "17.71"),
        ("Gorontalo", "75"),
        ("Pangkalpinang", "19.71"),
        ("Kota Adm. Jakarta Selatan", "31.74"),
        ("Palangka Raya", "62.71"),
        ("Kabupaten Palembang", None),
        ("99", None),
        ("16.99", None),
        ("1671", None),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_names_aliases_and_codes(text: str, code: str | None) -> None:
    assert resolve_region(text) == code


def test_a_name_that_two_share_says_which() -> None:
    with pytest.raises(AmbiguousRegion, match=r"Kabupaten Solok \(13.02\) or Kota Solok \(13.72\)"):
        resolve_region("Solok")


def test_names_and_what_lies_in_what() -> None:
    assert region_name("16.71") == "Kota Palembang"
    assert region_name("16.99") is None
    assert contains("16", "16.71") and contains("16", "16") and contains("16.71", "16.71")
    assert not contains("16.71", "16") and not contains("16", "17") and not contains("1", "16")


def test_a_slip_of_the_pen_finds_its_region() -> None:
    assert similar_regions("Sumatra Selatan")[0] == "Sumatera Selatan"
    assert similar_regions("Kota Palembnag")[0] == "Kota Palembang"
    assert similar_regions("qqqq") == []
