"""Writers, one a format, each from Documents to a file, and their register."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.format_settings import (
    Settings,
    one_of,
    read_settings,
    split_format,
)
from spacy_bioner.corpora.tag_schemes import scheme_named
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
from spacy_bioner.errors import ConfigError


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
    settings: what users may set, by the names of the function's keyword arguments.
    """

    write: Write
    keeps: frozenset[Feature]
    suffix: str
    tokens: str = ""
    settings: Settings = field(default_factory=dict)


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
        character_tags.write_character_tags,
        character_tags.KEEPS,
        ".txt",
        "characters",
        {"unit": one_of(["auto", "characters", "tokens"])},
    ),
    "conll": Writer(conll.write_conll, conll.KEEPS, ".conll", "tokens", {"scheme": scheme_named}),
}


def find_writer(format: str) -> Writer:
    """The writer of a format, with the settings given after its name, as conll:scheme=BIOES.

    Raises ConfigError for a name that is not in WRITERS, and for a wrong setting.
    """
    name, given = split_format(format)
    if name not in WRITERS:
        raise ConfigError(f"cannot write {name!r}: use one of {['spacy', *WRITERS]}")
    writer = WRITERS[name]
    settings = read_settings(name, given, writer.settings)
    return replace(writer, write=partial(writer.write, **settings)) if settings else writer
