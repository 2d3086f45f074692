"""Confusion, familiarity and bins: small cases by hand, sums over random ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from nervaluate.strategies import PartialEvaluation
from spacy.tokens import Span

from spacy_bioner.errors import ConfigError
from spacy_bioner.evaluation.analysis import (
    NEVER,
    OTHER_TYPE,
    SEEN,
    TrainingMentions,
    bin_names,
    by_document_length,
    by_familiarity,
    by_frequency,
    by_length,
    confusion,
)
from spacy_bioner.evaluation.cases import Case, Mention, case_of_tags, overlapping
from spacy_bioner.evaluation.curve import read_curve
from spacy_bioner.evaluation.scores import Scores, document_counts, micro
from spacy_bioner.evaluation.semeval import _entities, semeval_scores
from tests.evaluation.random_tags import random_pairs

CASES = [case_of_tags(gold, found) for gold, found in random_pairs(300, seed=11)]


def case_of(text: str, gold: list[Mention], found: list[Mention]) -> Case:
    tokens = tuple((n, n + 1) for n in range(len(text)))
    return Case("x", text, tokens, tuple(gold), tuple(found))


def test_confusion_counts_each_gold_mention_once_and_found_ones_beside_them() -> None:
    matrix = confusion(CASES)
    for row, label in zip(matrix.counts[:-1], matrix.labels, strict=False):
        assert row.sum() == sum(m.label == label for case in CASES for m in set(case.gold))
    alone = sum(
        not any(m.start < g.end and g.start < m.end for g in case.gold)
        for case in CASES
        for m in set(case.found)
    )
    assert matrix.counts[-1].sum() == alone
    assert matrix.labels[-1] == "O"


def test_confusion_takes_the_found_mention_that_shares_most() -> None:
    gold, found = [Mention(0, 5, "A")], [Mention(0, 2, "B"), Mention(2, 5, "C")]
    matrix = confusion([case_of("xxxxx", gold, found)])
    assert matrix.labels == ("A", "B", "C", "O")
    assert matrix.counts.tolist() == [[0, 0, 1, 0], [0] * 4, [0] * 4, [0] * 4]


@pytest.fixture
def training() -> TrainingMentions:
    nlp = spacy.blank("zh")
    doc = nlp.make_doc("頭痛頭痛發燒")
    doc.set_ents([Span(doc, 0, 2, "SYMP"), Span(doc, 2, 4, "SYMP"), Span(doc, 4, 6, "DISE")])
    return TrainingMentions([doc])


def test_familiarity(training: TrainingMentions) -> None:
    gold = [Mention(0, 2, "SYMP"), Mention(2, 4, "SYMP"), Mention(4, 6, "SYMP")]
    case = case_of("頭痛發燒咳嗽", gold, gold[:2])
    assert by_familiarity([case], training) == {
        SEEN: Scores(1, 1, 1),
        OTHER_TYPE: Scores(1, 1, 1),
        NEVER: Scores(0, 0, 1),
    }
    assert by_frequency([case], training) == {
        "0": Scores(0, 0, 1),
        "1": Scores(1, 1, 1),
        "2 to 4": Scores(1, 1, 1),
    }


@pytest.mark.parametrize("divide", [by_length, by_document_length])
def test_bins_divide_all_mentions(divide) -> None:
    parts = divide(CASES).values()
    total = micro(document_counts(CASES))
    assert len(parts) > 1
    assert tuple(map(sum, zip(*parts, strict=True))) == tuple(total)


def test_bins_are_named_for_what_they_hold() -> None:
    assert bin_names((1, 2, 4)) == ["1", "2", "3 to 4", "5 and more"]
    assert bin_names((0, 1, 4)) == ["0", "1", "2 to 4", "5 and more"]
    assert bin_names((10, 20)) == ["1 to 10", "11 to 20", "21 and more"]
    case = case_of("x" * 11, [Mention(0, 4, "A"), Mention(5, 6, "A")], [])
    assert by_length([case]) == {"1": Scores(0, 0, 1), "4": Scores(0, 0, 1)}
    assert by_document_length([case]) == {"11 to 20": Scores(0, 0, 2)}


def test_curve_is_read_from_the_log_of_spacy(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(
        '{"epoch":1,"step":200,"losses":{"a":1.5,"b":2},"scores":{"ents_f":50.0,"ents_p":40.0},'
        '"score":0.5}\n'
    )
    assert read_curve(log) == [(1, 200, 3.5, 0.4, None, 0.5)]


def test_other_files_are_no_curve(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"x": 1}\n')
    with pytest.raises(ConfigError, match=r"log\.jsonl: not the log of a training"):
        read_curve(tmp_path / "log.jsonl")


def test_a_type_may_have_the_name_of_what_is_no_mention() -> None:
    matrix = confusion([case_of("xxxx", [Mention(0, 2, "O")], [Mention(2, 3, "O")])])
    assert matrix.labels == ("O", "(O)")
    assert matrix.counts.tolist() == [[0, 1], [1, 0]]


def test_groups_hold_each_mention_once_and_overlap_nothing_beside_them() -> None:
    for case in CASES:
        groups = list(overlapping(case.gold, case.found))
        assert sorted(m for group in groups for m in group.gold) == sorted(case.gold)
        assert sorted(m for group in groups for m in group.found) == sorted(case.found)
        ends = [max(m.end for m in (*g.gold, *g.found)) for g in groups]
        starts = [min(m.start for m in (*g.gold, *g.found)) for g in groups]
        assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))


def test_groups_change_no_count_of_semeval() -> None:
    strategy = PartialEvaluation()
    whole = [strategy.evaluate(_entities(c.gold), _entities(c.found), [])[0] for c in CASES]
    scores = semeval_scores(CASES)["partial"]
    counts = [sum(getattr(r, name) for r in whole) for name in ("correct", "partial", "missed")]
    assert [scores.correct, scores.partial, scores.missed] == counts
