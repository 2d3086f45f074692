from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language

from spacy_bioner.models.encoder import bucketed_transformer, streaming
from spacy_bioner.models.encoder.layout import Layout
from spacy_bioner.models.encoder.streaming import StreamedData
from tests.models.encoder.pipelines import LONG, SENTENCES, bucketed_model, token_vectors
from tests.pipeline.pipelines import LISTENER, found_in, initialized, ner, tagger_config, train


@pytest.fixture(scope="module")
def trained(encoder: Path) -> Language:
    nlp = spacy.blank("zh")
    nlp.add_pipe("transformer", config={"model": bucketed_model(encoder)})
    nlp.add_pipe("bert_crf_ner", config=tagger_config(LISTENER))
    return train(initialized(nlp))


@pytest.fixture
def streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucketed_transformer, "LONGEST_KEPT", 2)
    monkeypatch.setattr(streaming, "_PART", 3)


TEXTS = [SENTENCES[0], LONG, "", " ", LONG[:150], SENTENCES[1]]


def test_long_documents_get_the_same_entities(
    trained: Language, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    expected = found_in(trained, TEXTS)
    emissions = ner(trained).model.predict(list(trained.pipe(TEXTS)))
    request.getfixturevalue("streamed")
    docs = list(trained.pipe(TEXTS))
    assert [type(doc._.trf_data) is StreamedData for doc in docs] == [0, 1, 0, 0, 1, 0]
    assert sum(len(doc.ents) for doc in docs) > 3
    assert found_in(trained, TEXTS) == expected
    again = ner(trained).model.predict(docs)
    np.testing.assert_array_equal(again.lengths, emissions.lengths)
    np.testing.assert_allclose(again.dataXd, emissions.dataXd, atol=1e-4)


@pytest.mark.parametrize("tokens", [1, 50, 100_000])
def test_emissions_by_part_are_those_of_all_at_once(
    trained: Language, monkeypatch: pytest.MonkeyPatch, tokens: int
) -> None:
    monkeypatch.setattr(streaming, "_TOKENS", tokens)
    docs = list(trained.pipe([*TEXTS, ""]))
    model = ner(trained).model
    whole, _ = model.layers[0](docs, False)
    found = model.predict(docs)
    np.testing.assert_array_equal(found.lengths, whole.lengths)
    np.testing.assert_allclose(found.dataXd, whole.dataXd, atol=1e-5)
    assert model.predict(docs[2:3]).dataXd.shape == (0, whole.dataXd.shape[1])


def test_no_more_than_a_part_is_encoded_at_once(
    trained: Language, streamed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = []
    encode = StreamedData.parts

    def parts(data: StreamedData):
        for part in encode(data):
            encoded.append(len(part.wordpieces))
            yield part

    monkeypatch.setattr(StreamedData, "parts", parts)
    doc = trained(LONG)
    rows = len(doc._.trf_data.wordpieces)
    assert max(encoded) <= 4
    assert rows <= sum(encoded) <= 2 * rows


@pytest.mark.usefixtures("streamed")
def test_a_component_that_knows_nothing_of_parts_gets_all_states(trained: Language) -> None:
    doc = trained.get_pipe("transformer")(trained.make_doc(LONG))
    assert isinstance(doc._.trf_data, StreamedData)
    vectors = token_vectors(doc)
    doc._.trf_data.from_bytes(doc._.trf_data.to_bytes())
    assert len(vectors) == len(doc)
    assert (np.abs(vectors).sum(axis=1) > 0).all()


def test_a_document_holds_neither_tokenizer_nor_encoder(trained: Language, streamed: None) -> None:
    for text in (SENTENCES[0], LONG):
        doc = trained(text)
        for other in (doc.copy(), pickle.loads(pickle.dumps(doc))):
            np.testing.assert_array_equal(token_vectors(other), token_vectors(doc))
            assert other._.trf_data.wordpieces.strings == doc._.trf_data.wordpieces.strings
    assert b"EncoderShim" not in pickle.dumps(doc)
    assert b"Tokenizer" not in pickle.dumps(doc._.trf_data)
    assert doc.copy()._.trf_data._encode is doc._.trf_data._encode


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(1, 5), st.integers(2, 9))
def test_parts_hold_every_token_once(lengths: list[int], n_rows: int, width: int) -> None:
    total = sum(lengths)
    rows = max(1, -(-total // width))
    ids = np.arange(rows * width).reshape(rows, width)
    whole = Layout(ids, np.array(lengths), np.arange(total), splitter=None)  # type: ignore[arg-type]
    parts = list(whole.parts(n_rows))
    assert np.concatenate([part.lengths for part in parts]).tolist() == lengths
    found = np.concatenate([part.ids.reshape(-1)[part.places] for part in parts])
    assert found.tolist() == list(range(total))
    longest_token = 1 + max(lengths) // width + 1
    assert all(len(part.ids) <= n_rows + longest_token for part in parts)


@pytest.mark.usefixtures("streamed")
def test_states_that_somebody_asked_for_are_not_computed_again(trained: Language) -> None:
    data = trained.get_pipe("transformer")(trained.make_doc(LONG))._.trf_data
    apart = [part.states for part in data.parts()]
    assert len(apart) > 1
    states = data.states
    (whole,) = data.parts()
    assert whole.states is states
    assert whole.layout is data.layout
