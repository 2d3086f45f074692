"""The heap between updates: what is free goes back, whatever small things lie around it."""

from __future__ import annotations

import ctypes
import multiprocessing
import sys
from pathlib import Path

import numpy as np
import pytest

from spacy_bioner.training.heap import give_back_memory

BLOCKS, SIZE = 1500, 100_000


def resident_bytes() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def given_back() -> int:
    """Free every other block of a heap that nothing else was on, and return what went back."""
    large, small = [], []
    for _ in range(BLOCKS):
        large.append(np.ones(SIZE, dtype=np.uint8))
        small.append(np.ones(2000, dtype=np.uint8))  # keeps what is before it from the heap's end
    del large
    before = resident_bytes()
    give_back_memory()
    assert all(block.all() for block in small)
    return before - resident_bytes()


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="only glibc gives back memory when it is asked to",
)
def test_free_blocks_between_used_ones_are_given_back() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(given_back) > BLOCKS * SIZE / 2


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    from spacy_bioner.training import heap

    monkeypatch.setattr(heap.sys, "platform", "win32")
    heap._malloc_trim.cache_clear()
    give_back_memory()
    assert heap._malloc_trim() is None
    heap._malloc_trim.cache_clear()
