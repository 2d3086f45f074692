"""Scores of predictions on real text, by a word list, against three other scorers."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest
import spacy
from nervaluate import Evaluator
from seqeval.metrics import classification_report
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example, biluo_to_iob, offsets_to_biluo_tags
from spacy.util import filter_spans

from spacy_bioner.corpora.docbin import document_to_doc
from spacy_bioner.corpora.reading import read_corpus
from spacy_bioner.evaluation.cases import make_cases
from spacy_bioner.evaluation.scores import by_type, document_counts, macro, micro
from spacy_bioner.evaluation.semeval import semeval_scores

DATA = Path(__file__).resolve().parents[3] / "shared/data/zh/multiner-health-2023"
CORPUS = DATA / "MultiNER-Health_truth_SM.txt"
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not CORPUS.is_file(), reason=f"no real corpora in {DATA}"),
]
NAMES = ("precision", "recall", "f1-score")


def look_up(doc: Doc, words: dict[str, str]) -> Doc:
    """The document with each known mention of up to eight tokens, longer ones first."""
    found = doc.copy()
    spans = [
        Span(found, i, j, words[found[i:j].text])
        for i in range(len(found))
        for j in range(i + 1, min(i + 8, len(found)) + 1)
        if found[i:j].text in words
    ]
    found.set_ents(filter_spans(spans))
    return found


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Doc, Doc]]:
    """Gold and found, of every third sentence; the words come from the others."""
    nlp = spacy.blank("zh")
    docs = [document_to_doc(document, nlp)[0] for document in read_corpus(CORPUS)]
    types: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for number, doc in enumerate(docs):
        if number % 3:
            for entity in doc.ents:
                types[entity.text][entity.label_] += 1
    words = {text: labels.most_common(1)[0][0] for text, labels in types.items()}
    return [(doc, look_up(doc, words)) for doc in docs[::3]]


def tags(doc: Doc) -> list[str]:
    offsets = [(e.start_char, e.end_char, e.label_) for e in doc.ents]
    return biluo_to_iob(offsets_to_biluo_tags(doc, offsets))


def test_scores_agree_with_spacy_seqeval_and_nervaluate(pairs: list[tuple[Doc, Doc]]) -> None:
    cases = make_cases(*zip(*pairs, strict=True))
    counts = document_counts(cases)
    total, means = micro(counts), macro(counts)
    assert total.gold > 2000
    assert 0.2 < total.f1 < 0.9
    ner = get_ner_prf([Example(found, gold) for gold, found in pairs])
    golds, founds = ([tags(doc) for doc in side] for side in zip(*pairs, strict=True))
    report = classification_report(golds, founds, output_dict=True)
    evaluator = Evaluator(golds, founds, tags=list(counts.labels), loader="list").evaluate()

    ours = (total.precision, total.recall, total.f1)
    assert ours == pytest.approx((ner["ents_p"], ner["ents_r"], ner["ents_f"]))
    assert ours == pytest.approx([float(report["micro avg"][name]) for name in NAMES])
    assert tuple(means) == pytest.approx([float(report["macro avg"][name]) for name in NAMES])
    for label, s in by_type(counts).items():
        found = (s.precision, s.recall, s.f1)
        assert found == pytest.approx(tuple(ner["ents_per_type"][label][k] for k in "prf"))
        assert found == pytest.approx([float(report[label][name]) for name in NAMES])
    for mode, scores in semeval_scores(cases).items():
        theirs = evaluator["overall"]["ent_type" if mode == "type" else mode]
        assert scores.correct == theirs.correct
        assert (scores.precision, scores.recall, scores.f1) == pytest.approx(
            (theirs.precision, theirs.recall, theirs.f1)
        )
