"""BioC JSON: the records of BioC as objects.

https://github.com/ncbi-nlp/BioC-JSON
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spacy_bioner.corpora.bioc import name_of
from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.json_text import check_surrogates, read_json_items
from spacy_bioner.corpora.readers.bioc_record import read_record
from spacy_bioner.corpora.reading_log import FileLog, ReadLog
from spacy_bioner.corpora.text_lines import LineError

_KEYS = re.compile(rb'"(?:documents|passages)"\s*:\s*\[\s*(?:[{\]]|$)')


def read_bioc_json(path: Path | str, *, log: ReadLog | None = None) -> Iterator[Document]:
    """Yield the documents of a BioC collection in JSON, {"documents": [...]}, in UTF-8.

    Read by the same rules as BioC XML (see `read_bioc_xml`). Ids and the values of infons
    may be whole numbers; a value null is none. Lists of collections, single documents and
    JSON lines are other layouts, and are not read.

    Raises CorpusError as `read_bioc_xml` does, and for values of a wrong type.
    """
    file_log = FileLog.open(Path(path), log)
    check_surrogates(file_log.path)
    source = _source(file_log)
    found = number = 0
    for number, record in enumerate(read_json_items(file_log.path, "documents.item"), 1):
        document = read_record(record, number, source, file_log)
        if document is not None:
            found += 1
            yield document
    if number == 0:
        raise file_log.error(
            'no documents: the file must be one object, {"documents": [...]}; a list of '
            "collections, or a document by itself, is not read. Write it in that form."
        )
    if not found:
        raise file_log.error("no documents with text: the collection holds none. Check the path.")


def _source(log: FileLog) -> str:
    """The collection's source; its infons are counted as skipped."""
    infons = _of_collection(log, "infons")
    for key in infons if isinstance(infons, dict) else ():
        log.skip("infons of collections", repr(key))
    source = _of_collection(log, "source")
    try:
        return "" if source is None else name_of(source, "the source of the collection")
    except LineError as error:
        raise log.error(str(error)) from None


def _of_collection(log: FileLog, key: str) -> Any:
    """A value of the collection. Read up to it, so that it may stand behind the documents."""
    return next(read_json_items(log.path, key), None)


def fits_bioc_json(path: Path, head: bytes) -> bool:
    """Whether the file begins as JSON with a list of documents or passages in it."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start[:1] in (b"{", b"[") and _KEYS.search(start) is not None
