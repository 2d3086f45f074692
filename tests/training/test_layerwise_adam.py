"""LayerwiseAdam against torch's AdamW with the same rates, and through thinc's models."""

from __future__ import annotations

from itertools import chain, repeat
from typing import Any

import numpy as np
import pytest
import torch
from spacy import registry
from thinc.api import Linear, PyTorchWrapper
from thinc.api import chain as layers

from spacy_bioner.errors import ConfigError
from spacy_bioner.training import layerwise_adam
from spacy_bioner.training.blocks import Depth
from spacy_bioner.training.layerwise_adam import LayerwiseAdam, build_layerwise_adam

# Rates and decays that each name should get with the settings of `optimizer_of`.
EXPECTED = {
    "embeddings.word_embeddings.weight": (1 / 1.2**3, 0.1),
    "embeddings.LayerNorm.weight": (1 / 1.2**3, 0.0),
    "encoder.layer.0.output.dense.weight": (1 / 1.2**2, 0.1),
    "encoder.layer.1.output.dense.bias": (1 / 1.2, 0.0),
    "W": (1.0, 0.1),
    "b": (1.0, 0.0),
    "crf_transitions": (30.0, 0.0),
}
GROUPS = {"crf": {"pattern": "crf_*", "rate_scale": 30.0, "weight_decay": 0.0}}
RATE = 0.01


def optimizer_of(**settings: Any) -> LayerwiseAdam:
    return build_layerwise_adam(**{"learn_rate": RATE, "weight_decay": 0.1, **settings})


def make_tensors(seed: int = 0, scale: float = 0.1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: (scale * rng.normal(size=(3, 4))).astype("float32") for name in EXPECTED}


class Oracle:
    """torch's AdamW with a group a parameter."""

    def __init__(self, weights: dict[str, np.ndarray], limit: float) -> None:
        self.parameters = {n: torch.nn.Parameter(torch.tensor(w)) for n, w in weights.items()}
        self.limit = limit
        self.torch = torch.optim.AdamW(
            [
                {"params": [p], "lr": RATE * EXPECTED[n][0], "weight_decay": EXPECTED[n][1]}
                for n, p in self.parameters.items()
            ],
            eps=1e-8,
        )

    def step(self, gradients: dict[str, np.ndarray], factor: float = 1.0) -> None:
        for group, (name, parameter) in zip(
            self.torch.param_groups, self.parameters.items(), strict=True
        ):
            parameter.grad = torch.tensor(gradients[name])
            if self.limit:
                torch.nn.utils.clip_grad_norm_([parameter], self.limit)
            group["lr"] = RATE * EXPECTED[name][0] * factor
        self.torch.step()


def update(
    optimizer: LayerwiseAdam, weights: dict[str, np.ndarray], gradients: dict[str, np.ndarray]
) -> None:
    for name, values in weights.items():
        returned, gradient = optimizer((7, name), values, gradients[name])
        assert returned is values
        assert gradient is gradients[name]
        assert gradient.any() == ("." in name)


@pytest.mark.parametrize("steps_schedules", [True, False])
@pytest.mark.parametrize("grad_clip", [0.0, 0.3])
def test_updates_equal_torch_adamw(steps_schedules: bool, grad_clip: float) -> None:
    weights = make_tensors()
    oracle = Oracle(weights, grad_clip)
    optimizer = optimizer_of(groups=GROUPS, grad_clip=grad_clip)
    for step in range(20):
        gradients = make_tensors(seed=1 + step)
        oracle.step(gradients)
        update(optimizer, weights, gradients)
        if steps_schedules:
            optimizer.step_schedules()
        if steps_schedules or step:
            for name, parameter in oracle.parameters.items():
                found, wanted = weights[name], parameter.detach().numpy()
                np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=2e-6, err_msg=name)


