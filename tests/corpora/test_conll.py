from __future__ import annotations

import tracemalloc
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.readers.character_tags import fits_character_tags, read_character_tags
from spacy_bioner.corpora.readers.conll import fits_conll, read_conll
from spacy_bioner.corpora.reading import detect_format
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.tag_schemes import SCHEMES
from spacy_bioner.corpora.writers.conll import write_conll
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError, CorpusError


def read(tmp_path, content, **settings):
    path = tmp_path / "a.conll"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_conll(path, **settings))


def entities_of(document):
    return [(e.label, document.text[e.start : e.end]) for e in document.entities]


def is_sound(document):
    """Whether tokens, sentences and mentions are where the text says."""
    text, tokens = document.text, document.tokens
    spans = [*tokens, *(document.sentences or ())]
    starts, ends = {s for s, _ in tokens}, {e for _, e in tokens}
    return (
        isinstance(document, Document)
        and all(0 <= start < end <= len(text) for start, end in spans)
        and all(a[1] <= b[0] for a, b in pairwise(tokens))
        and all(e.start in starts and e.end in ends for e in document.entities)
        and list(document.entities) == sorted(document.entities, key=lambda e: (e.start, e.end))
    )


words = st.text(
    st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"]), min_size=1, max_size=4
).filter(lambda word: not any(c.isspace() for c in word) and word != "-DOCSTART-")
labels = st.sampled_from(["BODY", "SYMP", "a-b"])


@st.composite
def sentences(draw):
    """Words, and mentions on them that do not overlap."""
    tokens = draw(st.lists(words, min_size=1, max_size=6))
    cuts = sorted(draw(st.sets(st.integers(0, len(tokens)), max_size=4)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    return tokens, [(a, b, draw(labels)) for a, b in spans]


@st.composite
def corpora(draw):
    """Documents such as the reader gives, of one sentence or of several each, and the joiner."""
    joiner = draw(st.sampled_from(["", " "]))
    marked = draw(st.booleans())
    groups = st.lists(sentences(), min_size=1, max_size=3 if marked else 1)
    several = draw(st.lists(groups, min_size=1, max_size=3))
    return joiner, [
        make_document(group, joiner, f"a-{n}", marked) for n, group in enumerate(several, 1)
    ]


def make_document(group, joiner, id, marked):
    text, tokens, entities, marks = "", [], [], []
    for words_, spans in group:
        text += "\n" if text else ""
        start, places = len(text), []
        for n, word in enumerate(words_):
            text += joiner if n else ""
            places.append((len(text), len(text) + len(word)))
            text += word
        marks.append((start, len(text)))
        tokens += places
        entities += [Entity(places[a][0], places[b - 1][1], label) for a, b, label in spans]
    sentences_ = tuple(marks) if marked else None
    return Document(text, tuple(entities), id, "", tuple(tokens), sentences=sentences_)


@pytest.mark.parametrize("scheme", SCHEMES)
@given(corpora())
def test_conll_gives_back_what_was_written(tmp_path_factory, scheme, corpus):
    joiner, documents = corpus
    path = tmp_path_factory.mktemp("conll") / "a.conll"
    log = WriteLog()
    write_conll(documents, path, log=log, scheme=scheme)
    strict = ReadLog(strict=True)
    assert list(read_conll(path, scheme=scheme, joiner=joiner, log=strict)) == documents
    assert log.losses.keys() <= {"ids of documents not kept", "texts not kept to the letter"}
    assert not strict.skipped
    kept = [d.text for d in documents] == [d.text for d in read_conll(path)]
    assert kept == ("texts not kept to the letter" not in log.losses)


columns = st.sampled_from(
    ["a", "頭", "#", "NN", "O", "B-X", "I-X", "E-X", "S-Y", "i-X", "-DOCSTART-"]
)
pieces = columns | st.sampled_from(["\t", " ", "  ", "\n", "\r\n", "\n\n", "# x", "\x00", "\ufeff"])
lines = st.lists(columns, min_size=1, max_size=3).flatmap(
    lambda found: st.sampled_from(["\t".join(found), " ".join(found)])
)
files = st.one_of(
    st.binary(max_size=60),
    st.lists(pieces, max_size=20).map("".join).map(str.encode),
    st.lists(lines, max_size=12).map("\n".join).map(str.encode),
    st.lists(st.tuples(words, columns), max_size=9).map(
        lambda rows: "".join(f"{word}\t{tag}\n" for word, tag in rows).encode()
    ),
)


@settings(max_examples=500)
@given(files, st.booleans(), st.sampled_from(["auto", *SCHEMES]), st.integers(-3, 2))
def test_any_file_gives_documents_or_a_corpus_error(
    tmp_path_factory, content, strict, scheme, column
):
    path = tmp_path_factory.getbasetemp() / "fuzz.conll"
    path.write_bytes(content)
    found = []
    with suppress(CorpusError):
        documents = read_conll(path, log=ReadLog(strict), scheme=scheme, token_column=column)
        found += documents
        assert found
    assert all(map(is_sound, found))


@given(files)
def test_files_are_judged_without_an_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzz.conll"
    fits = fits_conll(path, content)
    assert isinstance(fits, bool)
    whole_lines = content.rpartition(b"\n")[0]
    assert not (fits_character_tags(path, content) and b"\n-DOCSTART-" in whole_lines)


def test_columns_can_be_chosen(tmp_path):
    content = "1 knee B-BODY NN\n2 hurts O VB\n"
    log = ReadLog()
    (document,) = read(tmp_path, content, token_column=1, tag_column=-2, log=log)
    assert (document.text, entities_of(document)) == ("knee hurts", [("BODY", "knee")])
    (skipped,) = log.skipped.values()
    assert (skipped.count, skipped.first) == (2, "column 1: '1'")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"token_column": 2}, "token_column=2"),
        ({"tag_column": 5}, "tag_column=5"),
        ({"tag_column": -3}, "tag_column=-3"),
    ],
)
def test_column_that_is_not_there_is_an_error(tmp_path, settings, name):
    with pytest.raises(CorpusError, match=rf"a.conll:1: 2 columns, none .* number {name}\. Count"):
        read(tmp_path, "knee O\n", **settings)


