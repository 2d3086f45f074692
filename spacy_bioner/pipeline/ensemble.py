"""Joins trained pipelines to one that decodes the mean of their scores."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.util import dot_to_object, load_model_from_config, set_dot_to_object
from spacy.vocab import Vocab

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.ensemble import join_taggers
from spacy_bioner.pipeline.bert_crf_ner import BertCrfNer
from spacy_bioner.pipeline.config_checks import listeners_in

_ARCHITECTURE = "spacy_bioner.EnsembleTagger.v1"
_OF_LISTENER = "replace_listener_cfg"  # makes the settings of what takes a listener's place


def make_ensemble(pipelines: Sequence[Language], component: str = "bert_crf_ner") -> Language:
    """Return a pipeline with one component that joins those of trained pipelines.

    Each pipeline's transformer goes into the component, so that each member keeps its own.
    Settings of decoding are those of the first; a temperature fitted to one member does
    not hold for all, and is 1 again. Other components are left out. Each pipeline is changed:
    its listeners are replaced.

    Raises ConfigError if a pipeline lacks the component, or if they differ in tokenizer,
    labels, tag scheme or loss, or two in their vectors.
    """
    members = [_member(nlp, component, number) for number, nlp in enumerate(pipelines, 1)]
    models = {
        f"member{number}": _with_transformer(nlp, component)
        for number, nlp in enumerate(pipelines, 1)
    }
    first = pipelines[0]
    for number, (nlp, pipe) in enumerate(zip(pipelines, members, strict=True), 1):
        _check_alike(first, members[0], nlp, pipe, number)
    config = copy.deepcopy(first.config)
    settings: Any = config["components"][component]
    settings["model"] = {"@architectures": _ARCHITECTURE, "members": models}
    config["components"] = {component: settings}
    config["nlp"]["pipeline"] = [component]
    config["nlp"]["disabled"] = []
    joined = load_model_from_config(config, vocab=_vocab_of_all(pipelines))
    if state := _tokenizer_state(first):
        joined.tokenizer.from_bytes(state, exclude=["vocab"])
    pipe = joined.get_pipe(component)
    pipe.cfg.update(members[0].cfg, temperature=1.0)
    join_taggers(pipe.model, [member.model for member in members])
    return joined


def settings_not_kept(pipelines: Sequence[Language], component: str) -> list[str]:
    """A line for what members have and the pipeline that joins them does not.

    To be asked before they are joined, which changes them. Raises ConfigError if a pipeline
    lacks the component.
    """
    pipes = [_member(nlp, component, number) for number, nlp in enumerate(pipelines, 1)]
    own = [asdict(pipe.decoding) for pipe in pipes]
    lines = [
        f"{name}: {value!r}, as the first has it; member {number} had {other[name]!r}"
        for number, other in enumerate(own[1:], 2)
        for name, value in own[0].items()
        if other[name] != value
    ]
    for number, nlp in enumerate(pipelines, 1):
        heard = {name for name, pipe in nlp.pipeline if _is_heard(pipe, component)}
        if others := [name for name in nlp.pipe_names if name not in {component, *heard}]:
            lines.append(f"components of member {number}: {', '.join(others)}; add them anew")
    if any(pipe.cfg["temperature"] != 1.0 for pipe in pipes):
        lines.append("temperature: 1, as none holds for all: run `spacy bioner calibrate` anew")
    return lines


def _is_heard(upstream: Any, component: str) -> bool:
    """Whether the component has a listener for what another one computes."""
    return component in getattr(upstream, "listening_components", [])


def _member(nlp: Language, component: str, number: int) -> BertCrfNer:
    if component not in nlp.pipe_names or not isinstance(nlp.get_pipe(component), BertCrfNer):
        raise ConfigError(
            f"pipeline {number} has no component {component!r} of the factory bert_crf_ner; it "
            f"has {nlp.pipe_names}."
        )
    pipe = nlp.get_pipe(component)
    assert isinstance(pipe, BertCrfNer)
    if not pipe.model.has_dim("nO"):
        raise ConfigError(f"pipeline {number}: its component {component!r} was never trained.")
    return pipe


def _with_transformer(nlp: Language, component: str) -> dict[str, Any]:
    """Puts what a component listens to in the place of its listeners; returns its model's settings.

    spaCy takes the settings of a listener from `model.tok2vec`, and here it may stand elsewhere.
    They are resolved, since ${...} would name places that are elsewhere in the ensemble's config.
    """
    resolved = nlp.config.interpolate()["components"]
    settings = copy.deepcopy(resolved[component])
    for name, upstream in nlp.pipeline:
        if not _is_heard(upstream, component):
            continue
        paths = list(listeners_in(settings["model"], name, "model"))
        of_upstream = resolved[name]["model"]
        of_listener = upstream.model.attrs.pop(_OF_LISTENER, lambda upstream, listener: upstream)
        # spaCy passes over every second one: it removes them from the list that it walks through
        while remaining := upstream.listener_map.get(component):
            nlp.replace_listeners(name, component, paths[: len(remaining)])
        for path in paths:
            replaced = of_listener(of_upstream, dot_to_object(settings, path))
            set_dot_to_object(settings, path, copy.deepcopy(replaced))
    model: dict[str, Any] = settings["model"]
    return model


def _vocab_of_all(pipelines: Sequence[Language]) -> Vocab:
    """The vocabulary with the vectors of all; a pipeline without vectors reads none."""
    vocabs: list[Vocab] = [nlp.vocab for nlp in pipelines]
    with_vectors = [each for each in enumerate(vocabs, 1) if len(each[1].vectors)]
    if not with_vectors:
        return vocabs[0]
    (first, vocab), *others = with_vectors
    for number, other in others:
        one, two = vocab.vectors, other.vectors
        if one.key2row != two.key2row or not np.array_equal(one.data, two.data):
            raise ConfigError(
                f"pipelines {first} and {number} have different vectors. A pipeline has one "
                "table: train the members with the same [initialize] vectors."
            )
    return vocab


def _tokenizer_state(nlp: Language) -> bytes:
    """Of rules and exceptions, which may be others than those of the language."""
    if not hasattr(nlp.tokenizer, "to_bytes"):
        return b""
    state: bytes = nlp.tokenizer.to_bytes(exclude=["vocab"])
    return state


def _check_alike(
    first: Language, one: BertCrfNer, second: Language, other: BertCrfNer, number: int
) -> None:
    for what in ("labels", "scheme", "loss"):
        if one.cfg[what] != other.cfg[what]:
            raise ConfigError(
                f"pipelines 1 and {number} differ in {what}: {one.cfg[what]} and "
                f"{other.cfg[what]}. Only models of the same tags can be joined."
            )
    own, others = (
        (nlp.config["nlp"]["tokenizer"], _tokenizer_state(nlp)) for nlp in (first, second)
    )
    if own != others:
        raise ConfigError(f"pipelines 1 and {number} have different tokenizers.")
