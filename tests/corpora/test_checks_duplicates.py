from __future__ import annotations

import pytest

from spacy_bioner.corpora.checks.duplicates import Duplicates
from spacy_bioner.corpora.checks.findings import FindingKind, Severity
from spacy_bioner.corpora.document import Document, Entity
from tests.corpora.checked_documents import brief, found_by, places

LONG = "他已經連續三天頭痛又發燒。"
SYMP = (Entity(7, 9, "SYMP"),)


def test_equal_copies_within_a_part_are_a_note():
    (found,) = found_by(Duplicates(), a=[Document(LONG, SYMP, str(n)) for n in range(8)])
    assert brief([found]) == [
        (FindingKind.REPEATED_TEXT, "note", "a text stands 8 times in a, annotated alike")
    ]
    assert (found.count, len(found.places)) == (8, 5)
    assert places(found)[0] == ("a", "0", 0, len(LONG))


def test_copies_annotated_differently_are_an_error():
    docs = [Document(LONG, SYMP, "1"), Document(LONG, SYMP, "2"), Document(LONG, (), "3")]
    (found,) = found_by(Duplicates(), a=docs)
    assert brief([found]) == [
        (
            FindingKind.CONTRADICTORY_TEXT,
            "error",
            "3 copies of a text are annotated in 2 ways",
        )
    ]
    assert [p.document for p in found.places] == ["1", "3"]


@pytest.mark.parametrize(
    "other",
    [Entity(7, 9, "DISE"), Entity(7, 10, "SYMP"), Entity(7, 11, "SYMP", ((7, 8), (10, 11)))],
)
def test_label_extent_and_fragments_make_annotations_differ(other):
    findings = found_by(Duplicates(), a=[Document(LONG, SYMP), Document(LONG, (other,))])
    assert [f.kind for f in findings] == [FindingKind.CONTRADICTORY_TEXT]


def test_ids_notes_and_concepts_do_not_make_annotations_differ():
    entity = Entity(7, 9, "SYMP", id="T1", concept="D006261", note="sure")
    (found,) = found_by(Duplicates(), a=[Document(LONG, SYMP), Document(LONG, (entity,))])
    assert found.severity is Severity.NOTE


def test_white_space_and_case_make_copies_near_the_same():
    one = Document("Aspirin eased his headache.", (Entity(18, 26, "D"),), "1")
    alike = Document("aspirin  eased his\nHEADACHE.", (Entity(19, 27, "D"),), "2")
    other = Document("aspirin eased his headache .", (Entity(0, 7, "D"),), "3")
    assert brief(found_by(Duplicates(), a=[one, alike])) == [
        (
            FindingKind.REPEATED_TEXT,
            "note",
            "a text stands 2 times in a, the same but for white space and case, annotated alike",
        )
    ]
    assert brief(found_by(Duplicates(), a=[one, alike, other])) == [
        (
            FindingKind.REPEATED_TEXT,
            "warning",
            "a text stands 3 times in a, the same but for white space and case, "
            "annotated differently",
        )
    ]


def test_text_in_two_parts_is_leakage():
    docs = {"a": [Document(LONG, SYMP, "1"), Document("好。", (), "2")]}
    (found,) = found_by(Duplicates(), **docs, b=[Document(LONG + " ", SYMP, "3")])
    assert brief([found]) == [
        (
            FindingKind.LEAKAGE,
            "error",
            "a text stands in 2 parts, the same but for white space and case: a 1, b 1",
        )
    ]
    assert places(found) == [("a", "1", 0, 13), ("b", "3", 0, 14)]


def test_leakage_names_a_place_in_each_part():
    docs = [Document(LONG, SYMP, str(n)) for n in range(9)]
    leakage, *repeated = found_by(Duplicates(), a=docs, b=docs[:2], c=docs[:1])
    assert leakage.message == "a text stands in 3 parts: a 9, b 2, c 1"
    assert [p.part for p in leakage.places] == ["a", "b", "c"]
    assert [f.count for f in repeated] == [9, 2]


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("Results and discussion", "error"),
        ("Results and discussed", "warning"),
        ("連續三天頭痛又發燒。", "error"),
        ("連續三天頭痛發燒。", "warning"),
        ("1 .", "warning"),
    ],
)
def test_leakage_of_short_texts_is_a_warning(text, severity):
    (found,) = found_by(Duplicates(), a=[Document(text)], b=[Document(text)])
    assert found.severity == severity
    assert ("(it is short)" in found.message) == (severity == "warning")


def test_different_and_empty_texts_are_no_duplicates():
    docs = [Document(LONG, SYMP, "1"), Document(LONG[:-1], (), "2"), Document(""), Document(" ")]
    assert found_by(Duplicates(), a=docs, b=[Document(""), Document("\n\n")]) == []


def test_id_of_two_documents_is_a_warning():
    docs = [Document("一", (), "x"), Document("二", (), "x"), Document("三", (), "y")]
    found = found_by(Duplicates(), a=docs, b=[Document("四", (), "y")])
    assert brief(found) == [(FindingKind.REPEATED_ID, "warning", "2 documents of a have the id x")]


def test_documents_without_id_or_repeated_whole_have_no_repeated_id():
    docs = [Document("一"), Document("二"), Document(LONG, (), "x"), Document(LONG, (), "x")]
    assert [f.kind for f in found_by(Duplicates(), a=docs)] == [FindingKind.REPEATED_TEXT]
