"""Documents as brat standoff: a folder with a .txt and an .ann file for each.

https://brat.nlplab.org/standoff.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.json_text import check_encodable
from spacy_bioner.corpora.mention_text import on_one_line
from spacy_bioner.corpora.readers.brat import file_name
from spacy_bioner.corpora.text_lines import LineError
from spacy_bioner.corpora.writing_log import Feature, WriteLog
from spacy_bioner.errors import ConfigError

KEEPS = frozenset(
    {Feature.OVERLAPS, Feature.FRAGMENTS, Feature.IDS, Feature.CONCEPTS, Feature.NOTES}
)
LONGEST_NAME = 200  # bytes; file systems allow some 255, temporary names and suffixes included

_WITHIN_LINE = re.compile(r"[^\r\n]+")
_MENTION_ID = re.compile(r"T[0-9]+")


def write_brat(documents: Iterable[Document], path: Path, *, log: WriteLog | None = None) -> None:
    """Make the folder `path`, and in it `<id>.txt` and `<id>.ann` for each document.

    Ids are %-encoded where they are no safe file name (the reader decodes them, and gives
    the documents in order of their names); an empty one becomes the document's number.
    The text is written as it is. T ids are kept if all are a T and digits, and none is
    used twice; else mentions are numbered. A concept becomes N lines, split at "|" (brat
    itself wants DATABASE:ID there), and a note a line of type AnnotatorNotes.

    Counted in the log, beside what brat does not know: ids renumbered; mentions cut at
    line breaks into fragments, as brat demands, and those of line breaks only, which are
    left out; white space in types and concepts written as "_", empty parts of
    concepts left out; tabs and line breaks in notes written as blanks; documents
    without text, which are left out.

    Raises ConfigError for an id too long for a file name, two ids that make the same one, a
    mention without type, and half a surrogate pair.
    """
    log = log if log is not None else WriteLog()
    path.mkdir()
    for number, document in enumerate(documents, 1):
        document = document if document.id else replace(document, id=str(number))
        if not document.text:
            log.lose("documents without text not written", document.id)
            continue
        lines = "".join(f"{line}\n" for line in _annotations(document, log))
        log.compare(document, KEEPS)
        name = _file_name(document, lines)
        _write(path / f"{name}.txt", document.text, document.id)
        _write(path / f"{name}.ann", lines, document.id)


def _file_name(document: Document, lines: str) -> str:
    """Name of the files, if they can be written."""
    try:
        check_encodable(document.id + document.text + lines)
    except LineError as error:
        raise ConfigError(f"document {document.id!r}: {error}") from None
    name = file_name(document.id)
    if len(name.encode()) > LONGEST_NAME:
        raise ConfigError(
            f"document {document.id!r}: its id makes a file name of more than {LONGEST_NAME} "
            "bytes. Give it a shorter one."
        )
    return name


def _write(path: Path, text: str, id: str) -> None:
    try:
        with path.open("xb") as file:
            file.write(text.encode())
    except FileExistsError:
        raise ConfigError(
            f"document {id!r}: there is already a document in {path.name!r}. "
            "Give each an id of its own."
        ) from None


def _annotations(document: Document, log: WriteLog) -> Iterator[str]:
    """The lines of the .ann file, those of each mention together."""
    id, ids = document.id, _mention_ids(document, log)
    concepts = notes = 0
    for mention_id, entity in zip(ids, document.entities, strict=True):
        pieces = _pieces(entity, document.text, id, log)
        if not pieces:
            continue
        place = ";".join(f"{start} {end}" for start, end in pieces)
        text = on_one_line(" ".join(document.text[start:end] for start, end in pieces))
        yield f"{mention_id}\t{_label(entity, id, log)} {place}\t{text}"
        for concept in _concepts(entity, id, log):
            concepts += 1
            yield f"N{concepts}\tReference {mention_id} {concept}"
        if entity.note:
            notes += 1
            yield f"#{notes}\tAnnotatorNotes {mention_id}\t{_note(entity, id, log)}"


def _mention_ids(document: Document, log: WriteLog) -> list[str]:
    given = [entity.id for entity in document.entities]
    if all(map(_MENTION_ID.fullmatch, given)) and len(set(given)) == len(given):
        return given
    ids = [f"T{number}" for number in range(1, len(given) + 1)]
    changed = sum(old not in ("", new) for old, new in zip(given, ids, strict=True))
    log.lose("ids of mentions renumbered", document.id, changed)
    return ids


def _pieces(entity: Entity, text: str, id: str, log: WriteLog) -> list[tuple[int, int]]:
    """The fragments of a mention, none with a line break in it."""
    whole = list(entity.fragments) or [(entity.start, entity.end)]
    pieces = [
        (start + match.start(), start + match.end())
        for start, end in whole
        for match in _WITHIN_LINE.finditer(text[start:end])
    ]
    if not pieces:
        log.lose("mentions of line breaks only not written", id)
    elif pieces != whole:
        log.lose("mentions cut at line breaks", id)
    return pieces


def _label(entity: Entity, id: str, log: WriteLog) -> str:
    if not entity.label:
        raise ConfigError(
            f"document {id!r}: the mention at {entity.start} to {entity.end} has no type. "
            "Give it one."
        )
    label = re.sub(r"\s", "_", entity.label)
    log.lose('types with white space written as "_"', id, label != entity.label)
    return label


def _concepts(entity: Entity, id: str, log: WriteLog) -> list[str]:
    parts = [re.sub(r"\s", "_", part) for part in entity.concept.split("|") if part]
    changed = "|".join(parts) != entity.concept
    log.lose('concepts with white space written as "_" or empty parts left out', id, changed)
    return parts


def _note(entity: Entity, id: str, log: WriteLog) -> str:
    note = on_one_line(entity.note)
    log.lose("notes with tabs or line breaks written as blanks", id, note != entity.note)
    return note
