import base64
import json
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from crawler.config import Config, default_config, json_schema, load_config, parse_duration
from crawler.errors import ConfigError
from crawler.items import ArticleHints, Discover
from pipelines.matching import check_expression

ROOT = Path(__file__).parents[2]
SECRET = "whsec_" + base64.b64encode(bytes(range(24))).decode()
ENVIRON = {"TOKEN": "123:geheim", "CHAT": "-100", "HOOK_SECRET": SECRET}

SOURCE = "sources:\n  - id: a\n    name: A\n    url: https://a.id\n    discover: [{feed: https://a.id/rss}]\n"
FULL = """\
settings:
  database: data/pantau.db
  timezone: WITA
  language: en
  contact: redaksi@example.org
  delay: 2s
  allow_private_networks: true
  keep: all
  recheck: [6h, 1h]
  archive: true
  workers: 2
  dask: tcp://10.0.0.5:8786
topic:
  all:
    - any: [ASN, PNS, "aparatur sipil negara", ~netral]
    - {near: [camat, kampanye], within: 8}
sources:
  - id: rmolsumsel
    name: RMOL Sumsel
    url: https://www.rmolsumsel.id
    region: Sumatera Selatan
    every: 15m
    timezone: WIT
    discover:
      - feed: https://host/rss
      - sitemap: https://host/news-sitemap.xml
      - wordpress: https://host
      - blogger: https://host
      - {page: https://host/tag, links: h3 a, next: a.next, max_pages: 3}
    article: {body: div.isi, remove: [.iklan], next: a.berikut}
  - id: kedua
    name: Kedua
    url: http://127.0.0.1:8000
    discover: [{feed: "http://127.0.0.1:8000/rss?a=${CHAT}&b=$${x}"}]
rules:
  - id: pelanggaran
    match: {any: ["~langgar"]}
    categories: [dugaan, sanksi]
    regions: [Sumsel, 14.71, 13.10]
    notify: [meja, arsip]
  - id: semua
channels:
  meja: {apprise: "tgram://${TOKEN}/${CHAT}", digest: "7:00", quiet: "22:00-06:00"}
  arsip: {webhook: https://host/hook, secret: "${HOOK_SECRET}", digest: {every: 30m}}
  ketiga: {apprise: "json://host", every: 1h}
alerts: {max_age: null, health: meja}
"""


def load(tmp_path: Path, text: str | bytes, **environ: str) -> Config:
    path = tmp_path / "sources.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config(path, environ=environ or ENVIRON)


def problems(tmp_path: Path, text: str | bytes, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text, **environ)
    return [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]


def test_the_whole_file_becomes_the_whole_configuration(tmp_path: Path) -> None:
    config = load(tmp_path, FULL)
    settings = config.settings
    assert settings.database == tmp_path / "data" / "pantau.db"
    assert (settings.timezone, settings.language, settings.contact) == ("Asia/Makassar", "en", "redaksi@example.org")
    assert (settings.delay_s, settings.allow_private_networks, settings.keep) == (2.0, True, "all")
    assert (settings.recheck_s, settings.archive, settings.workers) == ((3600.0, 21600.0), True, 2)
    assert settings.dask == "tcp://10.0.0.5:8786"
    first, second = config.sources
    assert (first.region, first.every_s, first.timezone) == ("16", 900.0, "Asia/Jayapura")
    assert first.article == ArticleHints("div.isi", (".iklan",), "a.berikut")
    assert [way.kind for way in first.discover] == ["feed", "sitemap", "wordpress", "blogger", "page"]
    assert first.discover[-1] == Discover("page", "https://host/tag", "h3 a", "a.next", 3)
    assert (second.every_s, second.region, second.timezone) == (None, None, "Asia/Makassar")
    assert second.discover[0].url == "http://127.0.0.1:8000/rss?a=-100&b=${x}"
    rule, every = config.rules
    assert (rule.categories, rule.regions, rule.notify) == (
        ("dugaan", "sanksi"),
        ("16", "14.71", "13.10"),
        ("meja", "arsip"),
    )
    assert (every.match, every.notify) == (None, ())
    assert config.channels["meja"].apprise == "tgram://123:geheim/-100"
    assert (config.channels["meja"].digest, config.channels["meja"].quiet) == ("07:00", ("22:00", "06:00"))
    assert (config.channels["arsip"].digest, config.channels["ketiga"].digest) == (1800.0, 3600.0)
    assert (config.alerts.max_age_s, config.alerts.health) == (None, ("meja",))
    json.dumps([config.topic, rule.match])


