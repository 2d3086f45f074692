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

from spacy_bioner.crf.scores import Ints1d, Ints2d


@dataclass(frozen=True)
class Packing:
    """How N tokens of B sentences are visited in L steps, from both ends at once.

    lengths (B,): tokens of each sentence, zeros allowed.
    steps: L + 1 offsets; the rows of step t are steps[t]:steps[t + 1].
    tokens (N, 2): token visited by each row from the left and from the right.
    from_left, from_right (N,): row that visits each token from there.
    sentence: sentence of each rank; those that are empty have none.
    first, last: first and last token of the sentence of each rank.
    """

    lengths: Ints1d
    steps: list[int]
    tokens: Ints2d
    from_left: Ints1d
    from_right: Ints1d
    sentence: Ints1d
    first: Ints1d
    last: Ints1d

    @classmethod
    def from_lengths(cls, lengths: Ints1d) -> Packing:
        """Index arrays for sentences of the given lengths (B,)."""
        ends = lengths.cumsum()
        by_length = (-lengths).argsort(kind="stable")
        ended = np.bincount(lengths, minlength=1).cumsum()  # sentences ended before each step
        running = len(lengths) - ended[:-1]
        sentence = by_length[: len(lengths) - ended[0]]
        first, last = (ends - lengths)[sentence], ends[sentence] - 1
        steps = np.zeros_like(ended)
        running.cumsum(out=steps[1:])
        row = np.arange(steps[-1])
        step = np.arange(len(running)).repeat(running)
        rank = row - steps[step]
        tokens = np.empty((len(row), 2), dtype=np.int64)
        np.add(first[rank], step, out=tokens[:, 0])
        np.subtract(last[rank], step, out=tokens[:, 1])
        from_left, from_right = np.empty_like(row), np.empty_like(row)
        from_left[tokens[:, 0]] = from_right[tokens[:, 1]] = row
        return cls(lengths, steps.tolist(), tokens, from_left, from_right, sentence, first, last)

    @property
    def n_tokens(self) -> int:
        return self.steps[-1]


def chunks_of_sentences(lengths: Ints1d, tokens_per_chunk: int) -> list[tuple[slice, slice]]:
    """Cuts a batch into runs of sentences of about so many tokens each.

    Returns (slice of sentences, slice of tokens) of each run, in order.
    """
    ends = lengths.cumsum()
    n_tokens = int(ends[-1]) if len(ends) else 0
    n_chunks = round(n_tokens / tokens_per_chunk)
    if n_chunks <= 1:
        return [(slice(0, len(lengths)), slice(0, n_tokens))]
    targets = np.arange(1, n_chunks) * (n_tokens / n_chunks)
    inner = np.unique(np.searchsorted(ends, targets) + 1)
    cuts = [0, *(int(cut) for cut in inner if cut < len(lengths)), len(lengths)]
    token_cuts = [0, *(int(ends[cut - 1]) for cut in cuts[1:])]
    pairs = zip(pairwise(cuts), pairwise(token_cuts), strict=True)
    return [(slice(*sentences), slice(*tokens)) for sentences, tokens in pairs]
