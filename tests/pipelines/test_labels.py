"""Category and flags: what decides, what takes an event back, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.cues import sentences_of
from pipelines.labels import FLAGS, label

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("title", "category"),
    [
        ("Bupati Ciamis Copot Camat yang Ikut Kampanye", "sanksi"),
        ("Bupati Ciamis Akan Copot Camat yang Ikut Kampanye", "imbauan"),
        ("Camat Ciamis Terancam Dicopot jika Ikut Kampanye", "imbauan"),
        ("Bawaslu Ciamis Panggil Camat yang Ikut Kampanye", "proses"),
        ("Bawaslu Ciamis Minta Klarifikasi Camat", "proses"),
        ("Bawaslu Ciamis Minta Camat Netral", "imbauan"),
        ("Bawaslu Ciamis Rekomendasikan Sanksi bagi Camat Tak Netral", "proses"),
        ("Camat di Ciamis Diduga Ikut Kampanye Paslon", "dugaan"),
        ("Camat di Ciamis Joget Bareng Paslon", "dugaan"),
        ("Camat di Ciamis Dilarang Joget Bareng Paslon", "imbauan"),
        ("Camat di Ciamis Tidak Terbukti Langgar Netralitas", "sanksi"),
        ("Bawaslu Hentikan Kasus Camat Tak Netral", "sanksi"),
        ("Bawaslu Jabar Tangani 31 Kasus Netralitas ASN", "data"),
        ("Survei: Separuh PNS Diajak Dukung Calon", "data"),
        ("Bupati Ciamis Terbitkan Surat Edaran Netralitas ASN", "regulasi"),
        ("Bupati Ciamis Minta ASN Patuhi Surat Edaran Netralitas", "imbauan"),
        ("7 Larangan bagi ASN Selama Pilkada", "regulasi"),
        ("Ribuan ASN Ciamis Ikrar Netral", "imbauan"),
        ("Kapolres Ciamis Jamin Netralitas Polri", "lain"),
        ("Opini: Netralitas ASN yang Semu", "lain"),
    ],
)
def test_a_headline_alone_has_a_category(title: str, category: str) -> None:
    assert label(title, "").category == category


def test_an_outcome_under_a_condition_is_none_and_the_guard_is_named() -> None:
    labels = label("Pemkot Ingatkan ASN soal Pilkada", "ASN yang terbukti tidak netral dapat dijatuhi sanksi berat.")
    assert labels.category == "imbauan"
    assert "terbukti" not in labels.flags
    guards = [reason.guard for reason in labels.why if reason.category == "sanksi"]
    assert guards and all(guard and guard.startswith(("conditional", "modal")) for guard in guards)


def test_a_look_back_does_not_make_the_news() -> None:
    lead = "Sekda meminta ASN netral. Beberapa waktu lalu seorang camat dijatuhi sanksi karena mendukung paslon."
    assert label("Sekda Ingatkan ASN Jaga Netralitas", lead).category == "imbauan"


def test_the_lead_raises_an_accusation_to_the_step_that_it_tells() -> None:
    lead = "Seorang lurah dilaporkan mendukung calon bupati. Bawaslu memeriksa lurah itu kemarin."
    assert label("Lurah Dilaporkan Dukung Calon", lead).category == "proses"


def test_a_headline_that_says_proven_is_a_step_when_the_case_only_went_on() -> None:
    lead = "Kajian Bawaslu menyebut kepala dinas tidak netral. Perkara diteruskan ke BKN."
    assert label("Terbukti Tak Netral, Kadis Menunggu Nasib", lead).category == "proses"


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("Kepala desa dan ASN diminta netral.", "kades"),
        ("ASN dan tenaga honorer diminta netral.", "honorer"),
        ("ASN, TNI, dan Polri diminta netral.", "tni-polri"),
        ("Hingga kini belum ada laporan ASN tidak netral.", "nihil"),
        ("Camat dinyatakan tidak terbukti melanggar.", "tidak-terbukti"),
        ("Bawaslu menghentikan kasus camat.", "dihentikan"),
        ("Camat terbukti melanggar netralitas.", "terbukti"),
        ("ASN mengucapkan ikrar netralitas.", "ikrar"),
        ("ASN netral di Pilgub.", "pilkada"),
        ("ASN netral di pemungutan suara ulang.", "psu"),
    ],
)
def test_flags(text: str, flag: str) -> None:
    assert flag in label("Netralitas ASN", text).flags


def test_what_others_demand_has_not_happened() -> None:
    labels = label("Massa Desak Bupati Copot Kadis yang Diduga Kampanye Terselubung", "", on_topic=True)
    assert labels.category == "dugaan"
    assert any(reason.guard == "demand: desak" for reason in labels.why)


def test_the_name_of_an_office_is_no_election() -> None:
    assert label("ASN Dilaporkan ke Badan Pengawas Pemilu", "").flags == ()


def test_every_flag_is_documented() -> None:
    section = (ROOT / "docs" / "columns.md").read_text("utf-8").split("## The flags")[1].split("\n## ")[0]
    named = [
        name.strip()
        for line in section.splitlines()[4:]
        if line.startswith("| ")
        for name in line.split("|")[1].split(",")
    ]
    assert named == list(FLAGS)


def test_titles_and_initials_do_not_end_a_sentence() -> None:
    text = "Pj. Bupati Drs. H. Umar K. Said bicara. Ia meminta ASN netral."
    assert list(sentences_of(text)) == ["Pj. Bupati Drs. H. Umar K. Said bicara.", "Ia meminta ASN netral."]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "." * 5000, "a" * 100_000, "“”’", "\ud800"])
def test_odd_text_has_labels(text: str) -> None:
    assert label(text, text).category in ("lain", "imbauan")
