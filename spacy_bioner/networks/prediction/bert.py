"""BERT and RoBERTa as they predict on a CPU: the functions of `transformers`, faster."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.nn.functional import layer_norm
from transformers import BertConfig, RobertaConfig, XLMRobertaConfig
from transformers.modeling_outputs import BaseModelOutput

from spacy_bioner.networks.masks import additive_mask
from spacy_bioner.networks.prediction.attention import attend, padded
from spacy_bioner.networks.prediction.packed_linear import PackedLinear


def is_known(config: Any) -> bool:
    """Whether an encoder is of the form that is computed here."""
    return (
        type(config) in (BertConfig, RobertaConfig, XLMRobertaConfig)
        and config.hidden_act == "gelu"
        and getattr(config, "position_embedding_type", "absolute") == "absolute"
        and not config.is_decoder
        and not getattr(config, "pruned_heads", None)
    )


class FusedBert(torch.nn.Module):
    """Devlin et al. (2019), https://aclanthology.org/N19-1423, for rows of ids and their mask."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        super().__init__()
        self.heads: int = module.config.num_attention_heads
        shared = {id(p): p for p in module.embeddings.parameters() if p.dtype == dtype}
        self.embeddings = copy.deepcopy(module.embeddings, shared).to(dtype)
        self.blocks = torch.nn.ModuleList(Block(layer, dtype) for layer in module.encoder.layer)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> BaseModelOutput:
        """ids and mask (b, l) -> last_hidden_state (b, l, width)."""
        embedded = self.embeddings(input_ids=input_ids)
        states = padded(embedded.flatten(0, 1))  # (n, width), of which the first b * l are meant
        mask = additive_mask(attention_mask, self.heads, states.dtype)
        for block in self.blocks:
            states = block(states, input_ids.shape, mask)
        n = input_ids.numel()
        return BaseModelOutput(last_hidden_state=states[:n].view(embedded.shape))


class Block(torch.nn.Module):
    """Self-attention, then a feed-forward part; each is added to what it read, and normed."""

    def __init__(self, layer: Any, dtype: torch.dtype) -> None:
        super().__init__()
        attention, output = layer.attention.self, layer.attention.output
        self.heads = attention.num_attention_heads
        three = (attention.query, attention.key, attention.value)
        self.qkv = PackedLinear(
            torch.cat([each.weight for each in three]).to(dtype),
            torch.cat([each.bias for each in three]).to(dtype),
        )
        self.output = _packed(output.dense, dtype)
        self.attention_norm = copy.deepcopy(output.LayerNorm).to(dtype)
        self.activated = _packed(layer.intermediate.dense, dtype)
        self.feed = _packed(layer.output.dense, dtype)
        self.feed_norm = copy.deepcopy(layer.output.LayerNorm).to(dtype)

    def forward(
        self, states: torch.Tensor, shape: torch.Size, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """states (n, width), shape (b, l), mask (b * heads, 1, l) -> states."""
        qkv = self.qkv(states)[: shape.numel()].view(*shape, 3, self.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = attend(query, key, value, mask, len(states))
        states = _normed(self.output.plus(mixed, states), self.attention_norm)
        return _normed(self.feed.plus(self.activated.gelu(states), states), self.feed_norm)


def _packed(linear: torch.nn.Linear, dtype: torch.dtype) -> PackedLinear:
    return PackedLinear(linear.weight.to(dtype), linear.bias.to(dtype))


def _normed(states: torch.Tensor, norm: torch.nn.LayerNorm) -> torch.Tensor:
    return layer_norm(states, norm.normalized_shape, norm.weight, norm.bias, norm.eps)
