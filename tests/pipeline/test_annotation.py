from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_bioner.errors import LabelError
from spacy_bioner.pipeline.annotation import gold_tags, reference_labels, set_prediction
from spacy_bioner.pipeline.confidences import Prediction
from spacy_bioner.tags import Spans, TagScheme
from tests.pipeline.pipelines import example, examples, found, unannotated, with_entities

TEXT = "病人服用阿斯匹靈"


@pytest.fixture(scope="module")
def nlp() -> Language:
    return spacy.blank("zh")


def tags(each: Example, scheme: Any = "BIO", labels: tuple[str, ...] = ("DRUG",)) -> list[str]:
    tag_scheme = TagScheme(labels, scheme)
    return ["?" if i < 0 else tag_scheme.tags[i] for i in gold_tags(each, tag_scheme)]


def spans(*rows: tuple[int, int, int, int]) -> Spans:
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return Spans(*columns)


def test_reference_labels_are_sorted_and_unique(nlp: Language) -> None:
    assert reference_labels(examples(nlp) * 2) == ["DISE", "DRUG", "SYMP"]


def test_gold_tags_of_equal_tokens_in_bio(nlp: Language) -> None:
    each = example(nlp, "頭痛藥好", [(0, 2, "DRUG"), (2, 3, "DRUG")])
    assert tags(each) == ["B-DRUG", "I-DRUG", "B-DRUG", "O"]


def test_gold_tags_of_equal_tokens_in_biluo(nlp: Language) -> None:
    each = example(nlp, TEXT + "藥", [(4, 8, "DRUG"), (8, 9, "DRUG")])
    expected = ["B-DRUG", "I-DRUG", "I-DRUG", "L-DRUG", "U-DRUG"]
    assert tags(each, "BILUO") == ["O"] * 4 + expected


@pytest.mark.parametrize("scheme", ["BIO", "BILUO"])
def test_gold_tags_of_several_labels_agree_with_spacy(nlp: Language, scheme: str) -> None:
    labels = ("SYMP", "DRUG", "DISE")
    for each in examples(nlp):
        expected = TagScheme(labels, scheme).from_biluo(each.get_aligned_ner())
        got = gold_tags(each, TagScheme(labels, scheme))
        assert got.tolist() == expected.tolist()


@pytest.mark.parametrize("scheme", ["BIO", "BILUO"])
def test_gold_tags_without_annotation_are_unknown(nlp: Language, scheme: str) -> None:
    assert tags(unannotated(nlp, TEXT), scheme) == ["?"] * 8


def test_gold_tags_of_missing_tokens_are_unknown(nlp: Language) -> None:
    each = example(nlp, TEXT, [(4, 8, "DRUG")], default="missing")
    assert tags(each) == ["?"] * 4 + ["B-DRUG", "I-DRUG", "I-DRUG", "I-DRUG"]


def test_gold_tags_end_an_entity_before_a_missing_token_in_biluo(nlp: Language) -> None:
    each = example(nlp, "頭痛藥", [(0, 2, "DRUG")], default="missing")
    assert tags(each, "BILUO") == ["B-DRUG", "L-DRUG", "?"]


def test_gold_tags_of_blocked_tokens_are_outside_for_other_tokens_too(nlp: Language) -> None:
    each = example(nlp, "病人頭痛藥", [(2, 4, "DRUG")], default="missing")
    each.reference.set_ents(each.reference.ents, blocked=[each.reference[0:2]], default="missing")
    merged = Doc(nlp.vocab, words=["病人", "頭", "痛", "藥"], spaces=[False] * 4)
    assert tags(Example(merged, each.reference)) == ["O", "B-DRUG", "I-DRUG", "?"]


def test_gold_tags_of_blocked_tokens_are_outside(nlp: Language) -> None:
    each = example(nlp, "頭痛藥", [])
    each.reference.set_ents([], blocked=[each.reference[0:1]], default="missing")
    assert tags(each) == ["O", "?", "?"]


