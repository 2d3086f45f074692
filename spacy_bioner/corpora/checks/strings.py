"""Annotated strings, and finding them again in texts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from spacy_bioner.corpora.checks.scripts import is_of_word

# Words of capitals only: "WAS", a syndrome, is not "was"; "EPILEPSY", in a heading, is "epilepsy".
_ABBREVIATION = re.compile("(?<![A-Za-zＡ-Ｚａ-ｚ])[A-ZＡ-Ｚ]{2,5}(?![A-Za-zＡ-Ｚａ-ｚ])")


def fold(text: str) -> str:
    """The text in lower case, but for words of two to five capitals: abbreviations mostly.

    Each character becomes one, so that offsets stay as they are.
    """
    lower = text.lower()
    if lower == text:
        return text
    if len(lower) != len(text):  # "İ" becomes two characters
        lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    lower = lower.replace("ς", "σ")  # lower() writes Σ in two ways, by its place in the word
    pieces, end = [], 0
    for match in _ABBREVIATION.finditer(text):
        pieces += [lower[end : match.start()], match[0]]
        end = match.end()
    return "".join([*pieces, lower[end:]])


class StringFinder:
    """Finds some strings, each of two characters or more, in texts.

    A string that begins or ends with a letter or digit of a script with blanks between
    words (Latin, for one) is found only where that is a word's beginning or end.

    The text is gone through once. Where its next two characters begin one of the
    strings, the lengths of those that begin so are tried: work grows with the text, not
    with the number of strings.
    """

    def __init__(self, strings: Collection[str]) -> None:
        self._strings = strings
        lengths = defaultdict[str, set[int]](set)
        for string in strings:
            lengths[string[:2]].add(len(string))
        self._lengths = {pair: sorted(of, reverse=True) for pair, of in lengths.items()}

    def find(self, text: str, taken: Sequence[tuple[int, int]] = ()) -> Iterator[tuple[int, int]]:
        """Yield (start, end), apart from one another and from what is taken.

        At each place the longest string is taken, and the search goes on after it.
        """
        marks = bytearray(len(text))
        for start, end in taken:
            marks[start:end] = b"\x01" * (end - start)
        at = 0
        while at < len(text) - 1:
            end = at + 1
            if (lengths := self._lengths.get(text[at : at + 2])) and _may_cut(text, at):
                end = self._longest(text, at, lengths, marks) or end
                if end > at + 1:
                    yield at, end
            at = end

    def _longest(self, text: str, at: int, lengths: Sequence[int], marks: bytearray) -> int | None:
        for length in lengths:
            end = at + length
            if end > len(text):
                continue
            if text[at:end] in self._strings and marks.find(1, at, end) < 0 and _may_cut(text, end):
                return end
        return None


def _may_cut(text: str, at: int) -> bool:
    """Whether a string may begin or end at this place: it is not within a word."""
    return not 0 < at < len(text) or not (is_of_word(text[at - 1]) and is_of_word(text[at]))
