"""In which precision an encoder computes, and what the processor can do."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch

from spacy_bioner.errors import ConfigError

FLOATS = ("auto", "float32", "bfloat16")
PRECISIONS = (*FLOATS, "int8")
_CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # x86, x86, ARM


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


def has_fast_bfloat16(device_type: str) -> bool:
    """Whether a device multiplies bfloat16 faster than float32, by what it says of itself."""
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device_type == "cpu" and bool(_CPU_FLAGS & cpu_flags())


@cache
def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The features that Linux lists for the processor; none elsewhere."""
    if not cpuinfo.exists():
        return frozenset()
    for line in cpuinfo.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()
