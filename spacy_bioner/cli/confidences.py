"""Commands about a model's confidences."""

from pathlib import Path
from typing import Annotated, Any

import typer

from spacy_bioner.cli.options import (
    ComponentOption,
    ForceOption,
    FormatOption,
    GpuOption,
    Inputs,
    ModelArgument,
    NewModelArgument,
    SpacyFileArgument,
)
from spacy_bioner.cli.pipelines import check_new_pipeline, load_pipeline


def calibrate_command(
    model: ModelArgument,
    dev: SpacyFileArgument,
    out: NewModelArgument,
    by_type: Annotated[bool, typer.Option(help="A temperature for each entity type.")] = False,
    component: ComponentOption = "bert_crf_ner",
    gpu_id: GpuOption = -1,
    force: ForceOption = False,
) -> None:
    """Fit a temperature on development data, so that confidences match precision, and save.

    Prints how confidences and outcomes agree before and after. With a single temperature
    the best entities stay the same, but as probabilities change, look anew for the model's
    threshold, if it has one. Use data that the model was not trained on.

    \b
    Example: spacy bioner calibrate training/model-best corpus/dev.spacy calibrated
    """
    from spacy_bioner.directories import written_whole
    from spacy_bioner.evaluation.prediction import read_examples
    from spacy_bioner.evaluation.reliability import reliability_by_type, render_reliability
    from spacy_bioner.pipeline.calibration import calibrate, outcomes

    check_new_pipeline(out, force)
    nlp = load_pipeline(model, gpu_id)
    examples = read_examples(nlp, dev)
    parts: dict[str, Any] = {}
    for name in ("before", "after"):
        if name == "after":
            fit = calibrate(nlp, component, examples, by_label=by_type)
        found = outcomes(nlp, component, examples)
        parts[name] = reliability_by_type(found.confidences, found.right, found.labels)
    with written_whole(out) as path:
        nlp.to_disk(path)
    typer.echo(f"temperature: {describe_temperature(fit.temperature)}")
    typer.echo(f"negative log likelihood a document: {fit.loss_before:.4f} -> {fit.loss_after:.4f}")
    typer.echo(render_reliability(parts))
    typer.echo(f"saved: {out}")


def select_command(
    model: ModelArgument,
    inputs: Inputs,
    out: Annotated[Path, typer.Argument(help="The file or folder of what to annotate next.")],
    count: Annotated[int, typer.Option(min=1, help="Sentences to select.")] = 100,
    by: Annotated[str, typer.Option(help="entropy, least-confident, expected-f1, or random.")] = (
        "entropy"
    ),
    diversity: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="0: the least sure alone; 1: no like ones together. Not for random."
        ),
    ] = 0.5,
    to: Annotated[str, typer.Option(help="What to write: of `formats`, not `spacy`.")] = (
        "prodigy"
    ),
    format: FormatOption = "auto",
    component: ComponentOption = "bert_crf_ner",
    seed: Annotated[int, typer.Option(help="Of random choice.")] = 0,
    gpu_id: GpuOption = -1,
    force: ForceOption = False,
) -> None:
    """From raw texts choose the sentences that the model is least sure of.

    Inputs are corpora of any format, or plain text (.txt without .ann: a paragraph a
    line). The sentences are written with what the model found as pre-annotations, to be
    corrected in an annotation tool.

    \b
    Example: spacy bioner select training/model-best notes.txt next.jsonl --count 200
    """
    from spacy_bioner.cli.selection import run_selection

    nlp = load_pipeline(model, gpu_id)
    settings = {"count": count, "by": by, "diversity": diversity, "seed": seed}
    typer.echo(run_selection(nlp, component, inputs, out, to, format, force, settings))


def describe_temperature(temperature: Any) -> str:
    if isinstance(temperature, dict):
        named = (f"{label or 'O'} {value:.3f}" for label, value in temperature.items())
        return ", ".join(named)
    return f"{temperature:.3f}"
