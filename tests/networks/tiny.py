"""Encoders of `transformers` so small that they are made in a moment."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModel

SIZE: dict[str, Any] = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "pad_token_id": 1,
}
MODERN = {**SIZE, "max_position_embeddings": 64, "reference_compile": False}


def encoder(config: Any) -> Any:
    """With weights that all matter, biases too."""
    torch.manual_seed(0)
    module = AutoModel.from_config(config).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return module
