from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForMaskedLM, BertConfig

from spacy_bioner.encoders.pretraining.network import MaskedLoss
from spacy_bioner.encoders.pretraining.optimizers import build_optimizers
from spacy_bioner.encoders.pretraining.settings import PretrainingSettings
from spacy_bioner.errors import EncoderError
from tests.networks import tiny

RATE = 0.01
LAYERS = tiny.SIZE["num_hidden_layers"]
has_muon = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")
Weights = dict[str, torch.Tensor]


def masked_loss(**changes: Any) -> MaskedLoss:
    torch.manual_seed(0)
    return MaskedLoss(AutoModelForMaskedLM.from_config(BertConfig(**{**tiny.SIZE, **changes})))


def matrices_of_muon(network: MaskedLoss) -> int:
    optimizers = build_optimizers(network, PretrainingSettings(steps=1, optimizer="muon"))
    return len(optimizers.state_dict()[1]["param_groups"][0]["params"])


def updated(optimizer: str, weight_decay: float = 0.0) -> tuple[Weights, Weights]:
    """Random gradients of all weights, and what the first step adds to each, by name."""
    network = masked_loss()
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    for parameter in network.parameters():
        parameter.grad = torch.randn_like(parameter)
        if parameter.ndim == 2:  # singular values from 0.1 to 1
            u, values, vh = torch.linalg.svd(parameter.grad, full_matrices=False)
            parameter.grad = u * torch.linspace(1, 0.1, len(values)) @ vh
    gradients = {n: p.grad for n, p in network.named_parameters() if p.grad is not None}
    settings = PretrainingSettings(steps=1, optimizer=optimizer, weight_decay=weight_decay)  # type: ignore[arg-type]
    optimizers = build_optimizers(network, settings)
    optimizers.step(RATE)
    assert optimizers.rate == RATE
    assert all(parameter.grad is None for parameter in network.parameters())
    return gradients, {n: p.detach() - before[n] for n, p in network.named_parameters()}


@has_muon
def test_muon_makes_updates_of_inner_matrices_orthogonal_and_leaves_the_rest_to_adamw() -> None:
    gradients, found = updated("muon")
    _, by_adamw = updated("adamw")
    inner = {n for n, update in found.items() if update.ndim == 2 and "embedding" not in n}
    assert "trunk.encoder.layer.0.attention.self.query.weight" in inner
    assert "head.predictions.transform.dense.weight" in inner
    assert not any("decoder" in name for name in inner)  # it is the table of the embeddings
    for name in inner:
        u, _, vh = torch.linalg.svd(gradients[name], full_matrices=False)
        size = RATE * 0.2 * max(found[name].shape) ** 0.5
        turned = u.T @ (found[name] / size) @ vh.T  # the update by the gradient's directions
        torch.testing.assert_close(turned, -torch.eye(len(turned)), atol=0.35, rtol=0, msg=name)
    for name in found.keys() - inner:
        torch.testing.assert_close(found[name], by_adamw[name], msg=name)


def test_the_first_step_of_adamw_moves_each_weight_by_the_rate() -> None:
    gradients, found = updated("adamw")
    for name, update in found.items():
        large = gradients[name].abs() > 1e-3  # beside which epsilon is nothing
        assert large.any()
        expected = -RATE * gradients[name].sign()
        torch.testing.assert_close(update[large], expected[large], rtol=0.02, atol=0, msg=name)


@has_muon
def test_matrices_decay_and_the_rest_does_not() -> None:
    start = {name: p.detach().clone() for name, p in masked_loss().named_parameters()}
    for optimizer in ("adamw", "muon"):
        _, free = updated(optimizer)
        _, decayed = updated(optimizer, weight_decay=0.5)
        for name, update in decayed.items():
            shrinks = -RATE * 0.5 * start[name] if update.ndim > 1 else torch.zeros(())
            expected = free[name] + shrinks
            torch.testing.assert_close(update, expected, atol=1e-6, rtol=1e-4, msg=name)


@has_muon
def test_a_matrix_as_long_as_the_vocabulary_is_an_inner_one() -> None:
    network = masked_loss(intermediate_size=tiny.SIZE["vocab_size"])
    assert matrices_of_muon(network) == 6 * LAYERS + 1


@has_muon
def test_an_untied_decoder_is_left_to_adamw() -> None:
    network = masked_loss(tie_word_embeddings=False)
    decoder = network.head.predictions.decoder.weight
    assert decoder is not network.trunk.get_input_embeddings().weight
    assert matrices_of_muon(network) == 6 * LAYERS + 1


def test_muon_is_refused_where_torch_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.optim, "Muon", raising=False)
    with pytest.raises(EncoderError, match=r"has no Muon.*--optimizer adamw"):
        updated("muon")
