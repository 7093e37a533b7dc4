"""By what an article's event can be recognised in other words: names, quotes, days, uncommon words. Pure.

Made where the article is read, stored beside it, compared by pipelines.stories. Tests: tests/pipelines/test_stories.py.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from crawler.items import Traits
from pipelines.wilayah import regions

MAX_NAMES, MAX_QUOTES, MAX_WORDS = 12, 16, 120
QUOTE_SHINGLE = 3  # words: retold quotes keep short runs, long ones break at the first changed word
HEAD_CHARS = 3000  # the event is told at the top; what follows is background that many stories share

_WORD = re.compile(r"[^\W_]+(?:[-.][^\W_]+)*")
_QUOTE = re.compile(r"[“\"]([^”\"]{25,600})[”\"]")
_NAME_PART = r"(?:[A-Z][a-z’']+[A-Za-z]*|[A-Z]\.)"
_CAPITALISED = re.compile(rf"\b{_NAME_PART}(?: (?:bin |binti |al )?{_NAME_PART}){{1,7}}")
_INITIALS = re.compile(r"\b(?:berinisial|inisial)\s+([A-Z]{1,4})\b")
_DATE = re.compile(r"\((\d{1,2})[/.-](\d{1,2})(?:[/.-](\d{2}|\d{4}))?\)")
# Words of offices, bodies, titles and places: with them a run of capitals names those, without them a person.
_OFFICE = frozenset(
    [
        "aula",
        "balai",
        "barat",
        "hilir",
        "hulu",
        "ilir",
        "pantai",
        "pendopo",
        "pulau",
        "selatan",
        "tengah",
        "timur",
        "ulu",
        "utara",
        "anggota",
        "aparatur",
        "asisten",
        "asn",
        "badan",
        "bagian",
        "bappeda",
        "bawaslu",
        "bidang",
        "biro",
        "bkd",
        "bkn",
        "bkpsdm",
        "bpd",
        "bupati",
        "calon",
        "camat",
        "daerah",
        "dan",
        "desa",
        "deputi",
        "dewan",
        "dinas",
        "direktur",
        "dpc",
        "dpd",
        "dpr",
        "dprd",
        "drs",
        "forum",
        "gakkumdu",
        "gedung",
        "gubernur",
        "haji",
        "hakim",
        "inspektorat",
        "jalan",
        "jaksa",
        "kabag",
        "kabid",
        "kabupaten",
        "kadis",
        "kampung",
        "kantor",
        "kapolres",
        "kapolsek",
        "kasn",
        "kecamatan",
        "kegiatan",
        "kejaksaan",
        "kelurahan",
        "kementerian",
        "kepala",
        "kepegawaian",
        "ketua",
        "komisi",
        "komisioner",
        "komite",
        "kota",
        "kpu",
        "lapangan",
        "lembaga",
        "lurah",
        "mahkamah",
        "masjid",
        "menteri",
        "nasional",
        "negara",
        "negeri",
        "nomor",
        "ombudsman",
        "panwaslu",
        "panwascam",
        "panwaslih",
        "partai",
        "pasar",
        "pegawai",
        "pejabat",
        "pelaksana",
        "pelayanan",
        "pemerintah",
        "pemilihan",
        "pemilu",
        "pemkab",
        "pemko",
        "pemkot",
        "pemprov",
        "pengadilan",
        "pengawas",
        "pengawasan",
        "penjabat",
        "perangkat",
        "pilkada",
        "pj",
        "pjs",
        "plh",
        "plt",
        "pns",
        "pol",
        "polda",
        "polisi",
        "polres",
        "polsek",
        "pppk",
        "presiden",
        "provinsi",
        "puskesmas",
        "rapat",
        "rumah",
        "sakit",
        "satpol",
        "pp",
        "sd",
        "sekcam",
        "sekda",
        "sekdako",
        "sekretariat",
        "sekretaris",
        "sentra",
        "serentak",
        "sma",
        "smk",
        "smp",
        "sipil",
        "staf",
        "stadion",
        "surat",
        "tim",
        "tni",
        "tugas",
        "umum",
        "undang",
        "universitas",
        "usai",
        "wakil",
        "wali",
        "walikota",
        "warga",
        "senin",
        "selasa",
        "rabu",
        "kamis",
        "jumat",
        "sabtu",
        "minggu",
        "januari",
        "februari",
        "maret",
        "april",
        "mei",
        "juni",
        "juli",
        "agustus",
        "september",
        "oktober",
        "november",
        "desember",
        "namun",
        "menurut",
        "sementara",
        "selain",
        "saat",
        "hal",
        "ia",
        "dia",
        "kami",
        "mereka",
        "sebanyak",
        "seorang",
        "ini",
        "itu",
        "dalam",
        "pada",
        "kata",
    ]
)


def traits_of(title: str, body: str, published_at: datetime | None) -> Traits:
    """Return the traits of an article: lower-case names, hashes of quotes and of uncommon words, ISO days of its event.

    A year that a day lacks is that of its publication, or the one before where the day would lie ahead.
    """
    head = body[:HEAD_CHARS]
    names = tuple(_names(head))[:MAX_NAMES]
    # The officials of a region speak about all of its matters: their names count as names, not as words too.
    named = {word for name in names for word in name.split()}
    return Traits(
        names=names,
        quotes=_smallest(_quotes(head), MAX_QUOTES),
        days=tuple(sorted(_days(head, published_at)))[:6],
        words=_smallest(_words(f"{title} {head}", named), MAX_WORDS),
        title=_smallest(_words(title, named), 20),
    )


def parse_traits(text: str) -> Traits:
    """Return the traits that the store wrote as JSON; done some dozen times an article, so without looking at types."""
    return Traits(**{name: tuple(items) for name, items in json.loads(text).items()})


def _names(text: str) -> dict[str, None]:
    """Return persons' names, in the order of their first mention, and initials of the accused ("inisial rd")."""
    found: dict[str, None] = {f"inisial {initials.lower()}": None for initials in _INITIALS.findall(text)}
    for run in _CAPITALISED.finditer(text):
        words = [word for word in run.group().split() if word]
        while words and _no_name(words[0]):
            words.pop(0)
        while words and _no_name(words[-1]):
            words.pop()
        name = " ".join(word.lower().strip(".'’") for word in words)
        if 2 <= len(words) <= 4 and not any(_no_name(word) for word in words) and name not in _place_names():
            found[name] = None
    return found


