"""Several encoders of the same tokens, side by side."""

from __future__ import annotations

from typing import Any

from spacy.tokens import Doc
from thinc.api import Linear, Model, chain, concatenate, with_array

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.types import Tok2Vec


def build_side_by_side(parts: dict[str, Any], width: int | None = None) -> Tok2Vec:
    """Registered as `spacy_bioner.SideBySide.v1`.

    The vectors of all parts for each token, one after another, in order of the parts'
    names; with a `width` a linear layer brings them to it. A part is any layer from
    documents to a vector a token, such as `spacy_bioner.CharNgramEmbed.v1`, a
    transformer listener, or `spacy.Tok2Vec.v2`.

    (n,) tokens a document -> (n, width), or (n, sum of the parts' widths).
    Raises ConfigError if there is no part.
    """
    if not parts:
        raise ConfigError("SideBySide: give at least one part.")
    ordered = [parts[name] for name in sorted(parts)]
    joined = ordered[0] if len(ordered) == 1 else concatenate(*ordered)
    layer = joined if width is None else chain(joined, with_array(Linear(nO=width)))
    widths = [part.maybe_get_dim("nO") for part in ordered]
    total = None if None in widths else sum(widths)
    return Model(
        "side_by_side",
        _forward,
        init=_init,
        layers=[layer],
        dims={"nO": width if width is not None else total},
    )


def _forward(model: Tok2Vec, docs: list[Doc], is_train: bool) -> Any:
    return model.layers[0](docs, is_train)


def _init(model: Tok2Vec, X: list[Doc] | None = None, Y: Any = None) -> None:
    layer = model.layers[0]
    layer.initialize(X=X)
    if model.has_dim("nO") is None:
        model.set_dim("nO", layer.get_dim("nO"))
