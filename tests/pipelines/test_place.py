"""Where a story is, by what evidence."""

from __future__ import annotations

import pytest

from pipelines.gazetteer import mentions_in, tables
from pipelines.place import find_place
from pipelines.wilayah import regions


def code(title: str, body: str = "", **more: str | None) -> str | None:
    place = find_place(title, body, **more)  # type: ignore[arg-type]
    return place.regency_code or place.province_code


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Pemkot Malang Minta ASN Netral", "35.73"),
        ("Pemkab Malang Minta ASN Netral", "35.07"),
        ("Wali Kota Bima Minta ASN Netral", "52.72"),
        ("Bupati Bima Minta ASN Netral", "52.06"),
        ("Bima Arya Minta ASN Netral", None),
        ("Pemko Solok Minta ASN Netral", "13.72"),
        ("Bawaslu Solok Selatan Periksa Camat", "13.11"),
        ("Bawaslu Kabupaten Bandung Barat Periksa Camat", "32.17"),
        ("Wali Kota Batu Minta ASN Netral", "35.79"),
        ("Bupati Batu Bara Minta ASN Netral", "12.19"),
        ("ASN di Solo Diminta Netral", "33.72"),
        ("Polda Metro Jaya Tegaskan Netralitas", None),
        ("ASN Metro Diminta Netral", "18.72"),
        ("Pejabat Pati Diminta Netral", "33.18"),
        ("Gubernur Bengkulu Minta ASN Netral", "17"),
        ("Pemkot Bengkulu Minta ASN Netral", "17.71"),
        ("Pj Gubernur Papua Barat Daya Minta ASN Netral", "96"),
        ("Bupati Nabire Minta ASN Netral", "94.01"),
        ("Pj Bupati PALI Minta ASN Netral", "16.12"),
        ("Bawaslu OKU Timur Periksa Lurah", "16.08"),
        ("Pj Wali Kota Palangka Raya Minta ASN Netral", "62.71"),
        ("Kabupaten Banjar Minta ASN Netral", "63.03"),
        ("Pemkot Banjar Minta ASN Netral", "32.79"),
    ],
)
def test_a_headline_alone_has_a_place(title: str, expected: str | None) -> None:
    assert code(title) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("GARUT, KORANKU.COM – Sekda meminta ASN netral.", "32.05"),
        ("KBRN, Sampit: Sekda meminta ASN netral.", "62.02"),
        ("Makassar (ANTARA) - Lurah diperiksa Bawaslu.", "73.71"),
        ("Makassar (ANTARA) - Bawaslu Sulawesi Selatan mencatat 40 kasus.", "73"),
        ("JAKARTA - Bawaslu Kabupaten Garut memeriksa camat.", "32.05"),
        ("TANJUNGPINANG - Bupati Kepulauan Anambas dan Bawaslu Anambas mengingatkan ASN.", "21.05"),
        ("JAKARTA - KASN mencatat 200 kasus di 30 provinsi.", None),
        ("PALEMBANG - Survei dilakukan di 18 provinsi terhadap PNS.", None),
        ("Camat Mataram Baru, Lampung Timur, diperiksa Bawaslu Lampung Timur.", "18.07"),
        ("Kepala Kantor Regional VI BKN Medan mengingatkan ASN Pemkab Dairi.", "12.11"),
        ("Bawaslu Kota Malang memeriksa dosen Universitas Negeri Surabaya.", "35.73"),
    ],
)
def test_the_body_has_the_place(body: str, expected: str | None) -> None:
    assert code("ASN Diminta Netral", body) == expected


def test_the_offices_of_the_text_tell_a_kota_from_a_kabupaten() -> None:
    assert code("ASN Tegal Diminta Netral", "Bupati meminta kepala desa dan ASN netral.") == "33.28"
    assert code("ASN Tegal Diminta Netral", "Wali kota meminta lurah dan ASN netral.") == "33.76"


def test_the_address_and_the_outlet_come_last() -> None:
    assert code("ASN Netral", "ASN diminta netral.", url="https://x.id/berita/asn-garut-netral") == "32.05"
    assert code("ASN Netral", "ASN diminta netral.", outlet_region="16.71") == "16"
    assert code("Pemkab Garut", "ASN diminta netral.", outlet_region="16.71") == "32.05"


def test_evidence_is_kept_strongest_first() -> None:
    why = find_place("Bawaslu Garut Periksa Camat", "GARUT - Camat diperiksa.").why
    assert [(e.code, e.where) for e in why] == [("32.05", "title"), ("32.05", "dateline")]


def test_names_are_capitalised_and_abbreviations_too() -> None:
    assert mentions_in("kerja sama dengan mitra di kota batu yang oku") == []
    assert [m.codes for m in mentions_in("di OKU")] == [("16.01",)]


def test_every_code_of_the_tables_is_a_region() -> None:
    known = tables()
    assert {code for codes in known.names.values() for code in codes} | known.words["capitals"] <= set(regions())
    assert {code for codes in known.names.values() for code in codes} == set(regions())


@pytest.mark.parametrize("text", ["", "\n", "—" * 200, "Garut " * 20_000, "\ud800"])
def test_odd_text_has_a_place_or_none(text: str) -> None:
    find_place(text, text, url=text[:50])
