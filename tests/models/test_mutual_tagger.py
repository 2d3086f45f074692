"""Several members under one CRF, against enumeration of all paths and taggers of their own."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import spacy
from thinc.api import Model, fix_random_seed
from thinc.types import Ragged

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.crf_layer import END, START, TRANSITIONS, build_crf_layer, set_constraints
from spacy_bioner.models.crf_tagger import build_crf_tagger, set_n_tags
from spacy_bioner.models.divergence import disagreement
from spacy_bioner.models.mutual_tagger import build_mutual_tagger
from spacy_bioner.tags import TagScheme
from tests.pipeline.pipelines import BILSTM, CNN

SCHEME = TagScheme(("DRUG",), "BIO")
TAGS = len(SCHEME.tags)
LENGTHS = np.array([3, 1, 4], dtype="int32")
N = int(LENGTHS.sum())


def crf_layer() -> Model[Any, Any]:
    crf = build_crf_layer(TAGS)
    set_constraints(crf, *SCHEME.constraints)
    crf.initialize()
    rng = np.random.default_rng(1)
    for name in (START, END, TRANSITIONS):
        crf.set_param(name, rng.normal(size=crf.get_param(name).shape).astype("float32"))
    return crf


def log_probabilities(emissions: np.ndarray, crf: Model[Any, Any]) -> np.ndarray:
    """Of all paths of one sentence, those that the scheme forbids left out."""
    start, end, steps = (crf.get_param(n).astype(np.float64) for n in (START, END, TRANSITIONS))
    may_start, may_end, may_follow = SCHEME.constraints
    worths = [
        start[path[0]]
        + end[path[-1]]
        + sum(emissions[i, tag] for i, tag in enumerate(path))
        + sum(steps[a, b] for a, b in pairwise(path))
        for path in product(range(TAGS), repeat=len(emissions))
        if may_start[path[0]]
        and may_end[path[-1]]
        and all(may_follow[a, b] for a, b in pairwise(path))
    ]
    return np.array(worths) - np.log(np.exp(worths).sum())


def divergence(emissions: np.ndarray, given: np.ndarray, crf: Any, given_crf: Any) -> float:
    """Sum over members i of the mean over j of KL(p_j || p_i), p_j from what is given."""
    total, members = 0.0, len(emissions)
    for begin, n in zip(np.cumsum(LENGTHS) - LENGTHS, LENGTHS, strict=True):
        rows = slice(begin, begin + n)
        log_p = [log_probabilities(each[rows], crf) for each in emissions]
        log_given = [log_probabilities(each[rows], given_crf) for each in given]
        for i, j in product(range(members), repeat=2):
            if i != j:
                kl = (np.exp(log_given[j]) * (log_given[j] - log_p[i])).sum()
                total += kl / (members - 1)
    return float(total)


@pytest.mark.parametrize("members", [2, 3])
def test_gradient_is_that_of_the_divergence_over_all_paths(members: int) -> None:
    crf = crf_layer()
    emissions = np.random.default_rng(2).normal(size=(members, N, TAGS)).astype("float32")
    stacked = Ragged(emissions.reshape(-1, TAGS), np.tile(LENGTHS, members))
    found = disagreement(crf, stacked, members).reshape(emissions.shape)
    moved = emissions.astype(np.float64)
    for index in [(0, 0, 0), (1, 2, 1), (members - 1, N - 1, 2), (0, 3, 1)]:
        values = []
        for step in (1e-5, -1e-5):
            nudged = moved.copy()
            nudged[index] += step
            values.append(divergence(nudged, moved, crf, crf))
        assert found[index] == pytest.approx((values[0] - values[1]) / 2e-5, abs=1e-5)


def test_the_crf_is_not_moved_by_what_members_learn_from_one_another() -> None:
    crf = crf_layer()
    emissions = np.random.default_rng(3).normal(size=(2, N, TAGS))
    for name, index in [(TRANSITIONS, (1, 2)), (START, (0,)), (END, (2,))]:
        values = []
        for step in (1e-3, -1e-3):
            moved = crf_layer()
            nudged = moved.get_param(name).copy()
            nudged[index] += step
            moved.set_param(name, nudged)
            values.append(divergence(emissions, emissions, moved, crf))
        assert (values[0] - values[1]) / 2e-3 == pytest.approx(0.0, abs=1e-4)


def documents() -> list[Any]:
    nlp = spacy.blank("zh")
    return [nlp(text) for text in ("服用藥後", "", "頭痛。")]


def members() -> dict[str, Any]:
    fix_random_seed(4)
    return {name: spacy.registry.resolve({"m": m})["m"] for name, m in (("a", CNN), ("b", BILSTM))}


def initialized(model: Model[Any, Any]) -> Model[Any, Any]:
    set_n_tags(model, TAGS)
    set_constraints(model.get_ref("crf"), *SCHEME.constraints)
    model.initialize(X=documents())
    return model


def test_members_read_as_taggers_of_their_own_and_predict_their_mean() -> None:
    model = initialized(build_mutual_tagger(members(), mutual=0.0, hidden_width=4))
    alone = [initialized(build_crf_tagger(each, hidden_width=4)) for each in members().values()]
    for member, tagger in zip(model.layers, alone, strict=False):
        for node in ("tok2vec", "head"):
            tagger.get_ref(node).from_bytes(member.get_ref(node).to_bytes())
    outputs = [tagger.predict(documents()) for tagger in alone]
    predicted = model.predict(documents())
    mean = (outputs[0].dataXd + outputs[1].dataXd) / 2
    np.testing.assert_allclose(predicted.dataXd, mean, atol=1e-6)
    assert predicted.lengths.tolist() == [4, 0, 3]
    read, backprop = model.begin_update(documents())
    assert read.lengths.tolist() == [4, 0, 3, 4, 0, 3]
    gradient = np.random.default_rng(5).normal(size=read.dataXd.shape).astype("float32")
    backprop(Ragged(gradient, read.lengths))
    for i, (member, tagger) in enumerate(zip(model.layers, alone, strict=False)):
        emissions, back = tagger.begin_update(documents())
        np.testing.assert_allclose(read.dataXd[7 * i : 7 * i + 7], emissions.dataXd, atol=1e-6)
        back(Ragged(gradient[7 * i : 7 * i + 7], emissions.lengths))
        for node in ("W", "b"):
            found = member.get_ref("output_layer").get_grad(node)
            expected = tagger.get_ref("output_layer").get_grad(node)
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_weight_of_what_the_others_believe() -> None:
    gradients = []
    for mutual in (0.0, 0.5):
        model = initialized(build_mutual_tagger(members(), mutual=mutual, hidden_width=0))
        stacked, backprop = model.begin_update(documents())
        backprop(Ragged(np.zeros_like(stacked.dataXd), stacked.lengths))
        gradients.append([m.get_ref("output_layer").get_grad("b") for m in model.layers[:-1]])
    of_each = disagreement(model.get_ref("crf"), stacked, 2).reshape(2, -1, TAGS)
    crf = model.get_ref("crf")
    assert not any(crf.has_grad(name) and crf.get_grad(name).any() for name in crf.param_names)
    assert not np.any(gradients[0])
    np.testing.assert_allclose(gradients[1], 0.5 * of_each.sum(axis=1), atol=1e-6)
    assert np.abs(gradients[1]).max() > 1e-3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"members": {}}, "needs two members"),
        ({"members": {"one": None}}, "needs two members"),
        ({"members": {"one": None, "two": None}, "mutual": -1.0}, "must not be below 0"),
        ({"members": {"one": None, "two": None}, "activation": "x"}, "unknown activation"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_mutual_tagger(**settings)
