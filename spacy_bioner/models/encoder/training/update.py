"""An update of an encoder on a CPU: buckets in groups of like size, a group on each core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from spacy_bioner.models.encoder.buckets import Bucket
from spacy_bioner.models.encoder.prediction.attention import LONGEST_ROW
from spacy_bioner.models.encoder.prediction.modernbert import is_known
from spacy_bioner.models.encoder.training.modernbert import states
from spacy_bioner.models.encoder.workers import on_threads

Gradients = Sequence[torch.Tensor]
EMBEDDINGS = "embeddings.tok_embeddings.weight"


def can_update(module: Any, buckets: Sequence[Bucket], device: torch.device) -> bool:
    """Whether an encoder is of the form that is trained here, whole, and the rows are short."""
    return (
        device.type == "cpu"
        and is_known(module.config)
        and all(parameter.requires_grad for parameter in module.parameters())
        and all(bucket.ids.shape[1] <= LONGEST_ROW for bucket in buckets)
    )


def begin_update(
    module: Any, buckets: Sequence[Bucket], dtype: torch.dtype
) -> tuple[list[torch.Tensor], Callable[[Gradients], None]]:
    """Hidden states (b, l, width) of each bucket, and what takes their gradients back.

    Matrices are multiplied in `dtype`; gradients are added to those of the module's
    parameters, float32. Dropout draws on torch's generator, once for each bucket, so that a
    seed drops the same numbers whichever thread works on a bucket.
    """
    update = _Update(module, buckets, dtype)
    return update.outputs, update.backprop


class _Update:
    def __init__(self, module: Any, buckets: Sequence[Bucket], dtype: torch.dtype) -> None:
        self.module, self.buckets = module, buckets
        self.names, self.leaves = _leaves(module, dtype)
        self.weights = dict(zip(self.names, self.leaves, strict=True))
        # looked up once: the gradient of each lookup is as large as the whole table
        ids = torch.cat([bucket.ids.reshape(-1) for bucket in buckets])
        self.vectors = module.get_input_embeddings()(ids)
        parts = self.vectors.detach().split([bucket.ids.numel() for bucket in buckets])
        self.parts = [
            part.view(*bucket.ids.shape, -1).requires_grad_()
            for part, bucket in zip(parts, buckets, strict=True)
        ]
        self.seeds: list[int] = torch.randint(2**62, (len(buckets),)).tolist()
        self.outputs = list(on_threads(self._encode, range(len(buckets))))

    def _encode(self, index: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(self.seeds[index])
        with torch.enable_grad():
            part, mask = self.parts[index], self.buckets[index].mask
            return states(self.weights, self.module.config, part, mask, generator)

    def backprop(self, gradients: Gradients) -> None:
        def gradients_of(group: Sequence[int]) -> Gradients:
            found: Gradients = torch.autograd.grad(
                [self.outputs[i] for i in group],
                [*(self.parts[i] for i in group), *self.leaves],
                [gradients[i].to(self.outputs[i].dtype) for i in group],
            )
            return found

        groups = _groups([output.numel() for output in self.outputs])
        d_parts = [torch.empty(0)] * len(self.parts)
        for group, found in zip(groups, on_threads(gradients_of, groups), strict=True):
            for i, d_part in zip(group, found, strict=False):
                d_parts[i] = d_part.flatten(0, 1)
            for name, gradient in zip(self.names, found[len(group) :], strict=True):
                _add_gradient(self.module.get_parameter(name), gradient)
        self.vectors.backward(torch.cat(d_parts))


def _leaves(module: torch.nn.Module, dtype: torch.dtype) -> tuple[list[str], list[torch.Tensor]]:
    """Names and copies of the parameters: matrices in `dtype`, with their biases."""
    names, leaves = [], []
    for name, parameter in module.named_parameters():
        if name != EMBEDDINGS:
            kind = torch.float32 if "norm" in name else dtype
            names.append(name)
            leaves.append(parameter.detach().to(kind).requires_grad_())
    return names, leaves


def _groups(sizes: Sequence[int]) -> list[list[int]]:
    """Indices in as many groups as there are threads, of about the same size."""
    groups: list[list[int]] = [[] for _ in range(min(torch.get_num_threads(), len(sizes)))]
    filled = [0] * len(groups)
    for index in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        smallest = filled.index(min(filled))
        groups[smallest].append(index)
        filled[smallest] += sizes[index]
    return groups


def _add_gradient(parameter: torch.Tensor, gradient: torch.Tensor) -> None:
    if parameter.grad is None:
        parameter.grad = gradient.to(torch.float32)
    else:
        parameter.grad += gradient
