"""OccurrencePooling: beside each token the most of its word in the document, and the way back."""

from __future__ import annotations

import re

import numpy as np
import pytest
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from spacy_bioner.models.occurrence_pooling import build_occurrence_pooling
from spacy_bioner.models.types import Tok2Vec
from spacy_bioner.pipeline.tokenizer import AlphanumericTokenizer
from tests.models.tables import embed_words

WIDTH = 6
STEP = 1e-6  # so small that another token becomes the largest nowhere


@pytest.fixture
def docs() -> list[Doc]:
    tokenizer = AlphanumericTokenizer(Vocab())
    texts = (
        "CT shows ct and Ct shows",
        "",
        "CT",
        "a b",
        "FA is folic acid (FA), an acid, not fa (B",
        "5-AZ is 5-azacytidine (5-AZ)-like",
    )
    return [tokenizer(text) for text in texts]


def by_hand(doc: Doc, rows: Floats2d) -> Floats2d:
    """Of a word all tokens that are not of an abbreviation; of an abbreviation all of it."""
    long_forms = {"FA": "folic acid", "5-AZ": "5-azacytidine"}
    own: dict[int, list[int]] = {}
    for short, long in long_forms.items():
        if f"{long} ({short})" in doc.text:
            pool = [t.i for span in places(doc, short) for t in span]
            own |= {i: [*pool, *(t.i for t in places(doc, long)[0])] for i in pool}
    pools = [
        own.get(t.i) or [u.i for u in doc if u.lower_ == t.lower_ and u.i not in own] for t in doc
    ]
    most = [np.max(rows[pool], axis=0) for pool in pools]
    return np.concatenate([rows, np.asarray(most).reshape(rows.shape)], axis=1)


def places(doc: Doc, words: str) -> list[Span]:
    found = (doc.char_span(m.start(), m.end()) for m in re.finditer(re.escape(words), doc.text))
    return [span for span in found if span is not None]


def test_each_token_has_the_most_of_its_word_in_its_document(docs: list[Doc]) -> None:
    layer = embed_words(WIDTH, rows=500)
    model = build_occurrence_pooling(layer)
    model.initialize(X=docs)
    assert model.get_dim("nO") == 2 * WIDTH
    for doc, rows, found in zip(docs, layer.predict(docs), model.predict(docs), strict=True):
        np.testing.assert_allclose(found, by_hand(doc, rows), rtol=1e-5, atol=1e-7)
    ct, other = model.predict(docs)[0][0, WIDTH:], model.predict(docs)[2][0, WIDTH:]
    assert not np.allclose(ct, other)  # the other document has its own


def test_the_way_back_is_the_gradient(docs: list[Doc]) -> None:
    """Against differences: of a weighted sum of what comes out, by each number that goes in."""
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(len(doc), WIDTH)) for doc in docs]
    weights = [rng.normal(size=(len(doc), 2 * WIDTH)) for doc in docs]
    taken: list[list[Floats2d]] = []
    layer: Tok2Vec = Model(
        "given", lambda model, X, is_train: (rows, taken.append), dims={"nO": WIDTH}
    )
    model = build_occurrence_pooling(layer)

    def total() -> float:
        pairs = model.predict(docs)
        return sum(float((w * p).sum()) for w, p in zip(weights, pairs, strict=True))

    _, backprop = model.begin_update(docs)
    backprop(weights)
    for given, found in zip(rows, taken[0], strict=True):
        for place in np.ndindex(given.shape):
            before = given[place]
            given[place] = before + STEP
            above = total()
            given[place] = before - STEP
            slope = (above - total()) / (2 * STEP)
            given[place] = before
            assert found[place] == pytest.approx(slope, rel=1e-3, abs=1e-4)
