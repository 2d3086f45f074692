"""The default backend: packed sentences, float64, gradient made with the loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spacy_bioner.crf.forward_backward import forward_backward
from spacy_bioner.crf.refinement import Refinement
from spacy_bioner.crf.scores import (
    Bools1d,
    Bools2d,
    CrfGradient,
    CrfScores,
    Floats1d,
    Floats2d,
    Ints1d,
    Posterior,
)
from spacy_bioner.crf.viterbi import viterbi as best_paths

# Of some sentences, by index: a refinement, and where its R tags may stand (n, R).
Refined = Mapping[int, tuple[Refinement, Bools2d]]

__all__ = ["best_paths", "loss_and_gradient", "marginals", "path_scores"]


def marginals(emissions: Floats2d, lengths: Ints1d, scores: CrfScores) -> Floats2d:
    """Probability of each tag at each token, (N, T)."""
    return forward_backward(emissions, lengths, scores).marginals


def loss_and_gradient(
    emissions: Floats2d,
    tags: Ints1d,
    allowed: Bools2d,
    lengths: Ints1d,
    scores: CrfScores,
    refined: Refined | None = None,
) -> CrfGradient:
    """Negative log likelihood of what is known of the tags, and its exact gradient.

    emissions (N, T); tags (N,), negative where unknown; allowed (N, T): the tags
    that agree with what is known, read only in sentences with an unknown token;
    lengths (B,); refined: for sentences where such a mask does not say all, by index, a
    refinement and where its tags may stand (n, R). The loss of a sentence is log Z over
    all paths minus log Z over the agreeing ones (Lafferty et al. 2001; Tsuboi et al.
    2008 for partial labels). Raises ValueError if no path agrees.
    """
    if tags.min(initial=0) >= 0:
        free = forward_backward(emissions, lengths, scores)
        _subtract_known_paths(free, emissions, tags, lengths, scores)
        return _gradient(free, lengths)
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    partial = np.zeros(len(lengths), dtype=np.bool_)
    partial[sentence[tags < 0]] = True
    masked = partial.copy()
    masked[list(refined or {})] = False
    free = _less_masked(emissions, allowed, lengths, scores, masked, masked[sentence])
    known = ~partial[sentence]  # (N,)
    if known.any():
        labelled = Posterior(
            free.log_partition[~partial], free.marginals[known], free.expected_transitions
        )
        _subtract_known_paths(labelled, emissions[known], tags[known], lengths[~partial], scores)
        free.log_partition[~partial] = labelled.log_partition
        free.marginals[known] = labelled.marginals
    _subtract_refined(free, emissions, lengths, scores, refined or {})
    return _gradient(free, lengths)


def _less_masked(
    emissions: Floats2d,
    allowed: Bools2d,
    lengths: Ints1d,
    scores: CrfScores,
    masked: Bools1d,
    tokens: Bools1d,
) -> Posterior:
    """The posterior, less, for the sentences masked (B,), tokens (N,), that of allowed paths.

    Both lattices go through one recursion, which costs less than twice one.
    """
    kept = slice(None) if tokens.all() else tokens
    both = forward_backward(
        np.concatenate([emissions, emissions[kept]]),
        np.concatenate([lengths, lengths[masked]]),
        scores,
        allowed=np.concatenate([np.ones_like(allowed), allowed[kept]]),
        counts=np.repeat([1.0, -1.0], [len(lengths), masked.sum()]),
    )
    n = len(emissions)
    log_partition, marginals = both.log_partition[: len(lengths)], both.marginals[:n]
    log_partition[masked] -= both.log_partition[len(lengths) :]
    marginals[kept] += both.marginals[n:]
    return Posterior(log_partition, marginals, both.expected_transitions)


def _subtract_refined(
    free: Posterior, emissions: Floats2d, lengths: Ints1d, scores: CrfScores, refined: Refined
) -> None:
    """Takes from the posterior, in place, that of the paths that refinements leave."""
    ends = np.cumsum(lengths)
    for b, (refinement, standing) in refined.items():
        inside = slice(ends[b] - lengths[b], ends[b])
        values = refinement.emissions(emissions[inside], standing)
        found = forward_backward(values, lengths[b : b + 1], refinement.scores(scores))
        agreeing = refinement.fold(found)
        free.log_partition[b] -= agreeing.log_partition[0]
        free.marginals[inside] -= agreeing.marginals
        free.expected_transitions[...] -= agreeing.expected_transitions


def path_scores(emissions: Floats2d, tags: Ints1d, lengths: Ints1d, scores: CrfScores) -> Floats1d:
    """Score (B,) of one path (N,) through each sentence; 0 for empty sentences."""
    return _path_scores(emissions, tags, _Visits.of(tags, lengths, scores.n_tags), lengths, scores)


@dataclass(frozen=True)
class _Visits:
    """Where the path of each sentence goes, tags (N,), in flat arrays.

    tags (N,): in an array (N, T); steps (N - 1,): from each token to the next in an
    array (T, T), also from one sentence to another; first and last token of each
    sentence that is not empty.
    """

    tags: Ints1d
    steps: Ints1d
    first: Ints1d
    last: Ints1d

    @classmethod
    def of(cls, tags: Ints1d, lengths: Ints1d, n_tags: int) -> _Visits:
        first, last = _first_and_last(lengths)
        steps = tags[:-1] * n_tags
        steps += tags[1:]
        return cls(np.arange(0, len(tags) * n_tags, n_tags) + tags, steps, first, last)


def _path_scores(
    emissions: Floats2d, tags: Ints1d, visits: _Visits, lengths: Ints1d, scores: CrfScores
) -> Floats1d:
    total = np.zeros(len(lengths))
    if len(tags):
        terms = emissions.ravel()[visits.tags].astype(np.float64)  # (N,)
        into = scores.transitions.ravel()[visits.steps]  # (N - 1,)
        into[visits.last[:-1]] = 0.0
        terms[1:] += into
        terms[visits.first] += scores.start[tags[visits.first]]
        terms[visits.last] += scores.end[tags[visits.last]]
        total[lengths > 0] = np.add.reduceat(terms, visits.first)
    return total


def _first_and_last(lengths: Ints1d) -> tuple[Ints1d, Ints1d]:
    """First and last token of each sentence that is not empty."""
    filled = lengths[lengths > 0]
    ends = filled.cumsum()
    return ends - filled, ends - 1


def _subtract_known_paths(
    free: Posterior, emissions: Floats2d, tags: Ints1d, lengths: Ints1d, scores: CrfScores
) -> None:
    """Takes from a posterior, in place, the one that puts all weight on the known paths."""
    n_tags = scores.n_tags
    visits = _Visits.of(tags, lengths, n_tags)
    log_weight = _path_scores(emissions, tags, visits, lengths, scores)
    if not np.isfinite(log_weight).all():
        raise ValueError("the gold tags of a sentence break the constraints of the scheme")
    free.log_partition[...] -= log_weight
    free.marginals.reshape(-1)[visits.tags] -= 1.0
    counts = np.bincount(visits.steps, minlength=n_tags * n_tags)
    counts -= np.bincount(visits.steps[visits.last[:-1]], minlength=n_tags * n_tags)
    free.expected_transitions[...] -= counts.reshape(n_tags, n_tags)


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
