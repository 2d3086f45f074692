"""How labels and mentions differ between the first part and the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from math import sqrt

from spacy_bioner.corpora.checks.findings import Finding, FindingKind, Place, Severity, printable
from spacy_bioner.corpora.checks.strings import fold
from spacy_bioner.corpora.document import Document

SIGNIFICANT_Z = 3.29  # two-sided p = 0.001
_EXPECTED = 5  # mentions that the normal approximation needs
_QUARTER = 1.25


@dataclass(slots=True)
class _Part:
    labels: Counter[str] = field(default_factory=Counter)
    mention_characters: int = 0
    characters: int = 0
    unseen: int = 0

    @property
    def mentions(self) -> int:
        return self.labels.total()

    @property
    def figures(self) -> dict[str, float]:
        return {
            "mean length of mentions": self.mention_characters / self.mentions,
            "mentions in 100 characters": 100 * self.mentions / self.characters,
        }


@dataclass(slots=True)
class Labels:
    """Compares each part that has mentions with the first of them, the training part.

    The share of a label is compared by the two-proportion z-test, where five mentions or
    more are to be expected in each part with the label and without it. Strings are
    compared as by `fold`; of those in the first part hashes are kept.
    """

    _parts: dict[str, _Part] = field(default_factory=dict)
    _first: dict[str, Place] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)
    _reference: str | None = None

    def add(self, part: str, document: Document) -> None:
        tally = self._parts.setdefault(part, _Part())
        tally.characters += len(document.text)
        if document.entities and self._reference is None:
            self._reference = part
        for entity in document.entities:
            if entity.label not in self._first:
                self._first[entity.label] = Place.of(part, document, entity.start, entity.end)
            tally.labels[entity.label] += 1
            tally.mention_characters += entity.end - entity.start
            string = hash(fold(document.text[entity.start : entity.end]))
            if part == self._reference:
                self._seen.add(string)
            else:
                tally.unseen += string not in self._seen

    def findings(self) -> Iterator[Finding]:
        parts = {name: part for name, part in self._parts.items() if part.mentions}
        if len(parts) < 2:
            return
        yield from self._labels_of_one(parts)
        first_name, first = next(iter(parts.items()))
        for name, part in islice(parts.items(), 1, None):
            pair = {printable(first_name): first, printable(name): part}
            yield from _different_shares(pair)
            yield from _different_figures(pair)
            yield Finding(
                FindingKind.UNSEEN_MENTIONS,
                Severity.NOTE,
                f"{part.unseen:,} of {part.mentions:,} mentions ({part.unseen / part.mentions:.1%})"
                f" of {printable(name)} have a string that {printable(first_name)} never annotates",
                count=part.unseen,
            )

    def _labels_of_one(self, parts: dict[str, _Part]) -> Iterator[Finding]:
        for label, place in self._first.items():
            having = [name for name, part in parts.items() if label in part.labels]
            if len(having) == 1:
                count = parts[having[0]].labels[label]
                yield Finding(
                    FindingKind.LABEL_IN_ONE_PART,
                    Severity.WARNING,
                    f"{printable(label)} occurs in {printable(having[0])} only, {count:,} times",
                    (place,),
                    count,
                )


def z_of_two_shares(x1: int, n1: int, x2: int, n2: int) -> float | None:
    """z of the difference between x1/n1 and x2/n2, by their common variance.

    None where fewer than five are expected among the x or the others of either: then z
    is not near enough to normal.
    """
    common = (x1 + x2) / (n1 + n2)
    if min(n1, n2) * min(common, 1 - common) < _EXPECTED:
        return None
    return (x1 / n1 - x2 / n2) / sqrt(common * (1 - common) * (1 / n1 + 1 / n2))


def _different_shares(pair: dict[str, _Part]) -> Iterator[Finding]:
    """The labels whose shares differ significantly, the greatest z first."""
    (name1, part1), (name2, part2) = pair.items()
    found = []
    for label in part1.labels | part2.labels:
        x1, x2 = part1.labels[label], part2.labels[label]
        z = z_of_two_shares(x1, part1.mentions, x2, part2.mentions)
        if z is not None and abs(z) >= SIGNIFICANT_Z:
            message = (
                f"{printable(label)} is {x1 / part1.mentions:.1%} of the mentions in {name1} "
                f"and {x2 / part2.mentions:.1%} in {name2} (z = {z:.1f})"
            )
            finding = Finding(FindingKind.LABEL_SHARE, Severity.NOTE, message, count=x1 + x2)
            found.append((-round(abs(z), 3), label, finding))
    yield from (finding for _, _, finding in sorted(found, key=lambda item: item[:2]))


def _different_figures(pair: dict[str, _Part]) -> Iterator[Finding]:
    (name1, part1), (name2, part2) = pair.items()
    for what, value1 in part1.figures.items():
        value2 = part2.figures[what]
        if max(value1, value2) > _QUARTER * min(value1, value2):
            message = f"{what}: {value1:.2f} in {name1}, {value2:.2f} in {name2}"
            yield Finding(FindingKind.MENTION_FIGURES, Severity.NOTE, message)
