from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.training import Example
from thinc.api import Adam

from tests.pipeline.pipelines import (
    ENCODERS,
    GOLD,
    LISTENER,
    TEXTS,
    TRANSFORMERS,
    build,
    build_on_transformer,
    build_with,
    example,
    examples,
    found,
    found_in,
    gradients,
    initialized,
    ner,
    randomize_crf,
    tagger_config,
    train,
)


def test_update_learns_three_sentences_with_each_encoder(trained: Language) -> None:
    assert found_in(trained) == GOLD


@pytest.mark.parametrize("scheme", ["BIO", "BILUO"])
@pytest.mark.parametrize(
    ("loss", "backend"), [("crf", "packed"), ("crf", "pytorch-crf"), ("softmax", "packed")]
)
def test_update_learns_three_sentences_with_each_loss(loss: str, backend: str, scheme: str) -> None:
    nlp = train(initialized(build(loss=loss, backend=backend, scheme=scheme)))
    assert found_in(nlp) == GOLD


@pytest.mark.parametrize("activation", ["gelu", "relu", "mish", "linear"])
def test_update_learns_with_each_activation(activation: str) -> None:
    assert found_in(train(initialized(build(activation=activation)))) == GOLD


def test_update_learns_without_hidden_layer() -> None:
    assert found_in(train(initialized(build(hidden_width=0)))) == GOLD


def test_update_learns_under_dropout() -> None:
    assert found_in(train(initialized(build()), steps=80, drop=0.2)) == GOLD


def test_update_learns_on_a_frozen_transformer_that_annotates(encoder: Path) -> None:
    nlp = initialized(build_on_transformer(encoder))
    before = nlp.get_pipe("transformer").to_bytes()
    train(nlp, steps=150, exclude=["transformer"], annotates=["transformer"])
    assert nlp.get_pipe("transformer").to_bytes() == before
    assert found_in(nlp) == GOLD


def test_update_trains_two_components_that_listen_to_one_transformer(encoder: Path) -> None:
    nlp = build_on_transformer(encoder)
    nlp.add_pipe("bert_crf_ner", "second", config=tagger_config(LISTENER, scheme="BILUO"))
    train(initialized(nlp))
    assert found_in(nlp) == GOLD
    with nlp.select_pipes(disable=["bert_crf_ner"]):
        assert found_in(nlp) == GOLD


def test_update_trains_a_spacy_tagger_on_the_same_transformer(encoder: Path) -> None:
    nlp = build_on_transformer(encoder)
    tagger = {"@architectures": "spacy.Tagger.v2", "tok2vec": LISTENER}
    nlp.add_pipe("tagger", config={"model": tagger})

    def annotated() -> list[Example]:
        result = examples(nlp)
        for each in result:
            for token in each.reference:
                token.tag_ = "MED" if token.ent_type else "OUT"
        return result

    nlp.initialize(annotated)
    optimizer = Adam(0.02)
    for _ in range(50):
        nlp.update(annotated(), sgd=optimizer)
    assert found_in(nlp) == GOLD
    assert [t.tag_ for t in nlp(TEXTS[0])] == ["OUT"] * 4 + ["MED"] * 4 + ["OUT"] + [
        "MED",
        "MED",
        "OUT",
    ]


def test_update_after_resume_training_goes_on_learning() -> None:
    nlp = initialized(build())
    optimizer = nlp.resume_training()
    losses = [nlp.update(examples(nlp), sgd=optimizer)["bert_crf_ner"] for _ in range(5)]
    assert losses[-1] < losses[0]


def test_update_after_loading_and_resume_training_learns_what_was_changed(
    trained_cnn: Language, tmp_path: Path
) -> None:
    trained_cnn.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.02
    for _ in range(40):
        nlp.update([example(nlp, TEXTS[2], [(2, 4, "DISE")])], sgd=optimizer)
    assert found(nlp(TEXTS[2])) == [(2, 4, "DISE")]


def test_update_steps_when_given_an_optimizer() -> None:
    nlp = initialized(build())
    component = ner(nlp)
    before = component.model.to_bytes()
    component.update(examples(nlp), sgd=Adam(0.01))
    assert component.model.to_bytes() != before
    assert not any(g.any() for g in gradients(component.model).values())


def test_update_without_optimizer_leaves_parameters_alone() -> None:
    nlp = initialized(build())
    component = ner(nlp)
    before = component.model.to_bytes()
    component.update(examples(nlp))
    assert component.model.to_bytes() == before


def test_update_adds_its_loss_to_those_given() -> None:
    nlp = initialized(build())
    losses = {"bert_crf_ner": 1000.0, "other": 7.0}
    returned = ner(nlp).update(examples(nlp), losses=losses)
    assert returned is losses
    assert losses["bert_crf_ner"] > 1000.0
    assert losses["other"] == 7.0


@pytest.mark.parametrize("kind", ENCODERS)
def test_update_of_two_half_batches_gives_the_gradient_of_one(
    kind: str, request: pytest.FixtureRequest
) -> None:
    nlp = initialized(build_with(kind, request))
    randomize_crf(nlp)
    batch = examples(nlp) + examples(nlp)[:1]
    models = [pipe.model for _, pipe in nlp.pipeline]
    whole_loss = nlp.update(batch, sgd=False)["bert_crf_ner"]
    whole = [gradients(model) for model in models]
    nlp.get_pipe("bert_crf_ner").finish_update(Adam(0.0))
    if kind in TRANSFORMERS:
        nlp.get_pipe("transformer").finish_update(Adam(0.0))
    losses: dict[str, float] = {}
    fresh = examples(nlp) + examples(nlp)[:1]
    nlp.update(fresh[:2], sgd=False, losses=losses)
    nlp.update(fresh[2:], sgd=False, losses=losses)
    assert losses["bert_crf_ner"] == pytest.approx(whole_loss, rel=1e-5)
    for expected, got in zip(whole, (gradients(model) for model in models), strict=True):
        assert expected.keys() == got.keys()
        for key, gradient in expected.items():
            np.testing.assert_allclose(got[key], gradient, rtol=1e-3, atol=2e-4)


def test_update_gives_the_gradient_of_the_loss_it_reports() -> None:
    nlp = initialized(build())
    component = ner(nlp)
    randomize_crf(nlp)
    output = component.model.get_ref("output_layer")
    bias = output.get_param("b").copy()
    component.update(examples(nlp))
    gradient = output.get_grad("b").copy()
    for tag in range(len(bias)):
        losses = []
        for step in (-0.01, 0.01):
            moved = bias.copy()
            moved[tag] += step
            output.set_param("b", moved)
            losses.append(component.update(examples(nlp))["bert_crf_ner"])
        assert (losses[1] - losses[0]) / 0.02 == pytest.approx(gradient[tag], abs=1e-2)
