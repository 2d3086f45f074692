from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from thinc.api import Model

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.side_by_side import build_side_by_side
from spacy_bioner.models.types import Tok2Vec

DOCS = [spacy.blank("zh")(text) for text in ("頭痛", "糖尿病", "")]


def part(width: int, seen: list[Any]) -> Tok2Vec:
    """A layer of random vectors that notes the gradients it gets, and returns nothing."""

    def forward(model: Tok2Vec, docs: list[Doc], is_train: bool) -> Any:
        rng = np.random.default_rng(width)
        found = [rng.random((len(doc), width), dtype=np.float32) for doc in docs]
        return found, seen.append

    return Model(f"part{width}", forward, dims={"nO": width})


def test_parts_stand_in_order_of_their_names_and_get_their_own_gradients() -> None:
    seen: list[Any] = []
    model = build_side_by_side({"b": part(3, seen), "a": part(2, seen)})
    model.initialize(X=DOCS)
    assert model.get_dim("nO") == 5
    joined, backprop = model.begin_update(DOCS)
    two, three = (part(width, []).predict(DOCS) for width in (2, 3))
    for rows, left, right in zip(joined, two, three, strict=True):
        np.testing.assert_array_equal(rows, np.hstack([left, right]))
    gradients = [np.arange(rows.size, dtype=np.float32).reshape(rows.shape) for rows in joined]
    assert backprop(gradients) == []
    for got, begin, end in zip(seen, (0, 2), (2, 5), strict=True):
        for rows, gradient in zip(got, gradients, strict=True):
            np.testing.assert_array_equal(rows, gradient[:, begin:end])


def test_a_document_without_tokens_may_have_vectors_without_width() -> None:
    """As those of a transformer's listener, first in a batch."""
    seen: list[Any] = []

    def listen(model: Tok2Vec, docs: list[Doc], is_train: bool) -> Any:
        return [np.ones((len(doc), 2 if len(doc) else 0)) for doc in docs], seen.append

    listener: Tok2Vec = Model("listener", listen, dims={"nO": 2})
    model = build_side_by_side({"a": listener, "b": part(3, seen)})
    _, backprop = model.begin_update([DOCS[2], DOCS[0]])
    gradient = np.arange(10.0).reshape(2, 5)
    backprop([np.zeros((0, 5)), gradient])
    np.testing.assert_array_equal(seen[0][1], gradient[:, :2])
    np.testing.assert_array_equal(seen[1][1], gradient[:, 2:])


@pytest.mark.parametrize("n_parts", [1, 2])
def test_a_width_brings_all_parts_to_it(n_parts: int) -> None:
    parts = {str(width): part(width, []) for width in range(2, 2 + n_parts)}
    model = build_side_by_side(parts, width=7)
    model.initialize(X=DOCS)
    assert [rows.shape for rows in model.predict(DOCS)] == [(2, 7), (3, 7), (0, 7)]


def test_no_documents_are_no_vectors() -> None:
    model = build_side_by_side({"a": part(2, []), "b": part(3, [])})
    found, backprop = model.begin_update([])
    assert found == []
    assert backprop([]) == []


def test_no_part_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least one part"):
        build_side_by_side({})
