"""Trained systems side by side, on several corpora: the table of a grid whose models were kept.

    spacy bioner experiment run inputs --corpus multiner=nine --encoder ... --keep-models --out RUNS
    python -m benchmarks.ladder score RUNS/multiner --train nine/train.spacy \
        --gold "held-out tenth=nine/dev.spacy" --gold "HealthNER test=healthner.spacy" \
        --table docs/ladder.csv
    python -m benchmarks.ladder show docs/ladder.csv

`score` adds a line to the table for each run, or other folder of a pipeline, and corpus that is
not in it yet, so that seeds can be trained at different times; words a second are of that
moment, on one thread. `show` prints the means over seeds as Markdown.
"""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated, Any

import spacy
import srsly
import torch
import typer
from spacy.language import Language
from spacy.tokens import Doc

from spacy_bioner.evaluation.analysis import NEVER, SEEN, TrainingMentions, by_familiarity
from spacy_bioner.evaluation.cases import make_cases
from spacy_bioner.evaluation.prediction import predict, read_docs
from spacy_bioner.evaluation.scores import by_type, document_counts, micro

Row = dict[str, Any]
KEYS = ("system", "seed", "corpus")
SCORES = ("precision", "recall", "f1", "recall_seen", "recall_unseen")
COSTS = ("words_per_second", "megabytes", "training_seconds")
TYPES = "f1_by_type"
COLUMNS = (*KEYS, *SCORES, *COSTS, TYPES)
RUN = re.compile(r"system=(?P<system>.+),seed=(?P<seed>\d+)")

app = typer.Typer(help=__doc__, no_args_is_help=True)


def pipelines_in(folder: Path) -> Iterator[tuple[str, int, Path]]:
    """System, seed and pipeline of each run of a grid that is done, or of one such folder."""
    for run in [folder, *sorted(folder.iterdir())]:
        found, model = RUN.fullmatch(run.name), run / "model" / "model-best"
        if found and model.is_dir():
            yield found["system"].replace("_", " "), int(found["seed"]), model


def scored(nlp: Language, model: Path, gold: Path, training: Sequence[Doc]) -> Row:
    prediction = predict(nlp, gold)
    cases = make_cases(prediction.gold, prediction.found)
    counts = document_counts(cases)
    total, familiar = micro(counts), by_familiarity(cases, TrainingMentions(training))
    log = model.parents[1] / "scores.json"
    return {
        "precision": total.precision,
        "recall": total.recall,
        "f1": total.f1,
        "recall_seen": familiar[SEEN].recall,
        "recall_unseen": familiar[NEVER].recall,
        "words_per_second": round(prediction.words / prediction.seconds),
        "megabytes": round(megabytes(model), 1),
        "training_seconds": round(srsly.read_json(log)["training_seconds"]) if log.exists() else "",
        TYPES: " ".join(f"{name}={100 * s.f1:.2f}" for name, s in by_type(counts).items()),
    }


def megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def read_table(path: Path) -> list[Row]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_table(path: Path, rows: Sequence[Row]) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(part, path)


def key_of(row: Row) -> tuple[str, ...]:
    return tuple(str(row[key]) for key in KEYS)


@app.command()
def score(
    folders: list[Path],
    train: Annotated[Path, typer.Option(help=".spacy file that all were trained on")],
    gold: Annotated[list[str], typer.Option(help="NAME=FILE.spacy to score on")],
    table: Annotated[Path, typer.Option(help="CSV file to add to")],
) -> None:
    """Score the pipelines in folders of runs, named `system=NAME,seed=N`."""
    torch.set_num_threads(1)
    training = read_docs(train)
    done = {key_of(row) for row in read_table(table)}
    for folder in folders:
        if not (found := list(pipelines_in(folder)) if folder.is_dir() else []):
            raise typer.BadParameter(
                f"{folder}: no pipeline of a run here; `experiment run --keep-models` keeps them"
            )
        for system, seed, model in found:
            files = {name: Path(file) for name, _, file in (each.partition("=") for each in gold)}
            missing = [name for name in files if (system, str(seed), name) not in done]
            nlp = spacy.load(model) if missing else None
            for name in missing:
                scores = scored(nlp, model, files[name], training)
                row = {"system": system, "seed": seed, "corpus": name, **scores}
                done.add(key_of(row))
                # read again: other processes may have added to it
                write_table(table, [*read_table(table), row])
                print(f"{system}, seed {seed}, {name}: F1 {100 * scores['f1']:.2f}", flush=True)


@app.command()
def show(table: Path) -> None:
    """Print means over seeds, ± standard deviations, and F1 by type."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in read_table(table):
        groups[row["corpus"], row["system"]].append(row)
    for corpus in dict.fromkeys(corpus for corpus, _ in groups):
        rows = {system: rows for (name, system), rows in groups.items() if name == corpus}
        print("\n".join([f"**{corpus}**", "", *_table(rows), "", *_types(rows), ""]))


def _table(systems: dict[str, list[Row]]) -> Iterator[str]:
    yield (
        "| system | seeds | P | R | F1 | recall, seen | recall, never seen | words/s | MB "
        "| training, s |"
    )
    yield "| --- |" + " --: |" * 9
    for system, rows in systems.items():
        precision, recall, f1, seen, unseen = (percent(rows, name) for name in SCORES)
        deviation = f" ± {100 * stdev(float(r['f1']) for r in rows):.2f}" if len(rows) > 1 else ""
        costs = (mean(rows, name, 1 if name == "megabytes" else 0) for name in COSTS)
        values = [len(rows), precision, recall, f1 + deviation, seen, unseen, *costs]
        yield f"| {system} | " + " | ".join(map(str, values)) + " |"


def _types(systems: dict[str, list[Row]]) -> Iterator[str]:
    labels = [part.split("=")[0] for part in next(iter(systems.values()))[0][TYPES].split()]
    yield "| F1 by type | " + " | ".join(labels) + " |"
    yield "| --- |" + " --: |" * len(labels)
    for system, rows in systems.items():
        of_run = [dict(part.split("=") for part in row[TYPES].split()) for row in rows]
        values = (fmean(float(run.get(label, 0)) for run in of_run) for label in labels)
        yield f"| {system} | " + " | ".join(f"{value:.1f}" for value in values) + " |"


def percent(rows: Sequence[Row], name: str) -> str:
    return f"{100 * fmean(float(row[name]) for row in rows):.2f}"


def mean(rows: Sequence[Row], name: str, digits: int) -> str:
    values = [float(row[name]) for row in rows if row[name] != ""]
    return f"{fmean(values):,.{digits}f}" if values else "-"


if __name__ == "__main__":
    app()
