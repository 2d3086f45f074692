"""Attention over short rows, as two products of matrices: for those faster than torch's own."""

from __future__ import annotations

import torch
from torch.nn.functional import scaled_dot_product_attention

# Matrices of ever new heights would each be planned anew, which takes as long as a tenth of
# the product and drives the plans of others out of oneDNN's cache.
_HEIGHT = 64


# Above this many wordpieces in a row torch's attention is used, whose memory grows more slowly.
LONGEST_ROW = 512


def padded(rows: torch.Tensor) -> torch.Tensor:
    """(n, ...) with zeros below, up to one of few heights."""
    added = -len(rows) % _HEIGHT
    return torch.cat([rows, rows.new_zeros((added, *rows.shape[1:]))]) if added else rows


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    n_rows: int,
) -> torch.Tensor:
    """What each wordpiece reads, (n_rows, heads * d), of which the first b * l are meant.

    query, key, value (b, heads, l, d); mask (b * heads, 1 or l, l) or None. The softmax is in
    float32.
    """
    b, heads, length, d = query.shape
    rows = value.new_zeros((n_rows, heads * d))
    place = rows[: b * length].view(b, length, heads, d)
    if length > LONGEST_ROW:
        wide = None if mask is None else _by_head(mask, b)
        place.copy_(scaled_dot_product_attention(query, key, value, wide).transpose(1, 2))
        return rows
    query, key, value = (each.reshape(b * heads, length, d) for each in (query, key, value))
    added = query.new_empty((1, 1, 1)) if mask is None else mask
    beta = 0 if mask is None else 1
    # (b * heads, l, l)
    scores = torch.baddbmm(added, query, key.transpose(1, 2), beta=beta, alpha=d**-0.5)
    weights = torch.softmax(scores, -1, dtype=torch.float32).to(value.dtype)
    mixed = torch.bmm(weights, value).view(b, heads, length, d)
    place.copy_(mixed.transpose(1, 2))
    return rows


def _by_head(mask: torch.Tensor, b: int) -> torch.Tensor:
    """(b * heads or 1, 1 or l, l) -> (b or 1, heads or 1, 1 or l, l)."""
    return mask[None] if len(mask) == 1 else mask.view(b, -1, *mask.shape[1:])
