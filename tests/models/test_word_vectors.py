"""WordVectors, against a table that is looked up by hand."""

from __future__ import annotations

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vectors import Vectors

from spacy_bioner.errors import ConfigError, VectorsError
from spacy_bioner.models.word_vectors import build_word_vectors

KEYS = ["aspirin", "fever", "Fever"]


@pytest.fixture
def nlp() -> Language:
    nlp = spacy.blank("en")
    data = np.arange(1, 7, dtype=np.float16).reshape(3, 2)
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=KEYS)
    return nlp


@pytest.mark.parametrize(
    ("lower", "rows"), [(True, [[1, 2], [3, 4], [0, 0]]), (False, [[0, 0], [5, 6], [0, 0]])]
)
def test_each_token_gets_its_vector(nlp: Language, lower: bool, rows: list[list[int]]) -> None:
    model = build_word_vectors(2, lower=lower)
    docs = [Doc(nlp.vocab, words=["ASPIRIN", "Fever", "unknown"]), Doc(nlp.vocab)]
    model.initialize(X=docs)
    found, none = model.predict(docs)
    assert found.tolist() == rows
    assert found.dtype == np.float32
    assert none.shape == (0, 2)


def test_training_sees_a_share_of_the_vectors(nlp: Language) -> None:
    model = build_word_vectors(2, dropout=0.25)
    doc = Doc(nlp.vocab, words=["fever"] * 800)
    model.initialize(X=[doc])
    np.random.seed(0)
    (seen,), backprop = model.begin_update([doc])
    assert 0.7 < (seen == [3, 4]).all(axis=1).mean() < 0.8
    assert ((seen == [3, 4]) | (seen == 0)).all()
    assert (model.predict([doc])[0] == [3, 4]).all()
    assert backprop([seen]) == []


def test_wrong_settings_are_refused(nlp: Language) -> None:
    with pytest.raises(ConfigError, match=r"WordVectors: dropout = 1\.0"):
        build_word_vectors(2, dropout=1.0)
    with pytest.raises(VectorsError, match="have 2 numbers each"):
        build_word_vectors(3).initialize(X=[nlp("fever")])
