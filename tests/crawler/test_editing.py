"""Adding to sources.yaml without touching the rest of it (crawler/editing.py)."""

from __future__ import annotations

import random
import stat
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from crawler.config import load_config
from crawler.editing import appended, checked, read_text, replace_file
from crawler.errors import ConfigError, UsageError

ROOT = Path(__file__).parents[2]
ENTRY = {
    "id": "baru",
    "name": 'Baru: "yang" #1 & lain',
    "url": "https://baru.example",
    "region": "Sumatera Selatan",
    "discover": [{"feed": "https://baru.example/feed/?a=${x}&b=#c"}],
}
ONE = "{id: x, name: X, url: 'https://x.example', discover: [{feed: 'https://x.example/f'}]}"
BLOCK = """\
  - id: x  # the first
    name: X
    url: https://x.example
    discover:
      - feed: https://x.example/f   # its feed
"""
FILES = {
    "usual": f"# top\nsettings:\n  timezone: WIB\n\nsources:\n{BLOCK}\n# about the rules\nrules: []\n",
    "last": f"rules: []\nsources:\n{BLOCK}",
    "no line end": f"sources:\n{BLOCK.rstrip()}",
    "dashes at the margin": "sources:\n" + BLOCK.replace("\n  ", "\n")[2:] + "rules: []\n",
    "far in": "sources:\n" + "".join(f"      {line}\n" for line in BLOCK.splitlines()) + "rules: []\n",
    "comment in the last entry": f"sources:\n{BLOCK}    # every: 5m\n      # and more\n\n  # next group\nrules: []\n",
    "commented line end": f"sources:\n{BLOCK}\n\n\n# end of file",
    "brackets": f"sources: [{ONE}]\nrules: []\n",
    "brackets over lines": f"sources: [\n  {ONE},  # first, with comma\n  # nothing more, really\n]\n",
    "brackets without comma": f"sources: [\n  {ONE}  # no comma, here\n]\nrules: []\n",
    "empty brackets": "sources: []\nrules: []\n",
    "empty key": "settings:\n  timezone: WIB\nsources:\n\n# rules\nrules: []\n",
    "no key": "settings:\n  timezone: WIB  # ours",
    "only comments": "# nothing yet\n",
    "no file": "",
    "windows": f"settings:\n  timezone: WIB\nsources:\n{BLOCK}rules: []\n".replace("\n", "\r\n"),
    "byte order mark": f"\ufeffsources:\n{BLOCK}",
    "folded text": "sources:\n"
    + BLOCK.replace("name: X", "name: >-\n      X of\n      many").replace("discover", "discover")
    + "rules: []\n",
    "text at the end": "sources:\n" + BLOCK + "    article:\n      body: |-\n        div.isi\n\n\nrules: []\n",
    "anchors": "sources:\n"
    + BLOCK.replace("discover:", "discover: &d")
    + "  - id: y\n    name: Y\n    url: https://y.example\n    discover: *d\n\nrules: []\n",
    "quotes and colons": "sources:\n" + BLOCK.replace("name: X", "name: 'X: # no comment'") + "rules: []\n",
}


def without(text: str, added: str) -> str:
    """Return the new text without the run of characters that is new, by the longest common beginning."""
    same = next((i for i, (a, b) in enumerate(zip(text, added, strict=False)) if a != b), min(len(text), len(added)))
    return added[:same] + added[same + len(added) - len(text) :]


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_the_entry_is_added_last_and_every_other_byte_stays(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sources.yaml"
    path.write_bytes(text.encode())
    before = [s["id"] for s in (YAML(typ="safe").load(text.removeprefix("\ufeff")) or {}).get("sources") or []]
    added = appended(read_text(path), [ENTRY])
    config = checked(path, added)
    assert [source.id for source in config.sources] == [*before, "baru"]
    new = config.sources[-1]
    assert (new.name, new.url, new.region) == (ENTRY["name"], ENTRY["url"], "16")
    assert new.discover[0].url == "https://baru.example/feed/?a=${x}&b=#c"
    if text.endswith(("\n", "]", "ours", "file")) or text:
        assert without(text, added) in (text, text + "\n")
    assert ("\r\n" in text) == ("\r\n" in added)
    assert "\n" not in added.replace("\r\n", "") if "\r\n" in text else True
    again = appended(added, [{**ENTRY, "id": "lagi"}])
    assert [source.id for source in checked(path, again).sources] == [*before, "baru", "lagi"]
    assert path.read_bytes().decode() == text  # nothing was written yet


def test_comments_of_the_last_entry_stay_with_it() -> None:
    added = appended(FILES["comment in the last entry"], [ENTRY])
    assert added.index("# and more") < added.index("baru") < added.index("# next group")


def test_the_shipped_list_keeps_every_line(tmp_path: Path) -> None:
    text = (ROOT / "sources.yaml").read_text("utf-8")
    added = appended(text, [ENTRY])
    assert set(text.splitlines()) <= set(added.splitlines())
    assert without(text, added) == text
    assert len(checked(tmp_path / "s.yaml", added).sources) == len(load_config(ROOT / "sources.yaml").sources) + 1


@pytest.mark.parametrize("seed", range(30))
def test_any_mixture_of_entries_and_comments_keeps_its_text(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    text = (
        rng.choice(("", "# top\n\n", "settings: {timezone: WIB}\n")) + "sources:" + rng.choice(("", "  # all")) + "\n"
    )
    column = rng.choice((0, 1, 2, 4))
    for number in range(rng.randint(1, 4)):
        for line in BLOCK.replace("id: x", f"id: x{number}").splitlines():
            text += " " * column + line[2:] + rng.choice(("", "  # note", " ")) + "\n"
            text += rng.choice(("", "", "\n", " " * (column + 4) + "# inner\n", "# outer\n"))
    text += rng.choice(("", "\n\n", "rules: []\n", "# the end\nrules: []"))
    added = appended(text, [ENTRY])
    assert checked(tmp_path / "s.yaml", added).sources[-1].id == "baru"
    assert without(text, added) in (text, text + "\n")


@pytest.mark.parametrize("text", ["sources: 5\n", "- a\n", "{settings: {timezone: WIB}}\n", "sources: {a: b}\n"])
def test_what_is_no_list_is_left_alone(text: str) -> None:
    with pytest.raises(UsageError):
        appended(text, [ENTRY])


def test_a_wrong_entry_leaves_the_file_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(FILES["usual"])
    with pytest.raises(ConfigError) as caught:
        checked(path, appended(read_text(path), [{**ENTRY, "id": "x"}]))
    assert str(path) in str(caught.value)
    assert ".part" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["sources.yaml"]


def test_a_file_is_replaced_with_its_rights_and_through_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "real.yaml", tmp_path / "sources.yaml"
    path.write_text("a")
    path.chmod(0o640)
    link.symlink_to(path)
    replace_file(link, "b")
    assert link.is_symlink()
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("b", 0o640)
    with pytest.raises(UsageError, match="cannot be written"):
        replace_file(tmp_path / "none" / "x.yaml", "b")


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("sources: [\n")
    with pytest.raises(ConfigError, match=r"sources\.yaml:\d"):
        read_text(path)
