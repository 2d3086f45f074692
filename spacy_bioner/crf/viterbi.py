"""The best path of each of many packed sentences (Viterbi 1967)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spacy_bioner.crf.packing import Packing, chunks_of_sentences
from spacy_bioner.crf.scores import CrfScores, Floats2d, Ints1d

# Steps after which scores are shifted back to a maximum of 0, so that long
# sentences keep the precision of short ones.
STEPS_BETWEEN_SHIFTS = 16

# Of T tags those that at most T // _FEW may precede are computed apart.
_FEW = 4

# Sentences are decoded in runs of about so many tokens, or of so few sentences that the scores of
# a step, T * T of each, are about this many: both bound memory, and shorter runs are slower.
_TOKENS_AT_ONCE = 2**16
_SCORES_AT_ONCE = 2**22


def viterbi(emissions: Floats2d, lengths: Ints1d, scores: CrfScores) -> Ints1d:
    """Tag ids (N,) of the highest-scoring path of each sentence.

    emissions (N, T): sentences end to end; lengths (B,), sum N.
    """
    at_once = _tokens_at_once(lengths, scores)
    found = [
        _best_paths(emissions[tokens], lengths[sentences], scores)
        for sentences, tokens in chunks_of_sentences(lengths, at_once)
    ]
    return found[0] if len(found) == 1 else np.concatenate(found)


def _tokens_at_once(lengths: Ints1d, scores: CrfScores) -> int:
    """Of a run; lengths (B,)."""
    sentences = _SCORES_AT_ONCE // scores.transitions.size
    mean_length = lengths.sum() / max(len(lengths), 1)
    return max(1, min(_TOKENS_AT_ONCE, int(sentences * mean_length)))


def _best_paths(emissions: Floats2d, lengths: Ints1d, scores: CrfScores) -> Ints1d:
    """Tag ids (n,) of one run of sentences; emissions (n, T), lengths (b,)."""
    packing = Packing.from_lengths(lengths)
    if packing.n_tokens == 0:
        return np.zeros(0, dtype=np.int64)
    shifted = np.subtract(emissions, emissions.max(axis=1, keepdims=True), dtype=np.float64)
    best = best_prefixes(shifted[packing.tokens[:, 0]], packing, scores)
    return trace_back(best, packing, scores)[packing.from_left]


def best_prefixes(
    emitted: Floats2d, packing: Packing, scores: CrfScores
) -> list[NDArray[np.float64]]:
    """For each step (T, m): score of the best path up to each tag.

    That is, up to a number that is the same for all tags of a sentence at that step.
    The batch is the last axis: long inner loops, and no argmax on the way.
    """
    steps = packing.steps
    current = np.ascontiguousarray((emitted[: steps[1]] + scores.start).T)  # (T, m)
    best = [current]
    step = _Step(scores.transitions)
    for t in range(1, len(steps) - 1):
        low, high = steps[t], steps[t + 1]
        current = step(current[:, : high - low])
        current += emitted[low:high].T
        if t % STEPS_BETWEEN_SHIFTS == 0:
            current -= current.max(axis=0)
        best.append(current)
    return best


class _Step:
    """From the best scores up to each tag to those one token further, before it is read.

    transitions (T, T): [from, to], -inf where forbidden. A tag inside an entity has few that
    it may follow: for such tags only these are looked at.
    """

    def __init__(self, transitions: Floats2d) -> None:
        allowed = transitions > -np.inf
        few = allowed.sum(axis=0) <= len(transitions) // _FEW
        self.many, self.few = np.flatnonzero(~few), np.flatnonzero(few)
        self.from_any = transitions[:, self.many]  # (T, M)
        most = int(allowed[:, few].sum(axis=0).max(initial=0))
        # (most, F): of each of F tags those before it, those that are allowed first
        self.before = np.argsort(~allowed[:, few], axis=0, kind="stable")[:most]
        self.from_few = transitions[self.before, self.few][:, :, None]  # (most, F, 1)
        self._candidates = np.empty((*self.from_any.shape, 0))

    def __call__(self, current: Floats2d) -> Floats2d:
        """current (T, m) -> (T, m)."""
        if self._candidates.shape[2] != current.shape[1]:
            self._candidates = np.empty((*self.from_any.shape, current.shape[1]))
        reached = np.full_like(current, -np.inf)
        # (T, 1, m) + (T, M, m): [from, to, sentence], best over from -> (M, m)
        np.add(current[:, None], self.from_any[:, :, None], out=self._candidates)
        reached[self.many] = np.maximum.reduce(self._candidates, axis=0)
        if len(self.before):
            # (most, F, m) + (most, F, 1), best over those before -> (F, m)
            reached[self.few] = np.maximum.reduce(current[self.before] + self.from_few, axis=0)
        return reached


def trace_back(best: list[NDArray[np.float64]], packing: Packing, scores: CrfScores) -> Ints1d:
    """Best tag of each row (N,), from the last step to the first."""
    into = np.ascontiguousarray(scores.transitions.T)  # [to, from]
    path = np.empty(packing.n_tokens, dtype=np.int64)
    following = path[:0]
    for t in range(len(packing.steps) - 2, -1, -1):
        here = path[packing.steps[t] : packing.steps[t + 1]]
        reached = best[t].T  # (m, T)
        m = len(following)
        if m:  # sentences that go on: (m, T) + (m, T), the step into the tag that follows
            np.add(reached[:m], into[following]).argmax(axis=1, out=here[:m])
        if m < len(here):  # sentences that end here
            np.add(reached[m:], scores.end).argmax(axis=1, out=here[m:])
        following = here
    return path
