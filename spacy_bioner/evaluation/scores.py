"""Strict scores: a mention is right if one of the gold has its boundaries and its type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spacy_bioner.evaluation.cases import Case, Mention

Counts = NDArray[np.int64]
RIGHT, FOUND, GOLD = range(3)


class Scores(NamedTuple):
    """How many mentions there are in the gold, were found, and were found right.

    What cannot be computed, as the precision of nothing found, is 0.
    """

    right: int
    found: int
    gold: int

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.found + self.gold) if self.right else 0.0


class Means(NamedTuple):
    """Unweighted means over entity types."""

    precision: float
    recall: float
    f1: float


class DocumentCounts(NamedTuple):
    """Counts of every document and type, from which all strict scores follow.

    labels: the L types in the gold or found, sorted. values (D, L, 3): numbers of right,
    found and gold mentions.
    """

    labels: tuple[str, ...]
    values: Counts


def document_counts(cases: Sequence[Case]) -> DocumentCounts:
    """Count right, found and gold mentions of each document and type."""
    labels = tuple(sorted({m.label for case in cases for m in (*case.gold, *case.found)}))
    index = {label: n for n, label in enumerate(labels)}
    values = np.zeros((len(cases), len(labels), 3), dtype=np.int64)
    for row, case in zip(values, cases, strict=True):
        for column, mentions in enumerate(sides(case)):
            for mention in mentions:
                row[index[mention.label], column] += 1
    return DocumentCounts(labels, values)


def sides(case: Case) -> tuple[set[Mention], set[Mention], set[Mention]]:
    """Right, found and gold mentions, in the order of RIGHT, FOUND, GOLD."""
    gold, found = set(case.gold), set(case.found)
    return gold & found, found, gold


def micro(counts: DocumentCounts) -> Scores:
    """Scores over all mentions: spaCy's ents_p, ents_r and ents_f; conlleval's overall."""
    return Scores(*counts.values.sum(axis=(0, 1)).tolist())


def by_type(counts: DocumentCounts) -> dict[str, Scores]:
    totals = counts.values.sum(axis=0).tolist()
    return {label: Scores(*row) for label, row in zip(counts.labels, totals, strict=True)}


def macro(counts: DocumentCounts) -> Means:
    """Means over the types that are in the gold or found; 0 where there is none."""
    scores = list(by_type(counts).values())
    if not scores:
        return Means(0.0, 0.0, 0.0)
    rows = np.array([(s.precision, s.recall, s.f1) for s in scores])
    return Means(*rows.mean(axis=0).tolist())


def scores_by(cases: Sequence[Case], key: Callable[[Case, Mention], str]) -> dict[str, Scores]:
    """Scores of mentions that share a key, in order of the keys.

    A found mention counts under its own key, whatever the gold ones have.
    """
    tallies: tuple[Counter[str], Counter[str], Counter[str]] = (Counter(), Counter(), Counter())
    for case in cases:
        for tally, mentions in zip(tallies, sides(case), strict=True):
            tally.update(key(case, mention) for mention in mentions)
    keys = sorted(set().union(*tallies))
    return {name: Scores(*(tally[name] for tally in tallies)) for name in keys}


def by_genre(cases: Sequence[Case]) -> dict[str, Scores]:
    return scores_by(cases, lambda case, _: case.genre)


def by_section(cases: Sequence[Case]) -> dict[str, Scores]:
    return scores_by(cases, lambda case, mention: case.section_of(mention))