def test_scheme_can_be_named(tmp_path):
    content = "knee B-BODY\npain I-BODY\nhip B-BODY\n"
    log = ReadLog()
    (document,) = read(tmp_path, content, scheme="bioes", log=log)
    assert entities_of(document) == [("BODY", "knee pain"), ("BODY", "hip")]
    assert [repair.read_as for repair in log.repairs] == ["E-BODY", "S-BODY"]
    with pytest.raises(ConfigError, match="unknown tag scheme 'BIE'"):
        read(tmp_path, content, scheme="BIE")


def test_first_thousand_lines_decide_the_scheme(tmp_path):
    head = "knee S-BODY\n" + "and O\n" * 999
    assert len(entities_of(read(tmp_path, f"{head}hip S-BODY\n")[0])) == 2
    with pytest.raises(CorpusError, match=r"a.conll:1001: tag 'U-BODY' of .* scheme BIOES: O, B-"):
        read(tmp_path, f"{head}hip U-BODY\n")


def test_first_thousand_lines_decide_how_tokens_are_joined(tmp_path):
    content = "\n" * 998 + "# none\n膝 O\nknee O\nhip O\n"
    assert [d.text for d in read(tmp_path, content)] == ["膝kneehip"]
    assert [d.text for d in read(tmp_path, content[1:])] == ["膝 knee hip"]
    assert [d.text for d in read(tmp_path, content, joiner=" ")] == ["膝 knee hip"]


def test_tokens_that_all_look_like_comments(tmp_path):
    (document,) = read(tmp_path, "###\tO\n# a\n###\tB-X\n\n")
    assert (document.text, entities_of(document)) == ("### ###", [("X", "###")])


