"""The recursions of forward and backward, which advance together over all sentences."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from spacy_bioner.crf.scores import Floats1d, Floats2d, Floats3d

# Sums below this may have lost weight to underflow. What float64 drops is below 5e-324;
# rescaling makes at most 5e-209 of that, and the message it meets 2e-152: 1e-37 of a sum.
SMALLEST_EXACT_SUM = 1e-115
# Scores a step up to which both directions are done by one product of twice the width: its
# zeros cost less than a second call.
_FEW = 500


def scan(
    messages: Floats3d,
    steps: list[int],
    start: Floats1d,
    transitions: Floats2d,
    end: Floats1d,
    interval: int,
) -> Floats1d:
    """Both recursions at once: the weights of emissions in (N, 2, T) become messages.

    By row, [:, 0] forward and [:, 1] backward, the row's own emission included; nan from
    where a message had lost weight. steps: offsets of the rows of each step, whose sentences
    become fewer; start (T,), transitions (T, T), end (T,): weights. Messages are rescaled each
    `interval` steps; returns the log of what that took from the forward messages of each
    rank's sentence.
    """
    n, _, n_tags = messages[: steps[1]].shape
    messages[:n, 0] *= start
    messages[:n, 1] *= end
    log_scale = np.zeros((n, 2))
    few, many = _FEW // n_tags, 0
    if n > few:
        many = sum(high - low > few for low, high in pairwise(steps[1:]))
        _scan_many(messages, steps[: many + 2], transitions, interval, log_scale)
    _scan_few(messages, steps, many, transitions, interval, log_scale)
    return log_scale[:, 0]


def _scan_many(
    messages: Floats3d,
    steps: list[int],
    transitions: Floats2d,
    interval: int,
    log_scale: Floats2d,
) -> None:
    """The first steps, with many sentences: a product for each direction."""
    n_tags = len(transitions)
    # forward steps [from, to] and backward steps [to, from]
    each = np.array([transitions, transitions.T])
    reached = np.empty((len(log_scale), 2, n_tags))
    by_direction, reached_by_direction = messages.swapaxes(0, 1), reached.swapaxes(0, 1)
    previous = 0
    for t, (low, high) in enumerate(pairwise(steps[1:]), start=1):
        m = high - low
        end = previous + m  # of the rows of the step before whose sentences go on
        if t % interval == 0:
            _rescale(messages[previous:end], log_scale[:m])
        # (2, m, T) @ (2, T, T) -> (2, m, T)
        np.matmul(by_direction[:, previous:end], each, out=reached_by_direction[:, :m])
        messages[low:high] *= reached[:m]
        previous = low


def _scan_few(
    messages: Floats3d,
    steps: list[int],
    done: int,
    transitions: Floats2d,
    interval: int,
    log_scale: Floats2d,
) -> None:
    """The steps after those done, with few sentences: one product for both directions.

    What is not finite spreads by it from one direction to the other, within a sentence that
    is not exact already.
    """
    if done + 2 >= len(steps):
        return
    n_tags = len(transitions)
    both = np.zeros((2 * n_tags, 2 * n_tags))
    both[:n_tags, :n_tags], both[n_tags:, n_tags:] = transitions, transitions.T
    rows = messages.reshape(-1, 2 * n_tags)
    reached = np.empty((len(log_scale), 2 * n_tags))
    multiply = np.multiply  # a step is so short that the looking up tells
    before = rows[steps[done] : steps[done + 1]]  # the step before, of sentences that go on
    out = reached
    for t, (low, high) in enumerate(pairwise(steps[done + 1 :]), start=done + 1):
        m = high - low
        if m < len(before):
            before = before[:m]
        if m < len(out):
            out = reached[:m]
        if t % interval == 0:
            _rescale(before.reshape(m, 2, n_tags), log_scale[:m])
        before.dot(both, out)  # (m, 2T) @ (2T, 2T) -> (m, 2T)
        before = rows[low:high]
        multiply(before, out, before)


def _rescale(messages: Floats3d, log_scale: Floats2d) -> None:
    """Divides messages (m, 2, T) by their sums, whose log is added to log_scale (m, 2)."""
    sums = messages @ np.ones(messages.shape[2])
    sums[sums <= SMALLEST_EXACT_SUM] = np.nan
    messages /= sums[:, :, None]
    log_scale += np.log(sums)
