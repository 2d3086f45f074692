"""The command that joins trained pipelines."""

from pathlib import Path
from typing import Annotated

import typer

from spacy_bioner.cli.options import ComponentOption, ForceOption, GpuOption, NewModelArgument
from spacy_bioner.cli.pipelines import check_new_pipeline, load_pipeline


def ensemble_command(
    models: Annotated[list[Path], typer.Argument(help="Trained pipelines: folders or packages.")],
    out: NewModelArgument,
    component: ComponentOption = "bert_crf_ner",
    gpu_id: GpuOption = -1,
    force: ForceOption = False,
) -> None:
    """Join trained pipelines into one that averages their scores and decodes once.

    The members must have the same labels and tokenizer, and the same vectors or none;
    seeds, settings and encoders may differ. Settings of decoding, such as `threshold`,
    are those of the first. Other components than the transformer are left out, and named.
    The result is a pipeline like any other, as large and as slow as its members together.

    \b
    Example: spacy bioner ensemble seed1/model-best seed2/model-best seed3/model-best joined
    """
    from spacy_bioner.directories import written_whole
    from spacy_bioner.pipeline.ensemble import make_ensemble, settings_not_kept

    check_new_pipeline(out, force)
    pipelines = [load_pipeline(model, gpu_id) for model in models]
    for line in settings_not_kept(pipelines, component):
        typer.echo(line)
    joined = make_ensemble(pipelines, component)
    with written_whole(out) as path:
        joined.to_disk(path)
    typer.echo(f"{out}: {len(models)} models joined")
