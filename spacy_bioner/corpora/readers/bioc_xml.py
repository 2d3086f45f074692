"""BioC XML, as BC5CDR, NLM-Chem and the PubMed Central services give it.

https://bioc.sourceforge.net/ (Comeau et al. 2013, doi 10.1093/database/bat064)

Repaired and noted in the log: locations that touch, which are joined; a text that
differs in white space only; a text that stands alone up to 2 characters beside its
location, which is moved there; white space around a type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers.expat import errors

from spacy_bioner.corpora.bioc import Record
from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.readers.bioc_record import read_record
from spacy_bioner.corpora.reading_log import FileLog, ReadLog
from spacy_bioner.corpora.text_lines import LineError, open_corpus
from spacy_bioner.errors import CorpusError

# What an element may hold more than once, and the lists that hold it in a record.
_LISTS = {
    "document": {"passage", "annotation", "relation"},
    "passage": {"sentence", "annotation", "relation"},
    "sentence": {"annotation", "relation"},
    "annotation": {"location"},
}
_ATTRIBUTES = {"annotation": {"id"}, "location": {"offset", "length"}, "relation": {"id"}}
_TEXTS = {"id", "offset", "text"}
_NUMBERS = {"offset", "length"}
_NUMBER = re.compile(r"\s*([0-9]{1,15})\s*")
_CUT = {
    errors.codes[code]
    for code in (
        errors.XML_ERROR_NO_ELEMENTS,
        errors.XML_ERROR_UNCLOSED_TOKEN,
        errors.XML_ERROR_PARTIAL_CHAR,
        errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
}
_INVALID = errors.codes[errors.XML_ERROR_INVALID_TOKEN]


def read_bioc_xml(path: Path | str, *, log: ReadLog | None = None) -> Iterator[Document]:
    """Yield the documents of a BioC collection in XML, in the encoding that it declares.

    Text: passages stand at their offsets, which count characters from the start of the
    document. A gap after a passage is filled with a line end and then blanks, any other
    gap with blanks. A passage without text is that of its sentences, gaps between
    them filled with blanks; a passage without sentences counts as one if others have any.
    Sections are the passages that have an infon "type" or, without it, "section_type".

    Annotations, of whatever level: the infon "type" is the label, "CompositeRole" the
    role, "note" the note, "identifier" the concept; without it, all infons whose key is
    in upper case are, as KEY:value (MESH:D003920; so too each part of D1|D2). Locations
    are the mention or its fragments; the annotation's text must be theirs.

    Infons "genre" and "source" of a document are its genre and source; the collection's
    source stands for one that is missing. The collection's date and key are not read; its
    infons, relations, other infons, unknown parts and what has no text are skipped and
    counted. Documents are parsed one by one; no DTD is fetched.

    Raises CorpusError for XML that is not well-formed, what lacks an id, a label or a
    location, passages that overlap, gaps of more than 1,000,000 characters in a
    document, locations that are empty, overlap or lie past the text, an annotation's text
    that differs; also if there is no document with text.
    """
    file_log = FileLog.open(Path(path), log)
    found = number = 0
    for number, (element, source) in enumerate(_documents(file_log), 1):
        try:
            record = _record(element)
        except LineError as error:
            id = element.findtext("id")
            name = f"document {number} of the file" if id is None else f"document {id!r}"
            raise file_log.error(f"{name}: {error}") from None
        document = read_record(record, number, source, file_log)
        if document is not None:
            found += 1
            yield document
    if not found:
        what = "no documents" if number == 0 else "no documents with text"
        raise file_log.error(f"{what}: the collection holds none. Check the path.")


def _documents(log: FileLog) -> Iterator[tuple[Element, str]]:
    """The <document> elements, each with the collection's source; each is freed thereafter."""
    root: Element | None = None
    depth, source = 0, ""
    for event, element in _events(log):
        if event == "start":
            depth += 1
            root = _root(element, log) if root is None else root
            continue
        depth -= 1
        if depth != 1 or root is None:
            continue
        if element.tag == "document":
            yield element, source
        elif element.tag == "source":
            source = element.text or ""
        elif element.tag not in ("date", "key"):
            what = "infons" if element.tag == "infon" else "unknown parts"
            which = element.get("key") if element.tag == "infon" else element.tag
            log.skip(f"{what} of collections", repr(which))
        root.clear()


