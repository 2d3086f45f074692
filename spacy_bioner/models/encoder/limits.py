"""How long an input an encoder takes, and whether a window fits into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoConfig

from spacy_bioner.errors import ConfigError
from spacy_bioner.networks.limit import encoder_limit


def check_window(window: int, overlap: int) -> None:
    """Raises ConfigError for a window that holds nothing, or an overlap as large as it."""
    if window < 8:
        raise ConfigError(f"window = {window} wordpieces is too small: use at least 8")
    if not 0 <= overlap <= window // 2:
        raise ConfigError(
            f"overlap = {overlap} must be from 0 to half of window = {window}: the same text "
            "would be read more than twice"
        )


def check_fits(window: int, config: Any, tokenizer_limit: int | None) -> None:
    """Raises ConfigError if a window is longer than what the encoder takes, or may be.

    config: the encoder's; tokenizer_limit: what tokenizer_config or the tokenizer says.
    """
    limit = encoder_limit(config, tokenizer_limit)
    if limit is None:
        raise ConfigError(
            f"the encoder ({getattr(config, 'model_type', 'unknown')}) does not say how long its "
            f"input may be, so window = {window} cannot be checked: set "
            "tokenizer_config.model_max_length to the wordpieces that it takes"
        )
    if window > limit:
        raise ConfigError(
            f"window = {window} wordpieces, but the encoder takes {limit} at most: "
            f"set window = {limit} or less"
        )


def check_directory(name: str, window: int, tokenizer_config: dict[str, Any]) -> None:
    """Checks the window against an encoder in a local directory, without loading it.

    A bare name is not looked for: saved pipelines have such a one, of an encoder that they hold
    themselves, and another may stand in the directory that they are loaded from.
    """
    if Path(name).name != name and (Path(name) / "config.json").is_file():
        config = AutoConfig.from_pretrained(name)
        check_fits(window, config, tokenizer_config.get("model_max_length"))
