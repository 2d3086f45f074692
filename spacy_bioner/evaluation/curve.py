"""The learning curve in the log of a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import srsly

from spacy_bioner.errors import ConfigError


class CurvePoint(NamedTuple):
    """One evaluation during training; scores from 0 to 1, None where the log has none."""

    epoch: int
    step: int
    loss: float
    precision: float | None
    recall: float | None
    f1: float | None


def read_curve(log: Path) -> list[CurvePoint]:
    """The evaluations in the JSON lines of a console logger's output_file.

    loss: the sum of the pipeline's losses. Raises ConfigError if the file is no such log.
    """
    try:
        points = [_point(line) for line in srsly.read_jsonl(log)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{log}: not the log of a training ({type(error).__name__}: {error}). Set "
            "[training.logger] output_file to write one."
        ) from None
    return points


def _point(line: dict[str, Any]) -> CurvePoint:
    """spaCy logs scores in percent."""
    scores = line["scores"]
    logged = [scores.get(name) for name in ("ents_p", "ents_r", "ents_f")]
    return CurvePoint(
        int(line["epoch"]),
        int(line["step"]),
        float(sum(line["losses"].values())),
        *(None if score is None else float(score) / 100 for score in logged),
    )
