"""Which encoders are trained in a form of their own on a CPU, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from spacy_bioner.networks.prediction import bert as predicted_bert
from spacy_bioner.networks.prediction import modernbert as predicted_modernbert
from spacy_bioner.networks.training import bert, modernbert

# (weights, config, vectors (n, width), masks (b, l) of buckets, generator) -> (n, width)
States = Callable[..., torch.Tensor]


_POOLER = "pooler."  # which no hidden state comes from


@dataclass(frozen=True)
class Form:
    """states: the encoder's function; embeddings: the name of its table of wordpieces;
    joined_name: parameters that get the same name are one matrix, in their order."""

    states: States
    embeddings: str
    joined_name: Callable[[str], str] = str

    def joined_names(self, module: torch.nn.Module) -> dict[str, list[str]]:
        """The names of the parameters that are multiplied as one, by their joint name."""
        names: dict[str, list[str]] = {}
        for name, _ in module.named_parameters():
            if name != self.embeddings and not name.startswith(_POOLER):
                names.setdefault(self.joined_name(name), []).append(name)
        return names

    def weights(self, module: torch.nn.Module, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        """The parameters as `states` takes them: matrices in `dtype`, with their biases."""
        weights = {}
        for joint, names in self.joined_names(module).items():
            is_added = "norm" in joint.lower() or joint.startswith("embeddings.")
            kind = torch.float32 if is_added else dtype
            values = [module.get_parameter(name).to(kind) for name in names]
            weights[joint] = values[0] if len(values) == 1 else torch.cat(values)
        return weights


def form_of(config: Any) -> Form | None:
    """None for an encoder that is left to `transformers`."""
    if predicted_modernbert.is_known(config):
        return Form(modernbert.states, modernbert.EMBEDDINGS)
    if predicted_bert.is_known(config):
        return Form(bert.states, bert.EMBEDDINGS, bert.joined_name)
    return None
