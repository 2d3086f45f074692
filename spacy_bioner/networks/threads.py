"""Work that is shared among the threads of a process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier
from typing import TypeVar

import torch

from spacy_bioner.networks.process_lock import ProcessLock

Item = TypeVar("Item")
Result = TypeVar("Result")
_LOCK = ProcessLock()


def on_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Results in order, an item on each of torch's threads, where there are items enough.

    Threads that share one item wait for each other at every operation, and these do not.
    """
    threads = torch.get_num_threads()
    if threads == 1 or len(items) == 1 or 2 * len(items) < threads:
        return map(function, items)
    with _LOCK:
        pool = _pool(os.getpid(), threads)
    return pool.map(function, items)


@cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Of a process, as threads do not outlive a fork: threads on which torch uses one each."""
    pool = ThreadPoolExecutor(threads, "spacy_bioner", initializer=_use_one_thread)
    started = Barrier(threads + 1)
    for _ in range(threads):
        pool.submit(started.wait)
    started.wait()
    torch.set_num_threads(threads)  # torch gives new threads the number that was set last
    return pool


def _use_one_thread() -> None:
    torch.get_num_threads()  # what torch sets a thread to when it is first used, it sets now
    torch.set_num_threads(1)
