"""How far apart several readings of the same tokens are."""

from __future__ import annotations

from typing import Any

import numpy as np
from thinc.api import Model
from thinc.types import Ragged

from spacy_bioner.crf.scores import Floats1d, Floats2d
from spacy_bioner.models.crf_layer import crf_marginals


def symmetric_divergence(
    model: Model[Any, Any], first: Ragged, second: Ragged
) -> tuple[float, Ragged, Ragged]:
    """Mean of both Kullback-Leibler divergences, summed over the tokens, and its gradients.

    Of the distributions over tags that the emissions of each token alone give by softmax.
    first, second: emissions (N, T). The gradients are with respect to each of them.
    R-Drop, Liang et al. 2021, https://arxiv.org/abs/2106.14448, equation 2
    """
    p, log_p = _softmax(model, first)  # (N, T)
    q, log_q = _softmax(model, second)
    ratio = log_p - log_q  # (N, T)
    there = (p * ratio).sum(axis=1, keepdims=True)  # (N, 1): of q from p
    back = (q * -ratio).sum(axis=1, keepdims=True)
    d_first = (p * (ratio - there) + p - q) / 2
    d_second = (q * (-ratio - back) + q - p) / 2
    return (
        float((there + back).sum() / 2),
        Ragged(model.ops.asarray(d_first, dtype="float32"), first.lengths),
        Ragged(model.ops.asarray(d_second, dtype="float32"), second.lengths),
    )


def disagreement(crf: Model[Any, Any], stacked: Ragged, n_members: int) -> Any:
    """Gradient (M * N, T), float32, of how far each of M members is from the others.

    Of member i that is the mean, over the others j, of KL(p_j || p_i), with p over the tag paths
    that the CRF permits, and p_j as given (deep mutual learning, Zhang et al. 2018,
    https://arxiv.org/abs/1706.00384, equation 8). Its gradient: the marginals of a token, less the
    mean of the others'. stacked: emissions (M * N, T), of one member after another.

    With respect to the CRF's parameters the gradient of the sum over all members is zero: they
    are the same for all, and what one member is drawn to another leaves.
    """
    marginals = crf_marginals(crf, stacked)  # (M * N, T)
    each = marginals.reshape(n_members, -1, marginals.shape[1])  # (M, N, T)
    others = (each.sum(axis=0) - each) / (n_members - 1)
    return crf.ops.asarray2f((each - others).reshape(marginals.shape), dtype="float32")


def _softmax(model: Model[Any, Any], emissions: Ragged) -> tuple[Floats2d, Floats2d]:
    """Probabilities (N, T) and their logarithms."""
    scores = model.ops.to_numpy(emissions.dataXd).astype(np.float64)
    scores -= scores.max(axis=1, keepdims=True)
    total: Floats1d = np.exp(scores).sum(axis=1)
    logarithms: Floats2d = scores - np.log(total)[:, None]
    return np.exp(logarithms), logarithms
