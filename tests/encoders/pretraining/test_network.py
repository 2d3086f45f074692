"""The encoder's form of its own, in the place of that of `transformers`."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForMaskedLM, BertConfig, ModernBertConfig, RobertaConfig

from spacy_bioner.encoders.pretraining import network
from spacy_bioner.encoders.pretraining.network import MaskedLoss
from spacy_bioner.networks.training import form
from tests.networks import tiny

CONFIGS: dict[str, Any] = {
    "BERT": lambda **dropout: BertConfig(**tiny.SIZE, **dropout),
    "RoBERTa": lambda **dropout: RobertaConfig(**tiny.SIZE, **dropout),
    "ModernBERT": lambda **dropout: ModernBertConfig(**tiny.MODERN, **dropout),
    "of no form here": lambda **dropout: BertConfig(**tiny.SIZE, **dropout, hidden_act="relu"),
}
NO_DROPOUT = {"attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": 0.0}


def masked_loss(kind: str, **dropout: float) -> MaskedLoss:
    torch.manual_seed(0)
    return MaskedLoss(AutoModelForMaskedLM.from_config(CONFIGS[kind](**dropout)).train())


def blocks() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randint(2, 60, (3, 16), generator=draw)
    positions = torch.stack([torch.randperm(16, generator=draw)[:4] for _ in range(3)])
    return inputs, positions, torch.randint(2, 60, (3, 4), generator=draw)


@pytest.mark.parametrize("kind", CONFIGS)
def test_loss_and_gradients_are_those_of_transformers(kind: str) -> None:
    loss, given = masked_loss(kind, **({} if kind == "ModernBERT" else NO_DROPOUT)), blocks()
    found, right = loss(*given)
    found.backward()
    gradients = {name: p.grad.clone() for name, p in loss.named_parameters() if p.grad is not None}
    loss.zero_grad()
    loss.eval()  # the network of transformers
    expected, expected_right = loss(*given)
    expected.backward()
    assert found.item() == pytest.approx(expected.item(), abs=1e-5)
    assert right == expected_right
    assert gradients.keys() == {n for n, p in loss.named_parameters() if p.grad is not None}
    for name, gradient in gradients.items():
        wanted = loss.get_parameter(name).grad
        torch.testing.assert_close(gradient, wanted, atol=1e-5, rtol=1e-4, msg=name)


def test_the_form_is_taken_in_training_of_short_blocks_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(form, "form_of", lambda config: asked.append(config))
    loss, given = masked_loss("BERT"), blocks()
    loss(*given)
    assert asked == [loss.trunk.config]
    loss.eval()
    loss(*given)
    loss.train()
    monkeypatch.setattr(network, "LONGEST_BLOCK", given[0].shape[1] - 1)
    loss(*given)
    assert len(asked) == 1


def test_bfloat16_is_close() -> None:
    loss, given = masked_loss("ModernBERT"), blocks()
    exact, _ = loss(*given)
    with torch.autocast("cpu", torch.bfloat16):
        found, _ = loss(*given)
    assert found.item() != exact.item()
    assert found.item() == pytest.approx(exact.item(), rel=0.01)


def test_torch_s_seed_decides_what_is_dropped() -> None:
    loss, found = masked_loss("BERT", hidden_dropout_prob=0.3), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(loss(*blocks())[0].item())
    assert found[0] == found[1] != found[2]
