"""A step's work in parts, and shared among threads."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, ModernBertConfig

from spacy_bioner.encoders.pretraining import trainer as trainer_module
from spacy_bioner.encoders.pretraining.blocks import BlockReader
from spacy_bioner.encoders.pretraining.checkpoint import RunFolder
from spacy_bioner.encoders.pretraining.masking import Masking
from spacy_bioner.encoders.pretraining.network import MaskedLoss
from spacy_bioner.encoders.pretraining.settings import PretrainingSettings
from spacy_bioner.encoders.pretraining.tokens import TokenStream
from spacy_bioner.encoders.pretraining.trainer import Trainer
from spacy_bioner.errors import EncoderError
from spacy_bioner.rawtext.shards import Shard
from tests.networks import tiny

BLOCKS = 7
MASKING = Masking(0.3, 1.5, 4, 60, frozenset({0, 1, 2, 3}))


class Step(Trainer):
    """A trainer of a tiny network, and the gradients of its first step, by name."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        torch.manual_seed(0)
        dropout = {"embedding_dropout": changes.get("dropout", 0.0)}
        config = ModernBertConfig(**{**tiny.MODERN, **dropout})
        model = AutoModelForMaskedLM.from_config(config)
        self.network = MaskedLoss(model.train())
        values = np.random.default_rng(0).integers(5, 60, 8000).astype(np.uint32)
        stream = TokenStream(Shard(folder / "text.txt", 1.0), values)
        given = {"steps": 3, "length": 16, "batch_size": BLOCKS, "precision": "float32"}
        settings = PretrainingSettings(**{**given, **changes})
        reader = BlockReader([stream], settings.length, 2, 3, seed=0)
        device = torch.device("cpu")
        super().__init__(self.network, reader, MASKING, RunFolder(folder, {}), settings, device)

    def gradients(self) -> tuple[float, dict[str, torch.Tensor]]:
        loss = self._find_gradients(self._masked(0))
        named = self.network.named_parameters()
        return loss, {name: p.grad for name, p in named if p.grad is not None}


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Into how many pieces each part was divided that threads shared."""
    counts: list[int] = []
    own = trainer_module.on_threads

    def count(function: Any, items: Any) -> Any:
        counts.append(len(items))
        return own(function, items)

    monkeypatch.setattr(trainer_module, "on_threads", count)
    return counts


def assert_same(found: tuple[float, Any], expected: tuple[float, Any], tolerance: float) -> None:
    assert found[0] == pytest.approx(expected[0], rel=tolerance)
    assert found[1].keys() == expected[1].keys()
    for name, gradient in expected[1].items():
        distance = (found[1][name] - gradient).norm() / gradient.norm()
        assert distance < tolerance, name


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(
    ("changes", "pieces"),
    [
        ({}, [2]),
        ({"batch_size": 8, "accumulate": 2}, [2, 2]),
        ({"batch_size": 8, "accumulate": 8}, []),  # a part of one block is not shared
        ({"length": 300}, [2]),  # by the attention of transformers
    ],
)
def test_threads_and_parts_find_the_gradients_of_the_whole(
    tmp_path: Path, shared: list[int], changes: dict[str, Any], pieces: list[int]
) -> None:
    found = Step(tmp_path, **changes).gradients()
    assert shared == pieces
    torch.set_num_threads(1)
    assert_same(found, Step(tmp_path, **{**changes, "accumulate": 1}).gradients(), 1e-5)
    assert shared == pieces


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("length", [16, 300])
def test_threads_find_the_gradients_of_the_whole_in_bfloat16(
    tmp_path: Path, shared: list[int], length: int
) -> None:
    changes = {"length": length, "precision": "bfloat16"}
    found = Step(tmp_path, **changes).gradients()
    assert shared == [2]
    torch.set_num_threads(1)
    assert_same(found, Step(tmp_path, **changes).gradients(), 0.1)


@pytest.mark.usefixtures("two_threads")
def test_gradients_do_not_depend_on_which_thread_is_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(3)
    _, expected = Step(tmp_path).gradients()
    own = Trainer._gradients

    def late(trainer: Trainer, piece: tuple[torch.Tensor, ...]) -> Any:
        time.sleep(0.1 * (len(piece[0]) == BLOCKS - 2 * (BLOCKS // 3)))  # the first has one more
        return own(trainer, piece)

    monkeypatch.setattr(Trainer, "_gradients", late)
    _, found = Step(tmp_path).gradients()
    assert all(torch.equal(found[name], gradient) for name, gradient in expected.items())


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("limited", [False, True])
def test_with_dropout_or_too_many_weights_nothing_is_shared(
    tmp_path: Path, shared: list[int], monkeypatch: pytest.MonkeyPatch, limited: bool
) -> None:
    if limited:
        monkeypatch.setattr(trainer_module, "_MOST_BYTES_OF_GRADIENTS", 1000)
    Step(tmp_path, dropout=0.0 if limited else 0.1).gradients()
    assert shared == []


def test_dropout_is_on_from_the_first_step_and_after_a_break(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {"length": 300, "dropout": 0.4, "steps": 4}

    def make(name: str, **changes: Any) -> Step:
        step = Step(tmp_path / name, **{**given, **changes})
        step.network.eval()  # as a model of a directory comes
        return step

    whole, without = make("whole"), make("without", dropout=0.0)
    whole.train()
    without.train()
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "evaluate", lambda _: 1 / 0)  # at step 2
        broken = make("broken", checkpoint_minutes=0, evaluate_every=2)
        with pytest.raises(ZeroDivisionError):
            broken.train()
    second = make("broken")
    second.train()
    assert all(map(torch.equal, second.network.parameters(), whole.network.parameters()))
    assert not all(map(torch.equal, without.network.parameters(), whole.network.parameters()))


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_rate_too_high_is_told_of_before_weights_are_spoilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    step = Step(tmp_path)
    before = [parameter.clone() for parameter in step.network.parameters()]
    own = Trainer._find_gradients

    def spoilt(trainer: Trainer, masked: Any) -> float:
        loss = own(trainer, masked)
        if what == "gradient":
            step._trained[0].grad[0] = torch.nan  # type: ignore[index]
        return float("nan") if what == "loss" else loss

    monkeypatch.setattr(Trainer, "_find_gradients", spoilt)
    with pytest.raises(EncoderError, match=r"at step 0 .* nan.*--fresh and a lower --learn-rate"):
        step.train()
    assert all(map(torch.equal, before, step.network.parameters()))


@pytest.mark.usefixtures("two_threads")
def test_a_run_that_threads_share_goes_on_as_if_unbroken(
    tmp_path: Path, shared: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Step(tmp_path / "whole", steps=9)
    whole.train()
    monkeypatch.setattr(Trainer, "evaluate", lambda _: 1 / 0)  # at step 5
    broken = Step(tmp_path / "broken", steps=9, checkpoint_minutes=0, evaluate_every=5)
    with pytest.raises(ZeroDivisionError):
        broken.train()
    monkeypatch.undo()
    second = Step(tmp_path / "broken", steps=9)
    second.train()
    assert set(shared) == {2}
    for one, other in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)
