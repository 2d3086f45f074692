"""Every parameter of the known architectures has a block, and BERT the paper's fourteen."""

from __future__ import annotations

from typing import Any

import pytest
from transformers import AutoConfig, AutoModel

from spacy_bioner.errors import ConfigError
from spacy_bioner.training.blocks import Block, Depth, block_of, distance_from_classifier
from spacy_bioner.training.layerwise_adam import build_layerwise_adam

TINY = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 16,
}
BART = {
    "vocab_size": 20,
    "d_model": 8,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 8,
    "decoder_ffn_dim": 8,
    "max_position_embeddings": 16,
}
# name of the architecture, settings beside the tiny ones, layers of encoder and decoder
ARCHITECTURES: list[tuple[str, dict[str, Any], Depth]] = [
    ("bert", {**TINY, "num_hidden_layers": 12}, Depth(12, 0)),
    ("roberta", {**TINY, "num_hidden_layers": 3}, Depth(3, 0)),
    ("xlm-roberta", {**TINY, "num_hidden_layers": 3}, Depth(3, 0)),
    ("modernbert", {**TINY, "num_hidden_layers": 3, "pad_token_id": 0}, Depth(3, 0)),
    ("electra", {**TINY, "num_hidden_layers": 3, "embedding_size": 4}, Depth(3, 0)),
    (
        "distilbert",
        {"vocab_size": 20, "dim": 8, "n_heads": 2, "n_layers": 3, "hidden_dim": 8},
        Depth(3, 0),
    ),
    (
        "deberta",
        {
            **TINY,
            "num_hidden_layers": 2,
            "relative_attention": True,
            "pos_att_type": ["c2p", "p2c"],
        },
        Depth(2, 0),
    ),
    (
        "deberta-v2",
        {
            **TINY,
            "num_hidden_layers": 2,
            "relative_attention": True,
            "pos_att_type": ["c2p", "p2c"],
            "norm_rel_ebd": "layer_norm",
            "conv_kernel_size": 3,
        },
        Depth(2, 0),
    ),
    ("bart", {**BART, "encoder_layers": 6, "decoder_layers": 6}, Depth(6, 6)),
    ("mbart", {**BART, "encoder_layers": 2, "decoder_layers": 2}, Depth(2, 2)),
]


def names_of(architecture: str, settings: dict[str, Any]) -> list[str]:
    model = AutoModel.from_config(AutoConfig.for_model(architecture, **settings))
    return [name for name, _ in model.named_parameters()]


@pytest.mark.parametrize(
    ("architecture", "settings", "depth"), ARCHITECTURES, ids=[a[0] for a in ARCHITECTURES]
)
def test_every_parameter_has_a_block(
    architecture: str, settings: dict[str, Any], depth: Depth
) -> None:
    names = names_of(architecture, settings)
    assert Depth.of(names) == depth
    blocks = {block_of(name, depth) for name in names}
    assert blocks == {
        Block("embeddings"),
        *(Block("encoder", layer) for layer in range(depth.encoder)),
        *(Block("decoder", layer) for layer in range(depth.decoder)),
    }
    distances = sorted(distance_from_classifier(block, depth) for block in blocks)
    assert distances == list(range(1, sum(depth) + 2))


@pytest.mark.parametrize("architecture", ["bert", "bart"])
def test_twelve_layers_have_the_fourteen_rates_of_the_paper(architecture: str) -> None:
    (settings,) = [s for name, s, _ in ARCHITECTURES if name == architecture]
    names = [*names_of(architecture, settings), "W", "crf_transitions"]
    optimizer = build_layerwise_adam(4e-5, layer_decay=1.2)
    depth = Depth.of(names)
    rates = {
        block_of(name, depth): optimizer.learn_rate * optimizer.settings(name, depth)[0]
        for name in names
    }
    by_distance = {distance_from_classifier(block, depth): rates[block] for block in rates}
    assert len(rates) == 14
    assert by_distance == {d: pytest.approx(4e-5 / 1.2**d, rel=1e-12) for d in range(14)}


def test_bart_decoder_is_nearer_to_the_classifier_than_its_encoder() -> None:
    depth = Depth(6, 6)
    tops = ["decoder.layers.5.", "decoder.layers.0.", "encoder.layers.5.", "encoder.layers.0."]
    names = [*(f"{top}fc1.weight" for top in tops), "shared.weight"]
    distances = [distance_from_classifier(block_of(name, depth), depth) for name in names]
    assert distances == [1, 6, 7, 12, 13]


@pytest.mark.parametrize("name", ["W", "b", "crf_start", "weight_ih_l0_reverse"])
def test_name_without_a_dot_is_the_classifiers(name: str) -> None:
    assert block_of(name, Depth(2, 0)) == Block("classifier")


def test_pooler_learns_as_the_last_layer() -> None:
    assert block_of("pooler.dense.weight", Depth(3, 0)) == Block("encoder", 2)


def test_unmatched_name_is_an_error_that_names_it() -> None:
    names = names_of("albert", {**TINY, "embedding_size": 4})
    (odd, *_) = [name for name in names if name.startswith("encoder.albert_layer_groups")]
    with pytest.raises(ConfigError, match=r"encoder\.albert_layer_groups") as error:
        block_of(odd, Depth.of(names))
    assert repr(odd) in str(error.value)
