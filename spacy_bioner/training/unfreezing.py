"""Gradual unfreezing: a transformer's blocks join the training one by one, the last first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from spacy.language import Language
from thinc.api import Model

from spacy_bioner.errors import ConfigError
from spacy_bioner.training.blocks import Depth, block_of, distance_from_classifier

BeforeUpdate = Callable[[Language, dict[str, Any]], None]


def build_gradual_unfreezing(steps: int = 0, start: int = 0) -> BeforeUpdate:
    """Registered as `spacy_bioner.gradual_unfreezing.v1`, for [training] before_update.

    At first only `start` blocks of the transformer nearest the classifier learn, and all
    that is no transformer; then one more every `steps` updates, or every epoch
    where steps is 0 (Howard and Ruder 2018, who begin with 0 blocks). Blocks are those of
    `spacy_bioner.LayerwiseAdam.v1`, the embeddings the last of them. What is frozen has no
    gradient, so that any optimizer leaves it alone, and no way back is computed below
    the lowest block that learns.

    Raises ConfigError for numbers below 0; at the first update, for a pipeline without a
    transformer, with one that its setting `frozen` keeps as it is, or with parameters that
    fit no known architecture.
    """
    if steps < 0 or start < 0:
        raise ConfigError(
            f"gradual_unfreezing.v1 needs steps >= 0 and start >= 0, got {steps} and {start}"
        )
    return GradualUnfreezing(steps, start)


class GradualUnfreezing:
    """See `build_gradual_unfreezing`. Called before each update."""

    def __init__(self, steps: int, start: int) -> None:
        self.steps = steps
        self.start = start
        self._blocks: int | None = None

    def __call__(self, nlp: Language, progress: dict[str, Any]) -> None:
        """Freeze and thaw for the update that comes. progress: its "step" and "epoch"."""
        stage = progress["step"] // self.steps if self.steps else progress["epoch"]
        blocks = self.start + int(stage)
        if blocks != self._blocks:
            self._blocks = blocks
            set_learning_blocks(nlp, blocks)


def set_learning_blocks(nlp: Language, blocks: int) -> None:
    """Let the transformer's `blocks` blocks nearest the classifier learn, and no others."""
    modules = list(_transformers(nlp))
    if not modules:
        raise ConfigError(
            "[training] before_update: gradual_unfreezing.v1 found no transformer in the "
            f"pipeline {nlp.pipe_names}. Remove it, or add a transformer."
        )
    for module in modules:
        if not any(parameter.requires_grad for parameter in module.parameters()):
            raise ConfigError(
                "[training] before_update: gradual_unfreezing.v1 found a transformer that does "
                "not learn at all. Set its `frozen` to false, or remove gradual_unfreezing.v1."
            )
        _set_learning(module, blocks)


def _transformers(nlp: Language) -> Iterator[torch.nn.Module]:
    """Torch modules whose parameters have dotted names, as those of a transformer."""
    for _, component in nlp.pipeline:
        model = getattr(component, "model", None)
        for node in model.walk() if isinstance(model, Model) else ():
            for shim in node.shims:
                if any("." in name for name, _ in shim._model.named_parameters()):
                    yield shim._model


def _set_learning(module: torch.nn.Module, blocks: int) -> None:
    parameters = dict(module.named_parameters())
    depth = Depth.of(parameters)
    try:
        distances = {
            name: distance_from_classifier(block_of(name, depth), depth) for name in parameters
        }
    except ConfigError as error:
        raise ConfigError(
            "[training] before_update: gradual_unfreezing.v1 does not know the blocks of a torch "
            f"model in the pipeline, a {type(module).__name__}. Remove it, or that model. ({error})"
        ) from None
    for name, parameter in parameters.items():
        learns = distances[name] <= blocks
        # The topmost block keeps its graph, without which torch has no way back at all.
        parameter.requires_grad_(learns or distances[name] == 1)
        _discard_gradient(parameter, discard=not learns and distances[name] == 1)
        if not learns:
            parameter.grad = None


_HOOK = "_bioner_discards_gradient"


def _discard_gradient(parameter: torch.nn.Parameter, *, discard: bool) -> None:
    """Drop a parameter's gradient as soon as it is computed, or do so no more."""
    hook = getattr(parameter, _HOOK, None)
    if discard and hook is None:
        setattr(parameter, _HOOK, parameter.register_post_accumulate_grad_hook(_drop))
    elif not discard and hook is not None:
        hook.remove()
        delattr(parameter, _HOOK)


def _drop(parameter: torch.Tensor) -> None:
    parameter.grad = None
