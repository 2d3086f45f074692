"""The characters' CNN against a plain reading of its definition, and in a pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import spacy
import torch
from spacy import registry
from spacy.tokens import Doc
from thinc.api import Model

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.char_cnn import CharacterCnn, build_character_cnn_embed, spell
from tests.pipeline.pipelines import build, initialized, train

NLP = spacy.blank("en")
WORDS = {
    "@architectures": "spacy.MultiHashEmbed.v2",
    "width": 6,
    "attrs": ["ORTH"],
    "rows": [100],
    "include_static_vectors": False,
}
EMBED = {
    "@architectures": "spacy_bioner.CharacterCnnEmbed.v1",
    "words": WORDS,
    "width": 5,
    "filters": 4,
    "window": 3,
    "rows": 50,
    "dropout": 0.0,
}


def build_embed(**settings: Any) -> Model[list[Doc], Any]:
    block = {"embed": {**EMBED, **settings}}
    model: Model[list[Doc], Any] = registry.resolve(block)["embed"]
    return model


def cnn_of(model: Model[list[Doc], Any]) -> CharacterCnn:
    (shim,) = [shim for node in model.walk() for shim in node.shims]
    module: CharacterCnn = shim._model
    return module


def features_of(word: str, cnn: CharacterCnn) -> np.ndarray:
    """Slides each filter over the word, zeros outside of it, and takes the maximum."""
    table, kernel, bias = (p.detach().numpy() for p in (cnn.embeddings, cnn.kernel, cnn.bias))
    rows = [table[1 + ord(character) % (len(table) - 1)] for character in word]
    nothing = np.zeros(table.shape[1])
    padded = [nothing, *rows, nothing]
    windows = [np.stack(padded[i : i + 3], axis=1) for i in range(len(word))]  # (width, 3) each
    return np.max([[(k * window).sum() for k in kernel] + bias for window in windows], axis=0)


def test_features_are_those_of_the_definition() -> None:
    docs = [NLP.make_doc("aspirin relieves a headache"), NLP.make_doc("a b 頭痛 aspirin")]
    model = build_embed()
    model.initialize(docs)
    vectors = model.predict(docs)
    for doc, matrix in zip(docs, vectors, strict=True):
        assert matrix.shape == (len(doc), 10)
        for token, vector in zip(doc, matrix, strict=True):
            assert vector[6:] == pytest.approx(features_of(token.text, cnn_of(model)), abs=1e-5)


def test_vectors_of_a_document_do_not_depend_on_the_others() -> None:
    short, long = NLP.make_doc("a b"), NLP.make_doc("acetylsalicylic acid")
    model = build_embed()
    model.initialize([short, long])
    alone, together = model.predict([short])[0], model.predict([short, long])[0]
    assert np.allclose(alone, together, atol=1e-6)


@pytest.mark.parametrize("texts", [[], [""], ["", "a"]])
def test_empty_documents_pass(texts: list[str]) -> None:
    model = build_embed()
    model.initialize([NLP.make_doc("a b")])
    docs = [NLP.make_doc(text) for text in texts]
    vectors, backprop = model.begin_update(docs)
    assert [len(matrix) for matrix in vectors] == [len(doc) for doc in docs]
    if any(map(len, docs)):
        backprop([np.ones_like(matrix) for matrix in vectors])


def test_gradient_is_that_of_finite_differences() -> None:
    docs = [NLP.make_doc("aspirin and aspirin")]
    model = build_embed()
    model.initialize(docs)
    cnn, weights = cnn_of(model), np.random.default_rng(0).normal(size=(3, 10)).astype("f")
    _, backprop = model.begin_update(docs)
    backprop([weights])
    step = 1e-2
    for parameter, place in ((cnn.kernel, (1, 2, 0)), (cnn.bias, (3,))):
        assert parameter.grad is not None
        values = []
        for sign in (1, -1):
            parameter.data[place] += sign * step
            values.append(float((model.predict(docs)[0] * weights).sum()))
            parameter.data[place] -= sign * step
        slope = (values[0] - values[1]) / (2 * step)
        assert float(parameter.grad[place]) == pytest.approx(slope, rel=0.02, abs=1e-3)


def test_spelling_tells_characters_apart() -> None:
    assert spell(["ab", "a"], 1000).tolist() == [[98, 99], [98, 0]]


def test_a_pipeline_with_it_learns_and_is_saved_and_loaded(tmp_path: Any) -> None:
    tok2vec = {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": EMBED,
        "encode": {
            "@architectures": "spacy_bioner.BiLstmEncoder.v1",
            "width": 10,
            "hidden_width": 8,
            "depth": 1,
            "dropout": 0.0,
        },
    }
    nlp = train(initialized(build(tok2vec)))
    nlp.to_disk(tmp_path / "model")
    text = "病人服用阿斯匹靈後頭痛。"
    found = [(e.text, e.label_) for e in nlp(text).ents]
    assert found == [("阿斯匹靈", "DRUG"), ("頭痛", "SYMP")]
    assert [(e.text, e.label_) for e in spacy.load(tmp_path / "model")(text).ents] == found


@pytest.mark.parametrize("wrong", [{"window": 2}, {"rows": 1}])
def test_numbers_that_make_no_layer_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=str(next(iter(wrong.values())))):
        build_character_cnn_embed(words=Model("x", lambda *_: None), **wrong)  # type: ignore[arg-type,return-value]


def test_prediction_is_without_dropout_while_another_thread_ends_its_own() -> None:
    cnn = CharacterCnn(50, 5, 4, 3, dropout=0.5).train()  # as the thread does
    words = torch.from_numpy(spell(["aspirin", "mg"], 50)), torch.tensor([0, 1, 0])
    with torch.no_grad():
        assert torch.equal(cnn(*words), cnn.eval()(*words))


def test_a_sequence_without_spaces_takes_no_more_than_a_long_word() -> None:
    characters = spell(["ACGT" * 5000, "gene"], 50)
    assert characters.shape == (2, 256)
    np.testing.assert_array_equal(characters[0], spell(["ACGT" * 64], 50)[0])
