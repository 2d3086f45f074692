from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from bioc import brat as bioc
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.readers import read_brat, read_pubtator
from spacy_bioner.corpora.readers.brat import file_name, fits_brat
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.writers.brat import KEEPS, write_brat
from spacy_bioner.corpora.writing_log import WriteLog, stripped
from spacy_bioner.errors import CorpusError

odd_texts = st.text(st.sampled_from("ab ;\t頭🙂\x00\x0b\u2028\ufeff\n\r"), min_size=1, max_size=16)
odd_fields = st.text(st.sampled_from("aB |;-\t\n頭\u00a0"), max_size=4)
plain_texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1, max_size=12
)
plain_labels = st.text(st.sampled_from("aB|;頭-\x00"), min_size=1, max_size=3)
plain_notes = st.text(st.sampled_from("aB|; #頭\u2028\x00"), max_size=4)
concepts = st.sampled_from(["", "MeSH:D1", "D1|x:2", "頭;"])
ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@st.composite
def mentions(draw, text, labels, concepts, notes):
    edges = st.sets(st.integers(0, len(text)), min_size=2, max_size=6).filter(
        lambda s: len(s) % 2 == 0
    )
    flat = sorted(draw(edges))
    pieces = tuple(zip(flat[::2], flat[1::2], strict=True))
    return Entity(
        flat[0],
        flat[-1],
        draw(labels),
        pieces if len(pieces) > 1 else (),
        draw(st.sampled_from(["", "T1", "T2", "T03", "x"])),
        draw(concepts),
        draw(notes),
        draw(st.sampled_from(["", "composite", "part"])),
    )


def in_order(entities) -> tuple[Entity, ...]:
    return tuple(sorted(entities, key=lambda e: (e.start, e.end)))


@st.composite
def any_documents(draw):
    """Documents with all that they may hold."""
    text = draw(odd_texts)
    made = mentions(text, odd_fields.filter(bool), odd_fields, odd_fields)
    return Document(text, in_order(draw(st.lists(made, max_size=3))), draw(st.just("") | ids))


@st.composite
def sayable_documents(draw):
    """Documents of which brat can say all: here, of one line."""
    text = draw(plain_texts)
    found = draw(st.lists(mentions(text, plain_labels, concepts, plain_notes), max_size=3))
    kept = [stripped(entity, KEEPS) for entity in in_order(found)]
    numbered = [replace(e, id=f"T{n}") for n, e in enumerate(kept, 3)]
    return Document(text, tuple(numbered), draw(ids))


def written(documents, folder):
    """What comes back, read strictly, of Documents that were written, and the losses."""
    path, log = folder.mktemp("brat") / "corpus", WriteLog()
    write_brat(documents, path, log=log)
    return list(read_brat(path, log=ReadLog(strict=True))), log.losses


def characters(document: Document, entity: Entity) -> list[int]:
    """Where a mention is, line breaks left out."""
    pieces = entity.fragments or ((entity.start, entity.end),)
    places = [i for start, end in pieces for i in range(start, end)]
    return [i for i in places if document.text[i] not in "\r\n"]


@given(any_documents())
def test_written_document_comes_back_or_a_loss_is_named(tmp_path_factory, document):
    (back,), losses = written([document], tmp_path_factory)
    assert (back.id, back.text) == (document.id or "1", document.text)
    places = [characters(document, e) for e in document.entities]
    assert sorted(characters(back, e) for e in back.entities) == sorted(filter(None, places))
    if not losses:
        assert [replace(e, id="") for e in back.entities] == [
            replace(e, id="") for e in document.entities
        ]
        assert all(
            e.id in ("", b.id) for e, b in zip(document.entities, back.entities, strict=True)
        )


@given(sayable_documents())
def test_what_brat_can_say_comes_back_without_loss(tmp_path_factory, document):
    assert written([document], tmp_path_factory) == ([document], {})


