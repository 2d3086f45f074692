from __future__ import annotations

import json
from dataclasses import replace

import pytest

from spacy_bioner.corpora.document import Document, Entity, Section
from spacy_bioner.corpora.readers import READERS
from spacy_bioner.corpora.readers.character_tags import read_character_tags
from spacy_bioner.corpora.readers.conll import read_conll
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.writers import WRITERS
from spacy_bioner.corpora.writers.character_tags import write_character_tags
from spacy_bioner.corpora.writers.conll import write_conll
from spacy_bioner.corpora.writers.healthner import write_healthner
from spacy_bioner.corpora.writing_log import Feature, WriteLog, stripped
from spacy_bioner.errors import ConfigError

NAMES = ["conll", "character_tags", "healthner"]


def losses(log):
    return {loss.what: loss.count for loss in log.losses.values()}


def written(tmp_path, write, *documents, **settings):
    """The text of the file, and what was lost."""
    path, log = tmp_path / "a.out", WriteLog()
    write(documents, path, log=log, **settings)
    return path.read_bytes().decode(), losses(log)


FULL = Document(
    "sore knee",
    (Entity(5, 9, "BODY", id="T1", concept="C1", note="n", role="part"),),
    "d",
    "FT",
    ((0, 4), (5, 9)),
    "someone",
    (Section(0, 9, "title"),),
    ((0, 9),),
    ((9, 10),),
    ("SYMP",),
)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_format_cannot_say_is_counted_by_feature(tmp_path, name):
    log = WriteLog()
    WRITERS[name].write([FULL], tmp_path / "a.out", log=log)
    absent = {f"{feature} not kept" for feature in Feature if feature not in WRITERS[name].keeps}
    counted = absent - {
        "overlapping mentions not kept",
        "fragments of discontinuous mentions not kept",
    }
    assert counted <= losses(log).keys()
    (found,) = READERS[name].read(tmp_path / "a.out")
    assert found.entities == (stripped(FULL.entities[0], WRITERS[name].keeps),)


def test_conll_is_tokens_and_tags_with_tabs(tmp_path):
    first = Document("sore knee", (Entity(0, 9, "SYMP"),), "1", tokens=((0, 4), (5, 9)))
    second = Document("fine", (), "2", tokens=((0, 4),))
    assert written(tmp_path, write_conll, first, second) == (
        "sore\tB-SYMP\nknee\tI-SYMP\n\nfine\tO\n\n",
        {"ids of documents not kept": 2},
    )
    text, _ = written(tmp_path, write_conll, first, scheme="BIOES")
    assert text == "sore\tB-SYMP\nknee\tE-SYMP\n\n"


def test_conll_marks_documents_if_the_first_has_sentences(tmp_path):
    first = Document("knee\nhip", (), "", tokens=((0, 4), (5, 8)), sentences=((0, 4), (5, 8)))
    second = Document("toe heel", (), "", tokens=((0, 3), (4, 8)))
    text, lost = written(tmp_path, write_conll, first, second)
    assert text == ("-DOCSTART-\tO\n\nknee\tO\n\nhip\tO\n\n-DOCSTART-\tO\n\ntoe\tO\nheel\tO\n\n")
    assert lost == {}
    found = list(read_conll(tmp_path / "a.out"))
    assert [(d.text, d.sentences) for d in found] == [
        ("knee\nhip", ((0, 4), (5, 8))),
        ("toe heel", ((0, 8),)),
    ]


def test_conll_counts_the_lines_by_which_tokens_are_joined(tmp_path):
    short = Document("a", (), "", tokens=((0, 1),), sentences=((0, 1),))
    last = replace(short, text="膝 left hip", tokens=((0, 1), (2, 6), (7, 10)))
    _, lost = written(tmp_path, write_conll, *[short] * 249, last)
    assert lost == {"texts not kept to the letter": 1}
    assert [d.text for d in read_conll(tmp_path / "a.out")][-1] == "膝lefthip"
    _, lost = written(tmp_path, write_conll, *[short] * 248, last)
    assert lost == {}
    assert [d.text for d in read_conll(tmp_path / "a.out")][-1] == "膝 left hip"


def test_conll_marks_no_document_if_the_first_has_no_sentences(tmp_path):
    first = Document("toe heel", (), "", tokens=((0, 3), (4, 8)))
    second = Document("knee\nhip", (), "2", tokens=((0, 4), (5, 8)), sentences=((0, 4), (5, 8)))
    text, lost = written(tmp_path, write_conll, first, second)
    assert text == "toe\tO\nheel\tO\n\nknee\tO\nhip\tO\n\n"
    assert lost == {
        "sentence boundaries not kept": 1,
        "texts not kept to the letter": 1,
        "ids of documents not kept": 1,
    }


def test_conll_leaves_out_and_replaces_white_space(tmp_path):
    text = "100 mg \n-DOCSTART-"
    tokens = ((0, 6), (6, 7), (7, 8), (8, 18))
    found = written(tmp_path, write_conll, Document(text, (Entity(0, 6, "A"),), "", "", tokens))
    assert found == (
        "100_mg\tB-A\n_DOCSTART_\tO\n\n",
        {
            "tokens of white space left out": 2,
            'tokens with white space, or reserved, written with "_"': 2,
            "texts not kept to the letter": 1,
        },
    )


def test_conll_leaves_out_documents_without_tokens(tmp_path):
    documents_ = [Document(" ", id="1", tokens=((0, 1),)), Document("", id="2", tokens=())]
    text, lost = written(tmp_path, write_conll, *documents_)
    assert text == ""
    assert lost["documents without tokens left out"] == 2
    assert written(tmp_path, write_conll) == ("", {})


