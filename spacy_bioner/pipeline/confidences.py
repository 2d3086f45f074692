"""Entities with their exact probabilities, and where these are kept on a Doc."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span, SpanGroup

from spacy_bioner.errors import ConfigError, LabelError
from spacy_bioner.models.candidates import ROUNDING, candidate_spans
from spacy_bioner.models.lattice import Floats1d, Lattice
from spacy_bioner.pipeline.settings import Decoding
from spacy_bioner.tags import Spans

Place: TypeAlias = tuple[int, int, str]  # begin and end in characters, and label

SCORE = "bioner_score"  # span._.bioner_score
ENTITIES_KEY = "bioner"  # doc.spans: the entities
CANDIDATES_KEY = "bioner_candidates"  # doc.spans: spans that are no entities, but might be


@dataclass(frozen=True)
class Prediction:
    """The entities of a batch.

    spans: those to set. scores (S,): their probabilities, None if not computed.
    candidates, candidate_scores: further spans worth a look, None if not asked for.
    """

    spans: Spans
    scores: Floats1d | None = None
    candidates: Spans | None = None
    candidate_scores: Floats1d | None = None


@dataclass(frozen=True)
class EntitySet:
    """One way to annotate a document: entities that do not overlap, and its probability."""

    entities: tuple[Span, ...]
    probability: float


def register_extension() -> None:
    """Adds span._.bioner_score, unless something of this name is there."""
    if not Span.has_extension(SCORE):
        Span.set_extension(SCORE, getter=score_of)


def score_of(span: Span) -> float | None:
    """The probability of a span with just this label, None where none was computed.

    Read from the groups of doc.spans, so that it is there as long as they are.
    """
    wanted: list[Any] = list(place_of(span))
    for key in (ENTITIES_KEY, CANDIDATES_KEY):
        places, scores = _kept(span.doc, key)
        at = bisect_left(places, wanted[0], key=lambda place: place[0])
        while at < len(places) and places[at][0] == wanted[0]:
            if list(places[at]) == wanted:
                return float(scores[at])
            at += 1
    return None


def place_of(span: Span) -> Place:
    return span.start_char, span.end_char, span.label_


def kept_scores(doc: Doc, key: str) -> list[tuple[Place, float]]:
    """What `keep_scores` has kept, in order; nothing if somebody has changed the group since.

    By characters: tokens may have been merged since, and then spaCy's groups hold wrong ones.
    """
    return [((a, b, label), s) for (a, b, label), s in zip(*_kept(doc, key), strict=True)]


def _kept(doc: Doc, key: str) -> tuple[Sequence[Any], Sequence[float]]:
    """Places and scores as they are kept, without looking at each."""
    group = doc.spans.get(key)
    if group is None:
        return (), ()
    places, scores = group.attrs.get("places", ()), group.attrs.get("scores", ())
    return (places, scores) if len(places) == len(scores) == len(group) else ((), ())


def empty_prediction(spans: Spans, decoding: Decoding) -> Prediction:
    """For documents of no token: no spans, in all the places where a batch with tokens has some."""
    scores = np.zeros(0) if decoding.needs_scores else None
    if decoding.candidates_floor is None:
        return Prediction(spans, scores)
    return Prediction(spans, scores, spans, scores)


def scored_prediction(
    lattice: Lattice, spans: Spans, threshold: float, candidates_floor: float | None
) -> Prediction:
    """The spans with their probabilities, without those below the threshold."""
    scores = np.exp(lattice.span_log_probabilities(spans))
    kept = scores >= threshold - ROUNDING
    prediction = Prediction(_select(spans, kept), scores[kept])
    if candidates_floor is None:
        return prediction
    found = candidate_spans(lattice, candidates_floor)
    probabilities = np.exp(lattice.span_log_probabilities(found))
    entities = set(zip(*(values.tolist() for values in prediction.spans), strict=True))
    rows = zip(*(values.tolist() for values in found), strict=True)
    others = np.array([row not in entities for row in rows], dtype=np.bool_)
    others &= probabilities >= candidates_floor
    return Prediction(
        prediction.spans, prediction.scores, _select(found, others), probabilities[others]
    )


def _select(spans: Spans, rows: NDArray[Any]) -> Spans:
    return Spans(*(values[rows] for values in spans))


def entity_sets(
    docs: Sequence[Doc], lattice: Lattice, k: int, labels: Sequence[str]
) -> list[list[EntitySet]]:
    """The k most probable sets of entities of each document, best first."""
    result = []
    for doc, (paths, probabilities) in zip(docs, lattice.k_best(k), strict=True):
        sets = []
        for path, probability in zip(paths, probabilities.tolist(), strict=True):
            spans = lattice.scheme.spans(path, np.array([len(doc)]))
            (found,) = spans_by_document([doc], spans, labels)
            sets.append(EntitySet(tuple(found), probability))
        result.append(sets)
    return result


def span_scores(lattice: Lattice, spans: Sequence[Span], *, any_label: bool) -> list[float]:
    """The probability of each span of one document, with its label or with any."""
    if not spans:
        return []
    labels = lattice.scheme.labels
    start = np.array([span.start for span in spans], dtype=np.int64)
    end = np.array([span.end for span in spans], dtype=np.int64)
    if any_label:
        label = np.tile(np.arange(len(labels)), len(spans))
        start, end = np.repeat(start, len(labels)), np.repeat(end, len(labels))
    else:
        label = np.array([labels.index(span.label_) for span in spans], dtype=np.int64)
    zeros = np.zeros(len(start), dtype=np.int64)
    found = np.exp(lattice.span_log_probabilities(Spans(zeros, start, end, label)))
    result: list[float] = found.reshape(len(spans), -1).sum(axis=1).tolist()
    return result


def check_spans(doc: Doc, spans: Sequence[Span], labels: Sequence[str] | None) -> None:
    """Raises unless the spans hold tokens of the document; labels: that they may have."""
    for span in spans:
        what = f"the span {span.start}:{span.end} {span.text!r}"
        if span.doc is not doc or not len(span):
            raise ConfigError(f"{what} holds no token of the document {doc.text[:20]!r}")
        if labels is not None and span.label_ not in labels:
            raise LabelError(
                f"{what} has the label {span.label_!r}, which the model does not know: give one of "
                f"{list(labels)}, or any_label = True"
            )


def spans_by_document(docs: Sequence[Doc], spans: Spans, labels: Sequence[str]) -> list[list[Span]]:
    """The spans of each document as spaCy's."""
    if not docs:
        return []
    keys = [docs[0].vocab.strings.add(label) for label in labels]
    result: list[list[Span]] = [[] for _ in docs]
    columns = (values.tolist() for values in spans)
    for b, start, end, label in zip(*columns, strict=True):
        result[b].append(Span(docs[b], start, end, label=keys[label]))
    return result


def keep_scores(doc: Doc, key: str, spans: Sequence[Span], scores: Sequence[float]) -> None:
    """Stores spans, in order, as a group of doc.spans with attrs "scores", and "places" for us."""
    attrs = {
        "scores": [float(score) for score in scores],
        "places": [list(place_of(span)) for span in spans],
    }
    doc.spans[key] = SpanGroup(doc, name=key, spans=list(spans), attrs=attrs)
