"""Two systems on the same documents: what differs, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spacy_bioner.errors import ConfigError
from spacy_bioner.evaluation.cases import Case, Mention
from spacy_bioner.evaluation.evaluate import Evaluation
from spacy_bioner.evaluation.resampling import SAMPLES, Significance, compare_f1
from spacy_bioner.evaluation.scores import DocumentCounts


@dataclass(frozen=True, slots=True)
class Difference:
    """A document in which just one of two systems is right about some mention.

    only_a, only_b: gold mentions that only A or only B finds. wrong_a, wrong_b: mentions
    that only A or only B finds and that are not in the gold.
    """

    document: int
    only_a: tuple[Mention, ...]
    only_b: tuple[Mention, ...]
    wrong_a: tuple[Mention, ...]
    wrong_b: tuple[Mention, ...]

    @property
    def balance(self) -> int:
        """How much better B does: what it alone has right, and what A alone has wrong."""
        return len(self.only_b) + len(self.wrong_a) - len(self.only_a) - len(self.wrong_b)


@dataclass(frozen=True)
class Comparison:
    """Systems A and B, their differences (B minus A), and the documents where they differ.

    only_a, only_b, both, neither: gold mentions by which systems find them.
    """

    a: Evaluation
    b: Evaluation
    total: Significance
    by_type: dict[str, Significance]
    both: int
    only_a: int
    only_b: int
    neither: int
    differences: tuple[Difference, ...]


def compare(a: Evaluation, b: Evaluation, samples: int = SAMPLES) -> Comparison:
    """Compare two evaluations of the same gold documents.

    Raises ConfigError if the gold differs.
    """
    if [case.gold for case in a.cases] != [case.gold for case in b.cases]:
        raise ConfigError("the two systems were evaluated on different gold data")
    labels = sorted({*a.counts.labels, *b.counts.labels})
    one, other = (_values(evaluation.counts, labels) for evaluation in (a, b))
    hits = [_hits(x, y) for x, y in zip(a.cases, b.cases, strict=True)]
    both, only_a, only_b, neither = (sum(row[n] for row in hits) for n in range(4))
    return Comparison(
        a,
        b,
        compare_f1(one.sum(axis=1), other.sum(axis=1), samples),
        {x: compare_f1(one[:, n], other[:, n], samples) for n, x in enumerate(labels)},
        both,
        only_a,
        only_b,
        neither,
        find_differences(a.cases, b.cases),
    )


def _values(counts: DocumentCounts, labels: Sequence[str]) -> np.ndarray:
    """(D, L, 3) with the types of both systems."""
    values = np.zeros((len(counts.values), len(labels), 3), dtype=np.int64)
    for n, label in enumerate(counts.labels):
        values[:, labels.index(label)] = counts.values[:, n]
    return values


def _hits(a: Case, b: Case) -> tuple[int, int, int, int]:
    """Gold mentions that both, only A, only B and neither find."""
    gold, of_a, of_b = set(a.gold), set(a.found), set(b.found)
    both, only_a, only_b = gold & of_a & of_b, gold & of_a - of_b, gold & of_b - of_a
    return len(both), len(only_a), len(only_b), len(gold - of_a - of_b)


def find_differences(a: Sequence[Case], b: Sequence[Case]) -> tuple[Difference, ...]:
    """Documents in which the systems differ, those where it changes most first."""
    found = []
    for number, (one, other) in enumerate(zip(a, b, strict=True)):
        gold, of_a, of_b = set(one.gold), set(one.found), set(other.found)
        parts = (gold & of_a - of_b, gold & of_b - of_a, of_a - of_b - gold, of_b - of_a - gold)
        if any(parts):
            found.append(Difference(number, *(tuple(sorted(part)) for part in parts)))
    return tuple(sorted(found, key=lambda d: -abs(d.balance)))
