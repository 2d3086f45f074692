"""BERT and RoBERTa as they are trained on a CPU: as `transformers` does it, in fewer passes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import embedding, gelu
from transformers import BertConfig

from spacy_bioner.networks.masks import additive_mask
from spacy_bioner.networks.training.attention import Shape, mixed, positions_of, shapes_of
from spacy_bioner.networks.training.dropout import dropout
from spacy_bioner.networks.training.weights import Weights, normed, product

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

    weights: those of one `joined_name` below each other; vectors (n, width): of the
    wordpieces, float32; masks (b, l) of the buckets, 1 where not padded; generator: of the
    dropout.
    """
    first = 0 if type(config) is BertConfig else config.pad_token_id + 1  # RoBERTa's positions
    positions = embedding(
        positions_of(masks) + first, weights["embeddings.position_embeddings.weight"]
    )
    values = vectors + weights["embeddings.token_type_embeddings.weight"][0] + positions
    values = normed(weights, "embeddings.LayerNorm", values, config.layer_norm_eps)
    values = dropout(values, config.hidden_dropout_prob, generator)
    added = [additive_mask(mask, config.num_attention_heads, torch.float32) for mask in masks]
    layers = _Layers(weights, config, generator, shapes_of(masks))
    for index in range(config.num_hidden_layers):
        name = f"encoder.layer.{index}"
        values = layers.feed_forward(name, layers.attention(name, values, added))
    return values


class _Layers:
    def __init__(
        self, weights: Weights, config: Any, generator: torch.Generator, shapes: Sequence[Shape]
    ) -> None:
        self.weights, self.config, self.generator, self.shapes = weights, config, generator, shapes

    def attention(
        self, name: str, values: torch.Tensor, added: Sequence[torch.Tensor | None]
    ) -> torch.Tensor:
        """values (n, width), added (b * heads, 1, l) of each bucket -> values."""
        qkv = product(self.weights, f"{name}.attention.self.qkv", values)
        qkv = qkv.view(len(values), 3, self.config.num_attention_heads, -1)
        rate = self.config.attention_probs_dropout_prob
        read = mixed(qkv, self.shapes, added, rate, self.generator)
        return self._residual(f"{name}.attention.output", read, values)

    def feed_forward(self, name: str, values: torch.Tensor) -> torch.Tensor:
        """values (n, width) -> values."""
        inner = gelu(product(self.weights, f"{name}.intermediate.dense", values))
        return self._residual(f"{name}.output", inner, values)

    def _residual(self, name: str, inner: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """A last product, dropped out, added to what was read, and normed."""
        found = product(self.weights, f"{name}.dense", inner)
        found = dropout(found, self.config.hidden_dropout_prob, self.generator)
        epsilon = self.config.layer_norm_eps
        return normed(self.weights, f"{name}.LayerNorm", values + found, epsilon)
