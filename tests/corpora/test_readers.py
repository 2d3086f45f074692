from __future__ import annotations

import json
import shutil
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_bioner.corpora.docbin import documents_to_docbin
from spacy_bioner.corpora.document import Document, Entity, Section
from spacy_bioner.corpora.readers import (
    READERS,
    read_character_tags,
    read_healthner,
    read_spacy_docbin,
)
from spacy_bioner.corpora.reading import detect_format, read_corpus
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.errors import ConfigError, CorpusError
from tests.corpora.span_documents import check_document

DATA = Path(__file__).parents[1] / "data"

letters = st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\ufeff \t")
labels = st.sampled_from(["BODY", "SYMP", "a-b"])


@st.composite
def documents(draw):
    """Documents of one-character tokens with mentions that do not overlap."""
    text = draw(st.text(letters, min_size=1, max_size=12))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    spans = zip(cuts[::2], cuts[1::2], strict=False)
    return Document(text, tuple(Entity(start, end, draw(labels)) for start, end in spans))


def as_tagged_text(document: Document, separator: str, end: str) -> str:
    tags = ["O"] * len(document.text)
    for entity in document.entities:
        tags[entity.start : entity.end] = [f"I-{entity.label}"] * (entity.end - entity.start)
        tags[entity.start] = f"B-{entity.label}"
    return "".join(f"{c}{separator}{t}{end}" for c, t in zip(document.text, tags, strict=True))


@given(
    st.lists(documents(), min_size=1, max_size=4),
    st.sampled_from([" ", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", " "]),
    st.sampled_from(["", "\ufeff"]),
    st.booleans(),
)
def test_character_tags_give_back_what_was_written(
    tmp_path_factory, docs, separator, end, blank, mark, cut
):
    path = tmp_path_factory.mktemp("tags") / "written.txt"
    text = f"{blank}{end}".join(as_tagged_text(doc, separator, end) for doc in docs)
    path.write_bytes((mark + (text.removesuffix(end) if cut else text)).encode())
    found = list(read_character_tags(path, joiner="", log=ReadLog(strict=True)))
    assert [(d.text, d.entities) for d in found] == [(d.text, d.entities) for d in docs]
    assert [d.id for d in found] == [f"written-{n}" for n in range(1, len(docs) + 1)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just("B-X"),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
keys = ["id", "genre", "sentence", "word", "word_label", "character", "character_label"]
records = st.fixed_dictionaries({}, optional=dict.fromkeys(keys, json_values))
tagged_bytes = st.lists(
    st.sampled_from([b"a", " 頭".encode(), b" ", b"\t", b"\n", b"\r\n", b"O", b"B-X", b"i-X"])
).map(b"".join)
files = st.one_of(
    st.binary(max_size=60),
    tagged_bytes,
    st.lists(records, max_size=3).map(lambda r: "\n".join(map(json.dumps, r)).encode()),
)


@pytest.mark.parametrize("name", ["auto", *READERS])
@settings(max_examples=200)
@given(content=files, strict=st.booleans())
def test_reader_gives_documents_or_a_corpus_error(tmp_path_factory, name, content, strict):
    path = tmp_path_factory.getbasetemp() / "fuzz.txt"
    path.write_bytes(content)
    found: list[Document] = []
    with suppress(CorpusError):
        found = list(read_corpus(path, name, log=ReadLog(strict=strict)))
        assert found
    for document in found:
        check_document(document)


@pytest.mark.parametrize("name", READERS)
def test_reader_names_a_file_that_is_not_there(name, tmp_path):
    path = tmp_path / "missing.txt"
    with pytest.raises(CorpusError) as caught:
        list(READERS[name].read(path))
    assert str(caught.value) == (
        f"{path}: cannot be read: No such file or directory. Check the path."
    )


@pytest.mark.parametrize("name", [name for name in READERS if name != "brat"])
def test_reader_refuses_a_folder(name, tmp_path):
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(tmp_path, name))
    assert str(caught.value) == f"{tmp_path}: cannot be read: Is a directory. Check the path."


def test_folder_without_a_corpus_has_no_format(tmp_path):
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path}: is a folder without .ann files, so no brat corpus. Name the files in it."
    )


def test_healthner_reads_words_with_their_bare_types():
    by_character, by_word = (
        list(read_healthner(DATA / "healthner" / "plain.json", labels=unit))
        for unit in ("character", "word")
    )
    assert [d.entities for d in by_word] == [d.entities for d in by_character]
    text, tokens = by_word[1].text, by_word[1].tokens
    assert [text[a:b] for a, b in tokens] == ["醫師", "建議", "他", "量血壓", "。"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("膝 O\n蓋 O\n", "膝蓋"),
        ("knee O\npain O\n", "knee pain"),
        ("服 O\nAspirin O\n了 O\n", "服Aspirin了"),
        ("膝蓋 O\n疼痛 O\n", "膝蓋疼痛"),
    ],
)
def test_joiner_is_judged_by_the_first_lines(tmp_path, content, expected):
    path = tmp_path / "a.txt"
    path.write_text(content, encoding="utf-8")
    assert [d.text for d in read_character_tags(path)] == [expected]


