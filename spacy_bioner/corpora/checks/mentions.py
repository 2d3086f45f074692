"""Mentions that look like slips, one by one, and how they lie within one another."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from unicodedata import category

from spacy_bioner.corpora.checks.findings import (
    KEPT_PLACES,
    Finding,
    FindingKind,
    Place,
    Severity,
    printable,
)
from spacy_bioner.corpora.document import Document, Entity

LONG = 50
# A full stop ends a sentence after three letters (so not "St. John") before a capital.
_SENTENCE_END = re.compile(
    r"[。！？!?]++[」』”’）】\"')\]]*+(?=.)|[^\W\d_]{3} ?\.(?=\s+[A-Z])", re.DOTALL
)


@dataclass(slots=True)
class Mentions:
    """White space at edges, sentence ends within, single signs, great length; the same
    span twice; mentions within or across others; documents without any.

    A mention crosses a sentence where something follows 。！？ or !? (and the quotes and
    brackets that close it), or a capital follows a full stop after three letters.
    Discontinuous mentions are judged by all that lies between their first and last
    character, but are the same only if their fragments are.
    """

    _found: list[Finding] = field(default_factory=list)
    _overlaps: dict[tuple[str, str], _Tally] = field(default_factory=dict)
    _empty: dict[str, _Tally] = field(default_factory=dict)

    def add(self, part: str, document: Document) -> None:
        for entity in document.entities:
            place = Place.of(part, document, entity.start, entity.end)
            self._found += _look_at(place, document.text[entity.start : entity.end])
        self._found += _twice(part, document)
        for how, entity in _overlaps(document.entities):
            tally = self._overlaps.setdefault((part, how), _Tally())
            tally.note(Place.of(part, document, entity.start, entity.end))
        empty = self._empty.setdefault(part, _Tally())
        empty.of += 1
        if not document.entities:
            empty.note(Place.of(part, document))

    def findings(self) -> Iterator[Finding]:
        yield from self._found
        for (part, how), tally in self._overlaps.items():
            message = f"{printable(part)}: {tally.count:,} {how}"
            places = tuple(tally.places)
            yield Finding(FindingKind.OVERLAP, Severity.NOTE, message, places, tally.count)
        for part, tally in self._empty.items():
            if tally.count:
                share = f"{tally.count:,} of {tally.of:,} documents ({tally.count / tally.of:.1%})"
                yield Finding(
                    FindingKind.WITHOUT_MENTION,
                    Severity.NOTE,
                    f"{printable(part)}: {share}",
                    tuple(tally.places),
                    tally.count,
                )


@dataclass(slots=True)
class _Tally:
    count: int = 0
    of: int = 0
    places: list[Place] = field(default_factory=list)

    def note(self, place: Place) -> None:
        self.count += 1
        if len(self.places) < KEPT_PLACES:
            self.places.append(place)


def _look_at(place: Place, text: str) -> Iterator[Finding]:
    def found(kind: FindingKind, severity: Severity, message: str) -> Finding:
        return Finding(kind, severity, message, (place,))

    warning = Severity.WARNING
    if text.isspace():
        yield found(FindingKind.EDGE_SPACE, warning, "white space only")
    elif text != text.strip():
        yield found(FindingKind.EDGE_SPACE, warning, f"{_edges(text)} with white space")
    if end := _SENTENCE_END.search(text):
        yield found(FindingKind.CROSSES_SENTENCE, warning, f"goes on after {end[0]!r}")
    if len(text) == 1 and category(text)[0] in "PS":
        yield found(FindingKind.PUNCTUATION_MENTION, warning, f"{text!r} alone")
    if len(text) > LONG:
        yield found(FindingKind.LONG_MENTION, Severity.NOTE, f"{len(text):,} characters")


def _edges(text: str) -> str:
    sides = {"begins": text[0].isspace(), "ends": text[-1].isspace()}
    return " and ".join(side for side, blank in sides.items() if blank)


def _twice(part: str, document: Document) -> Iterator[Finding]:
    """Spans annotated several times, with one label or with several."""
    spans = defaultdict[object, Counter[str]](Counter)
    if len({(e.start, e.end, e.fragments) for e in document.entities}) == len(document.entities):
        return
    for e in document.entities:
        spans[e.start, e.end, e.fragments][e.label] += 1
    for e in {(e.start, e.end, e.fragments): e for e in document.entities}.values():
        labels = spans[e.start, e.end, e.fragments]
        places = (Place.of(part, document, e.start, e.end),)
        shown = ", ".join(map(printable, labels))
        if len(labels) > 1:
            message = f"annotated as {shown}"
            yield Finding(FindingKind.SPAN_WITH_LABELS, Severity.ERROR, message, places)
        elif labels.total() > 1:
            message = f"annotated {labels.total():,} times as {shown}"
            yield Finding(FindingKind.REPEATED_MENTION, Severity.WARNING, message, places)


def _overlaps(entities: tuple[Entity, ...]) -> Iterator[tuple[str, Entity]]:
    """Each mention that lies within, or across the end of, another that comes before it.

    The same span does not count. Mentions are looked at from left to right, of those
    that begin together the longest first.
    """
    before: list[Entity] = []
    for entity in sorted(entities, key=lambda e: (e.start, -e.end)):
        before = [other for other in before if other.end > entity.start]
        others = [o for o in before if (o.start, o.end) != (entity.start, entity.end)]
        if any(other.end >= entity.end for other in others):
            yield "mentions within another", entity
        if any(other.start < entity.start and other.end < entity.end for other in others):
            yield "mentions across the end of another", entity
        before.append(entity)
