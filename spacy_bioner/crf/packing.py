"""Index arrays that let recursions run over many sentences without padding.

Sentences lie end to end in arrays of N tokens. A recursion visits them step by
step: row r of its arrays belongs to step t and to the sentence of rank k, where
sentences are ranked from long to short, so that those still running at step t
are always the first ones (as in torch's PackedSequence).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Ints1d = NDArray[np.int64]


@dataclass(frozen=True)
class Packing:
    """How N tokens of B sentences are visited in L steps.

    lengths (B,): tokens of each sentence, zeros allowed.
    steps: L + 1 offsets; the rows of step t are steps[t]:steps[t + 1].
    forward (N,): token visited by each row from the left.
    backward (N,): token visited by each row from the right.
    row_of_token (N,): row that visits each token from the left.
    sentence (N,): sentence of each row.
    previous (N,): row of the same sentence one step before, -1 at step 0.
    first, last: first and last token of each sentence that is not empty.
    """

    lengths: Ints1d
    steps: list[int]
    forward: Ints1d
    backward: Ints1d
    row_of_token: Ints1d
    sentence: Ints1d
    previous: Ints1d
    first: Ints1d
    last: Ints1d

    @classmethod
    def from_lengths(cls, lengths: Ints1d) -> Packing:
        """Index arrays for sentences of the given lengths (B,)."""
        lengths = np.asarray(lengths, dtype=np.int64)
        starts = np.cumsum(lengths) - lengths
        filled = np.flatnonzero(lengths)
        order = filled[np.argsort(-lengths[filled], kind="stable")]
        ranked = lengths[order]
        n_steps = int(ranked[0]) if len(ranked) else 0
        running = len(ranked) - np.searchsorted(ranked[::-1], np.arange(n_steps), side="right")
        steps = np.concatenate([[0], np.cumsum(running)]).astype(np.int64)
        step = np.repeat(np.arange(n_steps), running)
        rank = np.arange(steps[-1]) - steps[step]
        start = starts[order][rank]
        row_of_token = np.empty(len(rank), dtype=np.int64)
        row_of_token[start + step] = np.arange(len(rank))
        return cls(
            lengths=lengths,
            steps=steps.tolist(),
            forward=start + step,
            backward=start + ranked[rank] - 1 - step,
            row_of_token=row_of_token,
            sentence=order[rank],
            previous=np.where(step > 0, steps[np.maximum(step - 1, 0)] + rank, -1),
            first=starts[filled],
            last=(starts + lengths - 1)[filled],
        )

    @property
    def n_tokens(self) -> int:
        return self.steps[-1]

    @property
    def n_sentences(self) -> int:
        return len(self.lengths)


def chunks_of_sentences(lengths: Ints1d, tokens_per_chunk: int) -> list[tuple[slice, slice]]:
    """Cuts a batch into runs of sentences of about so many tokens each.

    Returns (slice of sentences, slice of tokens) of each run, in order.
    """
    ends = np.cumsum(lengths)
    n_tokens = int(ends[-1]) if len(ends) else 0
    n_chunks = max(1, round(n_tokens / tokens_per_chunk))
    targets = np.arange(1, n_chunks) * (n_tokens / n_chunks)
    inner = np.unique(np.searchsorted(ends, targets) + 1)
    cuts = [0, *(int(cut) for cut in inner if cut < len(lengths)), len(lengths)]
    token_cuts = [0, *(int(ends[cut - 1]) for cut in cuts[1:])] if len(lengths) else [0, 0]
    pairs = zip(pairwise(cuts), pairwise(token_cuts), strict=True)
    return [(slice(*sentences), slice(*tokens)) for sentences, tokens in pairs]
