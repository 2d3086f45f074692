"""Processes that share the processor: those of `nlp.pipe(n_process=...)`."""

from __future__ import annotations

import multiprocessing
import os

import torch


def leave_cores_to_others() -> None:
    """In a process that another one started, one thread: its siblings take the other cores.

    After a fork torch's threads of the parent are gone, too, and to ask for several can
    hang. The environment's OMP_NUM_THREADS, where it is set, is left in force.
    """
    is_worker = multiprocessing.parent_process() is not None
    if is_worker and "OMP_NUM_THREADS" not in os.environ and torch.get_num_threads() > 1:
        torch.set_num_threads(1)