def test_joiner_can_be_given(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("膝 O\n蓋 O\n", encoding="utf-8")
    assert [d.text for d in read_character_tags(path, joiner=" ")] == ["膝 蓋"]


@pytest.mark.parametrize(
    ("name", "genre"),
    [("x_FT.txt", "FT"), ("x_SM.txt", "SM"), ("x_XX.txt", ""), ("FT.txt", "")],
)
def test_genre_comes_from_the_file_name(tmp_path, name, genre):
    path = tmp_path / name
    path.write_text("膝 O\n", encoding="utf-8")
    assert [d.genre for d in read_character_tags(path)] == [genre]


def test_docbin_gives_back_what_was_written(tmp_path, zh):
    docs = list(read_character_tags(DATA / "character_tags" / "separator_of_one_space_FT.txt"))
    documents_to_docbin(docs, zh)[0].to_disk(tmp_path / "a.spacy")
    assert list(read_spacy_docbin(tmp_path / "a.spacy")) == docs


def test_damaged_docbin_is_refused(tmp_path, zh):
    path = tmp_path / "a.spacy"
    documents_to_docbin([Document("頭痛")], zh)[0].to_disk(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(path))
    assert str(caught.value) == (
        f"{path}: not a DocBin, or a damaged one (ValueError). Write it again with spaCy 3."
    )


@given(st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=3))
def test_docbin_with_wrong_bytes_gives_documents_or_a_corpus_error(tmp_path_factory, zh, changes):
    path = tmp_path_factory.getbasetemp() / "fuzz.spacy"
    documents_to_docbin([Document("頭痛", (Entity(0, 2, "SYMP"),), "a")], zh)[0].to_disk(path)
    data = bytearray(zlib.decompress(path.read_bytes()))
    for place, value in changes:
        data[place % len(data)] = value
    path.write_bytes(zlib.compress(bytes(data)))
    with suppress(CorpusError):
        for document in read_corpus(path):
            check_document(document)


def test_docbin_without_documents_is_refused(tmp_path, zh):
    documents_to_docbin([], zh)[0].to_disk(tmp_path / "a.spacy")
    with pytest.raises(CorpusError, match=r"a\.spacy: no documents: the DocBin is empty"):
        list(read_corpus(tmp_path / "a.spacy"))


def test_docs_without_text_are_counted(tmp_path, zh):
    log = ReadLog()
    documents = [Document("", id="a"), Document("頭痛", id="b")]
    documents_to_docbin(documents, zh)[0].to_disk(tmp_path / "a.spacy")
    assert [d.id for d in read_spacy_docbin(tmp_path / "a.spacy", log=log)] == ["b"]
    assert [str(skipped) for skipped in log.skipped.values()] == [
        f"{tmp_path / 'a.spacy'}: 1 documents without text (the first: document 'a')"
    ]


@pytest.mark.parametrize("wrong", [{"sentences": ((0, 9),)}, {"sections": (Section(1, 0, "x"),)}])
def test_docbin_with_wrong_offsets_is_refused(tmp_path, zh, wrong):
    documents_to_docbin([Document("頭痛", **wrong)], zh)[0].to_disk(tmp_path / "a.spacy")
    with pytest.raises(CorpusError, match="not a DocBin, or a damaged one"):
        list(read_corpus(tmp_path / "a.spacy"))


def test_unknown_format_is_refused():
    with pytest.raises(ConfigError, match="unknown format 'nexus': use auto or one of"):
        read_corpus("a.txt", "nexus")


SOUND = [
    p
    for name in READERS
    if name != "brat"  # known by its files' names
    for p in (DATA / name).glob("[!.]*")
    if p.suffix != ".expected" and not p.name.startswith("error")
]
FAULTY = [
    DATA / "character_tags" / "error_big5.txt",
    DATA / "character_tags" / "error_no_tag.txt",
    DATA / "healthner" / "error_half_written.json",
    DATA / "healthner" / "error_missing_key.json",
]


@pytest.mark.parametrize("path", SOUND + FAULTY, ids=lambda path: path.name)
def test_format_is_detected_from_the_content(path, tmp_path):
    copy = tmp_path / ("no-suffix" if path.is_file() else "folder")
    (shutil.copytree if path.is_dir() else shutil.copy)(path, copy)
    assert detect_format(copy) == path.parent.name


def test_docbin_is_detected_from_the_content(tmp_path, zh):
    documents_to_docbin([Document("頭痛")], zh)[0].to_disk(tmp_path / "a.txt.spacy")
    assert detect_format(tmp_path / "a.txt.spacy") == "spacy"


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b" \n\r\n"])
def test_empty_file_has_no_format(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(CorpusError) as caught:
        detect_format(path)
    assert str(caught.value) == f"{path}: no sentences: the file is empty. Check the path."


@pytest.mark.parametrize("content", [b"<xml/>", b"[1, 2]", b"Some text.\nMore of it.\n", b"x\x9c"])
def test_other_content_has_no_format(tmp_path, content):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(CorpusError) as caught:
        detect_format(path)
    assert str(caught.value) == (
        f"{path}: fits none of the known formats ({', '.join(READERS)}). "
        "Check that it is UTF-8, or name its format with --format."
    )


def test_long_first_line_is_detected(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text('{"sentence": "' + "頭" * 70000, encoding="utf-8")
    assert detect_format(path) == "healthner"
