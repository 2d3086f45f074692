"""How long an input an encoder takes."""

from __future__ import annotations

from typing import Any

# Their position embeddings begin after that of the padding.
_OFFSET = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "longformer", "mpnet"}
_UNLIMITED = 10**6  # what tokenizers say that know no limit is far above


def encoder_limit(config: Any, tokenizer_limit: int | None) -> int | None:
    """Wordpieces that an encoder takes, special ones among them; None if it does not say."""
    limits = []
    positions = getattr(config, "max_position_embeddings", None)
    if positions and positions > 0:
        offset = (config.pad_token_id or 0) + 1 if config.model_type in _OFFSET else 0
        limits.append(positions - offset)
    if tokenizer_limit and tokenizer_limit < _UNLIMITED:
        limits.append(tokenizer_limit)
    return min(limits) if limits else None
