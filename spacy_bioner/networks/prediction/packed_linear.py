"""Linear layers whose weights are kept in the order in which the processor multiplies them."""

from __future__ import annotations

from typing import cast

import torch

# The call's size that the order is made for; others work as well.
_ROWS = 1024


def can_pack() -> bool:
    """Whether this torch has the operators, which it gives its own compiler."""
    operators = torch.ops.mkldnn
    names = ("_reorder_linear_weight", "_linear_pointwise")
    is_there: bool = torch._C._has_mkldnn
    return is_there and all(hasattr(operators, name) for name in names)


class PackedLinear(torch.nn.Module):
    """torch's Linear for prediction, which need not reorder its weights at each call.

    weight (nO, nI) and bias (nO,) of the Linear. What follows the product can be done with
    it, while its rows are in the processor's cache.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        weight = weight.detach().contiguous()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)
        self.bias = None if bias is None else bias.detach()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(rows, nI) -> (rows, nO); any number of dimensions before the last."""
        return self._one("none", inputs)

    def gelu(self, inputs: torch.Tensor) -> torch.Tensor:
        return self._one("gelu", inputs)

    def times(self, inputs: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        return self._two("mul", inputs, factor)

    def plus(self, inputs: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return self._two("add", inputs, other)

    def _one(self, after: str, inputs: torch.Tensor) -> torch.Tensor:
        operator = torch.ops.mkldnn._linear_pointwise
        # "none" after it: of the two forms of GELU the exact one
        output = operator(inputs, self.weight, self.bias, after, [], "none")
        return cast(torch.Tensor, output)

    def _two(self, after: str, inputs: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        operator = torch.ops.mkldnn._linear_pointwise.binary
        return cast(torch.Tensor, operator(inputs, other, self.weight, self.bias, after))


def pack_linears(module: torch.nn.Module) -> None:
    """Replaces every linear layer of a module, in place, by one with its weights packed."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is torch.nn.Linear:
                setattr(parent, name, PackedLinear(child.weight, child.bias))
