"""Lines of a text file, with what readers need to name a place in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from spacy_bioner.errors import CorpusError

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class LineError(ValueError):
    """What is wrong with one line. Readers raise it on as CorpusError with path and line."""


def open_corpus(path: Path) -> BinaryIO:
    """Open a file to read its bytes. Raises CorpusError if that is not possible."""
    try:
        return path.open("rb")
    except OSError as error:
        raise CorpusError(f"cannot be read: {error.strerror}. Check the path.", path) from None
    except ValueError as error:
        raise CorpusError(f"cannot be read: {error}. Check the path.", path) from None


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Yield (line number from 1, line with its end), lines ending at \n only.

    UTF-8, with or without a byte order mark. Raises CorpusError if the file cannot
    be opened, or at the line that is not UTF-8.
    """
    with open_corpus(path) as file:
        for number, raw in enumerate(file, 1):
            try:
                line = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                offset = file.tell() - len(raw) + error.start
                raise _encoding_error(path, number, raw, error, offset) from None
            yield number, line.removeprefix("\ufeff") if number == 1 else line


def _encoding_error(
    path: Path, number: int, raw: bytes, error: UnicodeDecodeError, offset: int
) -> CorpusError:
    what = f"not UTF-8: byte 0x{raw[error.start]:02x} at byte offset {offset}"
    if number == 1 and raw.startswith(_UTF16_MARKS):
        return CorpusError(f"{what} (it looks like UTF-16). Save it as UTF-8.", path, number)
    if error.reason == "unexpected end of data" and not raw.endswith(b"\n"):
        return CorpusError(
            f"{what}, where the file ends within a character (half-written?). "
            "Fetch or write it again.",
            path,
            number,
        )
    return CorpusError(f"{what}. Save the file as UTF-8.", path, number)
