"""Forward-backward over packed sentences in scaled probability space.

Rabiner (1989, section V.A) scales the messages so that they stay in range; here
both directions advance together, as one matrix product a time step over all
sentences. Scaling is checked afterwards: a sentence whose scores span more than
float64 holds is recomputed in log space.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, log
from typing import NamedTuple

import numpy as np

from spacy_bioner.crf.log_space import sentence_posterior
from spacy_bioner.crf.packing import Packing, chunks_of_sentences
from spacy_bioner.crf.scan import SMALLEST_EXACT_SUM, scan
from spacy_bioner.crf.scores import (
    Bools1d,
    Bools2d,
    CrfScores,
    Floats1d,
    Floats2d,
    Floats3d,
    Ints1d,
    Posterior,
)
from spacy_bioner.crf.scratch import SCRATCH

# More at once makes fewer calls; less stays closer to the processor.
SCORES_PER_CHUNK = 200_000
# Messages are rescaled before they can shrink or grow by more than this many nats.
NATS_BETWEEN_RESCALINGS = 130.0


def forward_backward(
    emissions: Floats2d,
    lengths: Ints1d,
    scores: CrfScores,
    *,
    allowed: Bools2d | None = None,
    counts: Floats1d | None = None,
    keep_following: bool = False,
) -> Posterior:
    """Log partition, marginals and expected transitions of packed sentences.

    emissions (N, T): sentences end to end, -inf for a tag excluded at a token; lengths
    (B,); allowed (N, T): False for such a tag too, and quicker; counts (B,): factor of each
    sentence in marginals and expected transitions, such as -1 to subtract it; keep_following:
    fill Posterior.following. Raises ValueError if a sentence has no allowed path.
    """
    n_tokens, n_tags = emissions.shape
    result = Posterior(
        log_partition=np.zeros(len(lengths)),
        marginals=np.empty((n_tokens, n_tags)),
        expected_transitions=np.zeros((n_tags, n_tags)),
        following=np.empty((n_tokens, n_tags)) if keep_following else None,
    )
    if n_tokens == 0:
        return result
    whole = _Chunk(emissions, lengths, allowed, counts)
    with np.errstate(all="ignore"):
        weights = _Weights.of(scores)
        chunks = chunks_of_sentences(lengths, SCORES_PER_CHUNK // n_tags)
        for sentences, tokens in chunks:
            part = Posterior(
                result.log_partition[sentences],
                result.marginals[tokens],
                result.expected_transitions,
                None if result.following is None else result.following[tokens],
            )
            exact = _fill_chunk(part, chunk := whole.part(sentences, tokens), weights)
            if not exact.all():
                _recompute_in_log_space(part, np.flatnonzero(~exact), chunk, scores)
    return result


class _Chunk(NamedTuple):
    """Some sentences, end to end: see `forward_backward`."""

    emissions: Floats2d
    lengths: Ints1d
    allowed: Bools2d | None
    counts: Floats1d | None

    def part(self, sentences: slice, tokens: slice) -> _Chunk:
        return _Chunk(
            self.emissions[tokens],
            self.lengths[sentences],
            None if self.allowed is None else self.allowed[tokens],
            None if self.counts is None else self.counts[sentences],
        )


@dataclass(frozen=True)
class _Weights:
    """Exponentials of a CRF's scores, all shifted so that the largest is 1.

    start (T,), end (T,), transitions (T, T); shift: what was taken from each score;
    span: nats from the lowest finite score to the highest.
    """

    start: Floats1d
    end: Floats1d
    transitions: Floats2d
    shift: float
    span: float

    @classmethod
    def of(cls, scores: CrfScores) -> _Weights:
        table = np.concatenate([[scores.start, scores.end], scores.transitions])  # (2 + T, T)
        low, high = _finite_range(table)
        table -= high
        np.exp(table, out=table)
        return cls(table[0], table[1], table[2:], shift=high, span=high - low)

    @property
    def n_tags(self) -> int:
        return len(self.start)


def _finite_range(values: Floats2d | Floats1d) -> tuple[float, float]:
    """Lowest and highest finite value; zeros if there is none."""
    low, high = float(values.min()), float(values.max())
    if isfinite(high - low):
        return low, high
    finite = np.isfinite(values)
    if not finite.any():
        return 0.0, 0.0
    high = high if isfinite(high) else float(values[finite].max())
    return float(np.where(finite, values, high).min()), high


def _fill_chunk(result: Posterior, chunk: _Chunk, weights: _Weights) -> Bools1d:
    """Writes the posterior of some sentences; their expected transitions are added.

    Returns which sentences are exact, (B,): of others no steps are added, and the rest is wrong.
    """
    packing = Packing.from_lengths(chunk.lengths)
    if packing.n_tokens == 0:
        return np.ones(len(chunk.lengths), dtype=np.bool_)
    taken, interval = _exp_emissions(chunk.emissions, weights, out=result.marginals)
    if chunk.allowed is not None:
        np.multiply(result.marginals, chunk.allowed, out=result.marginals)
    scratch = SCRATCH.rows(4 * packing.n_tokens, weights.n_tags)
    messages = scratch[: 2 * packing.n_tokens].reshape(-1, 2, weights.n_tags)
    result.marginals.take(packing.tokens, axis=0, out=messages, mode="clip")
    steps = weights.start, weights.transitions, weights.end
    log_scale = scan(messages, packing.steps, *steps, interval)
    _fill_log_partition(result, messages, log_scale, taken, packing, weights)
    return _fill_marginals_and_steps(result, scratch, packing, chunk.counts, weights)


def _exp_emissions(
    emissions: Floats2d, weights: _Weights, out: Floats2d
) -> tuple[Floats1d | None, int]:
    """Fills `out` (N, T) with the weights of the emissions, fit for float64.

    Returns what was taken from each token's scores, (N,), if it had to be, and the
    steps that messages may go without rescaling.
    """
    taken = None
    per_step = _nats_per_step(emissions, weights)
    if per_step > NATS_BETWEEN_RESCALINGS:
        taken = emissions.max(axis=1).astype(np.float64)
        emissions = np.subtract(emissions, taken[:, None], dtype=np.float64)
        per_step = _nats_per_step(emissions, weights)
    np.exp(emissions, out=out, dtype=np.float64)
    return taken, max(1, int(NATS_BETWEEN_RESCALINGS / per_step))


def _nats_per_step(emissions: Floats2d, weights: _Weights) -> float:
    """By how much a step can make a message larger or smaller, at most."""
    low, high = _finite_range(emissions)
    return max(high + log(weights.n_tags), weights.span - low) + 1e-9


def _fill_log_partition(
    result: Posterior,
    messages: Floats3d,
    log_scale: Floats1d,
    taken: Floats1d | None,
    packing: Packing,
    weights: _Weights,
) -> None:
    """Log Z of each sentence that is not empty, nan where it is not exact."""
    rows = packing.from_left[packing.last]
    final = messages[rows, 0] @ weights.end  # a rank each
    final[final <= SMALLEST_EXACT_SUM] = np.nan
    lengths = packing.lengths[packing.sentence]
    log_partition = np.log(final) + log_scale + (lengths + 1) * weights.shift
    if taken is not None:
        rank = np.repeat(np.argsort(packing.sentence), packing.lengths[packing.lengths > 0])
        log_partition += np.bincount(rank, taken)
    result.log_partition[packing.sentence] = log_partition


def _fill_marginals_and_steps(
    result: Posterior,
    scratch: Floats2d,
    packing: Packing,
    counts: Floats1d | None,
    weights: _Weights,
) -> Bools1d:
    """Marginals, and expected transitions, which are added; both times counts (B,).

    scratch (4N, T): messages by row in the first half. Returns which sentences are exact.
    """
    n, n_tags = packing.n_tokens, weights.n_tags
    directions, forward, backward = scratch[: 2 * n], scratch[2 * n : 3 * n], scratch[3 * n :]
    # in the order of tokens, (N, T) each; mode "clip" spares numpy a copy
    directions.take(2 * packing.from_left, axis=0, mode="clip", out=forward)
    directions.take(2 * packing.from_right + 1, axis=0, mode="clip", out=backward)
    marginals = result.marginals
    # forward messages without the token's own emission: (N - 1, T) @ (T, T)
    np.dot(forward[:-1], weights.transitions, out=marginals[1:])
    marginals[packing.first] = weights.start
    marginals *= backward
    norm = marginals @ np.ones(n_tags)  # (N,)
    exact = _exact_sentences(result, norm, packing)
    if not exact.all():
        left_out = ~exact.repeat(packing.lengths)
        forward[left_out] = backward[left_out] = 0.0
        norm[left_out] = 1.0
    factor = 1 / norm if counts is None else counts.repeat(packing.lengths) / norm
    # (N, 1) @ (1, T): numpy itself is slow to spread a column over short rows
    scale = np.dot(factor[:, None], np.ones((1, n_tags)), out=scratch[:n])
    marginals *= scale
    if result.following is not None:
        result.following[...] = backward
    backward *= scale
    backward[packing.first] = 0.0  # no step leads there
    # (T, N - 1) @ (N - 1, T): expected steps [from, to], before the steps' own weight
    steps = forward[:-1].T @ backward[1:]
    steps *= weights.transitions
    result.expected_transitions[...] += steps
    return exact


def _exact_sentences(result: Posterior, norm: Floats1d, packing: Packing) -> Bools1d:
    """Sentences (B,) of which no sum, norm (N,) among them, may have lost weight."""
    exact: Bools1d = np.isfinite(result.log_partition)
    if not (norm.min() > SMALLEST_EXACT_SUM and norm.max() < inf):
        sentence = np.repeat(np.arange(len(exact)), packing.lengths)
        exact[sentence[~((norm > SMALLEST_EXACT_SUM) & (norm < inf))]] = False
    return exact


def _recompute_in_log_space(
    result: Posterior, sentences: Ints1d, chunk: _Chunk, scores: CrfScores
) -> None:
    ends = np.cumsum(chunk.lengths)
    for b in sentences:
        tokens = slice(ends[b] - chunk.lengths[b], ends[b])
        emissions = chunk.emissions[tokens].astype(np.float64)
        if chunk.allowed is not None:
            emissions[~chunk.allowed[tokens]] = -inf
        log_partition, marginals, expected = sentence_posterior(emissions, scores)
        count = 1.0 if chunk.counts is None else chunk.counts[b]
        result.log_partition[b] = log_partition
        result.marginals[tokens] = count * marginals
        result.expected_transitions[...] += count * expected
        if result.following is not None:
            result.following[tokens] = np.nan
