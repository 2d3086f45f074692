from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.util import load_model_from_config

from tests.pipeline.pipelines import (
    BILSTM,
    SENTENCES,
    TEXTS,
    build,
    build_on_transformer,
    examples,
    found_in,
    initialized,
    randomize_crf,
    train,
)

GOLD = [entities for _, entities in SENTENCES]
Copy = Callable[[Language, Path], Language]


def through_disk(nlp: Language, path: Path) -> Language:
    nlp.to_disk(path)
    return spacy.load(path)


def through_bytes(nlp: Language, path: Path) -> Language:
    other = load_model_from_config(nlp.config, auto_fill=True)
    other.from_bytes(nlp.to_bytes())
    return other


def through_pickle(nlp: Language, path: Path) -> Language:
    copy: Language = pickle.loads(pickle.dumps(nlp))
    return copy


def assert_same_crf(one: Language, other: Language) -> None:
    a, b = (each.get_pipe("bert_crf_ner").model.get_ref("crf") for each in (one, other))
    for name in a.param_names:
        np.testing.assert_array_equal(a.get_param(name), b.get_param(name))
    assert a.attrs.keys() == b.attrs.keys()
    for name, value in a.attrs.items():
        np.testing.assert_array_equal(value, b.attrs[name])
        assert type(value) is type(b.attrs[name])


@pytest.mark.parametrize("copy", [through_disk, through_bytes, through_pickle])
def test_copy_finds_the_same(copy: Copy, trained: Language, tmp_path: Path) -> None:
    assert found_in(copy(trained, tmp_path)) == GOLD


@pytest.mark.parametrize("copy", [through_disk, through_bytes, through_pickle])
def test_copy_has_the_same_emissions(copy: Copy, trained: Language, tmp_path: Path) -> None:
    other = copy(trained, tmp_path)
    one, two = (
        nlp.get_pipe("bert_crf_ner").model.predict(list(nlp.pipe(TEXTS)))
        for nlp in (trained, other)
    )
    np.testing.assert_array_equal(one.dataXd, two.dataXd)


@pytest.mark.parametrize("copy", [through_disk, through_bytes, through_pickle])
@pytest.mark.parametrize("scheme", ["BIO", "BILUO"])
def test_copy_has_the_same_crf(copy: Copy, scheme: str, tmp_path: Path) -> None:
    nlp = initialized(build(scheme=scheme))
    randomize_crf(nlp)
    assert_same_crf(nlp, copy(nlp, tmp_path))


@pytest.mark.parametrize("copy", [through_disk, through_bytes, through_pickle])
def test_copy_has_the_same_settings(copy: Copy, tmp_path: Path) -> None:
    nlp = initialized(build(loss="softmax", scheme="BILUO", backend="pytorch-crf"))
    other = copy(nlp, tmp_path)
    one, two = (each.get_pipe("bert_crf_ner") for each in (nlp, other))
    assert one.cfg == two.cfg
    assert one.scheme == two.scheme
    assert two.model.get_ref("crf").attrs["backend"] == "pytorch-crf"


def test_component_survives_pickle(trained_cnn: Language) -> None:
    component = trained_cnn.get_pipe("bert_crf_ner")
    copy = pickle.loads(pickle.dumps(component))
    docs = [trained_cnn.make_doc(text) for text in TEXTS]
    one, two = component.predict(docs).spans, copy.predict(docs).spans
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_untrained_pipeline_survives_the_disk(tmp_path: Path) -> None:
    other = through_disk(build(), tmp_path)
    assert found_in(train(initialized(other))) == GOLD


def test_loaded_pipeline_learns_on(trained_cnn: Language, tmp_path: Path) -> None:
    other = through_disk(trained_cnn, tmp_path)
    before = other.get_pipe("bert_crf_ner").model.to_bytes()
    train(other, steps=1)
    assert other.get_pipe("bert_crf_ner").model.to_bytes() != before


def test_saving_twice_gives_the_same_model(trained_cnn: Language, tmp_path: Path) -> None:
    other = through_disk(trained_cnn, tmp_path / "one")
    other.to_disk(tmp_path / "two")
    one, two = ((tmp_path / n / "bert_crf_ner" / "model").read_bytes() for n in ("one", "two"))
    assert one == two


@pytest.mark.parametrize("tok2vec", ["cnn", "bilstm"])
def test_sourced_component_finds_the_same(tok2vec: str, request: pytest.FixtureRequest) -> None:
    nlp = spacy.blank("zh")
    nlp.add_pipe("bert_crf_ner", source=request.getfixturevalue(f"trained_{tok2vec}"))
    assert found_in(nlp) == GOLD


def test_sourced_component_finds_the_same_with_its_transformer(
    trained_transformer: Language,
) -> None:
    nlp = spacy.blank("zh")
    for name in ("transformer", "bert_crf_ner"):
        nlp.add_pipe(name, source=trained_transformer)
    assert found_in(nlp) == GOLD


def test_sourced_component_keeps_its_labels_under_initialize() -> None:
    nlp = spacy.blank("zh")
    component = nlp.add_pipe("bert_crf_ner", source=initialized(build()))
    nlp.initialize(lambda: examples(nlp))
    assert component.labels == ("DISE", "DRUG", "SYMP")


def test_replaced_listener_finds_the_same(encoder: Path, tmp_path: Path) -> None:
    nlp = train(initialized(build_on_transformer(encoder)))
    nlp.replace_listeners("transformer", "bert_crf_ner", ["model.tok2vec"])
    nlp.remove_pipe("transformer")
    assert found_in(nlp) == GOLD
    assert found_in(through_disk(nlp, tmp_path)) == GOLD


def test_replaced_listener_learns_on(encoder: Path) -> None:
    nlp = initialized(build_on_transformer(encoder))
    nlp.replace_listeners("transformer", "bert_crf_ner", ["model.tok2vec"])
    nlp.remove_pipe("transformer")
    assert found_in(train(nlp)) == GOLD


def test_replaced_tok2vec_listener_finds_the_same() -> None:
    nlp = spacy.blank("zh")
    nlp.add_pipe("tok2vec", config={"model": BILSTM})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16, "upstream": "*"}
    model = {"@architectures": "spacy_bioner.CrfTagger.v1", "tok2vec": listener}
    nlp.add_pipe("bert_crf_ner", config={"model": model})
    train(initialized(nlp))
    assert found_in(nlp) == GOLD
    nlp.replace_listeners("tok2vec", "bert_crf_ner", ["model.tok2vec"])
    assert found_in(nlp) == GOLD
