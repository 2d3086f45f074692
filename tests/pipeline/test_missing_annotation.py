from __future__ import annotations

import numpy as np
import pytest
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import Adam

from spacy_bioner.models.crf_layer import crf_scores
from spacy_bioner.pipeline.annotation import gold_tags
from tests.crf import brute_force
from tests.pipeline.pipelines import (
    SENTENCES,
    TEXTS,
    build,
    example,
    examples,
    found,
    gradients,
    initialized,
    ner,
    randomize_crf,
    unannotated,
)


@pytest.mark.parametrize("loss", ["crf", "softmax"])
@pytest.mark.parametrize("backend", ["packed", "pytorch-crf"])
@pytest.mark.parametrize("scheme", ["BIO", "BILUO"])
def test_update_takes_nothing_from_a_document_without_annotation(
    loss: str, backend: str, scheme: str
) -> None:
    nlp = initialized(build(loss=loss, backend=backend, scheme=scheme))
    randomize_crf(nlp)
    component = ner(nlp)
    losses = component.update([unannotated(nlp, TEXTS[0]), unannotated(nlp, TEXTS[2])])
    assert losses["bert_crf_ner"] == pytest.approx(0.0, abs=1e-9)
    for gradient in gradients(component.model).values():
        np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


def test_update_beside_a_document_without_annotation_gives_the_same_gradient() -> None:
    nlp = initialized(build())
    component = ner(nlp)
    randomize_crf(nlp)
    alone_loss = component.update(examples(nlp)[:1])["bert_crf_ner"]
    alone = gradients(component.model)
    component.finish_update(Adam(0.0))
    loss = component.update([*examples(nlp)[:1], unannotated(nlp, TEXTS[1])])["bert_crf_ner"]
    assert loss == pytest.approx(alone_loss, rel=1e-6)
    for key, gradient in gradients(component.model).items():
        np.testing.assert_allclose(gradient, alone[key], atol=1e-4)


# Tags that agree with 頭痛 known as a symptom, 藥 missing and 好 known as O: written by hand.
HALF_KNOWN = {
    "BIO": [{"B-S"}, {"I-S"}, {"O", "B-S"}, {"O"}],
    "BILUO": [{"B-S"}, {"L-S"}, {"O", "B-S", "I-S", "L-S", "U-S"}, {"O"}],
}


@pytest.mark.parametrize("backend", ["packed", "pytorch-crf"])
@pytest.mark.parametrize("scheme", ["BIO", "BILUO"])
def test_get_loss_of_a_half_annotated_document_sums_over_what_agrees(
    scheme: str, backend: str
) -> None:
    nlp = build(scheme=scheme, backend=backend)
    nlp.initialize(lambda: [example(nlp, "頭痛藥好", [(0, 2, "S")])])
    randomize_crf(nlp)
    component = ner(nlp)
    reference = nlp.make_doc("頭痛藥好")
    reference.set_ents([reference.char_span(0, 2, "S")], missing=[reference[2:3]])
    half = Example(nlp.make_doc("頭痛藥好"), reference)
    emissions = component.model.predict([half.predicted])
    scores = crf_scores(component.model.get_ref("crf"))
    allowed = np.array(
        [[tag in known for tag in component.scheme.tags] for known in HALF_KNOWN[scheme]]
    )
    free = brute_force.log_partition(emissions.dataXd, scores)
    agreeing = brute_force.log_partition(emissions.dataXd, scores, allowed)
    loss, _ = component.get_loss([half], emissions)
    assert loss == pytest.approx(free - agreeing, rel=1e-6)


def test_get_loss_with_softmax_counts_known_tokens_only() -> None:
    nlp = build(loss="softmax")
    nlp.initialize(lambda: [example(nlp, "頭痛藥好", [(0, 2, "S")])])
    component = ner(nlp)
    reference = nlp.make_doc("頭痛藥好")
    reference.set_ents([reference.char_span(0, 2, "S")], missing=[reference[2:3]])
    half = Example(nlp.make_doc("頭痛藥好"), reference)
    emissions = component.model.predict([half.predicted])
    exponentials = np.exp(emissions.dataXd.astype("float64"))
    probability = exponentials / exponentials.sum(axis=1, keepdims=True)
    loss, gradient = component.get_loss([half], emissions)
    expected = -np.log(probability[0, 1] * probability[1, 2] * probability[3, 0])
    assert loss == pytest.approx(expected, rel=1e-6)
    assert not gradient.dataXd[2].any()


def test_update_with_missing_tokens_does_not_teach_outside() -> None:
    nlp = initialized(build())
    optimizer = Adam(0.02)
    batch = [*SENTENCES[:1], *SENTENCES[2:]]
    for _ in range(40):
        # 頭痛 is annotated in the first sentence and left open in the other
        hidden = example(nlp, "藥頭痛", [(0, 1, "DRUG")], default="missing")
        nlp.update([*examples(nlp, batch), hidden], sgd=optimizer)
    assert (1, 3, "SYMP") in found(nlp("藥頭痛"))


def test_spans_that_are_wrong_stand_beside_an_entity_whose_beginning_is_unknown() -> None:
    nlp = initialized(build(incorrect_spans_key="wrong"))
    reference = nlp.make_doc("頭痛藥")
    inside = (1, nlp.vocab.strings.add("SYMP"))
    values = np.array([(0, 0), inside, (2, 0)], dtype="uint64")
    reference.from_array(["ENT_IOB", "ENT_TYPE"], values)
    reference.spans["wrong"] = [Span(reference, 0, 3, "DRUG")]
    losses = ner(nlp).update([Example(nlp.make_doc("頭痛藥"), reference)])
    assert 0 < losses["bert_crf_ner"] < 100


def headless(nlp, words, tags):
    reference = Doc(nlp.vocab, words=words, spaces=[False] * len(words))
    values = [(iob, nlp.vocab.strings.add(label) if label else 0) for iob, label in tags]
    reference.from_array(["ENT_IOB", "ENT_TYPE"], np.array(values, dtype="uint64"))
    return reference


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([(0, ""), (1, "DRUG"), (2, "")], [None, None, None, "O"]),
        ([(3, "SYMP"), (0, ""), (1, "DRUG")], ["B-SYMP", "I-SYMP", None, None]),
        ([(3, "SYMP"), (0, ""), (2, "")], ["B-SYMP", "I-SYMP", None, "O"]),
        ([(0, ""), (1, "DRUG"), (1, "DRUG")], [None, None, None, None]),
    ],
)
def test_an_entity_without_beginning_is_unknown_on_other_tokens(tags, expected) -> None:
    nlp = initialized(build())
    reference = headless(nlp, ["頭痛", "藥", "。"], tags)
    scheme = ner(nlp).scheme
    found = gold_tags(Example(nlp.make_doc("頭痛藥。"), reference), scheme)
    assert [scheme.tags[tag] if tag >= 0 else None for tag in found.tolist()] == expected
    ner(nlp).update([Example(nlp.make_doc("頭痛藥。"), reference)])
