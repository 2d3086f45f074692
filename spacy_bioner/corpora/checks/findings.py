"""What a check of a corpus finds: of which kind, how severe, and where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from spacy_bioner.corpora.document import Document

KEPT_PLACES = 5
_EXCERPT = 40


class Severity(StrEnum):
    """error: scores or training are wrong with it; warning: probably a mistake, look at
    it; note: worth knowing. In this order."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class FindingKind(StrEnum):
    """What is found, in the order in which it is shown among findings as severe."""

    LEAKAGE = "same text in several parts"
    CONTRADICTORY_TEXT = "same text, annotated differently"
    SPAN_WITH_LABELS = "one span with several labels"
    INCONSISTENT_STRING = "strings annotated inconsistently"
    REPAIR = "slips"
    LABEL_IN_ONE_PART = "labels of one part only"
    SCRIPT = "simplified and traditional script"
    WIDTH = "full and half width"
    CUT_RUN = "boundaries within a run"
    EDGE_SPACE = "white space at a mention's edge"
    CROSSES_SENTENCE = "mentions across sentences"
    PUNCTUATION_MENTION = "punctuation as a mention"
    REPEATED_MENTION = "mentions annotated twice"
    REPEATED_ID = "repeated document ids"
    DAMAGED_CHARACTER = "damaged characters"
    CONTROL_CHARACTER = "control characters"
    INVISIBLE_CHARACTER = "invisible characters"
    LONE_MARK = "lone combining marks"
    LINE_ENDS = "mixed line ends"
    REPEATED_TEXT = "repeated texts"
    ODD_SPACE = "unusual spaces"
    LABEL_SHARE = "shares of labels"
    MENTION_FIGURES = "length and density of mentions"
    UNSEEN_MENTIONS = "unseen mentions"
    OVERLAP = "overlapping mentions"
    LONG_MENTION = "long mentions"
    WITHOUT_MENTION = "documents without a mention"
    SKIPPED = "not read"


@dataclass(frozen=True, slots=True)
class Place:
    """Characters `start` to `end` of a document in a part, and the text there, cut if long."""

    part: str
    document: str
    start: int
    end: int
    text: str

    @classmethod
    def of(cls, part: str, document: Document, start: int = 0, end: int | None = None) -> Place:
        """The place in a document; without offsets, the whole of it."""
        end = len(document.text) if end is None else end
        return cls(part, document.id, start, end, excerpt(document.text, start, end))

    def __str__(self) -> str:
        where = f"{printable(self.part)}, document {printable(self.document)}"
        return f"{where}, {self.start} to {self.end}: {self.text!r}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    message: what was found, in one line, without what it means for all of its kind.
    places: where, the first of them (see KEPT_PLACES). count: how often in all; in a
    figure it may be 0.
    """

    kind: FindingKind
    severity: Severity
    message: str
    places: tuple[Place, ...] = ()
    count: int = 1


class Check(Protocol):
    """Looks at the documents of all parts, one part after the other, then says what it found."""

    def add(self, part: str, document: Document) -> None: ...

    def findings(self) -> Iterator[Finding]: ...


def has_errors(findings: Iterable[Finding]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in findings)


def excerpt(text: str, start: int = 0, end: int | None = None) -> str:
    """text[start:end], its end cut off if it is long."""
    end = len(text) if end is None else end
    return text[start:end] if end - start <= _EXCERPT else text[start : start + _EXCERPT - 1] + "…"


def printable(name: str) -> str:
    """A name of a part, a document or a label so that it takes one line of any terminal."""
    return name if name and name.isprintable() else repr(name)
