from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

from tests.web.conftest import visiting
from tests.web.press import BODY, NOW, Press, stamped
from web.plugin import Site


async def text(site: Site, path: str, status: int = 200) -> str:
    async with visiting(site) as client:
        answer = await client.get(path)
    assert answer.status_code == status, answer.text
    return unescape(re.sub(r"\s+", " ", answer.text))


async def test_the_first_view_shows_what_is_new_and_serious_newest_first(press: Press, site: Site) -> None:
    press.article("Kasus lama", hours_ago=5)
    press.article("Kasus baru", hours_ago=1, category="dugaan")
    press.article("Imbauan bupati", category="imbauan")
    press.article("Kasus tahun lalu", hours_ago=24 * 300)
    shown = await text(site, "/")
    assert re.findall(r"<h3><a [^>]*>(.*?)</a>", shown) == ["Kasus baru", "Kasus lama"]
    assert "2 kabar dari 2 artikel" in shown
    assert "menjaga <mark>netralitas</mark> ASN." in shown
    assert "Rabu, 13 November 2024 07.04 WIB" in shown
    assert "Kota Palembang, Sumatera Selatan" in shown


async def test_a_story_of_many_outlets_is_one_line_that_names_them(press: Press, site: Site) -> None:
    _, story = press.article("Kasus", hours_ago=3)
    press.article("Kasus diperbarui", story=story, source="dua", hours_ago=1)
    shown = await text(site, "/")
    assert re.findall(r"<h3><a [^>]*>(.*?)</a>", shown) == ["Kasus diperbarui"]
    assert "2 media:" in shown
    assert 'rel="noopener noreferrer nofollow">Dua</a>' in shown


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("?region=14", ["Riau"]),
        ("?region=16.71", ["Sumsel"]),
        ("?region=Sumsel", ["Sumsel"]),
        ("?category=imbauan", ["Lama"]),
        ("?category=all&period=all", ["Riau", "Sumsel", "Lama"]),
        ("?category=all&period=1d", ["Riau", "Sumsel"]),
        ("?category=all&from=2024-11-03&to=2024-11-03", ["Lama"]),
        ("?outlet=dua", ["Riau"]),
        ("?q=mobil", ["Riau"]),
        ('?q="mobil hijau"', []),
        ("?q=%22%29+OR+%28", []),
        ("?q=tidakada", []),
        ("?page=2", []),
    ],
)
async def test_filters_are_in_the_address(press: Press, site: Site, query: str, titles: list[str]) -> None:
    press.article("Riau", province_code="14", regency_code=None, source="dua", hours_ago=1)
    press.article("Sumsel", "Bawaslu: netralitas ASN.", hours_ago=2)
    press.article(
        "Lama", "Bupati bicara.", category="imbauan", hours_ago=24 * 10, province_code=None, regency_code=None
    )
    shown = await text(site, "/" + query)
    assert re.findall(r"<h3><a [^>]*>(.*?)</a>", shown) == titles
    async with visiting(site) as client:
        rows = (await client.get("/stories.json" + query)).json()["rows"]
    assert [row["title"] for row in rows] == (titles if "page" not in query else ["Riau", "Sumsel"])


async def test_what_the_address_asks_wrongly_is_said(press: Press, site: Site) -> None:
    assert "region: <b>Nirwana</b> tidak dikenal." not in await text(site, "/?region=Nirwana", 400)
    assert "region: Nirwana tidak dikenal." in await text(site, "/?region=Nirwana", 400)
    assert "period: 2d is not known." in await text(site, "/coverage?period=2d&lang=en", 400)


async def test_pages_follow_each_other_and_lose_no_story(press: Press, site: Site) -> None:
    for number in range(45):
        press.article(f"Kasus {number}", hours_ago=number)
    shown = [await text(site, f"/?page={page}") for page in (1, 2, 3)]
    assert [re.findall(r"<h3><a [^>]*>Kasus (\d+)</a>", page) for page in shown] == [
        [str(n) for n in numbers] for numbers in (range(20), range(20, 40), range(40, 45))
    ]
    assert 'rel="prev"' not in shown[0]
    assert 'rel="next" href="?page=2"' in shown[0]
    assert 'rel="next"' not in shown[2]


async def test_an_empty_database_says_how_it_is_filled_and_an_empty_view_how_to_widen_it(
    press: Press, site: Site
) -> None:
    assert "Belum ada artikel yang tersimpan" in await text(site, "/")
    press.article(hours_ago=24 * 90)
    shown = await text(site, "/")
    assert "Tidak ada dugaan, proses atau sanksi" in shown
    assert 'href="?period=all"' in shown
    assert "belum tentu bersih" in shown


async def test_the_language_is_the_settings_or_the_address_s(press: Press, site: Site) -> None:
    assert '<html lang="id">' in await text(site, "/")
    english = await text(site, "/coverage?lang=en")
    assert '<html lang="en">' in english
    assert "Civil service neutrality watch" in english
    assert 'href="/?lang=en"' in english


