"""BioC JSON (https://github.com/ncbi-nlp/BioC-JSON)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from spacy_bioner.corpora.bioc import KEEPS as KEEPS
from spacy_bioner.corpora.bioc import write_record
from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.json_text import check_encodable
from spacy_bioner.corpora.text_lines import LineError
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError

_HEAD = '{"source": "", "date": "", "key": "", "infons": {}, "documents": ['


def write_bioc_json(
    documents: Iterable[Document], path: Path, *, log: WriteLog | None = None
) -> None:
    """Write Documents, as they come, as one BioC collection in JSON, UTF-8, a line each.

    Sections become passages, sentences lie within these, if readers find all of a document
    again from these (see `spacy_bioner.corpora.bioc.write_record`); a concept is written as
    the infon "identifier". The log counts what is not kept.

    Raises ConfigError for a mention without a type, and for half a surrogate pair.
    """
    log = log if log is not None else WriteLog()
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_HEAD)
        separator = "\n"
        for document in documents:
            record = json.dumps(write_record(document, log), ensure_ascii=False)
            try:
                check_encodable(record)
            except LineError as error:
                raise ConfigError(f"document {document.id!r}: {error}") from None
            file.write(f"{separator}{record}")
            separator = ",\n"
        file.write("\n]}\n")
