"""What both forms of BioC, XML and JSON, share: the record of a document.

A record is the object that BioC JSON has for a document (https://github.com/ncbi-nlp/BioC-JSON):
{"id", "infons", "passages": [{"offset", "infons", "text" or "sentences", "annotations"}]}.
The readers of the two forms make it from a file, and `readers.bioc_record` makes a Document
of it; `write_record` makes it from a Document, and the writers print it.
"""

from __future__ import annotations

import reprlib
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from spacy_bioner.corpora.document import Document, Entity, Offsets, Role, Section
from spacy_bioner.corpora.json_text import check_encodable, is_offset
from spacy_bioner.corpora.text_lines import LineError
from spacy_bioner.corpora.writing_log import PARTIAL, Feature, WriteLog
from spacy_bioner.errors import ConfigError

Record = dict[str, Any]
Kind = Literal["passage", "sentence"]
Span = tuple[int, int]

KEEPS = frozenset(Feature) - {Feature.TOKENS} - PARTIAL
MAX_FILL = 1_000_000  # characters of a document that lie in no passage or sentence
ROLES: dict[str, Role] = {"": "", "CompositeMention": "composite", "IndividualMention": "part"}
_ROLE_NAMES = {role: name for name, role in ROLES.items()}
_SEPARATOR: dict[Kind, str] = {"passage": "\n", "sentence": " "}


def text_of(value: Any, what: str) -> str:
    """A value that must be a text. Raises LineError if it is not."""
    if not isinstance(value, str):
        raise LineError(f"{what} must be a string, not {reprlib.repr(value)}. Correct it.")
    check_encodable(value)
    return value


def name_of(value: Any, what: str) -> str:
    """A value that must be a text or a whole number. Raises LineError if it is neither."""
    return str(value) if type(value) is int else text_of(value, what)


def offset_of(record: Record, key: str, kind: str) -> int:
    """A value that must be a whole number. Raises LineError if it is not."""
    value: Any = record.get(key)
    if not is_offset(value) or value > sys.maxsize:
        shown = reprlib.repr(value)
        raise LineError(f"the {key} of a {kind} must be a whole number, not {shown}. Correct it.")
    return int(value)


def list_of(record: Record, key: str) -> list[Any]:
    """A list that need not be there. Raises LineError for anything but a list."""
    value = record.get(key)
    if value is not None and not isinstance(value, list):
        raise LineError(f"its {key} must be a list, not {reprlib.repr(value)}. Correct them.")
    return value or []


@dataclass(slots=True)
class Infons:
    """The key-value pairs of one part of a record. What is taken is no longer among them."""

    pairs: list[tuple[str, Any]]

    @classmethod
    def of(cls, record: Record) -> Infons:
        """Those of a record: an object, or a tuple of pairs from XML, where keys may repeat.

        A value null says nothing, and is left out.
        """
        value = record.get("infons")
        if isinstance(value, tuple):
            return cls(list(value))
        if value is not None and not isinstance(value, dict):
            raise LineError(
                f"its infons must be an object, not {reprlib.repr(value)}. Correct them."
            )
        return cls([pair for pair in (value or {}).items() if pair[1] is not None])

    def take(self, key: str) -> list[str]:
        """The values of a key, but for empty ones."""
        found = [name_of(value, f"infon {key!r}") for name, value in self.pairs if name == key]
        self.pairs = [pair for pair in self.pairs if pair[0] != key]
        return [value for value in found if value]

    def take_one(self, key: str) -> str:
        """The value of a key that may have one only; "" if there is none."""
        values = self.take(key)
        if len(values) > 1:
            raise LineError(f"it has more than one infon {key!r}. Keep one.")
        return values[0] if values else ""

    def take_concept(self) -> str:
        """The identifier; without one, what the keys in upper case say, as KEY:value."""
        identifiers = self.take("identifier")
        if not identifiers:
            terms = [key for key, value in self.pairs if type(value) in (str, int)]
            keys = dict.fromkeys(key for key in terms if key.isupper())
            identifiers = [_prefixed(key, value) for key in keys for value in self.take(key)]
        return "|".join(identifiers)


def _prefixed(key: str, value: str) -> str:
    parts = value.split("|")
    return "|".join(part if part.startswith(f"{key}:") else f"{key}:{part}" for part in parts)


def join_pieces(
    pieces: Iterable[tuple[int, str]], kind: Kind, start: int = 0, limit: int = MAX_FILL
) -> tuple[str, int]:
    r"""The text of passages, or of sentences, each (offset, text), and how much was filled in.

    start: the offset at which the text begins. Gaps are filled: between passages with "\n"
    and then blanks, elsewhere with blanks. Raises LineError for pieces that overlap or
    that are out of order, and where more than `limit` characters were to be filled in.
    """
    parts, at, filled = list[str](), start, 0
    for offset, text in pieces:
        gap = offset - at
        filled += gap
        if gap < 0:
            raise LineError(
                f"the {kind} at {offset} begins before {at}, where the one before it "
                "ends, or its passage begins. Correct the offsets."
            )
        if filled > limit:
            raise LineError(
                f"the {kind} at {offset} leaves a gap of {gap:,} characters; the gaps of a "
                f"document may have {MAX_FILL:,} in all. Correct the offsets."
            )
        separator = _SEPARATOR[kind] if parts and gap else ""
        parts += [separator, " " * (gap - len(separator)), text]
        at = offset + len(text)
    return "".join(parts), filled


