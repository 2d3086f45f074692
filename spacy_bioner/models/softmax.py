"""Cross entropy of each token on its own: the ablation of the CRF."""

from __future__ import annotations

from typing import Any

import numpy as np
from thinc.api import Model
from thinc.types import Ragged

from spacy_bioner.crf.scores import Floats1d, Ints1d


def softmax_loss(
    model: Model[Any, Any], emissions: Ragged, tags: Ints1d
) -> tuple[Floats1d, Ragged]:
    """Cross entropy summed over each sentence (B,), and the gradient of the sum.

    tags (N,); tokens with a negative tag are unknown and count nothing.
    """
    scores = model.ops.to_numpy(emissions.dataXd).astype(np.float64)  # (N, T)
    scores -= scores.max(axis=1, keepdims=True)
    log_probability = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    known = np.flatnonzero(tags >= 0)
    per_token = np.zeros(len(tags))
    per_token[known] = -log_probability[known, tags[known]]
    gradient = np.zeros_like(scores)
    gradient[known] = np.exp(log_probability[known])
    gradient[known, tags[known]] -= 1.0
    lengths = np.asarray(model.ops.to_numpy(emissions.lengths), dtype=np.int64)
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    loss: Floats1d = np.bincount(sentence, per_token, minlength=len(lengths)).astype(np.float64)
    return loss, Ragged(model.ops.asarray(gradient, dtype="float32"), emissions.lengths)


def softmax_best_tags(model: Model[Any, Any], emissions: Ragged) -> Ints1d:
    """The highest-scoring tag (N,) of each token."""
    best: Ints1d = model.ops.to_numpy(emissions.dataXd).argmax(axis=1).astype(np.int64)
    return best
