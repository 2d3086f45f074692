from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_bioner.crf.k_best import k_best
from spacy_bioner.crf.packed import best_paths, path_scores
from spacy_bioner.tags import TagScheme
from tests.crf import brute_force
from tests.crf.conftest import make_scores


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=4),
    st.sampled_from(["BIO", "BILUO"]),
    st.integers(1, 12),
    st.integers(0, 10_000),
)
def test_k_best_equal_enumeration(lengths, name, k, seed):
    rng = np.random.default_rng(seed)
    scheme = TagScheme(("A",) if max(lengths) > 4 else ("A", "B"), name)
    scores = make_scores(scheme, rng)
    emissions = rng.normal(size=(sum(lengths), len(scheme.tags)))
    offset = 0
    ranked = k_best(emissions, np.array(lengths), scores, k)
    for n, (found, costs) in zip(lengths, ranked, strict=True):
        inside = emissions[offset : offset + n]
        offset += n
        if n == 0:
            assert found.shape == (1, 0)
            continue
        paths = sorted(brute_force.all_paths(inside, scores), key=lambda pair: -pair[1])[:k]
        assert len(found) == len(paths)
        assert len({tuple(path) for path in found}) == len(found)
        scored = [path_scores(inside, path, np.array([n]), scores)[0] for path in found]
        assert scored == pytest.approx([score for _, score in paths], abs=1e-9)
        assert costs == pytest.approx(scored[0] - np.array(scored), abs=1e-9)


def test_best_of_k_is_the_best_path_of_long_sentences(scheme, rng):
    lengths = np.array([900, 3, 40])
    scores = make_scores(scheme, rng)
    emissions = rng.normal(size=(lengths.sum(), len(scheme.tags)))
    found = k_best(emissions, lengths, scores, 5)
    assert (
        np.concatenate([paths[0] for paths, _ in found]).tolist()
        == best_paths(emissions, lengths, scores).tolist()
    )
    for n, (paths, costs) in zip(lengths, found, strict=True):
        assert paths.shape == (5, n)
        assert costs.tolist() == sorted(costs)


def test_k_below_one_is_refused(scheme, rng):
    with pytest.raises(ValueError, match="k must be 1 or more, got 0"):
        k_best(np.zeros((1, 5)), np.array([1]), make_scores(scheme, rng), 0)
