"""All that a report tells of one system, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from spacy.tokens import Doc

from spacy_bioner.errors import ConfigError
from spacy_bioner.evaluation.advice import advise
from spacy_bioner.evaluation.analysis import (
    Confusion,
    TrainingMentions,
    by_document_length,
    by_familiarity,
    by_frequency,
    by_length,
    confusion,
)
from spacy_bioner.evaluation.cases import Case
from spacy_bioner.evaluation.curve import CurvePoint, read_curve
from spacy_bioner.evaluation.errors import EntityError, KindCount, count_kinds, find_errors
from spacy_bioner.evaluation.reliability import ReliabilityByType, reliability_by_type
from spacy_bioner.evaluation.resampling import (
    SAMPLES,
    Interval,
    percentile_interval,
    resampled_counts,
    scores_of_counts,
)
from spacy_bioner.evaluation.scores import (
    DocumentCounts,
    Means,
    Scores,
    by_genre,
    by_section,
    by_type,
    document_counts,
    macro,
    micro,
)
from spacy_bioner.evaluation.semeval import ModeScores, semeval_scores


@dataclass(frozen=True)
class Speed:
    """How long the pipeline took for so many words (tokens) of the documents."""

    seconds: float
    words: int

    @property
    def words_per_second(self) -> float:
        return self.words / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Intervals:
    """95 % bootstrap intervals over documents: of the micro scores, macro F1, and F1 by type."""

    precision: Interval
    recall: Interval
    f1: Interval
    macro_f1: Interval
    f1_by_type: dict[str, Interval]


@dataclass(frozen=True)
class Evaluation:
    """Scores and analysis of one system on some documents; see the functions that make each.

    tables: scores of groups of mentions, by what they are grouped by.
    """

    cases: tuple[Case, ...]
    counts: DocumentCounts
    micro: Scores
    macro: Means
    by_type: dict[str, Scores]
    intervals: Intervals
    semeval: dict[str, ModeScores]
    confusion: Confusion
    errors: tuple[EntityError, ...]
    kinds: tuple[KindCount, ...]
    tables: dict[str, dict[str, Scores]]
    reliability: ReliabilityByType | None
    curve: tuple[CurvePoint, ...] | None
    speed: Speed | None
    advice: tuple[str, ...]
    samples: int

    @property
    def tokens(self) -> int:
        return sum(len(case.tokens) for case in self.cases)

    @property
    def ignored(self) -> int:
        return sum(case.ignored for case in self.cases)

    @property
    def widened(self) -> int:
        return sum(case.widened for case in self.cases)


FAMILIARITY, FREQUENCY = "seen in training", "times annotated in training"
MENTION, DOCUMENT = "tokens in the mention", "tokens in the document"
GENRE, SECTION = "genre", "section"


def evaluate(
    cases: Sequence[Case],
    *,
    training: Sequence[Doc] | None = None,
    log: Path | None = None,
    speed: Speed | None = None,
    samples: int = SAMPLES,
) -> Evaluation:
    """Compute everything.

    training: the documents that the system was trained on, for what it has seen. log: of
    the training, for its learning curve. samples: of the bootstrap.
    Raises ConfigError if there is no case.
    """
    if not cases:
        raise ConfigError("no annotated document to score: check the gold data")
    counts = document_counts(cases)
    total, errors = micro(counts), find_errors(cases)
    kinds = count_kinds(errors, total)
    tables = _tables(cases, training)
    return Evaluation(
        cases=tuple(cases),
        counts=counts,
        micro=total,
        macro=macro(counts),
        by_type=by_type(counts),
        intervals=intervals(counts, samples),
        semeval=semeval_scores(cases),
        confusion=confusion(cases),
        errors=tuple(errors),
        kinds=tuple(kinds),
        tables=tables,
        reliability=_reliability(cases),
        curve=tuple(read_curve(log)) if log else None,
        speed=speed,
        advice=tuple(
            advise(total, by_type(counts), kinds, tables.get(FAMILIARITY, {}), len(cases))
        ),
        samples=samples,
    )


def _tables(cases: Sequence[Case], training: Sequence[Doc] | None) -> dict[str, Any]:
    tables = {}
    if training is not None:
        mentions = TrainingMentions(training)
        tables[FAMILIARITY] = by_familiarity(cases, mentions)
        tables[FREQUENCY] = by_frequency(cases, mentions)
    tables |= {MENTION: by_length(cases), DOCUMENT: by_document_length(cases)}
    tables |= {GENRE: by_genre(cases), SECTION: by_section(cases)}
    return {name: table for name, table in tables.items() if set(table) - {""}}


def intervals(counts: DocumentCounts, samples: int) -> Intervals:
    """95 % bootstrap intervals over documents.

    A type that is neither annotated nor found in the documents drawn has no F1 there, and
    the macro F1 of that draw is the mean of the others.
    """
    sums = resampled_counts(counts.values, samples)  # (S, L, 3)
    total = scores_of_counts(sums.sum(axis=1))  # (S, 3)
    occurs = sums[..., 1:].sum(axis=2) > 0  # (S, L)
    of_type = np.where(occurs, scores_of_counts(sums)[..., 2], np.nan)  # (S, L)
    means = np.nansum(of_type, axis=1) / np.maximum(occurs.sum(axis=1), 1)  # (S,)
    types = dict(zip(counts.labels, of_type.T, strict=True))
    precision, recall, f1 = (percentile_interval(total[:, n]) for n in range(3))
    by_type = {label: percentile_interval(values) for label, values in types.items()}
    return Intervals(precision, recall, f1, percentile_interval(means), by_type)


def _reliability(cases: Sequence[Case]) -> ReliabilityByType | None:
    """None unless every document has the confidences of what was found in it.

    Raises ConfigError where one of these is none.
    """
    if any(case.confidences is None for case in cases):
        return None
    for case in cases:
        if not all(0 <= confidence <= 1 for confidence in case.confidences or ()):
            raise ConfigError(
                f"document {case.id!r}: a confidence is not from 0 to 1. Correct the predictions."
            )
    confidences, right, labels = [], [], []
    for case in cases:
        gold = set(case.gold)
        for mention, confidence in zip(case.found, case.confidences or (), strict=True):
            confidences.append(confidence)
            right.append(mention in gold)
            labels.append(mention.label)
    return reliability_by_type(confidences, right, labels) if confidences else None
