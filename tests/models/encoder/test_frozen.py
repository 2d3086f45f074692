"""Encoders that stay as they are: by spaCy's way, and by a setting of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import spacy
from thinc.api import Adam

from tests.models.encoder.pipelines import changed, encoder_of, encoder_weights, on_bucketed
from tests.pipeline.pipelines import TEXTS, examples, found_in, ner, train


def test_frozen_encoder_stays_as_it_is_and_the_tagger_learns(encoder: Path) -> None:
    nlp = on_bucketed(encoder)
    before, optimizer = encoder_weights(nlp), Adam(0.01)
    losses = []
    for _ in range(3):
        loss: dict[str, float] = {}
        frozen = {"exclude": ["transformer"], "annotates": ["transformer"]}
        nlp.update(examples(nlp), sgd=optimizer, losses=loss, **frozen)
        losses.append(loss["bert_crf_ner"])
    assert not changed(before, encoder_weights(nlp))
    assert losses[-1] < losses[0]


def test_frozen_setting_keeps_the_encoder_and_the_tagger_learns(
    encoder: Path, tmp_path: Path
) -> None:
    nlp = on_bucketed(encoder, frozen=True)
    before, runner = encoder_weights(nlp), encoder_of(nlp).shim.runner
    first: dict[str, float] = {}
    nlp.update(examples(nlp), losses=first)
    train(nlp, steps=60, rate=0.02)
    assert not changed(before, encoder_weights(nlp))
    assert encoder_of(nlp).shim.runner is runner  # not made anew for each update
    last: dict[str, float] = {}
    nlp.update(examples(nlp), losses=last)
    assert last["bert_crf_ner"] < first["bert_crf_ner"] / 2
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    assert encoder_of(loaded).frozen
    assert not any(weight.requires_grad for weight in encoder_of(loaded).transformer.parameters())
    assert found_in(loaded) == found_in(nlp)


def test_frozen_encoder_trains_its_tagger_on_what_it_predicts(encoder: Path) -> None:
    """Its dropout, of half of all numbers, would make the two unlike."""
    dropout = {"hidden_dropout_prob": 0.5, "attention_dropout": 0.5}
    nlp = on_bucketed(encoder, frozen=True, transformer_config=dropout)
    model = encoder_of(nlp)
    docs = [nlp.make_doc(text) for text in TEXTS]
    read, _ = model.begin_update(docs)
    for one, other in zip(read.doc_data, model.predict(docs).doc_data, strict=True):
        if len(one.align.lengths):
            one_state, other_state = (each.model_output.last_hidden_state for each in (one, other))
            np.testing.assert_array_equal(one_state, other_state)


def test_frozen_encoder_in_a_tagger_of_its_own_stays_frozen(encoder: Path) -> None:
    nlp = train(on_bucketed(encoder, frozen=True), steps=2)
    expected = found_in(nlp)
    nlp.replace_listeners("transformer", "bert_crf_ner", ["model.tok2vec"])
    nlp.remove_pipe("transformer")
    assert found_in(nlp) == expected
    own = next(node for node in ner(nlp).model.walk() if node.name == "transformer")
    before = {name: value.clone() for name, value in own.transformer.state_dict().items()}
    train(nlp, steps=2)
    assert not changed(before, own.transformer.state_dict())
