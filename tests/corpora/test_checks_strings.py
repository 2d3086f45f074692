from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.corpora.checks.contradictions import Contradictions
from spacy_bioner.corpora.checks.findings import FindingKind
from spacy_bioner.corpora.checks.scripts import is_of_word
from spacy_bioner.corpora.checks.strings import StringFinder, fold
from spacy_bioner.corpora.document import Document, Entity
from tests.corpora.checked_documents import annotated, brief, found_by, places


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("頭痛", "頭痛"),
        ("Aspirin", "aspirin"),
        ("WAS it?", "WAS it?"),
        ("EPILEPSY in a CHILD", "epilepsy in a CHILD"),
        ("患AIDS者 A", "患AIDS者 a"),
        ("ＤＮＡ與Ｄ", "ＤＮＡ與ｄ"),
        ("CYPs mRNA", "cyps mrna"),
        ("İx", "İx"),
        ("ΟΔΟΣ οδος", "οδοσ οδοσ"),
    ],
)
def test_fold_keeps_lengths_and_abbreviations(text, folded):
    assert fold(text) == folded


@given(st.text())
def test_fold_maps_character_to_character(text):
    assert len(fold(text)) == len(text)


def naive_find(strings, text, taken):
    """What StringFinder does, by trying every substring."""
    free = [not any(start <= at < end for start, end in taken) for at in range(len(text))]
    found, at = [], 0
    while at < len(text):
        ends = [
            end
            for end in range(at + 2, len(text) + 1)
            if text[at:end] in strings
            and all(free[at:end])
            and not any(
                0 < cut < len(text) and is_of_word(text[cut - 1]) and is_of_word(text[cut])
                for cut in (at, end)
            )
        ]
        found += [(at, ends[-1])] if ends else []
        at = ends[-1] if ends else at + 1
    return found


words = st.text(st.sampled_from("頭痛ab1 -"), max_size=20)


@given(
    st.sets(st.text(st.sampled_from("頭痛ab1 -"), min_size=2, max_size=5)),
    words,
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted), max_size=2),
)
def test_finder_finds_what_a_naive_search_finds(strings, text, taken):
    spans = [(start, end) for start, end in taken if start < end <= len(text)]
    assert list(StringFinder(strings).find(text, spans)) == naive_find(strings, text, spans)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("偏頭痛與頭痛", ["偏頭痛", "頭痛"]),
        ("no ibuprofen, no ibuprofens", ["ibuprofen"]),
        ("吃ibuprofen。", ["ibuprofen"]),
        ("ibuprofen-頭", ["ibuprofen"]),
        ("頭", []),
        ("", []),
    ],
)
def test_finder_takes_the_longest_and_whole_words(text, found):
    finder = StringFinder({"頭痛", "偏頭痛", "ibuprofen"})
    assert [text[start:end] for start, end in finder.find(text)] == found


def test_string_annotated_in_some_places_is_a_warning():
    docs = [annotated(f"她說頭痛{n}", "頭痛/SYMP", id=f"{n}") for n in range(3)]
    rest = [annotated("頭痛和偏頭痛，頭痛", "偏頭痛/DISE", id="x")]
    (found,) = found_by(Contradictions(), a=docs, b=rest)
    assert brief([found]) == [
        (FindingKind.INCONSISTENT_STRING, "warning", "'頭痛': 3 SYMP, 2 not annotated")
    ]
    assert found.count == 2
    assert places(found) == [("a", "0", 2, 4), ("b", "x", 0, 2)]


def test_string_of_two_labels_is_a_warning():
    docs = [annotated("過敏", f"過敏/{label}") for label in ["SYMP", "DISE", "SYMP", "DISE"]]
    (found,) = found_by(Contradictions(), a=docs)
    assert (found.message, found.count) == ("'過敏': 2 SYMP, 2 DISE", 2)


def test_most_contradictory_strings_come_first():
    docs = [annotated("甲乙丙丁", "甲乙/X", "丙丁/X") for _ in range(5)]
    docs += [Document("丙丁"), annotated("甲乙", "甲乙/Y"), annotated("甲乙", "甲乙/Z")]
    assert [f.message for f in found_by(Contradictions(), a=docs)] == [
        "'甲乙': 5 X, 1 Y, 1 Z",
        "'丙丁': 5 X, 1 not annotated",
    ]


def test_latin_strings_are_compared_in_lower_case_and_as_words():
    docs = [annotated(t, f"{t}/C") for t in ("Aspirin", "aspirin", "ASPIRIN")]
    rest = [Document("aspirin or aspirins; preaspirin")]
    assert [f.message for f in found_by(Contradictions(), a=docs, b=rest)] == [
        "'Aspirin': 3 C, 1 not annotated"
    ]


@pytest.mark.parametrize(
    "documents",
    [
        [annotated("頭痛", "頭痛/SYMP")] * 4,
        [annotated("頭痛", "頭痛/SYMP")] * 2 + [Document("頭痛")],
        [annotated("痛", "痛/SYMP")] * 3 + [Document("痛")],
        [Document("甲乙丙", (Entity(0, 3, "X", ((0, 1), (2, 3))),))] * 3 + [Document("甲乙丙")],
        [annotated("頭痛藥", "頭痛/SYMP")] * 3 + [annotated("頭痛藥", "痛藥/DRUG")],
    ],
    ids=["same", "few", "one character", "discontinuous", "touches a mention"],
)
def test_strings_without_contradiction_are_not_reported(documents):
    assert found_by(Contradictions(), a=documents) == []
