"""Intervals and significance against the same things done one document at a time."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from spacy_bioner.evaluation.evaluate import intervals
from spacy_bioner.evaluation.resampling import (
    compare_f1,
    f1_of,
    percentile_interval,
    resampled_counts,
    scores_of_counts,
)
from spacy_bioner.evaluation.scores import DocumentCounts


def random_counts(documents: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    found, gold = generator.integers(0, 6, (2, documents))
    right = np.minimum(found, gold) * (generator.random(documents) < 0.7)
    return np.stack([right, found, gold], axis=1).astype(np.int64)


def f1(rows: list[list[int]]) -> float:
    right, found, gold = (sum(row[n] for row in rows) for n in range(3))
    return 2 * right / (found + gold) if right else 0.0


def test_scores_of_counts_are_those_of_the_definition() -> None:
    scores = scores_of_counts(np.array([[3.0, 4, 6], [0, 0, 5], [0, 0, 0]]))
    assert scores[0] == pytest.approx([3 / 4, 3 / 6, 2 * 3 / 10])
    assert scores[1:].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_resampled_scores_are_spread_as_by_drawing_documents_one_by_one() -> None:
    counts = random_counts(60, 1)
    values = scores_of_counts(resampled_counts(counts, 4000))[:, 2]
    chance = random.Random(3)
    drawn = [f1(chance.choices(counts.tolist(), k=60)) for _ in range(4000)]
    assert values.mean() == pytest.approx(np.mean(drawn), abs=0.003)
    assert values.std() == pytest.approx(np.std(drawn), rel=0.06)
    expected = np.percentile(drawn, [2.5, 97.5])
    assert tuple(percentile_interval(values)) == pytest.approx(expected, abs=0.01)


def test_resampling_keeps_types_of_a_document_together() -> None:
    values = np.stack([random_counts(20, 2)] * 2, axis=1)  # the same type twice
    sums = resampled_counts(values, 50)
    assert sums.shape == (50, 2, 3)
    assert np.array_equal(sums[:, 0], sums[:, 1])


def test_same_seed_gives_the_same_samples() -> None:
    counts = random_counts(30, 4)
    one, other = resampled_counts(counts, 20, seed=5), resampled_counts(counts, 20, seed=5)
    assert np.array_equal(one, other)
    assert not np.array_equal(one, resampled_counts(counts, 20, seed=6))


def test_equal_systems_do_not_differ() -> None:
    counts = random_counts(40, 5)
    result = compare_f1(counts, counts)
    assert (result.difference, result.bootstrap, result.randomisation) == (0, 1, 1)
    assert tuple(result.interval) == (0, 0)


def test_randomisation_approaches_all_exchanges() -> None:
    a, b = random_counts(10, 6), random_counts(10, 6)
    b[:5, 0] = 0
    difference = f1_of(b) - f1_of(a)
    as_large = 0
    for exchanged in itertools.product([False, True], repeat=10):
        mask = np.array(exchanged)[:, None]
        one, other = np.where(mask, b, a), np.where(mask, a, b)
        as_large += abs(f1_of(other) - f1_of(one)) >= abs(difference) - 1e-12
    exact = as_large / 2**10
    assert compare_f1(a, b, samples=20000).randomisation == pytest.approx(exact, abs=0.015)


def test_bootstrap_follows_its_definition() -> None:
    a, b = random_counts(50, 7), random_counts(50, 8)
    difference = f1_of(b) - f1_of(a)
    chance = random.Random(9)
    drawn = []
    for _ in range(4000):
        rows = chance.choices(range(50), k=50)
        drawn.append(f1(b[rows].tolist()) - f1(a[rows].tolist()))
    expected = np.mean([abs(value - difference) >= abs(difference) for value in drawn])
    result = compare_f1(a, b, samples=4000)
    assert result.bootstrap == pytest.approx(expected, abs=0.03)
    assert tuple(result.interval) == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.012)


def test_a_clear_difference_is_significant_and_symmetric() -> None:
    a = random_counts(200, 10)
    b = a.copy()
    b[:, 0] = b[:, 1] = b[:, 2]  # B is always right
    forth, back = compare_f1(a, b), compare_f1(b, a)
    assert forth.randomisation < 0.01
    assert forth.bootstrap < 0.01
    assert forth.difference == pytest.approx(-back.difference)
    assert forth.interval.low > 0


def test_a_type_of_one_document_proves_nothing() -> None:
    right, wrong = np.zeros((2, 20, 3), dtype=np.int64)
    right[0] = 1
    wrong[0] = [0, 1, 1]
    result = compare_f1(wrong, right, samples=500)
    assert result.bootstrap > 0.3
    assert result.randomisation == 1


def test_different_documents_are_refused() -> None:
    with pytest.raises(ValueError, match="same documents"):
        compare_f1(random_counts(3, 1), random_counts(4, 1))


def test_types_that_are_not_drawn_do_not_widen_intervals() -> None:
    values = np.zeros((20, 3, 3), dtype=np.int64)  # a perfect system; two types occur once
    values[:, 0] = values[0, 1] = values[1, 2] = 1
    found = intervals(DocumentCounts(("A", "B", "C"), values), samples=200)
    assert found.macro_f1 == (1.0, 1.0)
    assert set(found.f1_by_type.values()) == {(1.0, 1.0)}


def test_the_macro_interval_is_that_of_the_types_drawn() -> None:
    counts = np.stack([random_counts(12, 3), random_counts(12, 4)], axis=1)
    counts[2:, 1] = 0
    sums = resampled_counts(counts, 50)
    means = []
    for draw in sums.tolist():
        types = [f1([row]) for row in draw if row[1] + row[2]]
        means.append(sum(types) / len(types))
    found = intervals(DocumentCounts(("A", "B"), counts), samples=50)
    assert found.macro_f1 == percentile_interval(np.array(means))


def test_a_difference_met_up_to_rounding_counts_as_met() -> None:
    a = np.array([[28, 29, 29], [15, 29, 29]])
    b = np.array([[26, 29, 29], [15, 29, 29]])
    found = compare_f1(a, b, 2000)  # twice the first document: off by the difference, as the second
    assert found.bootstrap == pytest.approx(0.5, abs=0.05)
