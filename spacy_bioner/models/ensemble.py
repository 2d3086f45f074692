"""Several taggers as one: the mean of their emissions under the mean of their CRFs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Ragged

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.crf_layer import END, START, TRANSITIONS, build_crf_layer
from spacy_bioner.models.types import CrfTagger


def build_ensemble_tagger(members: dict[str, Any], nO: int | None = None) -> CrfTagger:
    """Registered as `spacy_bioner.EnsembleTagger.v1`.

    A CRF whose emissions and transitions are the means of the members' is their
    normalised geometric mean: p(y|x) is proportional to the product of the members'
    p_i(y|x), each to the power of 1 / number of members. So decoding, confidences and
    constraints are exact for the ensemble too.

    members: taggers (`CrfTagger.v1` or `MutualTagger.v1`) by name, with the same tags in the same
    order. It is made of trained ones by `spacy bioner ensemble` and not trained itself.

    Output: emissions, Ragged with dataXd (N, T) and lengths (B,). References: "crf".
    Raises ConfigError if there is no member.
    """
    if not members:
        raise ConfigError("EnsembleTagger: give at least one member.")
    crf = build_crf_layer(nO)
    model: CrfTagger = Model(
        "ensemble_tagger",
        _forward,
        layers=[*members.values(), crf],
        dims={"nO": nO},
        refs={"crf": crf},
    )
    return model


def _forward(model: CrfTagger, docs: list[Doc], is_train: bool) -> tuple[Ragged, Any]:
    if is_train:
        raise ConfigError("an ensemble cannot be trained: train its members, and join them anew.")
    *members, crf = model.layers
    outputs = [member.predict(docs) for member in members]
    mean = sum(output.dataXd for output in outputs) / len(outputs)  # (N, T)
    return crf.predict(Ragged(mean, outputs[0].lengths)), lambda d_emissions: []


def join_taggers(model: CrfTagger, trained: Sequence[CrfTagger]) -> None:
    """Give an ensemble the weights of trained taggers, and its CRF their mean.

    Raises ConfigError if the taggers differ in number of tags or in constraints.
    """
    *members, crf = model.layers
    crfs = [tagger.get_ref("crf") for tagger in trained]
    n_tags = {one.get_dim("nO") for one in crfs}
    masks = ("allowed_start", "allowed_end", "allowed_transitions")
    same = all(np.array_equal(one.attrs[m], crfs[0].attrs[m]) for one in crfs for m in masks)
    if len(n_tags) > 1 or not same:
        raise ConfigError("the members of an ensemble must have the same tags and constraints.")
    for member, tagger in zip(members, trained, strict=True):
        member.from_bytes(tagger.to_bytes())
    for node in (model, crf):
        node.set_dim("nO", n_tags.copy().pop())
    for name in (START, END, TRANSITIONS):
        crf.set_param(name, sum(one.get_param(name) for one in crfs) / len(crfs))
    for mask in masks:
        crf.attrs[mask] = crfs[0].attrs[mask]
