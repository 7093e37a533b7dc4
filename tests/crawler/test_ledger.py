"""What is known of entries, packed (crawler/ledger.py): nothing is lost, little is looked at, foreign text is empty."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.items import Memory, from_json, to_json
from crawler.ledger import Known, Ledger

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
knowns = st.builds(
    Known, words, words, st.dictionaries(words, words, max_size=3), st.integers(min_value=0, max_value=99)
)


@given(st.dictionaries(words, knowns, max_size=20))
def test_what_is_packed_is_unpacked_the_same(entries: dict[str, Known]) -> None:
    packed = Ledger(entries)
    again = Ledger(text=packed.text)
    assert bool(again) == bool(entries)
    assert again == packed == entries
    assert {key: again[key] for key in again} == entries
    assert packed.text.isascii()


@given(st.text() | st.from_regex(r"[A-Za-z0-9+/=]*", fullmatch=True))
def test_a_text_that_is_none_of_ours_is_empty(text: str) -> None:
    found = Ledger(text=text)
    assert dict(found) == {}
    assert not found.mentions("0123456789abcdef")


def test_a_month_of_a_busy_outlet_is_small_and_passes_through_without_being_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = random.Random(7)
    day = [f"2024-11-{number:02d}" for number in range(1, 31)]
    entries = {
        f"{rng.getrandbits(64):016x}": Known(day[number // 40], "off_topic", {"0": f"{rng.getrandbits(32):08x}"})
        for number in range(1200)
    }
    text = Ledger(entries).text
    assert len(text) < 35 * len(entries)

    monkeypatch.setattr("crawler.ledger._unpacked", None)  # reading it would fail
    memory = from_json(Memory, to_json(Memory(known=Ledger(text=text))))
    assert memory.known
    assert memory == Memory(known=Ledger(text=text))
    assert to_json(memory)["known"] == text
    assert isinstance(memory.known, Ledger)
    assert memory.known.mentions(next(iter(entries)))
    assert not memory.known.mentions("g0123456789abcde")


@given(st.dictionaries(words, knowns, max_size=20), st.dictionaries(words, knowns, max_size=5))
def test_an_update_is_as_if_all_had_been_written_anew(entries: dict[str, Known], more: dict[str, Known]) -> None:
    before = Ledger(text=Ledger(entries).text)
    after = before.updated(more, "", 1000)
    assert after == Ledger(text=after.text) == entries | more
    assert before == entries
    assert (after is before) == all(before.get(key) == item for key, item in more.items())


def test_what_was_listed_long_ago_or_is_too_much_goes_oldest_first() -> None:
    known = {f"k{day}": Known(f"2024-11-{day:02d}", "kept") for day in range(30, 0, -1)}
    ledger = Ledger(known)
    assert set(ledger.updated({}, "2024-11-11", 100)) == {f"k{day}" for day in range(11, 31)}
    assert set(ledger.updated({}, "", 5)) == {f"k{day}" for day in range(26, 31)}
    listed_again = ledger.updated({"k1": Known("2024-12-01", "kept")}, "2024-11-30", 100)
    assert set(listed_again) == {"k30", "k1"}
    assert set(Ledger(text=listed_again.text).updated({}, "2024-12-01", 100)) == {"k1"}
    assert ledger.updated({"k7": known["k7"]}, "2024-11-01", 30) is ledger


def test_what_an_earlier_form_wrote_is_refused() -> None:
    with pytest.raises(TypeError):
        from_json(Memory, {"known": {"k": {"day": "2024-11-13", "outcome": "kept"}}})
