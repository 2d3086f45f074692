"""Strict scores against seqeval, spaCy's Scorer, nervaluate and counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
import spacy
from nervaluate import Evaluator
from seqeval.metrics import classification_report
from seqeval.metrics.sequence_labeling import get_entities
from spacy.scorer import Scorer
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_bioner.errors import ConfigError
from spacy_bioner.evaluation.cases import Case, Mention, case_of_tags, make_cases
from spacy_bioner.evaluation.conlleval import read_chunks
from spacy_bioner.evaluation.scores import (
    Scores,
    by_genre,
    by_section,
    by_type,
    document_counts,
    macro,
    micro,
)
from spacy_bioner.evaluation.semeval import semeval_scores
from tests.evaluation.random_tags import LABELS, random_pairs

PAIRS = random_pairs(2000, seed=7)
CASES = [case_of_tags(gold, found) for gold, found in PAIRS]


def doc_of(mentions: tuple[Mention, ...], length: int, vocab: Vocab) -> Doc:
    doc = Doc(vocab, words=["x"] * length)
    doc.set_ents([Span(doc, m.start, m.end, m.label) for m in mentions])
    return doc


@pytest.mark.parametrize(("gold", "found"), PAIRS[:300])
def test_chunks_are_those_of_seqeval(gold: list[str], found: list[str]) -> None:
    for tags in (gold, found):
        expected = [Mention(start, end + 1, label) for label, start, end in get_entities(tags)]
        assert list(read_chunks(tags)) == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O I-A I-A O", [(1, 3, "A")]),  # an I- that continues nothing starts an entity
        ("B-A I-B", [(0, 1, "A"), (1, 2, "B")]),  # of another type it continues nothing
        ("B-A B-A I-A", [(0, 1, "A"), (1, 3, "A")]),
        ("I-A O I-A", [(0, 1, "A"), (2, 3, "A")]),
        ("O O", []),
    ],
)
def test_chunks_follow_the_description_of_conlleval(
    tags: str, expected: list[tuple[int, int, str]]
) -> None:
    assert list(read_chunks(tags.split())) == expected


def test_scores_are_those_of_seqeval() -> None:
    report = classification_report(
        [gold for gold, _ in PAIRS], [found for _, found in PAIRS], output_dict=True
    )
    counts = document_counts(CASES)
    for label, scores in by_type(counts).items():
        expected = report[label]
        got = (scores.precision, scores.recall, scores.f1, scores.gold)
        names = ("precision", "recall", "f1-score", "support")
        assert got == pytest.approx([float(expected[name]) for name in names])
    total, means, names = micro(counts), macro(counts), ("precision", "recall", "f1-score")
    micro_avg = [float(report["micro avg"][name]) for name in names]
    macro_avg = [float(report["macro avg"][name]) for name in names]
    assert (total.precision, total.recall, total.f1) == pytest.approx(micro_avg)
    assert tuple(means) == pytest.approx(macro_avg)


def test_scores_are_those_of_spacy() -> None:
    vocab = Vocab()
    docs = [
        (doc_of(case.gold, len(case.tokens), vocab), doc_of(case.found, len(case.tokens), vocab))
        for case in CASES
    ]
    expected = Scorer.score_spans(
        [Example(found, gold) for gold, found in docs], "ents", allow_overlap=False
    )
    ner = spacy.scorer.get_ner_prf([Example(found, gold) for gold, found in docs])
    counts = document_counts(make_cases(*zip(*docs, strict=True)))
    total = micro(counts)
    assert (total.precision, total.recall, total.f1) == pytest.approx(
        (ner["ents_p"], ner["ents_r"], ner["ents_f"])
    )
    assert total.f1 == pytest.approx(expected["ents_f"])
    for label, scores in by_type(counts).items():
        p, r, f = (ner["ents_per_type"][label][name] for name in "prf")
        assert (scores.precision, scores.recall, scores.f1) == pytest.approx((p, r, f))


def test_strict_mode_of_nervaluate_is_the_micro_score() -> None:
    strict, total = semeval_scores(CASES)["strict"], micro(document_counts(CASES))
    assert strict.correct == total.right
    assert (strict.precision, strict.recall, strict.f1) == pytest.approx(
        (total.precision, total.recall, total.f1)
    )


def test_modes_are_those_of_nervaluate() -> None:
    sides = [
        [[{"label": m.label, "start": m.start, "end": m.end - 1} for m in side] for side in of_all]
        for of_all in ([c.gold for c in CASES], [c.found for c in CASES])
    ]
    theirs = Evaluator(*sides, tags=list(LABELS), loader="dict").evaluate()["overall"]
    for mode, scores in semeval_scores(CASES).items():
        expected = theirs["ent_type" if mode == "type" else mode]
        for name in scores._fields:
            assert getattr(scores, name) == pytest.approx(getattr(expected, name)), (mode, name)


def test_partial_mode_gives_half_the_credit_by_hand() -> None:
    case = Case(
        "1",
        "abcdef",
        tuple((n, n + 1) for n in range(6)),
        (Mention(0, 2, "A"), Mention(3, 5, "A")),
        (Mention(0, 2, "B"), Mention(3, 4, "A"), Mention(5, 6, "A")),
    )
    scores = semeval_scores([case])
    assert scores["partial"].precision == pytest.approx((1 + 0.5) / 3)
    assert scores["exact"].recall == pytest.approx(1 / 2)
    assert scores["type"].precision == pytest.approx(1 / 3)
    assert scores["strict"].correct == 0


def test_nothing_found_and_nothing_there_score_zero() -> None:
    assert (Scores(0, 0, 3).precision, Scores(0, 3, 0).recall, Scores(0, 0, 0).f1) == (0, 0, 0)


def test_unannotated_tokens_count_neither_way_as_in_spacy() -> None:
    gold, found = (Doc(Vocab(), words=list("abcd")) for _ in range(2))
    gold.set_ents([Span(gold, 0, 1, "A")], missing=[Span(gold, 2, 3)], default="outside")
    found.set_ents([Span(found, 0, 1, "A"), Span(found, 2, 4, "A"), Span(found, 1, 2, "A")])
    (case,) = make_cases([gold], [found])
    assert case.ignored == 1
    total = micro(document_counts([case]))
    ner = spacy.scorer.get_ner_prf([Example(found, gold)])
    assert (total.precision, total.recall) == (ner["ents_p"], ner["ents_r"]) == (0.5, 1.0)


def test_other_tokens_are_aligned_as_in_spacy() -> None:
    vocab = Vocab()
    gold = Doc(vocab, words=["ab", "cd"], spaces=[False, False])
    found = Doc(vocab, words=["a", "bc", "d"], spaces=[False] * 3)
    gold.set_ents([Span(gold, 0, 1, "A")])
    found.set_ents([Span(found, 0, 1, "A")])
    (case,) = make_cases([gold], [found])
    assert (case.gold, case.found, case.widened) == (case.found, case.gold, 1)
    assert micro(document_counts([case])).f1 == pytest.approx(
        spacy.scorer.get_ner_prf([Example(found, gold)])["ents_f"]
    )


def test_genres_and_sections_divide_the_counts() -> None:
    words = tuple((n, n + 1) for n in range(4))
    sections = ((0, 2, "title"), (2, 4, "abstract"))
    right, wrong = Mention(0, 1, "A"), Mention(3, 4, "A")
    cases = [
        Case("1", "abcd", words, (right,), (right, wrong), genre="x", sections=sections),
        Case("2", "abcd", words, (wrong,), (), genre="y", sections=sections),
    ]
    assert by_genre(cases) == {"x": Scores(1, 2, 1), "y": Scores(0, 0, 1)}
    assert by_section(cases) == {"abstract": Scores(0, 1, 1), "title": Scores(1, 1, 1)}


def test_counts_of_documents_add_up() -> None:
    counts = document_counts(CASES)
    assert counts.values.shape == (2000, 3, 3)
    assert np.array_equal(counts.values.sum(axis=1)[:, 2], [len(set(case.gold)) for case in CASES])


def test_tags_of_another_scheme_are_refused() -> None:
    with pytest.raises(ConfigError, match="'S-D' is no tag of the scheme IOB"):
        read_chunks(["O", "S-D"])