def test_conll_needs_tokens_and_a_scheme(tmp_path):
    with pytest.raises(ConfigError, match=r"document 'd' has no tokens, .*: name a language"):
        write_conll([Document("a", id="d")], tmp_path / "a")
    with pytest.raises(ConfigError, match="unknown tag scheme 'X'"):
        write_conll([], tmp_path / "b", scheme="X")


def test_conll_keeps_a_byte_order_mark_that_is_text(tmp_path):
    document = Document("\ufeff頭", (), "a-1", tokens=((0, 1), (1, 2)))
    write_conll([document], tmp_path / "a.txt")
    assert list(read_conll(tmp_path / "a.txt")) == [document]


def test_character_tags_are_characters_with_a_blank(tmp_path):
    document = Document("膝 痛\n", (Entity(0, 3, "SYMP"),), "")
    assert written(tmp_path, write_character_tags, document) == (
        "膝 B-SYMP\n  I-SYMP\n痛 I-SYMP\n  O\n\n",
        {"line breaks written as blanks": 1, "texts not kept to the letter": 1},
    )


def test_character_tags_are_tokens_with_a_tab(tmp_path):
    document = Document("sore knee", (Entity(5, 9, "BODY"),), "", tokens=((0, 4), (5, 9)))
    other = Document("膝", (), "")
    text, lost = written(tmp_path, write_character_tags, document, other)
    assert (text, lost) == ("sore\tO\nknee\tB-BODY\n\n膝\tO\n\n", {})
    text, lost = written(tmp_path, write_character_tags, document, unit="characters")
    assert text.startswith("s O\no O\nr O\ne O\n  O\nk B-BODY\nn I-BODY\n")
    assert lost == {"token boundaries not kept": 1}


def test_character_tags_of_tokens_with_blanks_have_a_tab(tmp_path):
    documents_ = Document("膝", (), ""), Document("1 mg", (), "", tokens=((0, 4),))
    text, lost = written(tmp_path, write_character_tags, *documents_, unit="tokens")
    assert (text, lost) == ("膝 O\n\n1 mg\tO\n\n", {})


def test_character_tags_of_tokens_with_white_space_are_characters(tmp_path):
    document = Document("1 mg", (), "", tokens=((0, 4),))
    text, lost = written(tmp_path, write_character_tags, document)
    assert (text, lost) == ("1 O\n  O\nm O\ng O\n\n", {"token boundaries not kept": 1})


@pytest.mark.parametrize(
    ("token", "line"),
    [
        ("1 mg", "1 mg\tO"),
        (" ", " \tO"),
        ("\t", "\t\tO"),
        ("1\tmg", "1_mg\tO"),
        ("  ", "__\tO"),
        ("a\n", "a_\tO"),
        ("\r", "\r\tO"),
        ("a ", "a_\tO"),
        ("\u3000", "\u3000\tO"),
    ],
)
def test_character_tags_of_tokens_as_told_can_be_read(tmp_path, token, line):
    document = Document(f"knee{token}", (), "", tokens=((0, 4), (4, 4 + len(token))))
    text, lost = written(tmp_path, write_character_tags, document, unit="tokens")
    assert text == f"knee\tO\n{line}\n\n"
    assert ('tokens with white space written with "_"' in lost) == ("_" in line)
    (found,) = read_character_tags(tmp_path / "a.out", joiner="", log=ReadLog(strict=True))
    assert (found.text == document.text) == ("_" not in line)


def test_healthner_has_all_the_keys_of_the_corpus(tmp_path):
    entities = (Entity(1, 3, "BODY"), Entity(3, 4, "O"), Entity(4, 5, "B-x"))
    text, lost = written(tmp_path, write_healthner, Document("左膝蓋痛癢。", entities, "7", "FT"))
    assert lost == {}
    assert text.endswith("}\n")
    assert json.loads(text) == {
        "id": "7",
        "genre": "ft",
        "sentence": "左膝蓋痛癢。",
        "word": ["左", "膝蓋", "痛", "癢", "。"],
        "word_label": ["O", "BODY", "B-O", "B-B-x", "O"],
        "character": list("左膝蓋痛癢。"),
        "character_label": ["O", "B-BODY", "I-BODY", "B-O", "B-B-x", "O"],
    }


@pytest.mark.parametrize(
    ("tokens", "entity", "expected"),
    [
        (((0, 2), (2, 5)), (0, 2), ["ab", "cde"]),
        (((0, 2), (2, 5)), (0, 1), list("abcde")),
        (((0, 2), (3, 5)), (0, 2), list("abcde")),
        (((0, 2), (2, 4)), (0, 2), list("abcde")),
        (((0, 2), (2, 2), (2, 5)), (0, 2), list("abcde")),
        ((), (0, 2), list("abcde")),
        (None, (0, 2), list("abcde")),
    ],
)
def test_healthner_takes_tokens_that_join_to_the_text(tmp_path, tokens, entity, expected):
    document = Document("abcde", (Entity(*entity, "X"),), "", tokens=tokens)
    text, lost = written(tmp_path, write_healthner, document)
    assert json.loads(text)["character"] == expected
    assert ("token boundaries not kept" in lost) == (tokens is not None and len(expected) == 5)


def test_healthner_counts_genres_in_another_case_and_empty_texts(tmp_path):
    text, lost = written(tmp_path, write_healthner, Document("a", genre="News"), Document(""))
    assert text.count("\n") == 1
    assert lost == {
        "genres not kept in their case": 1,
        "documents without text left out": 1,
    }
