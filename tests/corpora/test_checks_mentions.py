from __future__ import annotations

import pytest

from spacy_bioner.corpora.checks.findings import FindingKind
from spacy_bioner.corpora.checks.mentions import Mentions
from spacy_bioner.corpora.document import Document, Entity
from tests.corpora.checked_documents import annotated, brief, found_by, places


def look_at(text: str, start: int, end: int) -> list[tuple[FindingKind, str, str]]:
    document = Document(text, (Entity(start, end, "X"),), "1")
    findings = found_by(Mentions(), a=[document])
    assert all(places(f) == [("a", "1", start, end)] for f in findings)
    return brief(findings)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (0, 2, "begins with white space"),
        (1, 3, "ends with white space"),
        (0, 3, "begins and ends with white space"),
        (2, 3, "white space only"),
        (1, 2, None),
    ],
)
def test_white_space_at_edges_is_a_warning(start, end, message):
    expected = [(FindingKind.EDGE_SPACE, "warning", message)] if message else []
    assert look_at(" 痛\u3000", start, end) == expected


@pytest.mark.parametrize(
    ("mention", "sign"),
    [
        ("咳嗽。發燒", "。"),
        ("引起？！初期", "？！"),
        ("「痛。」他", "。」"),
        ("cough. Fever", "ugh."),
        ("cough . Fever", "ugh ."),
        ("咳嗽。", None),
        ("「痛。」", None),
        ("St. John", None),
        ("cough. fever", None),
        ("E. Coli", None),
        ("0.5 mg", None),
    ],
)
def test_mention_across_sentences_is_a_warning(mention, sign):
    expected = [(FindingKind.CROSSES_SENTENCE, "warning", f"goes on after {sign!r}")]
    assert look_at(mention, 0, len(mention)) == (expected if sign else [])


@pytest.mark.parametrize(
    ("mention", "odd"), [("，", True), ("+", True), ("痛", False), ("B", False)]
)
def test_single_sign_is_a_warning(mention, odd):
    expected = [(FindingKind.PUNCTUATION_MENTION, "warning", f"{mention!r} alone")]
    assert look_at(mention, 0, 1) == expected * odd


def test_mention_of_more_than_50_characters_is_a_note():
    assert look_at("痛" * 60, 0, 50) == []
    assert look_at("痛" * 60, 0, 51) == [(FindingKind.LONG_MENTION, "note", "51 characters")]


def findings_for(*entities: Entity) -> list[tuple[FindingKind, str, str]]:
    return brief(found_by(Mentions(), a=[Document("一二三四五六七八", entities)]))


def test_span_with_two_labels_is_an_error():
    assert findings_for(Entity(0, 2, "X"), Entity(0, 2, "Y"), Entity(0, 2, "X")) == [
        (FindingKind.SPAN_WITH_LABELS, "error", "annotated as X, Y")
    ]


def test_span_annotated_twice_is_a_warning():
    assert findings_for(Entity(0, 2, "X"), Entity(0, 2, "X", concept="D1")) == [
        (FindingKind.REPEATED_MENTION, "warning", "annotated 2 times as X")
    ]


def test_mentions_of_different_fragments_are_not_the_same():
    one, other = ((0, 1), (3, 4)), ((0, 2), (3, 4))
    assert findings_for(Entity(0, 4, "X", one), Entity(0, 4, "Y", other)) == []


@pytest.mark.parametrize(
    ("spans", "messages"),
    [
        ([(0, 4), (1, 2), (4, 6)], ["1 mentions within another"]),
        ([(0, 4), (0, 2), (2, 4)], ["2 mentions within another"]),
        ([(0, 3), (2, 5)], ["1 mentions across the end of another"]),
        (
            [(0, 3), (1, 5), (2, 3)],
            ["1 mentions across the end of another", "1 mentions within another"],
        ),
        ([(0, 2), (2, 4)], []),
    ],
)
def test_overlaps_are_counted_by_kind(spans, messages):
    found = findings_for(*(Entity(start, end, "X") for start, end in spans))
    assert found == [(FindingKind.OVERLAP, "note", f"a: {message}") for message in messages]


def test_documents_without_mention_are_counted():
    docs = [Document("好", (), str(n)) for n in range(7)] + [annotated("頭痛", "頭痛/S")]
    (found,) = found_by(Mentions(), a=docs, b=docs[-1:])
    assert brief([found]) == [(FindingKind.WITHOUT_MENTION, "note", "a: 7 of 8 documents (87.5%)")]
    assert (found.count, len(found.places)) == (7, 5)
