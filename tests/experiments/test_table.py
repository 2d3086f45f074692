"""Tables from runs made by hand: means, deviations, and what is not there."""

from __future__ import annotations

import csv
import io
import json
import statistics
from pathlib import Path

import numpy as np
import pytest

from spacy_bioner.evaluation.resampling import compare_f1
from spacy_bioner.experiments.grid import Grid, Row
from spacy_bioner.experiments.prepare import run_folder
from spacy_bioner.experiments.table import (
    cells,
    mean_interval,
    read_table,
    render_csv,
    render_markdown,
)

GRID = Grid(
    name="g",
    config=Path("x.cfg"),
    axes={"loss": {"crf": {}, "softmax": {}}},
    base={"loss": "softmax"},
    seeds=(0, 1, 2),
    corpora={"c": {}},
)
CRF, SOFTMAX = GRID.rows()


def random_counts(seed: int, chance: float) -> np.ndarray:
    generator = np.random.default_rng(seed)
    gold = generator.integers(1, 5, 80)
    right = generator.binomial(gold, chance)
    return np.stack([right, gold, gold], axis=1)


def write_run(out: Path, row: Row, seed: int, counts: np.ndarray) -> None:
    folder = run_folder(out, row, seed)
    folder.mkdir(parents=True)
    right, found, gold = counts.sum(axis=0).tolist()
    scores = {
        "precision": right / found,
        "recall": right / gold,
        "f1": 2 * right / (found + gold),
        "macro_f1": 0.5,
        "parameters": 1234,
        "words_per_second": 1000.0,
        "training_seconds": 10.0 + seed,
        "documents": counts.tolist(),
    }
    (folder / "scores.json").write_text(json.dumps(scores))
    (folder / "done.json").write_text('{"fingerprint": "f"}')


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for seed in (0, 1, 2):
        write_run(tmp_path, CRF, seed, random_counts(seed, 0.8))
        write_run(tmp_path, SOFTMAX, seed, random_counts(10 + seed, 0.6))
    return tmp_path


def test_means_and_deviations_are_over_seeds(out: Path) -> None:
    crf, _ = read_table(GRID, out, samples=200)
    f1 = [score["f1"] for score in crf.scores]
    figures = cells(crf)
    assert figures["f1"] == pytest.approx(statistics.fmean(f1))
    assert figures["f1_sd"] == pytest.approx(statistics.stdev(f1))
    assert figures["training_seconds"] == pytest.approx(11)
    assert figures["f1_low"] < figures["f1"] < figures["f1_high"]


def test_rows_are_compared_with_the_base_row_on_all_their_runs(out: Path) -> None:
    crf, base = read_table(GRID, out, samples=500)
    a = sum(random_counts(10 + seed, 0.6) for seed in range(3))
    b = sum(random_counts(seed, 0.8) for seed in range(3))
    assert crf.against == compare_f1(a, b, 500)
    assert crf.against.randomisation < 0.01
    assert (base.against, base.is_base) == (None, True)


def test_runs_that_failed_or_lack_are_shown_and_never_averaged(out: Path) -> None:
    folder = run_folder(out, CRF, 1)
    folder.rename(f"{folder}.failed")
    (run_folder(out, CRF, 2) / "done.json").unlink()
    crf, _ = read_table(GRID, out, samples=100)
    assert (len(crf.scores), crf.failed, crf.missing) == (1, 1, 1)
    assert cells(crf)["f1"] == crf.scores[0]["f1"]
    assert cells(crf)["f1_sd"] is None
    line = render_markdown(GRID, [crf]).splitlines()[2]
    assert "| 1, 1 failed, 1 missing |" in line


def test_a_row_without_runs_is_a_row_of_dashes(tmp_path: Path) -> None:
    write_run(tmp_path, CRF, 0, random_counts(0, 0.8))
    table = read_table(GRID, tmp_path, samples=100)
    head, _, crf, softmax = render_markdown(GRID, table).splitlines()
    assert len({line.count("|") for line in (head, crf, softmax)}) == 1
    assert "| 0, 3 missing | - |" in softmax
    assert "| - | - |" in crf  # nothing to compare with


def test_csv_has_all_figures_unrounded(out: Path) -> None:
    table = read_table(GRID, out, samples=100)
    rows = list(csv.DictReader(io.StringIO(render_csv(GRID, table))))
    assert [row["loss"] for row in rows] == ["crf", "softmax"]
    assert float(rows[0]["f1"]) == table[0].mean("f1")
    assert rows[1]["f1_difference"] == ""


def test_interval_of_one_run_is_that_of_its_documents() -> None:
    counts = random_counts(3, 0.7)
    right, total = counts[:, 0], counts[:, 1]
    generator = np.random.default_rng(5)
    rows = generator.integers(80, size=(3000, 80))
    f1 = right[rows].sum(axis=1) / total[rows].sum(axis=1)
    expected = np.percentile(f1, [2.5, 97.5])
    assert tuple(mean_interval(counts[None], 3000)) == pytest.approx(expected, abs=0.012)


def test_interval_grows_with_the_spread_over_seeds() -> None:
    same = np.stack([random_counts(0, 0.7)] * 3)
    spread = np.stack([random_counts(n, chance) for n, chance in enumerate((0.4, 0.7, 0.95))])
    narrow, wide = mean_interval(same), mean_interval(spread)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
