from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest
import torch

from spacy_bioner.models import workers
from spacy_bioner.models.workers import leave_cores_to_others
from tests.models.encoder.pipelines import SENTENCES
from tests.models.encoder.test_bucketed_transformer import on_bucketed
from tests.pipeline.pipelines import found_in, train


def threads_after(
    queue: multiprocessing.Queue[int], own: int, environment: dict[str, str], told: int | None
) -> None:
    """Puts the number of threads of a process whose own is `own`, asked twice, in the queue."""
    torch.set_num_threads(own)
    workers._DEFAULT = own
    os.environ.pop("OMP_NUM_THREADS", None)
    os.environ.update(environment)
    if told is not None:
        torch.set_num_threads(told)
    leave_cores_to_others()
    queue.put(torch.get_num_threads())
    torch.set_num_threads(own)
    leave_cores_to_others()
    queue.put(torch.get_num_threads())


@pytest.mark.parametrize(
    ("environment", "told", "threads"),
    [({}, None, 1), ({"OMP_NUM_THREADS": "2"}, None, 2), ({}, 3, 3)],
)
def test_a_worker_takes_one_thread_unless_told(
    environment: dict[str, str], told: int | None, threads: int
) -> None:
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[int] = context.Queue()
    worker = context.Process(target=threads_after, args=(queue, 2, environment, told))
    worker.start()
    assert [queue.get(timeout=60), queue.get(timeout=60)] == [threads, 2]
    worker.join()


@pytest.mark.usefixtures("two_threads")
def test_a_forked_process_has_one_thread_from_its_beginning() -> None:
    child = os.fork()
    if child == 0:
        os._exit(torch.get_num_threads())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_the_main_process_keeps_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    leave_cores_to_others()
    assert torch.get_num_threads() == before


@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_processes_find_what_one_finds(encoder: Path) -> None:
    nlp = train(on_bucketed(encoder))
    docs = nlp.pipe(SENTENCES, n_process=2, batch_size=20)
    assert [[(e.start, e.end, e.label_) for e in doc.ents] for doc in docs] == found_in(
        nlp, SENTENCES
    )