async def test_the_map_goes_from_the_country_into_a_province(press: Press, site: Site) -> None:
    press.article("Satu")
    press.article("Dua")
    press.article("Provinsi", regency_code=None)
    country = await text(site, "/")
    assert re.search(r'href="\?region=16" aria-label="Sumatera Selatan: 3"', country)
    province = await text(site, "/?region=16")
    assert re.search(r'href="\?region=16\.71" aria-label="Kota Palembang: 2"', province)
    assert "Seluruh provinsi, tanpa kabupaten atau kota</th><td>1</td>" in province
    inside = await text(site, "/?region=16.71")
    assert re.search(r'aria-label="Kota Palembang: 2" aria-current="true"', inside)


async def test_a_province_without_a_working_source_does_not_look_quiet(press: Press, site: Site) -> None:
    shown = await text(site, "/")
    assert 'aria-label="Aceh: 0, tanpa sumber yang berfungsi"' in shown
    assert 'aria-label="Riau: 0"' in shown
    with press.writing() as db:
        db.execute("UPDATE sources SET state = 'blocked' WHERE id = 'dua'")
    assert 'aria-label="Riau: 0, tanpa sumber yang berfungsi"' in await text(site, "/")


async def test_a_watch_that_stopped_says_so(press: Press, site: Site) -> None:
    assert "Pemantauan berhenti" not in await text(site, "/")
    with press.writing() as db:
        db.execute("UPDATE sources SET last_poll_at = ?", (stamped(NOW - timedelta(days=2)),))
    assert "Pemantauan berhenti: pemeriksaan terakhir Senin, 11 November 2024 08.04 WIB" in await text(site, "/")


# ------------------------------------------------------------------------------------------------------ story


async def test_a_story_shows_its_course_its_articles_and_what_each_says_differently(press: Press, site: Site) -> None:
    _, story = press.article("Imbauan", category="imbauan", hours_ago=72)
    press.article(
        "Dugaan",
        BODY + " Bupati menyesalkan kejadian ini karena mencoreng nama baik pemerintah.",
        story=story,
        category="dugaan",
        source="dua",
        hours_ago=24,
    )
    press.article("Sanksi", story=story, category="sanksi", source="tiga", hours_ago=2)
    shown = await text(site, f"/story/{story}")
    course = shown.split('class="course"')[1].split("</ol>")[0]
    assert re.findall(r'<li class="([\w-]+)"', course) == [
        "imbauan",
        "dugaan",
        "not-reached",
        "sanksi",
    ]
    assert '<mark class="only">Bupati menyesalkan kejadian ini' in shown
    assert "Sama kata demi kata dengan Satu." in shown
    assert "3 artikel, 3 media" in shown


async def test_an_edit_is_a_visible_diff_and_a_take_down_is_marked(press: Press, site: Site) -> None:
    number, story = press.article("Camat dimutasi", BODY, gone_at=stamped(NOW))
    press.revision(number, 1, "Camat dipecat", BODY)
    shown = await text(site, f"/story/{story}")
    assert "Versi 1 menjadi 2" in shown
    assert '<p class="diff">Camat <del>dipecat</del> <ins>dimutasi</ins></p>' in shown
    assert "Tidak ada lagi di situs medianya; kami lihat Rabu, 13 November 2024 08.04 WIB" in shown
    assert "Dihapus media" in await text(site, "/")


async def test_the_evidence_for_category_and_place_is_shown(press: Press, site: Site) -> None:
    _, story = press.article("Bawaslu Palembang periksa camat soal netralitas ASN")
    shown = await text(site, f"/story/{story}")
    category, place = shown.split("Mengapa kategori ini")[1], shown.split("Mengapa tempat ini")[1]
    assert "(judul): <q>Bawaslu Palembang periksa camat soal netralitas ASN</q>" in category
    assert "Kota Palembang: “" in place


async def test_a_story_that_is_not_there_is_not_found(press: Press, site: Site) -> None:
    for path in ("/story/99", "/story/999999999999999", "/story/99.json"):
        assert "Halaman ini tidak ada." in await text(site, path, 404)


# --------------------------------------------------------------------------------------------------- coverage


async def test_coverage_tells_watched_from_silent_blocked_and_without_a_source(press: Press, site: Site) -> None:
    with press.writing() as db:
        db.execute("UPDATE sources SET state = 'blocked', error = 'HTTP 403' WHERE id = 'dua'")
    shown = await text(site, "/coverage")

    def standing(name: str) -> str:
        row = re.search(rf">{name}</a></th><td><span class=\"standing (\w+)\"", shown)
        assert row, name
        return row[1]

    assert (standing("Sumatera Selatan"), standing("Riau"), standing("Aceh")) == ("watched", "dark", "none")
    assert "HTTP 403" in shown
    assert "Nasional atau tanpa wilayah" in shown
    inside = await text(site, "/coverage?region=16")
    assert "Tanpa sumber sendiri (17)" in inside
    assert "Dua</a>" not in inside


async def test_a_link_that_is_none_is_text(press: Press, site: Site) -> None:
    press.article("Kasus", url="javascript:alert(1)")
    with press.writing() as db:
        db.execute("UPDATE sources SET url = 'javascript:alert(2)'")
    for path in ("/", "/story/1", "/coverage"):
        assert 'href="javascript' not in await text(site, path)
