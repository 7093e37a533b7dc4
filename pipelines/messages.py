"""What people read on their phones, in Indonesian or English: an alert, a digest, a notice about the watch itself.

Pure: payloads in, `Message` out; how it is escaped and cut is pipelines.forms'. Tests: tests/pipelines/test_messages.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.forms import Form, Line, Message, Span, link, shortened
from pipelines.render import DigestItem, one_line, render_time, sentence_around

# Marks that turn the reading direction let a headline be shown as another one.
_BIDI = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_MARK = "\ue000"  # private use: stands around a hit until it becomes bold
_ORDER = ("sanksi", "proses", "dugaan", "regulasi", "data", "lain", None, "imbauan")  # what matters most comes first
_ITEM_TITLE, _ITEM_NAME = 200, 60  # characters of a headline, an outlet and a place in a digest
MOST_ITEMS = {
    "telegram": 30
}  # of a digest; Telegram shows 100 entities a message: 30 links and the headings stay below
MANY_ITEMS = 100  # where the service sets no such limit: nobody reads further

_CATEGORIES = {
    "id": {
        "imbauan": "Imbauan",
        "dugaan": "Dugaan pelanggaran",
        "proses": "Sedang diproses",
        "sanksi": "Putusan atau sanksi",
        "regulasi": "Aturan dan sosialisasi",
        "data": "Data dan survei",
        "lain": "Lainnya",
    },
    "en": {
        "imbauan": "Exhortation",
        "dugaan": "Alleged violation",
        "proses": "Under examination",
        "sanksi": "Decision or sanction",
        "regulasi": "Rules and outreach",
        "data": "Figures and surveys",
        "lain": "Other",
    },
}
# Short, for "Naik: dugaan → proses"; the categories themselves are Indonesian.
_STEPS: dict[str, dict[str, str]] = {
    "id": {},
    "en": {
        "imbauan": "exhortation",
        "dugaan": "allegation",
        "proses": "examination",
        "sanksi": "sanction",
        "regulasi": "rules",
        "data": "figures",
        "lain": "other",
    },
}
_WORDS = {
    "id": {
        "unknown": "waktu terbit tidak diketahui",
        "media": "media",
        "risen": "Naik: {before} → {after}",
        "title": "Judul diubah",
        "body": "Isi diubah",
        "gone": "Artikel dihapus",
        "was": "Semula: {}",
        "test": "Uji kanal pantau",
        "works": "Kanal {} berfungsi.",
        "digest": "Ringkasan: {} kabar",
        "part": "bagian {} dari {}",
        "uncategorised": "Tanpa kategori",
        "nowhere": "Lokasi tidak diketahui",
        "watch": "Tentang pemantauan",
        "since": "Sejak {}.",
        "between": "Antara {} dan {}.",
        "affected": "{failed} dari {sources} sumber tidak terjangkau.",
        "given_up": "{} kabar tidak terkirim dan tidak dicoba lagi.",
        "reason": "Sebab: {}.",
    },
    "en": {
        "unknown": "time of publication unknown",
        "media": "outlets",
        "risen": "Risen: {before} → {after}",
        "title": "Headline changed",
        "body": "Text changed",
        "gone": "Article removed",
        "was": "Before: {}",
        "test": "pantau channel test",
        "works": "Channel {} works.",
        "digest": "Summary: {} alerts",
        "part": "part {} of {}",
        "uncategorised": "No category",
        "nowhere": "Place unknown",
        "watch": "About the watch",
        "since": "Since {}.",
        "between": "Between {} and {}.",
        "affected": "{failed} of {sources} sources cannot be reached.",
        "given_up": "{} alerts were not delivered and are not tried again.",
        "reason": "Reason: {}.",
    },
}
# A kind of notice: what it says in one line, and what that means for whoever reads it.
_NOTICES = {
    "id": {
        "source.silent": (
            "{} tidak memuat berita baru",
            "Biasanya sudah ada berita. Periksa apakah situsnya masih aktif.",
        ),
        "source.layout_changed": (
            "Tampilan {} berubah",
            "Berita di situs itu tidak terbaca lagi; pengaturannya perlu diperiksa.",
        ),
        "source.blocked": (
            "{} menolak pantauan",
            "Situs itu tidak memberi kita halamannya, jadi beritanya tidak terpantau.",
        ),
        "source.not_a_feed": (
            "Daftar berita {} hilang",
            "Alamatnya kini berisi hal lain; pengaturannya perlu diperiksa.",
        ),
        "source.failing": ("{} tidak dapat dibaca", "Kita terus mencoba; sampai berhasil, beritanya tidak terpantau."),
        "source.gap": ("Mungkin ada berita {} yang terlewat", "Berita terbit lebih cepat daripada kita membaca."),
        "source.recovered": ("{} terpantau lagi", "Tidak ada yang perlu dilakukan."),
        "network.down": ("Jaringan kita terputus", "Tidak ada yang dapat dipantau sampai tersambung lagi."),
        "network.up": ("Jaringan kita tersambung lagi", "Pemantauan berjalan lagi."),
        "channel.failing": (
            "Kanal {} tidak menerima kabar",
            "Periksa alamat dan izinnya, lalu kirim ulang dengan: pantau alerts retry.",
        ),
        "channel.recovered": ("Kanal {} menerima kabar lagi", "Yang tertunda sedang dikirim."),
    },
    "en": {
        "source.silent": ("{} publishes nothing new", "By now it usually has. See whether the site is still active."),
        "source.layout_changed": ("{} looks different", "Its news can no longer be read; its settings need a look."),
        "source.blocked": ("{} refuses us", "The site does not give us its pages, so its news is not watched."),
        "source.not_a_feed": (
            "{} has lost its news listing",
            "Something else is at its address; its settings need a look.",
        ),
        "source.failing": ("{} cannot be read", "We keep trying; until then its news is not watched."),
        "source.gap": ("News of {} may have been missed", "It is published faster than we read."),
        "source.recovered": ("{} is watched again", "There is nothing to do."),
        "network.down": ("Our network is down", "Nothing can be watched until it is back."),
        "network.up": ("Our network is back", "The watch goes on."),
        "channel.failing": (
            "Channel {} takes no alerts",
            "Check its address and permissions, then send again with: pantau alerts retry.",
        ),
        "channel.recovered": ("Channel {} takes alerts again", "What was held back is being sent."),
    },
}


def render_message(payload: str, language: str, zone: ZoneInfo) -> Message:
    """Return an alert, digest or notice as a message. A kind that is not known is shown by what it says of itself."""
    document = json.loads(payload)
    kind, data = document["type"], document["data"]
    if kind == "digest":
        return _digest(data, language, zone)
    if "article" in data:
        return _alert(kind, data, language, zone)
    if kind == "channel.test":
        return Message(
            _WORDS[language]["test"], "", ((Span(_WORDS[language]["works"].format(_plain(data["channel"]))),),)
        )
    return Message(_notice_title(kind, data, language), "", _notice_lines(kind, data, language, zone))


# ---------------------------------------------------------------------------------------------------------- an alert


def _alert(kind: str, data: Mapping[str, Any], language: str, zone: ZoneInfo) -> Message:
    article, words = data["article"], _WORDS[language]
    change = _change(kind, data, language)
    category = None if kind == "story.risen" else _category(article.get("category"), language)
    where = article.get("regency") or article.get("province")
    label = " · ".join(_plain(part) for part in (change, category, where) if part)
    published = article.get("published_at")
    when = (
        render_time(datetime.fromisoformat(published), article.get("date_precision"), language, zone)
        if published
        else words["unknown"]
    )
    about = " · ".join(part for part in (_plain(article.get("outlet")), when, _more(data, language)) if part)
    former = data.get("previous", {}).get("title")
    lines: list[Line] = [(Span(words["was"].format(_plain(former))),)] if former else []
    lines.append((Span(about),))
    if evidence := _evidence(article):
        lines.append(evidence)
    if url := link(article.get("url")):
        lines.append((Span(url, url=url),))
    return Message(label, _plain(article.get("title")), tuple(lines))


def _change(kind: str, data: Mapping[str, Any], language: str) -> str | None:
    """Return what has changed since the story's first alert, in words; None for a first alert."""
    words = _WORDS[language]
    if kind == "story.risen":
        after = data["article"].get("category")
        before = data.get("story", {}).get("risen_from")
        steps = [_STEPS[language].get(step, str(step)) for step in (before, after) if step]
        return words["risen"].format(before=steps[0], after=steps[-1]) if len(steps) == 2 else "↑ " + " ".join(steps)
    if kind == "article.revised":
        return words["title"] if "previous" in data else words["body"]
    return words["gone"] if kind == "article.gone" else None


