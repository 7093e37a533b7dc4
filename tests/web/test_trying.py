from __future__ import annotations

import time

import pytest

from tests.web.conftest import visiting
from tests.web.press import Press
from web import trying
from web.plugin import Site
from web.trying import BadRule, read_rule


def test_lines_are_terms_and_yaml_is_as_in_sources_yaml() -> None:
    assert read_rule('ASN\n  "politik praktis"\n\n~netral') == {"any": ["ASN", "politik praktis", "~netral"]}
    assert read_rule("any: [ASN, netral*]") == {"any": ["ASN", "netral*"]}
    assert read_rule("{near: [camat, kampanye], within: 8}") == {"near": ["camat", "kampanye"], "within": 8}
    assert read_rule("title:netralitas") == {"any": ["title:netralitas"]}


@pytest.mark.parametrize(
    "text",
    [
        "x" * 2001,
        "{any: [",
        "any: [&a [x, x], *a]",
        "[" * 1900,
        "- " * 900,
        "- ? " * 400,
        "any: [x]\n- {",
        "any: !!python/object/apply:os.system ['x']",
    ],
    ids=range(8),
)
def test_what_is_no_rule_is_refused_at_once(text: str) -> None:
    started = time.process_time()
    with pytest.raises(BadRule):
        read_rule(text)
    assert time.process_time() - started < 1


async def test_a_rule_is_tried_on_what_is_stored(press: Press, site: Site) -> None:
    press.article("Satu")
    press.article("Dua", "Bawaslu: netralitas ASN.", source="dua")
    async with visiting(site) as client:
        page = (await client.get("/try", params={"rule": "{near: [camat, kampanye], within: 9}", "lang": "en"})).text
        wrong = (await client.get("/try", params={"rule": "{near: [camat]}"})).text
        nothing = (await client.get("/try", params={"rule": "gajah"})).text
    assert "1 stories would be sent (1 articles hit, 2 read)" in page
    assert "di panggung <mark>kampanye</mark> pada hari Minggu." in page
    assert "Aturan tidak terbaca" in wrong
    assert "0 kabar akan dikirim" in nothing


async def test_the_time_is_limited_and_what_was_read_is_said(
    press: Press, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    press.article("Satu")
    monkeypatch.setattr(trying, "LIMIT_S", -1.0)
    async with visiting(site) as client:
        page = (await client.get("/try", params={"rule": "camat"})).text
    assert "Dihentikan sesudah" in page
    assert "0 dibaca" in page


async def test_one_rule_at_a_time(press: Press, site: Site) -> None:
    async with visiting(site) as client:
        with trying._ONE_AT_A_TIME:
            answer = await client.get("/try", params={"rule": "camat"})
        assert answer.status_code == 503
        assert "Aturan lain sedang dicoba" in answer.text
        assert (await client.get("/try", params={"rule": "camat"})).status_code == 200
