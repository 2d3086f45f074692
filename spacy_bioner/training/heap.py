"""Memory that the C library keeps though nothing uses it, given back to the system."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache


def give_back_memory() -> None:
    """Return free pages of the heap to the system, where the C library can (glibc).

    glibc before 2.38 seldom uses an aligned block again that torch has freed, unless the next
    one is of the same size (https://sourceware.org/bugzilla/show_bug.cgi?id=14581): with
    batches of ever new lengths the heap grows by megabytes with each update.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
