"""From the record of a BioC document, be it from XML or JSON, to a Document."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from spacy_bioner.corpora.bioc import (
    MAX_FILL,
    ROLES,
    Infons,
    Kind,
    Record,
    join_pieces,
    list_of,
    name_of,
    offset_of,
    text_of,
)
from spacy_bioner.corpora.document import Document, Entity, Offsets, Section
from spacy_bioner.corpora.mention_text import check_offsets
from spacy_bioner.corpora.reading_log import FileLog
from spacy_bioner.corpora.text_lines import LineError

_REACH = 2  # characters by which offsets may be wrong and still be mended
_PARTS = {"bioctype", "infons"}
_BLOCK_PARTS = _PARTS | {"offset", "text", "annotations", "relations"}
_KNOWN = {
    "document": _PARTS | {"id", "passages", "annotations", "relations"},
    "passage": _BLOCK_PARTS | {"sentences"},
    "sentence": _BLOCK_PARTS,
    "annotation": _PARTS | {"id", "text", "locations"},
    "location": {"bioctype", "offset", "length"},
}


def read_record(record: Any, number: int, source: str, log: FileLog) -> Document | None:
    """The Document that a record holds, the number-th of its file; None if without text.

    source: that of the collection, for a document that names none of its own.
    Raises CorpusError for what the rules of BioC do not allow (see `read_bioc_xml`).
    """
    reading = _Reading(log, f"document {number} of the file", source)
    try:
        return reading.document(record)
    except LineError as error:
        raise log.error(f"{reading.name}{reading.place}: {error}") from None


@dataclass(slots=True)
class _Block:
    """A passage or a sentence, its text from the offset `start` on."""

    start: int
    text: str
    infons: Infons
    sentences: list[_Block]
    annotations: list[Any]

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.start + len(self.text)


@dataclass(slots=True)
class _Reading:
    """How far one document is read. name, place: what a message is about."""

    log: FileLog
    name: str
    source: str
    place: str = ""
    text: str = ""
    filled: int = 0

    def document(self, value: Any) -> Document | None:
        id = self._id(value)
        record = self._object(value, "document")
        infons = Infons.of(record)
        genre, source = infons.take_one("genre"), infons.take_one("source") or self.source
        self._skip_infons(infons, "document")
        passages = self._blocks(record, "passage")
        self.text = self._join(passages, "passage")
        entities = self._entities(record, passages)
        sections = self._sections(passages)
        if not self.text:
            self.log.skip("documents without text", self.name)
            return None
        sentences = _sentences(passages)
        return Document(self.text, entities, id, genre, None, source, sections, sentences)

    def _id(self, value: Any) -> str:
        if not isinstance(value, dict) or value.get("id") is None:
            raise LineError("it is not an object, or has no id. Correct it.")
        id = name_of(value["id"], "its id")
        self.name = f"document {id!r}"
        return id

    def _object(self, value: Any, kind: str) -> Record:
        if not isinstance(value, dict):
            raise LineError(f"one of its {kind}s is not an object. Correct it.")
        for key in value:
            if key not in _KNOWN[kind]:
                self.log.skip(f"unknown parts of {kind}s", f"{key!r} in {self.name}")
        for relation in list_of(value, "relations") if "relations" in _KNOWN[kind] else ():
            id = relation.get("id") if isinstance(relation, dict) else None
            self.log.skip("relations", f"{reprlib.repr(id or '')} in {self.name}")
        return value

    def _skip_infons(self, infons: Infons, kind: str) -> None:
        for key, _ in infons.pairs:
            what = f"infons {key!r}" if kind == "annotation" else "infons"
            which = "" if kind == "annotation" else f"{key!r} in "
            self.log.skip(f"{what} of {kind}s", f"{which}{self.name}{self.place}")

    def _blocks(self, record: Record, kind: Kind) -> list[_Block]:
        """The passages or sentences of a record that hold text or annotations, by offset."""
        blocks = [self._block(value, kind) for value in list_of(record, f"{kind}s")]
        for block in blocks:
            if not block.text:
                self.log.skip(f"{kind}s without text", f"offset {block.start} in {self.name}")
        blocks.sort(key=lambda block: block.start)
        return [block for block in blocks if block.text or block.annotations]

    def _block(self, value: Any, kind: Kind) -> _Block:
        record = self._object(value, kind)
        start = offset_of(record, "offset", kind)
        given = record.get("text")
        text = "" if given is None else text_of(given, f"the text of a {kind}")
        sentences = self._blocks(record, "sentence") if kind == "passage" else []
        joined = self._join(sentences, "sentence", start)
        infons, annotations = Infons.of(record), [*list_of(record, "annotations")]
        for sentence in sentences:
            at = sentence.start - start
            if text and not text.startswith(sentence.text, at):
                raise LineError(
                    f"the sentence {_shown(sentence.text)} is not what its passage holds "
                    f"at {sentence.start}. Correct one of them."
                )
            self._skip_infons(sentence.infons, "sentence")
            annotations += sentence.annotations
        return _Block(start, text or joined, infons, sentences, annotations)

    def _join(self, blocks: Sequence[_Block], kind: Kind, start: int = 0) -> str:
        pieces = [(block.start, block.text) for block in blocks if block.text]
        text, filled = join_pieces(pieces, kind, start, MAX_FILL - self.filled)
        self.filled += filled
        return text

    def _sections(self, passages: Iterable[_Block]) -> tuple[Section, ...]:
        sections = []
        for passage in passages:
            name = passage.infons.take_one("type") or passage.infons.take_one("section_type")
            if name and passage.text:
                sections.append(Section(*passage.span, name))
            self._skip_infons(passage.infons, "passage")
        return tuple(sections)

    def _entities(self, record: Record, passages: Iterable[_Block]) -> tuple[Entity, ...]:
        found = [value for passage in passages for value in passage.annotations]
        found += list_of(record, "annotations")
        entities = []
        for number, value in enumerate(found, 1):
            self.place = f", annotation {number}"
            entities.append(self._entity(self._object(value, "annotation")))
        self.place = ""
        return tuple(sorted(entities, key=lambda entity: (entity.start, entity.end)))

    def _entity(self, record: Record) -> Entity:
        id = "" if record.get("id") is None else name_of(record["id"], "its id")
        if id:
            self.place = f", annotation {id!r}"
        infons = Infons.of(record)
        label, note = self._label(infons), infons.take_one("note")
        role = infons.take_one("CompositeRole")
        if role not in ROLES:
            infons.pairs.append(("CompositeRole", role))
        concept = infons.take_concept()
        self._skip_infons(infons, "annotation")
        pieces = [self._piece(value) for value in list_of(record, "locations")]
        if not pieces:
            raise LineError("it has no location. Add one.")
        if record.get("text") is not None:
            pieces = self._compared(pieces, text_of(record["text"], "its text"))
        spans = self._merged(pieces)
        start, end = spans[0][0], spans[-1][1]
        fragments = spans if len(spans) > 1 else ()
        return Entity(start, end, label, fragments, id, concept, note, ROLES.get(role, ""))

    def _label(self, infons: Infons) -> str:
        found = infons.take_one("type")
        label = found.strip()
        if not label:
            raise LineError("it has no infon 'type', which is its label. Add it.")
        if label != found:
            self.log.repair(
                None, found, label, f"white space around a type, in {self.name}{self.place}"
            )
        return label

    def _piece(self, value: Any) -> tuple[int, int]:
        location = self._object(value, "location")
        start, length = (offset_of(location, key, "location") for key in ("offset", "length"))
        check_offsets([(start, start + length)], self.text)
        return start, start + length

    def _compared(self, pieces: list[tuple[int, int]], given: str) -> list[tuple[int, int]]:
        """The pieces, where the text has what is given; moved a little if it is beside them."""
        there = " ".join(self.text[start:end] for start, end in pieces)
        if given == there:
            return pieces
        where = f"{self.name}{self.place} at {_spans(pieces)}"
        if "".join(given.split()) == "".join(there.split()):
            self.log.repair(None, given, there, f"other white space than in the text of {where}")
            return pieces
        moved = self._moved(pieces, given)
        if moved is None:
            raise LineError(
                f"its text is {_shown(given)}, but {_shown(there)} stands at {_spans(pieces)}. "
                "Correct the text, or the offsets, which must count characters."
            )
        reason = f"{given!r} stands beside the offsets, at {there!r}, in {self.name}{self.place}"
        self.log.repair(None, _spans(pieces), _spans(moved), reason)
        return moved

    def _moved(self, pieces: list[tuple[int, int]], given: str) -> list[tuple[int, int]] | None:
        """Where each piece of the given text stands alone within reach of its offsets."""
        moved, at = [], 0
        for start, end in pieces:
            piece = given[at : at + end - start]
            at += len(piece) + 1
            near = range(max(0, start - _REACH), start + _REACH + 1)
            found = [place for place in near if self.text.startswith(piece, place)]
            if len(piece) != end - start or (start not in found and len(found) != 1):
                return None
            place = start if start in found else found[0]
            moved.append((place, place + len(piece)))
        there = " ".join(self.text[start:end] for start, end in moved)
        return moved if there == given else None

    def _merged(self, pieces: list[tuple[int, int]]) -> Offsets:
        """The pieces in order, those that touch joined."""
        merged: list[tuple[int, int]] = []
        for start, end in sorted(pieces):
            if merged and start < merged[-1][1]:
                raise LineError(f"its locations {_spans(pieces)} overlap. Correct them.")
            touches = merged and start == merged[-1][1]
            merged.append((merged.pop()[0] if touches else start, end))
        if len(merged) < len(pieces):
            reason = f"locations that touch are one, in {self.name}{self.place}"
            self.log.repair(None, _spans(pieces), _spans(merged), reason)
        return tuple(merged)


def _sentences(passages: Sequence[_Block]) -> Offsets | None:
    """Those of a document where some are marked: a passage without any is one."""
    inner = [[sentence for sentence in passage.sentences if sentence.text] for passage in passages]
    if not any(inner):
        return None
    units = zip(passages, inner, strict=True)
    blocks = [block for passage, sentences in units for block in sentences or [passage]]
    return tuple(block.span for block in blocks if block.text)


def _spans(pieces: Iterable[tuple[int, int]]) -> str:
    return ", ".join(f"{start}-{end}" for start, end in pieces)


def _shown(text: str) -> str:
    """A text as messages show it, cut where it is long."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
