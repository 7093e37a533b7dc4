"""The page in a real Chromium: clicks, filters, map, keyboard, phone, dark, hostile texts, accessibility.

`open_page` fails a test on any console error and on any request to another host. Skipped where there is no Chromium.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import ZONE, running
from tests.web.payloads import PAYLOADS
from tests.web.press import BODY, NOW, Press, stamped
from web.plugin import Site

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
Open = Callable[..., Any]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page with a little of everything."""
    press = Press(tmp_path_factory.mktemp("web") / "pantau.db")
    number, story = press.article(
        "Camat Ilir Timur dimutasi karena tidak netral", BODY, category="sanksi", hours_ago=30
    )
    press.revision(number, 1, "Camat Ilir Timur dipecat karena tidak netral", BODY.replace("mobil dinas", "bus"))
    press.article(
        "Bawaslu periksa camat Ilir Timur",
        BODY + " Bupati menyesalkan kejadian ini dan meminta maaf.",
        story=story,
        source="dua",
        hours_ago=50,
        gone_at=stamped(NOW),
    )
    press.article("Imbauan wali kota sebelum kampanye", story=story, category="imbauan", source="tiga", hours_ago=90)
    for count in range(25):
        press.article(
            f"Kasus ke-{count}",
            hours_ago=count * 11 + 2,
            category=("dugaan", "proses")[count % 2],
            province_code=("14", "16", "31")[count % 3],
            regency_code=("14.71", "16.71", "31.01")[count % 3],
        )
    with press.writing() as db:
        db.execute("UPDATE sources SET state = 'blocked', error = 'HTTP 403' WHERE id = 'dua'")
    with running(Site(press.path, ZONE, now=lambda: NOW)) as found:
        yield found


def test_a_reader_filters_opens_a_story_and_comes_back(address: str, open_page: Open) -> None:
    page = open_page(address)
    assert page.locator(".stories li").count() == 20
    page.get_by_role("combobox", name="Kategori").select_option("sanksi")
    page.get_by_role("button", name="Terapkan").click()
    assert "category=sanksi" in page.url
    assert page.locator(".stories h3").all_inner_texts() == ["Camat Ilir Timur dimutasi karena tidak netral"]
    page.get_by_role("link", name="Camat Ilir Timur dimutasi").click()
    assert page.locator(".course li.not-reached").count() == 1
    assert page.locator("del").first.inner_text() == "dipecat"
    assert page.locator("mark.only").count() >= 1
    page.go_back()
    page.get_by_role("link", name="Kembali ke awal").click()
    page.get_by_role("link", name="Lebih lama →").click()
    assert page.locator(".stories li").count() == 6


def test_the_map_leads_into_a_province_and_its_kota(address: str, open_page: Open) -> None:
    page = open_page(address)
    riau = page.locator(".map a[href*='region=14']").first
    riau.hover()
    assert page.locator(".map .says").inner_text() == "Riau: 9, tanpa sumber yang berfungsi"
    riau.click()
    assert page.get_by_role("heading", name="Kabar per wilayah: Riau").is_visible()
    page.locator(".map svg a[href*='region=14.71']").click()
    assert "region=14.71" in page.url
    assert page.locator(".stories li").count() == 9
    assert page.get_by_role("combobox", name="Wilayah").input_value() == "14.71"
    page.get_by_role("link", name="Kembali ke peta Indonesia").click()
    assert "region" not in page.url


def test_a_bar_of_the_timeline_opens_its_day(address: str, open_page: Open) -> None:
    page = open_page(address)
    page.locator(".timeline svg a").last.click()
    assert "from=2024-11-13&to=2024-11-13" in page.url
    assert page.locator(".stories li").count() == 1


