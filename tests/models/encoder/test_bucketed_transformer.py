from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import fix_random_seed
from transformers import AutoModel, AutoTokenizer

from spacy_bioner.errors import ConfigError, EncoderError
from spacy_bioner.models.encoder import bucketed_transformer
from spacy_bioner.models.encoder.batch import EncodedBatch
from spacy_bioner.networks import bfloat16
from tests.models.encoder.pipelines import (
    LONG,
    SENTENCES,
    TEXTS,
    bucketed_model,
    build,
    changed,
    encoder_of,
    encoder_weights,
    on_bucketed,
    stock_model,
    token_vectors,
)
from tests.pipeline.pipelines import (
    GOLD,
    LISTENER,
    examples,
    found_in,
    gradients,
    initialized,
    ner,
    tagger_config,
    train,
)


@pytest.fixture(scope="module")
def bucketed(encoder: Path) -> Language:
    return build(bucketed_model(encoder))


@pytest.fixture(scope="module")
def stock(encoder: Path) -> Language:
    return build(stock_model(encoder))


def vectors(nlp: Language, texts: list[str], **settings: Any) -> list[np.ndarray]:
    return [token_vectors(doc) for doc in nlp.pipe(texts, **settings)]


def test_vectors_are_those_of_spacy_transformers(bucketed: Language, stock: Language) -> None:
    texts = [text for text in TEXTS if len(bucketed.tokenizer(text)) <= 60]
    for one, other in zip(vectors(bucketed, texts), vectors(stock, texts), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_vectors_do_not_depend_on_the_batch(bucketed: Language) -> None:
    alone = [token_vectors(bucketed(text)) for text in SENTENCES]
    for size in (3, 64):
        for one, other in zip(vectors(bucketed, SENTENCES, batch_size=size), alone, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
    backwards = vectors(bucketed, SENTENCES[::-1])[::-1]
    for one, other in zip(backwards, alone, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_empty_documents_have_empty_records(bucketed: Language) -> None:
    first, second, _ = bucketed.pipe(["", "頭痛", ""])
    assert "last_hidden_state" not in first._.trf_data.model_output
    assert len(second._.trf_data.align.lengths) == 2
    assert bucketed("")._.trf_data.align.lengths.shape == (0,)


def test_long_document_is_read_whole_in_windows(bucketed: Language, encoder: Path) -> None:
    doc = bucketed(LONG)
    data = doc._.trf_data
    rows, width = data.wordpieces.input_ids.shape
    assert width <= 64
    assert rows > 1
    assert (data.align.lengths > 0).all()
    ids = data.wordpieces.input_ids.reshape(-1)[data.align.dataXd]
    plain = bucketed.tokenizer(LONG)
    whole = encoder_of(bucketed).splitter.split([plain])[0]
    np.testing.assert_array_equal(ids, whole.ids[whole.wordpieces])


def test_each_window_is_encoded_as_the_encoder_does(bucketed: Language) -> None:
    """Against the torch module itself, one window at a time."""
    data = bucketed(LONG)._.trf_data
    module = copy.deepcopy(encoder_of(bucketed).transformer).eval()
    for ids, states in zip(
        data.wordpieces.input_ids, data.model_output.last_hidden_state, strict=True
    ):
        with torch.no_grad():
            expected = module(torch.from_numpy(ids)[None]).last_hidden_state[0]
        np.testing.assert_allclose(states, expected.numpy(), atol=1e-5)


def test_no_text_is_cut_off_in_a_token_longer_than_a_window(bucketed: Language) -> None:
    doc = Doc(bucketed.vocab, words=["頭" * 150, "痛"], spaces=[False, False])
    data = bucketed.get_pipe("transformer")(doc)._.trf_data
    assert data.align.lengths.tolist() == [150, 1]


def test_gradients_are_those_of_spacy_transformers(encoder: Path) -> None:
    found = {}
    for name, model in (("ours", bucketed_model(encoder)), ("stock", stock_model(encoder))):
        nlp = build(model)
        nlp.add_pipe("bert_crf_ner", config=tagger_config(LISTENER, hidden_width=0))
        nlp.initialize(lambda nlp=nlp: examples(nlp))
        head = ner(nlp).model
        for node in head.walk():
            for parameter in node.param_names:
                values = node.get_param(parameter)
                rng = np.random.default_rng(values.size)
                node.set_param(parameter, rng.normal(size=values.shape).astype("float32"))
        nlp.update([*examples(nlp), *examples(nlp)[:1]], sgd=False)
        encoder_model = nlp.get_pipe("transformer").model
        found[name] = {key[1]: value for key, value in gradients(encoder_model).items()}
    assert found["ours"].keys() == found["stock"].keys() - {"pooler.dense.weight"}
    names = {name for name, _ in encoder_model.transformer.named_parameters()}
    assert found["ours"].keys() == {name for name in names if not name.startswith("pooler.")}
    for name, gradient in found["ours"].items():
        np.testing.assert_allclose(gradient, found["stock"][name], atol=2e-4, rtol=1e-3)


def test_two_listeners_train_the_encoder_together(encoder: Path) -> None:
    nlp = spacy.blank("zh")
    nlp.add_pipe("transformer", config={"model": bucketed_model(encoder)})
    for name in ("one", "two"):
        nlp.add_pipe("bert_crf_ner", name=name, config=tagger_config(LISTENER))
    before = encoder_weights(initialized(nlp))
    train(nlp, steps=2)
    assert changed(before, encoder_weights(nlp))


def test_a_name_that_no_hub_in_reach_has_is_refused(
    encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a saved pipeline's config, whose encoder's folder is elsewhere, is initialised."""

    def no_hub(*given: Any) -> None:
        raise OSError("could not connect")

    monkeypatch.setattr(bucketed_transformer, "huggingface_from_pretrained", no_hub)
    with pytest.raises(EncoderError, match=r"no encoder's directory.*--paths\.encoder"):
        initialized(on_bucketed(encoder))


@pytest.mark.parametrize("precision_name", ["float32", "bfloat16"])
def test_prediction_follows_each_update(
    precision_name: str, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bfloat16, "cpu_flags", lambda: frozenset({"avx512_bf16"}))
    nlp = on_bucketed(encoder, precision=precision_name)
    before = token_vectors(nlp(SENTENCES[0]))
    train(nlp, steps=3)
    after = token_vectors(nlp(SENTENCES[0]))
    assert np.abs(after - before).max() > 1e-3
    fresh = copy.deepcopy(encoder_of(nlp).transformer).eval()
    ids = torch.from_numpy(nlp(SENTENCES[0])._.trf_data.wordpieces.input_ids)
    with torch.no_grad():
        expected = fresh(ids).last_hidden_state.numpy()
    close = 1e-5 if precision_name == "float32" else 0.1
    states = nlp(SENTENCES[0])._.trf_data.model_output.last_hidden_state
    np.testing.assert_allclose(states, expected, atol=close)


def test_bfloat16_keeps_weights_and_gradients_in_float32(
    encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bfloat16, "cpu_flags", lambda: frozenset({"avx512_bf16"}))
    nlp = on_bucketed(encoder, precision="bfloat16")
    nlp.update(examples(nlp), sgd=False)
    found_in(nlp)
    for parameter in encoder_of(nlp).transformer.parameters():
        assert parameter.dtype == torch.float32
        assert parameter.grad is None or parameter.grad.dtype == torch.float32


def test_bfloat16_differs_from_float32_but_little(
    encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bfloat16, "cpu_flags", lambda: frozenset({"avx512_bf16"}))
    one, other = (
        vectors(build(bucketed_model(encoder, precision=name)), SENTENCES)
        for name in ("float32", "bfloat16")
    )
    difference = max(np.abs(a - b).max() for a, b in zip(one, other, strict=True))
    assert 1e-5 < difference < 0.1


def test_replaced_listener_finds_the_same_and_reloads(encoder: Path, tmp_path: Path) -> None:
    nlp = train(on_bucketed(encoder))
    expected = found_in(nlp)
    nlp.replace_listeners("transformer", "bert_crf_ner", ["model.tok2vec"])
    nlp.remove_pipe("transformer")
    assert found_in(nlp) == expected
    nlp.to_disk(tmp_path / "own")
    assert found_in(spacy.load(tmp_path / "own")) == expected


def test_pipeline_loads_where_the_encoder_is_gone(encoder: Path, tmp_path: Path) -> None:
    nlp = train(on_bucketed(encoder))
    config = nlp.config["components"]["transformer"]["model"]
    config["name"] = "gone"
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    assert found_in(loaded) == found_in(nlp)
    model = encoder_of(loaded)
    assert (model.window, model.overlap, model.shim.precision) == (64, 16, "float32")


def test_precision_of_a_saved_pipeline_is_chosen_when_it_is_loaded(
    encoder: Path, tmp_path: Path
) -> None:
    on_bucketed(encoder, precision="auto").to_disk(tmp_path / "model")
    setting = "components.transformer.model.precision"
    loaded = spacy.load(tmp_path / "model", config={setting: "float32"})
    assert encoder_of(loaded).shim.precision == "float32"


def test_a_saved_encoder_is_checked_against_the_window(encoder: Path, tmp_path: Path) -> None:
    on_bucketed(encoder).to_disk(tmp_path / "model")
    model = "components.transformer.model"
    changed = {f"{model}.window": 100, f"{model}.name": "gone"}
    with pytest.raises(ConfigError, match="takes 64 at most"):
        spacy.load(tmp_path / "model", config=changed)


def test_annotation_setters_get_the_whole_batch_padded(bucketed: Language, stock: Language) -> None:
    docs = [bucketed.tokenizer(text) for text in [*SENTENCES[:5], "", LONG[:300]]]
    batch = encoder_of(bucketed).predict(docs)
    assert isinstance(batch, EncodedBatch)
    states = batch.model_output.last_hidden_state
    rows = states.reshape(-1, states.shape[-1])[batch.align.dataXd]
    each = [
        data.model_output.last_hidden_state.reshape(-1, states.shape[-1])[data.align.dataXd]
        for data in batch.doc_data
        if len(data.align.lengths)
    ]
    np.testing.assert_array_equal(rows, np.concatenate(each))
    assert batch.wordpieces.input_ids.shape == states.shape[:2]
    assert batch.align.lengths.tolist() == [
        n for data in batch.doc_data for n in data.align.lengths.tolist()
    ]


def test_encoder_in_half_precision_is_trained_in_float32(encoder: Path, tmp_path: Path) -> None:
    half = tmp_path / "half"
    AutoModel.from_pretrained(encoder).half().save_pretrained(half)
    AutoTokenizer.from_pretrained(encoder).save_pretrained(half)
    nlp = spacy.blank("zh")
    nlp.add_pipe("transformer", config={"model": bucketed_model(half)})
    nlp.add_pipe("bert_crf_ner", config=tagger_config(LISTENER))
    train(initialized(nlp), steps=2)
    nlp.to_disk(tmp_path / "trained")
    loaded = spacy.load(tmp_path / "trained")
    for each in (nlp, loaded):
        weights = encoder_of(each).transformer.parameters()
        assert {weight.dtype for weight in weights} == {torch.float32}
    assert found_in(loaded) == found_in(nlp)


def test_learns_three_sentences(encoder: Path) -> None:
    fix_random_seed(0)
    assert found_in(train(on_bucketed(encoder), steps=60, rate=0.005)) == GOLD
