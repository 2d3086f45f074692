"""Texts that stand in a corpus more than once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from unicodedata import east_asian_width

from spacy_bioner.corpora.checks.findings import (
    KEPT_PLACES,
    Finding,
    FindingKind,
    Place,
    Severity,
    printable,
)
from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.same_text import bare

# Shorter texts ("Methods:", "無。") say nothing about where they are from.
TELLING_WIDTH = 20


@dataclass(frozen=True, slots=True)
class _Copy:
    """A document as far as it is compared: hashes of its text and of its annotation.

    alike: hash of the annotation with white space left out of the text.
    """

    place: Place
    text: int
    annotation: int
    alike: int
    telling: bool


@dataclass(slots=True)
class Duplicates:
    """Texts that are the same, or the same without white space and in lower case.

    Annotation is compared by extents (with fragments) and labels. Of each document
    hashes and an excerpt are kept: two texts are taken for one if their 64-bit hashes
    collide, which among ten million documents happens once in 400,000 corpora.
    """

    _copies: defaultdict[int, list[_Copy]] = field(default_factory=lambda: defaultdict(list))

    def add(self, part: str, document: Document) -> None:
        text = bare(document.text)
        if not text:
            return
        spans = [(e.start, e.end, e.label, e.fragments) for e in document.entities]
        copy = _Copy(
            Place.of(part, document),
            hash(document.text),
            hash(frozenset(spans)),
            hash(frozenset(_without_white_space(document))),
            _is_telling(text),
        )
        self._copies[hash(text)].append(copy)

    def findings(self) -> Iterator[Finding]:
        for copies in self._copies.values():
            if len(copies) > 1:
                yield from _contradictions(copies)
                yield from _leakage(copies)
                yield from _repetitions(copies)
        yield from _repeated_ids(copy for copies in self._copies.values() for copy in copies)


def _without_white_space(document: Document) -> Iterator[tuple[int, int, str]]:
    """Extents, fragments and labels, in characters that are no white space."""
    if not document.entities:
        return
    text = document.text
    before: Sequence[int] = range(len(text) + 1)
    if len("".join(text.split())) < len(text):
        before = [0, *accumulate(not character.isspace() for character in text)]
    for entity in document.entities:
        for start, end in entity.fragments or ((entity.start, entity.end),):
            yield before[start], before[end], entity.label


def _is_telling(bare: str) -> bool:
    """Whether a text is long enough to tell where it is from; a Han character counts two."""
    head = bare[:TELLING_WIDTH]
    return len(head) + sum(east_asian_width(c) in "WF" for c in head) >= TELLING_WIDTH


def _contradictions(copies: Sequence[_Copy]) -> Iterator[Finding]:
    texts = defaultdict[int, dict[int, Place]](dict)
    for copy in copies:
        texts[copy.text].setdefault(copy.annotation, copy.place)
    for text, readings in texts.items():
        if len(readings) > 1:
            count = sum(copy.text == text for copy in copies)
            message = f"{count:,} copies of a text are annotated in {len(readings):,} ways"
            places = tuple(readings.values())[:KEPT_PLACES]
            yield Finding(FindingKind.CONTRADICTORY_TEXT, Severity.ERROR, message, places, count)


def _leakage(copies: Sequence[_Copy]) -> Iterator[Finding]:
    parts = Counter(copy.place.part for copy in copies)
    if len(parts) == 1:
        return
    # copies[0].telling: what is compared is the same for all, so is its length
    severity = Severity.ERROR if copies[0].telling else Severity.WARNING
    where = ", ".join(f"{printable(part)} {n:,}" for part, n in parts.items())
    short = "" if copies[0].telling else " (it is short)"
    message = f"a text stands in {len(parts):,} parts{_but_for(copies)}{short}: {where}"
    yield Finding(FindingKind.LEAKAGE, severity, message, _of_each_part(copies), len(copies))


def _repetitions(copies: Sequence[_Copy]) -> Iterator[Finding]:
    by_part = defaultdict[str, list[_Copy]](list)
    for copy in copies:
        by_part[copy.place.part].append(copy)
    for part, repeated in by_part.items():
        if len(repeated) == 1:
            continue
        alike = len({copy.alike for copy in repeated}) == 1
        if not alike and len({copy.text for copy in repeated}) == 1:
            continue  # these are contradictions
        message = (
            f"a text stands {len(repeated):,} times in {printable(part)}{_but_for(repeated)}, "
            f"annotated {'alike' if alike else 'differently'}"
        )
        severity = Severity.NOTE if alike else Severity.WARNING
        places = tuple(copy.place for copy in repeated[:KEPT_PLACES])
        yield Finding(FindingKind.REPEATED_TEXT, severity, message, places, len(repeated))


def _repeated_ids(copies: Iterable[_Copy]) -> Iterator[Finding]:
    by_id = defaultdict[tuple[str, str], list[_Copy]](list)
    for copy in copies:
        if copy.place.document:
            by_id[copy.place.part, copy.place.document].append(copy)
    for (part, id), named in by_id.items():
        if len({(copy.text, copy.annotation) for copy in named}) > 1:
            message = f"{len(named):,} documents of {printable(part)} have the id {printable(id)}"
            places = tuple(copy.place for copy in named[:KEPT_PLACES])
            yield Finding(FindingKind.REPEATED_ID, Severity.WARNING, message, places, len(named))


def _but_for(copies: Sequence[_Copy]) -> str:
    same = len({copy.text for copy in copies}) == 1
    return "" if same else ", the same but for white space and case"


def _of_each_part(copies: Sequence[_Copy]) -> tuple[Place, ...]:
    first: dict[str, Place] = {}
    for copy in copies:
        first.setdefault(copy.place.part, copy.place)
    return tuple(first.values())[:KEPT_PLACES]
