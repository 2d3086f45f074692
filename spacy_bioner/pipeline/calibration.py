"""Calibrating the component on development data."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from spacy.language import Language
from spacy.training import Example
from thinc.types import Ragged
from tqdm import tqdm

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.calibration import fit_temperature, negative_log_likelihood
from spacy_bioner.models.lattice import Temperature
from spacy_bioner.pipeline.annotation import gold_tags
from spacy_bioner.pipeline.bert_crf_ner import BertCrfNer
from spacy_bioner.pipeline.confidences import ENTITIES_KEY
from spacy_bioner.pipeline.partial import LABELLED_TYPES, gold_of
from spacy_bioner.pipeline.preceding import after_pipes_before
from spacy_bioner.tags import OUTSIDE, UNKNOWN, TagScheme

_AT_ONCE = 128


@dataclass(frozen=True)
class Fit:
    """A fitted temperature, and the mean negative log likelihood before and after."""

    temperature: Temperature
    loss_before: float
    loss_after: float


@dataclass
class Outcomes:
    """Entities found: confidence, whether an entity of the gold is just so, and label.

    Without those that lie where tokens, or their type, are not annotated. gold: entities
    that there are to be found.
    """

    confidences: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    gold: int = 0


def calibrate(
    nlp: Language, name: str, examples: Sequence[Example], *, by_label: bool = False
) -> Fit:
    """Fit the temperature of the component `name` of a pipeline on examples.

    The component keeps it, and it is saved with it. A single temperature leaves all
    best entities as they are, of which a threshold may then leave out others; one by label may
    change some. Raises ConfigError if the
    component has no CRF, or if no token is annotated as one of an entity.
    """
    component = crf_component(nlp, name)
    examples = [example for example in examples if len(example.predicted)]
    ops, batches, prepared = component.model.ops, list[Ragged](), list[Example]()
    for batch in _prepared(nlp, name, examples):
        batches.append(component.emissions([example.predicted for example in batch]))
        prepared += batch
    gold = gold_of(prepared, component.scheme, None) if prepared else None
    if gold is None or not (gold.tags > OUTSIDE).any():
        raise ConfigError("no entity to calibrate on: check the development data")
    emissions = Ragged(
        ops.asarray(np.concatenate([ops.to_numpy(batch.dataXd) for batch in batches])),
        ops.asarray1i(np.concatenate([ops.to_numpy(batch.lengths) for batch in batches])),
    )
    known = component.model.get_ref("crf"), emissions, component.scheme, gold.tags, gold.allowed
    before = negative_log_likelihood(*known, component.cfg["temperature"])
    temperature = fit_temperature(*known, by_label=by_label)
    component.cfg["temperature"] = temperature
    return Fit(temperature, before, negative_log_likelihood(*known, temperature))


def outcomes(nlp: Language, name: str, examples: Sequence[Example]) -> Outcomes:
    """What the component `name` finds in the examples, with its confidence in it."""
    component = crf_component(nlp, name)
    found = Outcomes()
    with component.scoring(threshold=0.0):
        for batch in _prepared(nlp, name, examples):
            docs = [example.predicted for example in batch]
            component.set_annotations(docs, component.predict(docs))
            for example in batch:
                _add(found, example, component.scheme)
    return found


def crf_component(nlp: Language, name: str) -> BertCrfNer:
    """The component `name`. Raises ConfigError unless it is ours, with a CRF."""
    if name not in nlp.pipe_names:
        raise ConfigError(f"the pipeline has no component {name!r}, only {nlp.pipe_names}")
    component = nlp.get_pipe(name)
    if not isinstance(component, BertCrfNer) or component.cfg["loss"] != "crf":
        raise ConfigError(f"{name!r} is no `bert_crf_ner` with a CRF, so it has no probabilities")
    return component


def _prepared(nlp: Language, name: str, examples: Sequence[Example]) -> Iterator[list[Example]]:
    """Batches of examples whose documents went through the pipes before the component.

    These may have changed the tokens, with which the gold is compared then.
    """
    starts = range(0, len(examples), _AT_ONCE)
    for i in tqdm(starts, unit=" batches", leave=False, disable=not sys.stderr.isatty()):
        batch = examples[i : i + _AT_ONCE]
        docs = [example.predicted.copy() for example in batch]
        read = after_pipes_before(nlp, name, docs, _AT_ONCE)
        yield [Example(doc, e.reference) for doc, e in zip(read, batch, strict=True)]


def _add(found: Outcomes, example: Example, scheme: TagScheme) -> None:
    """Adds the entities of a document, but those of which the gold says nothing."""
    predicted = example.predicted
    tags = gold_tags(example, scheme)
    known = np.append(tags != UNKNOWN, True)
    labelled = example.reference.user_data.get(LABELLED_TYPES, scheme.labels)
    spans = scheme.spans(np.where(known[:-1], tags, OUTSIDE), np.array([len(tags)]))
    for start, end in zip(spans.start.tolist(), spans.end.tolist(), strict=True):
        if not scheme.tags[tags[start]].startswith(("B-", "U-")):  # it began at an unknown token
            known[start:end] = False
    columns = zip(spans.start.tolist(), spans.end.tolist(), spans.label.tolist(), strict=True)
    gold = {(s, e, scheme.labels[k]) for s, e, k in columns if known[s : e + 1].all()}
    found.gold += len(gold)
    scores = predicted.spans[ENTITIES_KEY].attrs["scores"]
    for entity, score in zip(predicted.spans[ENTITIES_KEY], scores, strict=True):
        if entity.label_ in labelled and known[entity.start : entity.end + 1].all():
            found.confidences.append(score)
            found.right.append((entity.start, entity.end, entity.label_) in gold)
            found.labels.append(entity.label_)
