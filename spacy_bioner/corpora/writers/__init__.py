"""Writers, one a format, each from Documents to a file, and their register."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.writers import (
    bioc_json,
    bioc_xml,
    brat,
    character_tags,
    conll,
    doccano,
    healthner,
    label_studio,
    prodigy,
    pubtator,
)
from spacy_bioner.corpora.writing_log import Feature, WriteLog


class Write(Protocol):
    """Write Documents as they come to a new path; what cannot be said goes to the log."""

    def __call__(
        self, documents: Iterable[Document], path: Path, *, log: WriteLog | None = None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Writer:
    """A format that can be written.

    write: the function that writes it, to a path that does not exist yet. keeps: what
    the format can say. suffix: how its files are named; "" for a folder. tokens: what it
    needs to be told apart in the text: "" nothing, "tokens", or "characters".
    """

    write: Write
    keeps: frozenset[Feature]
    suffix: str
    tokens: str = ""


WRITERS: dict[str, Writer] = {
    "bioc_xml": Writer(bioc_xml.write_bioc_xml, bioc_xml.KEEPS, ".xml"),
    "bioc_json": Writer(bioc_json.write_bioc_json, bioc_json.KEEPS, ".json"),
    "brat": Writer(brat.write_brat, brat.KEEPS, ""),
    "pubtator": Writer(pubtator.write_pubtator, pubtator.KEEPS, ".pubtator"),
    "label_studio": Writer(label_studio.write_label_studio, label_studio.KEEPS, ".json"),
    "prodigy": Writer(prodigy.write_prodigy, prodigy.KEEPS, ".jsonl"),
    "doccano": Writer(doccano.write_doccano, doccano.KEEPS, ".jsonl"),
    "healthner": Writer(healthner.write_healthner, healthner.KEEPS, ".json", "characters"),
    "character_tags": Writer(
        character_tags.write_character_tags, character_tags.KEEPS, ".txt", "characters"
    ),
    "conll": Writer(conll.write_conll, conll.KEEPS, ".conll", "tokens"),
}