def _no_name(word: str) -> bool:
    plain = word.lower().strip(".,'’")
    begins_a_sentence = plain.endswith("nya") or plain in common_words()
    return len(plain) < 2 or plain in _OFFICE or begins_a_sentence or (word.isupper() and len(word) > 3)


def _quotes(text: str) -> set[int]:
    found = set()
    for quote in _QUOTE.findall(text):
        words = _WORD.findall(quote.lower())
        found |= {hash_of(" ".join(words[i : i + QUOTE_SHINGLE])) for i in range(len(words) - QUOTE_SHINGLE + 1)}
    return found


def _days(text: str, published_at: datetime | None) -> set[str]:
    found = set()
    for day, month, year in _DATE.findall(text):
        try:
            if year:
                at = datetime(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))  # noqa: DTZ001  a day
            elif published_at is None:
                continue
            else:
                at = datetime(published_at.year, int(month), int(day))  # noqa: DTZ001  a day
                if at > published_at.replace(tzinfo=None) + timedelta(days=30):
                    at = at.replace(year=at.year - 1)
        except ValueError:
            continue
        found.add(at.date().isoformat())
    return found


def _words(text: str, named: set[str]) -> set[int]:
    """Return hashes of the uncommon words and of the numbers: what all stories of the subject share says nothing."""
    found = set()
    left_out = common_words() | _place_words() | named
    for word in _WORD.findall(_DATE.sub(" ", text).lower()):  # a day is compared as one
        plain = re.sub(r"(?:nya|lah|kah|pun)$", "", word)
        number = word.isdigit() and len(word) >= 2 and not re.fullmatch(r"20[123]\d", word)
        if number or (len(plain) >= 4 and not plain.isdigit() and plain not in left_out):
            found.add(hash_of(plain))
    return found


def _smallest(hashes: set[int], most: int) -> tuple[int, ...]:
    """Return the smallest hashes: of two texts that share words, the same ones are taken."""
    return tuple(sorted(hashes)[:most])


def hash_of(text: str) -> int:
    """Return the 32 bits that stand for a word or a run of words."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")


@cache
def common_words() -> frozenset[str]:
    """Return the words that articles on the subject share (data/common_words.txt)."""
    lines = (Path(__file__).parent / "data" / "common_words.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


@cache
def _place_words() -> frozenset[str]:
    return frozenset(word for name in _place_names() for word in name.split())


@cache
def _place_names() -> frozenset[str]:
    return frozenset(region.short_name.lower() for region in regions().values())