def test_what_is_left_out_has_the_defaults_of_the_manual(tmp_path: Path) -> None:
    config = load(tmp_path, SOURCE)
    settings = config.settings
    assert settings.database == tmp_path / "data" / "pantau.db"
    assert (settings.timezone, settings.language, settings.delay_s) == ("Asia/Jakarta", "id", 1.0)
    assert (settings.keep, settings.archive, settings.workers, settings.dask) == ("matching", False, 1, None)
    assert settings.recheck_s == (3600.0, 21600.0, 86400.0, 604800.0)
    assert config.alerts.max_age_s == 259200.0
    assert config.topic == default_config().topic
    check_expression(config.topic)


def test_without_a_file_the_shipped_topic_holds() -> None:
    config = default_config()
    assert config.sources == () and config.path is None
    check_expression(config.topic)


def test_the_database_of_the_command_line_wins(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(SOURCE)
    assert load_config(path, database=tmp_path / "x.db").settings.database == tmp_path / "x.db"


def test_a_configuration_cannot_be_changed_and_does_not_show_its_secrets(tmp_path: Path) -> None:
    config = load(tmp_path, FULL)
    with pytest.raises(FrozenInstanceError):
        config.topic = None  # type: ignore[misc]
    assert config.secrets() == {"123:geheim", "-100", SECRET}
    assert not any(secret in repr(config).replace("a=-100", "") for secret in ("geheim", SECRET, "tgram"))


BROKEN: list[tuple[str | bytes, str]] = [
    ("", "sources.yaml:1: found an empty file"),
    ("# nur Kommentar\n", "sources.yaml:1: found an empty file"),
    ("- a\n", "sources.yaml:1: found a list; allowed: a mapping"),
    ("a: [1\nb: 2\n", "sources.yaml:2: found expected ',' or ']'"),
    ("settings:\n\tdelay: 1s\n", "sources.yaml:2: found a tab"),
    (b"settings:\n  contact: \xff\n", "sources.yaml:2: found the byte 0xff"),
    (b"settings:\n  contact: \x07\n", "sources.yaml:2: found the control character U+0007"),
    (SOURCE + "alerts: *nirgends\n", "undefined alias"),
    (SOURCE + "alerts: &a [*a]\n", "deeper nesting"),
    (SOURCE + "---\na: 1\n", "another document"),
    (SOURCE + "topic: !!python/object:os.system x\n", "sources.yaml:6: topic: found the tag !!python/object:os.system"),
    (SOURCE + "topic: !mine [a]\n", "sources.yaml:6: topic: found the tag !mine"),
    (SOURCE + SOURCE, "sources.yaml:6: sources: found a second time (first in line 1)"),
    (SOURCE + "[a]: 1\n", "sources.yaml:6: found a key that is no word"),
    ("settings: {}\n", "sources.yaml:1: sources: found nothing; allowed: a list with at least one source"),
    ("sources: []\n", "sources.yaml:1: sources: found an empty list; allowed: a list with at least one source"),
    ("sources: a\n", "sources.yaml:1: sources: found 'a'; allowed: a list"),
    ("sources: [a]\n", "sources.yaml:1: sources[0]: found 'a'; allowed: a mapping"),
    (
        "sources:\n  - {id: a}\n",
        "sources.yaml:2: sources[0].discover: found nothing; allowed: a list with at least one of feed",
    ),
    (
        SOURCE + "setings: {}\n",
        "sources.yaml:6: setings: found a key that does not exist; allowed: settings (did you mean it?)",
    ),
    (
        SOURCE + "settings:\n  databse: x\n",
        "sources.yaml:7: settings.databse: found a key that does not exist; allowed: database",
    ),
    (
        SOURCE + "settings: {delay: soon}\n",
        "settings.delay: found 'soon'; allowed: a duration such as 30s, 15m, 2h, 1d",
    ),
    (SOURCE + "settings: {delay: 5}\n", "settings.delay: found 5; allowed: a duration"),
    (SOURCE + "settings: {delay: -1s}\n", "settings.delay: found '-1s'; allowed: a duration"),
    (
        SOURCE + "settings: {timezone: Mars/Base}\n",
        "settings.timezone: found 'Mars/Base'; allowed: WIB, WITA, WIT or an IANA",
    ),
    (SOURCE + "settings: {language: fr}\n", "settings.language: found 'fr'; allowed: one of id, en"),
    (SOURCE + "settings: {contact: siapa}\n", "settings.contact: found 'siapa'; allowed: an e-mail address"),
    (SOURCE + "settings: {allow_private_networks: yes}\n", "found 'yes'; allowed: true or false"),
    (SOURCE + "settings: {archive: 1}\n", "settings.archive: found 1; allowed: true or false"),
    (SOURCE + "settings: {workers: 0}\n", "settings.workers: found 0; allowed: 1 or more"),
    (SOURCE + "settings: {workers: '2'}\n", "settings.workers: found '2'; allowed: a whole number"),
    (SOURCE + "settings: {keep: some}\n", "settings.keep: found 'some'; allowed: one of matching, all"),
    (SOURCE + "settings: {recheck: 1h}\n", "settings.recheck: found '1h'; allowed: a list"),
    (SOURCE + "settings: {recheck: [1h, x]}\n", "settings.recheck[1]: found 'x'; allowed: a duration"),
    (
        SOURCE + "settings: {dask: 10.0.0.5}\n",
        "settings.dask: found '10.0.0.5'; allowed: the address of a Dask scheduler",
    ),
    (SOURCE + "settings: [1]\n", "settings: found a list; allowed: a mapping"),
    (
        SOURCE.replace("id: a", "id: RMOL Sumsel"),
        "sources.yaml:2: sources[0].id: found 'RMOL Sumsel'; allowed: an id of a-z",
    ),
    (SOURCE + SOURCE.removeprefix("sources:\n"), "sources.yaml:6: sources[1].id: found 'a' again (first in line 2)"),
    (
        SOURCE.replace("https://a.id\n", "ftp://a.id\n"),
        "sources[0].url: found 'ftp://a.id'; allowed: an address such as",
    ),
    (SOURCE.replace("https://a.id\n", "https://\n"), "sources[0].url: found 'https://'; allowed: an address such as"),
    (SOURCE.replace("https://a.id\n", "https://a.id:99999\n"), "sources[0].url: found 'https://a.id:99999'"),
    (SOURCE.replace("https://a.id\n", "https://a b.id\n"), "sources[0].url: found 'https://a b.id'"),
    (
        SOURCE.replace("discover", "every: 4s\n    discover"),
        "sources[0].every: found '4s'; allowed: a duration of 5s or more",
    ),
    (
        SOURCE.replace("discover", "region: Solok\n    discover"),
        "found 'Solok'; allowed: Kabupaten Solok (13.02) or Kota Solok (13.72)",
    ),
    (SOURCE.replace("discover", "region: Sumatra Selatan\n    discover"), "did you mean Sumatera Selatan"),
    (
        SOURCE.replace("discover", "region: [a]\n    discover"),
        "sources[0].region: found a list; allowed: a region's name",
    ),
    (SOURCE.replace("{feed", "{fed"), "sources[0].discover[0].fed: found a key that does not exist; allowed: feed"),
    (
        SOURCE.replace("https://a.id/rss}", "https://a.id/rss, links: a}"),
        "discover[0]: found a mapping; allowed: links only together with page",
    ),
    (SOURCE.replace("https://a.id/rss}", "https://a.id, page: https://a.id}"), "allowed: exactly one of feed, sitemap"),
    (
        SOURCE.replace("{feed: https://a.id/rss}", "{page: https://a.id, links: 'h3 a['}"),
        "found 'h3 a['; allowed: a CSS selector",
    ),
    (
        SOURCE.replace("{feed: https://a.id/rss}", "{page: https://a.id, max_pages: 0}"),
        "max_pages: found 0; allowed: 1 or more",
    ),
    (
        SOURCE.replace("[{feed: https://a.id/rss}]", "[]"),
        "discover: found an empty list; allowed: a list with at least one of",
    ),
    (SOURCE + "topic: {any: [ASN, true]}\n", "topic.any[1]: found true; allowed: a term"),
    (SOURCE + "topic: {any: [ASN, ~]}\n", "topic.any[1]: found nothing; allowed: a term"),
    (SOURCE + "topic:\n  near: [a, b]\n", "sources.yaml:7: topic.near: found near without within"),
    (SOURCE + "topic: {regex: '(a'}\n", "topic.regex: found '(a'; allowed: a regular expression in RE2 syntax"),
    (SOURCE + "topic: {preset: netral}\n", "topic.preset: found 'netral'; allowed: one of netralitas-asn"),
    (SOURCE + "rules: [{id: topic}]\n", "rules[0].id: found 'topic'; allowed: another id"),
    (SOURCE + "rules: [{id: r}, {id: r}]\n", "rules[1].id: found 'r' again (first in line 6)"),
    (
        SOURCE + "rules: [{id: r, match: {any: []}}]\n",
        "rules[0].match.any: found an empty list; allowed: at least 1 term",
    ),
    (
        SOURCE + "rules: [{id: r, categories: [dugan]}]\n",
        "rules[0].categories[0]: found 'dugan'; allowed: one of imbauan, dugaan",
    ),
    (SOURCE + "rules: [{id: r, notify: [x]}]\n", "rules[0].notify[0]: found 'x'; allowed: a channel under channels:"),
    (SOURCE + "rules: [{id: r, notify: [arsp]}]\nchannels: {arsip: {apprise: 'json://b'}}\n", "did you mean arsip?"),
    (SOURCE + "channels: {c: {}}\n", "channels.c: found an empty mapping; allowed: exactly one of apprise and webhook"),
    (
        SOURCE + "channels: {c: {apprise: 'json://b', webhook: 'https://h'}}\n",
        "channels.c: found a mapping; allowed: exactly one of",
    ),
    (SOURCE + "channels: {c: {webhook: 'https://h'}}\n", "channels.c: found a mapping; allowed: secret: whsec_"),
    (
        SOURCE + "channels: {c: {apprise: 'json://b', secret: x}}\n",
        "channels.c.secret: found a value that may be secret; allowed: whsec_",
    ),
    (
        SOURCE + "channels: {c: {webhook: 'https://h', secret: whsec_eA==}}\n",
        "allowed: whsec_ and 24 to 64 bytes in base64",
    ),
    (
        SOURCE + "channels: {c: {apprise: bukan}}\n",
        "channels.c.apprise: found a value that may be secret; allowed: an Apprise URL",
    ),
    (SOURCE + "channels: {C d: {apprise: 'json://b'}}\n", "channels.C d: found 'C d'; allowed: an id"),
    (
        SOURCE + "channels: {c: {apprise: 'json://b', digest: '25:00'}}\n",
        "channels.c.digest: found '25:00'; allowed: a time of day",
    ),
    (
        SOURCE + "channels: {c: {apprise: 'json://b', digest: {every: 1s}}}\n",
        "channels.c.digest: found a mapping; allowed: a time of day",
    ),
    (
        SOURCE + "channels: {c: {apprise: 'json://b', quiet: '22:00'}}\n",
        "channels.c.quiet: found '22:00'; allowed: a span of the day",
    ),
    (SOURCE + "channels: {c: {apprise: 'json://b', digest: '07:00', every: 1h}}\n", "allowed: one of digest and every"),
    (SOURCE + "alerts: {max_age: 3 days}\n", "alerts.max_age: found '3 days'; allowed: a duration"),
    (SOURCE + "alerts: {health: tidak-ada}\n", "alerts.health: found 'tidak-ada'; allowed: a channel"),
    (SOURCE.replace("name: A", "name: ${NAMA}"), "sources.yaml:3: sources[0].name: found ${NAMA}, which is not set"),
    (SOURCE.replace("name: A", "name: ${NAMA"), "sources[0].name: found '${NAMA'; allowed: ${NAME} for an environment"),
    (SOURCE.replace("name: A", "name: ''"), "sources[0].name: found ''; allowed: text on one line"),
]


@pytest.mark.parametrize(("text", "expected"), BROKEN, ids=[expected[:60] for _, expected in BROKEN])
def test_a_broken_file_is_refused_with_file_line_key_found_and_allowed(
    tmp_path: Path, text: str | bytes, expected: str
) -> None:
    found = problems(tmp_path, text)
    assert any(expected in problem for problem in found), found
    for problem in found:
        assert problem.startswith("sources.yaml:") and "; allowed: " in problem


@pytest.mark.parametrize(("text", "expected"), BROKEN, ids=[expected[:60] for _, expected in BROKEN])
def test_one_mistake_is_reported_once(tmp_path: Path, text: str | bytes, expected: str) -> None:
    if "sources: [a]" not in str(text) and "{id: a}" not in str(text):
        found = problems(tmp_path, text)
        # A mapping that is no way to find articles is both: an unknown key, and none of the known ones.
        assert len(found) == 1 or "exactly one of" in str(found), found


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        "settings: {delay: x, keep: y}\n"
        + SOURCE.replace("id: a", "id: A!")
        + "rules: [{id: r, match: [a], notify: [n]}]\n"
    )
    found = problems(tmp_path, text)
    assert [problem.split(": ")[1] for problem in found] == [
        *("settings.delay", "settings.keep", "sources[0].id", "rules[0].match", "rules[0].notify[0]")
    ]


