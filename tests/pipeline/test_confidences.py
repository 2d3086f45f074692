from __future__ import annotations

import numpy as np
import pytest
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

from spacy_bioner.errors import ConfigError, LabelError
from spacy_bioner.pipeline.bert_crf_ner import BertCrfNer
from spacy_bioner.pipeline.confidences import EntitySet
from spacy_bioner.pipeline.settings import Decoding
from tests.pipeline.pipelines import SENTENCES, TEXTS, build

TEXT = TEXTS[0]


@pytest.fixture
def ner(trained_cnn: Language) -> BertCrfNer:
    component: BertCrfNer = trained_cnn.get_pipe("bert_crf_ner")
    before = component.decoding
    yield component
    component.decoding = before


def found(doc: Doc) -> list[tuple[int, int, str]]:
    return [(e.start, e.end, e.label_) for e in doc.ents]


def test_scores_are_there_only_when_asked_for(trained_cnn, ner):
    assert [e._.bioner_score for e in trained_cnn(TEXT).ents] == [None, None]
    with ner.scoring():
        doc = trained_cnn(TEXT)
    scores = [e._.bioner_score for e in doc.ents]
    assert all(0.5 < score <= 1 for score in scores)
    assert doc.spans["bioner"].attrs["scores"] == scores
    assert [e._.bioner_score for e in trained_cnn(TEXT).ents] == [None, None]


@pytest.mark.parametrize("store_user_data", [False, True])
def test_scores_survive_docbin(trained_cnn, ner, store_user_data):
    with ner.scoring():
        doc = trained_cnn(TEXT)
    data = DocBin(store_user_data=store_user_data, docs=[doc]).to_bytes()
    (again,) = DocBin().from_bytes(data).get_docs(trained_cnn.vocab)
    assert again.spans["bioner"].attrs["scores"] == doc.spans["bioner"].attrs["scores"]
    assert [e._.bioner_score for e in again.ents] == doc.spans["bioner"].attrs["scores"]


def test_spans_with_the_same_tokens_and_other_labels_have_their_own_scores(
    trained_cnn, ner, monkeypatch
):
    monkeypatch.setitem(ner.cfg, "temperature", 10.0)  # the model is too sure of itself
    with ner.scoring(candidates_floor=1e-5):
        doc = trained_cnn(TEXT)
    (entity, *_) = doc.ents
    other = next(label for label in ner.labels if label != entity.label_)
    twin = Span(doc, entity.start, entity.end, other)
    exact = ner.score_spans(doc, [entity, twin])
    assert [entity._.bioner_score, twin._.bioner_score] == pytest.approx(exact)
    assert exact[0] > exact[1]
    assert Span(doc, 0, len(doc), other)._.bioner_score is None


def test_scores_of_an_earlier_prediction_do_not_stay(trained_cnn, ner):
    with ner.scoring(candidates_floor=1e-3):
        doc = trained_cnn(TEXT)
    assert "bioner_candidates" in doc.spans
    doc = trained_cnn(doc)
    assert [e._.bioner_score for e in doc.ents] == [None, None]
    assert not doc.spans


def test_score_is_none_once_the_group_is_another(trained_cnn, ner):
    with ner.scoring():
        doc = trained_cnn(TEXT)
    doc.spans["bioner"].append(Span(doc, 0, 1, "DRUG"))
    assert [e._.bioner_score for e in doc.ents] == [None, None]


def test_scores_are_sums_over_the_lattice(trained_cnn, ner):
    with ner.scoring():
        doc = trained_cnn(TEXT)
    exact = ner.score_spans(doc, doc.ents)
    assert exact == pytest.approx([e._.bioner_score for e in doc.ents])
    any_label = ner.score_spans(doc, doc.ents, any_label=True)
    assert all(a >= e for a, e in zip(any_label, exact, strict=True))
    by_label = [
        sum(ner.score_spans(doc, [Span(doc, e.start, e.end, label)])[0] for label in ner.labels)
        for e in doc.ents
    ]
    assert any_label == pytest.approx(by_label)
    inside = ner.score_tokens(doc)
    assert len(inside) == len(doc)
    assert min(inside[i] for e in doc.ents for i in range(e.start, e.end)) >= max(exact) - 0.5


def test_span_with_a_label_that_the_model_lacks_is_refused(trained_cnn, ner):
    doc = trained_cnn.make_doc(TEXT)
    with pytest.raises(LabelError, match="'GENE', which the model does not know"):
        ner.score_spans(doc, [Span(doc, 0, 2, "GENE")])
    assert ner.score_spans(doc, []) == []


