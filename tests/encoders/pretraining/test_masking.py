from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.encoders.pretraining.blocks import Blocks
from spacy_bioner.encoders.pretraining.masking import Masking

START, END, MASK, VOCABULARY = 0, 1, 2, 500


def blocks(rng: np.random.Generator, n: int, length: int, word_share: float) -> Blocks:
    ids = rng.integers(3, VOCABULARY, size=(n, length))
    ids[:, 0], ids[:, -1] = START, END
    starts = rng.random((n, length)) < word_share
    return Blocks(ids, starts)


@given(
    seed=st.integers(0, 10**6),
    length=st.integers(8, 60),
    rate=st.floats(0.05, 0.6),
    span=st.floats(1.0, 4.0),
)
def test_what_is_hidden_is_what_was_there(seed: int, length: int, rate: float, span: float) -> None:
    rng = np.random.default_rng(seed)
    given_blocks = blocks(rng, 3, length, 0.7)
    masking = Masking(rate, span, MASK, VOCABULARY, frozenset({START, END}))
    found = masking.apply(given_blocks, rng)
    assert found.positions.shape == (3, max(1, round(rate * length)))
    for row in range(3):
        hidden = found.positions[row]
        assert len(set(hidden)) == len(hidden)
        assert not set(hidden) & {0, length - 1}
        np.testing.assert_array_equal(found.targets[row], given_blocks.ids[row, hidden])
        kept = np.setdiff1d(np.arange(length), hidden)
        np.testing.assert_array_equal(found.inputs[row, kept], given_blocks.ids[row, kept])


@given(seed=st.integers(0, 10**6))
def test_words_are_hidden_whole_but_for_one_a_block(seed: int) -> None:
    rng = np.random.default_rng(seed)
    given_blocks = blocks(rng, 4, 50, 0.4)
    found = Masking(0.3, 1.0, MASK, VOCABULARY, frozenset({START, END})).apply(given_blocks, rng)
    for row in range(4):
        begins = given_blocks.starts[row].copy()
        begins[[0, 1, 49]] = True
        word = np.cumsum(begins)
        hidden = np.zeros(50, dtype=bool)
        hidden[found.positions[row]] = True
        cut = [w for w in set(word) if 0 < hidden[word == w].sum() < (word == w).sum()]
        assert len(cut) <= 1


def test_eight_of_ten_become_the_mask_and_one_stays() -> None:
    rng = np.random.default_rng(0)
    given_blocks = blocks(rng, 200, 100, 1.0)
    masking = Masking(0.15, 1.5, MASK, VOCABULARY, frozenset({START, END}))
    found = masking.apply(given_blocks, rng)
    seen = np.take_along_axis(found.inputs, found.positions, axis=1)
    assert abs((seen == MASK).mean() - 0.8) < 0.02
    assert abs((seen == found.targets).mean() - 0.1) < 0.02
