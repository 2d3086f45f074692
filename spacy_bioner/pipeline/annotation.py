"""Between spaCy's annotation and tag ids: reading gold tags, setting entities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_bioner.errors import LabelError
from spacy_bioner.models.lattice import Floats1d
from spacy_bioner.pipeline.clamps import FOUND, blocked_tokens, preset_entities
from spacy_bioner.pipeline.confidences import (
    CANDIDATES_KEY,
    ENTITIES_KEY,
    Place,
    Prediction,
    keep_scores,
    kept_scores,
    place_of,
    spans_by_document,
)
from spacy_bioner.tags import Ints1d, TagScheme


def reference_labels(examples: Iterable[Example]) -> list[str]:
    """All entity labels of the examples' references, sorted.

    Read from the tokens: spaCy refuses to list entities whose beginning is not annotated.
    """
    return sorted(
        {token.ent_type_ for example in examples for token in example.reference if token.ent_type}
    )


def gold_tags(example: Example, scheme: TagScheme) -> Ints1d:
    """Tag ids (n,) for the tokens of the predicted document, UNKNOWN where not known.

    Raises LabelError if an entity's label is not one of the scheme's, or if an
    entity continues that never began.
    """
    if _same_tokens(example.predicted, example.reference):
        return _tags_of(example.reference, scheme)
    reference = _alignable(example.reference)
    if reference is not example.reference:
        example = Example(example.predicted, reference)
    return scheme.from_biluo(example.get_aligned_ner())


def _alignable(reference: Doc) -> Doc:
    """The document as spaCy can align it: it refuses entities whose beginning is not annotated
    (E093), here unknown as a whole, and knows nothing of blocked tokens, here outside.
    """
    annotation = reference.to_array(["ENT_IOB", "ENT_TYPE"])
    iob, types = annotation[:, 0].astype(np.int64), annotation[:, 1]
    headless = np.zeros(len(iob), dtype=np.bool_)
    for i in np.flatnonzero(iob == 1).tolist():
        begun = i > 0 and types[i - 1] == types[i] and iob[i - 1] in (1, 3)
        headless[i] = headless[i - 1] if begun else i > 0 and iob[i - 1] == 0
    blocked = (iob == 3) & (types == 0)
    if not headless.any() and not blocked.any():
        return reference
    annotation[headless] = 0
    annotation[blocked] = 2, 0
    known: Doc = reference.copy()
    known.from_array(["ENT_IOB", "ENT_TYPE"], annotation)
    return known


def _same_tokens(predicted: Doc, reference: Doc) -> bool:
    if len(predicted) != len(reference):
        return False
    attributes = ["ORTH", "SPACY"]
    return bool((predicted.to_array(attributes) == reference.to_array(attributes)).all())


def _tags_of(reference: Doc, scheme: TagScheme) -> Ints1d:
    if len(reference) == 0:
        return np.zeros(0, dtype=np.int64)
    annotation = reference.to_array(["ENT_IOB", "ENT_TYPE"])
    iob, types = annotation[:, 0].astype(np.int64), annotation[:, 1]
    iob = np.where((iob == 3) & (types == 0), 2, iob)  # spaCy's "blocked": known to be outside
    _require_begins(reference, iob, types)
    label = np.zeros(len(iob), dtype=np.int64)
    for key in np.unique(types[(iob == 1) | (iob == 3)]):
        name = reference.vocab.strings[key]
        if name not in scheme.labels:
            raise scheme.unknown_label(name)
        label[types == key] = scheme.labels.index(name)
    return scheme.from_iob(iob, label)


def _require_begins(reference: Doc, iob: Ints1d, types: NDArray[np.uint64]) -> None:
    """Raises LabelError where a token is inside (1) an entity that the one before is not in."""
    continues = (iob[:-1] == 0) | (np.isin(iob[:-1], (1, 3)) & (types[:-1] == types[1:]))
    stray = np.flatnonzero((iob == 1) & ~np.append(False, continues))
    if len(stray):
        raise LabelError(
            f"token {stray[0]} ({reference[int(stray[0])].text!r}) of the document that begins "
            f"with {reference.text[:20]!r} is inside an entity that never begins: mend the corpus"
        )


def set_prediction(
    docs: Sequence[Doc],
    prediction: Prediction,
    labels: Sequence[str],
    *,
    respect: bool,
    name: str = "",
) -> None:
    """Sets doc.ents of each document to its spans; tokens outside them become O.

    respect: entities that are set already stay, with all that is known of them, scores of
    an earlier component too, and so do blocked tokens; but not what the component `name` has
    found itself before. Scores, where there are any, and candidates go to doc.spans; those of
    an earlier prediction are removed.
    """
    ents = spans_by_document(docs, prediction.spans, labels)
    known = [_scores_of_preset(doc, name) if respect else {} for doc in docs]
    for doc, found in zip(docs, ents, strict=True):
        for key in (ENTITIES_KEY, CANDIDATES_KEY):
            doc.spans.pop(key, None)
        if respect:
            _set_beside_preset(doc, found, name)
        else:
            doc.user_data.pop(FOUND, None)
            doc.set_ents(found)
    if prediction.scores is not None:
        _keep_scores(docs, ents, ENTITIES_KEY, prediction.scores)
    for doc, scores in zip(docs, known, strict=True):
        if scores:
            _keep_known_scores(doc, scores)
    if prediction.candidates is not None and prediction.candidate_scores is not None:
        others = spans_by_document(docs, prediction.candidates, labels)
        _keep_scores(docs, others, CANDIDATES_KEY, prediction.candidate_scores)


def _set_beside_preset(doc: Doc, found: list[Span], name: str) -> None:
    preset, blocked = preset_entities(doc, name), blocked_tokens(doc)
    taken = {token.i for entity in preset for token in entity}
    new = [span for span in found if not taken.intersection(range(span.start, span.end))]
    found_by = dict(doc.user_data.get(FOUND, {}))
    found_by[name] = [list(place_of(span)) for span in new]
    doc.user_data[FOUND] = found_by
    doc.set_ents([*preset, *new], blocked=[Span(doc, i, i + 1) for i in blocked])


def _scores_of_preset(doc: Doc, name: str) -> dict[Place, float]:
    """How sure an earlier component was of the entities that it set and that stand yet."""
    preset = set(map(place_of, preset_entities(doc, name)))
    return {place: p for place, p in kept_scores(doc, ENTITIES_KEY) if place in preset}


def _keep_known_scores(doc: Doc, known: dict[Place, float]) -> None:
    """Adds scores of an earlier component, in place of this one's of the same entities."""
    scores = dict(kept_scores(doc, ENTITIES_KEY)) | known
    scored = [entity for entity in doc.ents if place_of(entity) in scores]
    keep_scores(doc, ENTITIES_KEY, scored, [scores[place_of(entity)] for entity in scored])


def _keep_scores(
    docs: Sequence[Doc], spans: Sequence[Sequence[Span]], key: str, scores: Floats1d
) -> None:
    ends = np.cumsum([len(found) for found in spans])
    for doc, found, end in zip(docs, spans, ends.tolist(), strict=True):
        keep_scores(doc, key, found, scores[end - len(found) : end].tolist())
