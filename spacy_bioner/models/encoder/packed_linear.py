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
    """torch's Linear for prediction, which need not reorder its weights at each call."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach().contiguous()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)
        self.bias = linear.bias

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        operator = torch.ops.mkldnn._linear_pointwise
        return cast(torch.Tensor, operator(inputs, self.weight, self.bias, "none", [], ""))


def pack_linears(module: torch.nn.Module) -> None:
    """Replaces every linear layer of a module, in place, by one with its weights packed."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is torch.nn.Linear:
                setattr(parent, name, PackedLinear(child))
