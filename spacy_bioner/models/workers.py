"""Which cores the processes of `nlp.pipe` take."""

from __future__ import annotations

import multiprocessing
import os

import torch


def leave_cores_to_others() -> None:
    """In a process that another one started, one thread: its siblings take the other cores.

    The environment's OMP_NUM_THREADS, where it is set, is left in force, save after a fork (see
    `spacy_bioner.models`).
    """
    is_worker = multiprocessing.parent_process() is not None
    if is_worker and "OMP_NUM_THREADS" not in os.environ and torch.get_num_threads() > 1:
        torch.set_num_threads(1)
