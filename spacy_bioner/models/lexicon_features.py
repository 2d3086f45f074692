"""Words of a lexicon around each character, after SoftLexicon (Ma et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IDX, LENGTH
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from spacy_bioner.errors import ConfigError
from spacy_bioner.lexicon import Lexicon
from spacy_bioner.models.static_lookup import MISSING, StaticLookup
from spacy_bioner.models.types import Tok2Vec
from spacy_bioner.models.word_strings import WORD_STRINGS

_SETS = 4  # a word begins, continues, ends here, or stands alone


def build_lexicon_features(
    vector_width: int, lexicon: str | None = None, bits: bool = True, dropout: float = 0.0
) -> Tok2Vec:
    """Registered as `spacy_bioner.LexiconFeatures.v1`.

    For each token the mean vectors of the lexicon words that begin, continue, end, or
    stand alone there, weighted by the words' frequencies (Ma et al. 2020, equations 4 to
    6): (n, 4 * vector_width), and with `bits` four more columns, 1 where there is such a
    word. Words count where they begin and end at token boundaries; their vectors are rows
    of the pipeline's table, and words without one give bits alone.

    vector_width: numbers in a row of the table of vectors.
    lexicon: a file with `term`, or `term TAB count`, a line. It is read when the model is
        initialised and saved with the model; a trained pipeline does without the file.
    dropout: share of the words in a text, each by chance, that training does not see, so that
        it does not lean on them where there are none.

    Raises ConfigError for a share outside [0, 1), or if it is initialised without a lexicon;
    LexiconError, CorpusError.
    """
    if not 0 <= dropout < 1:
        raise ConfigError(f"LexiconFeatures: dropout = {dropout} must be at least 0 and below 1")
    layer = _LexiconFeatures(vector_width, lexicon, bits, dropout)
    return Model(
        "lexicon_features",
        layer.forward,
        init=layer.init,
        dims={"nO": _SETS * (vector_width + bits)},
        attrs={"terms": None, "counts": None},
    )


class _LexiconFeatures:
    """Looks up the words of a lexicon; made ready for a model's terms and a table of vectors."""

    def __init__(self, width: int, path: str | None, bits: bool, dropout: float) -> None:
        self._path = path
        self._bits = bits
        self._dropout = dropout
        self._lookup = StaticLookup(width)
        self._words: _Words | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _LexiconFeatures, (self._lookup.width, self._path, self._bits, self._dropout)

    def init(self, model: Tok2Vec, X: list[Doc] | None = None, Y: Any = None) -> None:
        if self._path is not None:
            lexicon = Lexicon.from_file(Path(self._path))
            model.attrs["terms"] = "\n".join(lexicon.terms)
            model.attrs["counts"] = lexicon.counts.tolist()
        if model.attrs["terms"] is None:
            raise ConfigError(
                "LexiconFeatures needs a lexicon to be initialised with: give the path of a "
                "file with a term a line."
            )
        if X:
            self._words_for(model, X[0].vocab)

    def _words_for(self, model: Tok2Vec, vocab: Vocab) -> _Words:
        self._lookup.use(vocab)
        terms: str = model.attrs["terms"]
        if self._words is None or not self._words.are_of(terms, vocab):
            counts = dict(zip(terms.split("\n"), model.attrs["counts"], strict=True))
            self._words = _Words(terms, vocab, Lexicon(counts), self._lookup)
        return self._words

    def forward(
        self, model: Tok2Vec, docs: list[Doc], is_train: bool
    ) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list[Doc]]]:
        words = self._words_for(model, docs[0].vocab) if docs else None
        hidden = self._dropout if is_train else 0.0
        features = [words.features(doc, self._bits, hidden) for doc in docs] if words else []
        return [model.ops.asarray2f(found) for found in features], lambda d_features: []


class _Words:
    """The lexicon, with the row in the vocabulary's vectors of each of its terms."""

    def __init__(self, terms: str, vocab: Vocab, lexicon: Lexicon, lookup: StaticLookup) -> None:
        self._terms = terms
        self._data = vocab.vectors.data  # which a table that is read from disk anew replaces
        self._lexicon = lexicon
        self._lookup = lookup
        self._rows = lookup.rows(lexicon.terms)  # (T,)
        self._weights = np.where(self._rows == MISSING, 0, lexicon.counts).astype(np.float32)

    def are_of(self, terms: str, vocab: Vocab) -> bool:
        return self._terms is terms and self._data is vocab.vectors.data

    def features(self, doc: Doc, bits: bool, hidden: float = 0.0) -> NDArray[np.float32]:
        """Return the features (n, 4 * width), or with bits (n, 4 * width + 4).

        hidden: the share of the words found, drawn by numpy's generator, to pass over.
        """
        width = self._lookup.width
        found = self._lexicon.find(WORD_STRINGS.text(doc))  # (M, 3)
        if hidden:
            found = found[np.random.random(len(found)) >= hidden]
        places, words = _places(doc, found)  # (K,) each: 4 * token + set, and term
        weights = self._weights[words]
        total = np.bincount(places // _SETS, weights, minlength=len(doc))  # (n,)
        means = np.zeros((len(doc) * _SETS, width), dtype=np.float32)
        if len(places):
            order = np.argsort(places, kind="stable")
            sorted_places = places[order]
            begins = np.flatnonzero(np.append(True, np.diff(sorted_places) > 0))
            weighted = self._lookup.vectors(self._rows[words[order]]) * weights[order, None]
            means[sorted_places[begins]] = np.add.reduceat(weighted, begins, axis=0)
        scale = _SETS / np.where(total > 0, total, 1.0)
        means = means.reshape(len(doc), _SETS * width) * scale[:, None].astype(np.float32)
        if not bits:
            return means
        present = np.bincount(places, minlength=len(doc) * _SETS) > 0
        return np.hstack([means, present.reshape(len(doc), _SETS).astype(np.float32)])


def _places(doc: Doc, found: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each place, 4 * token + set (K,), where a word stands, and the word (K,).

    found: (M, 3) of word, begin and end in characters.
    """
    begins, lengths = doc.to_array([IDX, LENGTH]).astype(np.int64).T
    ends = begins + lengths
    at_begin = np.full(int(ends.max(initial=0)) + 2, -1, dtype=np.int64)
    at_end = at_begin.copy()
    at_begin[begins] = at_end[ends] = np.arange(len(doc))
    first, last = at_begin[found[:, 1]], at_end[found[:, 2]]
    whole = (first >= 0) & (last >= first)
    word, first, last = found[whole, 0], first[whole], last[whole]
    long = last > first
    inner = np.maximum(last - first - 1, 0)
    offsets = np.arange(inner.sum()) - np.repeat(np.cumsum(inner) - inner, inner)
    places = [
        first[long] * _SETS,
        (np.repeat(first, inner) + 1 + offsets) * _SETS + 1,
        last[long] * _SETS + 2,
        first[~long] * _SETS + 3,
    ]
    words = [word[long], np.repeat(word, inner), word[long], word[~long]]
    return np.concatenate(places), np.concatenate(words)
