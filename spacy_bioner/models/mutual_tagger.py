"""Several taggers under one CRF that learn from the annotation and from one another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Ragged

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.crf_layer import build_crf_layer
from spacy_bioner.models.crf_tagger import build_emissions
from spacy_bioner.models.divergence import disagreement
from spacy_bioner.models.types import CrfTagger

Backprop = Callable[[Ragged], list[Doc]]


def build_mutual_tagger(
    members: dict[str, Any],
    mutual: float = 1.0,
    hidden_width: int = 256,
    activation: str = "gelu",
    backend: str = "packed",
    nO: int | None = None,
) -> CrfTagger:
    """Registered as `spacy_bioner.MutualTagger.v1`.

    Each member has token vectors, two linear layers and a loss on the annotation of its own. To
    that of member i is added `mutual` times the mean, over the others j, of KL(p_j || p_i), with
    p over whole tag paths under the CRF of all, and p_j as given: deep mutual learning (Zhang et
    al. 2018, https://arxiv.org/abs/1706.00384, equation 8). What is decoded is the mean of the
    members' emissions, which is the normalised geometric mean of the p_i.

    members: by name, layers from documents to a vector a token, as `tok2vec` of
        `spacy_bioner.CrfTagger.v1`, whose other settings are those of each of them.
    mutual: 0 for members that learn from the annotation alone. The config says it, not what is
        saved with the weights.
    nO: number of tags, set when the component is initialised.

    Output: emissions, Ragged with dataXd (N, T) and lengths (B,); in training those of the M
    members, one after another: (M * N, T) and (M * B,). References: "crf".
    Raises ConfigError for fewer than two members, and for a setting that cannot work.
    """
    _check(members, mutual)
    ordered = [members[name] for name in sorted(members)]
    crf = build_crf_layer(nO, backend)
    model: CrfTagger = Model(
        "mutual_tagger",
        partial(_forward, mutual=mutual),
        init=_init,
        layers=[*(build_emissions(m, hidden_width, activation, nO) for m in ordered), crf],
        dims={"nO": nO},
        attrs={"n_members": len(ordered)},
        refs={"crf": crf},
    )
    return model


def _check(members: dict[str, Any], mutual: float) -> None:
    if len(members) < 2:
        raise ConfigError(f"MutualTagger needs two members to learn from one another: {[*members]}")
    if mutual < 0:
        raise ConfigError(f"MutualTagger: mutual = {mutual}: must not be below 0")


def _forward(
    model: CrfTagger, docs: list[Doc], is_train: bool, mutual: float
) -> tuple[Ragged, Backprop]:
    *members, crf = model.layers
    read = [member(docs, is_train) for member in members]
    outputs = [output for output, _ in read]
    if not is_train:
        mean = sum(output.dataXd for output in outputs) / len(outputs)  # (N, T)
        return Ragged(mean, outputs[0].lengths), lambda d_emissions: []
    xp = model.ops.xp
    stacked = Ragged(
        xp.concatenate([output.dataXd for output in outputs]),  # (M * N, T)
        xp.concatenate([output.lengths for output in outputs]),  # (M * B,)
    )

    def backprop(d_stacked: Ragged) -> list[Doc]:
        gradient = d_stacked.dataXd
        if mutual:
            gradient = gradient + mutual * disagreement(crf, stacked, len(members))
        for (output, callback), d_output in zip(read, xp.split(gradient, len(read)), strict=True):
            callback(Ragged(model.ops.as_contig(d_output), output.lengths))
        return []

    return stacked, backprop


def _init(model: CrfTagger, X: list[Doc] | None = None, Y: Any = None) -> None:
    for layer in model.layers:
        layer.initialize(X=X)
