from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from spacy_bioner.errors import LabelError
from spacy_bioner.tags import UNKNOWN, TagScheme

LABELS = ("DRUG", "SYMP", "DISE")
SCHEMES = ["BIO", "BILUO"]

schemes = st.sampled_from(SCHEMES).map(lambda name: TagScheme(LABELS, name))


@st.composite
def sentences(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, int]]]:
    """A length and entities (start, end, label) that do not overlap, in order."""
    entities, position = [], 0
    for gap, size, label in draw(
        st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(0, 2)), max_size=5)
    ):
        entities.append((position + gap, position + gap + size, label))
        position += gap + size
    return position + draw(st.integers(0, 3)), entities


def written(name: str, length: int, entities: list[tuple[int, int, int]]) -> list[str]:
    """Tags of a sentence as the schemes are defined, one entity at a time."""
    tags = ["O"] * length
    for start, end, label in entities:
        for i in range(start, end):
            first, last = i == start, i == end - 1
            if name == "BIO":
                prefix = "B" if first else "I"
            else:
                prefix = "U" if first and last else "B" if first else "L" if last else "I"
            tags[i] = f"{prefix}-{LABELS[label]}"
    return tags


def as_iob(length: int, entities: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray]:
    iob, labels = np.full(length, 2), np.zeros(length, dtype=np.int64)
    for start, end, label in entities:
        iob[start], iob[start + 1 : end], labels[start:end] = 3, 1, label
    return iob, labels


def ids(scheme: TagScheme, tags: list[str]) -> np.ndarray:
    return np.array([scheme.tag_ids[tag] for tag in tags], dtype=np.int64)


def read(scheme: TagScheme, tags: list[str]) -> list[tuple[int, int, str]]:
    spans = scheme.spans(ids(scheme, tags), np.array([len(tags)]))
    assert not spans.sentence.any()
    rows = zip(spans.start, spans.end, spans.label, strict=True)
    return [(int(s), int(e), scheme.labels[label]) for s, e, label in rows]


# Numbering


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("BIO", ("O", "B-X", "I-X", "B-Y", "I-Y")),
        ("BILUO", ("O", "B-X", "I-X", "L-X", "U-X", "B-Y", "I-Y", "L-Y", "U-Y")),
    ],
)
def test_tags_are_numbered_as_documented(name: str, tags: tuple[str, ...]) -> None:
    assert TagScheme(("X", "Y"), name).tags == tags


def test_tags_without_labels_are_outside_only() -> None:
    assert TagScheme(()).tags == ("O",)


@pytest.mark.parametrize("labels", [("X", "X"), ("",), ("X", "")])
def test_scheme_refuses_labels_that_repeat_or_are_empty(labels: tuple[str, ...]) -> None:
    with pytest.raises(LabelError, match="unique and not empty"):
        TagScheme(labels)


def test_scheme_refuses_an_unknown_name() -> None:
    with pytest.raises(LabelError, match=r"'IOBES'.*BIO.*BILUO"):
        TagScheme(("X",), "IOBES")


# Spans and tags


@given(schemes, sentences())
def test_from_iob_writes_the_scheme(scheme: TagScheme, sentence: tuple) -> None:
    got = scheme.from_iob(*as_iob(*sentence))
    assert [scheme.tags[i] for i in got] == written(scheme.name, *sentence)


@given(schemes, sentences())
def test_from_biluo_writes_the_scheme(scheme: TagScheme, sentence: tuple) -> None:
    got = scheme.from_biluo(written("BILUO", *sentence))
    assert [scheme.tags[i] for i in got] == written(scheme.name, *sentence)


@given(schemes, st.lists(sentences(), max_size=5))
def test_spans_of_packed_sentences_are_those_written(scheme: TagScheme, batch: list) -> None:
    tags = [ids(scheme, written(scheme.name, *sentence)) for sentence in batch]
    packed = np.concatenate([np.zeros(0, dtype=np.int64), *tags])
    spans = scheme.spans(packed, np.array([length for length, _ in batch], dtype=np.int64))
    expected = [(b, *entity) for b, (_, entities) in enumerate(batch) for entity in entities]
    assert [tuple(map(int, row)) for row in zip(*spans, strict=True)] == expected


@given(st.lists(st.integers(0, 2 * len(LABELS)), min_size=1, max_size=12))
def test_spans_of_any_bio_tags_are_those_of_seqeval(path: list[int]) -> None:
    scheme = TagScheme(LABELS)
    tags = [scheme.tags[i] for i in path]
    expected = [(start, end + 1, label) for label, start, end in get_entities(tags)]
    assert read(scheme, tags) == expected


@given(st.lists(st.lists(st.integers(0, 2 * len(LABELS)), max_size=6), min_size=1, max_size=5))
def test_spans_never_cross_sentences(batch: list[list[int]]) -> None:
    scheme = TagScheme(LABELS)
    packed = np.array([tag for path in batch for tag in path], dtype=np.int64)
    spans = scheme.spans(packed, np.array([len(path) for path in batch]))
    expected = [
        (b, start, end + 1, LABELS.index(label))
        for b, path in enumerate(batch)
        for label, start, end in get_entities([scheme.tags[i] for i in path])
    ]
    assert [tuple(map(int, row)) for row in zip(*spans, strict=True)] == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["I-DRUG", "L-DRUG"], [(0, 2, "DRUG")]),
        (["B-DRUG", "O"], [(0, 1, "DRUG")]),
        (["L-DRUG", "L-DRUG"], [(0, 1, "DRUG"), (1, 2, "DRUG")]),
        (["U-DRUG", "I-DRUG"], [(0, 1, "DRUG"), (1, 2, "DRUG")]),
        (["B-DRUG", "I-SYMP"], [(0, 1, "DRUG"), (1, 2, "SYMP")]),
        (["B-DRUG", "U-DRUG"], [(0, 1, "DRUG"), (1, 2, "DRUG")]),
    ],
)
def test_spans_read_broken_biluo_without_losing_tokens(
    tags: list[str], expected: list[tuple[int, int, str]]
) -> None:
    assert read(TagScheme(LABELS, "BILUO"), tags) == expected


