"""ModernBERT as it is trained on a CPU: the function of `transformers`, in fewer passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import gelu

from spacy_bioner.networks.masks import additive_mask, beyond_reach
from spacy_bioner.networks.prediction.modernbert import theta_and_reach
from spacy_bioner.networks.training.attention import Shape, mixed, positions_of, shapes_of
from spacy_bioner.networks.training.dropout import dropout
from spacy_bioner.networks.training.rotation import angles, rotate
from spacy_bioner.networks.training.weights import Weights, normed, product

EMBEDDINGS = "embeddings.tok_embeddings.weight"
# cosines and sines of all wordpieces, and the masks of the buckets
_Places = tuple[torch.Tensor, torch.Tensor, list[torch.Tensor | None]]


def states(
    weights: Weights,
    config: Any,
    vectors: torch.Tensor,
    masks: Sequence[torch.Tensor],
    generator: torch.Generator,
) -> torch.Tensor:
    """Hidden states (n, width) of the wordpieces of buckets, one bucket after the other.

    vectors (n, width): of the wordpieces, float32; masks (b, l) of the buckets, 1 where not
    padded; generator: of the dropout.
    """
    values = normed(weights, "embeddings.norm", vectors, config.norm_eps)
    values = dropout(values, config.embedding_dropout, generator)
    layers = _Layers(weights, config, generator, shapes_of(masks))
    kinds = [theta_and_reach(config, index) for index in range(config.num_hidden_layers)]
    places = {kind: layers.places(masks, *kind) for kind in set(kinds)}
    for index, kind in enumerate(kinds):
        values = values + layers.attention(index, values, places[kind])
        values = values + layers.feed_forward(index, values)
    return normed(weights, "final_norm", values, config.norm_eps)


class _Layers:
    def __init__(
        self, weights: Weights, config: Any, generator: torch.Generator, shapes: Sequence[Shape]
    ) -> None:
        self.weights, self.config, self.generator = weights, config, generator
        self.shapes, self.heads = shapes, config.num_attention_heads
        self.head_width = config.hidden_size // config.num_attention_heads
        self.dtype = weights["layers.0.attn.Wqkv.weight"].dtype

    def places(self, masks: Sequence[torch.Tensor], theta: float, reach: int | None) -> _Places:
        """What layers know of places whose rotations and reach are these."""
        cosines, sines = angles(self.head_width, theta, positions_of(masks))
        added = [
            beyond_reach(
                additive_mask(mask, self.heads, torch.float32), reach, length, torch.float32
            )
            for mask, (_, length) in zip(masks, self.shapes, strict=True)
        ]
        return cosines.to(self.dtype), sines.to(self.dtype), added

    def attention(self, index: int, values: torch.Tensor, places: _Places) -> torch.Tensor:
        """values (n, width) -> what is added, (n, width)."""
        name, config = f"layers.{index}", self.config
        cosines, sines, added = places
        if index:
            values = normed(self.weights, f"{name}.attn_norm", values, config.norm_eps)
        qkv = product(self.weights, f"{name}.attn.Wqkv", values)
        qkv = rotate(qkv.view(len(values), 3, self.heads, self.head_width), cosines, sines)
        rate = config.attention_dropout
        read = mixed(qkv, self.shapes, added, rate, self.generator)
        # transformers drops these at the rate of attention, too
        return dropout(product(self.weights, f"{name}.attn.Wo", read), rate, self.generator)

    def feed_forward(self, index: int, values: torch.Tensor) -> torch.Tensor:
        """values (n, width) -> what is added, (n, width)."""
        name, config = f"layers.{index}", self.config
        values = normed(self.weights, f"{name}.mlp_norm", values, config.norm_eps)
        inner, gate = product(self.weights, f"{name}.mlp.Wi", values).chunk(2, -1)
        gated = dropout(gelu(inner) * gate, config.mlp_dropout, self.generator)
        return product(self.weights, f"{name}.mlp.Wo", gated)
