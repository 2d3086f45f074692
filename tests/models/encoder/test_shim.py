"""The encoder's step with an optimizer."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch
from spacy_transformers.data_classes import HFObjects
from thinc.api import Adam

from spacy_bioner.models.encoder.shim import EncoderShim
from spacy_bioner.training.layerwise_adam import build_layerwise_adam


def shim_of(module: torch.nn.Module) -> EncoderShim:
    shim = EncoderShim(HFObjects(None, None, None, {}, {}), "float32")
    shim._model = module
    return shim


def give_gradients(module: torch.nn.Module) -> None:
    module.weight.grad = torch.full((2, 3), 0.5)  # type: ignore[union-attr]
    module.bias.grad = None  # type: ignore[union-attr]


@pytest.mark.parametrize("in_place", [True, False])
def test_a_step_sets_weights_and_lets_go_of_gradients(in_place: bool) -> None:
    module = torch.nn.Linear(3, 2)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    give_gradients(module)

    def step(key: Any, weights: Any, gradient: Any) -> tuple[Any, Any]:
        assert key == (shim.id, "weight")
        if in_place:
            weights -= gradient
            return weights, gradient
        return weights - gradient, gradient

    shim = shim_of(module)
    shim.finish_update(step)
    assert torch.equal(module.weight, before["weight"] - 0.5)
    assert torch.equal(module.bias, before["bias"])
    assert module.weight.grad is None
    assert module.weight.requires_grad


def layerwise() -> Any:
    return build_layerwise_adam(0.01, groups={"all": {"pattern": "*"}})


@pytest.mark.parametrize("optimizer", [layerwise, lambda: Adam(0.01)])
def test_steps_leave_no_tensors_behind(optimizer: Any) -> None:
    module, step = torch.nn.Linear(3, 2), optimizer()
    shim = shim_of(module)
    counts = []
    for _ in range(30):
        give_gradients(module)
        shim.finish_update(step)
        step.step_schedules()
        counts.append(sum(isinstance(each, torch.Tensor) for each in gc.get_objects()))
    assert counts[-1] == counts[9]


@pytest.mark.parametrize(
    ("precision", "tiles", "larger"),
    [
        ("auto", True, True),
        ("auto", False, False),
        ("float32", True, False),
    ],
)
def test_buckets_are_larger_where_a_processor_multiplies_tiles(
    precision: str, tiles: bool, larger: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = frozenset({"avx512_bf16", "amx_bf16"} if tiles else {"avx512_bf16"})
    monkeypatch.setattr("spacy_bioner.networks.bfloat16.cpu_flags", lambda: flags)
    shim = shim_of(torch.nn.Linear(3, 2))
    shim.precision = precision
    sizes = shim.bucket_sizes
    assert (sizes.largest > 1024, sizes.overhead > 32) == (larger, larger)
    assert sizes.few_shapes


def test_onnxruntime_needs_no_few_shapes() -> None:
    shim = shim_of(torch.nn.Linear(3, 2))
    shim.precision = "int8"
    assert not shim.bucket_sizes.few_shapes
