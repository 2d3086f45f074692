"""Training in which each thread computes graphs of its own, and takes them back again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch

from spacy_bioner.networks.threads import on_threads

# From a group's number, its inputs (n, nI) and the weights to its outputs (n, nO).
Encode: TypeAlias = Callable[[int, torch.Tensor, Sequence[torch.Tensor]], torch.Tensor]


def encode_groups(
    encode: Encode, groups: Sequence[torch.Tensor], inputs: torch.Tensor, weights: list[Any]
) -> torch.Tensor:
    """(N, nI) -> (N, nO), a group of rows after another on each of torch's threads, both ways.

    torch takes a graph back on one thread, whose operations all threads share; where they are
    small, as an LSTM's, a graph a thread takes less time.

    groups: the rows of each, together every row once. encode: leaves nothing to chance, as the
    order in which threads come to draw is not known.
    """
    found: torch.Tensor = _Groups.apply(encode, groups, inputs, *weights)  # type: ignore[no-untyped-call]
    return found


class _Groups(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        encode: Encode,
        groups: Sequence[torch.Tensor],
        inputs: torch.Tensor,
        *weights: torch.Tensor,
    ) -> torch.Tensor:
        def run(index: int) -> tuple[list[torch.Tensor], torch.Tensor]:
            own = inputs.detach()[groups[index]]
            with torch.enable_grad():
                leaves = [x.detach().requires_grad_() for x in (own, *weights)]
                return leaves, encode(index, leaves[0], leaves[1:])

        ctx.rows = groups
        ctx.parts = list(on_threads(run, range(len(groups))))
        width = ctx.parts[0][1].shape[1]
        outputs = inputs.new_empty(len(inputs), width)
        for rows, (_, found) in zip(ctx.rows, ctx.parts, strict=True):
            outputs[rows] = found.detach()
        return outputs

    @staticmethod
    def backward(ctx: Any, *d_outputs: torch.Tensor) -> Any:
        (given,) = d_outputs

        def run(index: int) -> Sequence[torch.Tensor]:
            leaves, found = ctx.parts[index]
            gradients: Sequence[torch.Tensor] = torch.autograd.grad(
                found, leaves, given[ctx.rows[index]]
            )
            return gradients

        results = list(on_threads(run, range(len(ctx.parts))))
        d_inputs = given.new_empty(len(given), results[0][0].shape[1])
        for rows, (d_rows, *_) in zip(ctx.rows, results, strict=True):
            d_inputs[rows] = d_rows
        first, *others = ([*found] for _, *found in results)
        d_weights = [gradient.clone() for gradient in first]  # torch may give one for two of them
        for found in others:
            for total, part in zip(d_weights, found, strict=True):
                total += part
        return None, None, d_inputs, *d_weights
