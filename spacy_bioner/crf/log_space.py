"""Forward-backward of one sentence in log space: slow, and right for any scores."""

from __future__ import annotations

import numpy as np

from spacy_bioner.crf.scores import CrfScores, Floats1d, Floats2d


def log_sum_exp(values: Floats2d, axis: int) -> Floats1d:
    """log(sum(exp(values))) along an axis; -inf where all values are -inf."""
    highest = values.max(axis=axis, keepdims=True)
    shift = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        total = np.log(np.exp(values - shift).sum(axis=axis))
    result: Floats1d = total + np.squeeze(shift, axis=axis)
    return result


def _shifted(message: Floats1d) -> tuple[Floats1d, float]:
    """The message with maximum 0, and the shift: long sentences keep their precision."""
    shift = float(message.max())
    if np.isnan(shift):
        raise ValueError("a score of this sentence is not a number (NaN)")
    if not np.isfinite(shift):
        raise ValueError("no path through this sentence is allowed by the constraints")
    return message - shift, shift


def forward_messages(emissions: Floats2d, scores: CrfScores) -> tuple[Floats2d, float]:
    """alpha[t, j]: log weight of all paths over tokens 0..t that end in tag j.

    Returns alpha (n, T) with each row shifted to maximum 0, and the sum of the shifts.
    """
    alpha = np.empty_like(emissions)
    alpha[0], total = _shifted(scores.start + emissions[0])
    for t in range(1, len(emissions)):
        # (T, 1) + (T, T): [from, to], summed over from -> (T,)
        reached = log_sum_exp(alpha[t - 1][:, None] + scores.transitions, axis=0)
        alpha[t], shift = _shifted(reached + emissions[t])
        total += shift
    return alpha, total


def backward_messages(emissions: Floats2d, scores: CrfScores) -> Floats2d:
    """beta[t, i]: log weight of all continuations after tag i at token t.

    Returns beta (n, T) with each row shifted to maximum 0.
    """
    beta = np.empty_like(emissions)
    beta[-1], _ = _shifted(scores.end)
    for t in range(len(emissions) - 2, -1, -1):
        # (T, T) + (1, T): [from, to], summed over to -> (T,)
        continued = log_sum_exp(scores.transitions + (emissions[t + 1] + beta[t + 1]), axis=1)
        beta[t], _ = _shifted(continued)
    return beta


def sentence_posterior(emissions: Floats2d, scores: CrfScores) -> tuple[float, Floats2d, Floats2d]:
    """Log partition, marginals (n, T) and expected transitions (T, T) of one sentence.

    emissions (n, T), n >= 1. Raises ValueError if no path is allowed.
    """
    alpha, total = forward_messages(emissions, scores)
    beta = backward_messages(emissions, scores)
    last, shift = _shifted(alpha[-1] + scores.end)
    log_partition = total + shift + float(np.log(np.exp(last).sum()))
    joint = alpha + beta  # (n, T), up to a shift a row
    marginals = np.exp(joint - log_sum_exp(joint, axis=1)[:, None])
    expected = np.zeros_like(scores.transitions)
    for t in range(1, len(emissions)):
        # (T, 1) + (T, T) + (1, T): weight of the step [from, to] into token t
        step = alpha[t - 1][:, None] + scores.transitions + (emissions[t] + beta[t])
        weight = np.exp(step - step.max())
        expected += weight / weight.sum()
    return log_partition, marginals, expected
