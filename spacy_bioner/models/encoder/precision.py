"""In which precision an encoder computes, and what the processor can do."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Sequence

import torch

from spacy_bioner.errors import ConfigError
from spacy_bioner.networks.bfloat16 import has_fast_bfloat16

FLOATS = ("auto", "float32", "bfloat16")
PRECISIONS = (*FLOATS, "int8")


def check_precision(precision: str, known: Sequence[str] = PRECISIONS) -> str:
    """Raises ConfigError for the name of no precision."""
    if precision not in known:
        raise ConfigError(f"unknown precision {precision!r}: use one of {list(known)}")
    return precision


def choose_precision(precision: str, device: torch.device) -> torch.dtype:
    """What `precision` means on a device; a warning where bfloat16 is asked for in vain."""
    if precision == "float32":
        return torch.float32
    if has_fast_bfloat16(device.type):
        return torch.bfloat16
    if precision == "bfloat16":
        warnings.warn(
            f'precision = "bfloat16": this {device.type} has no bfloat16 arithmetic '
            f"({platform.processor() or platform.machine()}), so float32 is used",
            stacklevel=2,
        )
    return torch.float32
