from __future__ import annotations

import numpy as np
import pytest

from spacy_bioner.crf.scores import CrfScores
from spacy_bioner.crf.viterbi import viterbi
from tests.crf.brute_force import best_path


@pytest.mark.parametrize("n_tags", [1, 3, 4, 9])
@pytest.mark.parametrize("n_before", [0, 1, 2, 9])
def test_best_paths_where_a_tag_may_follow_few_others_or_none(
    n_tags: int, n_before: int, rng: np.random.Generator
) -> None:
    transitions = rng.normal(size=(n_tags, n_tags))
    transitions[:, 1::2] += 2  # so that best paths take them
    for tag in range(1, n_tags, 2):
        transitions[rng.permutation(n_tags)[n_before:], tag] = -np.inf
    scores = CrfScores(rng.normal(size=n_tags), rng.normal(size=n_tags), transitions)
    lengths = np.array([2, 4, 1, 0, *[3] * 60])
    emissions = rng.normal(size=(lengths.sum(), n_tags))
    sentences = np.split(emissions, np.cumsum(lengths)[:-1])
    paths = [best_path(sentence, scores)[0] for sentence in sentences if len(sentence)]
    expected = [tag for path in paths for tag in path]
    assert viterbi(emissions, lengths, scores).tolist() == expected
