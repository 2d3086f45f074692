"""What the annotation of a document says of its tags, and what it leaves open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from spacy.training import Example

from spacy_bioner.errors import LabelError
from spacy_bioner.models.exclusion import Excluded, RefinedTags, exclude
from spacy_bioner.pipeline.annotation import gold_tags
from spacy_bioner.tags import OUTSIDE, UNKNOWN, Bools2d, Ints1d, TagScheme

# In doc.user_data: the labels for which the document is annotated; none for all.
LABELLED_TYPES = "labelled_types"


@dataclass(frozen=True)
class Gold:
    """What is known of the tags of a batch.

    tags (N,), UNKNOWN where not known; allowed (N, T): tags that agree with what is
    known; refined: by document, what a mask cannot say (see `models.exclusion`).
    """

    tags: Ints1d
    allowed: Bools2d
    refined: dict[int, RefinedTags]

    def repeated(self, times: int, n_documents: int) -> Gold:
        """That of a batch with its documents over again, one whole time after another."""
        if times == 1:
            return self
        refined = {
            b + n_documents * i: tags for i in range(times) for b, tags in self.refined.items()
        }
        return Gold(np.tile(self.tags, times), np.tile(self.allowed, (times, 1)), refined)


def gold_of(
    examples: Sequence[Example], scheme: TagScheme, incorrect_spans_key: str | None
) -> Gold:
    """What the references of the examples say of the tokens of the predicted documents.

    Tokens whose annotation is missing are unknown. Where user_data["labelled_types"] of a
    reference names labels, its tokens outside of entities may belong to entities of any
    other label of the model. Spans in doc.spans[incorrect_spans_key] of a reference are no entities
    with their label. Raises LabelError for labels that the model does not know.
    """
    tags, masks, refined = [], [], {}
    for b, example in enumerate(examples):
        known = gold_tags(example, scheme)
        excluded = _excluded(example, known, incorrect_spans_key, scheme)
        known, mask = _labelled_for_some_types(example, known, scheme)
        if excluded and (known == UNKNOWN).any():
            refined[b] = exclude(scheme, mask, excluded)
        tags.append(known)
        masks.append(mask)
    return Gold(np.concatenate(tags), np.concatenate(masks), refined)


def _labelled_for_some_types(
    example: Example, tags: Ints1d, scheme: TagScheme
) -> tuple[Ints1d, Bools2d]:
    """Tags (n,) and mask (n, T), those outside opened to the labels not annotated."""
    labelled = example.reference.user_data.get(LABELLED_TYPES)
    if labelled is None:
        return tags, scheme.allowed(tags)
    for label in labelled:
        if label not in scheme.labels:
            raise scheme.unknown_label(label)
    if set(labelled) == set(scheme.labels):
        return tags, scheme.allowed(tags)
    outside = tags == OUTSIDE
    opened = np.where(outside, UNKNOWN, tags)
    others = np.array([tag[2:] not in labelled for tag in scheme.tags])
    others[OUTSIDE] = True
    mask = scheme.allowed(opened)
    mask[outside] &= others
    return opened, mask


def _excluded(
    example: Example, known: Ints1d, key: str | None, scheme: TagScheme
) -> list[Excluded]:
    """Spans known to be no entities of their label, on the predicted document's tokens."""
    if key is None or key not in example.reference.spans:
        return []
    spans = example.reference.spans[key]
    for span in spans:
        if span.label_ not in scheme.labels:
            raise scheme.unknown_label(span.label_)
    found = [
        (span.start, span.end, scheme.labels.index(span.label_))
        for span in example.get_aligned_spans_y2x(spans, allow_overlap=True)
    ]
    entities = scheme.spans(np.where(known == UNKNOWN, OUTSIDE, known), np.array([len(known)]))
    annotated = set(zip(*(column.tolist() for column in entities[1:]), strict=True))
    for start, end, label in found:
        if (start, end, label) in annotated:
            text = example.predicted[start:end].text
            raise LabelError(
                f"the span {text!r} ({scheme.labels[label]}) of the document that begins with "
                f"{example.predicted.text[:20]!r} is both an entity and in doc.spans[{key!r}], "
                "which says that it is none. Remove one of them."
            )
    return found
