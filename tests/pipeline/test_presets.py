"""Entities that are set before the component runs, and what is asked of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span

from spacy_bioner.pipeline.bert_crf_ner import BertCrfNer
from spacy_bioner.pipeline.settings import Decoding
from tests.pipeline.pipelines import TEXTS

TEXT = TEXTS[0]


@pytest.fixture
def ner(trained_cnn: Language) -> Iterator[BertCrfNer]:
    component: BertCrfNer = trained_cnn.get_pipe("bert_crf_ner")
    before = component.decoding
    component.decoding = Decoding(preset="respect", scores=True)
    yield component
    component.decoding = before


def preset(nlp: Language) -> Doc:
    doc = nlp.make_doc(TEXT)
    doc.ents = [Span(doc, 0, 2, "DRUG")]
    return doc


def test_what_was_found_is_no_more_known_than_before(trained_cnn: Language, ner: BertCrfNer):
    blank, read = preset(trained_cnn), trained_cnn(preset(trained_cnn))
    assert len(read.ents) == 3
    places = [(0, 2, "DRUG"), (4, 8, "DRUG"), (4, 7, "DRUG"), (9, 11, "SYMP")]
    before, after = ([Span(doc, *place) for place in places] for doc in (blank, read))
    expected = ner.score_spans(blank, before)
    assert ner.score_spans(read, after) == pytest.approx(expected)
    assert expected[0] == pytest.approx(1.0)
    assert 0 < expected[2] < expected[1] < 1
    entropies = ner.lattice([read, blank]).entropies()
    assert entropies[0] == pytest.approx(entropies[1])
    assert entropies[0] > 0
    assert len(ner.k_best([read], 3)[0]) == 3


def test_what_was_found_in_a_text_without_presets_is_not_known(trained_cnn, ner):
    doc = trained_cnn(TEXT)
    blank = trained_cnn.make_doc(TEXT)
    np.testing.assert_allclose(ner.score_tokens(doc), ner.score_tokens(blank))


def test_what_was_found_is_told_from_presets_after_storing(trained_cnn, ner):
    data = DocBin(store_user_data=True, docs=[trained_cnn(preset(trained_cnn))]).to_bytes()
    (again,) = DocBin().from_bytes(data).get_docs(trained_cnn.vocab)
    blank = preset(trained_cnn)
    np.testing.assert_allclose(ner.score_tokens(again), ner.score_tokens(blank))


def test_an_entity_set_since_is_known(trained_cnn, ner):
    doc = trained_cnn(preset(trained_cnn))
    doc.ents = [*doc.ents[:1], Span(doc, 4, 7, "DRUG"), *doc.ents[2:]]
    scores = ner.score_spans(doc, [Span(doc, 4, 7, "DRUG"), Span(doc, 9, 11, "SYMP")])
    assert scores[0] == pytest.approx(1.0)
    assert scores[1] < 1 - 1e-9


def test_what_is_known_reaches_any_threshold(trained_cnn, ner):
    with ner.scoring(threshold=1.0, candidates_floor=0.5):
        for place in [(0, 2, "DRUG"), (4, 8, "DRUG"), (9, 11, "SYMP"), (2, 3, "SYMP")]:
            doc = trained_cnn.make_doc(TEXT)
            doc.ents = [Span(doc, *place)]
            doc = trained_cnn(doc)
            scores = [entity._.bioner_score for entity in doc.ents]
            assert (doc.ents[0].start, doc.ents[0].end) == place[:2]
            assert scores == pytest.approx([1.0])
            assert all(span.start != place[0] for span in doc.spans["bioner_candidates"])
