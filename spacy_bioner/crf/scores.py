"""The parameters of a linear-chain CRF, with what may not be excluded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats1d = NDArray[np.float64]
Floats2d = NDArray[np.float64]
Floats3d = NDArray[np.float64]
Ints1d = NDArray[np.int64]
Ints2d = NDArray[np.int64]
Bools1d = NDArray[np.bool_]
Bools2d = NDArray[np.bool_]


@dataclass(frozen=True)
class CrfScores:
    """Scores of T tags, -inf where a tag or a step is forbidden.

    start (T,): score of a path's first tag; end (T,): of its last tag;
    transitions (T, T): of the step [from, to].
    """

    start: Floats1d
    end: Floats1d
    transitions: Floats2d

    @classmethod
    def constrained(
        cls,
        start: ArrayLike,
        end: ArrayLike,
        transitions: ArrayLike,
        allowed: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
    ) -> CrfScores:
        """Float64 scores with -inf wherever `allowed` (start, end, transitions) is False."""
        values = [np.asarray(a, dtype=np.float64) for a in (start, end, transitions)]
        if allowed is not None:
            pairs = zip(allowed, values, strict=True)
            values = [np.where(np.asarray(ok, dtype=np.bool_), v, -np.inf) for ok, v in pairs]
        return cls(*values)

    @property
    def n_tags(self) -> int:
        return len(self.start)


@dataclass(frozen=True)
class CrfGradient:
    """A loss per sentence and the gradient of their sum.

    loss (B,), emissions (N, T), start (T,), end (T,), transitions (T, T).
    """

    loss: Floats1d
    emissions: Floats2d
    start: Floats1d
    end: Floats1d
    transitions: Floats2d


@dataclass(frozen=True)
class Posterior:
    """What forward-backward yields.

    log_partition (B,): log of the summed weight of all paths, 0 for empty sentences;
    marginals (N, T): probability of each tag at each token;
    expected_transitions (T, T): expected number of each step, summed over sentences;
    following (N, T), if it was asked for: weight of each tag at each token with all that
        follows it, up to a factor a token; nan in sentences that needed log space.
    """

    log_partition: Floats1d
    marginals: Floats2d
    expected_transitions: Floats2d
    following: Floats2d | None = None
