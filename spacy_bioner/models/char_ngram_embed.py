"""Characters embedded: learnt vectors, and static ones of the n-grams around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.ml.featureextractor import FeatureExtractor
from spacy.tokens import Doc
from thinc.api import HashEmbed, Model, chain, concatenate, list2ragged, ragged2list, with_array

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.static_lookup import MISSING, StaticVectors
from spacy_bioner.models.token_dropout import build_token_dropout
from spacy_bioner.models.types import Tok2Vec

NGRAM_JOINER = "|"  # as in tables of `spacy bioner make-vectors`
# First token and length of each n-gram around a token, by n.
_SEED = 4  # of the hash: thinc's own counts the layers that a process has made
_PLACES = {1: [(0, 1)], 2: [(-1, 2), (0, 2)], 3: [(-2, 3), (-1, 3), (0, 3)]}


def build_char_ngram_embed(
    vector_width: int,
    learned_width: int = 64,
    rows: int = 8000,
    ngrams: Sequence[int] = (1, 2),
    dropout: float = 0.0,
    learned_dropout: float = 0.0,
) -> Tok2Vec:
    """Registered as `spacy_bioner.CharNgramEmbed.v1`.

    Of each token: a learnt vector (learned_width; 0 for none) from a hashed table of
    `rows`, and the static vectors, from the pipeline's table, of each n-gram that it is
    part of: itself (n = 1), two bigrams, three trigrams. Zeros stand for n-grams without a
    vector. Static vectors are not changed by training.

    vector_width: numbers in a row of the table of vectors. ngrams: values of n. dropout: share
        of the static vectors, each by chance, in whose place training sees zeros.
        learned_dropout: share of the tokens whose learnt vector training does not see (see
        `build_token_dropout`).

    (n,) tokens a document -> (n, learned_width + vector_width * number of n-grams).
    Raises ConfigError on other n, a share outside [0, 1), or where nothing is asked for.
    """
    _check_shares(dropout=dropout, learned_dropout=learned_dropout)
    unknown = set(ngrams) - set(_PLACES)
    if unknown or not (ngrams or learned_width):
        raise ConfigError(
            f"CharNgramEmbed: ngrams is {list(ngrams)}; give some of {list(_PLACES)}, or a "
            "learned_width above 0."
        )
    places = [place for n in sorted(ngrams) for place in _PLACES[n]]
    parts = [_static(vector_width, places, dropout)] if places else []
    if learned_width:
        parts.insert(0, _learned(learned_width, rows, learned_dropout))
    width = learned_width + vector_width * len(places)
    layers = [concatenate(*parts)]
    return Model("char_ngram_embed", _forward, init=_init, layers=layers, dims={"nO": width})


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ConfigError(f"CharNgramEmbed: {name} = {share} must be at least 0 and below 1")


def _forward(model: Tok2Vec, docs: list[Doc], is_train: bool) -> Any:
    return model.layers[0](docs, is_train)


def _init(model: Tok2Vec, X: list[Doc] | None = None, Y: Any = None) -> None:
    model.layers[0].initialize(X=X)


def _learned(width: int, rows: int, dropout: float) -> Tok2Vec:
    layer: Tok2Vec = chain(
        FeatureExtractor(["ORTH"]),
        list2ragged(),
        with_array(HashEmbed(nO=width, nV=rows, column=0, seed=_SEED)),
        ragged2list(),
    )
    # not around it at 0: models that were saved without are of another form
    return build_token_dropout(layer, dropout) if dropout else layer


def _static(width: int, places: list[tuple[int, int]], dropout: float) -> Tok2Vec:
    layer = _StaticNgrams(width, places, dropout)
    return Model(
        "static_ngrams",
        layer.forward,
        init=layer.init,
        dims={"nO": width * len(places)},
    )


class _StaticNgrams(StaticVectors):
    """Looks up the n-grams at given places around each token."""

    def __init__(self, width: int, places: list[tuple[int, int]], dropout: float) -> None:
        super().__init__(width, dropout)
        self._places = places

    def rows(self, words: list[str]) -> NDArray[np.int64]:
        """Return the rows (n, P) of the n-grams at each place of each token."""
        lengths = {length for _, length in self._places}
        rows = {n: self._lookup.rows(_grams(words, n)) for n in lengths}  # (n - length + 1,) each
        columns = np.full((len(self._places), len(words)), MISSING, dtype=np.int64)
        for column, (first, length) in zip(columns, self._places, strict=True):
            begin, end = -first, len(words) - first - length + 1
            kept = column[begin:end] if begin < end else column[:0]
            kept[:] = rows[length][: len(kept)]
        return np.ascontiguousarray(columns.T)


def _grams(texts: list[str], length: int) -> list[str]:
    if length == 1:
        return texts
    shifted = [texts[i : len(texts) - length + 1 + i] for i in range(length)]
    return [NGRAM_JOINER.join(gram) for gram in zip(*shifted, strict=True)]
