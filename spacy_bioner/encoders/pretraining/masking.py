"""What is hidden from the encoder: spans of whole words, a fixed number of tokens a block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spacy_bioner.encoders.pretraining.blocks import Blocks


@dataclass(frozen=True, slots=True)
class MaskedBlocks:
    """Blocks with some of their tokens hidden.

    inputs: (B, L) ids, as the encoder sees them. positions: (B, K) columns of the hidden
    tokens, ascending. targets: (B, K) ids that stand there.
    """

    inputs: NDArray[np.int64]
    positions: NDArray[np.int64]
    targets: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Masking:
    """How tokens are hidden.

    rate: share of the tokens hidden. span: mean number of words in a span (geometric,
    as in SpanBERT, Joshi et al. 2020). special: ids that are hidden only
    where a block has too few others, and never put in another's place. Of the hidden
    tokens 80 % become the mask, 10 % a random ordinary token, 10 % stay (Devlin et al. 2019).
    """

    rate: float
    span: float
    mask_id: int
    vocab_size: int
    special: frozenset[int]

    def apply(self, blocks: Blocks, rng: np.random.Generator) -> MaskedBlocks:
        """Hide round(rate * L) tokens of each block, in spans of whole words.

        Spans are taken in random order until the number is reached; the last one may be cut.
        """
        keys = self._span_keys(blocks, rng)  # (B, L)
        hidden = max(1, round(self.rate * blocks.ids.shape[1]))
        positions = np.sort(np.argsort(keys, axis=1, kind="stable")[:, :hidden], axis=1)  # (B, K)
        targets = np.take_along_axis(blocks.ids, positions, axis=1)  # (B, K)
        inputs = blocks.ids.copy()
        np.put_along_axis(inputs, positions, self._replacements(targets, rng), axis=1)
        return MaskedBlocks(inputs, positions, targets)

    def _span_keys(self, blocks: Blocks, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return a random number for each span, at each of its tokens; 2 at special tokens."""
        special = np.isin(blocks.ids, list(self.special))
        joined = rng.random(blocks.ids.shape) < 1 - 1 / self.span
        after_special = np.zeros_like(special)
        after_special[:, 1:] = special[:, :-1]
        begins = (blocks.starts & ~joined) | special | after_special
        begins[:, 0] = True
        columns = np.where(begins, np.arange(begins.shape[1]), 0)
        first = np.maximum.accumulate(columns, axis=1)  # (B, L): where the token's span begins
        keys = np.take_along_axis(rng.random(begins.shape), first, axis=1)
        return np.where(special, 2.0, keys)

    def _replacements(
        self, targets: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        fate = rng.random(targets.shape)
        ordinary = np.setdiff1d(np.arange(self.vocab_size), list(self.special))
        random = rng.choice(ordinary, size=targets.shape)
        return np.where(fate < 0.8, self.mask_id, np.where(fate < 0.9, random, targets))
