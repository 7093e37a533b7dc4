"""Every way of writing a date that outlets use, each to the minute and in the right zone, or refused."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.tanggal import FIRST_YEAR, MAX_CHARS, parse_tanggal

# 08:04 in Jakarta, 09:04 in Makassar, 10:04 in Jayapura
MOMENT = datetime(2024, 11, 13, 1, 4, tzinfo=UTC)
NOW = datetime(2024, 11, 13, 5, 30, 20, tzinfo=UTC)  # 12:30 in Jakarta

TO_THE_MINUTE = """
Rabu, 13 November 2024 | 08:04 WIB
Rabu, 13 November 2024 - 08:04 WIB
Rabu, 13 November 2024 – 08:04 WIB
Rabu, 13 November 2024 — 08:04 WIB
Rabu, 13 November 2024 08:04 WIB
Rabu, 13 November 2024, 08:04 WIB
Rabu, 13 November 2024 / 08:04 WIB
Rabu, 13 November 2024 • 08:04 WIB
Rabu, 13 November 2024 · 08:04 WIB
Rabu, 13 November 2024 @ 08:04 WIB
Rabu, 13 November 2024 (08:04 WIB)
Rabu, 13 November 2024 08:04 (WIB)
Rabu 13 November 2024 08:04 WIB
Rabu 13 November 2024, 08:04:59 WIB
rabu, 13 november 2024 08:04 wib
RABU, 13 NOVEMBER 2024 | 08:04 WIB | LAPORAN: SITI RAHMA
Rabu, 13 November 2024 pukul 08:04 WIB
Rabu, 13 November 2024 pukul 08.04 WIB
Rabu, 13 November 2024 Pkl. 08.04 WIB
Rabu, 13 November 2024, jam 08.04 WIB
Rabu, 13 November 2024 | 08.04 WIB
Rabu, 13 November 2024 - 08.04
Rabu, 13 November 2024 08.04
Rabu, 13 November 2024 - 08:04
Rabu, 13 November 2024 | 08:04
Rabu, 13 November 2024 at 08:04
Rabu , 13 November 2024, 08:04 WIB
Rabu,13 November 2024 08:04 WIB
Rabu, 13 Nov 2024 08:04 WIB
Rabu, 13 Nov 2024, 08:04
Rabu, 13 Nov. 2024 08:04 WIB
Rab, 13 Nov 2024 08:04 WIB
Rabu, 13 Nopember 2024 08:04 WIB
Rabu, 13 Nop 2024 | 08:04 WIB
Rabu, 13th November 2024 08:04 WIB
13 November 2024 08:04 WIB
13 November 2024, 08:04 WIB
13 November 2024 | 08:04
13 November 2024 08:04:27
13 Nov 2024 08:04
13 Nov 2024, 08.04 WIB
13-November-2024 08:04
13-Nov-2024 08:04 WIB
13/Nov/2024 08:04
13 November, 2024 08:04
13 November 2024 8:04 WIB
13 November 2024 8.04 pagi
13 November 2024 8:04 am
13 November 2024 08:04 AM
13 November 2024 8:04 a.m.
13/11/2024 08:04
13/11/2024, 08:04 WIB
13/11/2024 - 08:04 WIB
13/11/2024 | 08:04
13-11-2024 08:04
13-11-2024 - 08:04 WIB
13.11.2024 08:04
13.11.2024, 08.04 WIB
13 / 11 / 2024 08:04
13/11/24 08:04
13-11-24 | 08:04 WIB
11/13/2024 08:04 WIB
Rabu, 13/11/2024 08:04 WIB
Rabu (13/11/2024) 08:04 WIB
2024/11/13 08:04
2024/11/13 08:04:00 WIB
2024.11.13 08:04
2024-11-13 08:04
2024-11-13 08:04:00
2024-11-13 08:04:00 WIB
2024-11-13 08:04:00.000000
2024-11-13T08:04
2024-11-13T08:04:00
2024-11-13T08:04:00+07:00
2024-11-13T08:04:00+0700
2024-11-13T08:04:00+07
2024-11-13T08:04:00.123+07:00
2024-11-13 08:04:00 +0700
2024-11-13T01:04:00Z
2024-11-13T01:04:00.000Z
2024-11-13T01:04Z
2024-11-13T01:04:00+00:00
2024-11-13 01:04:00 UTC
2024-11-13T09:04:00+08:00
2024-11-13T10:04:00+09:00
2024-11-12T20:04:00-05:00
2024-11-13T06:34:00+05:30
20241113T080400
20241113T080400+0700
20241113T010400Z
Wed, 13 Nov 2024 08:04:00 WIB
Wed, 13 Nov 2024 09:04:00 WITA
Wed, 13 Nov 2024 10:04:00 WIT
Wed, 13 Nov 2024 08:04:00 +0700
Wed, 13 Nov 2024 01:04:00 GMT
Wed, 13 Nov 2024 01:04:00 UT
Wed, 13 Nov 2024 01:04:00 Z
Wed, 13 Nov 2024 01:04:00 +0000
Wed, 13 Nov 2024 01:04 GMT
Wed, 13 Nov 24 01:04:00 GMT
13 Nov 2024 01:04:00 GMT
Tue, 12 Nov 2024 20:04:00 EST
Tue, 12 Nov 2024 17:04:00 PST
Rab, 13 Nov 2024 08:04:00 +0700
Wed Nov 13 08:04:00 2024
Wed Nov 13 08:04:00 WIB 2024
Wed Nov 13 01:04:00 UTC 2024
Wed Nov 13 08:04:00 +0700 2024
November 13, 2024 08:04
November 13, 2024 8:04 am
November 13, 2024, 8:04 AM
Nov 13, 2024 8:04 am
Nov 13 2024 08:04
Wednesday, November 13, 2024 08:04 WIB
Wednesday, 13 November 2024 08:04
On November 13, 2024 at 8:04 am
Rabu, November 13, 2024 08:04 WIB
Kompas.com - 13/11/2024, 08:04 WIB
Media Contoh - Rabu, 13 November 2024 08:04 WIB
Sulawesi | 13 November 2024, 08:04 WIB
- Editor / Rabu, 13 November 2024 - 08:04 WIB
Tayang: Rabu, 13 November 2024 08:04 WIB
Terbit 13 Nov 2024 08:04 WIB
Terbit: 13/11/2024 08:04
Diterbitkan Rabu, 13 November 2024 pukul 08:04
Dipublikasikan pada 13 November 2024 08:04 WIB
Diposting pada 13 November 2024, 08:04 WIB
Diunggah: 13 November 2024 | 08:04 WIB
Posted on 13 November 2024 08:04
Published: 2024-11-13 08:04
Redaksi - Rabu, 13 November 2024 | 08:04 WIB
Siti Rahma | Rabu, 13 November 2024 - 08:04 WIB
Oleh: Siti Rahma, 13 November 2024, 08:04 WIB
Jakarta, 13 November 2024 08:04 WIB
Rabu, 13 November 2024 08:04 WIB - Dibaca 1.203 kali
Rabu, 13 November 2024 08:04 WIB | 2 menit membaca
Rabu, 13 November 2024 | 08:04 WIB Last Updated 2024-11-13T03:00:00Z
13 November 2024 09:04 WITA
13 November 2024 | 09.04 Wita
Rabu, 13 November 2024 pukul 09.04 WITA
13/11/2024 09:04 wita
13 November 2024 10:04 WIT
Rabu, 13 November 2024 - 10.04 WIT
13 November 2024 08:04 GMT+7
13 November 2024 08:04 UTC+7
13 November 2024 08:04 GMT+07:00
13 November 2024 08:04 GMT +7
13 November 2024 08:04 +07:00
13 November 2024 09:04 SGT
08:04 WIB, 13 November 2024
08.04 WIB | Rabu, 13 November 2024
Pukul 08:04 WIB, Rabu 13/11/2024
08:04 - 13/11/2024
08:04 13 November 2024
2024-11-13 08:04:00 +0000 WIB
1731459840
1731459840000
""".strip().splitlines()

OTHERS = [
    ("Jum'at, 24 Juli 2020 - 13:39 WIB", "2020-07-24T06:39"),
    ("Jum’at, 24 Juli 2020 - 13:39 WIB", "2020-07-24T06:39"),
    ("Jumat , 17 February 2017, 13:16 WIB", "2017-02-17T06:16"),
    ("Ahad, 9 Pebruari 2020 20:15 WIB", "2020-02-09T13:15"),
    ("Minggu, 18 Juli 2021 – 18:52 WIB", "2021-07-18T11:52"),
    ("Sabtu, 10 Des 2022 13:19 WIB", "2022-12-10T06:19"),
    ("Kamis 09 Juli 2020 07:26 WIB", "2020-07-09T00:26"),
    ("Senin, 5 Agt 2024 23:59 WIB", "2024-08-05T16:59"),
    ("Senin, 5 Agu 2024 23:59 WIB", "2024-08-05T16:59"),
    ("Selasa, 6 Ags 2024 00:00:01 WIB", "2024-08-05T17:00:01"),
    ("Kamis, 29 Februari 2024 06:59 WIB", "2024-02-28T23:59"),
    ("Rabu, 1 Mei 2024 14.05 WITA", "2024-05-01T06:05"),
    ("Jumat, 4 Okt 2024 17:30 WIT", "2024-10-04T08:30"),
    ("Minggu, 1 Sept 2024 09:00 WIB", "2024-09-01T02:00"),
    ("3 Maret 2024 8:04 pm", "2024-03-03T13:04"),
    ("3 Maret 2024 12:04 am", "2024-03-02T17:04"),
    ("3 Maret 2024 12:04 pm", "2024-03-03T05:04"),
    ("3 Maret 2024 pukul 07.30 malam", "2024-03-03T12:30"),
    ("3 Maret 2024 pukul 3.30 sore", "2024-03-03T08:30"),
    ("3 Maret 2024 pukul 8 WIB", "2024-03-03T01:00"),
    ("22/10/2025 06:59", "2025-10-21T23:59"),
    ("05/04/2024 10:00", "2024-04-05T03:00"),
    ("Mon, 06 Jan 2025 10:00:00 WIB", "2025-01-06T03:00"),
    ("31 Desember 2024 23:59 WIB", "2024-12-31T16:59"),
]

A_DAY = [
    "13 November 2024",
    "Rabu, 13 November 2024",
    "Rabu, 13 Nov 2024",
    "November 13, 2024",
    "By Redaksi On Rabu, November 13, 2024",
    "13/11/2024",
    "13-11-2024",
    "13.11.2024",
    "2024-11-13",
    "2024/11/13",
    "20241113",
    "13 Nov '24",
    "Nov 13th, 2024",
    "Jakarta, 13 November 2024 (Contoh)",
    "13 November 2024 | Dibaca 12.034 kali",
    "13 November 2024 24:10 WIB",
]

NO_DATE = [
    "",
    "   ",
    "08:04 WIB",
    "13 November",
    "Rabu (13/11)",
    "November 2024",
    "Pasal 13.11",
    "Rp 13.112.024",
    "31 Februari 2024 08:04",
    "32/11/2024",
    "13/13/2024",
    "2024-13-40",
    "00/00/0000",
    "0000-00-00 00:00:00",
    "1970-01-01T00:00:00Z",
    "1 Januari 1970 07:00 WIB",
    "Thu, 01 Jan 1970 07:00:00 +0700",
    "13 November 1923 08:04",
    "13 November 2424",
    "Mon, 06 Jan 2025 10:00:00 XYZ",
    "telepon 0812-1113-2024",
    "nomor 13112024",
    "2 jam yang lalu",  # without `now` nobody knows since when
    "kemarin",
    "x" * 150 + " 13 November 2024 08:04 WIB" + "x" * 50,
]

RELATIVE = [
    ("5 menit yang lalu", "2024-11-13T05:25", "minute"),
    ("5 menit lalu", "2024-11-13T05:25", "minute"),
    ("2 jam yang lalu", "2024-11-13T03:30", "minute"),
    ("2 jam lalu", "2024-11-13T03:30", "minute"),
    ("Diterbitkan 2 jam yang lalu", "2024-11-13T03:30", "minute"),
    ("sejam yang lalu", "2024-11-13T04:30", "minute"),
    ("30 detik yang lalu", "2024-11-13T05:29", "minute"),
    ("2 hours ago", "2024-11-13T03:30", "minute"),
    ("15 mins ago", "2024-11-13T05:15", "minute"),
    ("baru saja", "2024-11-13T05:30", "minute"),
    ("3 hari yang lalu", "2024-11-09T17:00", "day"),
    ("1 minggu yang lalu", "2024-11-05T17:00", "day"),
    ("sehari yang lalu", "2024-11-11T17:00", "day"),
    ("kemarin", "2024-11-11T17:00", "day"),
    ("yesterday", "2024-11-11T17:00", "day"),
    ("hari ini", "2024-11-12T17:00", "day"),
    ("Kemarin, 10:30 WIB", "2024-11-12T03:30", "minute"),
    ("Hari ini, 11.16 WITA", "2024-11-13T03:16", "minute"),
]


def test_the_table_has_the_shapes_that_were_promised() -> None:
    shapes = [*TO_THE_MINUTE, *(s for s, _ in OTHERS), *A_DAY, *(s for s, _, _ in RELATIVE)]
    assert len(set(shapes)) == len(shapes) >= 150


@pytest.mark.parametrize("text", TO_THE_MINUTE)
def test_one_moment_in_every_shape(text: str) -> None:
    found = parse_tanggal(text)
    assert found is not None
    assert found.at.replace(second=0) == MOMENT
    assert found.at.tzinfo is UTC
    assert found.precision == "minute"


@pytest.mark.parametrize(("text", "expected"), OTHERS)
def test_other_days_and_months(text: str, expected: str) -> None:
    found = parse_tanggal(text)
    assert found is not None
    assert found.at == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", A_DAY)
def test_a_date_without_a_time_is_midnight_there_and_says_so(text: str) -> None:
    found = parse_tanggal(text)
    assert found is not None
    assert (found.at, found.precision) == (datetime(2024, 11, 12, 17, tzinfo=UTC), "day")


@pytest.mark.parametrize("text", NO_DATE)
def test_what_names_no_moment_for_sure_is_none(text: str) -> None:
    assert parse_tanggal(text) is None


@pytest.mark.parametrize(("text", "expected", "precision"), RELATIVE)
def test_relative_dates_count_from_now(text: str, expected: str, precision: str) -> None:
    found = parse_tanggal(text, now=NOW)
    assert found is not None
    assert (found.at, found.precision) == (datetime.fromisoformat(expected).replace(tzinfo=UTC), precision)


@pytest.mark.parametrize(
    ("zone", "hour"), [("Asia/Jakarta", 1), ("Asia/Makassar", 0), ("Asia/Jayapura", 23), ("America/New_York", 13)]
)
def test_a_time_without_a_zone_is_in_the_source_zone(zone: str, hour: int) -> None:
    found = parse_tanggal("Rabu, 13 November 2024 08:04", zone)
    assert found is not None
    assert (found.at.hour, found.zoned) == (hour, False)


@pytest.mark.parametrize("zone", ["Asia/Jakarta", "Asia/Jayapura", "Europe/London"])
def test_a_written_zone_wins_over_the_source_zone(zone: str) -> None:
    found = parse_tanggal("13 November 2024 09:04 WITA", zone)
    assert found is not None
    assert found.at == MOMENT
    assert found.zoned


def test_the_future_is_refused_and_a_wrong_clock_is_not() -> None:
    assert parse_tanggal("15 November 2024 08:04 WIB", now=NOW) is None
    assert parse_tanggal("14 November 2024 08:04 WIB", now=NOW) is not None
    assert parse_tanggal("15 November 2024 08:04 WIB") is not None


def test_summer_time_zones_keep_their_offset_of_the_day() -> None:
    summer, winter = (parse_tanggal(f"2024-{month}-01 12:00", "Europe/Berlin") for month in ("07", "12"))
    assert summer is not None
    assert winter is not None
    assert (summer.at.hour, winter.at.hour) == (10, 11)


MONTHS = "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember".split()  # noqa: SIM905
DAYS = ["Senin", "Selasa", "Rabu", "Kamis", "Jum'at", "Sabtu", "Minggu"]
ZONES = {"WIB": 7, "WITA": 8, "WIT": 9}


SHAPES = [
    "{d} {month} {y} | {h:02}:{m:02} {zone}",
    "{day}, {d} {month} {y} - {h:02}.{m:02} {zone}",
    "{d:02}/{n:02}/{y}, {h:02}:{m:02} {zone}",
    "{y}-{n:02}-{d:02} {h:02}:{m:02} {zone}",
    "Media Contoh - {day}, {d:02} {short} {y} {h:02}:{m:02} {zone}",
    "Tayang: {d} {month} {y} pukul {h}.{m:02} {zone}",
]


@given(
    st.datetimes(datetime(FIRST_YEAR, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001  a wall clock
    st.sampled_from(sorted(ZONES)),
    st.sampled_from(SHAPES),
)
def test_what_is_written_is_read_back(wall: datetime, zone: str, shape: str) -> None:
    month = MONTHS[wall.month - 1]
    names = {"zone": zone, "month": month, "short": month[:3], "day": DAYS[wall.weekday()]}
    text = shape.format(d=wall.day, n=wall.month, y=wall.year, h=wall.hour, m=wall.minute, **names)
    found = parse_tanggal(text)
    assert found is not None, text
    expected = wall.replace(second=0, microsecond=0, tzinfo=UTC) - timedelta(hours=ZONES[zone])
    assert (found.at, found.precision, found.zoned) == (expected, "minute", True)


@given(st.text(max_size=MAX_CHARS + 20))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = parse_tanggal(text, now=NOW)
    if found is not None:
        assert found.at.tzinfo is UTC
        assert found.at <= NOW + timedelta(days=1)


@given(st.text(alphabet="0123456789:./-+T Zwibtanov,|", max_size=60))
def test_text_like_dates_is_read_or_refused(text: str) -> None:
    parse_tanggal(text, now=NOW)


def test_a_date_costs_less_than_a_fifth_of_a_millisecond() -> None:
    texts = [*TO_THE_MINUTE, *A_DAY, *NO_DATE, "1 " * 99, "Jan " * 49]
    started = time.process_time()
    for _ in range(20):
        for text in texts:
            parse_tanggal(text, now=NOW)
    assert (time.process_time() - started) / (20 * len(texts)) < 0.0002