def write_record(document: Document, log: WriteLog) -> Record:
    """The record of a Document, with sections and sentences as far as readers find them again.

    Each section becomes a passage, if all have names, if what lies between them is what
    `join_pieces` fills in, and if no mention leaves its section; else the text is one
    passage. Sentences, likewise: all or none of a document.

    Raises ConfigError for a mention without a type.
    """
    for number, entity in enumerate(document.entities, 1):
        if not entity.label.strip():
            raise ConfigError(
                f"document {document.id!r}: mention {number} has no type. Give it one."
            )
    blanks = sum(entity.label != entity.label.strip() for entity in document.entities)
    log.lose("types with blanks around them, left out", document.id, blanks)
    log.compare(document, KEEPS)
    sections = _told_sections(document) or (Section(0, len(document.text), ""),)
    sentences = _told_sentences(document, sections)
    if document.sections and not sections[0].name:
        log.lose(f"{Feature.SECTIONS} not kept", document.id, len(document.sections))
    if document.sentences is not None and not any(sentences):
        log.lose(f"{Feature.SENTENCES} not kept", document.id)
    return {
        "id": document.id,
        "infons": _filled(genre=document.genre, source=document.source),
        "passages": _passages(document, sections, sentences),
        "annotations": [],
        "relations": [],
    }


def _told_sections(document: Document) -> tuple[Section, ...]:
    """The sections; () if readers would not find all of them again."""
    spans = tuple((section.start, section.end) for section in document.sections)
    told = all(section.name for section in document.sections) and (
        _grouped(document.entities, spans) is not None
        and _give_back(document.text, spans, "passage", (0, len(document.text)))
    )
    return document.sections if told else ()


def _told_sentences(document: Document, sections: Sequence[Section]) -> list[Offsets]:
    """The sentences of each section; () for each if readers would not find all of them again."""
    sentences = document.sentences or ()
    starts = [start for start, _ in sentences]
    cuts = [bisect_left(starts, section.end) for section in sections]
    inner = [sentences[low:high] for low, high in zip([0, *cuts], cuts, strict=False)]
    told = cuts[-1] == len(starts) and _grouped(document.entities, sentences) is not None
    for section, spans in zip(sections, inner, strict=True):
        told = told and _give_back(document.text, spans, "sentence", (section.start, section.end))
    return inner if told else [() for _ in sections]


def _give_back(text: str, spans: Offsets, kind: Kind, within: Span) -> bool:
    """Whether a reader that joins spans of a text, none empty, gets what is `within`."""
    pieces = [(start, text[start:end]) for start, end in spans]
    try:
        joined, _ = join_pieces(pieces, kind, within[0])
    except LineError:
        return False
    return joined == text[slice(*within)] and all(piece for _, piece in pieces)


def _grouped(entities: Iterable[Entity], spans: Sequence[Span]) -> dict[Span, list[Entity]] | None:
    """The mentions in each span; None if one is not within a span."""
    starts = [start for start, _ in spans]
    groups: dict[Span, list[Entity]] = {span: [] for span in spans}
    for entity in entities:
        index = bisect_right(starts, entity.start) - 1
        if index < 0 or entity.end > spans[index][1]:
            return None
        groups[spans[index]].append(entity)
    return groups


def _passages(
    document: Document, sections: Sequence[Section], sentences: Sequence[Offsets]
) -> list[Record]:
    spans = [(section.start, section.end) for section in sections]
    units = [unit for span, inner in zip(spans, sentences, strict=True) for unit in inner or [span]]
    mentions = _grouped(document.entities, units) or {}
    records = []
    for section, span, inner in zip(sections, spans, sentences, strict=True):
        record = _block(document.text, span, [] if inner else mentions.get(span, []))
        if inner:
            del record["text"]
        record["infons"] = _filled(type=section.name)
        record["sentences"] = [_block(document.text, unit, mentions[unit]) for unit in inner]
        records.append(record)
    return records


def _block(text: str, span: Span, mentions: Iterable[Entity]) -> Record:
    return {
        "offset": span[0],
        "infons": {},
        "text": text[slice(*span)],
        "annotations": [_annotation(text, entity) for entity in mentions],
        "relations": [],
    }


def _annotation(text: str, entity: Entity) -> Record:
    pieces = entity.fragments or ((entity.start, entity.end),)
    infons = _filled(
        type=entity.label.strip(),
        identifier=entity.concept,
        CompositeRole=_ROLE_NAMES[entity.role],
        note=entity.note,
    )
    return {
        "id": entity.id,
        "infons": infons,
        "text": " ".join(text[start:end] for start, end in pieces),
        "locations": [{"offset": start, "length": end - start} for start, end in pieces],
    }


def _filled(**values: str) -> Record:
    return {key: value for key, value in values.items() if value}
