"""ModernBERT as it is trained on a CPU: the function of `transformers`, in fewer passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn.functional import gelu, layer_norm, linear

from spacy_bioner.networks.prediction.attention import additive_mask, beyond_reach
from spacy_bioner.networks.prediction.modernbert import theta_and_reach
from spacy_bioner.networks.training.attention import (
    Shape,
    mixed,
    positions_of,
    shapes_of,
)
from spacy_bioner.networks.training.dropout import dropout
from spacy_bioner.networks.training.rotation import angles, rotate

Weights = Mapping[str, torch.Tensor]
EMBEDDINGS = "embeddings.tok_embeddings.weight"


def states(
    weights: Weights,
    config: Any,
    vectors: torch.Tensor,
    masks: Sequence[torch.Tensor],
    generator: torch.Generator,
) -> torch.Tensor:
    """Hidden states (n, width) of the wordpieces of buckets, one bucket after the other.

    weights: by their names in `transformers`, matrices in the type to multiply in; vectors
    (n, width): of the wordpieces, float32; masks (b, l) of the buckets, 1 where not padded;
    generator: of the dropout.
    """
    values = _normed(weights, "embeddings.norm", vectors, config)
    values = dropout(values, config.embedding_dropout, generator)
    added = [additive_mask(mask, config.num_attention_heads, torch.float32) for mask in masks]
    positions = positions_of(masks)
    for index in range(config.num_hidden_layers):
        layer = _Layer(weights, index, config, generator)
        values = values + layer.attention(values, positions, shapes_of(masks), added)
        values = values + layer.feed_forward(values)
    return _normed(weights, "final_norm", values, config)


class _Layer:
    def __init__(
        self,
        weights: Weights,
        index: int,
        config: Any,
        generator: torch.Generator,
    ) -> None:
        self.weights, self.index, self.config = weights, index, config
        self.name, self.generator = f"layers.{index}", generator
        self.kind = weights[f"{self.name}.attn.Wqkv.weight"].dtype

    def attention(
        self,
        values: torch.Tensor,
        positions: torch.Tensor,
        shapes: Sequence[Shape],
        masks: Sequence[torch.Tensor | None],
    ) -> torch.Tensor:
        """values (n, width), positions (n,), masks (b * heads, 1, l) -> what is added."""
        config = self.config
        heads, d = config.num_attention_heads, values.shape[1] // config.num_attention_heads
        normed = self._normed("attn_norm", values) if self.index else values
        qkv = self._linear("attn.Wqkv", normed).view(len(values), 3, heads, d)
        theta, reach = theta_and_reach(config, self.index)
        cosines, sines = (each.to(self.kind) for each in angles(d, theta, positions))
        added = [
            beyond_reach(mask, reach, length, torch.float32)
            for mask, (_, length) in zip(masks, shapes, strict=True)
        ]
        rate = config.attention_dropout
        read = mixed(rotate(qkv, cosines, sines), shapes, added, rate, self.generator)
        # transformers drops these at the rate of attention, too
        return dropout(self._linear("attn.Wo", read), rate, self.generator)

    def feed_forward(self, values: torch.Tensor) -> torch.Tensor:
        """values (n, width) -> what is added, (n, width)."""
        inner, gate = self._linear("mlp.Wi", self._normed("mlp_norm", values)).chunk(2, -1)
        gated = dropout(gelu(inner) * gate, self.config.mlp_dropout, self.generator)
        return self._linear("mlp.Wo", gated)

    def _linear(self, name: str, values: torch.Tensor) -> torch.Tensor:
        name = f"{self.name}.{name}"
        bias = self.weights.get(f"{name}.bias")
        return linear(values.to(self.kind), self.weights[f"{name}.weight"], bias)

    def _normed(self, name: str, values: torch.Tensor) -> torch.Tensor:
        return _normed(self.weights, f"{self.name}.{name}", values, self.config)


def _normed(weights: Weights, name: str, values: torch.Tensor, config: Any) -> torch.Tensor:
    weight, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
    return layer_norm(values, weight.shape, weight, bias, config.norm_eps)
