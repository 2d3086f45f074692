"""ModernBERT as it is trained on a CPU: the function of `transformers`, in fewer passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn.functional import gelu, layer_norm, linear

from spacy_bioner.models.encoder.prediction.attention import additive_mask, beyond_reach
from spacy_bioner.models.encoder.prediction.modernbert import theta_and_reach
from spacy_bioner.models.encoder.training.dropout import dropout
from spacy_bioner.models.encoder.training.rotation import angles, rotate

Weights = Mapping[str, torch.Tensor]


def states(
    weights: Weights,
    config: Any,
    vectors: torch.Tensor,
    mask: torch.Tensor,
    generator: torch.Generator,
) -> torch.Tensor:
    """Hidden states (b, l, width) of wordpieces.

    weights: by their names in `transformers`, matrices in the type to multiply in; vectors
    (b, l, width): of the wordpieces, float32; mask (b, l), 1 where not padded; generator: of
    the dropout.
    """
    values = _normed(weights, "embeddings.norm", vectors, config)
    values = dropout(values, config.embedding_dropout, generator)
    added = additive_mask(mask, config.num_attention_heads, torch.float32)
    for index in range(config.num_hidden_layers):
        layer = _Layer(weights, index, config, generator)
        values = values + layer.attention(values, added)
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

    def attention(self, values: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """values (b, l, width), mask (b * heads, 1, l) -> what is added, (b, l, width)."""
        config = self.config
        b, length, width = values.shape
        heads, d = config.num_attention_heads, width // config.num_attention_heads
        normed = self._normed("attn_norm", values) if self.index else values
        qkv = self._linear("attn.Wqkv", normed).view(b, length, 3, heads, d)
        theta, reach = theta_and_reach(config, self.index)
        cosines, sines = (each.to(self.kind) for each in angles(d, theta, length))
        turned = rotate(qkv[:, :, :2], cosines, sines)
        # (b * heads, l, d) each
        query, key, value = (
            each.transpose(1, 2).reshape(b * heads, length, d)
            for each in (turned[:, :, 0], turned[:, :, 1], qkv[:, :, 2])
        )
        scores = torch.bmm(query * d**-0.5, key.transpose(1, 2)).float()
        added = beyond_reach(mask, reach, length, torch.float32)
        shares = torch.softmax(scores if added is None else scores + added, -1)
        shares = dropout(shares.to(self.kind), config.attention_dropout, self.generator)
        mixed = torch.bmm(shares, value).view(b, heads, length, d)
        mixed = mixed.transpose(1, 2).reshape(b, length, width)
        # transformers drops these at the rate of attention, too
        return dropout(self._linear("attn.Wo", mixed), config.attention_dropout, self.generator)

    def feed_forward(self, values: torch.Tensor) -> torch.Tensor:
        """values (b, l, width) -> what is added, (b, l, width)."""
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
