from __future__ import annotations

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam
from thinc.types import Ragged

from spacy_bioner.pipeline.settings import Decoding
from tests.pipeline.pipelines import (
    ENCODERS,
    GOLD,
    LONG,
    ODD_TEXTS,
    TEXTS,
    build,
    build_with,
    example,
    examples,
    found_in,
    initialized,
    ner,
)


@pytest.mark.parametrize("name", ODD_TEXTS)
def test_pipe_takes_odd_text(name: str, trained: Language) -> None:
    doc = trained(ODD_TEXTS[name])
    assert doc.text == ODD_TEXTS[name]
    assert doc.has_annotation("ENT_IOB") or len(doc) == 0


@pytest.mark.parametrize("kind", ENCODERS)
def test_update_takes_odd_texts(kind: str, request: pytest.FixtureRequest) -> None:
    nlp = initialized(build_with(kind, request))
    batch = examples(nlp) + [example(nlp, text, []) for text in ODD_TEXTS.values()]
    losses = nlp.update(batch, sgd=Adam(0.01))
    assert np.isfinite(losses["bert_crf_ner"])


@pytest.mark.parametrize("kind", ENCODERS)
def test_update_takes_a_batch_of_empty_documents(kind: str, request: pytest.FixtureRequest) -> None:
    nlp = initialized(build_with(kind, request))
    losses = nlp.update([example(nlp, "", []), example(nlp, "", [])], sgd=Adam(0.01))
    assert losses["bert_crf_ner"] == 0.0


@pytest.mark.parametrize("kind", ENCODERS)
def test_update_learns_beside_empty_documents(kind: str, request: pytest.FixtureRequest) -> None:
    nlp = initialized(build_with(kind, request))
    optimizer = Adam(0.02)
    for _ in range(40):
        empty = [example(nlp, "", []), example(nlp, "", [])]
        nlp.update([empty[0], *examples(nlp), empty[1]], sgd=optimizer)
    assert found_in(nlp) == GOLD


def test_pipe_takes_a_batch_of_empty_documents(trained: Language) -> None:
    assert found_in(trained, ["", ""]) == [[], []]


def test_pipe_takes_empty_documents_between_others(trained: Language) -> None:
    texts = ["", TEXTS[0], "", "", TEXTS[1], TEXTS[2], ""]
    assert found_in(trained, texts) == [[], GOLD[0], [], [], GOLD[1], GOLD[2], []]


def test_pipe_takes_no_documents(trained: Language) -> None:
    assert found_in(trained, []) == []


def test_predict_takes_no_documents(trained_cnn: Language) -> None:
    assert len(ner(trained_cnn).predict([]).spans.start) == 0


def test_update_takes_no_examples() -> None:
    component = ner(initialized(build()))
    assert component.update([]) == {"bert_crf_ner": 0.0}


def test_get_loss_takes_no_examples() -> None:
    component = ner(initialized(build()))
    emissions = Ragged(np.zeros((0, 7), dtype="f"), np.zeros(0, dtype="i"))
    assert component.get_loss([], emissions)[0] == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ENCODERS)
def test_predict_takes_a_document_of_100000_tokens(
    kind: str, request: pytest.FixtureRequest
) -> None:
    nlp: Language = request.getfixturevalue(f"trained_{kind}")
    nlp.max_length = 200_000
    doc = nlp(LONG)
    assert len(doc) == 100_008
    found_entities = {(e.start % 12, e.end % 12, e.label_) for e in doc.ents}
    assert {(4, 8, "DRUG"), (9, 11, "SYMP")} <= found_entities


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cnn", "bilstm"])
def test_update_takes_a_document_of_100000_tokens(
    kind: str, request: pytest.FixtureRequest
) -> None:
    nlp = initialized(build_with(kind, request))
    entities = [(12 * i + 4, 12 * i + 8, "DRUG") for i in range(8334)]
    long = Example(Doc(nlp.vocab, list(LONG)), Doc(nlp.vocab, list(LONG)))
    long.reference.set_ents(
        [spacy.tokens.Span(long.reference, s, e, label) for s, e, label in entities]
    )
    losses = [nlp.update([long], sgd=Adam(0.001))["bert_crf_ner"] for _ in range(2)]
    assert losses[1] < losses[0]


def test_an_empty_document_has_the_same_groups_alone_and_beside_another(trained: Language) -> None:
    with ner(trained).scoring(candidates_floor=0.1):
        alone = trained("")
        beside, _ = trained.pipe(["", TEXTS[0]])
    for doc in (alone, beside):
        assert set(doc.spans) == {"bioner", "bioner_candidates"}
        assert [list(group) for group in doc.spans.values()] == [[], []]


@pytest.mark.parametrize("snap_runs", [False, True])
def test_no_documents_have_a_lattice(trained_cnn: Language, snap_runs: bool) -> None:
    component = ner(trained_cnn)
    before = component.decoding
    component.decoding = Decoding(snap_runs=snap_runs)
    try:
        assert len(component.lattice([]).entropies()) == 0
    finally:
        component.decoding = before
