"""Commands that run grids of experiments and print their tables."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from spacy_bioner.cli.errors import one_line_errors
from spacy_bioner.cli.options import ForceOption, GpuOption
from spacy_bioner.cli.pipelines import check_gpu

GridArgument = Annotated[Path, typer.Argument(help="A grid file, or the name of one in grids/.")]
OutOption = Annotated[
    Path | None, typer.Option(help="Folder of the runs.", show_default="runs/GRID")
]
CorpusOption = Annotated[
    list[str], typer.Option(help="NAME=FOLDER with train, dev and test .spacy, for the grid's.")
]
SeedsOption = Annotated[str, typer.Option(help="Such as 0,1,2, in place of the grid's.")]
SetOption = Annotated[
    list[str], typer.Option("--set", help="A setting of all runs, as training.max_steps=200.")
]
EncoderOption = Annotated[
    list[str], typer.Option(help="NAME=FOLDER: a ready encoder for one that the grid makes.")
]


def run_command(
    grid: GridArgument,
    out: OutOption = None,
    corpus: CorpusOption = [],  # noqa: B006 (typer copies it)
    seeds: SeedsOption = "",
    settings: SetOption = [],  # noqa: B006
    encoder: EncoderOption = [],  # noqa: B006
    jobs: Annotated[int, typer.Option(help="Processes that train at the same time.", min=1)] = 1,
    ray: Annotated[
        str | None, typer.Option(help="Address of a Ray cluster; local: one on this machine.")
    ] = None,
    threads: Annotated[
        int, typer.Option(help="Of each run; others may change last digits.", min=1)
    ] = 1,
    gpu_id: GpuOption = -1,
    keep_models: Annotated[bool, typer.Option(help="Do not remove models once scored.")] = False,
) -> None:
    """Train and score all systems of a grid that are not done yet.

    Each run has a folder of its own with its config, environment, log, predictions and
    scores, which appears when the run is done. Stop it at any time, and give the same
    command again: it goes on with what is missing, and tries again what failed. Prints
    the table at the end.

    \b
    Example: spacy bioner experiment run table3-small --jobs 2
    Example: spacy bioner experiment run table3 --corpus mine=corpus/mine --gpu-id 0
    """
    plan = _grid(grid).with_changes(
        settings=dict(map(_setting, settings)),
        seeds=_seeds(seeds),
        corpora=dict(map(_corpus, corpus)),
        encoders={name: Path(path) for name, path in map(_pair, encoder)},
    )
    if ray in (None, "local"):  # a cluster may have what this machine has not
        check_gpu(gpu_id)
    how = {"gpu": gpu_id, "threads": threads, "keep_models": keep_models}
    _run(plan, out or Path("runs") / plan.name, jobs, ray, how)


def _run(plan: Any, out: Path, jobs: int, ray: str | None, how: dict[str, Any]) -> None:
    """Run what is not done, then print the table; exit code 1 if a run failed."""
    from spacy_bioner.experiments.prepare import prepare_runs
    from spacy_bioner.experiments.saved_grid import save_grid
    from spacy_bioner.experiments.table import read_table, render_markdown

    runs = prepare_runs(plan, out, tell=typer.echo, **how)
    saved = save_grid(plan, out)
    outcomes = _with_progress(runs, jobs, ray)
    typer.echo(render_markdown(saved, read_table(saved, out)))
    failed = [folder for folder, outcome in outcomes.items() if outcome == "failed"]
    for folder in failed:
        typer.secho(f"failed: see {folder}.failed/error.txt", fg=typer.colors.RED, err=True)
    if failed:
        raise typer.Exit(1)


def _with_progress(runs: list[Any], jobs: int, ray: str | None) -> dict[str, Any]:
    from tqdm import tqdm

    from spacy_bioner.experiments.runner import run_all

    done = sum(run.is_done for run in runs)
    typer.echo(f"{len(runs)} runs, {done} done, {len(runs) - done} to do")
    with tqdm(total=len(runs), initial=done, unit="run", disable=not sys.stderr.isatty()) as bar:

        def tell(run: Any, outcome: str) -> None:
            tqdm.write(f"{outcome}: {Path(run.folder).parent.name}/{Path(run.folder).name}")
            bar.update()

        return dict(run_all(runs, jobs=jobs, ray=ray, report=tell))


def table_command(
    out: Annotated[Path, typer.Argument(help="The folder of the runs.")],
    csv: Annotated[Path | None, typer.Option(help="A file for all figures, unrounded.")] = None,
    samples: Annotated[int, typer.Option(help="Resamples for intervals and p.", min=100)] = 1000,
    force: ForceOption = False,
) -> None:
    """Print the table of a grid's runs, also while they go on.

    Mean and standard deviation over seeds; 95 % intervals of the mean over seeds and
    documents drawn with replacement; the difference from the base row (in bold), with p
    by approximate randomisation over documents.

    \b
    Example: spacy bioner experiment table runs/table3-small --csv table3.csv
    """
    from spacy_bioner.corpora.outputs import check_outputs, new_outputs
    from spacy_bioner.experiments.saved_grid import load_grid
    from spacy_bioner.experiments.table import read_table, render_csv, render_markdown

    check_outputs([csv] if csv else [], force)
    grid = load_grid(out)
    table = read_table(grid, out, samples)
    typer.echo(render_markdown(grid, table))
    if csv:
        with new_outputs([csv]) as (path,):
            path.write_text(render_csv(grid, table), encoding="utf-8")


def _grid(name: Path) -> Any:
    from spacy_bioner.errors import ConfigError
    from spacy_bioner.experiments.grid import read_grid

    shipped = Path("grids") / f"{name}.yml"
    if name.is_file():
        return read_grid(name)
    if shipped.is_file():
        return read_grid(shipped)
    known = sorted(path.stem for path in Path("grids").glob("*.yml"))
    raise ConfigError(f"{name}: no such grid; in grids/ are {known}")


def _seeds(text: str) -> list[int]:
    try:
        seeds = [int(seed) for seed in text.split(",")] if text else []
    except ValueError:
        raise typer.BadParameter(f"{text!r}: write whole numbers, as 0,1,2") from None
    if len(set(seeds)) != len(seeds):
        raise typer.BadParameter(f"{text!r}: give each seed once")
    return seeds


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise typer.BadParameter(f"{text!r}: write it as NAME=VALUE")
    return name, value


def _setting(text: str) -> tuple[str, Any]:
    name, value = _pair(text)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _corpus(text: str) -> tuple[str, dict[str, Path]]:
    name, folder = _pair(text)
    parts = {part: Path(folder, f"{part}.spacy").resolve() for part in ("train", "dev", "test")}
    if not parts["test"].is_file():
        parts["test"] = parts["dev"]
    return name, parts


app = typer.Typer(help="Grids of training runs, and their tables.", no_args_is_help=True)
app.command("run")(one_line_errors(run_command))
app.command("table")(one_line_errors(table_command))
