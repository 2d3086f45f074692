"""Evaluations as plain data, for metrics.json."""

from __future__ import annotations

from typing import Any

from spacy_bioner.evaluation.comparison import Comparison
from spacy_bioner.evaluation.evaluate import Evaluation
from spacy_bioner.evaluation.reliability import Reliability
from spacy_bioner.evaluation.resampling import Significance
from spacy_bioner.evaluation.scores import Scores


def metrics(evaluation: Evaluation) -> dict[str, Any]:
    """All figures of a report; scores from 0 to 1. ents_p, ents_r, ents_f are spaCy's names."""
    e = evaluation
    return {
        "ents_p": e.micro.precision,
        "ents_r": e.micro.recall,
        "ents_f": e.micro.f1,
        "documents": len(e.cases),
        "tokens": e.tokens,
        "micro": _scores(e.micro),
        "macro": e.macro._asdict(),
        "intervals": {
            "level": 0.95,
            "samples": e.samples,
            "precision": list(e.intervals.precision),
            "recall": list(e.intervals.recall),
            "f1": list(e.intervals.f1),
            "macro_f1": list(e.intervals.macro_f1),
            "f1_by_type": {name: list(i) for name, i in e.intervals.f1_by_type.items()},
        },
        "by_type": {name: _scores(s) for name, s in e.by_type.items()},
        "semeval": {mode: s._asdict() for mode, s in e.semeval.items()},
        "confusion": {"labels": list(e.confusion.labels), "counts": e.confusion.counts.tolist()},
        "errors": [
            {"kind": k.kind.value, "count": k.count, "f1_gain": k.gain, "by_type": k.by_type}
            for k in e.kinds
        ],
        "tables": {
            name: {key: _scores(s) for key, s in table.items()} for name, table in e.tables.items()
        },
        "advice": list(e.advice),
        "ignored": e.ignored,
        "widened": e.widened,
        **_optional(e),
    }


def _optional(e: Evaluation) -> dict[str, Any]:
    """What only some evaluations have."""
    parts: dict[str, Any] = {}
    if e.reliability is not None:
        by_type = {label: _agreement(r) for label, r in e.reliability.by_type.items()}
        parts["reliability"] = {"overall": _agreement(e.reliability.overall), "by_type": by_type}
    if e.curve is not None:
        parts["curve"] = [point._asdict() for point in e.curve]
    if e.speed is not None:
        parts["speed"] = {
            "seconds": e.speed.seconds,
            "words": e.speed.words,
            "words_per_second": e.speed.words_per_second,
        }
    return parts


def comparison_metrics(comparison: Comparison) -> dict[str, Any]:
    """Both systems' figures, and those of their difference (B minus A)."""
    c = comparison
    return {
        "a": metrics(c.a),
        "b": metrics(c.b),
        "difference": _significance(c.total),
        "difference_by_type": {name: _significance(s) for name, s in c.by_type.items()},
        "gold_mentions": {
            name: getattr(c, name) for name in ("both", "only_a", "only_b", "neither")
        },
        "documents_that_differ": len(c.differences),
    }


def _scores(scores: Scores) -> dict[str, Any]:
    rates = {"precision": scores.precision, "recall": scores.recall, "f1": scores.f1}
    return {**rates, **scores._asdict()}


def _agreement(reliability: Reliability) -> dict[str, Any]:
    """Of confidences and outcomes."""
    return {name: getattr(reliability, name) for name in reliability.__slots__ if name != "bins"}


def _significance(s: Significance) -> dict[str, Any]:
    return {**s._asdict(), "interval": list(s.interval)}
