"""An encoder's parameters by name, and what is done with one of them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn.functional import layer_norm, linear

# By their names in `transformers`: matrices in the type to multiply in, with their biases; what is
# added or norms, float32.
Weights = Mapping[str, torch.Tensor]


def normed(weights: Weights, name: str, values: torch.Tensor, epsilon: float) -> torch.Tensor:
    """A layer norm, with or without a bias."""
    weight = weights[f"{name}.weight"]
    return layer_norm(values, weight.shape, weight, weights.get(f"{name}.bias"), epsilon)


def product(weights: Weights, name: str, values: torch.Tensor) -> torch.Tensor:
    """A linear layer, in its weight's type, with or without a bias."""
    weight = weights[f"{name}.weight"]
    return linear(values.to(weight.dtype), weight, weights.get(f"{name}.bias"))