def _category(category: str | None, language: str) -> str | None:
    return _CATEGORIES[language].get(category, category) if category else None


def _more(data: Mapping[str, Any], language: str) -> str:
    others = data.get("story", {}).get("outlets", 1) - 1
    return f"+{others} {_WORDS[language]['media']}" if others > 0 else ""


def _evidence(article: Mapping[str, Any]) -> Line | None:
    """Return the first sentence of the body that a rule matched, in quotes, the hit in bold; the topic's where the rule
    matched the title alone."""
    body = article.get("body") or ""
    hits = [match for match in article.get("matches", ()) if match["field"] == "body"]
    hits.sort(key=lambda match: (match["rule"] == "topic", match["start"]))
    # The payload's body may be cut before the hit.
    if not hits or hits[0]["end"] > len(body):
        return None
    sentence = sentence_around(body.replace(_MARK, " "), hits[0]["start"], hits[0]["end"], mark=_MARK)
    before, hit, after = (_BIDI.sub("", part) for part in sentence.split(_MARK))
    return Span(f"“{before}"), Span(hit, bold=True), Span(f"{after}”")


def _plain(text: object) -> str:
    """Return foreign text in one line, reading in one direction."""
    return _BIDI.sub("", one_line(str(text))) if text else ""


# ---------------------------------------------------------------------------------------------------------- a digest