def test_rate_follows_a_schedule() -> None:
    weights = make_tensors()
    oracle = Oracle(weights, 0.0)
    factors = [0.1, 1.0, 0.5]
    rates = chain((RATE * factor for factor in factors), repeat(0.0))
    optimizer = optimizer_of(learn_rate=rates, groups=GROUPS, grad_clip=0.0)
    for step, factor in enumerate(factors):
        gradients = make_tensors(seed=1 + step)
        oracle.step(gradients, factor)
        update(optimizer, weights, gradients)
        optimizer.step_schedules()
    for name, parameter in oracle.parameters.items():
        np.testing.assert_allclose(
            weights[name], parameter.detach().numpy(), rtol=1e-4, atol=2e-6, err_msg=name
        )


def test_first_update_waits_until_all_layers_are_seen() -> None:
    weights = make_tensors()
    before = {name: values.copy() for name, values in weights.items()}
    optimizer = optimizer_of()
    update(optimizer, weights, make_tensors(seed=1))
    assert all((weights[name] == before[name]).all() for name in weights)
    optimizer.step_schedules()
    assert all((weights[name] != before[name]).any() for name in weights)


def test_learning_rate_scale_of_a_call_counts_for_the_first_update_too() -> None:
    weights, gradient = np.zeros(2, dtype="float32"), np.ones(2, dtype="float32")
    optimizer = optimizer_of(grad_clip=0.0)
    optimizer((1, "W"), weights, gradient, lr_scale=0.5)
    optimizer.step_schedules()
    np.testing.assert_allclose(weights, -0.5 * RATE, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "decays"),
    [
        ("encoder.layer.0.attention.self.query.weight", True),
        ("encoder.layer.0.attention.self.query.bias", False),
        ("encoder.layer.0.attention.self.q_bias", False),
        ("encoder.layers.0.self_attn_layer_norm.weight", False),
        ("encoder.layernorm_embedding.weight", False),
        ("layers.2.attn_norm.weight", False),
        ("final_norm.weight", False),
        ("encoder.layer.0.output.LayerNorm.weight", False),
        ("weight_ih_l0", True),
        ("bias_ih_l0_reverse", False),
        ("bias", False),
        ("W", True),
        ("b", False),
        ("G", False),
    ],
)
def test_biases_and_norms_do_not_decay(name: str, decays: bool) -> None:
    optimizer = optimizer_of()
    optimizer((1, name), np.ones((1, 1), "float32"), np.ones((1, 1), "float32"))
    optimizer.step_schedules()
    assert optimizer._settings[1, name][1] == (0.1 if decays else 0.0)


def test_decay_below_one_grows_toward_the_input() -> None:
    optimizer = optimizer_of(layer_decay=0.5)
    steps = {}
    for name in EXPECTED:
        steps[name] = np.zeros((2, 2), "float32")
        optimizer((1, name), steps[name], np.ones((2, 2), "float32"))
    optimizer.step_schedules()
    moved = {name: -values[0, 0] for name, values in steps.items()}
    assert moved["embeddings.word_embeddings.weight"] == pytest.approx(RATE * 8, rel=1e-4)
    assert moved["encoder.layer.0.output.dense.weight"] == pytest.approx(RATE * 4, rel=1e-4)
    assert moved["W"] == pytest.approx(RATE, rel=1e-4)


def test_group_gives_unknown_names_a_rate_and_scales_known_ones() -> None:
    names = ["encoder.albert_layer_groups.0.weight", "encoder.layer.0.dense.weight"]
    optimizer = optimizer_of(groups={"all": {"pattern": "encoder.*", "rate_scale": 3.0}})
    moved = []
    for name in names:
        weights = np.zeros((1, 1), "float32")
        optimizer((1, name), weights, np.ones((1, 1), "float32"))
        moved.append(weights)
    optimizer.step_schedules()
    assert [-m.item() for m in moved] == pytest.approx([3 * RATE, 3 * RATE / 1.2], rel=1e-4)


def test_biases_and_norms_do_not_decay_in_a_group_that_does() -> None:
    optimizer = optimizer_of(groups={"all": {"pattern": "*", "weight_decay": 0.3}})
    depth = Depth.of(EXPECTED)
    decay = {name: optimizer.settings(name, depth)[1] for name in EXPECTED}
    assert decay == {
        name: pytest.approx(0.3) if decays or name.startswith("crf_") else 0.0
        for name, (_, decays) in EXPECTED.items()
    }


