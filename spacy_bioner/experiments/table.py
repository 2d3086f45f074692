"""The table of a grid: a row a system, with means over seeds and what they are worth."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import srsly
from numpy.typing import NDArray

from spacy_bioner.evaluation.resampling import (
    SAMPLES,
    Interval,
    Significance,
    compare_f1,
    percentile_interval,
    scores_of_counts,
)
from spacy_bioner.experiments.grid import Grid, Row
from spacy_bioner.experiments.prepare import run_folder
from spacy_bioner.experiments.run import SCORES, Run

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class TableRow:
    """One system on one corpus.

    scores: those of each run that is done, in order of the seeds. missing, failed: numbers
    of runs that are not done.
    interval: of the mean F1, over seeds and documents drawn with replacement. against:
    the difference from the base row, on the seeds that both have.
    """

    row: Row
    scores: tuple[dict[str, Any], ...]
    missing: int
    failed: int
    interval: Interval | None
    against: Significance | None
    is_base: bool

    def mean(self, name: str) -> float:
        return statistics.fmean(score[name] for score in self.scores)

    def deviation(self, name: str) -> float | None:
        """Sample standard deviation over seeds; None for fewer than two."""
        values = [score[name] for score in self.scores]
        return statistics.stdev(values) if len(values) > 1 else None


def read_table(grid: Grid, out: Path, samples: int = SAMPLES) -> list[TableRow]:
    """The rows of a grid whose runs lie in `out`. Runs not done are counted, never averaged."""
    rows = list(grid.rows())
    scores = [_scores(grid, out, row) for row in rows]
    table = []
    for row, of_row in zip(rows, scores, strict=True):
        base = next(
            of_base
            for other, of_base in zip(rows, scores, strict=True)
            if other.corpus == row.corpus and other.values == grid.base
        )
        folders = [run_folder(out.resolve(), row, seed) for seed in grid.seeds]
        runs = [Run(str(folder), "", {}, "", 0) for folder in folders]
        failed = sum(run.failure.is_dir() and not run.is_done for run in runs)
        is_base = row.values == grid.base
        table.append(
            TableRow(
                row,
                tuple(of_row.values()),
                missing=sum(not run.is_done for run in runs) - failed,
                failed=failed,
                interval=mean_interval(_counts(list(of_row.values())), samples) if of_row else None,
                against=None if is_base else _against(base, of_row, samples),
                is_base=is_base,
            )
        )
    return table


def _scores(grid: Grid, out: Path, row: Row) -> dict[int, dict[str, Any]]:
    """What each run of a row that is done has scored, by its seed."""
    folders = {seed: run_folder(out.resolve(), row, seed) for seed in grid.seeds}
    return {
        seed: srsly.read_json(folder / SCORES)
        for seed, folder in folders.items()
        if Run(str(folder), "", {}, "", 0).is_done
    }


def _counts(scores: Sequence[dict[str, Any]]) -> Counts:
    return np.array([score["documents"] for score in scores], dtype=np.int64)


def mean_interval(counts: Counts, samples: int = SAMPLES, seed: int = 0) -> Interval:
    """Of the mean F1 of R runs on D documents, (R, D, 3), both drawn with replacement."""
    generator = np.random.default_rng(seed)
    runs, documents, _ = counts.shape
    means = np.empty(samples)
    for n in range(samples):
        weights = generator.multinomial(documents, np.full(documents, 1 / documents))
        f1 = scores_of_counts(np.einsum("d,rdc->rc", weights, counts).astype(np.float64))[:, 2]
        means[n] = f1[generator.integers(runs, size=runs)].mean()
    return percentile_interval(means)


def _against(
    base: dict[int, dict[str, Any]], row: dict[int, dict[str, Any]], samples: int
) -> Significance | None:
    """Of the runs with seeds that both have, with the counts of a document's runs added up."""
    common = sorted(set(base) & set(row))
    if not common:
        return None
    a, b = (_counts([of[seed] for seed in common]).sum(axis=0) for of in (base, row))
    return compare_f1(a, b, samples)


COLUMNS = (
    *("runs", "missing", "failed", "precision", "recall", "f1", "f1_sd", "f1_low", "f1_high"),
    *("macro_f1", "f1_difference", "p_bootstrap", "p_randomisation"),
    *("training_seconds", "words_per_second", "parameters"),
)


def cells(row: TableRow) -> dict[str, Any]:
    """All figures of a row by COLUMNS; None for what there is not."""
    figures: dict[str, Any] = dict.fromkeys(COLUMNS)
    figures |= {"runs": len(row.scores), "missing": row.missing, "failed": row.failed}
    if not row.scores:
        return figures
    names = ("precision", "recall", "f1", "macro_f1", "training_seconds", "words_per_second")
    figures |= {name: row.mean(name) for name in names}
    figures |= {"f1_sd": row.deviation("f1"), "parameters": row.scores[0]["parameters"]}
    if row.interval:
        figures |= {"f1_low": row.interval.low, "f1_high": row.interval.high}
    if row.against:
        figures["f1_difference"] = row.against.difference
        figures["p_bootstrap"] = row.against.bootstrap
        figures["p_randomisation"] = row.against.randomisation
    return figures


def render_csv(grid: Grid, table: Sequence[TableRow]) -> str:
    """One line a row, all figures unrounded."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["corpus", *grid.axes, *COLUMNS])
    for row in table:
        writer.writerow([row.row.corpus, *row.row.values.values(), *cells(row).values()])
    return file.getvalue()


def render_markdown(grid: Grid, table: Sequence[TableRow]) -> str:
    """Percent, mean ± standard deviation over seeds; the base row in bold."""
    head = ["corpus", *grid.axes, "runs", "P", "R", "F1", "95 %", "Δ F1", "p", "macro F1"]
    head += ["train s", "words/s", "parameters"]
    left = 1 + len(grid.axes)
    rules = ["---"] * left + ["--:"] * (len(head) - left)
    lines = [head, rules, *(_markdown_cells(row) for row in table)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _markdown_cells(row: TableRow) -> list[str]:
    names = [row.row.corpus, *row.row.values.values()]
    if row.is_base:
        names = [f"**{name}**" for name in names]
    f = cells(row)
    lacking = [f"{f[name]} {name}" for name in ("failed", "missing") if f[name]]
    runs = ", ".join([str(f["runs"]), *lacking])
    if not row.scores:
        return [*names, runs, *["-"] * 10]
    deviation = "" if f["f1_sd"] is None else f" ± {100 * f['f1_sd']:.2f}"
    against = ["base", ""] if row.is_base else ["-", "-"]
    if row.against:
        against = [f"{100 * f['f1_difference']:+.2f}", f"{f['p_randomisation']:.3f}"]
    return [
        *names,
        runs,
        *(f"{100 * f[name]:.2f}" for name in ("precision", "recall")),
        f"{100 * f['f1']:.2f}{deviation}",
        f"{100 * f['f1_low']:.2f} to {100 * f['f1_high']:.2f}",
        *against,
        f"{100 * f['macro_f1']:.2f}",
        f"{f['training_seconds']:,.0f}",
        f"{f['words_per_second']:,.0f}",
        f"{f['parameters']:,}",
    ]
