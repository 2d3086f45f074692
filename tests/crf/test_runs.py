from __future__ import annotations

import numpy as np
import pytest

from spacy_bioner.crf.runs import TagRuns, run_probabilities
from tests.crf import brute_force
from tests.crf.conftest import make_scores

LENGTHS = [4, 0, 1, 3, 2]


def all_runs(lengths, n_tags, rng):
    """Every run of every length with random tags, and a random tag that must not follow."""
    tokens, tags, first, not_next = [], [], [], []
    offset = 0
    for n in lengths:
        for start in range(n):
            for end in range(start + 1, n + 1):
                for _ in range(4):
                    first.append(len(tokens))
                    tokens += range(offset + start, offset + end)
                    tags += rng.integers(0, n_tags, end - start).tolist()
                    not_next.append(int(rng.integers(-1, n_tags)))
        offset += n
    return TagRuns(*(np.array(values) for values in (tokens, tags, first, not_next)))


def enumerated(emissions, lengths, scores, runs):
    bounds = np.append(0, np.cumsum(lengths))
    result = np.zeros(len(runs.first))
    for s, (low, last) in enumerate(zip(runs.first, runs.last, strict=True)):
        b = np.searchsorted(bounds, runs.tokens[low], side="right") - 1
        start, stop = runs.tokens[low] - bounds[b], runs.tokens[last] - bounds[b] + 1
        inside = emissions[bounds[b] : bounds[b + 1]]
        total = brute_force.log_partition(inside, scores)
        for path, score in brute_force.all_paths(inside, scores):
            fits = list(path[start:stop]) == runs.tags[low : last + 1].tolist()
            if fits and not (stop < len(path) and path[stop] == runs.not_next[s]):
                result[s] += np.exp(score - total)
    return result


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
def test_run_probabilities_equal_enumeration(scheme, rng, scale):
    scores = make_scores(scheme, rng, scale)
    emissions = scale * rng.normal(size=(sum(LENGTHS), len(scheme.tags)))
    runs = all_runs(LENGTHS, len(scheme.tags), rng)
    found, _ = run_probabilities(emissions, np.array(LENGTHS), scores, runs)
    assert np.exp(found) == pytest.approx(
        enumerated(emissions, LENGTHS, scores, runs), abs=1e-9, rel=1e-9
    )


def test_run_probabilities_survive_extreme_scores(scheme, rng):
    scores = make_scores(scheme, rng, 300.0)
    emissions = 700.0 * rng.normal(size=(sum(LENGTHS), len(scheme.tags)))
    runs = all_runs(LENGTHS, len(scheme.tags), rng)
    found, _ = run_probabilities(emissions, np.array(LENGTHS), scores, runs)
    assert np.exp(found) == pytest.approx(
        enumerated(emissions, LENGTHS, scores, runs), abs=1e-9, rel=1e-9
    )


def test_no_runs_have_no_probabilities(scheme, rng):
    empty = np.zeros(0, dtype=np.int64)
    emissions = rng.normal(size=(3, len(scheme.tags)))
    found, posterior = run_probabilities(
        emissions, np.array([3]), make_scores(scheme, rng), TagRuns(empty, empty, empty, empty)
    )
    assert found.shape == (0,)
    assert posterior.marginals.sum(axis=1) == pytest.approx(1.0)