def test_unknown_name_stops_the_first_update() -> None:
    optimizer = optimizer_of()
    weights, gradient = np.ones(1, "float32"), np.ones(1, "float32")
    optimizer((1, "encoder.albert_layer_groups.0.weight"), weights, gradient)
    with pytest.raises(ConfigError, match=r"encoder\.albert_layer_groups\.0\.weight"):
        optimizer.step_schedules()


def test_empty_parameter_is_left_alone() -> None:
    weights, gradient = np.zeros((0, 4), "float32"), np.zeros((0, 4), "float32")
    assert optimizer_of()((1, "W"), weights, gradient) == (weights, gradient)


def test_optimizer_comes_from_a_config() -> None:
    schedule = {
        "@schedules": "spacy_bioner.stepped_warmup_decay.v1",
        "warmup_rate": 0.1,
        "learn_rate": 0.4,
        "warmup_steps": 1,
        "decay_every": 1,
    }
    block = {
        "@optimizers": "spacy_bioner.LayerwiseAdam.v1",
        "learn_rate": schedule,
        "groups": GROUPS,
    }
    optimizer = registry.resolve({"optimizer": block})["optimizer"]
    assert isinstance(optimizer, LayerwiseAdam)
    assert optimizer.averages is None
    rates = []
    for _ in range(3):
        rates.append(optimizer.learn_rate)
        optimizer.step_schedules()
    assert rates == [0.1, 0.4, 0.2]
    group = optimizer.group_of("crf_start")
    assert group is not None
    assert (group.name, group.rate_scale) == ("crf", 30.0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"layer_decay": 0.0}, "layer_decay must be above 0, got 0.0"),
        ({"beta2": 1.0}, "below 1, got 0.9 and 1.0"),
        ({"grad_clip": -1.0}, "grad_clip must not be below 0, got -1.0"),
        ({"eps": 0.0}, "eps must be above 0, got 0.0"),
        ({"weight_decay": float("nan")}, "weight_decay must not be below 0, got nan"),
        ({"learn_rate": -1.0}, "learn_rate must not be below 0, got -1.0"),
        ({"groups": {"crf": {"rate_scale": 2.0}}}, r"groups.crf\].*needs a pattern"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        optimizer_of(**wrong)


class TinyTransformer(torch.nn.Module):
    """Names as a one-layer BERT's."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = torch.nn.ModuleDict({"dense": torch.nn.Linear(3, 4)})
        self.encoder = torch.nn.ModuleDict(
            {"layer": torch.nn.ModuleList([torch.nn.ModuleDict({"dense": torch.nn.Linear(4, 4)})])}
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = self.embeddings["dense"](inputs).tanh()
        return self.encoder["layer"][0]["dense"](hidden)


@pytest.mark.parametrize("steps_schedules", [True, False])
def test_torch_weights_inside_a_thinc_model_learn(steps_schedules: bool) -> None:
    torch.manual_seed(0)
    module = TinyTransformer()
    model = layers(PyTorchWrapper(module), Linear(2, 4))
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(16, 3)).astype("float32")
    wanted = rng.normal(size=(16, 2)).astype("float32")
    model.initialize(X=inputs[:1], Y=wanted[:1])
    before = {name: values.detach().clone() for name, values in module.named_parameters()}
    optimizer, losses = optimizer_of(weight_decay=0.0), []
    for _ in range(60):
        outputs, backprop = model.begin_update(inputs)
        losses.append(float(((outputs - wanted) ** 2).sum()))
        backprop(outputs - wanted)
        model.finish_update(optimizer)
        if steps_schedules:
            optimizer.step_schedules()
    assert losses[-1] < 0.7 * losses[0]
    for name, values in module.named_parameters():
        assert (values != before[name]).any(), name
        assert not values.grad.any()


def test_memory_is_given_back_every_fifty_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(layerwise_adam, "give_back_memory", lambda: calls.append(len(calls)))
    optimizer = optimizer_of()
    for update in range(1, 101):
        optimizer.step_schedules()
        assert len(calls) == update // 50
