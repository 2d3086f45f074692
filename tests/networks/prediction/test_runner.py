"""The forms that predict against those of `transformers`."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    BertConfig,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    RobertaConfig,
)

from spacy_bioner.networks.prediction.bert import FusedBert
from spacy_bioner.networks.prediction.modernbert import FusedModernBert
from spacy_bioner.networks.prediction.packed_linear import PackedLinear, can_pack
from spacy_bioner.networks.prediction.runner import build_runner
from tests.networks.tiny import MODERN, SIZE, encoder

pytestmark = pytest.mark.skipif(not can_pack(), reason="this torch has no packed weights")

FORMS = {
    "bert": (BertConfig(**SIZE), FusedBert),
    "roberta": (RobertaConfig(**SIZE), FusedBert),
    "modernbert": (ModernBertConfig(**MODERN, global_attn_every_n_layers=1), FusedModernBert),
    "local": (
        ModernBertConfig(**MODERN, global_attn_every_n_layers=2, local_attention=8),
        FusedModernBert,
    ),
    "biases": (
        ModernBertConfig(**MODERN, attention_bias=True, mlp_bias=True, norm_bias=True),
        FusedModernBert,
    ),
}
OTHERS = {
    "electra": ElectraConfig(**SIZE, embedding_size=16),
    "bert, other activation": BertConfig(**SIZE, hidden_act="relu"),
    "bert, relative positions": BertConfig(**SIZE, position_embedding_type="relative_key"),
    "distilbert": DistilBertConfig(vocab_size=60, dim=32, hidden_dim=48, n_layers=2, n_heads=2),
    "modernbert, other activation": ModernBertConfig(**MODERN, hidden_activation="silu"),
}


def batch(padded: bool) -> dict[str, torch.Tensor]:
    ids = torch.randint(2, 60, (5, 23), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    if padded:
        for row, length in enumerate((23, 20, 12, 2, 1)):
            mask[row, length:] = 0
        ids[mask == 0] = 1
    return {"input_ids": ids, "attention_mask": mask}


def test_rotary_frequencies_stay_exact() -> None:
    module = encoder(OTHERS["modernbert, other activation"])
    runner = build_runner(module, torch.bfloat16)
    exact = {name: buffer for name, buffer in module.named_buffers() if "inv_freq" in name}
    assert exact
    for name, buffer in exact.items():
        assert torch.equal(runner.get_buffer(name), buffer)
    assert {p.dtype for p in runner.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in module.parameters()} == {torch.float32}


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_states_are_those_of_transformers(form: str, padded: bool) -> None:
    config, kind = FORMS[form]
    module, inputs = encoder(config), batch(padded)
    runner = build_runner(module, torch.float32)
    assert type(runner) is kind
    with torch.inference_mode():
        expected = module(**inputs).last_hidden_state
        found = runner(**inputs).last_hidden_state
    meant = inputs["attention_mask"] == 1
    torch.testing.assert_close(found[meant], expected[meant], atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("form", FORMS)
def test_bfloat16_is_no_further_off_than_that_of_transformers(form: str) -> None:
    module, inputs = encoder(FORMS[form][0]), batch(padded=True)
    meant = inputs["attention_mask"] == 1
    with torch.inference_mode():
        exact = module(**inputs).last_hidden_state[meant]
        ours = build_runner(module, torch.bfloat16)(**inputs).last_hidden_state[meant]
        theirs = module.to(torch.bfloat16)(**inputs).last_hidden_state[meant]
    assert ours.dtype == torch.bfloat16
    error, allowed = ((each.float() - exact).abs().mean() for each in (ours, theirs))
    assert 0 < error < 1.2 * allowed


@pytest.mark.parametrize("form", OTHERS)
def test_other_encoders_keep_their_form_with_packed_linears(form: str) -> None:
    module, inputs = encoder(OTHERS[form]), batch(padded=True)
    runner = build_runner(module, torch.float32)
    assert type(runner) is type(module)
    assert any(type(each) is PackedLinear for each in runner.modules())
    with torch.inference_mode():
        expected = module(**inputs).last_hidden_state
        found = runner(**inputs).last_hidden_state
    meant = inputs["attention_mask"] == 1
    torch.testing.assert_close(found[meant], expected[meant], atol=2e-5, rtol=2e-5)


def test_the_encoder_itself_stays_as_it_is() -> None:
    module = encoder(FORMS["bert"][0])
    before = {name: value.clone() for name, value in module.state_dict().items()}
    build_runner(module, torch.bfloat16)
    after = module.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert getattr(module, "pooler", None) is not None
