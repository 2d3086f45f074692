"""Several encoders of the same tokens, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spacy.tokens import Doc
from thinc.api import Model, chain, with_array
from thinc.types import Floats2d

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.dense import build_dense
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
    joined = ordered[0] if len(ordered) == 1 else _joined(ordered)
    layer = joined if width is None else chain(joined, with_array(build_dense(width)))
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


def _joined(parts: list[Tok2Vec]) -> Tok2Vec:
    """A layer that gives the vectors of all parts, one after another."""
    name = "|".join(part.name for part in parts)
    return Model(name, _join, init=_init_joined, layers=parts, dims={"nO": None})


def _join(
    model: Tok2Vec, docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list[Doc]]]:
    """(n, width) of each part -> (n, sum of widths), for each document.

    thinc's `concatenate` adds up what the ways back return; that of a listener returns nothing
    where another component listens to the same transformer.
    """
    xp = model.ops.xp
    outputs, callbacks = zip(*(part(docs, is_train) for part in model.layers), strict=True)
    joined = [xp.concatenate(rows, axis=1) for rows in zip(*outputs, strict=True)]
    # a listener's vectors of a document without tokens are (0, 0)
    widths = [max((rows.shape[1] for rows in part), default=0) for part in outputs]

    def backprop(d_joined: list[Floats2d]) -> list[Doc]:
        begin = 0
        for width, callback in zip(widths, callbacks, strict=True):
            callback([model.ops.as_contig(rows[:, begin : begin + width]) for rows in d_joined])
            begin += width
        return []

    return joined, backprop


def _init_joined(model: Tok2Vec, X: list[Doc] | None = None, Y: Any = None) -> None:
    for part in model.layers:
        part.initialize(X=X)
    if all(part.has_dim("nO") for part in model.layers):
        model.set_dim("nO", sum(part.get_dim("nO") for part in model.layers))
