"""Scores that give credit for what is nearly right, as in SemEval-2013 task 9."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nervaluate.entities import Entity, EvaluationResult
from nervaluate.strategies import (
    EntityTypeEvaluation,
    EvaluationStrategy,
    ExactEvaluation,
    PartialEvaluation,
    StrictEvaluation,
)

from spacy_bioner.evaluation.cases import Case, Mention, overlapping

# What each mode asks of a found mention.
MODES: dict[str, type[EvaluationStrategy]] = {
    "strict": StrictEvaluation,  # boundaries and type
    "exact": ExactEvaluation,  # boundaries, any type
    "partial": PartialEvaluation,  # overlap, any type; half the credit for it
    "type": EntityTypeEvaluation,  # the type and overlap
}


class ModeScores(NamedTuple):
    """Counts and scores of one mode, in the words of the task."""

    correct: int
    incorrect: int
    partial: int
    missed: int
    spurious: int
    precision: float
    recall: float
    f1: float


def semeval_scores(cases: Sequence[Case]) -> dict[str, ModeScores]:
    """Scores of all mentions in each of MODES, by nervaluate."""
    totals = {mode: EvaluationResult() for mode in MODES}
    strategies = {mode: make() for mode, make in MODES.items()}
    # group by group: nervaluate compares each mention with each
    for group in (group for case in cases for group in overlapping(case.gold, case.found)):
        gold, found = _entities(group.gold), _entities(group.found)
        for mode, strategy in strategies.items():
            result, _ = strategy.evaluate(gold, found, [])
            for count in ("correct", "incorrect", "partial", "missed", "spurious"):
                total = totals[mode]
                setattr(total, count, getattr(total, count) + getattr(result, count))
    return {mode: _scores(mode, total) for mode, total in totals.items()}


def _entities(mentions: Sequence[Mention]) -> list[Entity]:
    """nervaluate's ends are inclusive."""
    return [Entity(m.label, m.start, m.end - 1) for m in mentions]


def _scores(mode: str, total: EvaluationResult) -> ModeScores:
    total.compute_metrics(partial_or_type=mode in ("partial", "type"))
    counts = (total.correct, total.incorrect, total.partial, total.missed, total.spurious)
    return ModeScores(*counts, float(total.precision), float(total.recall), float(total.f1))
