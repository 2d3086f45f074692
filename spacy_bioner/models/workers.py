"""Who works on which core: the threads of a process, and the processes of `nlp.pipe`."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier, Lock
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")
_LOCK = Lock()


def leave_cores_to_others() -> None:
    """In a process that another one started, one thread: its siblings take the other cores.

    The environment's OMP_NUM_THREADS, where it is set, is left in force, save after a fork (see
    `spacy_bioner.models`).
    """
    is_worker = multiprocessing.parent_process() is not None
    if is_worker and "OMP_NUM_THREADS" not in os.environ and torch.get_num_threads() > 1:
        torch.set_num_threads(1)


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
