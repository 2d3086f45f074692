"""ModernBERT as it predicts on a CPU: the same function as that of `transformers`, faster."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch.nn.functional import layer_norm
from transformers import ModernBertConfig
from transformers.modeling_outputs import BaseModelOutput

from spacy_bioner.networks.masks import additive_mask, beyond_reach
from spacy_bioner.networks.prediction.attention import attend, padded
from spacy_bioner.networks.prediction.packed_linear import PackedLinear


def is_known(config: Any) -> bool:
    """Whether a ModernBERT is of the form that is computed here."""
    return (
        type(config) is ModernBertConfig
        and config.hidden_activation == "gelu"
        and getattr(config, "rope_scaling", None) is None
        and hasattr(config, "global_rope_theta")
    )


def theta_and_reach(config: Any, index: int) -> tuple[float, int | None]:
    """Of a layer: the base of its rotations, and how many wordpieces away it sees; None: all."""
    if index % config.global_attn_every_n_layers == 0:
        return config.global_rope_theta, None
    local = config.local_rope_theta
    return config.global_rope_theta if local is None else local, config.local_attention // 2


class FusedModernBert(torch.nn.Module):
    """Warner et al. (2024), https://arxiv.org/abs/2412.13663, for rows of ids and their mask."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        super().__init__()
        config = module.config
        weights = {name: value.to(dtype) for name, value in module.state_dict().items()}
        self.width, self.epsilon = config.hidden_size, config.norm_eps
        self.heads: int = config.num_attention_heads
        self.embeddings = weights["embeddings.tok_embeddings.weight"]
        self.first_norm = _norm(weights, "embeddings.norm")
        self.last_norm = _norm(weights, "final_norm")
        self.blocks = torch.nn.ModuleList(
            Block(weights, index, config) for index in range(config.num_hidden_layers)
        )

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> BaseModelOutput:
        """ids and mask (b, l) -> last_hidden_state (b, l, width)."""
        shape = input_ids.shape
        # (n, width), of which the first b * l are meant
        states = self.embeddings[padded(input_ids.reshape(-1))]
        states = layer_norm(states, (self.width,), *self.first_norm, eps=self.epsilon)
        mask = additive_mask(attention_mask, self.heads, states.dtype)
        for block in self.blocks:
            states = block(states, shape, mask)
        states = layer_norm(states, (self.width,), *self.last_norm, eps=self.epsilon)
        return BaseModelOutput(last_hidden_state=states[: shape.numel()].view(*shape, self.width))


class Block(torch.nn.Module):
    """Self-attention with rotated queries and keys, then a gated feed-forward part."""

    def __init__(self, weights: dict[str, torch.Tensor], index: int, config: Any) -> None:
        super().__init__()
        self.heads, self.epsilon = config.num_attention_heads, config.norm_eps
        self.width, self.head_width = config.hidden_size, config.hidden_size // self.heads
        theta, self.reach = theta_and_reach(config, index)
        self.turns = turns(self.head_width, theta, config.max_position_embeddings)

        def linear(name: str, rows: Any = slice(None)) -> PackedLinear:
            bias = weights.get(f"layers.{index}.{name}.bias")
            weight = weights[f"layers.{index}.{name}.weight"]
            return PackedLinear(weight[rows], None if bias is None else bias[rows])

        inner = config.intermediate_size
        self.attention_norm = _norm(weights, f"layers.{index}.attn_norm") if index else None
        self.qkv = linear("attn.Wqkv", _pairs_side_by_side(self.heads, self.head_width))
        self.output = linear("attn.Wo")
        self.feed_norm = _norm(weights, f"layers.{index}.mlp_norm")
        self.activated = linear("mlp.Wi", slice(None, inner))
        self.gate = linear("mlp.Wi", slice(inner, None))
        self.feed = linear("mlp.Wo")

    def forward(
        self, states: torch.Tensor, shape: torch.Size, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """states (n, width), shape (b, l), mask (b * heads, 1, l) -> states."""
        normed = states
        if self.attention_norm is not None:
            normed = layer_norm(states, (self.width,), *self.attention_norm, eps=self.epsilon)
        qkv = self.qkv(normed)[: shape.numel()].view(*shape, 3, self.heads, self.head_width)
        query, key = self._rotated(qkv[:, :, :2])
        value = qkv[:, :, 2].transpose(1, 2)
        mask = beyond_reach(mask, self.reach, shape[1], states.dtype)
        mixed = attend(query, key, value, mask, len(states))
        states = self.output.plus(mixed, states)
        normed = layer_norm(states, (self.width,), *self.feed_norm, eps=self.epsilon)
        return self.feed.plus(self.gate.times(normed, self.activated.gelu(normed)), states)

    def _rotated(self, both: torch.Tensor) -> torch.Tensor:
        """Queries and keys (b, l, 2, heads, d) -> (2, b, heads, l, d), each pair of numbers turned
        by its position; in float32 `both` is overwritten."""
        b, length = both.shape[:2]
        wide = both.float()
        # All pairs of a row of wordpieces in one go: d / 2 numbers are too short a loop.
        pairs = torch.view_as_complex(wide.view(b, length, -1, 2))
        pairs.mul_(self.turns[:length].repeat(1, 2 * self.heads))
        turned = wide.permute(2, 0, 3, 1, 4)
        return torch.empty(turned.shape, dtype=both.dtype).copy_(turned)


@cache
def turns(width: int, theta: float, longest: int) -> torch.Tensor:
    """(longest, width / 2): position p turns pair i by p * theta ** (-2i / width), in radians."""
    rates = theta ** -(torch.arange(0, width, 2, dtype=torch.float32) / width)
    angles = torch.arange(longest, dtype=torch.float32)[:, None] * rates
    return torch.polar(torch.ones_like(angles), angles)


def _pairs_side_by_side(heads: int, width: int) -> torch.Tensor:
    """Rows of Wqkv, with number i + width / 2 of each query and key next to number i.

    These two are turned together; products of queries with keys stay what they were.
    """
    half = torch.arange(width).view(2, width // 2).T.reshape(-1)
    turned = (torch.arange(2 * heads)[:, None] * width + half).reshape(-1)
    return torch.cat([turned, torch.arange(2 * heads * width, 3 * heads * width)])


def _norm(weights: dict[str, torch.Tensor], name: str) -> tuple[torch.Tensor, Any]:
    return weights[f"{name}.weight"], weights.get(f"{name}.bias")
