"""BioC XML (https://bioc.sourceforge.net/)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from spacy_bioner.corpora.bioc import KEEPS as KEEPS
from spacy_bioner.corpora.bioc import Record, write_record
from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.writing_log import WriteLog

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE collection SYSTEM "BioC.dtd">
<collection>
<source></source>
<date></date>
<key></key>
"""
_TAIL = "</collection>\n"
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A parser would read a bare \r as \n, and in attributes white space as a blank.
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE = {**_TEXT, ord('"'): "&quot;", ord("\t"): "&#9;", ord("\n"): "&#10;"}


def write_bioc_xml(
    documents: Iterable[Document], path: Path, *, log: WriteLog | None = None
) -> None:
    """Write Documents, as they come, as one BioC collection in XML, UTF-8.

    Sections become passages, sentences <sentence> elements, if readers find all of a
    document again from these (see `spacy_bioner.corpora.bioc.write_record`); a concept is
    written as the infon "identifier". Characters that XML 1.0 forbids are written as blanks.
    The log counts what is not kept.
    """
    log = log if log is not None else WriteLog()
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_HEAD)
        for document in documents:
            file.write(_printed(document, log))
        file.write(_TAIL)


def _printed(document: Document, log: WriteLog) -> str:
    text, in_text = _FORBIDDEN.subn(" ", document.text)
    record = write_record(replace(document, text=text) if in_text else document, log)
    printed, elsewhere = _FORBIDDEN.subn(" ", "\n".join(_document(record)))
    what = "characters that XML forbids, written as blanks"
    log.lose(what, document.id, in_text + elsewhere)
    return f"{printed}\n"


def _document(record: Record) -> Iterator[str]:
    yield "<document>"
    yield _element("id", record["id"])
    yield from _infons(record)
    for passage in record["passages"]:
        yield from _block("passage", passage)
    yield "</document>"


def _block(tag: str, record: Record) -> Iterator[str]:
    yield f"<{tag}>"
    yield from _infons(record)
    yield _element("offset", str(record["offset"]))
    if "text" in record:
        yield _element("text", record["text"])
    for sentence in record.get("sentences", ()):
        yield from _block("sentence", sentence)
    for annotation in record["annotations"]:
        yield from _annotation(annotation)
    yield f"</{tag}>"


def _annotation(record: Record) -> Iterator[str]:
    yield f'<annotation id="{record["id"].translate(_ATTRIBUTE)}">'
    yield from _infons(record)
    for location in record["locations"]:
        yield f'<location offset="{location["offset"]}" length="{location["length"]}"/>'
    yield _element("text", record["text"])
    yield "</annotation>"


def _infons(record: Record) -> Iterator[str]:
    for key, value in record["infons"].items():
        yield f'<infon key="{key}">{value.translate(_TEXT)}</infon>'


def _element(tag: str, text: str) -> str:
    return f"<{tag}>{text.translate(_TEXT)}</{tag}>"
