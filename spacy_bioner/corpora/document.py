"""What every reader yields and every writer takes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Offsets = tuple[tuple[int, int], ...]
Role = Literal["", "composite", "part"]


@dataclass(frozen=True, slots=True)
class Entity:
    """One mention: text[start:end] in characters, with its type.

    fragments: of a discontinuous mention its pieces, two or more, in order and apart,
        the first from `start`, the last up to `end`; () for a mention of one piece.
    id: its name within its document, as T1 in brat.
    concept: its identifier in a terminology, as MESH:D003920; several joined by "|".
    note: what an annotator wrote about it.
    role: "composite" for a mention that names several things at once ("breast and
        ovarian cancer"), "part" for one of these things, annotated apart.
    """

    start: int
    end: int
    label: str
    fragments: Offsets = ()
    id: str = ""
    concept: str = ""
    note: str = ""
    role: Role = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A named part of a document: text[start:end]."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Document:
    """One annotated text. All offsets refer to `text`, in characters.

    entities: mentions, ordered by (start, end); they may overlap and repeat.
    id: unique within its corpus.
    genre: kind of text, "" where the format has none.
    source: who or what annotated it, "" where the format does not say.
    sections: such as title and abstract, in order, apart; () where there are none.
    sentences: (start, end) of each sentence, in order; None where the format does not
        mark sentences, or the document is one.
    tokens: (start, end) of the tokens that the corpus was annotated on, in order;
        None where the format has no tokens.
    unannotated: (start, end) of stretches where the annotation is missing, in order and apart:
        nobody said that there is no mention.
    labelled_types: the types that were annotated; None for all.
    """

    text: str
    entities: tuple[Entity, ...] = ()
    id: str = ""
    genre: str = ""
    tokens: Offsets | None = None
    source: str = ""
    sections: tuple[Section, ...] = ()
    sentences: Offsets | None = None
    unannotated: Offsets = ()
    labelled_types: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for entity in self.entities:
            if not 0 <= entity.start < entity.end <= len(self.text):
                raise ValueError(
                    f"document {self.id!r}: entity {entity} lies outside its text "
                    f"of {len(self.text)} characters"
                )
            if entity.fragments and not _are_fragments(entity):
                raise ValueError(
                    f"document {self.id!r}: the fragments of {entity} are not two or more "
                    "pieces from its start to its end, in order and apart"
                )


def _are_fragments(entity: Entity) -> bool:
    pieces = entity.fragments
    flat = [offset for piece in pieces for offset in piece]
    return (
        len(pieces) > 1
        and all(start < end for start, end in pieces)
        and all(end < start for (_, end), (start, _) in pairwise(pieces))
        and (flat[0], flat[-1]) == (entity.start, entity.end)
    )
