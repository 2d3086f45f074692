"""Static vectors of whole tokens, from the pipeline's table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from thinc.api import Model

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.static_lookup import StaticVectors
from spacy_bioner.models.types import Tok2Vec


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


class _WordVectors(StaticVectors):
    def __init__(self, width: int, *, lower: bool, dropout: float) -> None:
        super().__init__(width, dropout)
        self._lower = lower

    def rows(self, words: list[str]) -> NDArray[np.int64]:
        found = [word.lower() for word in words] if self._lower else words
        return self._lookup.rows(found)[:, None]
