"""Attention over short rows as it is trained: two products of matrices, softmax in float32."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from spacy_bioner.networks.training.dropout import dropout

Shape = tuple[int, int]


def shapes_of(masks: Sequence[torch.Tensor]) -> list[Shape]:
    """Rows and wordpieces of a row (b, l) of each bucket."""
    return [(mask.shape[0], mask.shape[1]) for mask in masks]


def positions_of(masks: Sequence[torch.Tensor]) -> torch.Tensor:
    """The place in its row of each wordpiece of all buckets, (n,)."""
    return torch.cat([torch.arange(length).repeat(b) for b, length in shapes_of(masks)])


def mixed(
    qkv: torch.Tensor,
    shapes: Sequence[Shape],
    masks: Sequence[torch.Tensor | None],
    rate: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """What each wordpiece reads of those of its row, (n, heads * d).

    qkv (n, 3, heads, d): queries, keys and values of the buckets, one after the other; masks
    (b * heads or 1, 1 or l, l), float32, or None: what is added to the scores of each bucket;
    rate: of the dropout of what is read from where.
    """
    sizes = [b * length for b, length in shapes]
    parts = zip(*(torch.split(each, sizes) for each in qkv.unbind(1)), strict=True)
    read = [
        _read(query, key, value, shape, mask, rate, generator)
        for (query, key, value), shape, mask in zip(parts, shapes, masks, strict=True)
    ]
    return torch.cat(read)


def _read(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    shape: Shape,
    mask: torch.Tensor | None,
    rate: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """Of one bucket: query, key, value (b * l, heads, d) -> (b * l, heads * d)."""
    b, length = shape
    heads, d = query.shape[1:]
    # (b * heads, l, d) each
    query, key, value = (
        each.view(b, length, heads, d).transpose(1, 2).reshape(b * heads, length, d)
        for each in (query, key, value)
    )
    scores = torch.bmm(query * d**-0.5, key.transpose(1, 2)).float()
    shares = torch.softmax(scores if mask is None else scores + mask, -1)
    shares = dropout(shares.to(value.dtype), rate, generator)
    read = torch.bmm(shares, value).view(b, heads, length, d)
    return read.transpose(1, 2).reshape(b * length, heads * d)
