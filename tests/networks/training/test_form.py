"""An encoder's function, one bucket after the other, against that of `transformers`."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import BertConfig, ModernBertConfig, RobertaConfig

from spacy_bioner.networks.training.form import form_of
from tests.networks import tiny

CONFIGS: dict[str, Any] = {
    "BERT": BertConfig(**tiny.SIZE),
    "RoBERTa, one type": RobertaConfig(**tiny.SIZE, type_vocab_size=1),
    "ModernBERT": ModernBertConfig(**tiny.MODERN, global_attn_every_n_layers=2, local_attention=4),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_states_of_buckets_are_those_of_their_rows(name: str) -> None:
    config = CONFIGS[name]
    for rate in ("attention_probs_dropout_prob", "hidden_dropout_prob"):
        setattr(config, rate, 0.0)
    module, form = tiny.encoder(config), form_of(config)
    assert form is not None
    ids = [torch.randint(2, 60, shape) for shape in ((2, 9), (3, 5))]
    masks = [torch.ones_like(each) for each in ids]
    flat = torch.cat([each.flatten() for each in ids])
    vectors = module.get_input_embeddings()(flat)
    weights = form.weights(module, torch.float32)
    found = form.states(weights, config, vectors, masks, torch.Generator())
    expected = [module(input_ids=each).last_hidden_state.flatten(0, 1) for each in ids]
    torch.testing.assert_close(found, torch.cat(expected), atol=2e-5, rtol=2e-5)


def test_all_parameters_but_the_lookup_and_the_pooler_are_weights() -> None:
    module, form = tiny.encoder(CONFIGS["BERT"]), form_of(CONFIGS["BERT"])
    assert form is not None
    joined = form.joined_names(module)
    names = {name for parts in joined.values() for name in parts}
    left = {name for name, _ in module.named_parameters()} - names
    assert left == {form.embeddings, "pooler.dense.weight", "pooler.dense.bias"}
    assert len(joined["encoder.layer.0.attention.self.qkv.weight"]) == 3


def test_forms_unknown_are_left_to_transformers() -> None:
    assert form_of(BertConfig(**tiny.SIZE, hidden_act="relu")) is None