def _root(element: Element, log: FileLog) -> Element:
    if element.tag != "collection":
        raise log.error(
            f"not BioC XML: the root element is <{element.tag}>, not <collection>. "
            "Check the format."
        )
    return element


def _events(log: FileLog) -> Iterator[tuple[str, Element]]:
    """Starts and ends of elements. Raises CorpusError for what is not well-formed."""
    with open_corpus(log.path) as file:
        try:
            yield from ElementTree.iterparse(file, ("start", "end"))
        except ElementTree.ParseError as error:
            file.seek(0)
            if not file.read(1 << 16).strip():
                raise log.error("no documents: the file is empty. Check the path.") from None
            raise _xml_error(error, log) from None
        except (ValueError, LookupError) as error:
            what = f"the encoding that it declares cannot be read: {error}"
            raise log.error(f"{what}. Save the file as UTF-8.", 1) from None


def _xml_error(error: ElementTree.ParseError, log: FileLog) -> CorpusError:
    line, column = error.position
    what = f"{str(error).rsplit(': line', 1)[0]} at column {column + 1}"
    if error.code in _CUT:
        return log.error(
            f"invalid XML, and the file ends too early (half-written?): {what}. "
            "Fetch or write the file again.",
            line,
        )
    if error.code == _INVALID:
        what += " (a character that XML forbids, or that is not in the encoding declared)"
    return log.error(f"invalid XML: {what}. Correct it, or write the file again.", line)


def _record(element: Element) -> Record:
    """What BioC JSON would have for an element; infons as a tuple of pairs.

    Raises LineError for elements within a text, and for texts without an element.
    """
    infons = _infons(element)
    record: Record = {"infons": infons} if infons else {}
    for name, value in element.items():
        known = name in _ATTRIBUTES.get(element.tag, ())
        record[name if known else f"@{name}"] = _value(name, value)
    _check_white(element.text)
    for child in element:
        _check_white(child.tail)
        if child.tag in _LISTS.get(element.tag, ()):
            record.setdefault(f"{child.tag}s", []).append(_record(child))
        elif child.tag in record and child.tag in _TEXTS:
            raise LineError(f"<{child.tag}> stands twice in a <{element.tag}>. Keep one.")
        elif child.tag in _TEXTS:
            record[child.tag] = _value(child.tag, _content(child))
        elif child.tag != "infon":
            record[f"<{child.tag}>"] = ""
    return record


def _infons(element: Element) -> tuple[tuple[str, str], ...]:
    pairs = [(child.get("key"), _content(child)) for child in element.iterfind("infon")]
    if not all(key is not None for key, _ in pairs):
        raise LineError(f"an <infon> in a <{element.tag}> has no key. Add it.")
    return tuple((key or "", value) for key, value in pairs)


def _content(element: Element) -> str:
    if len(element):
        raise LineError(f"<{element.tag}> holds <{element[0].tag}>, not text alone. Correct it.")
    return element.text or ""


def _value(name: str, text: str) -> str | int:
    number = _NUMBER.fullmatch(text) if name in _NUMBERS else None
    return int(number[1]) if number else text


def _check_white(text: str | None) -> None:
    if text and not text.isspace():
        raise LineError(f"the text {text.strip()[:40]!r} stands in no <text>. Correct it.")


def fits_bioc_xml(path: Path, head: bytes) -> bool:
    """Whether the first element of the file is <collection>."""
    utf16 = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = head.decode("utf-16" if utf16 else "utf-8-sig", errors="replace").lstrip()
    first = re.search(r"<([^\s<>/?!]+)", text)
    return text.startswith("<") and first is not None and first[1] == "collection"
