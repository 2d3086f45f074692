"""How far scores depend on which documents were drawn: intervals and significance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SAMPLES = 1000
LEVEL = 0.95
_ROWS_AT_ONCE = 100
_ROUNDING = 1e-12
FEW = 20  # documents; of fewer, drawing some anew says little of what others would give


class Interval(NamedTuple):
    """Bounds between which a score falls in 95 of 100 resamples."""

    low: float
    high: float


class Significance(NamedTuple):
    """The difference of two scores, B minus A, and whether chance alone may make it.

    interval: of the difference, by paired bootstrap. bootstrap: p by the paired bootstrap
    (Berg-Kirkpatrick, Burkett and Klein 2012), the share of resamples whose difference
    is off by as much as the difference itself. randomisation: p by approximate
    randomisation (Noreen 1989, Yeh 2000), the share of random exchanges of the two
    systems' documents that make as large a difference. Both are two-sided.
    """

    difference: float
    interval: Interval
    bootstrap: float
    randomisation: float


def scores_of_counts(counts: Floats) -> Floats:
    """(..., 3) right, found, gold -> (..., 3) precision, recall, F1; 0 where undefined."""
    right, found, gold = counts[..., 0], counts[..., 1], counts[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.stack([right / found, right / gold, 2 * right / (found + gold)], axis=-1)
    return np.nan_to_num(scores, nan=0.0, posinf=0.0)


def resampled_counts(counts: NDArray[np.int64], samples: int = SAMPLES, seed: int = 0) -> Floats:
    """Sums of (D, ...) over documents drawn with replacement, `samples` times: (S, ...)."""
    generator = np.random.default_rng(seed)
    documents = len(counts)
    flat = counts.reshape(documents, -1).astype(np.float64)
    sums = np.empty((samples, flat.shape[1]))
    for first in range(0, samples, _ROWS_AT_ONCE):
        rows = min(_ROWS_AT_ONCE, samples - first)
        weights = generator.multinomial(documents, np.full(documents, 1 / documents), size=rows)
        sums[first : first + rows] = weights @ flat
    return sums.reshape(samples, *counts.shape[1:])


def percentile_interval(values: Floats) -> Interval:
    """The middle 95 % of resampled scores (S,), those that are NaN left out; 0 if all are."""
    tail = (1 - LEVEL) / 2 * 100
    known = values[~np.isnan(values)]
    low, high = np.percentile(known, [tail, 100 - tail]) if len(known) else (0.0, 0.0)
    return Interval(float(low), float(high))


def f1_of(counts: NDArray[np.int64]) -> float:
    """F1 of (D, 3) counts of documents, all together."""
    return float(scores_of_counts(counts.sum(axis=0).astype(np.float64))[2])


def compare_f1(
    a: NDArray[np.int64], b: NDArray[np.int64], samples: int = SAMPLES, seed: int = 0
) -> Significance:
    """Whether the F1 of two systems on the same documents differs: (D, 3) counts each.

    Where a resample has nothing to find and none is found, F1 is 0, so that a type of one
    document is no proof.

    Raises ValueError if the two have different numbers of documents, or none.
    """
    if a.shape != b.shape or not len(a):
        raise ValueError(f"counts of shape {a.shape} and {b.shape}: need the same documents")
    difference = f1_of(b) - f1_of(a)
    sums = resampled_counts(np.stack([a, b], axis=1), samples, seed)  # (S, 2, 3)
    f1 = scores_of_counts(sums)[..., 2]
    differences = f1[:, 1] - f1[:, 0]
    off = np.abs(differences - difference) >= abs(difference) - _ROUNDING
    return Significance(
        difference,
        percentile_interval(differences),
        float((1 + off.sum()) / (1 + samples)),
        _randomisation(a, b, difference, samples, seed),
    )


def _randomisation(
    a: NDArray[np.int64], b: NDArray[np.int64], difference: float, samples: int, seed: int
) -> float:
    generator = np.random.default_rng(seed)
    total, change = (a.sum(axis=0)).astype(np.float64), (b - a).astype(np.float64)
    both = (a + b).sum(axis=0).astype(np.float64)
    as_large = 0
    for first in range(0, samples, _ROWS_AT_ONCE):
        rows = min(_ROWS_AT_ONCE, samples - first)
        exchanged = generator.random((rows, len(a))) < 0.5
        one = total + exchanged @ change  # (rows, 3)
        made = scores_of_counts(both - one)[:, 2] - scores_of_counts(one)[:, 2]
        as_large += int((np.abs(made) >= abs(difference) - _ROUNDING).sum())
    return (1 + as_large) / (1 + samples)
