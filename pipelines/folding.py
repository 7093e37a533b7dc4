"""Text as the matcher sees it: folded to plain letters, split into words, and every position traceable to the original.

Two steps. `fold` drops what readers do not see (zero-width characters, soft hyphens, controls, combining marks) and
writes look-alikes one way (curly quotes, dashes, ligatures, full-width and accented letters). `Folded.canon` is the
same as lower-case words parted by one space, with " . " where a sentence or clause mark stood: " asn , " and " asn
netral " can then be searched as plain substrings, and a phrase does not reach across a full stop.

Imports nothing of ours. Its test is tests/pipelines/test_folding.py.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import cached_property, lru_cache

# Everything but printable ASCII and white space has to be looked at one character at a time.
_ODD = re.compile(r"[^\t-\r\x1c-\x1f -~]")
_NON_ASCII = re.compile(r"[^\x00-\x7f]")
# In the translated text: any gap between words that is not exactly one space.
_LONG_GAP = re.compile(r" [ .]+|\.[ .]*")
_SPACES = re.compile(r"\s+")

_SINGLE_QUOTES = "\u2018\u2019\u201a\u201b\u2032\u2035\u00b4\u02b9\u02bb\u02bc\u02bd"
_DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb"
# Letters that Unicode does not decompose although they are a plain letter with a stroke.
_STROKED = str.maketrans({"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "æ": "ae", "Æ": "AE"})

# White space, hyphens, quotes, brackets and slashes part words without ending a phrase ("Pejabat (Pj) Gubernur",
# "dukung-mendukung", "TNI/Polri"); every other mark does end it.
_SOFT = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f -'\"()[]/_`*~"
_TO_WORDS = str.maketrans(
    {code: (" " if chr(code) in _SOFT else chr(code).lower() if chr(code).isalnum() else ".") for code in range(128)}
)


@lru_cache(maxsize=4096)
def fold_character(character: str) -> str:
    """Return a character as folded text has it: plain letters, straight quotes; "" for what readers do not see."""
    if character.isspace():
        return " "
    if character in _SINGLE_QUOTES:
        return "'"
    if character in _DOUBLE_QUOTES:
        return '"'
    category = unicodedata.category(character)
    if category == "Pd" or character == "\u2212":
        return "-"
    if category in ("Mn", "Me", "Cf", "Cc"):
        return ""
    if category == "Cs":
        return "?"  # half a character: RE2 and Aho-Corasick take valid text only
    folded = ""
    for part in unicodedata.normalize("NFKD", character).translate(_STROKED):
        if part.isascii():
            folded += part
        elif unicodedata.category(part) not in ("Mn", "Me", "Cf", "Cc"):
            folded += part.casefold() if part.isalnum() else part
    # A second pass where folding the case brought new marks or letters with it; one is enough for all of Unicode.
    return unicodedata.normalize("NFKC", folded) if not folded.isascii() else folded


class Folded:
    """One field of an article: `plain` is the folded text with its case and marks kept, `canon` its words in a row."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Where `plain` and `text` stop running in step: from plain position _plain_at[i] on, text position _text_at[i].
        self._plain_at = [0]
        self._text_at = [0]
        self.plain = _ODD.sub(self._fold_match, text) if _ODD.search(text) else text

    def _fold_match(self, match: re.Match[str]) -> str:
        folded = fold_character(match[0])
        if len(folded) != 1:
            at = match.start()
            start = self._plain_at[-1] + at - self._text_at[-1]
            for step in range(len(folded)):
                self._run(start + step, at)
            self._run(start + len(folded), at + 1)
        return folded

    def _run(self, plain_at: int, text_at: int) -> None:
        if self._plain_at[-1] == plain_at:
            self._text_at[-1] = text_at
        else:
            self._plain_at.append(plain_at)
            self._text_at.append(text_at)

    @cached_property
    def letters(self) -> str:
        """`plain` character by character: letters and digits in lower case, soft gaps as spaces, marks as dots."""
        plain = self.plain
        if not plain.isascii():
            plain = _NON_ASCII.sub(lambda match: match[0] if match[0].isalnum() else ".", plain)
        return f" {plain.translate(_TO_WORDS)} "

    @cached_property
    def canon(self) -> str:
        """ " word word . word ": exactly one space, or " . ", between words, and at both ends."""
        canon = self.letters.replace(".", " . ")
        while "  " in canon:
            canon = canon.replace("  ", " ")
        while " . . " in canon:
            canon = canon.replace(" . . ", " . ")
        return canon

    @cached_property
    def _gaps(self) -> tuple[list[int], list[int]]:
        canon_at, translated_at, shift = [0], [0], 0
        for gap in _LONG_GAP.finditer(self.letters):
            shift += gap.end() - gap.start() - (3 if "." in gap[0] else 1)
            canon_at.append(gap.end() - shift)
            translated_at.append(gap.end())
        return canon_at, translated_at

    def plain_position(self, canon_position: int) -> int:
        """Return where in `plain` the word character at this position of `canon` stands."""
        canon_at, translated_at = self._gaps
        run = bisect_right(canon_at, canon_position) - 1
        return translated_at[run] + canon_position - canon_at[run] - 1

    def text_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original text that was folded to `plain[start:end]`, which is not empty.

        Combining marks on its last character belong to it.
        """
        first = self._text_position(start)
        last = self._text_position(end - 1) + 1
        while last < len(self.text) and unicodedata.combining(self.text[last]):
            last += 1
        return first, last

    def _text_position(self, plain_position: int) -> int:
        run = bisect_right(self._plain_at, plain_position) - 1
        return self._text_at[run] + plain_position - self._plain_at[run]

    @cached_property
    def squeezed(self) -> Squeezed:
        """`plain` with every run of white space as one space: what regular expressions are run on."""
        return Squeezed(self.plain)

    @cached_property
    def word_starts(self) -> list[int]:
        """Where in `plain` each word starts; only needed where a regular expression stands in a `near`."""
        return [match.start() - 1 for match in re.finditer(r"[^ .]+", self.letters)]


class Squeezed:
    """A text with its runs of white space squeezed to one space, and the way back."""

    def __init__(self, plain: str) -> None:
        parts: list[str] = []
        self._squeezed_at, self._plain_at, done, shift = [0], [0], 0, 0
        for gap in _SPACES.finditer(plain):
            parts += (plain[done : gap.start()], " ")
            done = gap.end()
            if len(gap[0]) > 1:
                shift += len(gap[0]) - 1
                self._squeezed_at.append(done - shift)
                self._plain_at.append(done)
        self.text = "".join([*parts, plain[done:]])

    def plain_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of `plain` that `text[start:end]`, which is not empty, was squeezed from."""
        return self._plain_position(start), self._plain_position(end - 1) + 1

    def _plain_position(self, position: int) -> int:
        run = bisect_right(self._squeezed_at, position) - 1
        return self._plain_at[run] + position - self._squeezed_at[run]


def words_of(text: str) -> str:
    """Return the text's words in a row as `Folded.canon` has them, without the spaces at its ends."""
    return Folded(text).canon.strip(" ")