def test_columns_are_learnt_after_many_comments(tmp_path):
    log = ReadLog()
    (document,) = read(tmp_path, "# x O\n" * 1500 + "knee NN S-BODY\n# NN O\n", log=log)
    assert document.text == "knee #"
    assert {skipped.what: skipped.count for skipped in log.skipped.values()} == {
        "comment lines": 1500,
        "columns beside token and tag": 1,
    }


def test_documents_come_before_the_file_is_read_to_its_end(tmp_path):
    path = tmp_path / "a.conll"
    path.write_bytes(b"-DOCSTART- O\n\nknee S-BODY\n\n" * 400 + b"\xff")
    documents = read_conll(path)
    assert [next(documents).id for _ in range(399)][-1] == "a-399"
    with pytest.raises(CorpusError, match=r"a\.conll:1601: not UTF-8"):
        list(documents)


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("knee S-BODY\nhurts O\n\n" * 6_000, encoding="utf-8")
    tracemalloc.start()
    n = sum(1 for _ in read_conll(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 6_000
    assert peak < 1_000_000


def test_sentences_before_the_first_document_are_documents(tmp_path):
    content = "knee O\n\nhip O\n-DOCSTART- O\ntoe O\n\nheel O\n"
    found = [(d.id, d.text, d.sentences) for d in read(tmp_path, content)]
    assert found == [
        ("a-1", "knee", None),
        ("a-2", "hip", None),
        ("a-3", "toe\nheel", ((0, 3), (4, 8))),
    ]


def test_mentions_end_with_their_sentence(tmp_path):
    content = "-DOCSTART- O\n\nknee B-BODY\n\npain I-BODY\n"
    log = ReadLog()
    (document,) = read(tmp_path, content, log=log)
    assert entities_of(document) == [("BODY", "knee"), ("BODY", "pain")]
    assert [str(repair).removeprefix(str(tmp_path)) for repair in log.repairs] == [
        "/a.conll:5: 'I-BODY' read as 'B-BODY': continues no entity of its type (token 1)"
    ]


@pytest.mark.parametrize(
    "content",
    [
        "knee NN B-BODY\npain NN I-BODY\n",
        "knee\tB-BODY\npain\tE-BODY\n",
        "knee I-BODY\npain I-BODY\nand O\n",
        "knee U-BODY\n",
        "-DOCSTART- O\n\nknee B-BODY\n",
        "-DOCSTART-\n\nknee B-BODY\n",
        "# a title\nknee NN O\n",
        "and O\n" * 60 + "knee S-BODY\n",
        "and O\n" * 60 + "-DOCSTART- O\n",
        "knee NN O\nhip NN\n",
    ],
)
def test_conll_is_detected_from_the_content(tmp_path, content):
    path = tmp_path / "no-suffix"
    path.write_text(content, encoding="utf-8")
    assert detect_format(path) == "conll"


@pytest.mark.parametrize(
    "content",
    [
        "knee B-BODY\npain I-BODY\nand O\n",
        "knee O\nhip O\n",
        "knee i-BODY\nand O\nhip B-BODY\n",
        "knee B-BODY\nand O\nhip B-BODY\nand O\ntoe B-BODY\nand O\npain S-BODY\n",
    ],
)
def test_two_columns_of_bio_are_left_to_character_tags(tmp_path, content):
    path = tmp_path / "no-suffix"
    path.write_text(content, encoding="utf-8")
    assert detect_format(path) == "character_tags"


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"One word a line\nand another\n", b"knee\n", b"a b c\nO\n", b"\x00\xff"],
)
def test_other_content_is_not_conll(tmp_path, content):
    assert not fits_conll(tmp_path, content)


def test_two_columns_of_bio_are_the_same_in_both_formats(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("knee B-BODY\npain i-BODY\n\nno O-X\nitch I-SYMP\n", encoding="utf-8")
    logs = ReadLog(), ReadLog()
    found = [
        list(reader(path, log=log))
        for reader, log in zip((read_conll, read_character_tags), logs, strict=True)
    ]
    assert found[0] == found[1]
    assert logs[0].repairs == logs[1].repairs
