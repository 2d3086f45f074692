"""What is added to the scores of attention where nothing shall be read."""

from __future__ import annotations

import torch


def additive_mask(mask: torch.Tensor, heads: int, dtype: torch.dtype) -> torch.Tensor | None:
    """mask (b, l), 1 where not padded -> (b * heads, 1, l): what is added to the scores.

    None where nothing is padded.
    """
    if bool(mask.all()):
        return None
    added = torch.zeros(mask.shape, dtype=dtype).masked_fill_(mask == 0, far_below(dtype))
    return added.repeat_interleave(heads, 0).unsqueeze(1)


def far_below(dtype: torch.dtype) -> float:
    """What is added to a score that shall not count. Finite, also twice over: a wordpiece of
    padding that nothing may be read from has to read something, or its NaN spreads."""
    return torch.finfo(dtype).min / 4


def beyond_reach(
    mask: torch.Tensor | None, reach: int | None, length: int, dtype: torch.dtype
) -> torch.Tensor | None:
    """The mask, and where attention is local what is out of reach: (b * heads or 1, 1 or l, l)
    or None."""
    if reach is None or length <= reach + 1:
        return mask
    places = torch.arange(length)
    far = (places[:, None] - places).abs() > reach
    added = torch.zeros((1, length, length), dtype=dtype).masked_fill_(far, far_below(dtype))
    return added if mask is None else mask + added
