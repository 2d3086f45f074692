"""PubTator: title, abstract, and a line for each mention, in blocks of plain text.

https://www.ncbi.nlm.nih.gov/research/pubtator/, and the description of the BioCreative V
CDR corpus, https://doi.org/10.1093/database/baw068
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from spacy_bioner.corpora.document import Document, Entity, Section
from spacy_bioner.corpora.mention_text import check_mention_text, check_offsets
from spacy_bioner.corpora.reading_log import FileLog, ReadLog
from spacy_bioner.corpora.text_lines import LineError, read_lines

_Line = tuple[int, str]

_TEXT = re.compile(r"([^|\t]+)\|([ta])\|(.*)")
_NUMBER = re.compile(r"[+-]?[0-9]+")
_OFFSET = re.compile(r"[0-9]{1,18}")
_HEAD = re.compile(rb"(?:\xef\xbb\xbf)?\s*[^|\t\r\n]{1,200}\|t\|")


def read_pubtator(path: Path | str, *, log: ReadLog | None = None) -> Iterator[Document]:
    """Yield the documents of a PubTator file, UTF-8, LF or CRLF.

    A document is a line `ID|t|title`, perhaps `ID|a|abstract`, then lines in columns parted
    by tabs: mentions (`ID start end text type`, then perhaps concept and the parts of
    a composite mention) and relations (`ID type concept concept`, perhaps one more), which
    have no number in their second column. It ends with a blank line; where that is missing,
    with the title of another document.

    The text is the title, a line feed, and the abstract; the title alone where the
    abstract is empty. Both are taken with all their blanks, since offsets count them,
    and are the sections "title" and "abstract". Blanks around a concept are stripped; "-"
    stands for none, while "-1", by which some corpora mean an unknown one, stays. A
    mention with a seventh column has the role "composite", and the column as its note.
    Relations are counted in the log as skipped.

    Repaired and noted in the log: a mention's text that differs from that at its offsets
    in white space only, and white space around a type.

    Raises CorpusError with the line for a block without title or without any text, a line
    of another document in it, a line that is none of these, offsets outside of the text,
    and a mention's text that is not that at its offsets; also if there is no document at all.
    """
    path = Path(path)
    file_log = FileLog.open(path, log)
    empty = True
    for block in _blocks(path):
        empty = False
        yield _document(block, file_log)
    if empty:
        raise file_log.error("no documents: the file is empty. Check the path.")


def _blocks(path: Path) -> Iterator[list[_Line]]:
    """The lines of each document, with their numbers."""
    block: list[_Line] = []
    for number, line in read_lines(path):
        blank = not line.strip()
        if block and (blank or _is_title_of_another(line, block[0][1])):
            yield block
            block = []
        if not blank:
            block.append((number, line))
    if block:
        yield block


def _is_title_of_another(line: str, first: str) -> bool:
    match, title = _TEXT.match(line), _TEXT.match(first)
    return bool(match and match[2] == "t" and title and match[1] != title[1])


def _document(block: Sequence[_Line], log: FileLog) -> Document:
    number, line = block[0]
    try:
        id, title = _title(_body(line))
        rest = block[1:]
        abstract = _abstract(_body(rest[0][1]), id) if rest else None
        text = f"{title}\n{abstract}" if abstract else title
        if not text:
            raise LineError(f"document {id!r} has no text. Remove its lines.")
        entities = []
        for number, line in rest if abstract is None else rest[1:]:
            if entity := _mention(number, _body(line).split("\t"), id, text, log):
                entities.append(entity)
    except LineError as error:
        cut = "" if line.endswith("\n") else " The file ends within this line (half-written?)."
        raise log.error(f"{error}{cut}", number) from None
    entities.sort(key=lambda entity: (entity.start, entity.end))
    return Document(text, tuple(entities), id, sections=_sections(title, abstract or ""))


def _body(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r")


def _title(line: str) -> tuple[str, str]:
    match = _TEXT.fullmatch(line)
    if match is None or match[2] != "t":
        raise LineError(
            "a block begins with its title, ID|t|title. Add it, or remove the blank line "
            "before this one."
        )
    return match[1], match[3]


def _abstract(line: str, id: str) -> str | None:
    """The abstract, or None if this is another line."""
    match = _TEXT.fullmatch(line)
    if match is None or match[1] != id or match[2] != "a":
        return None
    return match[3]


def _sections(title: str, abstract: str) -> tuple[Section, ...]:
    start, end = len(title) + 1, len(title) + 1 + len(abstract)
    sections = (Section(0, len(title), "title"), Section(start, end, "abstract"))
    return tuple(section for section in sections if section.start < section.end)


def _mention(number: int, columns: list[str], id: str, text: str, log: FileLog) -> Entity | None:
    """The mention that a line holds; None for a relation, which is counted."""
    if len(columns) not in (4, 5, 6, 7):
        raise LineError(
            f"not a line of document {id!r}: after its title and abstract come mentions, of 5 to 7 "
            "columns parted by tabs, and relations, of 4 or 5. Correct it."
        )
    if columns[0] != id:
        raise LineError(f"a line of document {columns[0]!r} among those of {id!r}. Move it.")
    if len(columns) < 6 and not _NUMBER.fullmatch(columns[1]):
        log.skip("relations", f"{' '.join(columns[1:])} in document {id!r}")
        return None
    if len(columns) < 5 or not all(map(_OFFSET.fullmatch, columns[1:3])):
        raise LineError(
            "not a mention, which is ID, start, end, text, type, ..., parted by tabs. Correct it."
        )
    start, end = int(columns[1]), int(columns[2])
    check_offsets([(start, end)], text)
    check_mention_text(columns[3], [(start, end)], text, number, log)
    label = _label(number, columns[4], log)
    concept, note = (column.strip() for column in [*columns[5:], "", ""][:2])
    concept = "" if concept == "-" else concept
    return Entity(start, end, label, concept=concept, note=note, role="composite" if note else "")


def _label(number: int, found: str, log: FileLog) -> str:
    label = found.strip()
    if not label:
        raise LineError("a mention without type. Give it one, in the fifth column.")
    if label != found:
        log.repair(number, found, label, "white space around a type")
    return label


def fits_pubtator(path: Path, head: bytes) -> bool:
    """Whether the first line that is not blank begins as a title, ID|t|."""
    return _HEAD.match(head) is not None
