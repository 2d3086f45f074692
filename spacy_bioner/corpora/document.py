"""What every reader yields and every writer takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entity:
    """One mention: text[start:end] in characters, with its type."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Document:
    """One annotated text.

    text: the text, to which all offsets refer.
    entities: mentions, ordered by (start, end).
    id: unique within its corpus.
    genre: section or genre, "" where the format has none.
    tokens: (start, end) offsets of the tokens that the corpus was annotated
        on, in order; None where the format has no tokens.
    """

    text: str
    entities: tuple[Entity, ...] = ()
    id: str = ""
    genre: str = ""
    tokens: tuple[tuple[int, int], ...] | None = None

    def __post_init__(self) -> None:
        for entity in self.entities:
            if not 0 <= entity.start < entity.end <= len(self.text):
                raise ValueError(
                    f"document {self.id!r}: entity {entity} lies outside its text "
                    f"of {len(self.text)} characters"
                )
