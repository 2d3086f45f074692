"""Between spaCy's annotation and tag ids: reading gold tags, setting entities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_bioner.errors import LabelError
from spacy_bioner.tags import Ints1d, Spans, TagScheme


def reference_labels(examples: Iterable[Example]) -> list[str]:
    """All entity labels of the examples' references, sorted."""
    return sorted({entity.label_ for example in examples for entity in example.reference.ents})


def gold_tags(example: Example, scheme: TagScheme) -> Ints1d:
    """Tag ids (n,) for the tokens of the predicted document, UNKNOWN where not known.

    Raises LabelError if an entity's label is not one of the scheme's, or if an
    entity continues that never began.
    """
    if _same_tokens(example.predicted, example.reference):
        return _tags_of(example.reference, scheme)
    return scheme.from_biluo(example.get_aligned_ner())


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


def set_entities(docs: Sequence[Doc], spans: Spans, labels: Sequence[str]) -> None:
    """Sets doc.ents of each document to its spans; tokens outside them become O."""
    if not docs:
        return
    keys = [docs[0].vocab.strings.add(label) for label in labels]
    bounds = np.searchsorted(spans.sentence, np.arange(len(docs) + 1)).tolist()
    starts, ends, label = spans.start.tolist(), spans.end.tolist(), spans.label.tolist()
    for i, doc in enumerate(docs):
        doc.set_ents(
            [
                Span(doc, starts[s], ends[s], label=keys[label[s]])
                for s in range(bounds[i], bounds[i + 1])
            ]
        )