# Constraints


def may_follow(name: str, before: str, after: str) -> bool:
    """The rule as one would say it: "" is the sentence's edge."""
    if name == "BIO":
        return not after.startswith("I-") or before in ("B" + after[1:], after)
    opened = before[:1] in ("B", "I")
    if opened:
        return after in ("I" + before[1:], "L" + before[1:])
    return after[:1] not in ("I", "L")


@pytest.mark.parametrize("name", SCHEMES)
def test_constraints_on_transitions_are_the_rule(name: str) -> None:
    scheme = TagScheme(LABELS, name)
    expected = [[may_follow(name, a, b) for b in scheme.tags] for a in scheme.tags]
    assert scheme.constraints.transitions.tolist() == expected


@pytest.mark.parametrize("name", SCHEMES)
def test_constraints_on_edges_are_the_rule(name: str) -> None:
    scheme = TagScheme(LABELS, name)
    assert scheme.constraints.start.tolist() == [may_follow(name, "", t) for t in scheme.tags]
    assert scheme.constraints.end.tolist() == [may_follow(name, t, "") for t in scheme.tags]


@given(schemes, sentences())
def test_constraints_admit_what_is_written(scheme: TagScheme, sentence: tuple) -> None:
    tags = ids(scheme, written(scheme.name, *sentence))
    if len(tags):
        assert scheme.constraints.start[tags[0]]
        assert scheme.constraints.end[tags[-1]]
        assert scheme.constraints.transitions[tags[:-1], tags[1:]].all()


# Unknown tags


@pytest.mark.parametrize("name", SCHEMES)
@pytest.mark.parametrize("missing", [None, "", "-"])
def test_from_biluo_reads_missing_tags_as_unknown(name: str, missing: str | None) -> None:
    got = TagScheme(LABELS, name).from_biluo(["O", missing, "U-DRUG"])
    assert got.tolist()[:2] == [0, UNKNOWN]
    assert got[2] > 0


def test_from_biluo_of_nothing_is_empty() -> None:
    assert TagScheme(LABELS).from_biluo([]).tolist() == []


@pytest.mark.parametrize("name", SCHEMES)
def test_from_biluo_refuses_an_unknown_label(name: str) -> None:
    with pytest.raises(LabelError, match=r"'GENE'.*'DRUG'"):
        TagScheme(LABELS, name).from_biluo(["U-GENE"])


def test_from_biluo_keeps_hyphens_in_labels() -> None:
    scheme = TagScheme(("SIDE-EFFECT",))
    assert scheme.from_biluo(["B-SIDE-EFFECT", "L-SIDE-EFFECT"]).tolist() == [1, 2]


@pytest.mark.parametrize("name", SCHEMES)
def test_from_iob_reads_missing_as_unknown(name: str) -> None:
    got = TagScheme(LABELS, name).from_iob(np.array([0, 2, 0]), np.zeros(3, dtype=np.int64))
    assert got.tolist() == [UNKNOWN, 0, UNKNOWN]


@pytest.mark.parametrize("name", SCHEMES)
def test_from_iob_of_nothing_is_empty(name: str) -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert TagScheme(LABELS, name).from_iob(nothing, nothing).tolist() == []


@given(schemes, sentences())
def test_allowed_admits_known_tags_alone(scheme: TagScheme, sentence: tuple) -> None:
    tags = ids(scheme, written(scheme.name, *sentence))
    expected = np.eye(len(scheme.tags), dtype=bool)[tags]
    np.testing.assert_array_equal(scheme.allowed(tags), expected)


def agreeing(scheme: TagScheme, tags: list[str]) -> list[set[str]]:
    known = [UNKNOWN if tag == "?" else scheme.tag_ids[tag] for tag in tags]
    rows = scheme.allowed(np.array(known, dtype=np.int64))
    return [{scheme.tags[i] for i in np.flatnonzero(row)} for row in rows]


def test_allowed_in_bio_does_not_continue_a_known_entity() -> None:
    scheme = TagScheme(("X", "Y"))
    everything = set(scheme.tags)
    assert agreeing(scheme, ["?", "B-X", "?", "?", "O", "?", "B-Y", "I-Y", "?"]) == [
        everything,
        {"B-X"},
        everything - {"I-X"},
        everything,
        {"O"},
        everything,
        {"B-Y"},
        {"I-Y"},
        everything - {"I-Y"},
    ]


def test_allowed_in_biluo_admits_all_where_unknown() -> None:
    scheme = TagScheme(("X",), "BILUO")
    assert agreeing(scheme, ["U-X", "?"]) == [{"U-X"}, set(scheme.tags)]


@pytest.mark.parametrize("name", SCHEMES)
def test_allowed_of_nothing_is_empty(name: str) -> None:
    scheme = TagScheme(LABELS, name)
    assert scheme.allowed(np.zeros(0, dtype=np.int64)).shape == (0, len(scheme.tags))
