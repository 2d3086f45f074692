from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from spacy.language import Language
from thinc.api import Adam
from transformers import AutoConfig, AutoModel

from spacy_bioner.errors import ConfigError, EncoderError
from spacy_bioner.models.encoder.bucketed_transformer import BucketedTransformer
from spacy_bioner.networks import bfloat16
from spacy_bioner.networks.prediction.onnx_encoder import OnnxEncoder
from spacy_bioner.optimization.convert import optimized
from spacy_bioner.optimization.onnx_export import make_int8_encoder
from tests.models.encoder.pipelines import token_vectors
from tests.pipeline.pipelines import GOLD, TEXTS, build, examples, found_in

FORMS = ["bfloat16", "int8"]


def encoder_of(nlp: Language) -> BucketedTransformer:
    model: BucketedTransformer = nlp.get_pipe("transformer").model
    return model


@pytest.mark.parametrize("form", ["float32", *FORMS])
def test_finds_the_same_before_and_after_saving(
    form: str, trained: Language, tmp_path: Path
) -> None:
    assert found_in(trained) == GOLD
    new = optimized(trained, form)
    assert found_in(new) == GOLD
    new.to_disk(tmp_path / "new")
    assert found_in(spacy.load(tmp_path / "new")) == GOLD
    other = spacy.util.load_model_from_config(new.config, auto_fill=True)
    assert found_in(other.from_bytes(new.to_bytes())) == GOLD
    assert found_in(trained) == GOLD


@pytest.mark.parametrize(("form", "close"), [("float32", 1e-5), ("bfloat16", 0.1), ("int8", 0.3)])
def test_vectors_are_close_to_the_original(form: str, close: float, trained: Language) -> None:
    new = optimized(trained, form)
    for text in TEXTS:
        one, other = (token_vectors(nlp(text)) for nlp in (new, trained))
        np.testing.assert_allclose(one, other, atol=close)
        assert form == "float32" or np.abs(one - other).max() > 1e-6


def test_what_is_optimised_already_is_refused(trained: Language, tmp_path: Path) -> None:
    optimized(trained, "bfloat16").to_disk(tmp_path / "new")
    for form in FORMS:
        with pytest.raises(ConfigError, match="it is optimised already"):
            optimized(spacy.load(tmp_path / "new"), form)


def test_weights_are_saved_in_their_form(trained: Language) -> None:
    parts = {form: optimized(trained, form).get_pipe("transformer") for form in FORMS}
    transformer = parts["bfloat16"].model.transformer
    assert {p.dtype for p in transformer.parameters()} == {torch.bfloat16}
    assert isinstance(parts["int8"].model.transformer, OnnxEncoder)
    original = len(trained.get_pipe("transformer").model.to_bytes())
    assert len(parts["bfloat16"].model.to_bytes()) < original


def test_bfloat16_runs_in_float32_on_a_processor_without(
    trained: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    optimized(trained, "bfloat16").to_disk(tmp_path / "new")
    monkeypatch.setattr(bfloat16, "cpu_flags", frozenset)
    with pytest.warns(UserWarning, match="has no bfloat16 arithmetic"):
        loaded = spacy.load(tmp_path / "new")
    assert found_in(loaded) == GOLD


@pytest.mark.parametrize("form", FORMS)
def test_training_is_refused_and_with_the_encoder_frozen_works(
    form: str, trained: Language
) -> None:
    new = optimized(trained, form)
    with pytest.raises(ConfigError, match="optimised for prediction"):
        new.update(examples(new), sgd=Adam(0.01))
    frozen = {"exclude": ["transformer"], "annotates": ["transformer"]}
    new.update(examples(new), sgd=Adam(0.001), **frozen)
    assert found_in(new) == GOLD


def test_what_is_optimised_is_not_optimised_again(trained: Language) -> None:
    with pytest.raises(ConfigError, match="optimised already"):
        optimized(optimized(trained, "bfloat16"), "bfloat16")


def test_pipeline_without_a_transformer_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"has 0 components `transformer` \(bert_crf_ner\)"):
        optimized(build(), "bfloat16")


def test_unknown_form_is_refused(trained: Language) -> None:
    with pytest.raises(ConfigError, match="unknown precision 'int4'"):
        optimized(trained, "int4")


def test_int8_is_no_precision_to_train_with(encoder: Path) -> None:
    nlp = spacy.blank("zh")
    model = {"@architectures": "spacy_bioner.BucketedTransformer.v1", "name": str(encoder)}
    settings = {"precision": "int8", "window": 32, "overlap": 8}
    nlp.add_pipe("transformer", config={"model": {**model, **settings}})
    with pytest.raises(ConfigError, match="no precision to begin with"):
        nlp.initialize(lambda: [])


@pytest.mark.parametrize("given", ["float32", "auto"])
def test_int8_is_not_read_as_another_precision(
    given: str, trained: Language, tmp_path: Path
) -> None:
    optimized(trained, "int8").to_disk(tmp_path / "new")
    with pytest.raises(EncoderError, match="is in int8"):
        spacy.load(tmp_path / "new", config={"components.transformer.model.precision": given})


