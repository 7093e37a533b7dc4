"""A first sources.yaml (crawler/beginning.py)."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from crawler.beginning import WAYS, begin, shipped_outlets
from crawler.config import load_config
from crawler.errors import ConfigError, UsageError
from crawler.items import CATEGORIES
from pipelines.wilayah import region_name, regions

ROOT = Path(__file__).parents[2]
TO = {
    "telegram": "-1001234",
    "email": "redaksi@outlet.example",
    "webhook": "https://host.example/hook?a=1",
    "nobody": "",
}


def test_the_list_in_the_package_is_the_shipped_one() -> None:
    assert files("crawler").joinpath("data", "sources.yaml").read_text("utf-8") == (ROOT / "sources.yaml").read_text(
        "utf-8"
    )


@pytest.mark.parametrize("notify", WAYS)
def test_the_file_is_valid_once_its_secrets_are_set_and_tells_cases_at_once_and_appeals_daily(
    tmp_path: Path, notify: str
) -> None:
    path = tmp_path / "sources.yaml"
    beginning = begin(path, "16", "Sumatera Selatan", notify, TO[notify])
    environ = dict(re.fullmatch(r"export (\w+)='(.*)'", line).groups() for line in beginning.exports)  # type: ignore[union-attr]
    config = load_config(path, environ=environ)
    assert len(config.sources) == beginning.outlets >= 10
    assert {source.region for source in config.sources} == {"16"}
    cases, rest = config.rules
    assert set(cases.categories) == {"dugaan", "proses", "sanksi"}
    assert {*cases.categories, *rest.categories, "lain"} == set(CATEGORIES)
    if notify == "nobody":
        assert (config.channels, cases.notify, environ) == ({}, (), {})
        return
    assert (config.channels["segera"].digest, config.channels["harian"].digest) == (None, "07:00")
    assert (cases.notify, rest.notify) == (("segera",), ("harian",))
    assert TO[notify] in (config.channels["segera"].apprise or config.channels["segera"].webhook or "")
    text = path.read_text()
    assert environ
    for name, value in environ.items():
        assert f"${{{name}}}" in text
        assert value not in text  # a secret stays in the environment
    with pytest.raises(ConfigError, match=next(iter(environ))):
        load_config(path, environ={})


@pytest.mark.parametrize(("code", "zone"), [("16", "Asia/Jakarta"), ("73", "Asia/Makassar"), ("94", "Asia/Jayapura")])
def test_times_are_shown_in_the_regions_own_zone(tmp_path: Path, code: str, zone: str) -> None:
    path = tmp_path / "sources.yaml"
    begin(path, code, region_name(code) or "", "nobody")
    assert load_config(path).settings.timezone == zone


def test_every_shipped_outlet_of_a_region_is_taken_with_its_comment_and_nothing_else() -> None:
    shipped = load_config(ROOT / "sources.yaml").sources
    provinces = {code for code in regions() if len(code) == 2}
    taken = [entry for code in sorted(provinces) for entry in shipped_outlets(code)]
    ids = [re.match(r"  - id: ([\w-]+)", entry)[1] for entry in taken]  # type: ignore[index]
    assert sorted(ids) == sorted(source.id for source in shipped if source.region)
    assert sum(not shipped_outlets(code) for code in provinces) <= 2
    assert shipped_outlets("16.71") == shipped_outlets("16")
    text = "\n".join(shipped_outlets("11"))
    assert "# ----" not in text  # the heading of the next province
    assert "# low; Antara" in text  # an outlet's own comment


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("mine")
    with pytest.raises(UsageError, match="overwrites nothing"):
        begin(path, "16", "Sumatera Selatan", "nobody")
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("notify", "to"),
    [
        ("pigeon", ""),
        ("telegram", ""),
        ("telegram", 'x" }'),
        ("telegram", "1\n"),
        ("email", "a b@c"),
        ("email", 'a@b.id"\nrules: []'),
        ("webhook", "ftp://x"),
        ("webhook", 'https://x/"'),
    ],
)
def test_answers_that_are_not_allowed_are_named_and_nothing_is_written(tmp_path: Path, notify: str, to: str) -> None:
    with pytest.raises(UsageError, match="allowed"):
        begin(tmp_path / "sources.yaml", "16", "Sumatera Selatan", notify, to)
    assert list(tmp_path.iterdir()) == []
