"""Commands that score systems and write reports on them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from spacy_bioner.cli.options import ForceOption, GpuOption

GoldArgument = Annotated[Path, typer.Argument(help="The .spacy file with the right mentions.")]
System = typer.Argument(help="A .spacy file with what was found, or a pipeline to run.")
ReportFolder = Annotated[Path, typer.Argument(help="The folder for the report.")]
TrainOption = Annotated[
    Path | None, typer.Option(help="The .spacy file of the training, for what it has seen.")
]
LanguageOption = Annotated[
    str, typer.Option(help="Of the texts, as zh-Hant or ar; auto judges by their script.")
]
SamplesOption = Annotated[int, typer.Option(help="Resamples for intervals and p.", min=100)]


def report_command(
    gold: GoldArgument,
    system: Annotated[Path, System],
    out: ReportFolder,
    train: TrainOption = None,
    log: Annotated[
        Path | None, typer.Option(help="The training's log: [training.logger] output_file.")
    ] = None,
    title: Annotated[str, typer.Option(help="Of the page and the model card.")] = "",
    language: LanguageOption = "auto",
    examples: Annotated[int, typer.Option(help="Of each class of errors.", min=1)] = 8,
    samples: SamplesOption = 1000,
    gpu_id: GpuOption = -1,
    force: ForceOption = False,
) -> None:
    """Score a system and analyse its errors: one HTML page, metrics.json and a model card.

    The page needs no network and nothing beside itself. With --train it tells how mentions
    fare that training has and has not seen; with --log it shows the learning curve; of a
    pipeline with a CRF also whether its confidences are true, and of any pipeline its speed.

    \b
    Example: spacy bioner report dev.spacy training/model-best reports/crf --train train.spacy
    """
    from spacy_bioner.cli.report_files import write_report

    settings: dict[str, Any] = {"train": train, "log": log, "samples": samples, "gpu_id": gpu_id}
    shown: dict[str, Any] = {"title": title, "language": language, "examples": examples}
    write_report(gold, system, out, force=force, **settings, **shown)


def compare_command(
    gold: GoldArgument,
    a: Annotated[Path, System],
    b: Annotated[Path, System],
    out: ReportFolder,
    names: Annotated[str, typer.Option(help="What the page calls the two, as CRF,softmax.")] = "",
    title: Annotated[str, typer.Option(help="Of the page.")] = "",
    language: LanguageOption = "auto",
    examples: Annotated[int, typer.Option(help="Documents that are shown.", min=1)] = 40,
    samples: SamplesOption = 1000,
    gpu_id: GpuOption = -1,
    force: ForceOption = False,
) -> None:
    """Compare two systems: is B better than A, by more than chance, and where do they differ?

    Writes one HTML page and metrics.json. Differences are B minus A, with intervals by
    paired bootstrap and p by approximate randomisation over documents.

    \b
    Example: spacy bioner compare dev.spacy softmax/model-best crf/model-best reports/both
    """
    from spacy_bioner.cli.report_files import write_comparison

    shown: dict[str, Any] = {"title": title, "language": language, "examples": examples}
    settings: dict[str, Any] = {"samples": samples, "gpu_id": gpu_id, "force": force}
    write_comparison(gold, (a, b), out, names=names, **settings, **shown)