def _digest(data: Mapping[str, Any], language: str, zone: ZoneInfo) -> Message:
    items, words = data["alerts"], _WORDS[language]
    if len(items) == 1:
        payload = json.dumps(
            {"type": items[0]["type"], "data": {key: items[0][key] for key in items[0] if key not in ("id", "type")}}
        )
        return render_message(payload, language, zone)
    label = words["digest"].format(len(items))
    if data["parts"] > 1:
        label += f" ({words['part'].format(data['part'], data['parts'])})"
    lines: list[Line] = []
    for category, places in _grouped(items):
        count = sum(len(members) for _, members in places)
        lines += [(), (Span(f"{_heading(category, language)} ({count})", bold=True),)]
        for place, members in places:
            if category != _WATCH:
                lines.append((Span(f"{place or words['nowhere']} ({len(members)})"),))
            for item in members:
                lines += _item(item, language, zone)
    return Message(label, "", tuple(lines))


_WATCH = "watch"


def _grouped(items: Iterable[DigestItem]) -> list[tuple[str | None, list[tuple[str | None, list[DigestItem]]]]]:
    """Return the items by category, what matters most first, and by province; in each group the oldest first."""
    groups: dict[str | None, dict[str | None, list[DigestItem]]] = {}
    for item in items:
        category, province = _group(item)
        groups.setdefault(category, {}).setdefault(province, []).append(item)
    order = {category: place for place, category in enumerate((*_ORDER, _WATCH))}
    return [
        (category, sorted(places.items(), key=lambda place: (place[0] is None, place[0] or "")))
        for category, places in sorted(groups.items(), key=lambda group: order.get(group[0], order["lain"]))
    ]


