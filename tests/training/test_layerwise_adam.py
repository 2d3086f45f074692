from __future__ import annotations

import fnmatch
import itertools

import numpy as np
import pytest
import torch
from spacy.util import registry
from thinc.api import PyTorchWrapper
from transformers import (
    AlbertConfig,
    AutoConfig,
    AutoModel,
    BartConfig,
    BertConfig,
    DebertaConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

from spacy_bioner.errors import ConfigError
from spacy_bioner.training.blocks import Block, Depth, block_of, distance_from_classifier
from spacy_bioner.training.layerwise_adam import NO_DECAY, build_layerwise_adam

SMALL = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 20}
CONFIGS = {
    "bert": BertConfig(num_hidden_layers=12, **SMALL),
    "roberta": RobertaConfig(num_hidden_layers=3, **SMALL),
    "xlm-roberta": XLMRobertaConfig(num_hidden_layers=3, **SMALL),
    "electra": ElectraConfig(num_hidden_layers=3, embedding_size=4, **SMALL),
    "deberta": DebertaConfig(
        num_hidden_layers=3, relative_attention=True, pos_att_type=["c2p", "p2c"], **SMALL
    ),
    "deberta-v2": DebertaV2Config(
        num_hidden_layers=3,
        relative_attention=True,
        norm_rel_ebd="layer_norm",
        conv_kernel_size=3,
        conv_act="gelu",
        **SMALL,
    ),
    "distilbert": DistilBertConfig(n_layers=3, dim=8, n_heads=2, hidden_dim=8, vocab_size=20),
    "bart": BartConfig(
        encoder_layers=6,
        decoder_layers=6,
        d_model=8,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=8,
        decoder_ffn_dim=8,
        vocab_size=20,
    ),
}
DEPTHS = {"bert": Depth(12, 0), "bart": Depth(6, 6)}
LR, K = 4e-5, 1.2


def names_of(config: AutoConfig) -> list[str]:
    return [name for name, _ in AutoModel.from_config(config).named_parameters()]


@pytest.mark.parametrize("name", CONFIGS)
def test_every_parameter_has_a_block(name):
    names = names_of(CONFIGS[name])
    depth = Depth.of(names)
    assert depth == DEPTHS.get(name, Depth(3, 0))
    distances = {distance_from_classifier(block_of(n, depth), depth) for n in names}
    layers = depth.encoder + depth.decoder
    assert distances == set(range(1, layers + 2))


def test_bert_of_12_layers_has_14_rates():
    depth = Depth(12, 0)
    optimizer = build_layerwise_adam(LR, layer_decay=K)
    rates = {
        (str(block_of(name, depth)), LR * optimizer.settings(name, depth)[0])
        for name in ["crf_transitions", "W", *names_of(CONFIGS["bert"])]
    }
    assert len(rates) == 14
    found = dict(rates)
    assert found["classifier"] == LR
    assert found["embeddings"] == pytest.approx(LR / K**13, rel=1e-12)
    for i in range(12):
        assert found[f"encoder layer {i}"] == pytest.approx(LR / K ** (12 - i), rel=1e-12)


def test_bart_decoder_is_nearer_to_the_classifier_than_its_encoder():
    depth = Depth(6, 6)
    assert distance_from_classifier(Block("decoder", 5), depth) == 1
    assert distance_from_classifier(Block("encoder", 5), depth) == 7


def test_parameter_of_unknown_architecture_is_named():
    config = AlbertConfig(num_hidden_layers=2, embedding_size=4, **SMALL)
    names = names_of(config)
    with pytest.raises(ConfigError, match=r"albert_layer_groups\.0"):
        [block_of(name, Depth.of(names)) for name in names if "groups" in name]


@pytest.mark.parametrize("name", CONFIGS)
def test_biases_and_norms_do_not_decay(name):
    for parameter in names_of(CONFIGS[name]):
        decays = not any(fnmatch.fnmatchcase(parameter, pattern) for pattern in NO_DECAY)
        part = parameter.lower().replace("_", "")
        plain = part.endswith("bias") or "norm" in part or "layernorm" in part
        assert decays != plain, parameter


