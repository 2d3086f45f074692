"""Whether confidences are true: of entities found with 0.8, are four in five right?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Entities with a confidence in (low, high]: how many, mean confidence, share right."""

    low: float
    high: float
    count: int
    confidence: float
    precision: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """How confidences and outcomes of some entities agree.

    count: entities. confidence: their mean confidence. precision: share that is right.
    ece: expected calibration error over BINS bins of equal width, the mean distance of
    confidence and precision weighted by count (Naeini et al. 2015). brier: mean squared
    distance of confidence and outcome (Brier 1950). bins: those with entities.
    """

    count: int
    confidence: float
    precision: float
    ece: float
    brier: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class ReliabilityByType:
    """Of all entities, and of those of each type."""

    overall: Reliability
    by_type: dict[str, Reliability]


def reliability(confidences: ArrayLike, right: ArrayLike) -> Reliability:
    """Reliability of entities found with some confidences (S,), each right or not (S,).

    Raises ValueError if the two differ in length or a confidence is not from 0 to 1.
    """
    p, y = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if p.shape != y.shape:
        raise ValueError(f"{len(p)} confidences but {len(y)} outcomes")
    if len(p) == 0:
        return Reliability(0, 0.0, 0.0, 0.0, 0.0, ())
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("confidences must be from 0 to 1")
    which = np.clip(np.ceil(p * BINS).astype(np.int64) - 1, 0, BINS - 1)
    bins = []
    for number in np.unique(which):
        inside = which == number
        low, high = number / BINS, (number + 1) / BINS
        means = float(p[inside].mean()), float(y[inside].mean())
        bins.append(Bin(float(low), float(high), int(inside.sum()), *means))
    ece = sum(b.count * abs(b.confidence - b.precision) for b in bins) / len(p)
    brier = float(((p - y) ** 2).mean())
    return Reliability(len(p), float(p.mean()), float(y.mean()), ece, brier, tuple(bins))


def reliability_by_type(
    confidences: Sequence[float], right: Sequence[bool], labels: Sequence[str]
) -> ReliabilityByType:
    """The same for all entities and for those of each label, sorted by name."""
    p, y, of = np.asarray(confidences), np.asarray(right), np.asarray(labels)
    by_type = {label: reliability(p[of == label], y[of == label]) for label in sorted(set(labels))}
    return ReliabilityByType(reliability(p, y), by_type)


def render_reliability(parts: Mapping[str, ReliabilityByType]) -> str:
    """A Markdown table: a row a label and part (such as before and after), all labels first."""
    labels = dict.fromkeys(label for part in parts.values() for label in part.by_type)
    rows = [_row("all", name, part.overall) for name, part in parts.items()]
    rows += [
        _row(label, name, part.by_type[label])
        for label in labels
        for name, part in parts.items()
        if label in part.by_type
    ]
    head = "| type | | entities | mean confidence | precision | ECE | Brier |"
    return "\n".join([head, "| --- | --- | --: | --: | --: | --: | --: |", *rows])


def _row(label: str, part: str, found: Reliability) -> str:
    numbers = f"{found.count:,} | {found.confidence:.3f} | {found.precision:.3f}"
    return f"| {label} | {part} | {numbers} | {found.ece:.4f} | {found.brier:.4f} |"


def area_under_precision_recall(confidences: ArrayLike, right: ArrayLike, gold: int) -> float:
    """Average precision when entities are taken from the most confident on.

    gold: entities that there are to be found; the recall that is not reached adds
    nothing. Equal confidences are taken together. Raises ValueError if gold < 1.
    """
    if gold < 1:
        raise ValueError(f"gold must be 1 or more, got {gold}")
    p, y = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.float64)
    order = np.argsort(-p, kind="stable")
    found = np.arange(1, len(p) + 1)
    hits = np.cumsum(y[order])
    last_of_equal = np.append(np.diff(p[order]) != 0, True) if len(p) else np.zeros(0, bool)
    precision, recall = (hits / found)[last_of_equal], hits[last_of_equal] / gold
    steps = np.diff(recall, prepend=0.0)
    return float((precision * steps).sum())


def precision_at_recall(
    confidences: ArrayLike, right: ArrayLike, gold: int, recalls: Sequence[float]
) -> list[float | None]:
    """Highest precision at which each recall is reached by a threshold; None where none does."""
    p, y = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=np.float64)
    order = np.argsort(-p, kind="stable")
    hits = np.cumsum(y[order])
    last_of_equal = np.append(np.diff(p[order]) != 0, True) if len(p) else np.zeros(0, bool)
    precision, recall = (hits / np.arange(1, len(p) + 1))[last_of_equal], hits[last_of_equal] / gold
    reached = [precision[recall >= wanted] for wanted in recalls]
    return [float(values.max()) if len(values) else None for values in reached]
