"""Readers, one a format, each from a file to Documents, and their register.

To add a format, write its module here and enter it in READERS; see docs/add-a-format.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.format_settings import Settings, column, joiner, one_of
from spacy_bioner.corpora.readers.bioc_json import fits_bioc_json, read_bioc_json
from spacy_bioner.corpora.readers.bioc_xml import fits_bioc_xml, read_bioc_xml
from spacy_bioner.corpora.readers.brat import fits_brat, read_brat
from spacy_bioner.corpora.readers.character_tags import fits_character_tags, read_character_tags
from spacy_bioner.corpora.readers.conll import fits_conll, read_conll
from spacy_bioner.corpora.readers.doccano import fits_doccano, read_doccano
from spacy_bioner.corpora.readers.healthner import fits_healthner, read_healthner
from spacy_bioner.corpora.readers.label_studio import fits_label_studio, read_label_studio
from spacy_bioner.corpora.readers.prodigy import fits_prodigy, read_prodigy
from spacy_bioner.corpora.readers.pubtator import fits_pubtator, read_pubtator
from spacy_bioner.corpora.readers.spacy_docbin import fits_spacy_docbin, read_spacy_docbin
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.tag_schemes import scheme_named


class Read(Protocol):
    """From a file to its Documents, one at a time; CorpusError names the place at fault."""

    def __call__(self, path: Path | str, *, log: ReadLog | None = None) -> Iterator[Document]: ...


@dataclass(frozen=True, slots=True)
class Reader:
    """A format that can be read.

    read: the function that reads it. fits: whether a path with these first bytes
    (b"" for a folder) is probably of this format. about: one line for people.
    settings: what users may set, by the names of the function's keyword arguments.
    """

    read: Read
    fits: Callable[[Path, bytes], bool]
    about: str
    settings: Settings = field(default_factory=dict)


def _scheme_or_auto(text: str) -> str:
    return text if text == "auto" else scheme_named(text)


_CONLL: Settings = {
    "scheme": _scheme_or_auto,
    "token_column": column,
    "tag_column": column,
    "joiner": joiner,
}


# In the order in which an unknown file is tried: narrow tests before wide ones.
READERS: dict[str, Reader] = {
    "brat": Reader(read_brat, fits_brat, "brat standoff: a folder, or a pair of .txt and .ann"),
    "spacy": Reader(read_spacy_docbin, fits_spacy_docbin, "spaCy's DocBin (.spacy)"),
    "bioc_xml": Reader(read_bioc_xml, fits_bioc_xml, "BioC XML: a collection of documents"),
    "bioc_json": Reader(read_bioc_json, fits_bioc_json, "BioC JSON: a collection of documents"),
    "label_studio": Reader(
        read_label_studio, fits_label_studio, "Label Studio: JSON of annotated tasks"
    ),
    "prodigy": Reader(read_prodigy, fits_prodigy, "Prodigy and spaCy: JSON lines with spans"),
    "doccano": Reader(read_doccano, fits_doccano, "doccano: JSON lines with offsets"),
    "healthner": Reader(
        read_healthner,
        fits_healthner,
        "Chinese HealthNER corpus, JSON lines",
        {"labels": one_of(["character", "word"])},
    ),
    "pubtator": Reader(read_pubtator, fits_pubtator, "PubTator: title, abstract, mentions"),
    "character_tags": Reader(
        read_character_tags,
        fits_character_tags,
        "token and BIO tag a line, ROCLING and MTL",
        {"joiner": joiner},
    ),
    "conll": Reader(
        read_conll, fits_conll, "CoNLL columns: token first, tag last, any scheme", _CONLL
    ),
}
