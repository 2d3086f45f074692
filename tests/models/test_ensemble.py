from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import spacy
from thinc.api import Model, fix_random_seed

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.crf_layer import END, START, TRANSITIONS, crf_scores, set_constraints
from spacy_bioner.models.crf_tagger import build_crf_tagger, set_n_tags
from spacy_bioner.models.ensemble import build_ensemble_tagger, join_taggers
from spacy_bioner.models.lattice import Lattice
from spacy_bioner.tags import TagScheme
from tests.pipeline.pipelines import CNN

SCHEME = TagScheme(("DRUG",), "BIO")


def tagger(seed: int, docs: list[Any]) -> Model[Any, Any]:
    fix_random_seed(seed)
    model = build_crf_tagger(spacy.registry.resolve({"model": CNN})["model"], hidden_width=4)
    set_n_tags(model, len(SCHEME.tags))
    crf = model.get_ref("crf")
    set_constraints(crf, *SCHEME.constraints)
    model.initialize(X=docs)
    rng = np.random.default_rng(seed)
    for name in (START, END, TRANSITIONS):
        crf.set_param(name, rng.normal(size=crf.get_param(name).shape).astype("float32"))
    return model


def path_probabilities(model: Model[Any, Any], docs: list[Any]) -> np.ndarray:
    """Probabilities of all tag paths of one short document, by enumeration."""
    emissions = model.predict(docs).dataXd.astype(np.float64)
    scores = crf_scores(model.get_ref("crf"))
    worths = []
    for path in product(range(len(SCHEME.tags)), repeat=len(emissions)):
        worth = scores.start[path[0]] + scores.end[path[-1]]
        worth += sum(emissions[i, tag] for i, tag in enumerate(path))
        worth += sum(scores.transitions[a, b] for a, b in pairwise(path))
        worths.append(worth)
    values = np.exp(np.array(worths))
    return values / values.sum()


def test_ensemble_is_the_normalised_geometric_mean_of_its_members() -> None:
    nlp = spacy.blank("zh")
    docs = [nlp("服用藥後")]
    members = [tagger(seed, docs) for seed in (1, 2, 3)]
    joined = build_ensemble_tagger({f"m{i}": tagger(0, docs) for i in range(3)})
    join_taggers(joined, members)
    product_of_all = np.prod([path_probabilities(m, docs) for m in members], axis=0) ** (1 / 3)
    expected = product_of_all / product_of_all.sum()
    np.testing.assert_allclose(path_probabilities(joined, docs), expected, rtol=1e-4)
    lattice = Lattice.of(joined.get_ref("crf"), joined.predict(docs), SCHEME)
    best = np.exp(lattice.best_path_log_probabilities())
    np.testing.assert_allclose(best, [expected.max()], rtol=1e-4)


def test_ensemble_refuses_members_with_other_tags_and_training() -> None:
    nlp = spacy.blank("zh")
    docs = [nlp("服用藥後")]
    one, other = tagger(1, docs), tagger(2, docs)
    joined = build_ensemble_tagger({"a": tagger(0, docs), "b": tagger(0, docs)})
    set_constraints(other.get_ref("crf"), *(np.ones_like(m) for m in SCHEME.constraints))
    with pytest.raises(ConfigError, match="same tags and constraints"):
        join_taggers(joined, [one, other])
    with pytest.raises(ConfigError, match="cannot be trained"):
        joined.begin_update(docs)
    with pytest.raises(ConfigError, match="at least one member"):
        build_ensemble_tagger({})
