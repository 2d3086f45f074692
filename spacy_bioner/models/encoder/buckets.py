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
    """What suits an encoder, in wordpieces: how many it encodes at once, of what the rows have a
    multiple, and what one bucket more costs."""

    largest: int
    multiple: int
    overhead: int = 32


def plan_buckets(lengths: Sequence[int], largest: int, overhead: int = 0) -> Iterator[list[int]]:
    """Indices of the rows of each bucket, longest rows first.

    A bucket has at most `largest` wordpieces with its padding, or a single row. One is
    closed where the next row would bring its padding above `overhead`: what a bucket more
    costs, in wordpieces.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist()
    bucket: list[int] = []
    longest = padding = 0
    for index in order:
        length = lengths[index]
        if bucket and (
            longest * (len(bucket) + 1) > largest or padding + longest - length > overhead
        ):
            yield bucket
            bucket = []
        if not bucket:
            longest, padding = length, 0
        bucket.append(index)
        padding += longest - length
    if bucket:
        yield bucket
