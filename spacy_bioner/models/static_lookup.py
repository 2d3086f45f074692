"""Rows of the vocabulary's table of vectors, found by string, and layers that give them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.strings import get_string_id
from spacy.tokens import Doc
from spacy.vectors import Vectors
from spacy.vocab import Vocab
from thinc.types import Floats2d

from spacy_bioner.errors import VectorsError
from spacy_bioner.models.types import Tok2Vec
from spacy_bioner.models.word_strings import WORD_STRINGS

MISSING = -1
_MOST_REMEMBERED = 1_000_000


class StaticLookup:
    """Finds rows of a given width in a vocabulary's vectors, and remembers what it found.

    It belongs to a layer and not to a vocabulary: with another table it begins anew.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self._table: Vectors | None = None
        self._data: Any = None  # which a table that is read from disk anew replaces
        self._host: Any = None  # the same in memory that numpy reads
        self._rows: dict[str, int] = {}

    def __reduce__(self) -> tuple[type[StaticLookup], tuple[int]]:
        return StaticLookup, (self.width,)

    def use(self, vocab: Vocab) -> None:
        """Take the table of this vocabulary.

        Raises VectorsError if it has no vectors, or vectors of another width or kind.
        """
        table = vocab.vectors
        if table is self._table and self._data is vocab.vectors.data:
            return
        if table.mode != "default":
            raise VectorsError(
                f"the pipeline's vectors are of the kind {table.mode!r}, which has none by string. "
                "Make some with `spacy bioner make-vectors`."
            )
        if not table.shape[0]:
            raise VectorsError(
                "the pipeline has no vectors. Make some with `spacy bioner make-vectors`, and "
                "name the folder in the config as [initialize] vectors."
            )
        if table.shape[1] != self.width:
            raise VectorsError(
                f"the vectors have {table.shape[1]} numbers each, and the config says "
                f"vector_width = {self.width}. Set it to {table.shape[1]}."
            )
        # spaCy keeps the table where the model computes, and on a GPU numpy does not read it
        self._host = table.data if isinstance(table.data, np.ndarray) else table.data.get()
        self._rows = {}
        # last, for by these other threads see that all is there
        self._table, self._data = table, table.data

    def rows(self, texts: Iterable[str]) -> NDArray[np.int64]:
        """Return the row of each text, or MISSING."""
        known = self._rows
        found = [known[text] if text in known else self._find(text) for text in texts]
        return np.array(found, dtype=np.int64)

    def _find(self, text: str) -> int:
        assert self._table is not None, "call use() first"
        row: int = self._table.key2row.get(get_string_id(text), MISSING)
        if len(self._rows) < _MOST_REMEMBERED:
            self._rows[text] = row
        return row

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors (..., width) of rows (...), zeros for MISSING."""
        assert self._table is not None, "call use() first"
        found = np.asarray(self._host[np.maximum(rows, 0)], dtype=np.float32)
        found[rows == MISSING] = 0.0
        return found


class StaticVectors:
    """What a layer of static vectors does: P rows of the table for each token, side by side.

    dropout: share of the rows, each by chance, in whose place training sees zeros.
    """

    def __init__(self, width: int, dropout: float) -> None:
        self._lookup = StaticLookup(width)
        self._dropout = dropout

    def rows(self, words: list[str]) -> NDArray[np.int64]:
        """Return the rows (n, P) of a document's words."""
        raise NotImplementedError

    def init(self, model: Tok2Vec, X: list[Doc] | None = None, Y: Any = None) -> None:
        if X:
            self._lookup.use(X[0].vocab)

    def forward(
        self, model: Tok2Vec, docs: list[Doc], is_train: bool
    ) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list[Doc]]]:
        """(n,) tokens a document -> (n, P * width)."""
        vectors = []
        if docs:
            self._lookup.use(docs[0].vocab)
        for doc in docs:
            rows = self.rows(WORD_STRINGS.words(doc))
            if is_train and self._dropout:
                rows[np.random.random(rows.shape) < self._dropout] = MISSING
            flat = self._lookup.vectors(rows).reshape(len(doc), model.get_dim("nO"))
            vectors.append(model.ops.asarray2f(flat))
        return vectors, lambda d_vectors: []
