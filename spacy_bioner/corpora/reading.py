"""Which of the registered formats a file has, judged by its first bytes."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

from spacy_bioner.corpora.tagged import parse_tag, split_line
from spacy_bioner.corpora.text_lines import LineError, open_corpus
from spacy_bioner.errors import CorpusError

HEAD_BYTES = 1 << 16
_TAGGED_LINES = 50
_TAGGED_SHARE = 0.5


def detect_format(path: Path | str) -> str:
    """Name of the reader for a file, from its content; its name plays no part.

    Raises CorpusError if the file cannot be opened, is empty, or fits no format.
    """
    path = Path(path)
    with open_corpus(path) as file:
        head = file.read(HEAD_BYTES)
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise CorpusError("no sentences: the file is empty. Check the path.", path)
    for name, fits in FORMAT_TESTS.items():
        if fits(head):
            return name
    raise CorpusError(
        f"fits none of the known formats ({', '.join(FORMAT_TESTS)}). "
        "Check that it is UTF-8, or name its format with --format.",
        path,
    )


def _is_docbin(head: bytes) -> bool:
    try:
        return bool(zlib.decompressobj().decompress(head, 1))
    except zlib.error:
        return False


def _is_healthner(head: bytes) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(b"{") and b'"sentence"' in start


def _is_character_tags(head: bytes) -> bool:
    """Whether half of the first lines are a token and a tag; wrong bytes do not matter."""
    lines = head.decode("utf-8-sig", errors="replace").split("\n")
    if len(head) == HEAD_BYTES:
        lines = lines[:-1]  # the last is cut off
    filled = [line for line in lines if line.strip(" \t\r")][:_TAGGED_LINES]
    return sum(map(_is_tagged, filled)) >= _TAGGED_SHARE * len(filled) > 0


def _is_tagged(line: str) -> bool:
    try:
        pair = split_line(line)
    except LineError:
        return False
    return pair is not None and parse_tag(pair[1]) is not None


FORMAT_TESTS: dict[str, Callable[[bytes], bool]] = {
    "spacy": _is_docbin,
    "healthner": _is_healthner,
    "character_tags": _is_character_tags,
}
