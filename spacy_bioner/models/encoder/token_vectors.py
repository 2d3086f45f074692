"""Vectors of tokens from what a transformer left in their documents, for prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from spacy.tokens import Doc
from thinc.types import Floats2d

from spacy_bioner.models.encoder.layout import LayoutData
from spacy_bioner.models.types import Tok2Vec

# Poolings that leave the vector of a token with one wordpiece as it is.
_POOLINGS = {f"reduce_{kind}" for kind in ("first", "last", "max", "mean", "sum")}


def token_vectors(tok2vec: Tok2Vec, docs: Sequence[Doc]) -> Floats2d:
    """Vectors (n, width) of the tokens of all documents; each document has some.

    tok2vec: a listener and a pooling, as spacy-transformers chains them. Where each token of a
    document is one wordpiece, nothing is pooled.
    """
    ops, (listener, pool) = tok2vec.ops, tok2vec.layers
    records = listener.predict(list(docs))
    is_kept = pool.layers[0].name in _POOLINGS
    vectors = [_of_single_wordpieces(data) if is_kept else None for data in records]
    rest = [i for i, found in enumerate(vectors) if found is None]
    if rest:
        for i, pooled in zip(rest, pool.predict([records[i] for i in rest]), strict=True):
            vectors[i] = pooled
    joined: Floats2d = ops.xp.concatenate(vectors)
    return joined


def _of_single_wordpieces(data: Any) -> Any:
    """Vectors (t, width) of a document's tokens, None if one of them has not one wordpiece."""
    places, lengths, states = _parts(data)
    if len(places) != len(lengths) or not (lengths == 1).all():
        return None
    states = states.reshape(-1, states.shape[-1])
    first, last = int(places[0]), int(places[-1])
    is_slice = last - first + 1 == len(places) and bool((np.diff(places) == 1).all())
    return states[first : last + 1] if is_slice else states[places]


def _parts(data: Any) -> tuple[Any, Any, Any]:
    """Where the wordpieces of the tokens are (m,), how many each has (t,), states (k, l, width)."""
    if isinstance(data, LayoutData):
        return data.layout.places, data.layout.lengths, data.states
    return data.align.dataXd, data.align.lengths, data.model_output.last_hidden_state
