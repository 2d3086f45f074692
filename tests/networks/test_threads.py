from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from spacy_bioner.networks import threads
from spacy_bioner.networks.threads import on_threads


@pytest.mark.usefixtures("two_threads")
def test_items_are_done_side_by_side_in_order_with_a_thread_of_torch_each() -> None:
    together = threading.Barrier(2)  # passed only if two are at work at once

    def square(number: int) -> tuple[int, int]:
        together.wait(timeout=60)
        return number**2, torch.get_num_threads()

    assert list(on_threads(square, [3, 1, 2, 4])) == [(9, 1), (1, 1), (4, 1), (16, 1)]
    assert torch.get_num_threads() == 2
    assert threads_of_a_new_thread() == 2


@pytest.mark.usefixtures("two_threads")
def test_a_single_item_has_all_threads() -> None:
    assert list(on_threads(lambda _: torch.get_num_threads(), [1])) == [2]


@pytest.mark.usefixtures("two_threads")
def test_an_error_side_by_side_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(on_threads(lambda number: 1 / number, [1, 0, 1]))


@pytest.mark.usefixtures("two_threads")
@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_a_forked_process_has_threads_of_its_own() -> None:
    assert list(on_threads(abs, [-1, -2])) == [1, 2]
    context = multiprocessing.get_context("fork")
    queue: multiprocessing.Queue[list[int]] = context.Queue()
    worker = context.Process(target=lambda: queue.put(list(on_threads(abs, [-3, -4]))))
    worker.start()
    assert queue.get(timeout=60) == [3, 4]
    worker.join()


@pytest.mark.usefixtures("two_threads")
@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_a_process_that_is_forked_while_threads_begin_does_not_wait_for_them() -> None:
    context = multiprocessing.get_context("fork")
    queue: multiprocessing.Queue[list[int]] = context.Queue()
    worker = context.Process(target=lambda: queue.put(list(on_threads(abs, [-3, -4]))))
    with threads._LOCK:
        worker.start()
    assert queue.get(timeout=60) == [3, 4]
    worker.join()


def threads_of_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()
