"""Updates against those of `transformers`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from transformers import (
    AutoModel,
    BertConfig,
    ModernBertConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

from spacy_bioner.models.encoder.buckets import Bucket
from spacy_bioner.models.encoder.update import begin_update, can_update
from spacy_bioner.networks.prediction.attention import LONGEST_ROW
from tests.networks import tiny

MODERN_FORMS = {
    "ModernBERT, global": {"global_attn_every_n_layers": 1},
    "ModernBERT, local": {"global_attn_every_n_layers": 2, "local_attention": 8},
    "ModernBERT, biases": {"attention_bias": True, "mlp_bias": True, "norm_bias": True},
}
BERT_FORMS = {"BERT": BertConfig, "RoBERTa": RobertaConfig, "XLM-RoBERTa": XLMRobertaConfig}
FORMS = [*MODERN_FORMS, *BERT_FORMS]
CPU = torch.device("cpu")


def encoder(form: str = "ModernBERT, local", rate: float = 0.0) -> Any:
    if form in BERT_FORMS:
        names: tuple[str, ...] = ("attention_probs_dropout_prob", "hidden_dropout_prob")
        config = BERT_FORMS[form](**tiny.SIZE, **dict.fromkeys(names, rate))
    else:
        names = ("attention_dropout", "embedding_dropout", "mlp_dropout")
        rates = dict.fromkeys(names, rate)
        config = ModernBertConfig(**tiny.MODERN, **rates, **MODERN_FORMS[form])
    return tiny.encoder(config).train()


def buckets() -> list[Bucket]:
    draw = torch.Generator().manual_seed(0)
    made = []
    for rows, length in ((3, 23), (4, 12), (1, 30), (2, 7)):
        ids = torch.randint(2, 60, (rows, length), generator=draw)
        mask = torch.ones_like(ids)
        mask[-1, length // 2 :] = 0 if rows > 1 else 1
        ids[mask == 0] = 1
        made.append(Bucket(ids, mask))
    return made


def update(module: Any, dtype: torch.dtype) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
    """States, zero where padded, and the gradients of their weighted sum."""
    module.zero_grad()
    outputs, backprop = begin_update(module, buckets(), dtype)
    backprop(
        [weights_of(bucket).expand_as(out) for bucket, out in zip(buckets(), outputs, strict=True)]
    )
    return outputs, {
        name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None
    }


def weights_of(bucket: Bucket) -> torch.Tensor:
    """What the loss makes of each wordpiece's states, (b, l, 1); nothing of padding."""
    steps = torch.arange(bucket.mask.numel()).view(*bucket.mask.shape, 1)
    return torch.cos(steps.float()) * bucket.mask.unsqueeze(-1)


def expected(module: Any) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
    module.zero_grad()
    outputs = [
        module(input_ids=each.ids, attention_mask=each.mask).last_hidden_state for each in buckets()
    ]
    loss = sum((out * weights_of(each)).sum() for each, out in zip(buckets(), outputs, strict=True))
    loss.backward()
    return outputs, {
        name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None
    }


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.usefixtures("threads")
def test_states_and_gradients_are_those_of_transformers(form: str) -> None:
    module = encoder(form)
    assert can_update(module, buckets(), CPU)
    outputs, gradients = update(module, torch.float32)
    right_outputs, right_gradients = expected(module)
    for bucket, found, right in zip(buckets(), outputs, right_outputs, strict=True):
        kept = bucket.mask == 1
        torch.testing.assert_close(found[kept], right[kept], atol=2e-5, rtol=2e-5)
    assert gradients.keys() == right_gradients.keys()
    for name, right in right_gradients.items():
        torch.testing.assert_close(gradients[name], right, atol=2e-4, rtol=2e-4, msg=name)


@pytest.mark.parametrize("form", ["ModernBERT, local", "BERT"])
def test_gradients_of_bfloat16_are_close(form: str) -> None:
    module = encoder(form)
    _, gradients = update(module, torch.bfloat16)
    _, right = expected(module)
    found, wanted = (torch.cat([g[n].flatten() for n in right]) for g in (gradients, right))
    assert torch.nn.functional.cosine_similarity(found, wanted, dim=0) > 0.999
    assert {gradient.dtype for gradient in gradients.values()} == {torch.float32}


@pytest.mark.parametrize("form", ["ModernBERT, local", "BERT"])
def test_gradients_are_added_to_those_that_are_there(form: str) -> None:
    module = encoder(form)
    _, once = update(module, torch.float32)
    outputs, backprop = begin_update(module, buckets(), torch.float32)
    backprop(
        [weights_of(each).expand_as(out) for each, out in zip(buckets(), outputs, strict=True)]
    )
    for name, gradient in once.items():
        found = module.get_parameter(name).grad
        torch.testing.assert_close(found, 2 * gradient, atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.parametrize("form", ["ModernBERT, local", "BERT"])
def test_a_seed_gives_the_same_dropout_on_as_many_threads(form: str) -> None:
    module, found = encoder(form, rate=0.3), []
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        found.append(update(module, torch.float32))
    torch.set_num_threads(before)
    (first, d_first), (again, d_again), (other, _) = found
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    for name in d_first:
        assert torch.equal(d_first[name], d_again[name])


def test_other_encoders_are_left_to_transformers() -> None:
    bert = AutoModel.from_config(BertConfig(**tiny.SIZE, hidden_act="relu"))
    other = AutoModel.from_config(ModernBertConfig(**tiny.MODERN, hidden_activation="silu"))
    assert not can_update(bert, buckets(), CPU)
    assert not can_update(other, buckets(), CPU)
    assert not can_update(encoder(), buckets(), torch.device("meta"))


def test_a_frozen_part_and_long_rows_are_left_to_transformers() -> None:
    module = encoder()
    next(module.parameters()).requires_grad_(False)
    assert not can_update(module, buckets(), CPU)
    sparing = encoder("BERT")
    sparing.gradient_checkpointing_enable()
    assert not can_update(sparing, buckets(), CPU)
    long = torch.ones(1, LONGEST_ROW + 1, dtype=torch.int64)
    assert not can_update(encoder(), [Bucket(long, long)], CPU)


@pytest.mark.parametrize("form", ["ModernBERT, local", "BERT"])
def test_dropout_spreads_states_as_that_of_transformers_does(form: str) -> None:
    module, bucket = encoder(form, rate=0.2), buckets()[1]
    kept = bucket.mask == 1

    def of_transformers() -> torch.Tensor:
        found = module(input_ids=bucket.ids, attention_mask=bucket.mask).last_hidden_state
        return found.detach()[kept]

    def ours() -> torch.Tensor:
        ((states,), _) = begin_update(module, [bucket], torch.float32)
        return states.detach()[kept]

    torch.manual_seed(0)
    spreads = [torch.stack([draw() for _ in range(300)]).std(0) for draw in (of_transformers, ours)]
    right, found = spreads
    assert found.mean().item() == pytest.approx(right.mean().item(), rel=0.03)
    assert torch.corrcoef(torch.stack([right.flatten(), found.flatten()]))[0, 1] > 0.9
