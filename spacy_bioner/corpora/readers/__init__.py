"""Readers, one a format, each from a file to Documents, and their register."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from spacy_bioner.corpora.detect import detect_format
from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.readers.character_tags import read_character_tags
from spacy_bioner.corpora.readers.healthner import read_healthner
from spacy_bioner.corpora.readers.spacy_docbin import read_spacy_docbin
from spacy_bioner.corpora.tagged import Repair
from spacy_bioner.errors import ConfigError

__all__ = [
    "READERS",
    "Reader",
    "read_character_tags",
    "read_corpus",
    "read_healthner",
    "read_spacy_docbin",
]


class Reader(Protocol):
    """From a file to its Documents, one at a time; CorpusError names the line at fault."""

    def __call__(
        self, path: Path | str, *, strict: bool = False, repairs: list[Repair] | None = None
    ) -> Iterator[Document]: ...


READERS: dict[str, Reader] = {
    "spacy": read_spacy_docbin,
    "healthner": read_healthner,
    "character_tags": read_character_tags,
}


def read_corpus(
    path: Path | str,
    format: str = "auto",
    *,
    strict: bool = False,
    repairs: list[Repair] | None = None,
) -> Iterator[Document]:
    """Read a file of any registered format; "auto" judges the format by the content.

    strict: a slip in the annotation is an error; else it is repaired, and the repair
    appended to `repairs`. Raises ConfigError for an unknown format name, CorpusError
    where the file cannot be read.
    """
    if format != "auto" and format not in READERS:
        raise ConfigError(f"unknown format {format!r}: use auto or one of {list(READERS)}")
    name = detect_format(path) if format == "auto" else format
    return READERS[name](path, strict=strict, repairs=repairs)
