"""Words of a lexicon around each character, after SoftLexicon (Ma et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IDX, LENGTH
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from spacy_bioner.errors import ConfigError
from spacy_bioner.lexicon import Lexicon, normalized
from spacy_bioner.models.static_lookup import MISSING, StaticLookup
from spacy_bioner.models.types import Tok2Vec
from spacy_bioner.models.word_strings import WORD_STRINGS

_SETS = 4  # a word begins, continues, ends here, or stands alone


def build_lexicon_features(
    vector_width: int,
    lexicon: str | None = None,
    bits: bool = True,
    dropout: float = 0.0,
    normalize: bool = False,
) -> Tok2Vec:
    """Registered as `spacy_bioner.LexiconFeatures.v1`.

    For each token the mean vectors of the lexicon words that begin, continue, end, or
    stand alone there, weighted by the words' frequencies (Ma et al. 2020, equations 4 to
    6): (n, 4 * vector_width), and with `bits` four more columns, 1 where there is such a
    word. Words count where they begin and end at token boundaries; their vectors are rows
    of the pipeline's table, and words without one give bits alone.

    vector_width: numbers in a row of the table of vectors; 0 for bits alone, without a table.
    lexicon: a file with `term`, or `term TAB count`, a line, plain or in .xz. It is read when
        the model is initialised and saved with the model; a trained pipeline does without it.
    dropout: share of the words in a text, each by chance, that training does not see, so that
        it does not lean on them where there are none.
    normalize: terms and text are compared in lower case and without blanks, for words of
        letters; where terms begin and end stays a matter of tokens.

    Raises ConfigError for a share outside [0, 1), where there is neither a vector nor a bit, or
    if it is initialised without a lexicon; LexiconError, CorpusError.
    """
    _check(vector_width, bits, dropout)
    layer = _LexiconFeatures(vector_width, lexicon, bits, dropout, normalize)
    return Model(
        "lexicon_features",
        layer.forward,
        init=layer.init,
        dims={"nO": _SETS * (vector_width + bits)},
        attrs={"terms": None, "counts": None},
    )


def _check(vector_width: int, bits: bool, dropout: float) -> None:
    if not 0 <= dropout < 1:
        raise ConfigError(f"LexiconFeatures: dropout = {dropout} must be at least 0 and below 1")
    if vector_width < 0 or not (vector_width or bits):
        raise ConfigError(
            f"LexiconFeatures: vector_width = {vector_width} and bits = {bits} leave no feature"
        )


class _LexiconFeatures:
    """Looks up the words of a lexicon; made ready for a model's terms and a table of vectors."""

    def __init__(
        self, width: int, path: str | None, bits: bool, dropout: float, normalize: bool
    ) -> None:
        self._path = path
        self._bits = bits
        self._dropout = dropout
        self._normalize = normalize
        self._lookup = StaticLookup(width)
        self._words: _Words | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        settings = self._lookup.width, self._path, self._bits, self._dropout, self._normalize
        return _LexiconFeatures, settings

    def init(self, model: Tok2Vec, X: list[Doc] | None = None, Y: Any = None) -> None:
        if self._path is not None:
            lexicon = Lexicon.from_file(Path(self._path))
            lexicon = lexicon.normalized() if self._normalize else lexicon
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
        if self._lookup.width:
            self._lookup.use(vocab)
        terms: str = model.attrs["terms"]
        if self._words is None or not self._words.are_of(terms, vocab):
            counts = dict(zip(terms.split("\n"), model.attrs["counts"], strict=True))
            lexicon = Lexicon(counts)
            self._words = _Words(terms, vocab, lexicon, self._lookup, normalize=self._normalize)
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

    def __init__(
        self, terms: str, vocab: Vocab, lexicon: Lexicon, lookup: StaticLookup, *, normalize: bool
    ) -> None:
        self._terms = terms
        self._data = vocab.vectors.data  # which a table that is read from disk anew replaces
        self._lexicon = lexicon
        self._lookup = lookup
        self._normalize = normalize
        if lookup.width:
            self._rows = lookup.rows(lexicon.terms)  # (T,)
            self._weights = np.where(self._rows == MISSING, 0, lexicon.counts).astype(np.float32)

    def are_of(self, terms: str, vocab: Vocab) -> bool:
        return self._terms is terms and self._data is vocab.vectors.data

    def features(self, doc: Doc, bits: bool, hidden: float = 0.0) -> NDArray[np.float32]:
        """Return the features (n, 4 * width), or with bits (n, 4 * width + 4).

        hidden: the share of the words found, drawn by numpy's generator, to pass over.
        """
        text, begins, ends = _normalized(doc) if self._normalize else _as_it_is(doc)
        found = self._lexicon.find(text)  # (M, 3)
        if hidden:
            found = found[np.random.random(len(found)) >= hidden]
        places, words = _places(begins, ends, found)  # (K,) each: 4 * token + set, and term
        present = np.bincount(places, minlength=len(doc) * _SETS) > 0
        in_bits = present.reshape(len(doc), _SETS).astype(np.float32)
        if not self._lookup.width:
            return in_bits
        means = self._means(places, words, len(doc))
        return np.hstack([means, in_bits]) if bits else means

    def _means(
        self, places: NDArray[np.int64], words: NDArray[np.int64], n: int
    ) -> NDArray[np.float32]:
        """Mean vectors (n, 4 * width) of the words (K,) at each place."""
        width = self._lookup.width
        weights = self._weights[words]
        total = np.bincount(places // _SETS, weights, minlength=n)  # (n,)
        means = np.zeros((n * _SETS, width), dtype=np.float32)
        if len(places):
            order = np.argsort(places, kind="stable")
            sorted_places = places[order]
            begins = np.flatnonzero(np.append(True, np.diff(sorted_places) > 0))
            weighted = self._lookup.vectors(self._rows[words[order]]) * weights[order, None]
            means[sorted_places[begins]] = np.add.reduceat(weighted, begins, axis=0)
        scale = _SETS / np.where(total > 0, total, 1.0)
        return means.reshape(n, _SETS * width) * scale[:, None].astype(np.float32)


Text: TypeAlias = tuple[str, NDArray[np.int64], NDArray[np.int64]]


def _as_it_is(doc: Doc) -> Text:
    """The text, and where in it each token begins (n,) and ends (n,)."""
    begins, lengths = doc.to_array([IDX, LENGTH]).astype(np.int64).T
    return WORD_STRINGS.text(doc), begins, begins + lengths


def _normalized(doc: Doc) -> Text:
    """The same in lower case and without blanks; a token of blanks alone has no length."""
    words = [normalized(word) for word in WORD_STRINGS.words(doc)]
    ends = np.cumsum([len(word) for word in words], dtype=np.int64)
    return "".join(words), np.append(0, ends)[:-1], ends


def _places(
    begins: NDArray[np.int64], ends: NDArray[np.int64], found: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each place, 4 * token + set (K,), where a word stands, and the word (K,).

    begins, ends: (n,) of the tokens. found: (M, 3) of word, begin and end. All in characters.
    """
    at_begin = np.full(int(ends.max(initial=0)) + 2, -1, dtype=np.int64)
    at_end = at_begin.copy()
    (tokens,) = np.nonzero(ends > begins)
    at_begin[begins[tokens]] = at_end[ends[tokens]] = tokens
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
