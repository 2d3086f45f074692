"""Which rows are encoded together: those of like length, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Bucket:
    """Rows that are encoded together: ids (b, l) and mask (b, l), 1 where not padded."""

    ids: torch.Tensor
    mask: torch.Tensor


@dataclass(frozen=True)
class BucketSizes:
    """What suits an encoder.

    largest: wordpieces that it encodes at once.
    multiple: rows are padded to a multiple of so many.
    overhead: what one bucket more costs, in wordpieces.
    few_shapes: whether a shape that is new costs time and memory.
    """

    largest: int
    multiple: int
    overhead: int = 32
    few_shapes: bool = False


def plan_buckets(lengths: Sequence[int], sizes: BucketSizes) -> Iterator[list[int]]:
    """Indices of the rows of each bucket, longest rows first.

    A bucket has at most `largest` wordpieces with its padding, or a single row. One is
    closed where the next row would bring its padding above `overhead`, and where shapes shall be
    few it leaves rows to the next one.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist()
    ordered = [lengths[i] for i in order]
    start = 0
    while start < len(order):
        n = _rows_that_fit(ordered, start, sizes)
        n = _round_number(n) if sizes.few_shapes else n
        yield order[start : start + n]
        start += n


def _rows_that_fit(lengths: Sequence[int], start: int, sizes: BucketSizes) -> int:
    """How many of the rows from `start` on make a bucket; lengths: from long to short."""
    longest = lengths[start]
    most = min(len(lengths) - start, max(1, sizes.largest // longest))
    padding = 0
    for n in range(1, most):
        padding += longest - lengths[start + n]
        if padding > sizes.overhead:
            return n
    return most


def _round_number(n: int) -> int:
    """The largest of 1, 2, ..., 8, 12, 16, 24, 32, 48, ... that is not above n."""
    power = 1 << n.bit_length() - 1
    return n if n <= 8 else power + power // 2 * (2 * n >= 3 * power)
