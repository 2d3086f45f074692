"""An update of an encoder on a CPU: buckets in groups of like size, a group on each core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from spacy_bioner.models.encoder.buckets import Bucket
from spacy_bioner.networks.prediction.attention import LONGEST_ROW
from spacy_bioner.networks.threads import on_threads
from spacy_bioner.networks.training.form import form_of

Gradients = Sequence[torch.Tensor]


def can_update(module: Any, buckets: Sequence[Bucket], device: torch.device) -> bool:
    """Whether an encoder is of the form that is trained here, whole, and the rows are short."""
    return (
        device.type == "cpu"
        and form_of(module.config) is not None
        and not getattr(module, "is_gradient_checkpointing", False)
        and all(parameter.requires_grad for parameter in module.parameters())
        and all(bucket.ids.shape[1] <= LONGEST_ROW for bucket in buckets)
    )


def begin_update(
    module: Any, buckets: Sequence[Bucket], dtype: torch.dtype
) -> tuple[list[torch.Tensor], Callable[[Gradients], None]]:
    """Hidden states (b, l, width) of each bucket, and what takes their gradients back.

    Matrices are multiplied in `dtype`; gradients are added to those of the module's
    parameters, float32. Each thread works on a group of buckets, whose rows are one matrix
    wherever they need not know of each other. Dropout draws on torch's generator, once for
    each group, so that a seed drops the same numbers whenever there are as many threads.
    """
    update = _Update(module, buckets, dtype)
    return update.outputs(), update.backprop


class _Update:
    def __init__(self, module: Any, buckets: Sequence[Bucket], dtype: torch.dtype) -> None:
        form = form_of(module.config)
        assert form is not None
        self.module, self.buckets, self.form = module, buckets, form
        self.names = form.joined_names(module)
        with torch.no_grad():
            weights = form.weights(module, dtype)
        self.weights = {name: w.detach().requires_grad_() for name, w in weights.items()}
        self.groups = _groups([bucket.ids.numel() for bucket in buckets])
        # looked up once: the gradient of each lookup is as large as the whole table
        ids = [torch.cat([buckets[i].ids.view(-1) for i in group]) for group in self.groups]
        self.vectors = module.get_input_embeddings()(torch.cat(ids))
        parts = torch.split(self.vectors.detach(), [len(each) for each in ids])
        self.inputs = [part.requires_grad_() for part in parts]  # (n, width) of each group
        self.seeds: list[int] = torch.randint(2**62, (len(self.groups),)).tolist()
        self.states = list(on_threads(self._encode, range(len(self.groups))))

    def _encode(self, index: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(self.seeds[index])
        masks = [self.buckets[i].mask for i in self.groups[index]]
        with torch.enable_grad():
            vectors, config = self.inputs[index], self.module.config
            return self.form.states(self.weights, config, vectors, masks, generator)

    def outputs(self) -> list[torch.Tensor]:
        """Hidden states (b, l, width) of each bucket, without a gradient of their own."""
        outputs = [torch.empty(0)] * len(self.buckets)
        for group, states in zip(self.groups, self.states, strict=True):
            sizes = [self.buckets[i].ids.numel() for i in group]
            for i, part in zip(group, torch.split(states.detach(), sizes), strict=True):
                outputs[i] = part.view(*self.buckets[i].ids.shape, -1)
        return outputs

    def backprop(self, gradients: Gradients) -> None:
        def gradients_of(index: int) -> Gradients:
            states = self.states[index]
            given = torch.cat([gradients[i].flatten(0, 1) for i in self.groups[index]])
            wanted = [self.inputs[index], *self.weights.values()]
            found: Gradients = torch.autograd.grad(states, wanted, given.to(states.dtype))
            return found

        d_vectors = []
        for d_input, *found in on_threads(gradients_of, range(len(self.groups))):
            d_vectors.append(d_input)
            for names, gradient in zip(self.names.values(), found, strict=True):
                for name, part in zip(names, gradient.chunk(len(names)), strict=True):
                    _add_gradient(self.module.get_parameter(name), part)
        self.vectors.backward(torch.cat(d_vectors))


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
