"""JSON lines of doccano, sequence labelling: https://doccano.github.io/doccano/.

The form with entities and relations: https://github.com/doccano/doccano/pull/1703.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.json_text import read_json_lines
from spacy_bioner.corpora.reading_log import FileLog, ReadLog
from spacy_bioner.corpora.span_records import (
    first_record,
    in_order,
    label_of,
    list_of,
    name_of,
    object_of,
    skip_each,
    skip_keys,
    span_of,
    string_of,
    text_of,
)
from spacy_bioner.corpora.text_lines import LineError

_ANNOTATION_KEYS = ("label", "labels", "entities")
_READ_KEYS = frozenset({"id", "text", *_ANNOTATION_KEYS, "relations", "Comments"})
_MENTION_KEYS = frozenset({"id", "label", "start_offset", "end_offset"})


def read_doccano(path: Path | str, *, log: ReadLog | None = None) -> Iterator[Document]:
    """Yield the texts of a doccano file, UTF-8 with or without byte order mark.

    Each line is an object with a text ("text", in older files "data") and its mentions,
    under just one of "label", "labels" and "entities": a list, empty for a text without
    mentions, of [start, end, label] or {"start_offset", "end_offset", "label", "id"}.
    Offsets are in characters; doccano's option to count grapheme clusters instead
    cannot be seen in a file, and must be off. "id", "genre" and "source" are read where
    they are there; a text without an id is named by its number, `<stem of the file>-<n>`.

    Relations, comments, other keys of a text (what doccano calls metadata) and other
    keys of a mention are counted in the log as skipped.

    Raises CorpusError with the line for broken JSON, a missing key, a value of a wrong
    type, and offsets that do not lie in the text; also if there is no text at all.
    """
    path = Path(path)
    file_log = FileLog.open(path, log)
    n = 0
    for n, (line, record) in enumerate(read_json_lines(path), 1):
        try:
            document = _document(record, f"{path.stem}-{n}", file_log)
        except LineError as error:
            raise file_log.error(str(error), line) from None
        yield document
    if n == 0:
        raise file_log.error("no documents: the file is empty. Check the path.")


def _document(record: dict[str, Any], name: str, log: FileLog) -> Document:
    text_key = "data" if "data" in record and "text" not in record else "text"
    text = text_of(record, text_key)
    id = name_of(record.get("id"), "id") or name
    named = {key for key in ("genre", "source") if isinstance(record.get(key), str)}
    fields: dict[str, Any] = {key: string_of(record[key], key) for key in named}
    skip_each(log, "relations", record.get("relations"), id)
    skip_each(log, "comments", record.get("Comments"), id)
    skip_keys(log, "metadata keys", record, _READ_KEYS | named | {text_key}, id)
    return Document(
        text=text,
        entities=in_order(_entities(record, text, id, log)),
        id=id,
        **fields,
    )


def _entities(record: dict[str, Any], text: str, id: str, log: FileLog) -> Iterator[Entity]:
    keys = [key for key in _ANNOTATION_KEYS if key in record]
    if len(keys) != 1:
        raise LineError(
            "the mentions must stand under one of the keys 'label', 'labels' and 'entities', "
            f"but stand under {len(keys)} of them. Correct it."
        )
    if record[keys[0]] is None:
        raise LineError(f"{keys[0]!r} must be a list; for no mentions, an empty one. Correct it.")
    for number, entry in enumerate(list_of(record[keys[0]], keys[0]), 1):
        what = f"mention {number}"
        if isinstance(entry, list) and len(entry) == 3:
            start, end, label = entry
            mention_id = ""
        elif isinstance(entry, dict):
            start, end, label, mention_id = _fields(entry, what)
            skip_keys(log, "keys of mentions", entry, _MENTION_KEYS, id)
        else:
            raise LineError(
                f"{what} must be [start, end, label], or an object with offsets. "
                "Export a project for sequence labelling."
            )
        span = span_of(start, end, text, what)
        yield Entity(*span, label_of(label, what), id=mention_id)


def _fields(entry: dict[str, Any], what: str) -> tuple[Any, Any, Any, str]:
    missing = {"start_offset", "end_offset", "label"} - object_of(entry, what).keys()
    if missing:
        raise LineError(f"{what} has no {min(missing)!r}. Correct it.")
    id = name_of(entry.get("id"), f"id of {what}")
    return entry["start_offset"], entry["end_offset"], entry["label"], id


_TEXT = re.compile(rb'[{,]\s*"(text|data)"\s*:\s*"')
_MENTIONS = re.compile(rb'[{,]\s*"(label|labels|entities)"\s*:\s*\[\s*[\[{\]]')


def fits_doccano(path: Path, head: bytes) -> bool:
    """Whether the first line is an object with a text and one of the lists of mentions."""
    record = first_record(head)
    return record.startswith(b"{") and bool(_TEXT.search(record) and _MENTIONS.search(record))