def test_everything_is_reached_with_the_keyboard(address: str, open_page: Open) -> None:
    page = open_page(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#content"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("kasus")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=kasus**")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == "Kasus ke-0"
    region = page.locator(".map a[href*='region=14']").first
    region.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**region=14**")


@pytest.mark.parametrize(
    ("path", "scheme"),
    [
        *(
            (path, "light")
            for path in ("/", "/story/1", "/coverage", "/coverage?region=16", "/try?rule=camat", "/?region=x")
        ),
        *((path, "dark") for path in ("/?region=16&lang=en", "/story/1", "/coverage")),
    ],
)
def test_no_page_has_a_serious_accessibility_finding(address: str, open_page: Open, path: str, scheme: str) -> None:
    page = open_page(address + path, color_scheme=scheme)
    page.evaluate(AXE)  # in the page's own world; the policy forbids adding it as a script
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    serious = [
        (one["id"], [node["target"] for node in one["nodes"]][:5])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("path", ["/", "/?region=16", "/story/1", "/coverage", "/try?rule=camat"])
def test_a_phone_shows_every_page_without_scrolling_sideways(address: str, open_page: Open, path: str) -> None:
    page = open_page(address + path, **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("h1").count() == 1


def test_dark_mode_is_dark(address: str, open_page: Open) -> None:
    def ground(scheme: str) -> int:
        page = open_page(address, color_scheme=scheme)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour.strip("rgb()").split(","))

    assert ground("dark") < 150 < 600 < ground("light")


def test_all_is_read_without_javascript(address: str, open_page: Open) -> None:
    page = open_page(address, java_script_enabled=False)
    assert page.locator(".stories li").count() == 20
    assert page.locator(".map svg a").count() == 38
    assert page.locator(".timeline rect").count() > 10
    page.locator(".map a[href*='region=16']").first.click()
    assert "region=16" in page.url
    page.goto(f"{address}/story/1")
    assert page.locator("del").count() >= 1


def test_a_rule_is_tried(address: str, open_page: Open) -> None:
    page = open_page(f"{address}/try")
    page.get_by_role("textbox", name="Aturan").fill("panggung kampanye")
    page.get_by_role("button", name="Coba").click()
    assert page.locator("#outcome").inner_text().startswith("26 kabar akan dikirim")
    assert page.locator(".samples mark").first.inner_text() == "panggung kampanye"


@pytest.mark.parametrize("public", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_120_hostile_texts_run_nothing(tmp_path: Path, open_page: Open, public: bool) -> None:
    assert len(set(PAYLOADS)) == 120
    press = Press(tmp_path / "pantau.db")
    story: int | None = None
    for number, payload in enumerate(PAYLOADS):
        body = f"Pembuka {payload} netralitas {payload} ASN.\n\n{payload}"
        found, own = press.article(
            payload,
            body,
            story=story if number % 8 else None,
            hours_ago=number / 10,
            author=payload,
            url=f"{payload}#{number}",
            image=payload,
        )
        story = own
        press.revision(found, 1, payload + " lama", payload)
    with press.writing() as db:
        db.execute("UPDATE sources SET name = ?, url = ?, error = ?", (PAYLOADS[1], PAYLOADS[12], PAYLOADS[7]))
    site = Site(press.path, ZONE, now=lambda: NOW, public=public)
    with running(site) as address:
        told = range(1, 16) if not public else range(1, 3)  # the templates are the same
        paths = [
            "/",
            *(f"/story/{number}" for number in told),
            "/coverage",
            f"/?q={_quoted(PAYLOADS[1])}",
            f"/?region={_quoted(PAYLOADS[0])}",
        ]
        if not public:
            paths += [f"/try?rule={_quoted(PAYLOADS[6])}", "/try?rule=netralitas&period=all"]
        page = open_page(address)
        for path in paths:
            page.goto(address + path)
            hit = page.evaluate("window.pwned")
            assert hit is None, path
            assert (
                page.locator(
                    "main [onerror], main [onload], main script, main iframe, main object, main [href^='javascript' i]"
                ).count()
                == 0
            ), path
        if not public:
            assert page.locator("main").inner_text().count("window.pwned") > 0


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text)


@pytest.mark.skipif("PANTAU_SCREENSHOTS" not in os.environ, reason="makes docs/images anew: PANTAU_SCREENSHOTS=1")
def test_screenshots_of_the_demo(tmp_path: Path, open_page: Open) -> None:
    """Not a test: writes docs/images from the demo's database."""
    made = [sys.executable, "-m", "cli", "demo", "--keep", str(tmp_path / "demo")]
    subprocess.run(made, check=True, capture_output=True)
    images = Path(__file__).parents[2] / "docs" / "images"
    images.mkdir(exist_ok=True)
    site = Site(tmp_path / "demo" / "pantau.db", ZONE, now=lambda: datetime.now(UTC))
    with running(site) as address:
        for name, path, options in (
            ("web-desktop", "/", {"viewport": {"width": 1100, "height": 760}}),
            ("web-phone", f"/story/{_most_told(site.database)}", {"viewport": {"width": 360, "height": 740}}),
            ("web-dark", "/?region=18", {"viewport": {"width": 1100, "height": 760}, "color_scheme": "dark"}),
        ):
            page = open_page(address + path, **options)
            page.screenshot(path=str(images / f"{name}.png"))


def _most_told(database: Path) -> int:
    with contextlib.closing(sqlite3.connect(database)) as db:
        return int(db.execute("SELECT id FROM stories WHERE category = 'proses' ORDER BY outlets DESC").fetchone()[0])
