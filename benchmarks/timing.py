"""Times of two things in one run: the ratio is what a noisy machine still tells."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median

import torch


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def ratio(
    theirs: Callable[[], object], ours: Callable[[], object], repeats: int
) -> tuple[float, float]:
    """Median of (time of theirs / time of ours), timed in turn, and the median time of ours."""
    theirs(), ours()
    pairs = [(seconds(theirs), seconds(ours)) for _ in range(repeats)]
    return median(a / b for a, b in pairs), median(b for _, b in pairs)


def use_threads(count: int) -> None:
    """So many for torch, in a process that another one started, too.

    There our encoder would leave the cores to others if the environment did not say so.
    """
    os.environ["OMP_NUM_THREADS"] = str(count)
    torch.set_num_threads(count)
