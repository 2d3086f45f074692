"""JSON lines for Prodigy and spaCy: https://prodi.gy/docs/api-interfaces#ner.

Prodigy keeps keys that it does not know, so that a file says all that a Document holds:

- of a span: "id", "concept", "note", "role" and "fragments" ([start, end] of each);
- in "meta": "id", "genre", "source", "sections" ({"start", "end", "name"} of each) and
  "sentences" ([start, end] of each).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.span_records import written_records
from spacy_bioner.corpora.writing_log import PARTIAL, Feature, WriteLog

KEEPS = frozenset(Feature) - PARTIAL


def write_prodigy(
    documents: Iterable[Document], path: Path, *, log: WriteLog | None = None
) -> None:
    """Write one example a line: text, spans, tokens where there are any, and "meta".

    A mention that begins and ends with a token gets "token_start" and "token_end", the
    numbers of its first and its last token from 0, which Prodigy needs to show it.
    Recipes for mentions that overlap are those for spans (spans.manual), not for ner.
    """
    with path.open("x", encoding="utf-8", newline="\n") as file:
        for record in written_records(documents, _example, KEEPS, log):
            file.write(f"{record}\n")


def _example(document: Document) -> dict[str, Any]:
    tokens = document.tokens or ()
    firsts = {start: index for index, (start, _) in enumerate(tokens)}
    lasts = {end: index for index, (_, end) in enumerate(tokens)}
    example: dict[str, Any] = {
        "text": document.text,
        "spans": [_span(entity, firsts, lasts) for entity in document.entities],
    }
    if document.tokens is not None:
        example["tokens"] = _tokens(document)
    meta = _meta(document)
    return {**example, "meta": meta} if meta else example


def _span(entity: Entity, firsts: dict[int, int], lasts: dict[int, int]) -> dict[str, Any]:
    span: dict[str, Any] = {"start": entity.start, "end": entity.end, "label": entity.label}
    if entity.start in firsts and entity.end in lasts:
        span |= {"token_start": firsts[entity.start], "token_end": lasts[entity.end]}
    if entity.fragments:
        span["fragments"] = entity.fragments
    named = {"id": entity.id, "concept": entity.concept, "note": entity.note}
    return span | _filled({**named, "role": entity.role})


def _tokens(document: Document) -> list[dict[str, Any]]:
    text = document.text
    return [
        {
            "text": text[start:end],
            "start": start,
            "end": end,
            "id": index,
            "ws": text[end : end + 1] == " ",
        }
        for index, (start, end) in enumerate(document.tokens or ())
    ]


def _meta(document: Document) -> dict[str, Any]:
    meta: dict[str, Any] = {"id": document.id, "genre": document.genre}
    meta["source"] = document.source
    meta["sections"] = [
        {"start": section.start, "end": section.end, "name": section.name}
        for section in document.sections
    ]
    meta = _filled(meta)
    if document.sentences is not None:
        meta["sentences"] = document.sentences
    return meta


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}
