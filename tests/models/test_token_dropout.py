"""TokenDropout: whole tokens are hidden, in training alone, and from the way back too."""

from __future__ import annotations

import numpy as np
import pytest
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.token_dropout import build_token_dropout
from tests.models.tables import embed_words

WIDTH = 8


@pytest.fixture
def docs() -> list[Doc]:
    vocab = Vocab()
    return [Doc(vocab, words=["a", "b"] * 400), Doc(vocab), Doc(vocab, words=["c"])]


def test_prediction_sees_every_token(docs: list[Doc]) -> None:
    layer = embed_words(WIDTH, rows=50)
    model = build_token_dropout(layer, 0.5)
    model.initialize(X=docs)
    assert model.get_dim("nO") == WIDTH
    for found, expected in zip(model.predict(docs), layer.predict(docs), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_training_sees_whole_tokens_or_none_of_them(docs: list[Doc]) -> None:
    model = build_token_dropout(embed_words(WIDTH, rows=50), 0.25)
    model.initialize(X=docs)
    whole = model.predict(docs)
    np.random.seed(0)
    seen, backprop = model.begin_update(docs)
    hidden = (seen[0] == 0).all(axis=1)
    assert 0.2 < hidden.mean() < 0.3
    np.testing.assert_array_equal(seen[0][~hidden], whole[0][~hidden])
    assert seen[1].shape == (0, WIDTH)
    backprop([np.ones_like(rows) for rows in seen])
    table = next(node for node in model.walk() if node.has_grad("E"))
    rows = len(docs[0]) + len(docs[2]) - hidden.sum() - (seen[2] == 0).all()
    assert table.get_grad("E").sum() == pytest.approx(4 * WIDTH * rows)


def test_without_a_share_nothing_is_hidden(docs: list[Doc]) -> None:
    model = build_token_dropout(embed_words(WIDTH, rows=50), 0.0)
    model.initialize(X=docs)
    seen, _ = model.begin_update(docs)
    np.testing.assert_array_equal(seen[0], model.predict(docs)[0])


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_that_cannot_work_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="TokenDropout: dropout ="):
        build_token_dropout(embed_words(WIDTH, rows=50), share)
