from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.tagging import (
    TextCheck,
    check_document,
    place_mentions,
    tag_sentences,
    write_lines,
)
from spacy_bioner.corpora.text_lines import read_lines
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError


def tokens_of(text):
    """The words of a text, parted by single blanks."""
    offsets, start = [], 0
    for word in text.split(" "):
        offsets.append((start, start + len(word)))
        start += len(word) + 1
    return tuple(offsets)


def document(text, *entities, **more):
    found = tuple(Entity(start, end, label) for start, end, label in sorted(entities))
    return Document(text, found, "d", **more)


def losses(log):
    return {loss.what: loss.count for loss in log.losses.values()}


def tagged(doc, tokens=None, **settings):
    log = WriteLog()
    found = tag_sentences(doc, tokens or tokens_of(doc.text), log, **settings)
    lines = [" ".join(f"{t}/{tag}" for t, tag in zip(s.tokens, s.tags, strict=True)) for s in found]
    return lines, losses(log)


def test_mentions_are_placed_on_tokens():
    doc = document("sore left knee", (0, 4, "SYMP"), (5, 14, "BODY"))
    assert place_mentions(doc, tokens_of(doc.text), WriteLog()) == [(0, 1, "SYMP"), (1, 3, "BODY")]


def test_mentions_that_find_no_place_are_counted():
    doc = document("sore left knee", (0, 3, "X"), (0, 14, "SYMP"), (5, 14, "BODY"), (10, 14, "Y"))
    log = WriteLog()
    assert place_mentions(doc, tokens_of(doc.text), log) == [(0, 3, "SYMP")]
    assert losses(log) == {
        "overlapping mentions dropped": 2,
        "mentions that do not fit the tokens": 1,
    }


@pytest.mark.parametrize(
    ("label", "written"), [("a b", "a_b"), ("a\u3000b\n", "a_b_"), ("", "_"), ("a-b", "a-b")]
)
def test_labels_that_no_tag_can_hold_are_written_otherwise(label, written):
    log = WriteLog()
    assert place_mentions(document("knee", (0, 4, label)), ((0, 4),), log) == [(0, 1, written)]
    assert sum(losses(log).values()) == (label != written)


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("BIO", "sore/B-SYMP knee/I-SYMP hip/B-SYMP and/O"),
        ("IOB1", "sore/I-SYMP knee/I-SYMP hip/B-SYMP and/O"),
        ("BIOES", "sore/B-SYMP knee/E-SYMP hip/S-SYMP and/O"),
    ],
)
def test_sentences_are_tagged_in_a_scheme(scheme, expected):
    doc = document("sore knee hip and", (0, 9, "SYMP"), (10, 13, "SYMP"))
    assert tagged(doc, scheme=scheme) == ([expected], {})


def test_scheme_begins_anew_with_each_sentence():
    doc = document("knee hip", (0, 4, "BODY"), (5, 8, "BODY"))
    found, lost = tagged(doc, scheme="IOB1", sentences=((0, 4), (5, 8)))
    assert (found, lost) == (["knee/I-BODY", "hip/I-BODY"], {})


def test_sentences_that_share_a_mention_become_one():
    doc = document("sore knee hip toe", (5, 13, "BODY"))
    marks = ((0, 4), (5, 9), (10, 13), (14, 17))
    found, lost = tagged(doc, sentences=marks)
    assert found == ["sore/O", "knee/B-BODY hip/I-BODY", "toe/O"]
    assert lost == {"sentence ends within mentions left out": 1}


def test_sentences_without_tokens_are_left_out():
    doc = document("knee  hip")
    found, lost = tagged(doc, ((0, 4), (6, 9)), sentences=((0, 4), (5, 5), (6, 9)))
    assert (found, lost) == (["knee/O", "hip/O"], {"sentences without tokens left out": 1})


@pytest.mark.parametrize("marks", [None, (), ((0, 8),)])
def test_document_without_several_sentences_is_one(marks):
    assert tagged(document("knee hip"), sentences=marks) == (["knee/O hip/O"], {})


