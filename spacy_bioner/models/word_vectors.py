"""Static vectors of whole tokens, from the pipeline's table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.static_lookup import MISSING, StaticLookup
from spacy_bioner.models.types import Tok2Vec
from spacy_bioner.models.word_strings import WORD_STRINGS


def build_word_vectors(vector_width: int, lower: bool = True, dropout: float = 0.0) -> Tok2Vec:
    """Registered as `spacy_bioner.WordVectors.v1`.

    Of each token the vector of its text, from the pipeline's table; zeros where that has none.
    Training does not change them. spaCy's own `include_static_vectors` takes no table in half
    precision.

    vector_width: numbers in a row of the table. lower: look tokens up in lower case. dropout:
        share of the vectors, each by chance, in whose place training sees zeros.

    (n,) tokens a document -> (n, vector_width). Raises ConfigError for a share outside [0, 1);
    VectorsError where the pipeline has no vectors of this width.
    """
    if not 0 <= dropout < 1:
        raise ConfigError(f"WordVectors: dropout = {dropout} must be at least 0 and below 1")
    layer = _WordVectors(vector_width, lower=lower, dropout=dropout)
    return Model("word_vectors", layer.forward, init=layer.init, dims={"nO": vector_width})


class _WordVectors:
    def __init__(self, width: int, *, lower: bool, dropout: float) -> None:
        self._lookup = StaticLookup(width)
        self._lower = lower
        self._dropout = dropout

    def init(self, model: Tok2Vec, X: list[Doc] | None = None, Y: Any = None) -> None:
        if X:
            self._lookup.use(X[0].vocab)

    def forward(
        self, model: Tok2Vec, docs: list[Doc], is_train: bool
    ) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list[Doc]]]:
        vectors = []
        if docs:
            self._lookup.use(docs[0].vocab)
        for doc in docs:
            words = WORD_STRINGS.words(doc)
            rows = self._lookup.rows([word.lower() for word in words] if self._lower else words)
            if is_train and self._dropout:
                rows[np.random.random(rows.shape) < self._dropout] = MISSING
            vectors.append(model.ops.asarray2f(self._lookup.vectors(rows)))
        return vectors, lambda d_vectors: []
