"""BioC JSON (https://github.com/ncbi-nlp/BioC-JSON)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from spacy_bioner.corpora.bioc import KEEPS as KEEPS
from spacy_bioner.corpora.bioc import write_record
from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.writing_log import WriteLog

_HEAD = '{"source": "", "date": "", "key": "", "infons": {}, "documents": ['


def write_bioc_json(
    documents: Iterable[Document], path: Path, *, log: WriteLog | None = None
) -> None:
    """Write Documents, as they come, as one BioC collection in JSON, UTF-8, a line each.

    Sections become passages, sentences lie within these, if readers find all of a document
    again from these (see `spacy_bioner.corpora.bioc.write_record`); a concept is written as
    the infon "identifier". The log counts what is not kept.
    """
    log = log if log is not None else WriteLog()
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_HEAD)
        separator = "\n"
        for document in documents:
            file.write(separator)
            file.write(json.dumps(write_record(document, log), ensure_ascii=False))
            separator = ",\n"
        file.write("\n]}\n")
