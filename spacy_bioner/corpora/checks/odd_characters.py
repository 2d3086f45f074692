"""Characters that seldom mean what they seem to, by code point."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from unicodedata import category, name

from spacy_bioner.corpora.checks.findings import Finding, FindingKind, Place, Severity, printable
from spacy_bioner.corpora.document import Document

_LINE_ENDS = {"\r\n": "CR LF", "\n": "LF", "\r": "CR"}
_LINE_END = re.compile("\r\n|\n|\r")
_SEVERITY = {FindingKind.ODD_SPACE: Severity.NOTE}
_KINDS = {
    "Cc": FindingKind.CONTROL_CHARACTER,
    "Cf": FindingKind.INVISIBLE_CHARACTER,
    "Cn": FindingKind.DAMAGED_CHARACTER,
    "Co": FindingKind.DAMAGED_CHARACTER,
    "Cs": FindingKind.DAMAGED_CHARACTER,
    "Mc": FindingKind.LONE_MARK,
    "Me": FindingKind.LONE_MARK,
    "Mn": FindingKind.LONE_MARK,
    "Zl": FindingKind.ODD_SPACE,
    "Zp": FindingKind.ODD_SPACE,
    "Zs": FindingKind.ODD_SPACE,
}


@dataclass(slots=True)
class OddCharacters:
    """Counts characters by Unicode's general categories, each code point in each part.

    Control characters (but tabs and line ends), format characters without width (also
    the byte order mark), all spaces but the blank, the replacement character, private,
    unassigned (by the tables of this Python) and surrogate code points. A combining
    mark is counted where it begins the text or follows a space or control character.
    Line ends are counted by how they are written.
    """

    _counts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _first: dict[str, Place] = field(default_factory=dict)

    def add(self, part: str, document: Document) -> None:
        text = document.text
        for character in set(text):
            kind = _kind_of(character)
            if kind is not None:
                at = _lone_marks(text, character) if kind is FindingKind.LONE_MARK else None
                self._note(part, document, character, at)
        if "\n" in text or "\r" in text:
            for end in _LINE_END.finditer(text):
                self._counts[end[0]][part] += 1
                self._first.setdefault(end[0], Place.of(part, document, *end.span()))

    def _note(
        self, part: str, document: Document, character: str, places: list[int] | None
    ) -> None:
        """Count a character at these places; None: wherever it stands."""
        count = document.text.count(character) if places is None else len(places)
        if not count:
            return
        self._counts[character][part] += count
        if character not in self._first:
            start = document.text.index(character) if places is None else places[0]
            self._first[character] = Place.of(part, document, start, start + 1)

    def findings(self) -> Iterator[Finding]:
        for character, counts in sorted(
            self._counts.items(), key=lambda item: (-item[1].total(), item[0])
        ):
            kind = _kind_of(character)
            if kind is not None:
                message = f"{_name(character)}: {_by_part(counts)}"
                severity = _SEVERITY.get(kind, Severity.WARNING)
                yield Finding(kind, severity, message, (self._first[character],), counts.total())
        yield from self._mixed_line_ends()

    def _mixed_line_ends(self) -> Iterator[Finding]:
        ends = {end: self._counts[end] for end in _LINE_ENDS if end in self._counts}
        if len(ends) > 1:
            yield Finding(
                FindingKind.LINE_ENDS,
                Severity.WARNING,
                "; ".join(f"{_LINE_ENDS[end]}: {_by_part(counts)}" for end, counts in ends.items()),
                tuple(self._first[end] for end in ends),
                sum(counts.total() for counts in ends.values()),
            )


@cache
def _kind_of(character: str) -> FindingKind | None:
    """As what a character is reported; None for all that are not odd."""
    if character in " \t" or character in _LINE_ENDS:
        return None
    if character == "\ufffd":
        return FindingKind.DAMAGED_CHARACTER
    return _KINDS.get(category(character))


def _lone_marks(text: str, mark: str) -> list[int]:
    at = (match.start() for match in re.finditer(re.escape(mark), text))
    return [i for i in at if i == 0 or category(text[i - 1]) in ("Cc", "Zl", "Zp", "Zs")]


def _name(character: str) -> str:
    unnamed = {"Cc": "control", "Co": "private use", "Cs": "surrogate", "Cn": "unassigned"}
    return f"U+{ord(character):04X} {name(character, unnamed.get(category(character), 'unnamed'))}"


def _by_part(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{printable(part)} {count:,}" for part, count in counts.items())
