from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.corpora.document import Entity
from spacy_bioner.corpora.reading_log import FileLog, ReadLog, Repair
from spacy_bioner.corpora.tagged import (
    entities_from_tags,
    guess_joiner,
    parse_tag,
    split_line,
    unit_offsets,
)
from spacy_bioner.corpora.text_lines import LineError
from spacy_bioner.errors import CorpusError

PATH = Path("corpus.txt")


def read(tags, strict=False):
    log = ReadLog(strict)
    tokens, lines = unit_offsets("x" * len(tags)), range(1, len(tags) + 1)
    found = entities_from_tags(tags, tokens, lines, FileLog(PATH, log))
    return [(e.start, e.end, e.label) for e in found], log.repairs


@pytest.mark.parametrize(
    ("tags", "entities", "lines_repaired"),
    [
        ("O O", [], []),
        ("B-A I-A O B-A", [(0, 2, "A"), (3, 4, "A")], []),
        ("B-A B-A", [(0, 1, "A"), (1, 2, "A")], []),
        ("I-A I-A", [(0, 2, "A")], [1]),
        ("O I-A O", [(1, 2, "A")], [2]),
        ("B-A I-B I-B", [(0, 1, "A"), (1, 3, "B")], [2]),
        ("b-A i-A", [(0, 2, "A")], [1, 2]),
        ("B-A O-A I-A", [(0, 1, "A"), (2, 3, "A")], [2, 3]),
        ("B-Gene I-GENE", [(0, 1, "Gene"), (1, 2, "GENE")], [2]),
        ("B-x-y I-x-y", [(0, 2, "x-y")], []),
    ],
)
def test_tags_are_read_as_conlleval_reads_them(tags, entities, lines_repaired):
    found, repairs = read(tags.split())
    assert found == entities
    assert [repair.line for repair in repairs] == lines_repaired


def test_repair_says_where_what_and_why():
    _, repairs = read(["B-A", "i-A"])
    assert repairs == [Repair(PATH, 2, "i-A", "I-A", "prefix in lower case (token 2)")]
    assert str(repairs[0]) == ("corpus.txt:2: 'i-A' read as 'I-A': prefix in lower case (token 2)")


def test_strict_refuses_a_slip():
    with pytest.raises(CorpusError) as caught:
        read(["O", "I-A"], strict=True)
    assert str(caught.value) == (
        "corpus.txt:2: 'I-A': continues no entity of its type (token 2). Correct it, or read "
        "without strict, which takes it as 'B-A'."
    )
    assert (caught.value.path, caught.value.line) == (PATH, 2)


@pytest.mark.parametrize("tag", ["X", "B", "B-", "I-", "O-", "L-A", "-A", "", "B-A B", "BB-A"])
def test_junk_is_refused_also_when_not_strict(tag):
    with pytest.raises(CorpusError, match=r"^corpus.txt:1: tag .* of token 1 is not O, B-<type>"):
        read([tag])
    assert parse_tag(tag) is None


@pytest.mark.parametrize(
    ("tag", "prefixes", "expected"),
    [
        ("E-A", "BIES", "E-A"),
        ("e-A", "BIES", "E-A"),
        ("U-A", "BIES", None),
        ("I-A", "BU", None),
        ("o", "BU", "O"),
        ("b-O", "BI", "B-O"),
    ],
)
def test_parse_tag_knows_the_prefixes_given(tag, prefixes, expected):
    found = parse_tag(tag, prefixes)
    assert (None if found is None else str(found)) == expected


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([], ""),
        (["a", "b"], ""),
        (["knee", "pain", "膝"], " "),
        (["knee", "膝"], ""),
        (["膝蓋", "疼痛"], ""),
        (["あ", "knee", "ab"], " "),
        (["𠮷", "knee"], ""),
    ],
)
def test_joiner_is_a_blank_where_most_tokens_are_words(tokens, expected):
    assert guess_joiner(tokens) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("頭 B-X\n", ("頭", "B-X")),
        ("頭\tB-X\r\n", ("頭", "B-X")),
        ("頭  B-X \n", ("頭", "B-X")),
        ("  O", (" ", "O")),
        ("\t O", ("\t", "O")),
        (" \tO", (" ", "O")),
        ("\u3000 O", ("\u3000", "O")),
        (" O", ("", "O")),
        ("100 mg\tB-X", ("100 mg", "B-X")),
        ("", None),
        (" \n", None),
        (" \t \r\n", None),
    ],
)
def test_split_line_separates_token_and_tag(line, expected):
    assert split_line(line) == expected


@pytest.mark.parametrize("line", ["a b O", "a\tb\tO", " a O", "a b\tc\tO"])
def test_split_line_refuses_more_columns(line):
    with pytest.raises(LineError, match="more than two columns"):
        split_line(line)


@given(st.lists(st.text(min_size=1, max_size=4)), st.sampled_from(["", " "]))
def test_unit_offsets_find_the_units_again(units, joiner):
    text = joiner.join(units)
    offsets = unit_offsets(units, joiner)
    assert [text[start:end] for start, end in offsets] == units
    assert sum(end - start for start, end in offsets) + max(0, len(units) - 1) * len(joiner) == len(
        text
    )


def test_entities_are_given_in_characters():
    tokens = unit_offsets(["severe", "pain"], " ")
    entities = entities_from_tags(["B-A", "I-A"], tokens, [1, 2], FileLog(PATH, ReadLog()))
    assert entities == (Entity(0, 11, "A"),)
