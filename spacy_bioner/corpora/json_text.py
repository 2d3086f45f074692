"""JSON lines, and the items of one large JSON value, without holding all in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ijson

from spacy_bioner.corpora.text_lines import LineError, open_corpus, read_lines
from spacy_bioner.errors import CorpusError


def read_json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, object) for each line of a file that is not blank.

    UTF-8, with or without byte order mark. Raises CorpusError with the line for what
    is not one JSON object.
    """
    for number, line in read_lines(path):
        if not line.strip():
            continue
        try:
            yield number, parse_object(line)
        except LineError as error:
            raise CorpusError(str(error), path, number) from None


def parse_object(line: str) -> dict[str, Any]:
    """The JSON object that a line holds. Raises LineError for anything else."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        if not line.endswith("\n"):
            raise LineError(
                "invalid JSON, and the file ends within the line (half-written?). "
                "Fetch or write the file again."
            ) from None
        what = str(error)
        if isinstance(error, json.JSONDecodeError):
            what = f"{error.msg} at column {error.colno}"
        raise LineError(f"invalid JSON: {what}. Each line must be one object.") from None
    if not isinstance(record, dict):
        raise LineError("not a JSON object. Each line must be one object, {...}.")
    return record


def read_json_items(path: Path, prefix: str) -> Iterator[Any]:
    """Yield the items of a list within a JSON file, one after the other.

    prefix: where the list's items are, in ijson's notation: "item" for a file that is
    a list, "documents.item" for {"documents": [...]}. UTF-8, with or without byte order
    mark. Raises CorpusError for what is not JSON, is nested more than 200 deep, or ends
    too early.
    """
    with open_corpus(path) as file:
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        items = ijson.items(_not_too_deep(ijson.parse(file, use_float=True)), prefix)
        while True:
            try:
                item = next(items, _END)
            except (ijson.JSONError, ValueError, RecursionError) as error:
                raise _json_error(path, error) from None
            if item is _END:
                return
            yield item


_END = object()
_DEEPEST = 200


def _not_too_deep(events: Iterator[Any]) -> Iterator[Any]:
    """The parser's events, as they are. Raises ValueError before nesting eats the memory."""
    depth = 0
    for event in events:
        kind = event[1]
        depth += (kind in ("start_map", "start_array")) - (kind in ("end_map", "end_array"))
        if depth > _DEEPEST:
            raise ValueError(f"nested more than {_DEEPEST} deep")
        yield event


def _json_error(path: Path, error: Exception) -> CorpusError:
    said = str(error).split("\\n")[0].split("\n")[0].removeprefix("b'")
    what, fix = "invalid JSON", "Correct the file."
    if "EOF" in said or "Incomplete" in said:
        what = "invalid JSON, and the file ends too early (half-written?)"
        fix = "Fetch or write the file again."
    elif "trailing garbage" in said:
        what = "more than one JSON value (JSON lines?), which is not read in this format"
        fix = "Name its format with --format, or write one value."
    return CorpusError(f"{what}: {said.rstrip('.')}. {fix}", path)


_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(  # a pair, a half as group 1, or any other escape
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
_LONGEST_ESCAPE = 12  # bytes: a pair
_BLOCK = 1 << 16


def check_surrogates(path: Path) -> None:
    """Raise CorpusError if a JSON file holds an escaped half of a surrogate pair.

    `json` gives such a half as it is, for `check_encodable` to find; ijson makes another
    character of it, so that files that it reads are searched before.
    """
    with open_corpus(path) as file:
        buffer, offset = b"", 0
        while block := file.read(_BLOCK):
            buffer += block
            end = _check_until(len(buffer) - _LONGEST_ESCAPE, buffer, offset, path)
            offset += end
            buffer = buffer[end:]
    _check_until(len(buffer), buffer, offset, path)


def _check_until(limit: int, buffer: bytes, offset: int, path: Path) -> int:
    """Look at the escapes that begin before the limit; return where to go on: at no byte
    within an escape, as the buffer itself, which stands at `offset` in the file, begins."""
    end = max(limit, 0)
    if not _HALF.search(buffer):
        return end - (end - len(buffer[:end].rstrip(b"\\"))) % 2
    for escape in _ESCAPE.finditer(buffer):
        if escape.start() >= limit:
            break
        if escape[1]:
            what = f"half a surrogate pair, {escape[1].decode('ascii')}"
            at = offset + escape.start()
            raise CorpusError(f"{what}, at byte offset {at}. Replace it.", path)
        end = max(end, escape.end())
    return end


def check_encodable(text: str) -> None:
    """Raise LineError if a text holds half a surrogate pair, which no file can hold."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise LineError(f"half a surrogate pair, U+{code:04X}. Replace it.") from None


def is_offset(value: Any) -> bool:
    """Whether a JSON value is a whole number that is not negative."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
