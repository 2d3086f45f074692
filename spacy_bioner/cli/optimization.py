"""The command that makes a pipeline faster."""

import shutil
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from spacy_bioner.cli.options import ForceOption, ModelArgument, NewModelArgument
from spacy_bioner.cli.pipelines import check_new_pipeline, load_pipeline


class Form(StrEnum):
    bfloat16 = "bfloat16"
    int8 = "int8"


def optimize_command(
    model: ModelArgument,
    out: NewModelArgument,
    dev: Annotated[Path, typer.Option(help="A .spacy file to compare both pipelines on.")],
    precision: Annotated[
        Form, typer.Option(help="Of the encoder; int8 runs under onnxruntime, on a CPU.")
    ] = Form.bfloat16,
    max_loss: Annotated[float, typer.Option(help="Points of F1 that may be lost.")] = 0.3,
    rounds: Annotated[int, typer.Option(help="Times that each pipeline is timed.", min=1)] = 3,
    force: ForceOption = False,
) -> None:
    """Make a pipeline whose encoder predicts in bfloat16 or int8, for `spacy.load` as any other.

    Prints speed, memory, size, agreement of the entities and F1 of both, each measured in a
    process of its own, and writes nothing if F1 falls by more than --max-loss. int8 is made
    once more with its most sensitive products in float32 where that is needed to stay within.
    The new pipeline predicts; to train on, keep the old one.

    \b
    Example: spacy bioner optimize training/model-best fast --precision int8 --dev dev.spacy
    """
    from tempfile import TemporaryDirectory

    from spacy_bioner.directories import written_whole
    from spacy_bioner.errors import ConfigError
    from spacy_bioner.evaluation.prediction import read_docs

    check_new_pipeline(out, force)
    if not any(doc.ents for doc in read_docs(dev)):
        raise ConfigError(f"{dev}: has no entity, so that F1 would say nothing")
    with TemporaryDirectory() as folder:
        made = _best_within(model, precision.value, dev, folder, rounds, max_loss)
        with written_whole(out) as path:
            shutil.copytree(made, path, dirs_exist_ok=True)
    typer.echo(f"saved: {out}")


def _best_within(
    model: Path, form: str, dev: Path, folder: str, rounds: int, max_loss: float
) -> Path:
    """The first pipeline whose F1 is high enough; prints what each that was tried gains."""
    from spacy_bioner.optimization.compare import render, require_small_loss
    from spacy_bioner.optimization.trials import trials

    nlp = load_pipeline(model, -1)
    for trial in trials(nlp, Path(nlp.path or model), form, dev, folder, rounds):
        typer.echo(f"{trial.note}\n{render(trial.comparison)}")
        if trial.comparison.loss <= max_loss:
            break
    require_small_loss(trial.comparison, max_loss, form)
    return trial.path
