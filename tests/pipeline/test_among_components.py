"""What other components, threads and processes do with documents around this one."""

from __future__ import annotations

import os
import threading

import pytest
from spacy.language import Language
from spacy.pipeline.functions import merge_entities
from spacy.tokens import Span
from spacy.training import Example

from spacy_bioner.pipeline.bert_crf_ner import BertCrfNer
from spacy_bioner.pipeline.calibration import calibrate, outcomes
from spacy_bioner.pipeline.confidences import keep_scores
from spacy_bioner.pipeline.pseudo_labels import Account, Floors, pseudo_label
from spacy_bioner.pipeline.settings import Decoding
from tests.pipeline.pipelines import SENTENCES, TEXTS, build, initialized, train

NAME = "bert_crf_ner"


@pytest.fixture
def nlp() -> Language:
    """Of its own for each test, which may change it."""
    return train(initialized(build()))


@pytest.fixture
def ner(nlp: Language) -> BertCrfNer:
    component: BertCrfNer = nlp.get_pipe(NAME)
    return component


def test_scores_stay_with_their_entities_when_tokens_are_merged(
    nlp: Language, ner: BertCrfNer
) -> None:
    ner.decoding = Decoding(scores=True)
    before = [entity._.bioner_score for entity in nlp(TEXTS[1]).ents]
    nlp.add_pipe("merge_entities")
    doc = nlp(TEXTS[1])
    assert len(doc) == 3
    assert [entity._.bioner_score for entity in doc.ents] == before


def test_no_entity_takes_the_score_of_tokens_that_are_elsewhere_now(nlp: Language) -> None:
    doc = nlp.make_doc("糖尿病人用藥好")
    doc.ents = [Span(doc, 0, 3, "DISE"), Span(doc, 4, 5, "DRUG"), Span(doc, 6, 7, "DRUG")]
    keep_scores(doc, "bioner", doc.ents, [0.9, 0.1, 0.8])
    merge_entities(doc)
    assert [entity._.bioner_score for entity in doc.ents] == [0.9, 0.1, 0.8]


def test_a_second_component_reads_what_was_merged_before_it(nlp: Language, ner: BertCrfNer) -> None:
    ner.decoding = Decoding(scores=True)
    nlp.add_pipe("merge_entities")
    second = build().get_pipe(NAME)
    second.from_bytes(ner.to_bytes())
    second.decoding = Decoding(scores=True, preset="respect")
    doc = nlp(TEXTS[1])
    scores = [entity._.bioner_score for entity in doc.ents]
    second(doc)
    assert [entity._.bioner_score for entity in doc.ents] == scores


def test_what_a_component_has_found_is_not_known_to_it_the_second_time(
    nlp: Language, ner: BertCrfNer
) -> None:
    ner.decoding = Decoding(scores=True, preset="respect")
    doc = nlp(TEXTS[0])
    found = [(e.text, e._.bioner_score) for e in doc.ents]
    assert all(score < 1 for _, score in found)
    again = [(e.text, e._.bioner_score) for e in nlp(doc).ents]
    assert again == found


def test_what_a_component_has_found_is_not_known_to_it_after_another_one(
    nlp: Language, ner: BertCrfNer
) -> None:
    ner.decoding = Decoding(preset="respect")
    other = build()
    other.rename_pipe(NAME, "second")
    second = other.get_pipe("second")
    second.from_bytes(ner.to_bytes())
    second.decoding = Decoding(preset="respect")
    doc = nlp(TEXTS[0])
    scores = ner.score_spans(doc, doc.ents)
    second(doc)
    assert ner.score_spans(doc, doc.ents) == scores
    assert second.score_spans(doc, doc.ents) == [1.0] * len(doc.ents)


def test_a_floor_near_nothing_gives_all_that_is_possible(nlp: Language, ner: BertCrfNer) -> None:
    with ner.scoring(candidates_floor=1e-12):
        doc = nlp("頭痛藥")
    n_spans = 3 * (3 + 1) // 2 * len(ner.labels)
    assert len(doc.ents) + len(doc.spans["bioner_candidates"]) <= n_spans
    assert len(doc.spans["bioner_candidates"]) > 0


def test_calibration_compares_with_the_tokens_that_the_component_reads(nlp: Language) -> None:
    ruler = nlp.add_pipe("entity_ruler", before=NAME)
    ruler.add_patterns([{"label": "X", "pattern": "今天天氣"}])
    nlp.add_pipe("merge_entities", before=NAME)
    examples = [
        Example.from_dict(nlp.make_doc(text), {"entities": entities})
        for text, entities in SENTENCES
    ]
    right = outcomes(nlp, NAME, examples).right
    assert sum(right) / len(right) == pytest.approx(nlp.evaluate(examples)["ents_p"])
    assert sum(right) == 5
    assert calibrate(nlp, NAME, examples).temperature > 0


def test_a_pipeline_is_whole_while_its_pseudo_labels_are_read(
    nlp: Language, ner: BertCrfNer
) -> None:
    nlp.add_pipe("merge_entities")
    docs = pseudo_label(nlp, NAME, TEXTS, Floors(), Account())
    next(docs)
    assert nlp.pipe_names == [NAME, "merge_entities"]
    assert not ner.decoding.scores
    with ner.scoring():
        list(docs)


def test_a_process_forked_by_a_thread_scores_as_that_thread(ner: BertCrfNer) -> None:
    statuses: list[int] = []

    def fork() -> None:
        with ner.scoring():
            child = os.fork()
            if child == 0:
                os._exit(0 if ner.decoding.scores else 1)
            statuses.append(os.waitpid(child, 0)[1])

    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
    assert statuses == [0]
    assert not ner.decoding.scores
