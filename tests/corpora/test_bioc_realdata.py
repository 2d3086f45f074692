"""BC5CDR as BioC XML: against its published numbers, another library, and its PubTator form."""

from __future__ import annotations

from pathlib import Path

import pytest
from bioc import biocxml

from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.readers import READERS
from spacy_bioner.corpora.reading import detect_format
from spacy_bioner.corpora.reading_log import ReadLog
from tests.corpora.bioc_documents import FORMS, read, written
from tests.corpora.test_bioc import located

pytestmark = pytest.mark.realdata
PARTS = [("Training", 9570, 185, 3), ("Development", 9773, 182, 1)]


def originals_of(folder: Path, part: str) -> Path:
    return folder / "en" / "bc5cdr" / f"CDR_{part}Set.BioC.xml"


@pytest.mark.parametrize(("part", "n", "parts", "repairs"), PARTS)
def test_bc5cdr_has_the_published_mentions(shared_data, part, n, parts, repairs):
    path, log = originals_of(shared_data, part), ReadLog()
    assert detect_format(path) == "bioc_xml"
    found = list(READERS["bioc_xml"].read(path, log=log))
    roles = [entity.role for document in found for entity in document.entities]
    assert (len(found), len(roles), roles.count("part")) == (500, n, parts)
    assert len(log.repairs) == repairs
    assert {what for _, what in log.skipped} == {"relations"}


@pytest.mark.parametrize("part", ["Training", "Development"])
def test_bc5cdr_is_the_same_after_writing_and_reading(shared_data, part, tmp_path):
    documents = list(READERS["bioc_xml"].read(originals_of(shared_data, part)))
    for form in FORMS:
        assert not written(form, documents, tmp_path / form).losses
        assert read(form, tmp_path / form) == documents


@pytest.mark.parametrize(("part", "repairs"), [(part, n) for part, _, _, n in PARTS])
def test_bc5cdr_is_what_another_library_reads(shared_data, part, repairs):
    path = originals_of(shared_data, part)
    with path.open("rb") as file:
        theirs = biocxml.load(file).documents
    mine = list(READERS["bioc_xml"].read(path))
    assert [d.id for d in mine] == [d.id for d in theirs]
    different = 0
    for document, other in zip(mine, theirs, strict=True):
        for passage, section in zip(other.passages, document.sections, strict=True):
            assert passage.text == document.text[section.start : section.end]
            assert passage.infons["type"] == section.name
        pieces = [
            (e.id, e.label, [(a, b - a) for a, b in e.fragments or ((e.start, e.end),)])
            for e in document.entities
        ]
        found = [
            (id, label, locations)
            for passage in other.passages
            for id, label, _, locations in located(passage.annotations)
        ]
        assert len(pieces) == len(found)
        different += sum(piece not in found for piece in pieces)
    assert different == repairs


def alike(document: Document) -> tuple:
    found = sorted(
        (e.start, e.end, e.label, e.concept.replace("MESH:", ""), e.role)
        for e in document.entities
        if e.role != "part"
    )
    return document.id, document.text, document.sections, found


@pytest.mark.parametrize(("part", "n"), [("Training", 9385), ("Development", 9591)])
def test_bc5cdr_is_the_same_from_pubtator(shared_data, part, n):
    path = originals_of(shared_data, part)
    by_bioc = list(map(alike, READERS["bioc_xml"].read(path)))
    name = path.name.replace("BioC.xml", "PubTator.txt")
    by_pubtator = list(map(alike, READERS["pubtator"].read(path.with_name(name))))
    assert by_bioc == by_pubtator
    assert sum(len(found) for *_, found in by_bioc) == n
