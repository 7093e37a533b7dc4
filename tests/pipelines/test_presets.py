"""The shipped topic: what comes in and what stays out."""

from __future__ import annotations

import pytest

from pipelines.matching import Matcher

MATCHER = Matcher({"topic": {"preset": "netralitas-asn"}})


@pytest.mark.parametrize(
    "title",
    [
        "Sekda Garut Minta ASN Netral di Pilkada",
        "Dukung Paslon, PNS Dilaporkan ke Bawaslu",
        "Camat Diduga Ikut Kampanye Calon Bupati",
        "Lurah Pose Dua Jari Bareng Cabup",
        "Kepala Sekolah Jadi Tim Sukses, Bawaslu Turun Tangan",
        "Bupati Terbitkan Surat Edaran Netralitas",
        "Kades dan ASN Diminta Tak Berpolitik Praktis",
        "KASN: 200 ASN Langgar Netralitas",
        "Oknum Lurah Dilaporkan Ajak RT Menangkan Paslon",
        "Mobil Dinas Terparkir di Lokasi Kampanye",
        "Wabup Wanti-wanti Kepala Sekolah Jangan Giring Suara Guru",
        "BKPSDM Gelar Bimtek Netralitas",
        "Bawaslu Memintai Keterangan Kepala Pasar",
    ],
)
def test_headlines_on_the_subject_come_in(title: str) -> None:
    assert MATCHER.find(title, "")


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("Warna Netral Favorit PNS", "PNS memilih warna netral untuk seragam."),
        ("Kapolres: Polri Netral di Pilkada", "Anggota Polri dilarang memihak calon bupati."),
        ("KPU Tegaskan Netralitas Penyelenggara", "KPPS dan PPK wajib netral di pilkada."),
        ("PNS Jadi Tersangka Korupsi", "Jaksa memeriksa camat dan kepala dinas."),
        ("Calon Bupati Janji Naikkan Tunjangan Guru", "Ia mendukung guru honorer dalam kampanye."),
        ("Sekda Tinjau Logistik Pilkada", "Camat diminta membantu KPU. Bawaslu mengawasi."),
        ("Situs Slot Gacor", "Sekda minta ASN netral di pilkada, slot gacor maxwin."),
        ("Lurah Kampanyekan Bahaya Narkoba", "Lurah mengajak pelajar."),
        ("Guru Dilatih Bahasa Netral Gender", "Guru ASN diminta tidak memihak."),
        ("KPU Ajak ASN Gunakan Hak Pilih", "ASN dan pelajar diajak mencoblos."),
        ("Satpol PP Tertibkan Baliho Calon", "Camat meminta tim kampanye calon bupati mematuhi zona."),
        ("Pelamar CPNS Membeludak", "Pelamar wajib bukan anggota partai politik. BKN memeriksa berkas calon."),
        ("Laga di Tempat Netral", "PNS ikut menonton. Wasit diminta netral."),
    ],
)
def test_false_friends_stay_out(title: str, body: str) -> None:
    assert not MATCHER.find(title, body)


def test_the_topic_says_where_it_was_hit() -> None:
    text = "Sekda meminta ASN menjaga netralitas menjelang pilkada."
    found = MATCHER.find("", text)["topic"]
    assert {"ASN", "netralitas*"} <= {match.term for match in found}
    assert all(text[match.start : match.end] == match.text for match in found)
