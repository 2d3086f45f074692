"""What the JSON formats of annotation tools share: records of a text, and spans over it.

What the checks raise is a LineError, which readers raise on as CorpusError with
the place in the file. A text may hold any character that JSON can say, NUL included,
but not half a surrogate pair, and may not be empty.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.json_text import check_encodable, is_offset
from spacy_bioner.corpora.reading_log import FileLog
from spacy_bioner.corpora.text_lines import LineError
from spacy_bioner.corpora.writing_log import Feature, WriteLog
from spacy_bioner.errors import ConfigError

_SHOWN = 80  # as many characters of a text are shown in a message


def text_of(record: dict[str, Any], key: str) -> str:
    """The text of a record: a string that is not empty."""
    if key not in record:
        raise LineError(f"missing key {key!r}. Is the file in another format?")
    text = string_of(record[key], key)
    if not text:
        raise LineError(f"{key!r} must be a string that is not empty. Remove the record.")
    return text


def string_of(value: Any, key: str) -> str:
    """A string; "" for null, and where the key is missing."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise LineError(f"{key!r} must be a string. Correct it.")
    check_encodable(value)
    return value


def name_of(value: Any, key: str) -> str:
    """An id: a string, or a whole number as a string; "" where there is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is not None and not isinstance(value, str):
        raise LineError(f"{key!r} must be a string or a whole number. Correct it.")
    return string_of(value, key)


def list_of(value: Any, key: str) -> list[Any]:
    """A list; [] for null, and where the key is missing."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise LineError(f"{key!r} must be a list. Correct it.")
    return value


def object_of(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise LineError(f"{what} must be an object, {{...}}. Correct it.")
    return value


def label_of(value: Any, what: str) -> str:
    """The type of the mention that `what` names."""
    if not isinstance(value, str) or not value.strip():
        raise LineError(f"{what} has no label. Give it one, or remove it.")
    check_encodable(value)
    return value


def offsets_of(start: Any, end: Any, what: str) -> tuple[int, int]:
    """Offsets, not yet compared with each other or with the text."""
    if not is_offset(start) or not is_offset(end):
        raise LineError(f"the start and end of {what} must be whole numbers from 0. Correct them.")
    return start, end


def span_of(start: Any, end: Any, text: str, what: str) -> tuple[int, int]:
    """Offsets, in characters, that hold at least one character of the text."""
    start, end = offsets_of(start, end, what)
    if start >= end:
        raise LineError(f"{what} is empty: {start}-{end}. Correct its offsets, or remove it.")
    if end > len(text):
        raise LineError(
            f"{what}, {start}-{end}, ends past the text of {len(text)} characters. "
            "Correct its offsets."
        )
    return start, end


def pairs_of(value: Any, text: str, what: str) -> tuple[tuple[int, int], ...]:
    """The spans of a list of [start, end], in order; they may touch, but not overlap.

    what: what each is, in the singular.
    """
    spans = []
    end = 0
    for number, pair in enumerate(list_of(value, f"{what}s"), 1):
        if not isinstance(pair, list) or len(pair) != 2:
            raise LineError(f"{what} {number} must be [start, end]. Correct it.")
        span = span_of(pair[0], pair[1], text, f"{what} {number}")
        check_order(span, end, f"{what} {number}")
        spans.append(span)
        end = span[1]
    return tuple(spans)


def check_order(span: tuple[int, int], previous_end: int, what: str) -> None:
    if span[0] < previous_end:
        raise LineError(
            f"{what}, {span[0]}-{span[1]}, begins before the end of the one before it, "
            f"{previous_end}. Put them in order and apart."
        )


def check_repeated_text(
    found: Any, text: str, span: tuple[int, int], what: str, line: int | None, log: FileLog
) -> None:
    """Compare the text that a record gives for a span with what stands there.

    Where they differ in white space only, the text that stands there counts, and this
    is noted as a repair.
    """
    there = text[span[0] : span[1]]
    if found == there:
        return
    if not isinstance(found, str):
        raise LineError(f"the text of {what} must be a string. Correct it.")
    if not same_but_blanks(found, there):
        raise LineError(
            f"the text of {what} is {shown(found)}, but {shown(there)} stands at "
            f"{span[0]}-{span[1]}. Correct one of them."
        )
    log.repair(line, found, there, f"the text of {what} differs in white space")


def same_but_blanks(found: str, there: str) -> bool:
    r"""Whether two texts differ in white space only; a backslash and n count as \n.

    Label Studio writes line ends so (captureSelection in its selection-tools.js).
    """
    first, second = ("".join(t.replace("\\n", "\n").split()) for t in (found, there))
    return first == second


def characters_by_utf16(text: str) -> dict[int, int]:
    """For offsets in UTF-16 units, as JavaScript counts, the offsets in characters.

    An offset within a surrogate pair is not among them.
    """
    offsets = {}
    position = 0
    for index, character in enumerate(text):
        offsets[position] = index
        position += 2 if character > "\uffff" else 1
    return {**offsets, position: len(text)}


def shown(text: str) -> str:
    """A text for a message, on one line and not too long."""
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")


def skip_each(log: FileLog, what: str, value: Any, id: str) -> None:
    """Count the entries of a list as passed over, or one thing that is no list."""
    for _ in value if isinstance(value, list) else [value] * holds_something(value):
        log.skip(what, f"in document {id!r}")


def skip_keys(
    log: FileLog, what: str, record: dict[str, Any], known: frozenset[str], id: str
) -> None:
    """Count the keys with a value that are not known as passed over."""
    for key, value in record.items():
        if key not in known and holds_something(value):
            log.skip(what, f"{shown(key)} in document {id!r}")


def holds_something(value: Any) -> bool:
    return value is not None and value != "" and value != [] and value != {}


def in_order(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    return tuple(sorted(entities, key=lambda entity: (entity.start, entity.end)))


def first_record(head: bytes) -> bytes:
    """The first line of a file that is not blank, or as much as there is of it."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]


def written_records(
    documents: Iterable[Document],
    as_record: Callable[[Document], dict[str, Any]],
    keeps: frozenset[Feature],
    log: WriteLog | None,
) -> Iterator[str]:
    """Each document as JSON, on one line without its end; losses are counted.

    A document without text is left out, and counted. Raises ConfigError for a mention
    without a type, and for half a surrogate pair.
    """
    log = log if log is not None else WriteLog()
    for document in documents:
        if not document.text:
            log.lose("documents without text not written", document.id)
            continue
        log.compare(document, keeps)
        record = json.dumps(as_record(document), ensure_ascii=False)
        try:
            for number, entity in enumerate(document.entities, 1):
                label_of(entity.label, f"mention {number}")
            check_encodable(record)
        except LineError as error:
            raise ConfigError(f"document {document.id!r}: {error}") from None
        yield record
