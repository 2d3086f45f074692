"""The rows of a batch of documents, in buckets for the encoder and back again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from thinc.api import Ops, xp2torch

from spacy_bioner.models.encoder.buckets import Bucket, BucketSizes, plan_buckets
from spacy_bioner.models.encoder.windows import Ints2d

# Below this a bucket is not made smaller to give each thread one.
_SMALLEST = 128


class Rows:
    """Rows of wordpieces, (k, l) a document, each document with a length l of its own."""

    def __init__(
        self,
        documents: Sequence[Ints2d],
        padding: int,
        device: torch.device,
        sizes: BucketSizes,
        window: int,
    ) -> None:
        """sizes: buckets are smaller where that gives each of a CPU's threads a part.

        window: no row is padded beyond it.
        """
        self.documents, self.padding, self.device = documents, padding, device
        self.window, self.multiple = window, sizes.multiple
        self.rows = [row for rows in documents for row in rows]
        # of each row: the document, and which of its windows it is
        self.owners = [(i, k) for i, rows in enumerate(documents) for k in range(len(rows))]
        lengths = [len(row) for row in self.rows]
        largest = _largest(sum(lengths), device, sizes)
        self.plan = list(plan_buckets(lengths, replace(sizes, largest=largest)))

    def buckets(self) -> Iterator[Bucket]:
        for indices in self.plan:
            rows = [self.rows[i] for i in indices]
            length = -(-len(rows[0]) // self.multiple) * self.multiple
            shape = len(rows), max(len(rows[0]), min(length, self.window))
            ids = np.full(shape, self.padding, dtype=np.int64)
            mask = np.zeros(ids.shape, dtype=np.int64)
            for i, row in enumerate(rows):
                ids[i, : len(row)] = row
                mask[i, : len(row)] = 1
            yield Bucket(*(torch.from_numpy(x).to(self.device) for x in (ids, mask)))

    def empty_states(self, ops: Ops, width: int) -> list[Any]:
        """Room for the hidden states of each document, (k, l, width)."""
        return [ops.xp.empty((*rows.shape, width), dtype="float32") for rows in self.documents]

    def fill(self, states: Sequence[Any], bucket: int, output: torch.Tensor) -> None:
        """Puts the hidden states (b, l, width) of one bucket where they belong in `states`."""
        for i, row in zip(self.plan[bucket], output.detach(), strict=True):
            document, window = self.owners[i]
            place = _as_tensor(states[document][window])
            place.copy_(row[: len(place)])

    def gradients(self, d_states: Sequence[Any], like: Sequence[torch.Tensor]) -> list[Any]:
        """The way back: gradients of each document's states to those of each bucket's."""
        d_rows = [row for array in d_states for row in array]
        gradients = []
        for indices, output in zip(self.plan, like, strict=True):
            gradient = torch.zeros(output.shape, device=self.device)
            for i, place in zip(indices, gradient, strict=True):
                place[: len(d_rows[i])] = xp2torch(d_rows[i], device=self.device)
            gradients.append(gradient)
        return gradients


def _largest(wordpieces: int, device: torch.device, sizes: BucketSizes) -> int:
    """Wordpieces of a bucket; on a CPU few enough that there is one for each thread."""
    if device.type != "cpu":
        return sizes.largest
    return min(sizes.largest, max(_SMALLEST, -(-wordpieces // torch.get_num_threads())))


def _as_tensor(array: Any) -> torch.Tensor:
    """The same memory: also where torch has a device of its own and thinc counts in numpy."""
    tensor: torch.Tensor = (
        torch.from_numpy(array) if isinstance(array, np.ndarray) else xp2torch(array)
    )
    return tensor