@given(st.sets(ids, min_size=1, max_size=4))
@example({"..", "a/b", "a%2Fb", "\x00", "~", "100%", " "})
def test_ids_come_back_from_file_names(tmp_path_factory, ids):
    documents = [Document("x", id=id) for id in ids]
    found, _ = written(documents, tmp_path_factory)
    assert {d.id for d in found} == ids
    assert len(found) == len(ids)
    assert all(re.fullmatch(r"(?!\.)[\w.~@%-]+", file_name(id)) for id in ids)


def told_by_bioc(document: Document, ann: Path) -> list[tuple[object, ...]]:
    """Mentions as bioc reads them."""
    found = bioc.loads(document.text, ann.read_text(encoding="utf-8")).entities
    return [
        (e.id, e.type, tuple((i.begin, i.end) for i in sorted(e.locations)), e.text) for e in found
    ]


def told(document: Document) -> list[tuple[object, ...]]:
    text = document.text
    places = [e.fragments or ((e.start, e.end),) for e in document.entities]
    return [
        (e.id, e.label, pieces, " ".join(text[a:b] for a, b in pieces))
        for e, pieces in zip(document.entities, places, strict=True)
    ]


@given(sayable_documents())
def test_bioc_reads_what_is_written(tmp_path_factory, document):
    # bioc parts columns and lines at more characters, and strips lines.
    text = re.sub(r"\s|[\x1c-\x1f\x85\u2028\u2029]", "_", document.text)
    document = replace(document, text=text, id="a")
    document = replace(document, entities=tuple(replace(e, note="") for e in document.entities))
    path = tmp_path_factory.mktemp("bioc") / "corpus"
    write_brat([document], path)
    assert told_by_bioc(document, path / "a.ann") == told(document)


MARKS = "T1|T2|N1|#1|#|R1|E1|A1|*|T|X|;|0|4|5|9|99|-1|\0|\t| |Sign|Reference|AnnotatorNotes|Rash"
ann_parts = st.sampled_from([*MARKS.split("|"), "now", "9" * 5000])
ann_lines = st.one_of(
    st.lists(ann_parts, max_size=8).map("".join),
    st.tuples(*[st.integers(-1, 10)] * 4).map(
        lambda n: f"T{n[3]}\tSign {n[0]} {n[1]};{n[2]} 8\tRash now"
    ),
    st.sampled_from(["T1\tSign 0 4\tRash", "T2\tSign 5 8\tnow", "T3\tSign 0 4;4 8\tRash now"]),
    st.sampled_from(["N1\tReference T1 D1", "#1\tAnnotatorNotes T2\tnote", "", "R1\tA B C"]),
)
anns = st.binary(max_size=60) | st.tuples(
    st.lists(ann_lines, max_size=6), st.sampled_from(["\n", "\r\n"])
).map(lambda made: made[1].join(made[0]).encode())


@settings(max_examples=300)
@given(st.just(b"Rash now") | st.binary(max_size=20), anns, st.booleans())
def test_reader_gives_documents_or_a_corpus_error(tmp_path_factory, text, ann, strict):
    path = tmp_path_factory.getbasetemp() / "fuzz.ann"
    path.with_suffix(".txt").write_bytes(text)
    path.write_bytes(ann)
    with suppress(CorpusError):
        (document,) = read_brat(path, log=ReadLog(strict=strict))
        assert document.text.encode() == text
        assert in_order(document.entities) == document.entities
        for _, label, _, found in told(document):
            known = ("", "Rash", "now", "Rashnow")
            assert text != b"Rash now" or label != "Sign" or "".join(found.split()) in known


def make_pair(folder: Path, name: str = "a", *, suffixes: tuple[str, ...] = (".txt", ".ann")):
    folder.mkdir(parents=True, exist_ok=True)
    contents = {".txt": "Rash now", ".ann": "T1\tSign 0 4\tRash\n"}
    for suffix in suffixes:
        (folder / f"{name}{suffix}").write_text(contents[suffix], encoding="utf-8")


