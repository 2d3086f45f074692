"""Token vectors for prediction against those of spacy-transformers' layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy_transformers.data_classes import TransformerData
from thinc.api import Model, Ragged, reduce_first, reduce_max, reduce_mean, reduce_sum

from spacy_bioner.models.encoder.token_vectors import token_vectors
from tests.models.encoder.pipelines import LATIN, LONG, SENTENCES, bucketed_model, build

TEXTS = [*SENTENCES[:5], LATIN, LONG[:150], "胃"]
# Their space is a token without a wordpiece, of which some poolings know no vector.
SPACED = [*TEXTS, " ", "a  b"]


@pytest.fixture(scope="module")
def pipeline(encoder: Path) -> Language:
    return build(bucketed_model(encoder))


def doubled() -> Model[Any, Any]:
    """A pooling that changes single wordpieces too."""

    def forward(model: Any, inputs: Ragged, is_train: bool) -> Any:
        mean, backprop = reduce_mean()(inputs, is_train)
        return 2 * mean, backprop

    return Model("doubled", forward)


def listener(nlp: Language, pooling: Model[Any, Any]) -> Model[Any, Any]:
    build_listener = spacy.registry.architectures.get("spacy-transformers.TransformerListener.v1")
    tok2vec = build_listener(pooling, upstream="*")
    tok2vec.get_ref("listener").set_dim("nO", nlp.get_pipe("transformer").model.get_dim("nO"))
    return tok2vec


@pytest.mark.parametrize(
    ("make", "texts"),
    [
        (reduce_mean, SPACED),
        (reduce_sum, SPACED),
        (doubled, SPACED),
        (reduce_max, TEXTS),
        (reduce_first, TEXTS),
    ],
)
def test_vectors_are_those_of_the_layer(pipeline: Language, make: Any, texts: list[str]) -> None:
    tok2vec = listener(pipeline, make())
    docs = list(pipeline.pipe(texts))
    expected = np.concatenate(tok2vec.predict(docs))
    np.testing.assert_allclose(token_vectors(tok2vec, docs), expected, atol=1e-6)


def test_documents_without_a_transformer_get_zeros(pipeline: Language) -> None:
    tok2vec = listener(pipeline, reduce_mean())
    docs = [spacy.blank("zh")("胃痛"), pipeline("頭痛")]
    found = token_vectors(tok2vec, docs)
    np.testing.assert_allclose(found, np.concatenate(tok2vec.predict(docs)), atol=1e-6)
    assert not found[:2].any()
    assert found[2:].any()


@pytest.mark.parametrize("places", [[0, 1, 2], [2, 1, 0], [1, 1, 3], [0, 2, 3], [3, 3, 3]])
def test_wordpieces_in_any_order(pipeline: Language, places: list[int]) -> None:
    tok2vec = listener(pipeline, reduce_mean())
    doc = pipeline("胃很痛")
    data = doc._.trf_data
    align = Ragged(np.array(places, dtype="int32"), np.ones(3, dtype="int32"))
    doc._.trf_data = TransformerData(data.wordpieces, data.model_output, align)
    found = token_vectors(tok2vec, [doc])
    np.testing.assert_array_equal(found, data.model_output.last_hidden_state[0][places])