class Parameters:
    """The same weights for our optimizer and for torch's."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        names = ["embeddings.x.weight", "encoder.layer.0.x.weight", "encoder.layer.1.x.bias", "W"]
        self.ours = {name: rng.normal(size=(3, 4)).astype("float32") for name in names}
        self.theirs = {n: torch.nn.Parameter(torch.tensor(v)) for n, v in self.ours.items()}
        scales = dict(zip(names, [K**-3, K**-2, K**-1, 1.0], strict=True))
        self.torch = torch.optim.AdamW(
            [
                {
                    "params": [parameter],
                    "lr": LR * scales[name],
                    "weight_decay": 0.0 if "bias" in name else 0.01,
                }
                for name, parameter in self.theirs.items()
            ]
        )

    def step(self, optimizer, gradients):
        for name, values in self.ours.items():
            gradient = gradients[name].copy()
            optimizer((1, name), values, gradient)
            assert not gradient.any()
            self.theirs[name].grad = torch.tensor(gradients[name])
        self.torch.step()


@pytest.mark.parametrize("steps_schedules", [True, False])
def test_updates_equal_those_of_torch_adamw(steps_schedules):
    rng = np.random.default_rng(1)
    parameters = Parameters()
    optimizer = build_layerwise_adam(LR, layer_decay=K, grad_clip=0.0)
    for _ in range(20):
        gradients = {n: rng.normal(size=(3, 4)).astype("float32") for n in parameters.ours}
        parameters.step(optimizer, gradients)
        if steps_schedules:
            optimizer.step_schedules()
    for name, values in parameters.ours.items():
        expected = parameters.theirs[name].detach().numpy()
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-7)


def test_gradient_is_clipped_to_its_norm():
    weights, clipped = (np.zeros(4, dtype="float32") for _ in range(2))
    small = build_layerwise_adam(1.0, grad_clip=0.0, eps=1.0, weight_decay=0.0)
    large = build_layerwise_adam(1.0, grad_clip=1.0, eps=1.0, weight_decay=0.0)
    for optimizer, values, size in ((small, weights, 0.5), (large, clipped, 50.0)):
        optimizer((1, "W"), values, np.full(4, size, dtype="float32"))
        optimizer.step_schedules()
    np.testing.assert_allclose(weights, clipped, rtol=1e-6)


def test_named_group_scales_rate_and_sets_decay():
    groups = {"crf": {"pattern": "crf_*", "rate_scale": 30.0, "weight_decay": 0.5}}
    optimizer = build_layerwise_adam(LR, groups=groups)
    assert optimizer.settings("crf_start", Depth(12, 0)) == (30.0, 0.5)
    assert optimizer.settings("W", Depth(12, 0)) == (1.0, 0.01)


def test_named_group_keeps_the_rate_of_its_block():
    groups = {"norms": {"pattern": "*LayerNorm*", "rate_scale": 2.0}}
    optimizer = build_layerwise_adam(LR, layer_decay=K, groups=groups)
    scale, _ = optimizer.settings("encoder.layer.11.output.LayerNorm.weight", Depth(12, 0))
    assert scale == pytest.approx(2.0 / K)


def test_learn_rate_follows_a_schedule():
    optimizer = build_layerwise_adam(itertools.count(1), weight_decay=0.0)
    rates = []
    for _ in range(3):
        rates.append(optimizer.learn_rate)
        optimizer.step_schedules()
    assert rates == [1, 2, 3]


def test_torch_layer_is_updated_through_thinc():
    module = torch.nn.Linear(3, 2)
    before = module.weight.detach().clone()
    model = PyTorchWrapper(module)
    output, backprop = model.begin_update(np.ones((4, 3), dtype="float32"))
    backprop(np.ones_like(output))
    optimizer = build_layerwise_adam(0.1)
    model.finish_update(optimizer)
    optimizer.step_schedules()
    assert (model.shims[0]._model.weight != before).all()


@pytest.mark.parametrize(
    "settings", [{"layer_decay": 0.0}, {"groups": {"a": {}}}, {"groups": {"a": {"rate": 1}}}]
)
def test_settings_that_cannot_work_are_refused(settings):
    with pytest.raises(ConfigError, match=r"\[training.optimizer"):
        build_layerwise_adam(LR, **settings)


def test_optimizer_is_found_by_its_registered_name():
    config = {"@optimizers": "spacy_bioner.LayerwiseAdam.v1", "learn_rate": 0.001}
    optimizer = registry.resolve({"optimizer": config})["optimizer"]
    assert optimizer.learn_rate == 0.001
    assert optimizer.averages is None
