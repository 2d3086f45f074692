"""Strings that are annotated in one way here and in another, or not at all, there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from spacy_bioner.corpora.checks.findings import (
    KEPT_PLACES,
    Finding,
    FindingKind,
    Place,
    Severity,
    excerpt,
    printable,
)
from spacy_bioner.corpora.checks.strings import StringFinder, fold
from spacy_bioner.corpora.document import Document

MINIMUM_LENGTH = 2
MINIMUM_ANNOTATED = 3
NOT_ANNOTATED = None
_Readings = Counter[str | None]


@dataclass(slots=True)
class Contradictions:
    """Compares all occurrences of each annotated string, in all parts together.

    Strings are compared character for character, Latin letters (and all others that
    have case) without regard to case, but for words of two to five capitals. Strings
    have two characters or more and are annotated three times or more. An occurrence is
    not annotated if it touches no mention: within a longer mention it is left alone.
    Where annotated strings overlap, the leftmost and longest counts. Discontinuous
    mentions are no strings.

    Keeps the texts of all documents, and the extents of their mentions, until
    `findings` has been asked: memory grows with the corpus.
    """

    _texts: list[tuple[Place, str, list[tuple[int, int]]]] = field(default_factory=list)
    _readings: defaultdict[str, _Readings] = field(
        default_factory=lambda: defaultdict[str, _Readings](Counter)
    )
    _places: dict[tuple[str, str | None], Place] = field(default_factory=dict)

    def add(self, part: str, document: Document) -> None:
        folded = fold(document.text)
        for entity in document.entities:
            string = folded[entity.start : entity.end]
            if len(string) < MINIMUM_LENGTH or entity.fragments:
                continue
            self._readings[string][entity.label] += 1
            if (string, entity.label) not in self._places:
                place = Place.of(part, document, entity.start, entity.end)
                self._places[string, entity.label] = place
        spans = [(entity.start, entity.end) for entity in document.entities]
        self._texts.append((Place.of(part, document), document.text, spans))

    def findings(self) -> Iterator[Finding]:
        """The most contradictory first: by how many occurrences disagree with the majority."""
        annotated = {string: readings.total() for string, readings in self._readings.items()}
        self._count_not_annotated()
        found = [
            (readings.total() - max(readings.values()), string)
            for string, readings in self._readings.items()
            if annotated[string] >= MINIMUM_ANNOTATED and len(readings) > 1
        ]
        for disagreeing, string in sorted(found, key=lambda item: (-item[0], item[1])):
            yield self._finding(string, disagreeing)

    def _count_not_annotated(self) -> None:
        finder = StringFinder(self._readings.keys())
        for place, text, spans in self._texts:
            folded = fold(text)
            for start, end in finder.find(folded, spans):
                string = folded[start:end]
                self._readings[string][NOT_ANNOTATED] += 1
                if (string, NOT_ANNOTATED) not in self._places:
                    shown = excerpt(text, start, end)
                    where = Place(place.part, place.document, start, end, shown)
                    self._places[string, NOT_ANNOTATED] = where
        self._texts.clear()

    def _finding(self, string: str, disagreeing: int) -> Finding:
        readings = self._readings[string].most_common()
        places = [self._places[string, label] for label, _ in readings]
        counts = (
            f"{n:,} {'not annotated' if label is NOT_ANNOTATED else printable(label)}"
            for label, n in readings
        )
        return Finding(
            FindingKind.INCONSISTENT_STRING,
            Severity.WARNING,
            f"{places[0].text!r}: {', '.join(counts)}",
            tuple(places[:KEPT_PLACES]),
            disagreeing,
        )
