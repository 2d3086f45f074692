"""Which devices multiply bfloat16 faster than float32."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch

_CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # x86, x86, ARM


def has_fast_bfloat16(device_type: str) -> bool:
    """Whether a device multiplies bfloat16 faster than float32, by what it says of itself."""
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device_type == "cpu" and bool(_CPU_FLAGS & cpu_flags())


def multiplies_tiles(device_type: str) -> bool:
    """Whether a processor multiplies whole tiles of bfloat16 at a time (Intel's AMX)."""
    return device_type == "cpu" and "amx_bf16" in cpu_flags()


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
