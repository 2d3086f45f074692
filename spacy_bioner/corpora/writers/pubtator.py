"""Documents as PubTator: title, abstract, and a line for each mention.

https://www.ncbi.nlm.nih.gov/research/pubtator/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from spacy_bioner.corpora.document import Document, Entity, Section
from spacy_bioner.corpora.json_text import check_encodable
from spacy_bioner.corpora.mention_text import on_one_line
from spacy_bioner.corpora.text_lines import LineError
from spacy_bioner.corpora.writing_log import Feature, WriteLog
from spacy_bioner.errors import ConfigError

# Sections and roles within the limits that `write_pubtator` names; beyond them they are
# counted here, as are notes, which only composite mentions keep.
KEEPS = frozenset({Feature.OVERLAPS, Feature.CONCEPTS, Feature.SECTIONS, Feature.ROLES})


def write_pubtator(
    documents: Iterable[Document], path: Path, *, log: WriteLog | None = None
) -> None:
    """Write a block for each document, with a blank line after it.

    Title and abstract are parted where the sections "title" and "abstract" say so, if they
    are all there are and leave out nothing but white space between and after them; else at the
    first line break, if text follows it. A text without one is all title. Offsets stay what
    they are. An id that is empty becomes the document's number. A mention without concept
    has "-" in its place.

    Kept are the sections title and abstract, concepts, and composite mentions with a note,
    which names their parts. Counted in the log, beside what PubTator does not know: other
    sections; roles and notes of other mentions; line breaks written as blanks; another
    blank between title and abstract written as a line break; tabs, line breaks and
    outer blanks in types, concepts and notes; documents without text, which are left out.

    Raises ConfigError for an id with "|", a tab, a line break or a byte order mark in it, a
    mention without type, and half a surrogate pair.
    """
    log = log if log is not None else WriteLog()
    with path.open("x", encoding="utf-8", newline="\n") as file:
        for document in _named(documents):
            if not document.text:
                log.lose("documents without text not written", document.id)
                continue
            block = "".join(f"{line}\n" for line in _lines(document, log))
            _count_losses(document, log)
            try:
                check_encodable(block)
            except LineError as error:
                raise ConfigError(f"document {document.id!r}: {error}") from None
            file.write(f"{block}\n")


def _named(documents: Iterable[Document]) -> Iterator[Document]:
    """The documents, those without id with their number for one."""
    numbers = set[str]()
    for number, document in enumerate(documents, 1):
        if document.id in numbers:
            raise ConfigError(
                f"the document id {document.id!r} is the number of one without id. Give each "
                "document an id."
            )
        if document.id:
            yield document
        else:
            numbers.add(str(number))
            yield replace(document, id=str(number))


def _lines(document: Document, log: WriteLog) -> Iterator[str]:
    id = document.id
    if any(c in id for c in "|\t\r\n\ufeff"):
        raise ConfigError(
            f"document {id!r}: PubTator allows no '|', tab, line break or byte order mark "
            "in an id. Give it another."
        )
    at = _end_of_title(document)
    title, abstract = document.text[:at], document.text[at + 1 :]
    yield f"{id}|t|{_without_breaks(title)}"
    yield f"{id}|a|{_without_breaks(abstract)}"
    text = f"{title}\n{abstract}"
    for entity in document.entities:
        yield "\t".join([id, *_columns(entity, text, id, log)])


def _without_breaks(text: str) -> str:
    return text.replace("\n", " ").replace("\r", " ")


def _end_of_title(document: Document) -> int:
    """Where the one character between title and abstract is; len(text) without abstract."""
    text, end = document.text, len(document.text)
    match document.sections:
        case (Section(0, stop, "title"),) if stop == end:
            return end
        case (Section(0, at, "title"), Section(start, stop, "abstract")):
            if start < stop and text[at:start].isspace() and not text[stop:].strip():
                return start - 1
    at = text.find("\n")
    return at if 0 <= at < end - 1 else end


def _columns(entity: Entity, text: str, id: str, log: WriteLog) -> list[str]:
    label = _field(entity.label, id, log)
    if not label:
        raise ConfigError(
            f"document {id!r}: the mention at {entity.start} to {entity.end} has no type. "
            "Give it one."
        )
    mention = on_one_line(text[entity.start : entity.end])
    columns = [str(entity.start), str(entity.end), mention, label]
    # never left out: a line of five columns is a relation to many programs
    concept = _field(entity.concept, id, log) or "-"
    if _names_its_parts(entity):
        return [*columns, concept, _field(entity.note, id, log)]
    return [*columns, concept]


def _field(value: str, id: str, log: WriteLog) -> str:
    field = on_one_line(value).strip()
    log.lose("tabs, line breaks and outer blanks in columns", id, field != value)
    return field


def _names_its_parts(entity: Entity) -> bool:
    return entity.role == "composite" and bool(entity.note.strip())


def _count_losses(document: Document, log: WriteLog) -> None:
    id, text, at = document.id, document.text, _end_of_title(document)
    log.compare(document, KEEPS | {Feature.NOTES})
    kept = {Section(0, at, "title"), Section(at + 1, len(text), "abstract")}
    sections = sum(section not in kept for section in document.sections)
    log.lose(f"{Feature.SECTIONS} not kept", id, sections)
    others = [entity for entity in document.entities if not _names_its_parts(entity)]
    log.lose(f"{Feature.ROLES} not kept", id, sum(bool(e.role) for e in others))
    log.lose(f"{Feature.NOTES} not kept", id, sum(bool(e.note) for e in others))
    breaks = sum(c in "\r\n" for c in text[:at] + text[at + 1 :])
    log.lose("line breaks written as blanks", id, breaks)
    changed = text[at : at + 1] not in ("", "\n")
    log.lose("blanks between title and abstract written as line breaks", id, changed)
