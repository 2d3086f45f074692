"""JSON lines for doccano, sequence labelling: https://doccano.github.io/doccano/."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.span_records import written_records
from spacy_bioner.corpora.writing_log import Feature, WriteLog

KEEPS = frozenset({Feature.OVERLAPS, Feature.GENRE, Feature.SOURCE})


def write_doccano(
    documents: Iterable[Document], path: Path, *, log: WriteLog | None = None
) -> None:
    """Write one object a line: id, text and "label", a list of [start, end, label].

    Genre and source become keys of their own, which doccano imports as metadata. To see
    mentions that overlap, doccano's project must allow overlapping spans.
    """
    with path.open("x", encoding="utf-8", newline="\n") as file:
        for record in written_records(documents, _record, KEEPS, log):
            file.write(f"{record}\n")


def _record(document: Document) -> dict[str, Any]:
    named = {"genre": document.genre, "source": document.source}
    return {
        **({"id": document.id} if document.id else {}),
        "text": document.text,
        "label": [[entity.start, entity.end, entity.label] for entity in document.entities],
        **{key: value for key, value in named.items() if value},
    }
