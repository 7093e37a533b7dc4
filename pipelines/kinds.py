"""What a page is instead of an article: blocked, soft_404, login, paywall, gambling, video, photo, listing, empty.

Every verdict but gambling needs a body that is short or made of links: words alone never condemn a page with reporting
on it. Imports nothing of `crawler`. Its test is tests/pipelines/test_clean.py.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pipelines.blocks import Reading
from pipelines.body import Body
from pipelines.embedded import ARTICLE_TYPES
from pipelines.lines import is_prose
from pipelines.metadata import Head
from pipelines.tanggal import parse_tanggal

_SHORT = 420  # characters of prose; the shortest real articles seen have 500, stubs and notices under 300
_BLOCKED = re.compile(
    r"just a moment|attention required|checking your browser|"
    r"verify(?:ing)? (?:that )?you are (?:not )?a? ?(?:human|robot)|access denied|"
    r"403 forbidden|request blocked|ddos.guard|ddos protection|cf-browser-verification|"
    r"enable javascript and cookies to continue|before you continue to|sebelum anda melanjutkan|"
    r"internet ?positif|internet ?sehat|trust ?positif|internetbaik|situs (?:ini )?(?:di)?blokir|nawala|"
    r"are you a robot|captcha|"
    r"unusual traffic|pardon our interruption|you have been blocked|too many requests|akses ditolak|"
    r"one more step|incapsula|"
    r"bandwidth limit exceeded|account (?:has been )?suspended|error establishing a database|"
    r"service unavailable|under maintenance|"
    r"sedang dalam (?:perbaikan|pemeliharaan)|bad gateway|origin (?:dns )?error",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"\b404\b|(?:halaman|artikel|berita|konten|laman|url|page|content|"
    r"article)s?\b.{0,40}\b(?:tidak (?:dapat )?(?:di)?temukan|tidak ada|tidak tersedia|"
    r"sudah (?:di)?hapus|telah dihapus|not (?:be )?found|doesn.t exist|no longer (?:available|exists)|"
    r"hilang)|\bnot found\b|tidak ditemukan|"
    r"nothing (?:was )?found|page can.?t be found|oops|ups!|maaf,? (?:halaman|artikel|berita)",
    re.IGNORECASE,
)
_LOGIN = re.compile(
    r"(?:silakan|silahkan|harap|anda harus|please)\s+(?:log ?in|masuk|login|daftar|sign in)|"
    r"log ?in (?:untuk|to) (?:membaca|melanjutkan|continue|read)",
    re.IGNORECASE,
)
_PAYWALL = re.compile(
    r"(?:silakan|silahkan|harap|anda harus|please)\s+(?:subscribe|berlangganan)|"
    r"(?:khusus|hanya untuk) (?:pelanggan|member|anggota)|(?:artikel|konten|berita) (?:ini )?(?:khusus|"
    r"premium|berbayar)|subscribers? only|"
    r"berlangganan untuk (?:membaca|melanjutkan)|sudah (?:punya akun|berlangganan)\?|already a subscriber|"
    r"subscribe (?:now )?to (?:read|continue|keep reading)|lanjutkan membaca dengan",
    re.IGNORECASE,
)
_GAMBLING = re.compile(
    r"slot gacor|slot online|situs slot|link slot|slot (?:deposit|dana|gopay|pulsa|qris|server|88|777|"
    r"demo|maxwin|thailand)|judi slot|agen (?:slot|judi|togel)|bandar (?:togel|slot|judi|bola)|"
    r"togel (?:online|hongkong|singapore|hari ini|terpercaya)|prediksi togel|bocoran (?:togel|hk|sgp|slot|"
    r"rtp)|toto (?:macau|slot|4d|togel)|rtp (?:slot|live|gacor)|"
    r"maxwin|gampang menang|mudah menang|anti rungkad|scatter hitam|mahjong ways|gates of olympus|"
    r"starlight princess|pragmatic play|pg ?soft|"
    r"bonus new member|freebet|link alternatif|deposit (?:pulsa|dana|5000|10rb|10 ?ribu)|minimal depo|"
    r"casino online|live casino|sbobet|poker online|sabung ayam online|"
    r"daftar sekarang|situs (?:resmi|terpercaya|gacor)|jackpot",
    re.IGNORECASE,
)
# Who acts against gambling, and how it is told: no offer speaks of them
_ON_GAMBLING = re.compile(
    r"\b(?:polisi|polres\w*|polda|polsek|bareskrim|penyidik|jaksa|hakim|tersangka|ditangkap|menangkap|digerebek|menggerebek|"
    r"kominfo|komdigi|diskominfo|ojk|ppatk|(?:di|mem)blokir|inspektorat|kepala (?:dinas|bidang|badan)|pemerintah|"
    r"ujarnya|katanya|menurut|kata (?:dia|kepala|ketua))\b",
    re.IGNORECASE,
)
# The word ends the path, or names what follows it: /tag/netralitas-asn, but not /kanal/politik/2024/judul-berita
_LISTING_PATH = re.compile(
    r"/(?:(?:indeks|index|search|cari|arsip|archive)(?:\.\w{3,5})?|(?:kategori|category|categories|tags?|topik|topics?|label|"
    r"author|penulis|page|kanal|channel|rubrik|section|indeks|index|search|arsip)/[^/]{1,50})/?$",
    re.IGNORECASE,
)
_PHOTO_PATH = re.compile(
    r"/(?:foto|photo|photos|galeri|gallery|galeri-foto|fotografi|photostory|berita-foto|images?)(?:/|-|$)|"
    r"^(?:foto|photo|images?)\.",
    re.IGNORECASE,
)
_VIDEO_PATH = re.compile(
    r"/(?:video|videos|tv|watch|vod|20detik|streaming|livestream|live-streaming)(?:/|-|$)|^(?:video|tv|"
    r"20)\.",
    re.IGNORECASE,
)


def is_block_title(title: str) -> bool:
    """Return whether a page of this title stands in the way of another one."""
    return bool(_BLOCKED.search(title))


def kind_of(head: Head, reading: Reading, body: Body, title: str, url: str) -> str:
    """Return "article", or what the page is instead of one."""
    names = " ".join([title, head.title, *head.h1[:3]])
    opening = " ".join(b.text for b in reading.blocks[:60])[:2_500] if body.prose < _SHORT else ""
    reported = _reports(title, body)
    notice = names if body.prose >= _SHORT else f"{names} {opening[:800]}"
    if body.prose < 2 * _SHORT and not reported and _BLOCKED.search(notice):
        return "blocked"
    if _gambles(f"{title} {' '.join(body.paragraphs)[:6_000]}", names):
        return "gambling"
    declared = _declared(head)
    if body.prose < _SHORT:
        if _MISSING.search(names) and not reported:
            return "soft_404"
        if not declared and body.prose < 200 and _MISSING.search(" ".join(body.paragraphs[:4])[:400]):
            return "soft_404"
        media = _media(head, url)
        if media and body.prose < (_SHORT if media == "photo" else 300):
            return media
        if _lists(head, reading, body, title, declared, url):
            return "listing"
        if not declared and body.prose < 200 and _MISSING.search(opening[:1_200]):
            return "soft_404"
        if _PAYWALL.search(opening) and (body.prose < 300 or _paid(head)):
            return "paywall"
        if _LOGIN.search(opening) and body.prose < 300:
            return "login"
    if _lists(head, reading, body, title, declared, url):
        return "listing"
    if not body.paragraphs or (body.prose < 60 and sum(map(len, body.paragraphs)) < 120):
        return "empty"
    return "article"


def _reports(title: str, body: Body) -> bool:
    """Whether a headline only speaks of a notice ("Pameran “404 …” Dibuka"): words around it, and sentences below it."""
    notice = _BLOCKED.search(title) or _MISSING.search(title)
    around = len(title.split()) - (len(notice.group().split()) if notice else 0)
    return around >= 4 and sum(1 for p in body.paragraphs if len(p) > 60 and is_prose(p)) >= 3


def _declared(head: Head) -> bool:
    """Whether the page says of itself that it is an article."""
    meta = head.meta
    return (
        bool(head.embedded.article)
        or meta.get("og:type", "").lower() == "article"
        or "article:published_time" in meta
        or "datepublished" in meta
    )


def _paid(head: Head) -> bool:
    """Whether the page's JSON-LD says that the article is not free to read."""
    return str(head.embedded.article.get("isAccessibleForFree", "")).lower() == "false"