def _group(item: DigestItem) -> tuple[str | None, str | None]:
    article = item.get("article")
    return (article.get("category"), article.get("province")) if article else (_WATCH, None)


def _heading(category: str | None, language: str) -> str:
    words = _WORDS[language]
    return words["watch"] if category == _WATCH else _category(category, language) or words["uncategorised"]


def _item(item: DigestItem, language: str, zone: ZoneInfo) -> list[Line]:
    article = item.get("article")
    if article is None:
        return [(Span("• " + _notice_title(item["type"], item, language)),)]
    headline = shortened(_plain(article.get("title")), _ITEM_TITLE)
    place = article.get("regency") or ""
    about = (
        _change(item["type"], item, language) or "",
        shortened(_plain(article.get("outlet")), _ITEM_NAME),
        shortened(_plain(place), _ITEM_NAME),
        _more(item, language),
    )
    return [
        (Span("• "), Span(headline, url=link(article.get("url")))),
        (Span("  " + " · ".join(part for part in about if part)),),
    ]


def split_digest(
    items: Sequence[DigestItem], language: str, zone: ZoneInfo, form: Form, limit: int, most_parts: int | None
) -> list[list[DigestItem]]:
    """Return the items in order, in parts of which each fits a message of the form and limit; what needs more than
    `most_parts` is left out for a later digest."""
    words = _WORDS[language]
    frame = (Span(f"{words['digest'].format(99999)} ({words['part'].format(9999, 9999)})", bold=True),)
    parts: list[list[DigestItem]] = []
    many = MOST_ITEMS.get(form.name, MANY_ITEMS)
    used, seen = limit + 1, set[object]()
    for item in items:
        category, province = _group(item)
        cost = form.cost(_item(item, language, zone))
        headings: dict[object, list[Line]] = {
            (category,): [(), (Span(f"{_heading(category, language)} (9999)", bold=True),)],
            (category, province): [(Span(f"{province or words['nowhere']} (9999)"),)],
        }
        new = form.cost([line for key, lines in headings.items() if key not in seen for line in lines])
        if not parts or used + cost + new > limit or len(parts[-1]) >= many:
            if len(parts) == most_parts:
                break
            parts.append([])
            used, seen = form.cost([frame]), set()
            new = form.cost([line for lines in headings.values() for line in lines])
        parts[-1].append(item)
        seen.update(headings)
        used += cost + new
    return parts


# ------------------------------------------------------------------------------------------------------------ notices


def _notice_title(kind: str, data: Mapping[str, Any], language: str) -> str:
    title = _NOTICES[language].get(kind, (f"{kind}: {{}}", ""))[0]
    source = data.get("source")
    name = source.get("name") or source.get("id") if isinstance(source, Mapping) else source
    return title.format(_plain(name or data.get("channel"))).rstrip(": ")


def _notice_lines(kind: str, data: Mapping[str, Any], language: str, zone: ZoneInfo) -> tuple[Line, ...]:
    """Return what a notice means, then since when and why; a link to the source."""
    words = _WORDS[language]
    meaning = _NOTICES[language].get(kind, ("", ""))[1]
    facts = []
    times = [
        render_time(datetime.fromisoformat(data[name]), "minute", language, zone)
        for name in ("since", "until")
        if data.get(name)
    ]
    if times:
        facts.append(words["between" if len(times) == 2 else "since"].format(*times))
    if data.get("sources"):
        facts.append(words["affected"].format(failed=data.get("failed"), sources=data["sources"]))
    if data.get("given_up"):
        facts.append(words["given_up"].format(data["given_up"]))
    if data.get("detail"):
        facts.append(words["reason"].format(_plain(data["detail"]).rstrip(".")))
    lines: list[Line] = [(Span(text),) for text in (meaning, " ".join(facts)) if text]
    source = data.get("source")
    if isinstance(source, Mapping) and (url := link(source.get("url"))):
        lines.append((Span(url, url=url),))
    return tuple(lines)