def test_spans_that_hold_no_token_of_the_document_are_refused(trained_cnn, ner):
    doc, other = trained_cnn.make_doc(TEXT), trained_cnn.make_doc(TEXT * 2)
    for span in (Span(doc, 2, 2, "DRUG"), Span(other, 1, 2, "DRUG")):
        for any_label in (False, True):
            with pytest.raises(
                ConfigError, match=r"the span \d:2 .* holds no token of the document"
            ):
                ner.score_spans(doc, [span], any_label=any_label)


def test_no_documents_have_no_sets_of_entities(ner):
    assert ner.k_best([]) == []


@pytest.mark.parametrize("scores", [False, True])
def test_a_later_component_leaves_the_scores_of_what_it_respects(trained_cnn, ner, scores):
    before = ner.decoding
    with ner.scoring():
        doc = trained_cnn(TEXT)
    expected = {e.text: e._.bioner_score for e in doc.ents}
    assert None not in expected.values()
    try:
        for preset, known in (("respect", expected), ("overwrite", dict.fromkeys(expected))):
            ner.decoding = Decoding(scores=scores and preset == "respect", preset=preset)
            ner(doc)
            assert {e.text: e._.bioner_score for e in doc.ents} == known
    finally:
        ner.decoding = before


def test_threshold_leaves_out_what_is_below_it(trained_cnn, ner):
    with ner.scoring():
        scores = [e._.bioner_score for e in trained_cnn(TEXT).ents]
    middle = sum(scores) / 2
    with ner.scoring(threshold=middle):
        kept = [e._.bioner_score for e in trained_cnn(TEXT).ents]
    assert kept == [score for score in scores if score >= middle]
    with ner.scoring(threshold=1.0):
        assert trained_cnn(TEXT).ents == ()


def test_candidates_are_all_other_spans_above_the_floor(trained_cnn, ner):
    floor = 1e-3
    with ner.scoring(candidates_floor=floor):
        doc = trained_cnn(TEXT)
    group = doc.spans["bioner_candidates"]
    listed = {(s.start, s.end, s.label_) for s in group}
    assert not listed & set(found(doc))
    assert min(group.attrs["scores"], default=1) >= floor
    spans = [
        Span(doc, start, end, label)
        for label in ner.labels
        for start in range(len(doc))
        for end in range(start + 1, len(doc) + 1)
    ]
    above = {
        (s.start, s.end, s.label_)
        for s, score in zip(spans, ner.score_spans(doc, spans), strict=True)
        if score >= floor
    }
    assert above - set(found(doc)) == listed


def test_k_best_are_distinct_and_begin_with_the_entities_found(trained_cnn, ner):
    doc = trained_cnn(TEXT)
    (sets,) = ner.k_best([doc], 4)
    assert [(e.start, e.end, e.label_) for e in sets[0].entities] == found(doc)
    probabilities = [s.probability for s in sets]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) <= 1 + 1e-9
    assert len({tuple((e.start, e.end, e.label_) for e in s.entities) for s in sets}) == 4


def test_document_without_tokens_has_one_set_and_no_scores(trained_cnn, ner):
    empty = trained_cnn.make_doc("")
    assert ner.k_best([empty], 3) == [[EntitySet((), 1.0)]]
    assert ner.score_tokens(empty) == ner.score_spans(empty, []) == []


def test_documents_without_tokens_have_no_scores(trained_cnn, ner):
    with ner.scoring(candidates_floor=0.1):
        docs = list(trained_cnn.pipe(["", TEXT, ""]))
        assert list(trained_cnn("").spans["bioner"]) == []
    assert [len(doc.ents) for doc in docs] == [0, 2, 0]
    assert docs[0].spans["bioner"].attrs["scores"] == []


def test_preset_entities_blocked_tokens_and_foreign_labels_are_kept(trained_cnn, ner):
    ner.decoding = Decoding(preset="respect", scores=True)
    doc = trained_cnn.make_doc(TEXT)
    preset = Span(doc, 0, 2, "DRUG", kb_id="Q1", span_id="mine")
    doc.set_ents([preset], blocked=[Span(doc, 9, 10)])
    doc = trained_cnn(doc)
    assert (0, 2, "DRUG") in found(doc)
    assert (doc.ents[0].kb_id_, doc.ents[0].id_) == ("Q1", "mine")
    assert all(not e.start <= 9 < e.end for e in doc.ents)
    assert doc.spans["bioner"].attrs["scores"][0] == pytest.approx(1.0)
    doc = trained_cnn.make_doc(TEXT)
    doc.ents = [Span(doc, 5, 7, "GENE")]
    doc = trained_cnn(doc)
    assert (5, 7, "GENE") in found(doc)
    assert (4, 8, "DRUG") not in found(doc)


