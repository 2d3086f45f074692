"""Which encoders are trained in a form of their own on a CPU, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from spacy_bioner.models.encoder.prediction import bert as predicted_bert
from spacy_bioner.models.encoder.prediction import modernbert as predicted_modernbert
from spacy_bioner.models.encoder.training import bert, modernbert

# (weights, config, vectors, mask, generator) -> hidden states
States = Callable[..., torch.Tensor]


@dataclass(frozen=True)
class Form:
    """states: the encoder's function; embeddings: the name of its table of wordpieces;
    joined_name: parameters that get the same name are one matrix, in their order."""

    states: States
    embeddings: str
    joined_name: Callable[[str], str] = str


def form_of(config: Any) -> Form | None:
    """None for an encoder that is left to `transformers`."""
    if predicted_modernbert.is_known(config):
        return Form(modernbert.states, modernbert.EMBEDDINGS)
    if predicted_bert.is_known(config):
        return Form(bert.states, bert.EMBEDDINGS, bert.joined_name)
    return None
