"""Spans that are probable enough to be entities, found without looking at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spacy_bioner.crf.runs import TagChain
from spacy_bioner.models.lattice import Floats1d, Floats2d, Lattice
from spacy_bioner.tags import Spans, TagScheme

ROUNDING = 1e-9  # a probability of 1 is found up to it


def candidate_spans(lattice: Lattice, floor: float) -> Spans:
    """All spans that have a probability of `floor` or more, up to rounding.

    Spans grow token by token, as long as it is so probable that an entity with their label
    begins where they do and reaches so far. No token has more than 1 / floor of these.
    """
    if not 0 < floor <= 1:
        raise ValueError(f"the floor of candidates must be in (0, 1], got {floor}")
    # above 0, or spans would grow beyond the end of their sentence
    growth = _Growth.of(lattice, max(floor - ROUNDING, np.finfo(np.float64).tiny))
    found = [growth.of_one_token()]
    while len(growth.start):
        found.append(growth.step())
    start, end, label = np.concatenate(found, axis=1)  # (S,) each, counted over the batch
    order = np.lexsort((label, end, start))
    sentence = growth.sentence[start[order]]
    low = growth.bounds[sentence]
    return Spans(sentence, start[order] - low, end[order] - low, label[order])


@dataclass
class _Growth:
    """Beginnings of entities (S,) that are probable enough, and how far they have grown.

    start, token: first token, and the last so far; begin: the tag B- of the label; reach:
    how probable it is that an entity begins so and goes on to `token`.
    bounds (B + 1,), sentence (N,): where sentences begin, and which one a token is in.
    """

    scheme: TagScheme
    chain: TagChain
    marginals: Floats2d
    floor: float
    bounds: NDArray[np.int64]
    sentence: NDArray[np.int64]
    start: NDArray[np.int64]
    begin: NDArray[np.int64]
    token: NDArray[np.int64]
    reach: Floats1d

    @classmethod
    def of(cls, lattice: Lattice, floor: float) -> _Growth:
        lengths, marginals = lattice.lengths, lattice.marginals()
        n_prefixes = len(lattice.scheme.prefixes)
        start, label = np.nonzero(marginals[:, 1::n_prefixes] >= floor)
        begin = 1 + label * n_prefixes
        bounds = np.append(0, np.cumsum(lengths))
        sentence = np.repeat(np.arange(len(lengths)), lengths)
        given = (lattice.scheme, lattice.chain(), marginals, floor, bounds, sentence)
        return cls(*given, start, begin, start, marginals[start, begin])

    def of_one_token(self) -> NDArray[np.int64]:
        """Start, end, label (3, S) of entities of one token, if these have a tag of their own."""
        if self.scheme.name == "BIO":
            return np.zeros((3, 0), dtype=np.int64)
        n_prefixes = len(self.scheme.prefixes)
        start, label = np.nonzero(self.marginals[:, n_prefixes::n_prefixes] >= self.floor)
        return np.stack([start, start + 1, label])

    def step(self) -> NDArray[np.int64]:
        """Grow by a token; start, end, label (3, S) of those that end before it (BIO) or there."""
        further, unknown = self._reach_of(self.begin + 1)
        if self.scheme.name == "BIO":
            ends, end = unknown | (self.reach - further >= self.floor), self.token + 1
        else:
            ends, end = self._reach_of(self.begin + 2)[0] >= self.floor, self.token + 2
        label = (self.begin - 1) // len(self.scheme.prefixes)
        found = np.stack([self.start, end, label])[:, ends]
        on = further >= self.floor
        self.start, self.begin = self.start[on], self.begin[on]
        self.token, self.reach = self.token[on] + 1, further[on]
        return found

    def _reach_of(self, tag: NDArray[np.int64]) -> tuple[Floats1d, NDArray[np.bool_]]:
        """How probable each is with this tag at the next token; where that is a bound only."""
        reach, unknown = np.zeros(len(tag)), np.zeros(len(tag), dtype=np.bool_)
        (at,) = np.nonzero(self.token + 1 < self.bounds[self.sentence[self.start] + 1])
        before = np.where(self.token == self.start, self.begin, self.begin + 1)[at]
        steps = self.chain.steps(self.token[at] + 1, before, tag[at])
        unknown[at] = np.isnan(steps)
        most = np.minimum(self.reach[at], self.marginals[self.token[at] + 1, tag[at]])
        reach[at] = np.where(np.isnan(steps), most, self.reach[at] * steps)
        return reach, unknown
