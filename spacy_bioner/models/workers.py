"""Which cores the processes of `nlp.pipe` take."""

from __future__ import annotations

import multiprocessing
import os

import torch

_DEFAULT = torch.get_num_threads()
_settled = 0  # the process in which it was done


def leave_cores_to_others() -> None:
    """In a process that another one started, one thread: its siblings take the other cores.

    Done once a process, and only where the number of threads is torch's own: what a program
    sets holds. The environment's OMP_NUM_THREADS, where it is set, is left in force, save after
    a fork (see `spacy_bioner.models`).
    """
    global _settled
    if _settled == os.getpid():
        return
    _settled = os.getpid()
    is_worker = multiprocessing.parent_process() is not None
    if is_worker and "OMP_NUM_THREADS" not in os.environ and torch.get_num_threads() == _DEFAULT:
        torch.set_num_threads(1)
