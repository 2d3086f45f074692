"""Another layer's vectors, of which training does not see some tokens' at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.types import Tok2Vec


def build_token_dropout(layer: Any, dropout: float = 0.3) -> Tok2Vec:
    """Registered as `spacy_bioner.TokenDropout.v1`, around an embedding layer.

    In training the whole vectors of a share of the tokens, each by chance, are zeros, so that a
    tagger learns to do without a word that it knows by heart, as it has to with one it never
    saw; what the layer beside it says of such words counts for more.

    layer: from documents to a vector a token. dropout: the share.

    (n,) tokens a document -> (n, width of the layer). Raises ConfigError for a share outside
    [0, 1).
    """
    if not 0 <= dropout < 1:
        raise ConfigError(f"TokenDropout: dropout = {dropout} must be at least 0 and below 1")
    return Model(
        "token_dropout",
        _forward,
        init=_init,
        layers=[layer],
        dims={"nO": layer.maybe_get_dim("nO")},
        attrs={"share": dropout},
    )


def _forward(
    model: Tok2Vec, docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], Any]]:
    vectors, backprop = model.layers[0](docs, is_train)
    share = model.attrs["share"]
    if not is_train or not share:
        return vectors, backprop
    kept = [model.ops.asarray2f(np.random.random((len(doc), 1)) >= share) for doc in docs]

    def backprop_kept(d_vectors: list[Floats2d]) -> Any:
        return backprop([d * mask for d, mask in zip(d_vectors, kept, strict=True)])

    return [rows * mask for rows, mask in zip(vectors, kept, strict=True)], backprop_kept


def _init(model: Tok2Vec, X: list[Doc] | None = None, Y: Any = None) -> None:
    layer = model.layers[0]
    layer.initialize(X=X)
    if model.has_dim("nO") is None:
        model.set_dim("nO", layer.get_dim("nO"))
