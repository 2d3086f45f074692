"""What a model finds in raw text as annotation to train on, as far as the model is sure of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch

from spacy_bioner.errors import ConfigError
from spacy_bioner.pipeline.bert_crf_ner import BertCrfNer
from spacy_bioner.pipeline.calibration import crf_component
from spacy_bioner.pipeline.confidences import CANDIDATES_KEY, ENTITIES_KEY
from spacy_bioner.pipeline.partial import LABELLED_TYPES

_AT_ONCE = 256


@dataclass(frozen=True)
class Floors:
    """sure: entities of at least this probability are kept.

    possible: the tokens of other spans that are entities with at least this probability are
    left open, and those of all that the model took for entities. empty: the share of texts
    without a sure entity that is kept.
    """

    sure: float = 0.6
    possible: float = 0.2
    empty: float = 0.2

    def check(self) -> None:
        """Raises ConfigError for probabilities that make no sense."""
        if not 0 < self.possible <= self.sure <= 1:
            raise ConfigError(
                f"possible ({self.possible}) must be above 0 and at most sure ({self.sure}), "
                "which is at most 1"
            )
        if not 0 <= self.empty <= 1:
            raise ConfigError(f"the share of empty texts must be from 0 to 1, got {self.empty}")


@dataclass
class Account:
    """What became of the texts: kept, their tokens, those left open; entities by label."""

    texts: int = 0
    left_out: int = 0
    tokens: int = 0
    open_tokens: int = 0
    entities: Counter[str] = field(default_factory=Counter)


def pseudo_label(
    nlp: Language,
    name: str,
    texts: Iterable[str],
    floors: Floors,
    account: Account,
    *,
    seed: int = 0,
) -> Iterator[Doc]:
    """Texts as Docs to train on: sure entities are set, what may be one is missing annotation.

    A token is left open (`ent_iob` 0) where it lies in a span that is possible, or that the
    model or a component before it took for an entity, and in no entity that is sure; a CRF is
    then trained on all that it may be (Tsuboi et al. 2008). So a model learns from its own sure
    findings, or from those of an ensemble, and not from its doubts (self-training, Yarowsky
    1995). Each Doc says in user_data["labelled_types"] which labels the model knows, so
    that it says nothing of others. Blank texts are passed over. Raises ConfigError if the
    component `name` has no probabilities.
    """
    floors.check()
    component = crf_component(nlp, name)
    return _pseudo_label(nlp, component, texts, floors, account, random.Random(seed))


def _pseudo_label(
    nlp: Language,
    component: BertCrfNer,
    texts: Iterable[str],
    floors: Floors,
    account: Account,
    chance: random.Random,
) -> Iterator[Doc]:
    later = nlp.pipe_names[nlp.pipe_names.index(component.name) + 1 :]
    floor = floors.possible
    for batch in minibatch((text for text in texts if text.strip()), _AT_ONCE):
        scoring = component.scoring(threshold=0.0, candidates_floor=floor)
        with scoring, nlp.select_pipes(disable=later):  # not while the caller has a document
            docs = list(nlp.pipe(batch, batch_size=_AT_ONCE))
        for doc in docs:
            n_open = settle(doc, floors.sure)
            doc.user_data = {LABELLED_TYPES: list(component.labels)}
            if not doc.ents and chance.random() >= floors.empty:
                account.left_out += 1
                continue
            account.texts += 1
            account.tokens += len(doc)
            account.open_tokens += n_open
            account.entities.update(entity.label_ for entity in doc.ents)
            yield doc


def settle(doc: Doc, sure: float) -> int:
    """Sets the sure entities of a scored Doc, leaves open what else is possible, drops scores.

    Returns the number of tokens left open.
    """
    found, candidates = doc.spans[ENTITIES_KEY], doc.spans[CANDIDATES_KEY]
    scores = found.attrs["scores"]
    kept = [entity for entity, score in zip(found, scores, strict=True) if score >= sure]
    settled = {i for entity in kept for i in range(entity.start, entity.end)}
    spans = (*found, *candidates, *doc.ents)
    possible = {i for span in spans for i in range(span.start, span.end)}
    left_open = sorted(possible - settled)
    doc.set_ents(kept, missing=[doc[i : i + 1] for i in left_open], default="outside")
    del doc.spans[ENTITIES_KEY], doc.spans[CANDIDATES_KEY]
    return len(left_open)
