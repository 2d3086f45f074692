"""The second backend: pytorch-crf over padded sentences, on the same parameters.

Slower, and there to compare with (https://pytorch-crf.readthedocs.io).
"""

from __future__ import annotations

import numpy as np
import torch
import torchcrf

from spacy_bioner.crf.scores import (
    Bools2d,
    CrfGradient,
    CrfScores,
    Floats2d,
    Ints1d,
)

__all__ = ["best_paths", "loss_and_gradient"]

# pytorch-crf cannot take -inf (its gradient becomes nan): low enough to be never chosen.
FORBIDDEN = -1e5


class _Padded:
    """Sentences that are not empty as tensors (L, B', ...), and the way back."""

    def __init__(self, emissions: Floats2d, lengths: Ints1d) -> None:
        self.filled = np.flatnonzero(lengths)
        self.lengths = lengths[self.filled]
        self.n_sentences = len(lengths)
        self.mask = torch.arange(int(self.lengths.max()))[:, None] < torch.from_numpy(self.lengths)
        self.emissions = self.pad(emissions.astype(np.float64)).requires_grad_()

    def pad(self, packed: np.ndarray) -> torch.Tensor:
        """(N, ...) -> (L, B', ...)"""
        rows = torch.from_numpy(np.ascontiguousarray(packed)).split(self.lengths.tolist())
        return torch.nn.utils.rnn.pad_sequence(list(rows))

    def unpad(self, padded: torch.Tensor) -> np.ndarray:
        """(L, B', ...) -> (N, ...)"""
        packed: np.ndarray = padded.transpose(0, 1)[self.mask.T].detach().numpy()
        return packed

    def per_sentence(self, values: torch.Tensor) -> np.ndarray:
        """(B',) -> (B,), 0 for empty sentences."""
        out = np.zeros(self.n_sentences)
        out[self.filled] = values.detach().numpy()
        return out


def _module(scores: CrfScores) -> torchcrf.CRF:
    module = torchcrf.CRF(scores.n_tags).double()
    parameters = (module.start_transitions, module.end_transitions, module.transitions)
    values = (scores.start, scores.end, scores.transitions)
    for parameter, value in zip(parameters, values, strict=True):
        parameter.data = torch.from_numpy(_finite(value))
    return module


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, FORBIDDEN)


def best_paths(emissions: Floats2d, lengths: Ints1d, scores: CrfScores) -> Ints1d:
    """Tag ids (N,) of the best path of each packed sentence; emissions (N, T), lengths (B,)."""
    if len(emissions) == 0:
        return np.zeros(0, dtype=np.int64)
    padded = _Padded(emissions, lengths)
    paths = _module(scores).decode(padded.emissions.detach(), padded.mask)
    return np.concatenate([np.array(path, dtype=np.int64) for path in paths])


def _log_partition(
    module: torchcrf.CRF, emissions: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    partition: torch.Tensor = module._compute_normalizer(emissions, mask)
    return partition


def loss_and_gradient(
    emissions: Floats2d, tags: Ints1d, allowed: Bools2d, lengths: Ints1d, scores: CrfScores
) -> CrfGradient:
    """As spacy_bioner.crf.packed.loss_and_gradient, by automatic differentiation."""
    if len(emissions) == 0:
        zero = np.zeros(scores.n_tags)
        none = np.zeros((0, scores.n_tags))
        return CrfGradient(
            np.zeros(len(lengths)), none, zero, zero, np.zeros_like(scores.transitions)
        )
    padded, module = _Padded(emissions, lengths), _module(scores)
    if (tags < 0).any():
        # (L, B', T): a tag that disagrees with what is known is as good as forbidden
        penalty = padded.pad(np.where(allowed, 0.0, FORBIDDEN))
        agreeing = _log_partition(module, padded.emissions + penalty, padded.mask)
    else:
        agreeing = module._compute_score(padded.emissions, padded.pad(tags), padded.mask)
    loss = _log_partition(module, padded.emissions, padded.mask) - agreeing
    loss.sum().backward()
    assert padded.emissions.grad is not None
    return CrfGradient(
        loss=padded.per_sentence(loss),
        emissions=padded.unpad(padded.emissions.grad),
        start=_gradient(module.start_transitions),
        end=_gradient(module.end_transitions),
        transitions=_gradient(module.transitions),
    )


def _gradient(parameter: torch.Tensor) -> np.ndarray:
    if parameter.grad is None:
        return np.zeros(tuple(parameter.shape))
    gradient: np.ndarray = parameter.grad.numpy()
    return gradient
