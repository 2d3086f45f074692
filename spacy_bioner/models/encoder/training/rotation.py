"""Rotary positions (Su et al. 2021, https://arxiv.org/abs/2104.09864), forward and back."""

from __future__ import annotations

from typing import Any, cast

import torch


class Rotation(torch.autograd.Function):
    """Numbers i and i + d / 2 of each vector, turned by the angle of its position.

    values (b, l, n, heads, d); cosines and sines (l, 1, 1, d / 2), of the same type. The way
    back turns the other way.
    """

    @staticmethod
    def forward(
        context: Any, values: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor
    ) -> torch.Tensor:
        context.save_for_backward(cosines, sines)
        return _turned(values, cosines, sines)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        cosines, sines = context.saved_tensors
        return _turned(gradient, cosines, -sines), None, None


def rotate(values: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """See `Rotation`."""
    return cast(torch.Tensor, Rotation.apply(values, cosines, sines))  # type: ignore[no-untyped-call]


def angles(width: int, theta: float, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines, (length, 1, 1, width / 2) each."""
    rates = theta ** -(torch.arange(0, width, 2, dtype=torch.float32) / width)
    turns = torch.arange(length, dtype=torch.float32)[:, None] * rates
    return turns.cos()[:, None, None], turns.sin()[:, None, None]


def _turned(values: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    first, second = values.chunk(2, -1)
    turned = torch.empty(values.shape, dtype=values.dtype)
    half = values.shape[-1] // 2
    turned[..., :half] = (first * cosines).addcmul_(second, sines, value=-1)
    turned[..., half:] = (second * cosines).addcmul_(first, sines)
    return turned
