"""Abbreviations, and what they stand for in the document that introduces them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from spacy.attrs import ORTH
from spacy.tokens import Doc

_BRACKETS = re.compile(r"\(([^()\n]+)\)")
_SHORT_FORM = re.compile(r"\s*([^\W_][^;,]{0,8}[^\W_])\s*(?:[;,]|$)")  # 2 to 10 characters
_END_OF_SENTENCE = re.compile(r"[.!?;]\s|\n")
_WORD = re.compile(r"\S+")
_IS_APART = re.compile(r"[()=]")  # what no long form has, and a list or a measure may
_REACH = 300  # characters before a bracket in which a long form may stand


class Abbreviation(NamedTuple):
    """Token ranges [start, end): of all places of the short form, and of the long form."""

    short: list[tuple[int, int]]
    long: tuple[int, int]


def find_abbreviations(doc: Doc) -> list[Abbreviation]:
    """Of `long form (SF)` anywhere in the document, by the rule of Schwartz and Hearst.

    Letters and digits of the short form are looked for in the words before the bracket, from
    right to left, the first of them at the beginning of a word: in min(|SF| + 5, 2 |SF|) words at
    most, of the same sentence and without brackets. A short form has 2 to 10 characters, a letter
    among them, and one or two words. The first definition of a short form counts. Those whose
    forms do not begin and end with tokens are passed over. Time grows with the document's length.

    Schwartz and Hearst (2003): A simple algorithm for identifying abbreviation definitions in
    biomedical text, https://doi.org/10.1142/9789812776303_0042.
    """
    found: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {}
    for short, long in _definitions(doc.text):
        spans = doc.char_span(*short), doc.char_span(*long)
        if spans[0] is not None and spans[1] is not None:
            ranges = (spans[0].start, spans[0].end), (spans[1].start, spans[1].end)
            found.setdefault(spans[0].text, ranges)
    if not found:
        return []
    words = _Words(doc)
    return [Abbreviation(words.places(*short), long) for short, long in found.values()]


def _definitions(text: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Ranges of characters: of a short form, and of what it stands for."""
    for brackets in _BRACKETS.finditer(text):
        match = _SHORT_FORM.match(brackets[1])
        if not match or not any(c.isalpha() for c in match[1]) or len(match[1].split()) > 2:
            continue
        reached = text[max(0, brackets.start() - _REACH) : brackets.start()]
        end = brackets.start() - len(reached) + len(reached.rstrip())
        before = _END_OF_SENTENCE.split(reached.rstrip())[-1]
        begin = _begin(match[1], before)
        if begin is not None and not _IS_APART.search(before, begin):
            start = brackets.start(1) + match.start(1)
            yield (start, start + len(match[1])), (end - len(before) + begin, end)


def _begin(short: str, before: str) -> int | None:
    """Where the long form begins that ends where `before` does, if there is one."""
    words = [word.start() for word in _WORD.finditer(before)]
    words = words[-min(len(short) + 5, 2 * len(short)) :]
    place = len(before)
    for index in range(len(short) - 1, -1, -1):
        wanted = short[index].lower()
        if not wanted.isalnum():
            continue
        place -= 1
        while place >= 0 and not _fits(before, place, wanted, begins_word=index == 0):
            place -= 1
        if place < 0:
            return None
    begins = [word for word in words if word <= place]
    return begins[-1] if begins else None


def _fits(text: str, place: int, wanted: str, begins_word: bool) -> bool:
    if text[place].lower() != wanted:
        return False
    return not begins_word or place == 0 or not text[place - 1].isalnum()


class _Words:
    """Where a document's words stand."""

    def __init__(self, doc: Doc) -> None:
        self._words = doc.to_array([ORTH]).reshape(-1)  # (n,)
        self._order = np.argsort(self._words, kind="stable")
        self._sorted = self._words[self._order]

    def places(self, start: int, end: int) -> list[tuple[int, int]]:
        """Where the words of [start, end) stand one after another."""
        low = np.searchsorted(self._sorted, self._words[start], "left")
        high = np.searchsorted(self._sorted, self._words[start], "right")
        starts = self._order[low:high]
        starts = starts[starts <= len(self._words) - (end - start)]
        for k in range(1, end - start):
            starts = starts[self._words[starts + k] == self._words[start + k]]
        return [(int(place), int(place) + end - start) for place in starts]
