"""Label Studio's JSON of annotated tasks: https://labelstud.io/guide/task_format.html."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.span_records import written_records
from spacy_bioner.corpora.writing_log import Feature, WriteLog

KEEPS = frozenset({Feature.OVERLAPS, Feature.GENRE, Feature.SOURCE, Feature.IDS, Feature.NOTES})


def write_label_studio(
    documents: Iterable[Document], path: Path, *, log: WriteLog | None = None
) -> None:
    """Write a list of tasks, one a line, each with one annotation, for import.

    They fit a labelling interface with `<Labels name="label" toName="text">` and
    `<Text name="text" value="$text"/>`. Offsets count characters. Id, genre and source
    are in "data": "completed_by" would have to be a user of the project imported to.
    """
    with path.open("x", encoding="utf-8", newline="\n") as file:
        separator = "[\n"
        for record in written_records(documents, _task, KEEPS, log):
            file.write(f"{separator}{record}")
            separator = ",\n"
        file.write("[]\n" if separator == "[\n" else "\n]\n")


def _task(document: Document) -> dict[str, Any]:
    named = {"id": document.id, "genre": document.genre, "source": document.source}
    data = {"text": document.text, **{key: value for key, value in named.items() if value}}
    results = [_result(entity, document.text) for entity in document.entities]
    return {"data": data, "annotations": [{"result": results}]}


def _result(entity: Entity, text: str) -> dict[str, Any]:
    value = {
        "start": entity.start,
        "end": entity.end,
        "text": text[entity.start : entity.end],
        "labels": [entity.label],
    }
    result = {"from_name": "label", "to_name": "text", "type": "labels", "value": value}
    id = {"id": entity.id} if entity.id else {}
    meta = {"meta": {"text": [entity.note]}} if entity.note else {}
    return {**id, **result, **meta}