def test_float32_is_not_read_as_int8(trained: Language, tmp_path: Path) -> None:
    optimized(trained, "float32").to_disk(tmp_path / "new")
    with pytest.raises(EncoderError, match="this pipeline has none"):
        spacy.load(tmp_path / "new", config={"components.transformer.model.precision": "int8"})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_truncated_model_is_refused(
    form: str, share: float, trained: Language, tmp_path: Path
) -> None:
    optimized(trained, form).to_disk(tmp_path / "new")
    path = tmp_path / "new" / "transformer" / "model"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(EncoderError, match="cut off"):
        spacy.load(tmp_path / "new")


@pytest.mark.parametrize("spoil", [lambda file: file[:-9], lambda file: file[::-1].copy()])
def test_damaged_onnx_file_is_refused(spoil, trained: Language, tmp_path: Path) -> None:
    new = optimized(trained, "int8")
    encoder = encoder_of(new).transformer
    encoder.file = torch.from_numpy(spoil(encoder.file.numpy()))
    new.to_disk(tmp_path / "new")
    with pytest.raises(EncoderError, match=r"ONNX file .* damaged or cut off"):
        spacy.load(tmp_path / "new")


def test_file_that_onnxruntime_does_not_know_is_refused(trained: Language, tmp_path: Path) -> None:
    import hashlib

    new = optimized(trained, "int8")
    encoder = encoder_of(new).transformer
    encoder.file = torch.arange(100, dtype=torch.uint8)
    digest = hashlib.sha256(encoder.file.numpy().tobytes()).hexdigest()
    encoder.config.onnx = {"sha256": digest, "onnxruntime": "9.9.9"}
    new.to_disk(tmp_path / "new")
    with pytest.raises(EncoderError, match=r"cannot run .* made with 9\.9\.9 .*that version"):
        spacy.load(tmp_path / "new")


@pytest.mark.parametrize("missing", ["onnxruntime", "onnx"])
def test_missing_libraries_are_named(
    missing: str, trained: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    optimized(trained, "int8").to_disk(tmp_path / "new")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigError, match=r"pip install 'spacy_bioner\[onnx\]'"):
        optimized(trained, "int8")
    if missing == "onnxruntime":
        with pytest.raises(EncoderError, match=r"pip install 'spacy_bioner\[onnx\]'"):
            spacy.load(tmp_path / "new")
    else:
        assert found_in(spacy.load(tmp_path / "new")) == GOLD


def test_weights_that_do_not_fit_are_refused_and_not_left_out(
    trained: Language, tmp_path: Path
) -> None:
    new = optimized(trained, "float32")
    transformer = encoder_of(new).transformer
    layers = transformer.layers if hasattr(transformer, "layers") else transformer.encoder.layer
    del layers[0]
    new.to_disk(tmp_path / "new")
    with pytest.raises(EncoderError, match="do not fit the encoder of transformers"):
        spacy.load(tmp_path / "new")


def test_sparing_sensitive_products_brings_it_closer(trained: Language) -> None:
    transformer = trained.get_pipe("transformer").model.transformer.eval()
    ids = torch.randint(5, 60, (4, 20))
    mask = torch.ones_like(ids)
    with torch.no_grad():
        expected = transformer(ids, mask).last_hidden_state
    errors = [
        (make_int8_encoder(transformer, spare_sensitive=spare)(ids, mask)[0] - expected)
        .abs()
        .mean()
        for spare in (False, True)
    ]
    assert 0 < errors[1] < errors[0] < 0.1


@pytest.mark.parametrize("kind", ["distilbert", "bart", "albert"])
def test_sensitive_products_are_known_or_it_is_said_that_they_are_not(kind: str) -> None:
    sizes = {"vocab_size": 60, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1}
    own = {
        "distilbert": {"vocab_size": 60, "dim": 16, "n_heads": 2, "n_layers": 1, "hidden_dim": 32},
        "bart": {"vocab_size": 60, "d_model": 16, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32},
        "albert": {**sizes, "embedding_size": 16, "intermediate_size": 32},
    }[kind]
    config = AutoConfig.for_model(kind, **own)
    transformer = AutoModel.from_config(config).eval()
    if kind == "albert":
        with pytest.raises(ConfigError, match=r"which products of this kind .* is not known"):
            make_int8_encoder(transformer, spare_sensitive=True)
        return
    sizes_of = [
        len(make_int8_encoder(transformer, spare_sensitive=spare).file) for spare in (False, True)
    ]
    assert sizes_of[0] < sizes_of[1]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", [{"before": "bert_crf_ner"}, {"first": True}, {"last": True}])
def test_rulers_beside_the_transformer_are_kept(
    form: str, place: dict[str, Any], trained: Language, tmp_path: Path
) -> None:
    trained.to_disk(tmp_path / "trained")
    respecting = {"components": {"bert_crf_ner": {"preset": "respect"}}}
    nlp = spacy.load(tmp_path / "trained", config=respecting)
    nlp.add_pipe("entity_ruler", **place).add_patterns([{"label": "DRUG", "pattern": "天氣"}])
    new = optimized(nlp, form)
    assert new.pipe_names == nlp.pipe_names
    assert [(e.text, e.label_) for e in new(TEXTS[2]).ents] == [("天氣", "DRUG")]
