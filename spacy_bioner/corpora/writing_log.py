"""What a format cannot say: counted by kind while Documents are written in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from spacy_bioner.corpora.document import Document, Entity


class Feature(StrEnum):
    """What a Document may hold beside its text and its mentions' extents and labels."""

    TOKENS = "token boundaries"
    SENTENCES = "sentence boundaries"
    SECTIONS = "sections"
    GENRE = "genres"
    SOURCE = "annotation sources"
    OVERLAPS = "overlapping mentions"
    FRAGMENTS = "fragments of discontinuous mentions"
    IDS = "ids of mentions"
    CONCEPTS = "concepts of mentions"
    NOTES = "notes on mentions"
    ROLES = "roles in composite mentions"
    UNANNOTATED = "stretches without annotation"
    LABELLED_TYPES = "lists of annotated types"


# What says that annotation is partial. Only spaCy's own files do.
PARTIAL = frozenset({Feature.UNANNOTATED, Feature.LABELLED_TYPES})


@dataclass(slots=True)
class Loss:
    """One kind of thing that was not, or not fully, written."""

    what: str
    count: int = 0
    first: str = ""

    def __str__(self) -> str:
        return f"{self.count:,} {self.what} (the first in document {self.first!r})"


@dataclass(slots=True)
class WriteLog:
    """Losses by kind, over all documents written with it."""

    losses: dict[str, Loss] = field(default_factory=dict)

    def lose(self, what: str, document: str, count: int = 1) -> None:
        """Count a loss. what: its kind, in the plural; document: the id of the document."""
        if count:
            loss = self.losses.setdefault(what, Loss(what, first=document))
            loss.count += count

    def compare(self, document: Document, keeps: frozenset[Feature]) -> None:
        """Count what a document holds beyond the features that a format keeps.

        Overlaps are not looked at: the alignment of mentions with tokens lists them.
        """
        for feature, count in _COUNTERS.items():
            if feature not in keeps:
                self.lose(f"{feature} not kept", document.id, count(document))


def _mentions_with(attribute: str) -> Callable[[Document], int]:
    def count(document: Document) -> int:
        return sum(bool(getattr(entity, attribute)) for entity in document.entities)

    return count


_COUNTERS: dict[Feature, Callable[[Document], int]] = {
    Feature.TOKENS: lambda document: document.tokens is not None,
    Feature.SENTENCES: lambda document: document.sentences is not None,
    Feature.SECTIONS: lambda document: len(document.sections),
    Feature.GENRE: lambda document: bool(document.genre),
    Feature.SOURCE: lambda document: bool(document.source),
    Feature.FRAGMENTS: _mentions_with("fragments"),
    Feature.IDS: _mentions_with("id"),
    Feature.CONCEPTS: _mentions_with("concept"),
    Feature.NOTES: _mentions_with("note"),
    Feature.ROLES: _mentions_with("role"),
    Feature.UNANNOTATED: lambda document: len(document.unannotated),
    Feature.LABELLED_TYPES: lambda document: document.labelled_types is not None,
}


def stripped(entity: Entity, keeps: frozenset[Feature]) -> Entity:
    """The mention without what a format that keeps these features cannot say of it."""
    return Entity(
        entity.start,
        entity.end,
        entity.label,
        entity.fragments if Feature.FRAGMENTS in keeps else (),
        entity.id if Feature.IDS in keeps else "",
        entity.concept if Feature.CONCEPTS in keeps else "",
        entity.note if Feature.NOTES in keeps else "",
        entity.role if Feature.ROLES in keeps else "",
    )
