from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_bioner.crf.packed import loss_and_gradient
from spacy_bioner.models.exclusion import exclude
from spacy_bioner.tags import TagScheme
from tests.crf import brute_force
from tests.crf.conftest import make_scores
from tests.models.test_lattice import entities

N = 4
spans = st.tuples(st.integers(0, N - 1), st.integers(1, N), st.integers(0, 1)).filter(
    lambda s: s[0] < s[1]
)


def agreeing(scheme, emissions, scores, allowed, excluded):
    """log Z of the paths that have none of the entities, by enumeration."""
    weights = [
        score
        for path, score in brute_force.all_paths(emissions, scores, allowed)
        if not entities(scheme, path) & set(excluded)
    ]
    return float(np.logaddexp.reduce(weights)) if weights else -np.inf


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["BIO", "BILUO"]),
    st.lists(spans, min_size=1, max_size=4),
    st.integers(0, 10_000),
)
def test_loss_without_some_entities_equals_enumeration(name, excluded, seed):
    scheme, rng = TagScheme(("A", "B"), name), np.random.default_rng(seed)
    scores = make_scores(scheme, rng)
    emissions = rng.normal(size=(N, len(scheme.tags)))
    allowed = rng.random(emissions.shape) < 0.9
    allowed[:, 0] = True
    refined = {0: exclude(scheme, allowed, excluded)}
    unknown = np.full(N, -1)
    found = loss_and_gradient(emissions, unknown, allowed, np.array([N]), scores, refined)
    expected = brute_force.log_partition(emissions, scores) - agreeing(
        scheme, emissions, scores, allowed, excluded
    )
    assert found.loss == pytest.approx([expected], abs=1e-9)


@pytest.mark.parametrize("name", ["BIO", "BILUO"])
def test_gradient_without_some_entities_equals_finite_differences(name):
    scheme, rng = TagScheme(("A", "B"), name), np.random.default_rng(1)
    scores = make_scores(scheme, rng)
    lengths = np.array([2, N, 1])
    emissions = rng.normal(size=(lengths.sum(), len(scheme.tags)))
    tags = np.array([0, 0, *[-1] * N, 0])
    allowed = np.ones(emissions.shape, dtype=bool)
    refined = {1: exclude(scheme, allowed[2 : 2 + N], [(0, 2, 0), (0, 3, 0), (1, 2, 1)])}

    def total(emissions, scores):
        return loss_and_gradient(emissions, tags, allowed, lengths, scores, refined).loss.sum()

    found = loss_and_gradient(emissions, tags, allowed, lengths, scores, refined)
    arrays = {
        "emissions": (emissions, found.emissions),
        "start": (scores.start, found.start),
        "end": (scores.end, found.end),
        "transitions": (scores.transitions, found.transitions),
    }
    for values, gradient in arrays.values():
        for index in np.ndindex(values.shape):
            if not np.isfinite(values[index]):
                continue
            kept = values[index]
            values[index] = kept + 1e-5
            above = total(emissions, scores)
            values[index] = kept - 1e-5
            below = total(emissions, scores)
            values[index] = kept
            assert gradient[index] == pytest.approx((above - below) / 2e-5, abs=1e-6)


def test_sentence_in_which_only_the_excluded_entity_was_possible_is_refused():
    scheme = TagScheme(("A",))
    allowed = np.zeros((1, 3), dtype=bool)
    allowed[0, 1] = True
    refined = {0: exclude(scheme, allowed, [(0, 1, 0)])}
    scores = make_scores(scheme, np.random.default_rng(0))
    with pytest.raises(ValueError, match="no path through this sentence is allowed"):
        loss_and_gradient(np.zeros((1, 3)), np.array([-1]), allowed, np.array([1]), scores, refined)
