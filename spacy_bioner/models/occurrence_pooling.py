"""What a layer says of a word, beside the most that it says of it anywhere in the document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from spacy.attrs import LOWER
from spacy.tokens import Doc
from thinc.api import Model, Ops
from thinc.types import Floats2d, Ints2d

from spacy_bioner.models.types import Tok2Vec


def build_occurrence_pooling(layer: Any) -> Tok2Vec:
    """Registered as `spacy_bioner.OccurrencePooling.v1`, around a layer that reads context.

    Beside the vector of each token the largest numbers, each for itself, of those of all tokens
    of its document that are the same word in lower case, itself among them. What context tells
    of a name in one place, as where an abbreviation is introduced, so reaches the others too
    (Akbik, Bergmann and Vollgraf 2019, https://aclanthology.org/N19-1078/, pool so over all text
    that was read before; here it is one document, and what is found in it depends on no other).
    In a document whose words all differ the two halves are the same.

    layer: from documents to a vector a token, (n, width). Returns (n, 2 * width).
    """
    width = layer.maybe_get_dim("nO")
    return Model(
        "occurrence_pooling",
        _forward,
        init=_init,
        layers=[layer],
        dims={"nO": None if width is None else 2 * width},
    )


def _forward(
    model: Tok2Vec, docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], Any]]:
    vectors, backprop = model.layers[0](docs, is_train)
    pools = [
        _Pool(model.ops, doc, rows) if len(doc) else None
        for doc, rows in zip(docs, vectors, strict=True)
    ]

    def backprop_pools(d_pairs: list[Floats2d]) -> Any:
        pairs = zip(pools, d_pairs, strict=True)
        return backprop(
            [pool.backprop(d) if pool else d[:, : d.shape[1] // 2] for pool, d in pairs]
        )

    xp = model.ops.xp
    pairs = [
        xp.concatenate([rows, pool.pooled if pool else rows], axis=1)
        for pool, rows in zip(pools, vectors, strict=True)
    ]
    return pairs, backprop_pools


class _Pool:
    """The tokens of a document put together by word."""

    def __init__(self, ops: Ops, doc: Doc, rows: Floats2d) -> None:
        lower = doc.to_array([LOWER]).reshape(-1)
        # (n,) the word of each token, and (words,) how many tokens each has
        _, self._word, counts = np.unique(lower, return_inverse=True, return_counts=True)
        self._by_word = np.argsort(self._word, kind="stable")  # (n,) tokens, word after word
        self._ops, self._counts = ops, ops.asarray1i(counts)
        self._which: Ints2d  # (words, width) of its tokens the one that has the most
        most, self._which = ops.reduce_max(ops.as_contig(rows[self._by_word]), self._counts)
        self.pooled: Floats2d = most[self._word]  # (n, width)

    def backprop(self, d_pair: Floats2d) -> Floats2d:
        """(n, 2 * width) -> (n, width)"""
        width = d_pair.shape[1] // 2
        d_pooled = self._ops.as_contig(d_pair[self._by_word, width:])
        d_words = self._ops.reduce_sum(d_pooled, self._counts)  # (words, width)
        d_sorted = self._ops.backprop_reduce_max(d_words, self._which, self._counts)
        d_rows: Floats2d = d_pair[:, :width].copy()
        d_rows[self._by_word] += d_sorted
        return d_rows


def _init(model: Tok2Vec, X: list[Doc] | None = None, Y: Any = None) -> None:
    layer = model.layers[0]
    layer.initialize(X=X)
    if model.has_dim("nO") is None:
        model.set_dim("nO", 2 * layer.get_dim("nO"))
