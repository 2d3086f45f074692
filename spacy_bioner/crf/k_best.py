"""The k best paths of a sentence, by deviations from better ones.

Every path but the best one leaves a better path at some token, going from the last token
to the first, and goes on from there as well as it can (Lawler 1972; for tagging, Soong
and Huang 1991). The scores of best prefixes, which Viterbi computes, tell what each
deviation costs, for all tokens of a path in one array operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise

import numpy as np

from spacy_bioner.crf.packing import Packing
from spacy_bioner.crf.scores import CrfScores, Floats1d, Floats2d, Ints1d, Ints2d
from spacy_bioner.crf.viterbi import best_prefixes, trace_back

# What it costs more than the best path, a number that settles ties, the path that it
# leaves, and the token and tag for which it does: a path that is not built yet.
_Deviation = tuple[float, int, "_Path", int, int]


Ranked = tuple[Ints2d, Floats1d]


def k_best(emissions: Floats2d, lengths: Ints1d, scores: CrfScores, k: int) -> list[Ranked]:
    """The k best paths of each sentence, best first.

    For each, tag ids (k, n), and by how much each score is below that of the best, (k,).
    Fewer where the constraints allow fewer; an empty sentence has one path, (1, 0).
    emissions (N, T), lengths (B,): see `viterbi`. Raises ValueError if k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be 1 or more, got {k}")
    packing = Packing.from_lengths(lengths)
    if packing.n_tokens == 0:
        return [(np.zeros((1, 0), dtype=np.int64), np.zeros(1)) for _ in lengths]
    shifted = np.subtract(emissions, emissions.max(axis=1, keepdims=True), dtype=np.float64)
    steps = best_prefixes(shifted[packing.tokens[:, 0]], packing, scores)
    prefixes = np.concatenate([step.T for step in steps])[packing.from_left]  # (N, T)
    best = trace_back(steps, packing, scores)[packing.from_left]
    into = np.concatenate([scores.transitions.T, scores.end[None]])  # (T + 1, T): [to, from]
    bounds = np.append(0, np.cumsum(lengths)).tolist()
    return [
        _Sentence(prefixes[low:high], into).k_best(best[low:high], k)
        for low, high in pairwise(bounds)
    ]


@dataclass(frozen=True)
class _Path:
    """A path, tags (n + 1,) with the end of the sentence as the last, that has left another.

    Its tags after the token `at` are those of the other; before it, those of the best
    prefix. cost: by how much its score is below that of the best path.
    """

    tags: Ints1d
    at: int
    cost: float


@dataclass(frozen=True)
class _Sentence:
    """prefixes (n, T): score of the best path up to each tag, up to a number a token;
    into (T + 1, T): score of the step [to, from], the end of a sentence being T."""

    prefixes: Floats2d
    into: Floats2d

    def k_best(self, best: Ints1d, k: int) -> Ranked:
        """The k best paths, of which the best one (n,) is known."""
        n, n_tags = self.prefixes.shape
        # it has left no other: all its tags may change
        found = [_Path(np.append(best, n_tags), n, 0.0)]
        waiting: list[_Deviation] = []
        while len(found) < k and n:
            self._add_deviations(waiting, found[-1], k - len(found), len(found))
            if not waiting:
                break
            found.append(self._follow(heappop(waiting)))
        costs = np.array([path.cost for path in found])
        return np.array([path.tags[:-1] for path in found]), costs

    def _add_deviations(
        self, waiting: list[_Deviation], path: _Path, most: int, round: int
    ) -> None:
        """Adds the best `most` paths that leave this one before its token `at`.

        Those that leave at `at` itself, for yet another tag, were among the deviations
        of the path that it has left. Before `at` the path is the best prefix of each of
        its tags, so that what is lost at one token is all that is lost.
        """
        n, tags = path.at, path.tags
        reached = self.prefixes[:n] + self.into[tags[1 : n + 1]]  # (n, T)
        own = np.arange(n), tags[:n]
        lost = reached[own][:, None] - reached
        lost[own] = np.inf
        flat = lost.ravel()
        top = flat.argpartition(most - 1)[:most] if most < len(flat) else np.arange(len(flat))
        tie = round * self.prefixes.size
        for i, cost in zip(top.tolist(), flat[top].tolist(), strict=True):
            if cost < np.inf:
                at, tag = divmod(i, lost.shape[1])
                heappush(waiting, (path.cost + cost, tie + i, path, at, tag))

    def _follow(self, deviation: _Deviation) -> _Path:
        """Builds a path: the tag, and the best prefix as far as it differs from the parent's."""
        cost, _, parent, at, tag = deviation
        tags = parent.tags.copy()
        tags[at] = tag
        for t in range(at - 1, -1, -1):
            before = (self.prefixes[t] + self.into[tag]).argmax()
            if before == tags[t]:
                break  # from here on both are the best prefix of the same tag
            tags[t] = tag = before
        return _Path(tags, at, cost)
