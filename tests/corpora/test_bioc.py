"""What holds for BioC in both its forms, XML and JSON."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bioc
import pytest
from bioc import biocjson, biocxml
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_bioner.corpora.bioc import text_of
from spacy_bioner.corpora.document import Document, Entity, Section
from spacy_bioner.corpora.readers import READERS
from spacy_bioner.corpora.reading import detect_format
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.text_lines import LineError
from spacy_bioner.corpora.writers import WRITERS
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError, CorpusError
from tests.corpora.bioc_documents import (
    FORMS,
    LOST,
    any_documents,
    expected,
    read,
    well_made_documents,
    written,
)

DATA = Path(__file__).parents[1] / "data"
ORACLES = {"bioc_xml": biocxml, "bioc_json": biocjson}


@pytest.mark.parametrize("form", FORMS)
@given(original=any_documents() | well_made_documents())
def test_reader_finds_what_the_writer_did_not_count_as_lost(tmp_path_factory, form, original):
    path = tmp_path_factory.getbasetemp() / form
    log = written(form, [original], path)
    assert log.losses.keys() <= set(LOST.values())
    assert read(form, path) == [expected(original, log)]


@pytest.mark.parametrize("form", FORMS)
@given(originals=st.lists(well_made_documents(), min_size=1, max_size=3))
def test_nothing_is_lost_of_documents_as_bioc_has_them(tmp_path_factory, form, originals):
    path = tmp_path_factory.getbasetemp() / form
    assert not written(form, originals, path).losses
    assert read(form, path) == originals


def located(annotations) -> list[tuple]:
    return [
        (a.id, a.infons["type"], a.text, [(x.offset, x.length) for x in a.locations])
        for a in annotations
    ]


def blocks(document: bioc.BioCDocument) -> Iterator[bioc.BioCPassage | bioc.BioCSentence]:
    for passage in document.passages:
        yield from passage.sentences or [passage]


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=50)
@given(original=any_documents() | well_made_documents())
def test_another_library_reads_what_is_written(tmp_path_factory, form, original):
    path = tmp_path_factory.getbasetemp() / form
    written(form, [original], path)
    with path.open("rb" if form == "bioc_xml" else "r", encoding=None) as file:
        (theirs,) = ORACLES[form].load(file).documents
    assert (theirs.id or "") == original.id
    for block in blocks(theirs):
        assert original.text.startswith(block.text, block.offset)
    found = [annotation for block in blocks(theirs) for annotation in block.annotations]
    mine = [
        (e.id, e.label, " ".join(original.text[a:b] for a, b in pieces), pieces)
        for e in original.entities
        for pieces in [e.fragments or ((e.start, e.end),)]
    ]
    lengths = [(*rest, [(a, b - a) for a, b in pieces]) for *rest, pieces in mine]
    assert located(found) == lengths


@pytest.mark.parametrize("name", ["plain", "sentences", "repairs"])
def test_both_forms_say_the_same(name, tmp_path):
    by_xml, by_json = (
        list(READERS[form].read(DATA / form / f"{name}.{form.removeprefix('bioc_')}"))
        for form in FORMS
    )
    assert by_xml == by_json
    for form in FORMS:
        log = written(form, by_xml, tmp_path / form)
        assert read(form, tmp_path / form) == [expected(d, log) for d in by_xml]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("document", "lost"),
    [
        (Document("One. Two.", sections=(Section(0, 4, "a"), Section(5, 9, "b"))), "sections"),
        (Document("One.\nTwo.", sections=(Section(0, 4, "a"),)), "sections"),
        (Document("One.\nTwo.", sections=(Section(0, 4, "a"), Section(5, 9, ""))), "sections"),
        (
            Document("One.", sections=(Section(0, 4, "a"), Section(4, 4, "b"))),
            "sections",
        ),
        (
            Document(
                "One.\nTwo.",
                (Entity(0, 8, "X"),),
                sections=(Section(0, 4, "a"), Section(5, 9, "b")),
            ),
            "sections",
        ),
        (Document("One.\nTwo.", sentences=((0, 4), (5, 9))), "sentences"),
        (Document("One. Two", (Entity(0, 8, "X"),), sentences=((0, 4), (5, 8))), "sentences"),
        (Document("One. Two", sentences=((0, 4),)), "sentences"),
        (Document("One. Two", sentences=((0, 4), (4, 8), (8, 8))), "sentences"),
        (Document("One. Two", sentences=()), "sentences"),
    ],
)
def test_layout_that_readers_would_not_find_again_is_counted(tmp_path, form, document, lost):
    log = written(form, [document], tmp_path / form)
    assert list(log.losses) == [LOST[lost]]
    assert read(form, tmp_path / form) == [replace(document, sections=(), sentences=None)]


@pytest.mark.parametrize("form", FORMS)
def test_written_file_is_detected(tmp_path, form):
    written(form, [Document("The document's only sentence")], tmp_path / form)
    assert detect_format(tmp_path / form) == form


@pytest.mark.parametrize("form", FORMS)
def test_repairs_are_refused_when_strict(form):
    path = DATA / form / f"repairs.{form.removeprefix('bioc_')}"
    with pytest.raises(CorpusError, match=r"'Chest pain': other white space than in the text of"):
        list(READERS[form].read(path, log=ReadLog(strict=True)))


def test_text_must_be_one_that_a_file_can_hold():
    with pytest.raises(LineError, match=r"half a surrogate pair, U\+D83D"):
        text_of("fever \ud83d", "the text")


@pytest.mark.parametrize("form", FORMS)
def test_tokens_are_counted_as_lost(tmp_path, form):
    log = written(form, [Document("One", tokens=((0, 3),), id="7")], tmp_path / form)
    assert [str(loss) for loss in log.losses.values()] == [
        "1 token boundaries not kept (the first in document '7')"
    ]


@pytest.mark.parametrize("form", FORMS)
def test_concept_is_written_as_the_identifier(tmp_path, form):
    concepts = ["", "MESH:D1|OMIM:2", "|", "-1"]
    found = tuple(Entity(0, 3, "X", concept=concept) for concept in concepts)
    written(form, [Document("One", found)], tmp_path / form)
    assert (tmp_path / form).read_text("utf-8").count("identifier") == 3
    assert [e.concept for e in read(form, tmp_path / form)[0].entities] == concepts


@pytest.mark.parametrize("form", FORMS)
def test_collection_without_documents_is_refused(tmp_path, form):
    written(form, [], tmp_path / form)
    with pytest.raises(CorpusError, match="no documents: the "):
        list(READERS[form].read(tmp_path / form))


def many_documents(n: int) -> Iterator[Document]:
    for i in range(n):
        text = f"Number {i} of them. " * 50
        yield Document(text, (Entity(0, 6, "X"),), str(i))


@pytest.mark.parametrize("form", FORMS)
def test_one_document_at_a_time_is_in_memory(tmp_path, form):
    path, n = tmp_path / form, 2000
    WRITERS[form].write(many_documents(1), path)  # imports and buffers are not the documents'
    assert len(list(READERS[form].read(path))) == 1
    tracemalloc.start()
    try:
        WRITERS[form].write(many_documents(n), path)
        assert sum(1 for _ in READERS[form].read(path)) == n
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 2_000_000
    assert peak < 1_000_000


@pytest.mark.parametrize("form", FORMS)
def test_documents_before_the_damage_are_given(tmp_path, form):
    path = tmp_path / form
    WRITERS[form].write(many_documents(200), path)
    path.write_bytes(path.read_bytes()[:-30])
    found = []
    with pytest.raises(CorpusError, match="ends too early"):
        found += [found.append(d) for d in READERS[form].read(path)]
    assert len(found) == 199


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "head", [b"", b"\xff\xfe", b"\xfe\xff<", b"<", b"{", b"[", b"\xef\xbb\xbf"]
)
def test_fits_takes_any_bytes(form, head):
    assert not READERS[form].fits(Path("x"), head)


@pytest.mark.parametrize("form", FORMS)
@given(head=st.binary(max_size=50))
def test_fits_raises_nothing(form, head):
    assert READERS[form].fits(Path("x"), head) in (True, False)


@pytest.mark.parametrize("form", FORMS)
def test_types_that_readers_would_refuse_or_change(tmp_path, form):
    with pytest.raises(ConfigError, match="document 'a': mention 1 has no type"):
        WRITERS[form].write([Document("fever", (Entity(0, 5, " "),), "a")], tmp_path / "a")
    log = WriteLog()
    WRITERS[form].write([Document("fever", (Entity(0, 5, " X"),), "a")], tmp_path / "a", log=log)
    (document,) = READERS[form].read(tmp_path / "a")
    assert document.entities[0].label == "X"
    assert [loss.what for loss in log.losses.values()] == [
        "types with blanks around them, left out"
    ]


def test_half_a_surrogate_pair_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="document 'a': half a surrogate pair"):
        WRITERS["bioc_json"].write([Document("\ud800", id="a")], tmp_path / "a")
