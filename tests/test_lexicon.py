from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.errors import CorpusError, LexiconError
from spacy_bioner.lexicon import Lexicon

TEXTS = st.text(alphabet="糖尿病x", max_size=12)


@given(terms=st.sets(TEXTS.filter(bool), min_size=1, max_size=8), text=TEXTS)
def test_find_gives_every_occurrence(terms: set[str], text: str) -> None:
    lexicon = Lexicon.of(terms)
    found = {(lexicon.terms[t], int(a), int(b)) for t, a, b in lexicon.find(text)}
    n = len(text)
    spans = ((a, b) for a in range(n) for b in range(a + 1, n + 1))
    assert found == {(text[a:b], a, b) for a, b in spans if text[a:b] in terms}


@given(terms=st.sets(TEXTS.filter(bool), min_size=1, max_size=8), text=TEXTS)
def test_segment_takes_the_leftmost_and_then_the_longest(terms: set[str], text: str) -> None:
    expected, place = [], 0
    while place < len(text):
        ends = [b for b in range(len(text), place, -1) if text[place:b] in terms]
        expected += [(place, ends[0])] if ends else []
        place = ends[0] if ends else place + 1
    found = Lexicon.of(terms).segment(text)
    assert [(int(a), int(b)) for _, a, b in found] == expected


def test_from_file_reads_terms_and_counts(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("糖尿病\t12\n病\n\n藥物\t3\n", encoding="utf-8")
    lexicon = Lexicon.from_file(path, shortest=2)
    assert dict(zip(lexicon.terms, lexicon.counts.tolist(), strict=True)) == {
        "糖尿病": 12,
        "藥物": 3,
    }


def test_from_file_adds_up_the_counts_of_a_term(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("頭痛\t5\n頭痛\n頭痛\t3\n", encoding="utf-8")
    assert Lexicon.from_file(path).counts.tolist() == [9]
    path.write_text(f"頭痛\t{2**63}\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="is not a count"):
        Lexicon.from_file(path)


def test_from_file_refuses_counts_below_0_and_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("頭痛\t-5\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"words\.tsv:1: '-5' is not a count"):
        Lexicon.from_file(path)
    path.write_bytes("頭痛\n".encode("big5"))
    with pytest.raises(CorpusError, match=r"words\.tsv: is not UTF-8"):
        Lexicon.from_file(path)


def test_from_file_reads_what_is_compressed(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv.xz"
    path.write_bytes(lzma.compress("糖尿病\t12\n病\n".encode()))
    assert Lexicon.from_file(path).terms == ("病", "糖尿病")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CorpusError, match=r"words\.tsv\.xz: cannot be decompressed"):
        Lexicon.from_file(path)


def test_from_file_names_the_line_whose_count_is_none(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("糖尿病\t12\n藥物\tmany\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"words\.tsv:2: 'many' is not a count"):
        Lexicon.from_file(path)


def test_a_missing_file_is_refused_with_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match=r"absent\.tsv: no such file of terms.*--lexicon"):
        Lexicon.from_file(tmp_path / "absent.tsv")


def test_lexicon_refuses_to_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("病\n", encoding="utf-8")
    with pytest.raises(LexiconError, match="no term of 2 characters"):
        Lexicon.from_file(path, shortest=2)
    with pytest.raises(LexiconError, match="has no term"):
        Lexicon({})
