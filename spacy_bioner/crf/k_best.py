"""The k best paths of a sentence, by deviations from better ones.

Every path but the best one leaves a better path at some token, going from the last token
to the first, and goes on from there as well as it can (Lawler 1972; for tagging, Soong
and Huang 1991). The scores of best prefixes, which Viterbi computes, tell what each
deviation is worth, for all tokens of a path in one array operation.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from spacy_bioner.crf.packing import Packing
from spacy_bioner.crf.scores import CrfScores, Floats1d, Floats2d, Ints1d, Ints2d
from spacy_bioner.crf.viterbi import best_prefixes, trace_back


def k_best(emissions: Floats2d, lengths: Ints1d, scores: CrfScores, k: int) -> list[Ints2d]:
    """The k best paths of each sentence, best first: (k, n) tag ids each.

    Fewer where the constraints allow fewer; an empty sentence has one path, (1, 0).
    emissions (N, T), lengths (B,): see `viterbi`. Raises ValueError if k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be 1 or more, got {k}")
    packing = Packing.from_lengths(lengths)
    if packing.n_tokens == 0:
        return [np.zeros((1, 0), dtype=np.int64) for _ in lengths]
    shifted = np.subtract(emissions, emissions.max(axis=1, keepdims=True), dtype=np.float64)
    steps = best_prefixes(shifted[packing.tokens[:, 0]], packing, scores, shift=False)
    prefixes = np.concatenate([step.T for step in steps])[packing.from_left]  # (N, T)
    best = trace_back(steps, packing, scores)[packing.from_left]
    into = np.ascontiguousarray(scores.transitions.T)
    bounds = np.append(0, np.cumsum(lengths)).tolist()
    return [
        _Sentence(prefixes[low:high], shifted[low:high], into, scores.end).k_best(best[low:high], k)
        for low, high in pairwise(bounds)
    ]


@dataclass(frozen=True)
class _Path:
    """A path, tags (n,), that has left another one at the token `at`.

    Its tags after `at` are those of the other; before `at`, those of the best prefix.
    """

    tags: Ints1d
    at: int


@dataclass(order=True)
class _Deviation:
    """A path not yet built: it leaves `parent` at a token for a tag."""

    cost: float
    order: int
    parent: _Path = field(compare=False)
    at: int = field(compare=False)
    tag: int = field(compare=False)


@dataclass(frozen=True)
class _Sentence:
    """prefixes (n, T): score of the best path up to each tag; emissions (n, T);
    into (T, T): transitions as [to, from]; end (T,)."""

    prefixes: Floats2d
    emissions: Floats2d
    into: Floats2d
    end: Floats1d

    def k_best(self, best: Ints1d, k: int) -> Ints2d:
        """The k best paths, of which the best one (n,) is known."""
        found = [_Path(best, len(best))]  # it has left no other: all its tags may change
        waiting: list[_Deviation] = []
        while len(found) < k and len(best):
            for deviation in self._deviations(found[-1], k - len(found), len(found)):
                heapq.heappush(waiting, deviation)
            if not waiting:
                break
            found.append(self._follow(heapq.heappop(waiting)))
        return np.array([path.tags for path in found])

    def _deviations(self, path: _Path, most: int, order: int) -> list[_Deviation]:
        """The best `most` paths that leave this one before its token `at`.

        Those that leave at `at` itself, for yet another tag, were among the deviations
        of the path that it has left.
        """
        n, tags = path.at, path.tags
        out = np.empty((len(tags), len(self.end)))  # (length, T): step out of each tag
        out[:-1] = self.into[tags[1:]]
        out[-1] = self.end
        here = np.arange(len(tags))
        terms = self.emissions[here, tags] + out[here, tags]
        rest = np.append(terms[:0:-1].cumsum()[::-1], 0.0)  # (length,): all after each token
        worth = self.prefixes[:n] + out[:n] + rest[:n, None]  # (n, T)
        worth[here[:n], tags[:n]] = -np.inf
        flat = worth.ravel()
        top = np.argpartition(flat, -most)[-most:] if most < len(flat) else np.arange(len(flat))
        top = top[flat[top] > -np.inf]
        at, tag = np.divmod(top, worth.shape[1])
        return [
            _Deviation(-flat[i], order, path, int(t), int(y))
            for i, t, y in zip(top, at, tag, strict=True)
        ]

    def _follow(self, deviation: _Deviation) -> _Path:
        """Builds a path: the tag, and the best prefix as far as it differs from the parent's."""
        tags = deviation.parent.tags.copy()
        tags[deviation.at] = deviation.tag
        for t in range(deviation.at - 1, -1, -1):
            tag = (self.prefixes[t] + self.into[tags[t + 1]]).argmax()
            if tag == tags[t]:
                break  # from here on both are the best prefix of the same tag
            tags[t] = tag
        return _Path(tags, deviation.at)
