"""Exact probability that a path has certain tags at certain tokens, such as those of an entity.

Given all scores, the tags of a linear-chain CRF form a Markov chain: the probability of
a run of tags is that of its first tag, times that of each step given the tag before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spacy_bioner.crf.forward_backward import forward_backward
from spacy_bioner.crf.log_space import forward_messages, log_sum_exp
from spacy_bioner.crf.scores import CrfScores, Floats1d, Floats2d, Ints1d, Posterior


@dataclass(frozen=True)
class TagRuns:
    """S runs of tags, R tokens in all, run after run.

    tokens (R,): token of the batch, consecutive within a run; tags (R,): the tag there;
    first (S,): where each run begins in these arrays, ascending; not_next (S,): tag that
    must not follow the run, -1 for none.
    """

    tokens: Ints1d
    tags: Ints1d
    first: Ints1d
    not_next: Ints1d

    @property
    def last(self) -> Ints1d:
        """Where each run ends in the arrays, (S,)."""
        return np.append(self.first[1:], len(self.tokens)) - 1


@dataclass(frozen=True)
class TagChain:
    """The Markov chain that the tags of a batch form, given all scores.

    following (N, T): see `forward_backward`. weights (T, T): of the steps out of each tag, up
    to a factor a row.
    """

    following: Floats2d
    weights: Floats2d

    @classmethod
    def of(cls, emissions: Floats2d, lengths: Ints1d, scores: CrfScores) -> TagChain:
        posterior = forward_backward(emissions, lengths, scores, keep_following=True)
        assert posterior.following is not None
        return cls(posterior.following, _step_weights(scores))

    def steps(self, tokens: Ints1d, before: Ints1d, tags: Ints1d) -> Floats1d:
        """P(tag | tag before, all scores) (S,) at each token; NaN where it is beyond scaling.

        tokens, before, tags (S,): none is the first of its sentence.
        """
        weights = self.weights[before] * self.following[tokens]  # (S, T)
        chosen = weights[np.arange(len(tokens)), tags]
        with np.errstate(divide="ignore", invalid="ignore"):
            result: Floats1d = chosen / weights.sum(axis=1)
        return result


def _step_weights(scores: CrfScores) -> Floats2d:
    """(T, T): weights of the steps out of each tag, up to a factor a row."""
    with np.errstate(invalid="ignore"):
        highest = scores.transitions.max(axis=1, keepdims=True)
        weights: Floats2d = np.exp(scores.transitions - highest)
    return weights


def run_probabilities(
    emissions: Floats2d, lengths: Ints1d, scores: CrfScores, runs: TagRuns
) -> tuple[Floats1d, Posterior]:
    """Log probability (S,) of each run, and the posterior of the batch.

    emissions (N, T), lengths (B,): see `forward_backward`. No run leaves its sentence.
    """
    posterior = forward_backward(emissions, lengths, scores, keep_following=True)
    assert posterior.following is not None
    if len(runs.first) == 0:
        return np.zeros(0), posterior
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = _step_weights(scores)  # (T, T)
        terms = _log_steps(posterior.following, steps, runs)  # (R,)
        terms[runs.first] = np.log(
            posterior.marginals[runs.tokens[runs.first], runs.tags[runs.first]]
        )
        log_probabilities: Floats1d = np.add.reduceat(terms, runs.first)
        log_probabilities += _log_no_continuation(posterior.following, steps, lengths, runs)
    _recompute(log_probabilities, posterior, emissions, lengths, scores, runs)
    return np.minimum(log_probabilities, 0.0), posterior


def _log_steps(following: Floats2d, steps: Floats2d, runs: TagRuns) -> Floats1d:
    """log P(tag | tag before, all scores) at each token of the runs but the first of each."""
    result = np.zeros(len(runs.tokens))
    inner = np.ones(len(runs.tokens), dtype=np.bool_)
    inner[runs.first] = False
    (at,) = np.nonzero(inner)
    # (R', T): weight of each step from the tag before, with all that follows
    weights = steps[runs.tags[at - 1]] * following[runs.tokens[at]]
    chosen = weights[np.arange(len(at)), runs.tags[at]]
    result[at] = np.log(chosen / (weights @ np.ones(len(steps))))
    return result


def _log_no_continuation(
    following: Floats2d, steps: Floats2d, lengths: Ints1d, runs: TagRuns
) -> Floats1d:
    """log P(the tag after each run is not the one that would continue it), (S,)."""
    result = np.zeros(len(runs.first))
    tokens = runs.tokens[runs.last]
    ends_sentence = np.zeros(int(lengths.sum()), dtype=np.bool_)
    ends_sentence[np.cumsum(lengths[lengths > 0]) - 1] = True
    (at,) = np.nonzero((runs.not_next >= 0) & ~ends_sentence[tokens])
    # (S', T): summed without the excluded tag, for 1 - p has no digits left where p is near 1
    weights = steps[runs.tags[runs.last[at]]] * following[tokens[at] + 1]
    ones = np.ones(len(steps))
    total = weights @ ones
    weights[np.arange(len(at)), runs.not_next[at]] = 0.0
    result[at] = np.log(weights @ ones / total)
    return result


def _recompute(
    log_probabilities: Floats1d,
    posterior: Posterior,
    emissions: Floats2d,
    lengths: Ints1d,
    scores: CrfScores,
    runs: TagRuns,
) -> None:
    """Runs whose sentence was beyond scaling: log Z of the paths that have them, minus log Z."""
    bounds = np.append(0, np.cumsum(lengths))
    for s in np.flatnonzero(np.isnan(log_probabilities)):
        run = slice(runs.first[s], runs.last[s] + 1)
        b = np.searchsorted(bounds, runs.tokens[run.start], side="right") - 1
        clamped = emissions[bounds[b] : bounds[b + 1]].astype(np.float64)
        for token, tag in zip(runs.tokens[run] - bounds[b], runs.tags[run], strict=True):
            kept = clamped[token, tag]
            clamped[token] = -np.inf
            clamped[token, tag] = kept
        after = runs.tokens[run.stop - 1] - bounds[b] + 1
        if runs.not_next[s] >= 0 and after < len(clamped):
            clamped[after, runs.not_next[s]] = -np.inf
        log_probabilities[s] = _log_partition(clamped, scores) - posterior.log_partition[b]


def _log_partition(emissions: Floats2d, scores: CrfScores) -> float:
    """log Z of one sentence in log space; -inf if no path is allowed."""
    try:
        alpha, total = forward_messages(emissions, scores)
    except ValueError:
        return -np.inf
    return total + float(log_sum_exp((alpha[-1] + scores.end)[None], axis=1)[0])
