"""The component with a tagger of several members, which learn from one another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Span
from thinc.api import fix_random_seed
from thinc.types import Ragged

from spacy_bioner.errors import ConfigError
from spacy_bioner.pipeline.confidences import EntitySet
from spacy_bioner.pipeline.ensemble import make_ensemble
from tests.pipeline.pipelines import (
    BILSTM,
    CNN,
    GOLD,
    LISTENER,
    LISTENING_BILSTM,
    bucketed_config,
    build,
    emissions,
    examples,
    found_in,
    gradients,
    initialized,
    ner,
    randomize_crf,
    train,
)


def pipeline(
    members: dict[str, Any], encoder: Path | None = None, mutual: float = 1.0, **settings: Any
) -> Language:
    fix_random_seed(0)
    nlp = spacy.blank("zh")
    if encoder is not None:
        nlp.add_pipe("transformer", config=bucketed_config(encoder))
    model = {
        "@architectures": "spacy_bioner.MutualTagger.v1",
        "hidden_width": 16,
        "mutual": mutual,
        "members": members,
    }
    nlp.add_pipe("bert_crf_ner", config={"model": model, **settings})
    return nlp


def test_members_learn_and_are_saved(tmp_path: Path) -> None:
    nlp = train(initialized(pipeline({"words": CNN, "sequence": BILSTM})))
    assert found_in(nlp) == GOLD
    nlp.to_disk(tmp_path / "model")
    assert found_in(spacy.load(tmp_path / "model")) == GOLD


@pytest.mark.parametrize("setting", [{"r_drop": 0.5}, {"adversarial": 0.1}], ids=str)
def test_members_learn_with_passes_beside_the_plain_one(setting: dict[str, float]) -> None:
    nlp = train(initialized(pipeline({"words": CNN, "sequence": BILSTM}, **setting)))
    assert found_in(nlp) == GOLD


def test_loss_is_that_of_each_member_where_annotation_is_partial() -> None:
    nlp = initialized(pipeline({"words": CNN, "sequence": BILSTM}, incorrect_spans_key="wrong"))
    component = ner(nlp)
    data = examples(nlp)
    label = component.labels[0]
    for each in data[:2]:
        each.reference.set_ents([], default="missing")
    reference = data[1].reference
    reference.spans["wrong"] = [Span(reference, 0, 2, label=label)]
    tags = len(component.scheme.tags)
    lengths = np.array([len(each.predicted) for each in data], dtype="int32")
    of_members = np.random.default_rng(0).normal(size=(2, lengths.sum(), tags)).astype("float32")
    alone = [component.get_loss(data, Ragged(each, lengths)) for each in of_members]
    stacked = Ragged(of_members.reshape(-1, tags), np.tile(lengths, 2))
    loss, gradient = component.get_loss(data, stacked)
    assert loss == pytest.approx(sum(each for each, _ in alone), rel=1e-6)
    expected = np.concatenate([each.dataXd for _, each in alone])
    np.testing.assert_allclose(gradient.dataXd, expected, atol=1e-5)


NAMES = [("before", "of_all"), ("of_all", "before")]


@pytest.mark.parametrize("names", NAMES, ids="-".join)
def test_transformer_learns_from_all_members_that_listen(
    names: tuple[str, str], encoder: Path
) -> None:
    """In whatever order of the members: a listener may stand deeper in one than in another."""
    both = dict(zip(names, (LISTENER, LISTENING_BILSTM), strict=True))
    nlp = initialized(pipeline(both, encoder, mutual=0.0))
    of_both = upstream_gradients(nlp, (1.0, 1.0))
    of_each = [upstream_gradients(nlp, weights) for weights in ((1.0, 0.0), (0.0, 1.0))]
    assert all(max(np.abs(g).max() for g in each.values()) > 1e-3 for each in of_each)
    for key, gradient in of_both.items():
        total = of_each[0][key] + of_each[1][key]
        np.testing.assert_allclose(gradient, total, rtol=1e-2, atol=1e-4)


def upstream_gradients(nlp: Language, weights: tuple[float, float]) -> dict[Any, np.ndarray]:
    """Of an update in which the loss of each member counts so many times."""
    component = ner(nlp)
    plain = component.get_loss

    def weighted(data: Any, scores: Ragged) -> tuple[float, Ragged]:
        loss, gradient = plain(data, scores)
        factors = np.repeat(np.array(weights, dtype="float32"), len(gradient.dataXd) // 2)
        return loss, Ragged(gradient.dataXd * factors[:, None], gradient.lengths)

    component.get_loss = weighted  # type: ignore[method-assign]
    try:
        nlp.update(examples(nlp), sgd=False, drop=0.0)
    finally:
        del component.get_loss
    transformer = nlp.get_pipe("transformer").model
    found = gradients(transformer)
    for node in transformer.walk():
        for shim in node.shims:
            shim._model.zero_grad(set_to_none=True)
    return found


def test_they_join_an_ensemble_with_their_transformer(encoder: Path, tmp_path: Path) -> None:
    mutual = initialized(pipeline({"both": LISTENING_BILSTM, "transformer": LISTENER}, encoder))
    alone = initialized(build(CNN))
    for seed, nlp in enumerate((mutual, alone)):
        randomize_crf(nlp, seed)
    expected = np.mean([emissions(nlp) for nlp in (mutual, alone)], axis=0)
    make_ensemble([mutual, alone]).to_disk(tmp_path / "joined")
    found = emissions(spacy.load(tmp_path / "joined"))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_softmax_is_refused() -> None:
    with pytest.raises(ConfigError, match="compare whole tag paths"):
        pipeline({"words": CNN, "sequence": BILSTM}, loss="softmax")


def test_weight_is_what_the_config_says_when_a_pipeline_is_loaded(tmp_path: Path) -> None:
    initialized(pipeline({"words": CNN, "sequence": BILSTM}, mutual=1.0)).to_disk(tmp_path / "m")
    found = []
    for weight in (0.0, 1.0):
        config = {"components.bert_crf_ner.model.mutual": weight}
        nlp = spacy.load(tmp_path / "m", config=config)
        nlp.update(examples(nlp), sgd=False, drop=0.0)
        found.append(gradients(ner(nlp).model))
    assert any(not np.allclose(found[0][key], found[1][key], atol=1e-6) for key in found[0])


def test_documents_without_tokens_have_confidences_too(encoder: Path) -> None:
    members = {"both": LISTENING_BILSTM, "transformer": LISTENER}
    nlp = initialized(pipeline(members, encoder))
    empty = nlp("")
    assert ner(nlp).score_tokens(empty) == []
    assert ner(nlp).k_best([empty]) == [[EntitySet((), 1.0)]]
