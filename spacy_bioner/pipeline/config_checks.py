"""Combinations of settings that train without complaint and go wrong: refused here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from thinc.api import CupyOps, get_current_ops

from spacy_bioner.architectures import transformers_in
from spacy_bioner.errors import ConfigError
from spacy_bioner.models.types import CrfTagger

Settings = dict[str, Any]


def check_training_config(config: Settings, name: str) -> None:
    """Raises ConfigError for what is known not to work with the component of this name.

    config: the pipeline's, interpolated, with [components] and [training].
    """
    training, components = config.get("training", {}), config.get("components", {})
    tagger = components.get(name, {}).get("model", {})
    for path, model in transformers_in(components, "components"):
        _check_precision(path, model, training)
        _check_window(path, model)
        _check_averages(model, training)
        other = path.split(".")[1]
        if other != name and any(listeners_in(tagger, other, "model")):
            _check_frozen(other, name, training)


def check_softmax(name: str, model: CrfTagger, incorrect_spans_key: str | None) -> None:
    """Raises ConfigError for what needs the CRF, where loss = "softmax" does without."""
    if incorrect_spans_key is not None:
        raise ConfigError(
            f"[components.{name}] incorrect_spans_key needs the CRF: a span is wrong as a "
            'whole, and loss = "softmax" knows tokens only. Use loss = "crf", or leave it out.'
        )
    if "n_members" in model.attrs:
        raise ConfigError(
            f"[components.{name}] spacy_bioner.MutualTagger.v1 needs the CRF: its members compare "
            'whole tag paths, and loss = "softmax" knows tokens only. Use loss = "crf".'
        )


def listeners_in(settings: dict[str, Any], upstream: str, path: str) -> Iterator[str]:
    """Dotted paths of the architectures that listen to a component, wherever they stand."""
    is_listener = "Listener." in settings.get("@architectures", "")
    if is_listener and settings.get("upstream", "*") in ("*", upstream):
        yield path
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from listeners_in(value, upstream, f"{path}.{name}")


def _check_precision(path: str, model: Settings, training: Settings) -> None:
    if not model.get("mixed_precision"):
        return
    if not isinstance(get_current_ops(), CupyOps):
        raise ConfigError(f"[{path}] mixed_precision = true needs a GPU: set it to false")
    if training.get("accumulate_gradient", 1) > 1:
        raise ConfigError(
            f"[{path}] mixed_precision = true scales gradients wrongly together "
            "with [training] accumulate_gradient above 1: use one of the two"
        )


def _check_window(path: str, model: Settings) -> None:
    window = model.get("get_spans", {}).get("window")
    limit = model.get("tokenizer_config", {}).get("model_max_length")
    if window and limit and window > limit - 2:
        raise ConfigError(
            f"[{path}.get_spans] window = {window} tokens cannot fit into "
            f"tokenizer_config.model_max_length = {limit} wordpieces: what is beyond it would be "
            "read as zeros. Use a smaller window"
        )


def _check_frozen(name: str, tagger: str, training: Settings) -> None:
    annotating = training.get("annotating_components", [])
    if name in training.get("frozen_components", []) and name not in annotating:
        raise ConfigError(
            f"[training] frozen_components holds {name!r}: add it to annotating_components too, "
            f"or {tagger!r} is trained without its vectors"
        )
    if tagger in annotating and name not in annotating:
        raise ConfigError(
            f"[training] annotating_components holds {tagger!r} without {name!r}, so it would "
            f"annotate from zero vectors: put {name!r} before it"
        )


def _check_averages(model: Settings, training: Settings) -> None:
    optimizer = training.get("optimizer", {})
    averages_all = str(optimizer.get("@optimizers", "")).startswith("spacy_bioner.LayerwiseAdam")
    bucketed = str(model["@architectures"]).startswith("spacy_bioner.")
    if optimizer.get("use_averages") and not (averages_all and bucketed):
        raise ConfigError(
            "[training.optimizer] use_averages = true averages the classifier and not the "
            "transformer, and would save weights that were never trained together: set it to "
            "false, or use both spacy_bioner.LayerwiseAdam.v1, which averages all weights, and "
            "spacy_bioner.BucketedTransformer.v1 or BucketedTok2Vec.v1, which take them"
        )
