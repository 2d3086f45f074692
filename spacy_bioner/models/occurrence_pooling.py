"""What a layer says of a word, beside the most that it says of it anywhere in the document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import LOWER
from spacy.tokens import Doc
from thinc.api import Model, Ops
from thinc.types import Floats2d, Ints2d

from spacy_bioner.models.abbreviations import find_abbreviations
from spacy_bioner.models.types import Tok2Vec

Ints: TypeAlias = NDArray[np.int64]


def build_occurrence_pooling(layer: Any) -> Tok2Vec:
    """Registered as `spacy_bioner.OccurrencePooling.v1`, around a layer that reads context.

    Beside the vector of each token the largest numbers, each for itself, of those of all tokens
    of its document that are the same word in lower case, itself among them. A token of an
    abbreviation has those of all tokens of that abbreviation, wherever it stands, and of what it
    stands for (`find_abbreviations`). What context tells of a name in one place so reaches the
    others too (Akbik, Bergmann and Vollgraf 2019, https://aclanthology.org/N19-1078/, pool over
    all text that was read before; here it is one document, and what is found in it depends on no
    other). In a document whose words all differ the two halves are the same.

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
    """The tokens of a document put together by word, those of an abbreviation by its name."""

    def __init__(self, ops: Ops, doc: Doc, rows: Floats2d) -> None:
        pool, members, counts = _pools(doc)
        self._ops, self._pool = ops, ops.asarray1i(pool)  # (n,) that of each token
        self._members, self._counts = ops.asarray1i(members), ops.asarray1i(counts)
        most, which = ops.reduce_max(ops.as_contig(rows[self._members]), self._counts)
        self._which: Ints2d = which  # (pools, width) of its tokens the one that has the most
        self.pooled: Floats2d = most[self._pool]  # (n, width)

    def backprop(self, d_pair: Floats2d) -> Floats2d:
        """(n, 2 * width) -> (n, width)"""
        width = d_pair.shape[1] // 2
        d_most = self._ops.alloc2f(len(self._counts), width)
        self._ops.scatter_add(d_most, self._pool, self._ops.as_contig(d_pair[:, width:]))
        d_members = self._ops.backprop_reduce_max(d_most, self._which, self._counts)
        d_rows: Floats2d = d_pair[:, :width].copy()
        self._ops.scatter_add(d_rows, self._members, d_members)
        return d_rows


def _pools(doc: Doc) -> tuple[Ints, Ints, Ints]:
    """(n,) the pool of each token; (m,) tokens, pool after pool; (pools,) how many each has."""
    _, owners = np.unique(doc.to_array([LOWER]).reshape(-1), return_inverse=True)
    long_forms = []  # of abbreviations, whose pools are their own
    for number, abbreviation in enumerate(find_abbreviations(doc), start=len(doc)):
        for start, end in abbreviation.short:
            owners[start:end] = number
        start, end = abbreviation.long
        long_forms += [(token, number) for token in range(start, end)]
    further = np.asarray(long_forms, dtype=np.int64).reshape(-1, 2)
    members = np.concatenate([np.arange(len(doc)), further[:, 0]])
    _, pools = np.unique(np.concatenate([owners, further[:, 1]]), return_inverse=True)
    return pools[: len(doc)], members[np.argsort(pools, kind="stable")], np.bincount(pools)


def _init(model: Tok2Vec, X: list[Doc] | None = None, Y: Any = None) -> None:
    layer = model.layers[0]
    layer.initialize(X=X)
    if model.has_dim("nO") is None:
        model.set_dim("nO", 2 * layer.get_dim("nO"))