def test_document_without_tokens_has_no_sentences():
    log = WriteLog()
    assert tag_sentences(document(""), (), log) == []
    assert tag_sentences(document(" "), ((0, 1), (1, 1)), log, blanks=False) == []
    assert losses(log) == {"tokens of white space left out": 1}


def test_tokens_of_white_space_are_left_out_where_told_so():
    doc = document("a \u3000 b", (0, 3, "X"), (2, 3, "Y"), (3, 5, "Z"))
    tokens = tuple((i, i + 1) for i in range(5))
    found, lost = tagged(doc, tokens, blanks=False)
    assert found == ["a/B-X b/B-Z"]
    assert lost == {"tokens of white space left out": 3, "overlapping mentions dropped": 1}
    assert tagged(doc, tokens)[0] == ["a/B-X  /I-X \u3000/I-X  /B-Z b/I-Z"]


def test_mentions_of_white_space_are_counted():
    doc = document("a b", (1, 2, "X"))
    tokens = ((0, 1), (1, 2), (2, 3))
    assert tagged(doc, tokens, blanks=False) == (
        ["a/O b/O"],
        {"tokens of white space left out": 1, "mentions of white space left out": 1},
    )


def test_characters_in_no_token_are_counted():
    doc = document("(a) \n bc")
    assert tagged(doc, ((1, 2), (7, 8))) == (["a/O c/O"], {"characters that lie in no token": 3})


def checked(*rows):
    """What a check counts for documents given as a text and the lines written of it."""
    log = WriteLog()
    check = TextCheck(log)
    for number, (text, lines) in enumerate(rows):
        check.add(Document(text, id=str(number)), lines)
    check.close()
    return [(loss.count, loss.first) for loss in log.losses.values()]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("sore knee", ["sore", "knee", None])], []),
        ([("sore-knee", ["sore", "-", "knee"])], [(1, "0")]),
        ([("膝蓋", ["膝", "蓋"]), ("a b", ["a", "b"])], [(1, "1")]),
        ([("a b", ["a", "b"]), ("sore knee", ["sore", "knee"])], []),
        ([("ab", ["a", "b"]), ("sore knee", ["sore", "knee"])], [(1, "0")]),
        ([("sore\nknee", [None, None, "sore", None, "knee", None])], []),
        ([("sore knee", ["sore", None, "knee", None])], [(1, "0")]),
        ([("膝" * 999, [*"膝" * 999, None]), ("膝蓋", ["膝", "蓋"]), ("a b", [*"ab"])], [(1, "2")]),
        ([("膝", [None] * 1000 + ["膝"]), ("sore knee", ["sore", "knee"])], [(1, "1")]),
        ([("膝", [None] * 997 + ["膝"]), ("sore knee", ["sore", "knee"])], []),
        ([("膝", [None] * 997 + ["膝"]), ("膝leftkneehip", ["膝", "left", "knee", "hip"])], []),
    ],
)
def test_texts_that_would_be_read_otherwise_are_counted(rows, expected):
    assert checked(*rows) == expected


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"))))
def test_lines_are_read_back_as_written(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("lines") / "a.txt"
    lines = [f"{text}\n" for text in texts]
    write_lines(lines, path)
    assert [line for _, line in read_lines(path)] == lines


def test_lines_are_written_as_they_come(tmp_path):
    path = tmp_path / "a.txt"

    def lines():
        for _ in range(50_000):
            yield "knee\n"
        assert path.stat().st_size > 100_000

    write_lines(lines(), path)
    assert path.read_bytes() == b"knee\n" * 50_000


@pytest.mark.parametrize(
    "doc",
    [
        Document("\ud800", id="d"),
        Document("a", (Entity(0, 1, "\udfff"),), id="d"),
        Document("a", id="d", genre="\ud800"),
    ],
)
def test_half_a_surrogate_pair_is_refused(doc):
    with pytest.raises(ConfigError, match=r"^document 'd': half a surrogate pair, U\+D"):
        check_document(doc)