def test_pair_is_read_by_either_file(tmp_path):
    make_pair(tmp_path, "x%2Fy.z")
    expected = [Document("Rash now", (Entity(0, 4, "Sign", id="T1"),), "x/y.z")]
    assert list(read_brat(tmp_path / "x%2Fy.z.txt")) == expected
    assert list(read_brat(tmp_path / "x%2Fy.z.ann")) == expected
    assert list(read_brat(tmp_path)) == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text.txt", r"text\.txt: text\.ann is missing beside it\. .* empty \.ann file\."),
        ("marks.ann", r"marks\.ann: marks\.txt is missing beside it\."),
        ("none.ann", r"none\.ann: cannot be read: No such file or directory"),
        ("other.json", r"other\.json: neither a folder nor a \.txt or \.ann file"),
        ("empty", r"empty: no documents: the folder holds no \.txt and \.ann files"),
        ("nul\0.txt", "cannot be read: embedded null byte"),
    ],
)
def test_what_is_no_pair_is_refused(tmp_path, name, message):
    make_pair(tmp_path, "text", suffixes=(".txt",))
    make_pair(tmp_path, "marks", suffixes=(".ann",))
    (tmp_path / "other.json").touch()
    make_pair(tmp_path / "empty", ".hidden")
    make_pair(tmp_path / "empty" / ".git")
    with pytest.raises(CorpusError, match=message):
        list(read_brat(tmp_path / name))


def test_missing_file_is_named_before_any_document_is_read(tmp_path):
    make_pair(tmp_path, "a")
    make_pair(tmp_path / "sub", "z", suffixes=(".txt",))
    with pytest.raises(CorpusError, match=r"z\.txt: z\.ann is missing"):
        next(read_brat(tmp_path))


def test_file_name_that_is_not_utf8_is_refused(tmp_path):
    make_pair(tmp_path, "\udcff")
    with pytest.raises(CorpusError, match=r"the file name '\\udcff' is not UTF-8. Rename"):
        list(read_brat(tmp_path))


def test_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    def scandir(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(CorpusError) as caught:
        list(read_brat(tmp_path))
    assert str(caught.value) == f"{tmp_path}: cannot be read: Permission denied. Check the path."


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("", True),
        ("sub", True),
        ("sub/deep", True),
        ("empty", False),
        ("a.txt", True),
        ("a.ann", True),
        ("text.txt", False),
        ("other.json", False),
        ("none.txt", False),
        ("nul\0.txt", False),
    ],
)
def test_format_is_told_by_the_files_there(tmp_path, name, fits):
    make_pair(tmp_path)
    make_pair(tmp_path / "sub" / "deep")
    make_pair(tmp_path, "text", suffixes=(".txt",))
    (tmp_path / "other.json").touch()
    (tmp_path / "empty").mkdir()
    assert fits_brat(tmp_path / name, b"") is fits


@pytest.mark.realdata
def test_corpus_is_what_its_pubtator_form_says(shared_data):
    folder, log = shared_data / "en" / "ncbi-disease", ReadLog(strict=True)
    by_id = {d.id: d for d in read_brat(folder / "brat-devel", log=log)}
    others = list(read_pubtator(folder / "NCBIdevelopset_corpus.txt"))
    assert (len(by_id), log.skipped) == (100, {})
    assert by_id.keys() == {d.id for d in others}
    assert sum(len(d.entities) for d in others) == 787
    for other in others:
        # All that differs: a line feed ends the .txt files; brat has ids of mentions and no
        # sections; and it names the database of MeSH concepts, where PubTator leaves it out.
        ours = by_id[other.id]
        assert ours.text == f"{other.text}\n"
        assert [e.id for e in ours.entities] == [f"T{n + 1}" for n in range(len(ours.entities))]
        assert (ours.sections, len(other.sections)) == ((), 2)
        bare = [replace(e, id="", concept=e.concept.replace("MeSH:", "")) for e in ours.entities]
        assert bare == list(other.entities)


@pytest.mark.realdata
def test_corpus_comes_back_without_loss_and_as_bioc_reads_it(shared_data, tmp_path_factory):
    folder = shared_data / "en" / "ncbi-disease" / "brat-devel"
    documents = list(read_brat(folder))
    assert written(documents, tmp_path_factory) == (documents, {})
    for document in documents:
        assert told_by_bioc(document, folder / f"{document.id}.ann") == told(document)
