"""Passes that share what a listener was given, against the plain update."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spacy.language import Language

from spacy_bioner.errors import ConfigError
from spacy_bioner.pipeline.calibration import calibrate
from spacy_bioner.pipeline.shared_vectors import passes
from tests.pipeline.pipelines import (
    BILSTM,
    GOLD,
    LISTENING_BILSTM,
    TRANSFORMERS,
    build,
    build_on_transformer,
    examples,
    found_in,
    gradients,
    initialized,
    ner,
    tagger_config,
    train,
)

# Passes that differ in nothing, or next to nothing.
TWICE = [{"r_drop": 1.0}, {"adversarial": 1e-7}]
TOK2VEC = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96, "upstream": "tok2vec"}
LISTENING = {**BILSTM, "embed": {**LISTENING_BILSTM["embed"], "parts": {"tok2vec": TOK2VEC}}}


def pipeline(kind: str, encoder: Path, **settings: Any) -> Language:
    if kind == "tok2vec":
        nlp = build(LISTENING, **settings)
        nlp.add_pipe("tok2vec", first=True)
    else:
        nlp = build_on_transformer(encoder, TRANSFORMERS[kind], LISTENING_BILSTM, **settings)
    return initialized(nlp)


def upstream_gradients(nlp: Language) -> dict[tuple[int, str], np.ndarray]:
    nlp.update(examples(nlp), sgd=False, drop=0.0)
    return gradients(nlp.pipeline[0][1].model)


@pytest.mark.parametrize("kind", ["tok2vec", *TRANSFORMERS])
@pytest.mark.parametrize("setting", TWICE, ids=str)
def test_upstream_gets_the_sum_of_both_passes(
    kind: str, setting: dict[str, float], encoder: Path
) -> None:
    once = upstream_gradients(pipeline(kind, encoder))
    twice = upstream_gradients(pipeline(kind, encoder, **setting))
    assert once.keys() == twice.keys()
    assert max(np.abs(gradient).max() for gradient in once.values()) > 0.01
    for key, gradient in twice.items():
        np.testing.assert_allclose(gradient, 2 * once[key], rtol=2e-2, atol=1e-3)


def test_two_taggers_share_a_transformer(encoder: Path) -> None:
    found = []
    for setting in ({}, *TWICE):
        nlp = build_on_transformer(encoder, TRANSFORMERS["bucketed"], LISTENING_BILSTM, **setting)
        nlp.add_pipe("bert_crf_ner", name="two", config=tagger_config(LISTENING_BILSTM, **setting))
        found.append(upstream_gradients(initialized(nlp)))
    once, *others = found
    assert max(np.abs(gradient).max() for gradient in once.values()) > 0.01
    for twice in others:
        for key, gradient in twice.items():
            np.testing.assert_allclose(gradient, 2 * once[key], rtol=2e-2, atol=1e-3)


@pytest.mark.parametrize("kind", ["tok2vec", *TRANSFORMERS])
def test_listeners_are_left_with_nothing(kind: str, encoder: Path) -> None:
    nlp = pipeline(kind, encoder)
    data = examples(nlp)
    nlp.pipeline[0][1].update(data)
    model = ner(nlp).model
    docs = [each.predicted for each in data]
    with passes(model) as begin_pass:
        first, _ = begin_pass(docs)
        second, backprop = begin_pass(docs)
        backprop(second)
    assert first.dataXd.shape == second.dataXd.shape
    with pytest.raises(ValueError, match=r"E203|tok2vec|transformer"):
        model.begin_update(docs)


def test_learns_beside_a_transformer(encoder: Path) -> None:
    nlp = pipeline("bucketed", encoder, r_drop=0.5, adversarial=0.1)
    assert found_in(train(nlp, steps=80, drop=0.1)) == GOLD


@pytest.mark.parametrize("kind", ["tok2vec", *TRANSFORMERS])
def test_documents_that_the_upstream_has_not_seen_are_refused(kind: str, encoder: Path) -> None:
    nlp = pipeline(kind, encoder)
    component = nlp.get_pipe("bert_crf_ner")
    for ask in (component.lattice, component.predict, component.k_best):
        ask([nlp("頭痛"), nlp("")])
        with pytest.raises(ConfigError, match="has not seen the document '頭痛'"):
            ask([nlp.make_doc("頭痛")])
    with nlp.select_pipes(disable=[nlp.pipe_names[0]]), pytest.raises(ConfigError):
        nlp("頭痛")


@pytest.mark.parametrize("kind", TRANSFORMERS)
def test_documents_whose_tokens_were_changed_since_are_refused(kind: str, encoder: Path) -> None:
    nlp = pipeline(kind, encoder)
    ruler = nlp.add_pipe("entity_ruler", before="bert_crf_ner")
    ruler.add_patterns([{"label": "X", "pattern": "頭痛"}])
    nlp.add_pipe("merge_entities", before="bert_crf_ner")
    nlp("牙痛")
    with pytest.raises(ConfigError, match="with the tokens that it has now"):
        nlp("頭痛")


def test_calibration_refuses_what_the_upstream_has_not_seen(encoder: Path) -> None:
    nlp = pipeline("tok2vec", encoder)
    with nlp.select_pipes(disable=["tok2vec"]), pytest.raises(ConfigError, match="has not seen"):
        calibrate(nlp, "bert_crf_ner", examples(nlp))
