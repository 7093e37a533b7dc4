"""One line an event, and no secret in it (crawler/logs.py; GUARANTEES C3, C12)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from crawler.logs import hide_secrets, set_up_logging


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    "nasty",
    [
        *(
            "a\nb",
            "a\r\nb",
            "a\rb",
            "a\n\n\nb",
            "a\x0bb",
            "a\x0cb",
            "a\x1cb",
            "a\x1eb",
            "a\x85b",
            "a\u2028b",
            "a\u2029b",
        ),
        *("a\x1b[31mb", "a\x1b[2J\x1b[Hb", "a\x1b]0;judul\x07b", "a\x9b31mb", "a\x00b", "a\x08\x08b", "a\x7fb"),
        *("a\u202eb", "a\u2066b\u2069", "a\n2024-11-13T00:00:00+0000 INFO pantau: poll source=palsu outcome=ok"),
    ],
)
def test_one_event_is_one_line_whatever_a_title_holds(capsys: pytest.CaptureFixture[str], nasty: str) -> None:
    set_up_logging()
    logging.getLogger("pantau").info("judul=%s", nasty)
    text = capsys.readouterr().err
    assert len(text.splitlines()) == 1
    assert text.endswith("\n")
    assert all(character.isprintable() for character in text[:-1])


def test_secrets_are_never_written_not_in_traces_nor_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(["rahasia/besar+1", "rahasia", ""])
    log = logging.getLogger("httpx")
    log.warning("POST https://o.id/?t=%s and %s", "rahasia/besar+1", "rahasia%2Fbesar%2B1")
    try:
        raise ValueError("token rahasia refused")
    except ValueError:
        log.exception("failed")
    text = capsys.readouterr().err
    assert "rahasia" not in text
    assert "besar" not in text
    assert "POST https://o.id/?… and ***\n" in text


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://o.id/a?token=x&p=1 b", "https://o.id/a?… b"),
        ("<GET http://siapa:sandi@o.id:81/rss?k=1>", "<GET http://o.id:81/rss?…>"),
        ("'https://o.id/a'", "'https://o.id/a'"),
    ],
)
def test_addresses_are_shown_without_login_and_parameters(
    capsys: pytest.CaptureFixture[str], address: str, shown: str
) -> None:
    set_up_logging()
    logging.getLogger("scrapy.core").warning("fetched %s", address)
    assert capsys.readouterr().err.endswith(f"fetched {shown}\n")


def test_a_line_of_a_traceback_cannot_pass_for_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging()
    try:
        raise ValueError("judul\n2024-11-13T00:00:00+0000 ERROR pantau: palsu\r\x1b[2Jx")
    except ValueError:
        logging.getLogger("pantau").exception("gagal")
    lines = capsys.readouterr().err.splitlines()
    assert "gagal" in lines[0]
    assert all(line.startswith("    | ") for line in lines[1:])
    assert "\x1b" not in "".join(lines)


def test_libraries_speak_from_warning_on(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging()
    for name in ("apscheduler", "httpx", "scrapy", "pantau"):
        logging.getLogger(name).info("%s speaks", name)
    assert "pantau speaks" in (text := capsys.readouterr().err)
    assert len(text.splitlines()) == 1


def test_as_json_each_value_of_an_event_is_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(["rahasia-sekali"], form="json")
    log = logging.getLogger("pantau")
    log.info("poll source=%s outcome=%s found=%d seconds=%.1f", "satu", "ok\nINFO forged", 3, 0.5)
    log.error("alert given up: channel=%s error=%s", "arsip", "https://u:rahasia-sekali@h.example/x?token=abc")
    log.warning("stopped")
    try:
        raise ValueError("rahasia-sekali")
    except ValueError:
        log.exception("a bug")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(lines) == 4
    assert lines[0] | {"at": ""} == {
        "at": "",
        "level": "INFO",
        "logger": "pantau",
        "event": "poll",
        "source": "satu",
        "outcome": "ok\nINFO forged",
        "found": 3,
        "seconds": 0.5,
    }
    assert (lines[1]["event"], lines[1]["error"]) == ("alert given up", "https://h.example/x?…")
    assert lines[2]["event"] == "stopped"
    assert "ValueError: ***" in lines[3]["traceback"]


def test_secrets_that_come_later_are_hidden_and_form_and_level_stay(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(["lama-rahasia"], "INFO", "json")
    hide_secrets(["lama-rahasia", "baru-rahasia"])
    logging.getLogger("pantau").info("lama-rahasia and baru-rahasia")
    line = capsys.readouterr().err
    assert json.loads(line)["event"] == "*** and ***"
