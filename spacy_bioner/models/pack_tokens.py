"""From one array of token vectors a document to one packed array."""

from __future__ import annotations

from collections.abc import Callable

from thinc.api import Model
from thinc.types import Floats2d, Ragged


def build_pack_tokens() -> Model[list[Floats2d], Ragged]:
    """List of (n, width) -> Ragged of (N, width).

    Unlike thinc's list2ragged it takes documents without tokens, whose arrays
    come from a transformer listener with width 0.
    """
    return Model("pack_tokens", forward)


def forward(
    model: Model[list[Floats2d], Ragged], vectors: list[Floats2d], is_train: bool
) -> tuple[Ragged, Callable[[Ragged], list[Floats2d]]]:
    xp = model.ops.xp
    lengths = [len(rows) for rows in vectors]
    filled = [rows for rows in vectors if len(rows)]
    packed = xp.concatenate(filled or vectors or [model.ops.alloc2f(0, 0)])

    def backprop(d_packed: Ragged) -> list[Floats2d]:
        gradients, start = [], 0
        for rows, n in zip(vectors, lengths, strict=True):
            part = d_packed.dataXd[start : start + n]
            gradients.append(part if n else model.ops.alloc2f(0, rows.shape[1]))
            start += n
        return gradients

    return Ragged(packed, model.ops.asarray1i(lengths)), backprop
