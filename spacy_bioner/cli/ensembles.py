"""The command that joins trained pipelines."""

from pathlib import Path
from typing import Annotated

import typer

from spacy_bioner.cli.options import ComponentOption, ForceOption, GpuOption, NewModelArgument


def ensemble_command(
    models: Annotated[list[Path], typer.Argument(help="Trained pipelines: folders or packages.")],
    out: NewModelArgument,
    component: ComponentOption = "bert_crf_ner",
    gpu_id: GpuOption = -1,
    force: ForceOption = False,
) -> None:
    """Join trained pipelines to one that adds their scores before one decoding.

    The members must have the same labels and tokenizer, and the same vectors or none;
    seeds, settings and encoders may differ. The result is a pipeline like any other, as
    large and as slow as its members together.

    \b
    Example: spacy bioner ensemble seed1/model-best seed2/model-best seed3/model-best joined
    """
    from spacy_bioner.cli.confidences import load_pipeline
    from spacy_bioner.corpora.outputs import check_outputs, new_outputs
    from spacy_bioner.pipeline.ensemble import make_ensemble

    check_outputs([out], force)
    joined = make_ensemble([load_pipeline(model, gpu_id) for model in models], component)
    with new_outputs([out]) as (path,):
        joined.to_disk(path)
    typer.echo(f"{out}: {len(models)} models joined")
