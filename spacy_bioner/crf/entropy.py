"""How unsure a CRF is of the whole path of a sentence."""

from __future__ import annotations

import numpy as np

from spacy_bioner.crf.forward_backward import forward_backward
from spacy_bioner.crf.log_space import backward_messages, forward_messages, log_sum_exp
from spacy_bioner.crf.scores import CrfScores, Floats1d, Floats2d, Floats3d, Ints1d

_STEPS_AT_ONCE = 2000


def path_entropies(emissions: Floats2d, lengths: Ints1d, scores: CrfScores) -> Floats1d:
    """Entropy (B,) of the paths of each sentence, in nats.

    By the chain rule: that of the first tag, and of each tag given the one before
    (Hernando et al. 2005). emissions (N, T), lengths (B,): see `forward_backward`.
    """
    posterior = forward_backward(emissions, lengths, scores, keep_following=True)
    assert posterior.following is not None
    ends = np.cumsum(lengths)
    first = (ends - lengths)[lengths > 0]
    at_token = np.zeros(len(emissions))
    at_token[first] = _entropy(posterior.marginals[first])
    later = np.setdiff1d(np.arange(len(emissions)), first)
    weights = np.exp(scores.transitions - scores.transitions.max())
    for low in range(0, len(later), _STEPS_AT_ONCE):
        tokens = later[low : low + _STEPS_AT_ONCE]
        # (n, T, T): [token, tag before, tag]
        steps = weights * posterior.following[tokens, None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            steps /= steps.sum(axis=2, keepdims=True)
        before = posterior.marginals[tokens - 1]
        given = np.where(before > 0, _entropy(steps), 0.0)  # (n, T)
        at_token[tokens] = (before * given).sum(axis=1)
    result = np.zeros(len(lengths))
    if len(first):
        result[lengths > 0] = np.add.reduceat(at_token, first)
    for b in np.flatnonzero(np.isnan(result)):
        inside = emissions[ends[b] - lengths[b] : ends[b]].astype(np.float64)
        result[b] = _entropy_in_log_space(inside, scores)
    return np.maximum(result, 0.0)


def _entropy(probabilities: Floats2d | Floats3d) -> Floats2d:
    """Over the last axis; 0 log 0 is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = probabilities * np.log(probabilities)
    result: Floats2d = -np.where(probabilities == 0, 0.0, terms).sum(axis=-1)
    return result


def _entropy_in_log_space(emissions: Floats2d, scores: CrfScores) -> float:
    """The same for one sentence whose scores span more than float64 holds."""
    alpha, beta = forward_messages(emissions, scores)[0], backward_messages(emissions, scores)
    joint = alpha + beta
    marginals = np.exp(joint - log_sum_exp(joint, axis=1)[:, None])
    total = float(_entropy(marginals[:1])[0])
    for t in range(1, len(emissions)):
        steps = scores.transitions + (emissions[t] + beta[t])  # (T, T): [from, to]
        with np.errstate(invalid="ignore"):
            given = _entropy(np.exp(steps - log_sum_exp(steps, axis=1)[:, None]))
        total += float((marginals[t - 1] * np.where(marginals[t - 1] > 0, given, 0.0)).sum())
    return total
