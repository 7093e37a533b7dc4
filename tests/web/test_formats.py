from __future__ import annotations

import csv
import io
import json
from xml.etree import ElementTree

from tests.web.conftest import visiting
from tests.web.press import Press
from web.formats import write
from web.plugin import Site

RECORD = {
    "id": "story/1",
    "title": "=1+1 <b> & \x00\ufffe",
    "url": "javascript:alert(1)",
    "updated": "2024-11-13T01:04:00Z",
    "category": "proses",
}


def test_csv_holds_no_formula_and_every_column() -> None:
    (row,) = csv.DictReader(io.StringIO(write("csv", "x", [RECORD])))
    assert row["title"].startswith("'=1+1")
    assert list(row) == list(RECORD)


def test_atom_is_well_formed_whatever_a_title_holds_and_links_the_web_alone() -> None:
    feed = ElementTree.fromstring(
        write("atom", "Judul & <x>", [RECORD, {**RECORD, "url": "https://satu.example/?a=1&b=2", "updated": None}])
    )
    ns = {"a": "http://www.w3.org/2005/Atom"}
    assert [entry.findtext("a:title", None, ns) for entry in feed.findall("a:entry", ns)] == ["=1+1 <b> & "] * 2
    assert [link.get("href") for link in feed.iterfind(".//a:link", ns)] == ["https://satu.example/?a=1&b=2"]
    assert feed.findtext("a:updated", None, ns) == "2024-11-13T01:04:00Z"
    assert ElementTree.fromstring(write("atom", "leer", [])).findtext("a:updated", None, ns)


def test_json_says_what_the_rows_hold() -> None:
    assert json.loads(write("json", "x", [RECORD]))["rows"] == [RECORD]


async def test_every_view_comes_as_atom_csv_and_json(press: Press, site: Site) -> None:
    press.article("Kasus satu")
    async with visiting(site) as client:
        for view in ("/stories", "/story/1", "/coverage"):
            for form, kind in (("atom", "application/atom+xml"), ("csv", "text/csv"), ("json", "application/json")):
                answer = await client.get(f"{view}.{form}")
                assert answer.status_code == 200, (view, form)
                assert answer.headers["content-type"].startswith(kind)
                assert ("Kasus satu" if "stor" in view else "Satu") in answer.text
