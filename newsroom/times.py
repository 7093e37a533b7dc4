"""Dates as Indonesian outlets print them, and the placeholders of the article texts. Pure;
tests/newsroom/test_articles.py.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from email.utils import format_datetime
from zoneinfo import ZoneInfo

HARI = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
BULAN = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni",
    "Juli", "Agustus", "September", "Oktober", "November", "Desember",
)  # fmt: skip
ZONE_LETTERS = {"Asia/Jakarta": "WIB", "Asia/Pontianak": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT"}

_PLACEHOLDER = re.compile(r"\{(hari|pendek|lengkap|tanggal|bulan|tahun)([+-]\d+)?\}")


def fill(text: str, day: datetime) -> str:
    """Return text with its placeholders filled for a local day; `{hari-1}` is the day before, `{tanggal+14}` a
    fortnight on.

    {hari} Rabu (13/11/2024) · {pendek} Rabu (13/11) · {lengkap} Rabu, 13 November 2024 · {tanggal} 13 November 2024 ·
    {bulan} November · {tahun} 2024.
    """

    def one(match: re.Match[str]) -> str:
        d = day + timedelta(days=int(match[2] or 0))
        name, month = HARI[d.weekday()], BULAN[d.month - 1]
        return {
            "hari": f"{name} ({d.day}/{d.month}/{d.year})",
            "pendek": f"{name} ({d.day}/{d.month})",
            "lengkap": f"{name}, {d.day} {month} {d.year}",
            "tanggal": f"{d.day} {month} {d.year}",
            "bulan": month,
            "tahun": str(d.year),
        }[match[1]]

    return _PLACEHOLDER.sub(one, text)


def local(moment: datetime, zone: str) -> datetime:
    """Return the moment on the outlet's own clock."""
    return moment.astimezone(ZoneInfo(zone))


def letters(zone: str) -> str:
    """Return WIB, WITA or WIT."""
    return ZONE_LETTERS[zone]


def long(d: datetime) -> str:
    """Return `Rabu, 13 November 2024` of a local time."""
    return f"{HARI[d.weekday()]}, {d.day} {BULAN[d.month - 1]} {d.year}"


def rfc822(d: datetime) -> str:
    """Return `Wed, 13 Nov 2024 08:04:00 +0700`."""
    return format_datetime(d)