def test_preset_entities_are_overwritten_by_default(trained_cnn):
    doc = trained_cnn.make_doc(TEXT)
    doc.ents = [Span(doc, 0, 2, "DRUG")]
    assert found(trained_cnn(doc)) == SENTENCES[0][1]


def test_no_boundary_falls_within_a_run(trained_cnn, ner):
    assert ner.decoding.snap_runs
    for text in ("服用Metformin500mg後", "COVID-19頭痛", "維生素B12", "3.5mg"):
        doc = trained_cnn(text)
        for entity in doc.ents:
            for edge in (entity.start, entity.end):
                around = doc.text[max(edge - 1, 0) : edge + 1]
                assert not (len(around) == 2 and around.isascii() and around.isalnum())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "keep"}, r"preset = 'keep': use one of \['overwrite', 'respect'\]"),
        ({"threshold": 1.5}, r"threshold = 1\.5: use a number from 0 to 1"),
        ({"candidates_floor": 0.0}, r"candidates_floor = 0\.0: use a number above 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(ner, settings, message):
    with pytest.raises(ConfigError, match=message), ner.scoring(**settings):
        pass
    assert not ner.decoding.scores


def test_softmax_has_no_confidences():
    with pytest.raises(ConfigError, match='loss = "softmax" has none'):
        Decoding(scores=True).check("ner", "softmax")
    with pytest.raises(ConfigError, match="incorrect_spans_key needs the CRF"):
        build(loss="softmax", incorrect_spans_key="wrong")


def test_documents_annotated_for_some_types_leave_the_others_open(trained_cnn, ner):
    reference = trained_cnn.make_doc(TEXT)
    reference.ents = [Span(reference, 9, 11, "SYMP")]
    reference.user_data["labelled_types"] = ["SYMP"]
    example = Example(trained_cnn.make_doc(TEXT), reference)
    emissions = ner.model.predict([example.predicted])
    open_loss, gradient = ner.get_loss([example], emissions)
    del reference.user_data["labelled_types"]
    closed_loss, _ = ner.get_loss([example], emissions)
    assert open_loss < 0.1 < closed_loss
    drug = [i for i, tag in enumerate(ner.scheme.tags) if tag.endswith("-DRUG")]
    assert np.abs(gradient.dataXd[4:8, drug]).max() < 0.1


def test_labelled_type_that_the_model_lacks_is_refused(trained_cnn, ner):
    reference = trained_cnn.make_doc(TEXT)
    reference.set_ents([])
    reference.user_data["labelled_types"] = ["DISEASE"]
    example = Example(trained_cnn.make_doc(TEXT), reference)
    with pytest.raises(LabelError, match="'DISEASE', which the model does not know"):
        ner.get_loss([example], ner.model.predict([example.predicted]))


def test_labels_are_read_where_the_beginning_of_an_entity_is_unknown():
    nlp = build()
    reference = nlp.make_doc("頭痛藥")
    missing, inside, outside = (0, 0), (1, nlp.vocab.strings.add("SYMP")), (2, 0)
    values = np.array([missing, inside, outside], dtype="uint64")
    reference.from_array(["ENT_IOB", "ENT_TYPE"], values)
    nlp.initialize(lambda: [Example(nlp.make_doc("頭痛藥"), reference)])
    assert nlp.get_pipe("bert_crf_ner").labels == ("SYMP",)


def test_span_known_to_be_wrong_pushes_against_it(trained_cnn, ner):
    reference = Doc(trained_cnn.vocab, words=list(TEXT), spaces=[False] * len(TEXT))
    reference.spans["wrong"] = [Span(reference, 4, 8, "DRUG")]
    example = Example(trained_cnn.make_doc(TEXT), reference)
    ner.incorrect_spans_key = "wrong"
    try:
        emissions = ner.model.predict([example.predicted])
        loss, gradient = ner.get_loss([example], emissions)
        (probability,) = ner.score_spans(example.predicted, [Span(example.predicted, 4, 8, "DRUG")])
        ner.decoding = Decoding(snap_runs=False)
        assert loss == pytest.approx(-np.log1p(-probability), rel=1e-6)
        begin = ner.scheme.tag_ids["B-DRUG"]
        assert gradient.dataXd[4, begin] > 0
        reference.ents = [Span(reference, 4, 8, "DRUG")]
        reference.set_ents(list(reference.ents), default="missing")
        with pytest.raises(LabelError, match="is both an entity and in"):
            ner.get_loss([example], emissions)
    finally:
        ner.incorrect_spans_key = None
