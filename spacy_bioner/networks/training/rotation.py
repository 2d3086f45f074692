"""Rotary positions (Su et al. 2021, https://arxiv.org/abs/2104.09864), forward and back."""

from __future__ import annotations

from typing import Any, cast

import torch


class Rotation(torch.autograd.Function):
    """Numbers i and i + d / 2 of queries and keys, turned by the angle of their position.

    qkv (n, 3, heads, d), of which the values stay as they are; cosines and sines
    (n, 1, 1, d / 2), of the same type. The way back turns the other way.
    """

    @staticmethod
    def forward(
        context: Any, qkv: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor
    ) -> torch.Tensor:
        context.save_for_backward(cosines, sines)
        return _turned(qkv, cosines, sines)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        cosines, sines = context.saved_tensors
        return _turned(gradient, cosines, -sines), None, None


def rotate(qkv: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """See `Rotation`."""
    return cast(torch.Tensor, Rotation.apply(qkv, cosines, sines))  # type: ignore[no-untyped-call]


def angles(width: int, theta: float, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of positions (n,), (n, 1, 1, width / 2) each."""
    rates = theta ** -(torch.arange(0, width, 2, dtype=torch.float32) / width)
    turns = positions.float()[:, None] * rates
    return turns.cos()[:, None, None], turns.sin()[:, None, None]


def _turned(qkv: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    first, second = qkv[:, :2].chunk(2, -1)
    turned = torch.empty(qkv.shape, dtype=qkv.dtype)
    half = qkv.shape[-1] // 2
    turned[:, :2, :, :half] = (first * cosines).addcmul_(second, sines, value=-1)
    turned[:, :2, :, half:] = (second * cosines).addcmul_(first, sines)
    turned[:, 2] = qkv[:, 2]
    return turned
