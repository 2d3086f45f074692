"""BERT and RoBERTa as they are trained on a CPU: as `transformers` does it, in fewer passes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn.functional import embedding, gelu, layer_norm, linear
from transformers import BertConfig

from spacy_bioner.networks.prediction.attention import additive_mask
from spacy_bioner.networks.training.attention import mixed, positions_of, shapes_of
from spacy_bioner.networks.training.dropout import dropout

Weights = Mapping[str, torch.Tensor]
EMBEDDINGS = "embeddings.word_embeddings.weight"


def joined_name(name: str) -> str:
    """Queries, keys and values are one product: the name of the three parameters together."""
    return re.sub(r"\.self\.(query|key|value)\.", ".self.qkv.", name)


def states(
    weights: Weights,
    config: Any,
    vectors: torch.Tensor,
    masks: Sequence[torch.Tensor],
    generator: torch.Generator,
) -> torch.Tensor:
    """Hidden states (n, width) of the wordpieces of buckets, one bucket after the other.

    weights: by their names in `transformers`, those of one `joined_name` below each other,
    matrices in the type to multiply in; vectors (n, width): of the wordpieces, float32;
    masks (b, l) of the buckets, 1 where not padded; generator: of the dropout.
    """
    first = 0 if type(config) is BertConfig else config.pad_token_id + 1  # RoBERTa's positions
    positions = embedding(
        positions_of(masks) + first, weights["embeddings.position_embeddings.weight"]
    )
    values = vectors + weights["embeddings.token_type_embeddings.weight"][0] + positions
    values = _normed(weights, "embeddings.LayerNorm", values, config)
    values = dropout(values, config.hidden_dropout_prob, generator)
    added = [additive_mask(mask, config.num_attention_heads, torch.float32) for mask in masks]
    for index in range(config.num_hidden_layers):
        layer = _Layer(weights, index, config, generator)
        values = layer.feed_forward(layer.attention(values, masks, added))
    return values


class _Layer:
    def __init__(
        self, weights: Weights, index: int, config: Any, generator: torch.Generator
    ) -> None:
        self.weights, self.config, self.generator = weights, config, generator
        self.name = f"encoder.layer.{index}"
        self.kind = weights[f"{self.name}.output.dense.weight"].dtype

    def attention(
        self,
        values: torch.Tensor,
        masks: Sequence[torch.Tensor],
        added: Sequence[torch.Tensor | None],
    ) -> torch.Tensor:
        """values (n, width), masks (b, l), added (b * heads, 1, l) -> values."""
        qkv = self._linear("attention.self.qkv", values)
        qkv = qkv.view(len(values), 3, self.config.num_attention_heads, -1)
        rate = self.config.attention_probs_dropout_prob
        read = mixed(qkv, shapes_of(masks), added, rate, self.generator)
        return self._added("attention.output", read, values)

    def feed_forward(self, values: torch.Tensor) -> torch.Tensor:
        """values (n, width) -> values."""
        return self._added("output", gelu(self._linear("intermediate.dense", values)), values)

    def _added(self, name: str, inner: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """A last product, dropped out, added to what was read, and normed."""
        found = dropout(
            self._linear(f"{name}.dense", inner), self.config.hidden_dropout_prob, self.generator
        )
        return _normed(self.weights, f"{self.name}.{name}.LayerNorm", values + found, self.config)

    def _linear(self, name: str, values: torch.Tensor) -> torch.Tensor:
        name = f"{self.name}.{name}"
        return linear(
            values.to(self.kind), self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        )


def _normed(weights: Weights, name: str, values: torch.Tensor, config: Any) -> torch.Tensor:
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return layer_norm(values, weight.shape, weight, bias, config.layer_norm_eps)
