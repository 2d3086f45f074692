"""Between spaCy's annotation and tag ids: reading gold tags, setting entities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_bioner.tags import Ints1d, Spans, TagScheme


def reference_labels(examples: Iterable[Example]) -> list[str]:
    """All entity labels of the examples' references, sorted."""
    return sorted({entity.label_ for example in examples for entity in example.reference.ents})


def gold_tags(example: Example, scheme: TagScheme) -> Ints1d:
    """Tag ids (n,) for the tokens of the predicted document, UNKNOWN where not known.

    Raises LabelError if an entity's label is not one of the scheme's.
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
    label = np.zeros(len(iob), dtype=np.int64)
    for key in np.unique(types[(iob == 1) | (iob == 3)]):
        name = reference.vocab.strings[key]
        if name not in scheme.labels:
            raise scheme.unknown_label(name)
        label[types == key] = scheme.labels.index(name)
    return scheme.from_iob(iob, label)


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