def _gambles(text: str, names: str) -> bool:
    """Whether a page sells gambling: its words of offer, dense and in the title. News about it uses one or two."""
    if _GAMBLING.search(names) is None:
        return False
    terms = {m.group().lower() for m in _GAMBLING.finditer(text)}
    hits = sum(1 for _ in _GAMBLING.finditer(text))
    news = len({m.group().lower() for m in _ON_GAMBLING.finditer(text)})
    return len(terms) >= 4 and hits >= max(5, len(text) // (60 if news >= 2 else 450))


def _media(head: Head, url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    kind = head.meta.get("og:type", "").lower()
    types = head.embedded.types
    where = parts.path
    if (
        kind.startswith("video")
        or _VIDEO_PATH.search(where)
        or _VIDEO_PATH.search(parts.netloc.lower())
        or ("VideoObject" in types and not any(ARTICLE_TYPES.fullmatch(t) for t in types))
    ):
        return "video"
    if "ImageGallery" in types or _PHOTO_PATH.search(where) or _PHOTO_PATH.search(parts.netloc.lower()):
        return "photo"
    return None


def _lists(head: Head, reading: Reading, body: Body, title: str, declared: bool, url: str) -> bool:
    """Whether the page is a list of articles: its links are headlines, and its prose, if any, is their teasers."""
    try:
        parts = urlsplit(url)
        listed = _LISTING_PATH.search(parts.path) is not None or (parts.path in ("", "/") and not parts.query)
    except ValueError:
        listed = False
    headlines = sum(1 for b in reading.blocks if 25 < len(b.text) < 200 and b.link_chars >= 0.8 * len(b.text))
    links_cut = sum(1 for line in body.cut if line.startswith("link-line"))
    # A headline in words (no rubric's name) over prose of its own
    told = 0 <= body.headline < body.start and title.count(" ") >= 3
    if listed and headlines >= 5 and not head.embedded.article and not (told and links_cut < 3):
        return body.prose < 4 * _SHORT or links_cut >= 5
    if declared and not (listed and links_cut >= 5):
        return False
    dated = sum(1 for p in body.paragraphs if len(p) < 60 and parse_tanggal(p) is not None)
    if dated >= 4 and links_cut >= 4:
        return True  # a date under each headline
    if told and body.prose >= (120 if links_cut < 3 else 600):
        return False
    return (body.prose < _SHORT and headlines >= 10) or (links_cut >= 6 and links_cut >= 0.5 * len(body.paragraphs))
