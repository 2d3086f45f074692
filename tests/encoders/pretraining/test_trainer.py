"""A step's work shared among threads, and in parts."""

from __future__ import annotations

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
from spacy_bioner.rawtext.shards import Shard
from tests.networks import tiny


def trained(folder: Path, **changes: Any) -> dict[str, torch.Tensor]:
    """Weights after three steps of five blocks."""
    torch.manual_seed(0)
    loss = MaskedLoss(AutoModelForMaskedLM.from_config(ModernBertConfig(**tiny.MODERN)).train())
    values = np.random.default_rng(0).integers(5, 60, 2000).astype(np.uint32)
    stream = TokenStream(Shard(folder / "text.txt", 1.0), values)
    settings = PretrainingSettings(
        **{"steps": 3, "length": 16, "batch_size": 5, "precision": "float32", **changes}
    )
    reader = BlockReader([stream], settings.length, 2, 3, seed=0)
    masking = Masking(0.3, 1.5, 4, 60, frozenset({0, 1, 2, 3}))
    run = RunFolder(folder, {})
    Trainer(loss, reader, masking, run, settings, torch.device("cpu")).train()
    return dict(loss.named_parameters())


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of parts of each step that threads shared."""
    counts: list[int] = []
    own = trainer_module.on_threads

    def count(function: Any, items: Any) -> Any:
        counts.append(len(items))
        return own(function, items)

    monkeypatch.setattr(trainer_module, "on_threads", count)
    return counts


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("accumulate", [1, 5])
def test_threads_share_a_step_and_change_no_weight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accumulate: int
) -> None:
    counts = counted(monkeypatch)
    shared = trained(tmp_path / "shared", accumulate=accumulate)
    assert counts == ([2, 2, 2] if accumulate == 1 else [])  # a part of one block is not shared
    torch.set_num_threads(1)
    alone = trained(tmp_path / "alone")
    for name, weights in alone.items():
        torch.testing.assert_close(shared[name], weights, atol=2e-5, rtol=1e-4, msg=name)


@pytest.mark.usefixtures("two_threads")
def test_shared_steps_can_be_repeated(tmp_path: Path) -> None:
    one, other = (trained(tmp_path / name, steps=10) for name in ("one", "other"))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.usefixtures("two_threads")
def test_with_dropout_a_step_is_not_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = counted(monkeypatch)
    trained(tmp_path, dropout=0.1)
    assert counts == []