def test_gold_tags_of_an_empty_document_are_empty(nlp: Language) -> None:
    assert tags(unannotated(nlp, "")) == []


def test_gold_tags_follow_entities_into_finer_tokens(nlp: Language) -> None:
    reference = Doc(nlp.vocab, ["病人", "服用", "阿斯匹靈"], [False] * 3)
    with_entities(reference, [(2, 3, "DRUG")])
    each = Example(nlp.make_doc(TEXT), reference)
    assert tags(each) == ["O"] * 4 + ["B-DRUG", "I-DRUG", "I-DRUG", "I-DRUG"]


def test_gold_tags_of_misaligned_entities_are_unknown(nlp: Language) -> None:
    predicted = Doc(nlp.vocab, ["病人", "服用阿", "斯匹靈"], [False] * 3)
    each = Example(predicted, with_entities(nlp.make_doc(TEXT), [(4, 8, "DRUG")]))
    assert tags(each) == ["O", "?", "?"]


def test_gold_tags_missing_in_other_tokens_are_unknown(nlp: Language) -> None:
    predicted = Doc(nlp.vocab, ["病人", "服用", "阿斯匹靈"], [False] * 3)
    reference = with_entities(nlp.make_doc(TEXT), [(4, 8, "DRUG")], default="missing")
    assert tags(Example(predicted, reference)) == ["?", "?", "B-DRUG"]


def test_gold_tags_compare_words_and_not_only_their_number(nlp: Language) -> None:
    predicted = Doc(nlp.vocab, ["病", "人服"], [False] * 2)
    reference = Doc(nlp.vocab, ["病人", "服"], [False] * 2)
    with_entities(reference, [(0, 1, "DRUG")])
    assert tags(Example(predicted, reference))[1] == "?"


@pytest.mark.parametrize("scheme", ["BIO", "BILUO"])
def test_gold_tags_refuse_an_unknown_label(nlp: Language, scheme: str) -> None:
    with pytest.raises(LabelError, match=r"'GENE'.*'DRUG'"):
        tags(example(nlp, TEXT, [(0, 2, "GENE")]), scheme)


def test_gold_tags_refuse_an_unknown_label_in_other_tokens(nlp: Language) -> None:
    reference = Doc(nlp.vocab, ["病人", "服用", "阿斯匹靈"], [False] * 3)
    with_entities(reference, [(2, 3, "GENE")])
    with pytest.raises(LabelError, match=r"'GENE'.*'DRUG'"):
        tags(Example(nlp.make_doc(TEXT), reference))


def test_set_entities_gives_each_document_its_own(nlp: Language) -> None:
    docs = [nlp.make_doc(text) for text in (TEXT, "", "頭痛", "好")]
    set_prediction(
        docs, Prediction(spans((0, 4, 8, 1), (2, 0, 1, 0), (2, 1, 2, 1))), ["S", "D"], respect=False
    )
    assert [found(doc) for doc in docs] == [[(4, 8, "D")], [], [(0, 1, "S"), (1, 2, "D")], []]


def test_set_entities_marks_the_rest_outside(nlp: Language) -> None:
    doc = nlp.make_doc("頭痛藥好")
    set_prediction([doc], Prediction(spans((0, 0, 2, 0))), ["S"], respect=False)
    assert [token.ent_iob_ for token in doc] == ["B", "I", "O", "O"]


def test_set_entities_clears_what_was_there(nlp: Language) -> None:
    doc = nlp.make_doc("頭痛藥好")
    doc.ents = [Span(doc, 0, 3, "OLD")]
    set_prediction([doc], Prediction(spans()), ["S"], respect=False)
    assert found(doc) == []
    assert doc.has_annotation("ENT_IOB", require_complete=True)


def test_set_entities_takes_no_documents() -> None:
    set_prediction([], Prediction(spans()), ["S"], respect=False)
