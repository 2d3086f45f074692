from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    BertConfig,
    DebertaV2Config,
    ModernBertConfig,
    PreTrainedModel,
    RobertaConfig,
)

from spacy_bioner.encoders.pretraining.command import main
from spacy_bioner.encoders.pretraining.growth import grow
from spacy_bioner.errors import EncoderError
from tests.networks import tiny

CONFIGS = {
    "BERT": BertConfig(**tiny.SIZE),
    "RoBERTa": RobertaConfig(**tiny.SIZE),
    "DeBERTa": DebertaV2Config(**tiny.SIZE),
    "ModernBERT": ModernBertConfig(**tiny.MODERN, global_attn_every_n_layers=1),
}


def masked_model(kind: str) -> PreTrainedModel:
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForMaskedLM.from_config(copy.deepcopy(CONFIGS[kind]))
    return model.eval()


def layers_of(model: PreTrainedModel) -> torch.nn.ModuleList:
    trunk = model.base_model
    found = trunk.layers if hasattr(trunk, "layers") else trunk.encoder.layer
    assert isinstance(found, torch.nn.ModuleList)
    return found


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize(("layers", "repeated"), [(4, [2]), (5, [1, 2])])
def test_upper_layers_are_passed_once_more(kind: str, layers: int, repeated: list[int]) -> None:
    model = masked_model(kind)
    grown = grow(model, layers).eval()
    assert grown.config.num_hidden_layers == layers == len(layers_of(grown))
    assert model.config.num_hidden_layers == 3
    for source in repeated:
        layers_of(model).append(copy.deepcopy(layers_of(model)[source]))
    model.config.num_hidden_layers = layers
    inputs = torch.arange(2, 22).view(2, 10)
    with torch.no_grad():
        expected, found = (one(input_ids=inputs).logits for one in (model, grown))
    torch.testing.assert_close(found, expected)


def test_the_grown_model_shares_no_weights_with_the_one_before() -> None:
    model = masked_model("BERT")
    grown = grow(model, 4)
    assert not {p.data_ptr() for p in model.parameters()} & {
        p.data_ptr() for p in grown.parameters()
    }


def test_as_many_layers_as_before_change_nothing() -> None:
    model = masked_model("BERT")
    assert grow(model, 3) is model


@pytest.mark.parametrize("layers", [0, 2, 6])
def test_fewer_layers_or_twice_as_many_are_refused(layers: int) -> None:
    with pytest.raises(EncoderError, match=f"3 layers .* given {layers}: .* from 3 to 5"):
        grow(masked_model("ModernBERT"), layers)


def test_layers_of_two_kinds_do_not_change_places() -> None:
    model = AutoModelForMaskedLM.from_config(
        ModernBertConfig(**tiny.MODERN, global_attn_every_n_layers=2)
    )
    if getattr(model.config, "layer_types", None) is None:
        with pytest.raises(EncoderError, match=r"one layer in 2 .* multiple of 2 layers, not 1"):
            grow(model, 4)
    kinds = [layer.attn.local_attention for layer in grow(model, 5).model.layers]
    assert kinds[3:] == kinds[1:3]


def test_the_command_makes_an_encoder_deeper(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, deeper = tmp_path / "first", tmp_path / "deeper"
    training = ["--length", "32", "--batch-size", "4", "--steps", "3"]
    shape = ["--layers", "2", "--width", "16", "--heads", "2", "--max-length", "32"]
    assert main([str(texts), str(first), *training, *shape]) == 0
    given = [str(texts), str(deeper), "--init", str(first), *training]
    assert main([*given, "--layers", "4"]) == 1
    assert "the encoder has 2 layers and cannot be given 4" in capsys.readouterr().err
    assert main([*given, "--layers", "3"]) == 0
    assert len(layers_of(AutoModel.from_pretrained(deeper))) == 3
    card = (deeper / "README.md").read_text(encoding="utf-8")
    assert "| began from | first, of 2 layers, the upper ones once more on top |" in card
    assert "| layers, width, heads | 3, 16, 2 |" in card
