"""Runs of a grid, those that are not done yet: here, in several processes, or on Ray."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from spacy_bioner.errors import ConfigError
from spacy_bioner.experiments.run import Outcome, Run, execute, fail

Report = Callable[[Run, Outcome], None]
_PART = ".part"
_KILLED = "The process that trained was killed, perhaps for want of memory.\n"


def run_all(
    runs: Sequence[Run],
    *,
    jobs: int = 1,
    ray: str | None = None,
    report: Report = lambda run, outcome: None,
) -> dict[str, Outcome]:
    """Execute the runs that are not done, and tell of each as it ends.

    jobs: processes; 1 for this one. ray: the address of a cluster, "local" for one on this
    machine with as many workers as jobs; None for no Ray. A run that failed before is tried again.
    Returns the outcome of each run by its folder. Raises ConfigError if Ray is missing.
    """
    clean([Path(run.folder) for run in runs])
    outcomes: dict[str, Outcome] = {run.folder: "done" for run in runs if run.is_done}
    waiting = [run for run in runs if not run.is_done]
    if not waiting:
        return outcomes
    if ray is not None:
        results = _on_ray(waiting, jobs, ray)
    elif jobs > 1:
        results = _in_processes(waiting, jobs)
    else:
        results = ((run, execute(run)) for run in waiting)
    for run, outcome in results:
        outcomes[run.folder] = outcome
        report(run, outcome)
    return outcomes


def _in_processes(runs: Sequence[Run], jobs: int) -> Iterator[tuple[Run, Outcome]]:
    """With a process that is killed its pool is lost: what is left is run in half as many.

    Of one process it is known which run it had: that has failed, and the next has its turn.
    """
    left = list(runs)
    while left:
        done = []
        for run, outcome in _in_one_pool(left, jobs):
            done.append(run)
            yield run, outcome
        left = [run for run in left if run not in done]
        if left and jobs == 1:
            fail(left[0], _KILLED)
            yield left.pop(0), "failed"
        jobs = max(1, jobs // 2)


def _in_one_pool(runs: Sequence[Run], jobs: int) -> Iterator[tuple[Run, Outcome]]:
    """The outcomes of those runs that end before a process of the pool is killed."""
    with _pool(jobs, runs[0].threads) as pool:
        futures = {pool.submit(execute, run): run for run in runs}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            return
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _pool(jobs: int, threads: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, context, _take_threads, (str(threads),))


def _take_threads(number: str) -> None:
    """In a process of its own: prediction in such a one has one thread where this is not said."""
    os.environ["OMP_NUM_THREADS"] = number


def _on_ray(runs: Sequence[Run], jobs: int, address: str) -> Iterator[tuple[Run, Outcome]]:
    try:
        import ray
    except ImportError:
        raise ConfigError("Ray is not installed: pip install 'spacy_bioner[ray]'") from None
    if address == "local":
        ray.init(address="local", num_cpus=jobs, include_dashboard=False, log_to_driver=False)
    else:
        ray.init(address=address, log_to_driver=False)
    try:
        task = ray.remote(execute)
        gpus = 1 if runs[0].gpu >= 0 else 0
        waiting = {task.options(num_gpus=gpus).remote(run): run for run in runs}
        while waiting:
            (ready,), _ = ray.wait(list(waiting), num_returns=1)
            run = waiting.pop(ready)
            try:
                yield run, ray.get(ready)
            except ray.exceptions.RayError as error:
                fail(run, f"{error}\n")
                yield run, "failed"
    finally:
        ray.shutdown()


def clean(folders: Sequence[Path]) -> None:
    """Remove what runs left that were killed on this machine."""
    host = socket.gethostname()
    for parent in {folder.parent for folder in folders}:
        for part in parent.glob(f".*.{host}.*{_PART}"):
            if not _is_alive(int(part.name.removesuffix(_PART).rsplit(".", 1)[1])):
                shutil.rmtree(part, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
