"""spaCy's console logger, after a table of what learns at which rate."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from spacy.language import Language
from spacy.util import registry
from thinc.api import Model

from spacy_bioner.training.blocks import Block, Depth, block_of, distance_from_classifier
from spacy_bioner.training.layerwise_adam import LayerwiseAdam

LogStep = Callable[[dict[str, Any] | None], None]


def build_console_logger(
    progress_bar: str | None = "train", output_file: str | Path | None = None
) -> Callable[[Language, IO[str], IO[str]], tuple[LogStep, Callable[[], None]]]:
    """Registered as `spacy_bioner.ConsoleLogger.v1`.

    As `spacy.ConsoleLogger.v3`; if the optimizer is a LayerwiseAdam, training begins
    with a table of its parameter groups, their rates and sizes, and a parameter
    that fits no group stops it with an error. Training that ends before its first evaluation
    but that of step 0 says so, since model-best is then the pipeline as it was before.
    progress_bar: "train", "eval" or None. output_file: for the log as JSON lines.
    """
    build = registry.get("loggers", "spacy.ConsoleLogger.v3")
    setup = build(progress_bar=progress_bar, console_output=True, output_file=output_file)

    def setup_logger(
        nlp: Language, stdout: IO[str] = sys.stdout, stderr: IO[str] = sys.stderr
    ) -> tuple[LogStep, Callable[[], None]]:
        optimizer = _optimizer(nlp)
        if isinstance(optimizer, LayerwiseAdam):
            stdout.write(render_groups(optimizer, nlp) + "\n")
        log_step, finalize = setup(nlp, stdout, stderr)
        evaluated: list[int] = []

        def log(info: dict[str, Any] | None) -> None:
            if info is not None:
                evaluated.append(info["step"])
            log_step(info)

        def end() -> None:
            finalize()
            if evaluated == [0]:
                stderr.write(_untrained(nlp.config["training"]["eval_frequency"]))

        return log, end

    return setup_logger


def _untrained(frequency: int) -> str:
    return (
        "warning: model-best is the pipeline as it was before training, since it was not evaluated "
        f"again: there were no more than {frequency} updates. Lower [training] eval_frequency "
        "(--training.eval_frequency), or use model-last.\n"
    )


def _optimizer(nlp: Language) -> Any:
    settings = nlp.config.interpolate()["training"]["optimizer"]
    return registry.resolve({"optimizer": settings})["optimizer"]


def parameters(model: Model[Any, Any]) -> Iterator[tuple[int, str, int]]:
    """(id of node or shim, name, number of values) of each parameter but frozen torch ones."""
    for node in model.walk():
        for name in node.param_names:
            if node.has_param(name):
                yield node.id, name, node.get_param(name).size
        for shim in node.shims:
            for name, values in shim._model.named_parameters():
                if values.requires_grad:
                    yield shim.id, name, values.numel()


def render_groups(optimizer: LayerwiseAdam, nlp: Language) -> str:
    """A table of blocks and groups: rate of the first step, weight decay, number of values.

    A group that fits no parameter stands at its end, since its pattern may be wrong.
    """
    rows: dict[tuple[int, str, float, float], int] = {}
    frozen = nlp.config.interpolate()["training"]["frozen_components"]
    for pipe, component in nlp.pipeline:
        if pipe not in frozen and isinstance(getattr(component, "model", None), Model):
            for row, size in _rows(optimizer, component.model):
                rows[row] = rows.get(row, 0) + size
    lines = [f"{'parameters of':<24}{'rate':>12}{'decay':>8}{'values':>14}"]
    for (_, label, scale, decay), size in sorted(rows.items()):
        lines.append(f"{label:<24}{scale * optimizer.learn_rate:>12.3g}{decay:>8g}{size:>14,}")
    lines.append(f"{'all':<24}{'':>20}{sum(rows.values()):>14,}")
    fitting = {group.name for name in _names(nlp) if (group := optimizer.group_of(name))}
    lines += [
        f"group {group.name} fits no parameter: its pattern is {group.pattern!r}"
        for group in optimizer.groups
        if group.name not in fitting
    ]
    return "\n".join(lines)


def _names(nlp: Language) -> Iterator[str]:
    """Of all parameters, frozen ones too."""
    for _, component in nlp.pipeline:
        model = getattr(component, "model", None)
        for node in model.walk() if isinstance(model, Model) else ():
            yield from node.param_names
            for shim in node.shims:
                yield from (name for name, _ in shim._model.named_parameters())


def _rows(
    optimizer: LayerwiseAdam, model: Model[Any, Any]
) -> Iterator[tuple[tuple[int, str, float, float], int]]:
    found = list(parameters(model))
    for owner in dict.fromkeys(key for key, _, _ in found):
        own = [(name, size) for key, name, size in found if key == owner]
        depth = Depth.of(name for name, _ in own)
        for name, size in own:
            scale, decay = optimizer.settings(name, depth)
            yield (*_label(optimizer, name, depth), scale, decay), size


def _label(optimizer: LayerwiseAdam, name: str, depth: Depth) -> tuple[int, str]:
    """Where the row stands in the table, and what it is called."""
    group = optimizer.group_of(name)
    if group is not None:
        return -1, f"group {group.name}"
    block: Block = block_of(name, depth)
    return distance_from_classifier(block, depth), str(block)
