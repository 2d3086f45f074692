"""ModernBERT as it is exported to ONNX: rotations are an operator of onnxruntime's own."""

from __future__ import annotations

from typing import Any

import torch

from spacy_bioner.networks.masks import far_below
from spacy_bioner.networks.prediction.modernbert import theta_and_reach, turns


class Rotation(torch.autograd.Function):
    """Queries or keys (b, l, heads * d), number i and i + d / 2 of each turned by its position.

    In ONNX it is `com.microsoft.RotaryEmbedding`, one operator in place of nine:
    https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    """

    @staticmethod
    def forward(
        ctx: Any, states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, heads: int
    ) -> torch.Tensor:
        """cos, sin (longest, d / 2)."""
        rows, length, _ = states.shape
        one, other = states.view(rows, length, heads, 2, -1).unbind(3)  # (b, l, heads, d / 2)
        cos, sin = cos[:length, None], sin[:length, None]
        return torch.cat([one * cos - other * sin, other * cos + one * sin], -1).flatten(2)

    @staticmethod
    def symbolic(g: Any, states: Any, cos: Any, sin: Any, heads: int) -> Any:
        first = g.op("Constant", value_t=torch.zeros(1, dtype=torch.int64))
        settings = {"num_heads_i": heads, "interleaved_i": 0}
        turned = g.op("com.microsoft::RotaryEmbedding", states, first, cos, sin, **settings)
        return turned.setType(states.type())


class ExportedModernBert(torch.nn.Module):
    """Warner et al. (2024), https://arxiv.org/abs/2412.13663, of a form that `is_known`.

    The layers are those of `transformers`; attention is computed here.
    """

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        self.transformer, config = transformer, transformer.config
        self.heads = config.num_attention_heads
        self.head_width = config.hidden_size // self.heads
        of_layer = [theta_and_reach(config, i) for i in range(config.num_hidden_layers)]
        self.reaches = [reach for _, reach in of_layer]
        longest = config.max_position_embeddings
        of_positions = [turns(self.head_width, theta, longest) for theta, _ in of_layer]
        # cosines and sines (longest, d / 2) of each layer
        self.turns = [(each.real.contiguous(), each.imag.contiguous()) for each in of_positions]
        self.parts = torch.nn.ModuleList(InThree(each.attn.Wqkv) for each in transformer.layers)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """ids and mask (b, l) -> hidden states (b, l, width)."""
        states: torch.Tensor = self.transformer.embeddings(input_ids=input_ids)
        padded = (attention_mask == 0)[:, None, None]  # (b, 1, 1, l)
        places = torch.arange(input_ids.shape[1])
        distance = (places[:, None] - places).abs()  # (l, l)
        for index, layer in enumerate(self.transformer.layers):
            reach = self.reaches[index]
            unread = padded if reach is None else padded | (distance > reach)
            mask = unread.to(states.dtype) * far_below(states.dtype)
            mixed = self._mixed(index, layer.attn_norm(states), mask)
            states = states + layer.attn.Wo(mixed)
            states = states + layer.mlp(layer.mlp_norm(states))
        last: torch.Tensor = self.transformer.final_norm(states)
        return last

    def _mixed(self, index: int, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """states (b, l, width), mask (b, 1, 1 or l, l) -> values as attention mixes them."""
        query, key, value = self.parts[index](states)
        query, key = (self._of_heads(self._rotated(index, each)) for each in (query, key))
        scores = query @ key.transpose(2, 3) * self.head_width**-0.5 + mask  # (b, heads, l, l)
        mixed: torch.Tensor = scores.softmax(-1) @ self._of_heads(value)
        return mixed.transpose(1, 2).flatten(2)

    def _rotated(self, index: int, states: torch.Tensor) -> torch.Tensor:
        turned: torch.Tensor = Rotation.apply(states, *self.turns[index], self.heads)  # type: ignore[no-untyped-call]
        return turned

    def _of_heads(self, states: torch.Tensor) -> torch.Tensor:
        """(b, l, width) -> (b, heads, l, d)."""
        return states.view(*states.shape[:2], self.heads, self.head_width).transpose(1, 2)


class InThree(torch.nn.Module):
    """A layer for queries, keys and values as one for each: what they give need not be cut up."""

    def __init__(self, joined: torch.nn.Linear) -> None:
        super().__init__()
        n, has_bias = len(joined.weight) // 3, joined.bias is not None
        self.parts = torch.nn.ModuleList()
        for i in range(0, 3 * n, n):
            part = torch.nn.Linear(joined.in_features, n, bias=has_bias)
            part.load_state_dict({k: v[i : i + n] for k, v in joined.state_dict().items()})
            self.parts.append(part)

    def forward(self, states: torch.Tensor) -> list[torch.Tensor]:
        """states (b, l, width) -> three of that shape."""
        return [part(states) for part in self.parts]
