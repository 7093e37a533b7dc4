import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from pipelines.folding import Folded, words_of

PIECES = st.sampled_from(
    [
        *(
            "ASN",
            "netral",
            "né",
            "e\u0301",
            "\u200b",
            "\xad",
            "\xa0",
            "  ",
            "\n\n",
            ". ",
            ",",
            "…",
            "ﬁ",
            "½",
            "İ",
            "“",
            "—",
            "ß",
        ),
        *("Ａ", "𝗔", "\x00", "\ud800", "ø", "한", "سلام", "(", "/", "-", "'", "x", "9", "\u1e9e", "ǆ", "\u2028", "•"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=4), max_size=30).map("".join)


@given(TEXTS)
def test_canon_is_words_parted_by_one_space_or_one_mark(text: str) -> None:
    canon = Folded(text).canon
    assert canon.startswith(" ") and canon.endswith(" ")
    assert "  " not in canon and " . . " not in canon
    for token in canon.split(" "):
        assert token in ("", ".") or all(character.isalnum() for character in token)


@given(TEXTS)
def test_every_word_of_canon_is_found_again_in_the_original(text: str) -> None:
    folded = Folded(text)
    at = 1
    for token in folded.canon.strip(" ").split(" "):
        if token not in ("", "."):
            start, end = folded.plain_position(at), folded.plain_position(at + len(token) - 1) + 1
            first, last = folded.text_span(start, end)
            assert 0 <= first < last <= len(text)
            if not _parts_of_one_character(text[first:last]):
                assert words_of(text[first:last]) == token
        at += len(token) + 1


def _parts_of_one_character(span: str) -> bool:
    # "½" folds to two words, 1 and 2: each of them maps to the whole character.
    return any(" " in words_of(character) or "." in words_of(character) for character in span)


@given(TEXTS)
def test_squeezed_spans_lead_back(text: str) -> None:
    squeezed = Folded(text).squeezed
    plain = Folded(text).plain
    assert squeezed.text == re.sub(r"\s+", " ", plain)
    for at, character in enumerate(squeezed.text):
        start, end = squeezed.plain_span(at, at + 1)
        assert plain[start:end].isspace() if character == " " else plain[start:end] == character


@given(TEXTS)
def test_folded_text_holds_nothing_invisible_and_encodes(text: str) -> None:
    plain = Folded(text).plain
    plain.encode("utf-8")
    assert not any(unicodedata.category(c) in ("Mn", "Me", "Cf", "Cs") for c in plain)


def test_disguises_of_a_word_are_the_word() -> None:
    for disguise in (
        "NETRAL",
        "nétral",
        "ne\u0301tral",
        "net\u200bral",
        "net\xadral",
        "ｎｅｔｒａｌ",
        "𝗻𝗲𝘁𝗿𝗮𝗹",
        "net\x00ral",
    ):
        assert words_of(disguise) == "netral"


def test_marks_end_a_phrase_and_hyphens_quotes_and_brackets_do_not() -> None:
    assert words_of("politik-praktis “dan” (Pj) TNI/Polri") == "politik praktis dan pj tni polri"
    assert words_of("politik. Praktis, ya") == "politik . praktis . ya"


def test_a_run_of_a_million_spaces_is_one_gap() -> None:
    folded = Folded("politik" + " " * 1_000_000 + "praktis")
    assert folded.canon == " politik praktis "
    assert folded.plain_position(folded.canon.index("praktis")) == 1_000_007
