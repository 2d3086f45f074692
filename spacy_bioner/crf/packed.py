"""The default backend: packed sentences, float64, gradient made with the loss."""

from __future__ import annotations

import numpy as np

from spacy_bioner.crf.forward_backward import forward_backward
from spacy_bioner.crf.scores import (
    Bools2d,
    CrfGradient,
    CrfScores,
    Floats1d,
    Floats2d,
    Ints1d,
    Posterior,
)
from spacy_bioner.crf.viterbi import viterbi as best_paths

__all__ = ["best_paths", "loss_and_gradient", "marginals", "path_scores"]


def marginals(emissions: Floats2d, lengths: Ints1d, scores: CrfScores) -> Floats2d:
    """Probability of each tag at each token, (N, T)."""
    return forward_backward(emissions, lengths, scores).marginals


def loss_and_gradient(
    emissions: Floats2d, tags: Ints1d, allowed: Bools2d, lengths: Ints1d, scores: CrfScores
) -> CrfGradient:
    """Negative log likelihood of what is known of the tags, and its exact gradient.

    emissions (N, T); tags (N,), negative where unknown; allowed (N, T): the tags
    that agree with what is known, read only in sentences with an unknown token;
    lengths (B,). The loss of a sentence is log Z over all paths minus log Z over
    the agreeing paths (Lafferty et al. 2001; Tsuboi et al. 2008 for partial labels).
    Raises ValueError if no path agrees.
    """
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    partial = np.zeros(len(lengths), dtype=np.bool_)
    partial[sentence[tags < 0]] = True
    free = forward_backward(emissions, lengths, scores)
    if not partial.any():
        _subtract_known_paths(free, emissions, tags, lengths, scores)
        return _gradient(free, lengths)
    known, unknown = ~partial[sentence], partial[sentence]  # (N,): tokens of each kind
    agreeing = forward_backward(
        np.where(allowed[unknown], emissions[unknown], -np.inf), lengths[partial], scores
    )
    labelled = Posterior(
        free.log_partition[~partial], free.marginals[known], free.expected_transitions
    )
    _subtract_known_paths(labelled, emissions[known], tags[known], lengths[~partial], scores)
    free.log_partition[~partial] = labelled.log_partition
    free.marginals[known] = labelled.marginals
    free.log_partition[partial] -= agreeing.log_partition
    free.marginals[unknown] -= agreeing.marginals
    free.expected_transitions[...] -= agreeing.expected_transitions
    return _gradient(free, lengths)


def path_scores(emissions: Floats2d, tags: Ints1d, lengths: Ints1d, scores: CrfScores) -> Floats1d:
    """Score (B,) of one path (N,) through each sentence; 0 for empty sentences."""
    first, last = _first_and_last(lengths)
    terms = emissions[np.arange(len(tags)), tags].astype(np.float64)  # (N,)
    terms[1:] += np.where(_continues(lengths), scores.transitions[tags[:-1], tags[1:]], 0.0)
    terms[first] += scores.start[tags[first]]
    terms[last] += scores.end[tags[last]]
    total = np.zeros(len(lengths))
    if len(terms):
        total[lengths > 0] = np.add.reduceat(terms, first)
    return total


def _first_and_last(lengths: Ints1d) -> tuple[Ints1d, Ints1d]:
    """First and last token of each sentence that is not empty."""
    filled = lengths > 0
    ends = np.cumsum(lengths)[filled]
    return ends - lengths[filled], ends - 1


def _continues(lengths: Ints1d) -> Bools2d:
    """Whether each token but the very first is in the sentence of the one before, (N - 1,)."""
    inner = np.ones(int(lengths.sum()), dtype=np.bool_)
    inner[_first_and_last(lengths)[0]] = False
    return inner[1:]


def _subtract_known_paths(
    free: Posterior, emissions: Floats2d, tags: Ints1d, lengths: Ints1d, scores: CrfScores
) -> None:
    """Takes from a posterior, in place, the one that puts all weight on the known paths."""
    log_weight = path_scores(emissions, tags, lengths, scores)
    if not np.isfinite(log_weight).all():
        raise ValueError("the gold tags of a sentence break the constraints of the scheme")
    free.log_partition[...] -= log_weight
    free.marginals[np.arange(len(tags)), tags] -= 1.0
    inner = _continues(lengths)
    steps = (tags[:-1] * scores.n_tags + tags[1:])[inner]
    counts = np.bincount(steps, minlength=scores.n_tags**2)
    free.expected_transitions[...] -= counts.reshape(scores.n_tags, scores.n_tags)


def _gradient(difference: Posterior, lengths: Ints1d) -> CrfGradient:
    """Loss and gradient as the difference of two posteriors."""
    first, last = _first_and_last(lengths)
    return CrfGradient(
        loss=difference.log_partition,
        emissions=difference.marginals,
        start=difference.marginals[first].sum(axis=0),
        end=difference.marginals[last].sum(axis=0),
        transitions=difference.expected_transitions,
    )
