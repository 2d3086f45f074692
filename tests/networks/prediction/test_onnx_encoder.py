"""Which session of onnxruntime runs an encoder: one for each thread that runs it at once."""

from __future__ import annotations

import copy
import hashlib
import multiprocessing
import os
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import torch
from transformers import PretrainedConfig

from spacy_bioner.errors import EncoderError
from spacy_bioner.networks.prediction import onnx_encoder
from spacy_bioner.networks.prediction.onnx_encoder import OnnxEncoder

FILE = b"stands for a model"
IDS = torch.ones(2, 3, dtype=torch.int64)


class Session:
    """Gives the ids back as floats, once as many threads as `together` says are in such."""

    def __init__(self, together: Barrier) -> None:
        self.together, self.threads, self.most = together, 0, 0

    def run(self, _: None, inputs: dict[str, Any]) -> list[Any]:
        self.threads += 1
        self.most = max(self.most, self.threads)
        self.together.wait(timeout=20)
        self.threads -= 1
        return [inputs["input_ids"].astype("float32")]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Session]:
    """The sessions that were opened, the first two of which wait for each other."""
    sessions: list[Session] = []

    def open_session(file: bytes, made_with: str) -> Session:
        assert file == FILE
        sessions.append(Session(together))
        return sessions[-1]

    together = Barrier(2)
    monkeypatch.setattr(onnx_encoder, "open_session", open_session)
    return sessions


@pytest.fixture
def encoder(opened: list[Session]) -> OnnxEncoder:
    made = {"sha256": hashlib.sha256(FILE).hexdigest(), "onnxruntime": "1"}
    encoder = OnnxEncoder.from_config(PretrainedConfig(onnx=made))
    encoder.load_state_dict({"file": torch.frombuffer(bytearray(FILE), dtype=torch.uint8)})
    return encoder


def test_it_is_for_a_cpu() -> None:
    encoder = OnnxEncoder.from_config(PretrainedConfig(onnx={"sha256": "", "onnxruntime": "1"}))
    with pytest.raises(EncoderError, match="int8 for a CPU, and spaCy is set to use a GPU"):
        encoder.load_state_dict({"file": torch.zeros(3, dtype=torch.uint8, device="meta")})


def test_threads_at_once_have_a_session_each(encoder: OnnxEncoder, opened: list[Session]) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            outputs = list(pool.map(lambda _: encoder(IDS, IDS).last_hidden_state, range(2)))
            assert all(torch.equal(output, IDS.float()) for output in outputs)
    # one was open, and both were used again
    assert [session.most for session in opened] == [1, 1]


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("copied", [False, True])
def test_threads_share_sessions_of_a_large_file(
    most: int, copied: bool, encoder: OnnxEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Session] = []

    def open_slowly(file: bytes, made_with: str) -> Session:
        time.sleep(0.02)  # so that all threads come before the first is open
        opened.append(Session(Barrier(1)))
        return opened[-1]

    monkeypatch.setattr(onnx_encoder, "open_session", open_slowly)
    monkeypatch.setattr(onnx_encoder, "_MOST_BYTES", (most + 1) * len(FILE) - 1)
    used = copy.deepcopy(encoder) if copied else encoder
    if not copied:
        used.load_state_dict({"file": used.file})
    with ThreadPoolExecutor(8) as pool:
        outputs = list(pool.map(lambda _: used(IDS, IDS).last_hidden_state, range(40)))
    assert all(torch.equal(output, IDS.float()) for output in outputs)
    assert 1 <= len(opened) <= most


def test_it_is_pickled_without_sessions(encoder: OnnxEncoder) -> None:
    read = pickle.loads(pickle.dumps(encoder))
    assert torch.equal(read.file, encoder.file)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: read(IDS, IDS), range(2)))


def test_a_session_does_not_outlive_a_fork(
    encoder: OnnxEncoder, opened: list[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: before + 1)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: encoder(IDS, IDS), range(2)))
    assert [session.most for session in opened] == [0, 1, 1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_does_not_wait_for_a_thread_that_is_opening(
    encoder: OnnxEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_encoder, "open_session", lambda *_: Session(Barrier(1)))
    context = multiprocessing.get_context("fork")
    process = context.Process(target=encoder, args=(IDS, IDS), daemon=True)
    with onnx_encoder._LOCK:
        process.start()
    process.join(timeout=20)
    exit_code = process.exitcode
    process.kill()
    assert exit_code == 0
