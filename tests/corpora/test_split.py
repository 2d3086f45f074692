from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.sentences import cut_document
from spacy_bioner.corpora.split import split_documents
from spacy_bioner.errors import ConfigError


def make(texts):
    return [Document(text, id=str(n)) for n, text in enumerate(texts)]


def ids(parts):
    return {name: [d.id for d in part] for name, part in parts.items()}


def test_texts_that_differ_in_case_and_blanks_fall_in_one_part():
    texts = [f"{'Aspirin' if n % 2 else 'aspirin '} helps against pain {n // 2}" for n in range(12)]
    documents = [Document(text, id=str(n)) for n, text in enumerate(texts)]
    parts = split_documents(documents, {"train": 0.5, "dev": 0.5})
    found = {name: {int(d.id) // 2 for d in part} for name, part in parts.items()}
    assert not found["train"] & found["dev"]


def test_split_is_the_same_on_every_machine():
    parts = split_documents(make("abcdefghij"), {"train": 0.7, "dev": 0.3}, seed=1)
    assert ids(parts) == {"train": list("0156789"), "dev": list("234")}


def test_split_depends_on_the_seed():
    documents, shares = make(map(str, range(100))), {"train": 0.5, "dev": 0.5}
    first, again, other = (ids(split_documents(documents, shares, s)) for s in (0, 0, 1))
    assert first == again != other


@given(
    st.lists(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), min_size=20, max_size=80),
    st.integers(),
)
def test_split_deals_every_document_once_and_equal_texts_together(texts, seed):
    documents = make(texts)
    try:
        parts = split_documents(documents, {"train": 0.6, "dev": 0.2, "test": 0.2}, seed)
    except ConfigError:
        assert len(set(texts)) < 3 or max(map(texts.count, texts)) > len(texts) / 2
        return
    dealt = [d for part in parts.values() for d in part]
    assert sorted(dealt, key=lambda d: int(d.id)) == documents
    for part in parts.values():
        assert part == sorted(part, key=lambda d: int(d.id))
    places = [{d.text for d in part} for part in parts.values()]
    assert sum(map(len, places)) == len(set(texts))


def test_sizes_are_as_the_shares_say():
    parts = split_documents(make(map(str, range(1000))), {"a": 0.8, "b": 0.15, "c": 0.05}, 3)
    assert [len(part) for part in parts.values()] == [800, 150, 50]


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        (
            {"a": 0.8, "b": 0.1},
            "shares must sum to 1, got {'a': 0.8, 'b': 0.1}, which sum to 0.9",
        ),
        ({"a": 1.0, "b": 0.0}, "every part needs a share above 0, got {'a': 1.0, 'b': 0.0}"),
        ({}, "every part needs a share above 0, got {}"),
        (
            {"a": 0.9, "b": 0.1},
            "2 documents (1 without a sentence in common) are too few for the shares "
            "{'a': 0.9, 'b': 0.1}: nothing is left for b",
        ),
    ],
)
def test_shares_that_cannot_work_are_refused(shares, message):
    with pytest.raises(ConfigError) as caught:
        split_documents(make("xx"), shares)
    assert str(caught.value) == message


@given(st.lists(st.sampled_from(["A", "B", "C", ""]), min_size=60, max_size=120), st.integers())
def test_types_are_spread_as_the_shares_say(labels, seed):
    documents = [
        Document(f"text {n}", (Entity(0, 4, label),) if label else (), str(n))
        for n, label in enumerate(labels)
    ]
    parts = split_documents(documents, {"train": 0.75, "dev": 0.25}, seed)
    for label in "ABC":
        found = sum(e.label == label for d in parts["dev"] for e in d.entities)
        assert abs(found - labels.count(label) / 4) < 1


def test_documents_with_a_sentence_in_common_stay_together():
    shared = "The pain began three weeks ago."
    texts = [f"{shared} Patient {n}.\nOther words." if n % 2 else f"Case {n}." for n in range(20)]
    parts = split_documents(make(texts), {"train": 0.5, "dev": 0.5})
    assert sorted(len(part) for part in parts.values()) == [10, 10]
    assert any(all(shared in d.text for d in part) for part in parts.values())
    assert not all(any(shared in d.text for d in part) for part in parts.values())


def test_pieces_of_one_document_stay_together():
    texts = [f"Text {i} of its own. Text {i} goes on here. And {i} ends." for i in range(6)]
    pieces = [piece for document in make(texts) for piece in cut_document(document)]
    parts = split_documents(pieces, {"train": 0.5, "dev": 0.5})
    origins = [{piece.id.split("@")[0] for piece in part} for part in parts.values()]
    assert len(pieces) == 18
    assert not origins[0] & origins[1]
