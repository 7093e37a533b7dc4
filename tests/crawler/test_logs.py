"""One line an event, and no secret in it (crawler/logs.py; GUARANTEES C3, C12)."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from crawler.logs import set_up_logging


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    "nasty", ["a\nb", "a\r\nb", "a\x1b[31mb", "a\x9b31mb", "a\u2028b", "a\x00b", "a\u202eb", "a\x85b"]
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
    assert "POST https://o.id/?t=*** and ***\n" in text


def test_libraries_speak_from_warning_on(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging()
    for name in ("apscheduler", "httpx", "scrapy", "pantau"):
        logging.getLogger(name).info("%s speaks", name)
    assert "pantau speaks" in (text := capsys.readouterr().err)
    assert len(text.splitlines()) == 1
