"""An oracle that enumerates every path. Slow, and too simple to be wrong."""

from __future__ import annotations

import itertools

import numpy as np


def all_paths(emissions, scores, allowed=None):
    """(path, score) of every path that constraints and `allowed` (n, T) admit."""
    n, n_tags = emissions.shape
    for path in itertools.product(range(n_tags), repeat=n):
        if allowed is not None and not all(allowed[t, tag] for t, tag in enumerate(path)):
            continue
        score = scores.start[path[0]] + scores.end[path[-1]]
        score += sum(emissions[t, tag] for t, tag in enumerate(path))
        score += sum(scores.transitions[a, b] for a, b in itertools.pairwise(path))
        if np.isfinite(score):
            yield path, float(score)


def log_partition(emissions, scores, allowed=None):
    weights = np.array([score for _, score in all_paths(emissions, scores, allowed)])
    return float(np.logaddexp.reduce(weights))


def marginals(emissions, scores):
    total = log_partition(emissions, scores)
    result = np.zeros(emissions.shape)
    for path, score in all_paths(emissions, scores):
        for t, tag in enumerate(path):
            result[t, tag] += np.exp(score - total)
    return result


def best_path(emissions, scores):
    return max(all_paths(emissions, scores), key=lambda pair: pair[1])
