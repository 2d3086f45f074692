"""Forward-backward over packed sentences in scaled probability space.

Rabiner (1989, section V.A) scales the messages so that they stay in range; here
both directions advance together, as one matrix product a time step over all
sentences. Scaling is checked afterwards: a sentence whose scores span more than
float64 holds is recomputed in log space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spacy_bioner.crf.log_space import sentence_posterior
from spacy_bioner.crf.packing import Packing, chunks_of_sentences
from spacy_bioner.crf.scores import CrfScores, Floats1d, Floats2d, Ints1d, Posterior

# A chunk's arrays stay in the processor's second-level cache.
SCORES_PER_CHUNK = 60_000
# Messages are rescaled before they can shrink by more than this many nats.
NATS_BETWEEN_RESCALINGS = 250.0
# Sums below this have lost weight to underflow: what is left may be inexact.
SMALLEST_EXACT_SUM = 1e-150


def forward_backward(emissions: Floats2d, lengths: Ints1d, scores: CrfScores) -> Posterior:
    """Log partition, marginals and expected transitions of packed sentences.

    emissions (N, T): sentences end to end, -inf for a tag excluded at a token;
    lengths (B,), sum N. Raises ValueError if a sentence has no allowed path.
    """
    n_tokens, n_tags = emissions.shape
    log_partition = np.zeros(len(lengths))
    marginals = np.empty((n_tokens, n_tags))
    expected = np.zeros((n_tags, n_tags))
    if n_tokens:
        chunks = chunks_of_sentences(lengths, SCORES_PER_CHUNK // n_tags)
        longest = max(tokens.stop - tokens.start for _, tokens in chunks)
        workspace = np.empty((3, longest, 2 * n_tags))
        for sentences, tokens in chunks:
            part = _forward_backward_chunk(emissions[tokens], lengths[sentences], scores, workspace)
            log_partition[sentences] = part.log_partition
            marginals[tokens] = part.marginals
            expected += part.expected_transitions
    return Posterior(log_partition, marginals, expected)


@dataclass(frozen=True)
class _Messages:
    """Scaled messages by row, forward in [:, :T], backward in [:, T:].

    before (N, 2T): without the row's own emission; after (N, 2T): with it;
    log_scale (N,): what rescaling took from the forward message of each row.
    """

    before: Floats2d
    after: Floats2d
    log_scale: Floats1d


def _forward_backward_chunk(
    emissions: Floats2d, lengths: Ints1d, scores: CrfScores, workspace: Floats2d
) -> Posterior:
    """The posterior of some sentences; workspace (3, >= N, 2T) is overwritten."""
    packing = Packing.from_lengths(lengths)
    if packing.n_tokens == 0:
        empty = np.zeros((0, scores.n_tags))
        return Posterior(np.zeros(len(lengths)), empty, np.zeros_like(scores.transitions))
    highest = emissions.max(axis=1, keepdims=True).astype(np.float64)  # (N, 1)
    with np.errstate(all="ignore"):
        shifted = np.subtract(emissions, highest, dtype=np.float64)  # (N, T), <= 0
        messages = _scan(shifted, packing, scores, workspace[:, : packing.n_tokens])
        posterior, exact = _combine(messages, highest[:, 0], packing, scores)
    if not exact.all():
        _recompute_in_log_space(posterior, np.flatnonzero(~exact), emissions, packing, scores)
    return posterior


def _spread(values: Floats2d | Floats1d) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.max() - finite.min()) if finite.size else 0.0


def _rescaling_interval(shifted: Floats2d, scores: CrfScores) -> int:
    """Steps that may pass before a message could shrink below what float64 holds."""
    lowest = shifted.min()
    if not np.isfinite(lowest):
        lowest = shifted[np.isfinite(shifted)].min(initial=0.0)
    widest = max(_spread(scores.transitions), _spread(scores.start), _spread(scores.end))
    per_step = widest - float(lowest) + np.log(scores.n_tags) + 1e-9
    return max(1, int(NATS_BETWEEN_RESCALINGS / per_step))


def _exp_shifted(values: Floats2d | Floats1d) -> tuple[Floats2d, float]:
    shift = float(values.max())
    return np.exp(values - shift), shift


def _scan(shifted: Floats2d, packing: Packing, scores: CrfScores, workspace: Floats2d) -> _Messages:
    """Both recursions at once over rows of emissions (N, T) shifted to maximum 0.

    workspace (3, N, 2T): the messages returned lie in it.
    """
    n_tags = scores.n_tags
    tokens = np.column_stack([packing.forward, packing.backward])
    emitted, before, after = workspace  # (N, 2T) each
    weights = np.exp(shifted)
    np.take(weights, tokens, axis=0, out=emitted.reshape(-1, 2, n_tags), mode="clip")
    step_weights = _exp_shifted(scores.transitions)[0]
    both = np.zeros((2 * n_tags, 2 * n_tags))  # forward steps [from, to], backward [to, from]
    both[:n_tags, :n_tags], both[n_tags:, n_tags:] = step_weights, step_weights.T
    log_scale = np.zeros(packing.n_tokens)
    interval, ones = _rescaling_interval(shifted, scores), np.ones(n_tags)
    steps = packing.steps
    n = steps[1]
    before[:n, :n_tags] = _exp_shifted(scores.start)[0]
    before[:n, n_tags:] = _exp_shifted(scores.end)[0]
    np.multiply(before[:n], emitted[:n], out=after[:n])
    for t in range(1, len(steps) - 1):
        low, high = steps[t], steps[t + 1]
        # the sentences still running: (m, 2T) of the step before
        running = after[steps[t - 1] : steps[t - 1] + high - low]
        if t % interval == 0:
            sums = running.reshape(-1, 2, n_tags) @ ones  # (m, 2)
            running.reshape(-1, 2, n_tags)[...] /= sums[:, :, None]
            log_scale[low:high] = np.log(sums[:, 0])
            log_scale[low:high][sums.min(axis=1) < SMALLEST_EXACT_SUM] = np.nan
        # (m, 2T) @ (2T, 2T) -> (m, 2T)
        np.dot(running, both, out=before[low:high])
        np.multiply(before[low:high], emitted[low:high], out=after[low:high])
    return _Messages(before, after, log_scale)


def _combine(
    messages: _Messages, highest: Floats1d, packing: Packing, scores: CrfScores
) -> tuple[Posterior, np.ndarray]:
    """Posterior of a chunk, and for each sentence (B,) whether its scaling was exact."""
    n_tags = scores.n_tags
    directions = messages.after.reshape(-1, n_tags)  # (2N, T): forward, backward, forward, ...
    row_of_backward = np.empty(packing.n_tokens, dtype=np.int64)
    row_of_backward[packing.backward] = np.arange(packing.n_tokens)
    # backward messages, emission included, in the order of forward rows: (N, T)
    backward = np.take(directions, 2 * row_of_backward[packing.forward] + 1, axis=0)
    forward = messages.before[:, :n_tags]  # (N, T)
    norm = np.einsum("ij,ij->i", forward, backward)  # (N,)
    backward /= norm[:, None]
    log_partition, final = _log_partition(messages, highest, packing, scores)
    exact = np.ones(packing.n_sentences, dtype=np.bool_)
    lost = ~(norm > SMALLEST_EXACT_SUM) | np.isnan(messages.log_scale)
    exact[packing.sentence[lost]] = False
    exact[np.flatnonzero(packing.lengths)[~(final > SMALLEST_EXACT_SUM)]] = False
    marginals = np.take(forward * backward, packing.row_of_token, axis=0)
    if not exact.all():
        backward[~exact[packing.sentence]] = 0.0
        np.nan_to_num(messages.after, copy=False)
    later = packing.steps[1]
    # (T, N') @ (N', T): expected steps [from, to], before the steps' own weight
    pairs = np.take(directions, 2 * packing.previous[later:], axis=0).T @ backward[later:]
    expected = pairs * _exp_shifted(scores.transitions)[0]
    return Posterior(log_partition, marginals, expected), exact


def _log_partition(
    messages: _Messages, highest: Floats1d, packing: Packing, scores: CrfScores
) -> tuple[Floats1d, Floats1d]:
    """log Z of each sentence (B,), and the scaled sums that it was read from."""
    end_weights, end_shift = _exp_shifted(scores.end)
    final = messages.after[packing.row_of_token[packing.last], : scores.n_tags] @ end_weights
    taken = highest + messages.log_scale[packing.row_of_token]
    shifts = float(scores.start.max()) + end_shift
    filled = packing.lengths > 0
    inner_steps = packing.lengths[filled] - 1
    log_partition = np.zeros(packing.n_sentences)
    log_partition[filled] = np.log(final) + np.add.reduceat(taken, packing.first) + shifts
    log_partition[filled] += inner_steps * float(scores.transitions.max())
    return log_partition, final


def _recompute_in_log_space(
    posterior: Posterior,
    sentences: Ints1d,
    emissions: Floats2d,
    packing: Packing,
    scores: CrfScores,
) -> None:
    ends = np.cumsum(packing.lengths)
    for b in sentences:
        tokens = slice(ends[b] - packing.lengths[b], ends[b])
        log_partition, marginals, expected = sentence_posterior(
            emissions[tokens].astype(np.float64), scores
        )
        posterior.log_partition[b] = log_partition
        posterior.marginals[tokens] = marginals
        posterior.expected_transitions[...] += expected