def test_an_alias_bomb_is_refused_at_once(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    assert "aliases that repeat" in problems(tmp_path, "\n".join(rows))[0]


def test_an_alias_used_twice_is_fine(tmp_path: Path) -> None:
    text = SOURCE + "topic: {all: [&netral {any: [~netral]}, ASN]}\nrules: [{id: r, match: *netral}]\n"
    assert load(tmp_path, text).rules[0].match == {"any": ["~netral"]}


def test_the_environment_cannot_change_the_structure_and_is_never_shown(tmp_path: Path) -> None:
    config = load(tmp_path, SOURCE.replace("name: A", "name: ${N}"), N="x, id: b}, {y")
    assert config.sources[0].name == "x, id: b}, {y"
    for key in ("delay", "contact", "timezone", "keep", "database"):
        found = problems(tmp_path, SOURCE + f"settings: {{{key}: '${{N}}'}}\n", N="rahasia\nsekali")
        assert "rahasia" not in str(found) and "'${N}'" in found[0]
    found = problems(tmp_path, SOURCE + "topic: {any: ['${N}']}\nrules: [{id: r, notify: ['${N}']}]\n", N="rahasia*x")
    assert "rahasia" not in str(found)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_config(tmp_path / "nirgends.yaml")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("15m", 900), ("2h", 7200), ("1d", 86400), ("1.5h", 5400), ("2 D", 172800), ("1w", 604800)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "soon", "1y", "-1s", "1h30m", "s", "1e3s", None, 5, "١h"])
def test_what_is_no_duration(text: Any) -> None:
    with pytest.raises(ValueError, match="allowed: a duration"):
        parse_duration(text)


def test_the_published_schema_is_current() -> None:
    published = json.loads((ROOT / "docs" / "sources.schema.json").read_text())
    assert published == json_schema(), "run python -m crawler.config"


def test_the_schema_names_every_key() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == {"settings", "topic", "sources", "rules", "channels", "alerts"}
    assert "Expression" in schema["$defs"] and schema["$defs"]["Discovery"]["additionalProperties"] is False
    assert all(ref.split("/")[-1] in schema["$defs"] for ref in _refs(schema))


def _refs(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        return [v for k, v in schema.items() if k == "$ref"] + [r for v in schema.values() for r in _refs(v)]
    return [r for item in schema for r in _refs(item)] if isinstance(schema, list) else []
