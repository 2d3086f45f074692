from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.corpora.alignment import (
    OVERLAPS,
    POLICIES,
    align,
    place_on_tokens,
    split_tokens,
)
from spacy_bioner.corpora.document import Document, Entity

TEXT = "severe headaches in May 2020"
TOKENS = ((0, 6), (7, 16), (17, 19), (20, 23), (24, 28))


def outcome(mentions, policy="strict", overlap="longest"):
    alignment = align(Document(TEXT, tuple(mentions), "a"), TOKENS, policy, overlap)
    return [(p.start, p.end, p.entity.label) for p in alignment.kept], [
        (c.entity.label, c.to) for c in alignment.changes
    ]


@pytest.mark.parametrize(
    ("start", "end", "strict", "expand", "contract"),
    [
        (7, 16, (7, 16), (7, 16), (7, 16)),
        (7, 15, None, (7, 16), None),
        (0, 15, None, (0, 16), (0, 6)),
        (3, 18, None, (0, 19), (7, 16)),
        (6, 7, None, None, None),  # the blank between two tokens
        (6, 16, None, (7, 16), (7, 16)),
        (6, 9, None, (7, 16), None),
    ],
)
def test_policy_moves_or_drops_a_mention(start, end, strict, expand, contract):
    for policy, to in (("strict", strict), ("expand", expand), ("contract", contract)):
        _, changes = outcome([Entity(start, end, "X")], policy)
        assert changes == ([] if to == (start, end) else [("X", to)]), policy


def test_overlap_rule_longest_takes_the_longer_and_first_the_earlier():
    mentions = [Entity(0, 16, "A"), Entity(7, 19, "B"), Entity(17, 23, "C")]
    assert outcome(mentions) == ([(0, 2, "A"), (2, 4, "C")], [("B", None)])
    mentions = [Entity(0, 6, "A"), Entity(0, 16, "B"), Entity(7, 28, "C")]
    assert outcome(mentions) == ([(0, 1, "A"), (1, 5, "C")], [("B", None)])
    assert outcome(mentions, overlap="first") == ([(0, 2, "B")], [("A", None), ("C", None)])


def test_first_of_equal_mentions_is_kept():
    assert outcome([Entity(0, 6, "B"), Entity(0, 6, "A")]) == ([(0, 1, "B")], [("A", None)])


def test_reason_tells_parts_repeats_and_overlaps_apart():
    mentions = (
        Entity(0, 16, "D", role="composite"),
        Entity(0, 6, "D", role="part"),
        Entity(0, 16, "D"),
        Entity(7, 16, "D"),
    )
    alignment = align(Document(TEXT, mentions, "a"), TOKENS)
    rival = "'severe headaches' (D)"
    assert {c.entity: c.reason for c in alignment.changes} == {
        mentions[1]: f"it is part of {rival}",
        mentions[2]: f"it repeats {rival}",
        mentions[3]: f"it overlaps {rival}",
    }


def test_same_mention_object_twice_is_two_mentions():
    mention = Entity(0, 6, "A")
    assert outcome([mention, mention]) == ([(0, 1, "A")], [("A", None)])


def test_tokens_of_a_mention_that_was_dropped_are_not_annotated():
    document = Document(
        "mg500 a b", (Entity(0, 2, "N"), Entity(6, 7, "N")), "a", unannotated=((8, 9),)
    )
    placed, changes = place_on_tokens(replace(document, tokens=((0, 5), (6, 7), (8, 9))))
    assert [(e.start, e.end) for e in placed.entities] == [(6, 7)]
    assert placed.unannotated == ((0, 5), (8, 9))
    assert len(changes) == 1


def test_place_on_tokens_needs_tokens():
    with pytest.raises(ValueError, match="document 'a' has no tokens"):
        place_on_tokens(Document(TEXT, id="a"))


@st.composite
def documents(draw):
    text = draw(st.text("ab ", max_size=12))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)))))
    tokens = tuple(zip(cuts[::2], cuts[1::2], strict=False))
    ends = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
    pairs = [sorted(pair) for pair in draw(st.lists(ends, max_size=5))]
    labels = draw(st.lists(st.sampled_from("XY"), min_size=5, max_size=5))
    mentions = [Entity(a, b, x) for (a, b), x in zip(pairs, labels, strict=False) if a < b]
    return Document(text, tuple(sorted(mentions, key=lambda e: (e.start, e.end))), tokens=tokens)


@given(documents(), st.sampled_from(POLICIES), st.sampled_from(OVERLAPS))
def test_every_mention_is_placed_once_or_listed_as_dropped(document, policy, overlap):
    tokens = document.tokens
    alignment = align(document, tokens, policy, overlap)
    dropped = [c for c in alignment.changes if c.to is None]
    placed = alignment.kept + (alignment.overlapping if overlap == "spans" else ())
    assert len(placed) + len(dropped) == len(document.entities)
    for a, b in combinations(alignment.kept, 2):
        assert a.end <= b.start or b.end <= a.start
    covered = {i for place in alignment.kept for i in range(place.start, place.end)}
    assert not covered & set(alignment.unknown)
    for place in placed:
        start, end = tokens[place.start][0], tokens[place.end - 1][1]
        if (start, end) != (place.entity.start, place.entity.end):
            text, entity = document.text, place.entity
            outside = text[entity.start : start] + text[end : entity.end]
            assert policy in ("expand", "contract") or (policy != "strict" and outside.isspace())
            moved = {(c.entity, c.to) for c in alignment.changes}
            assert (place.entity, (start, end)) in moved
        if policy == "contract":
            assert place.entity.start <= start
            assert end <= place.entity.end


@given(documents())
def test_growing_covers_all_letters_of_a_mention_and_no_token_beyond(document):
    for place in align(document, document.tokens, "expand").kept:
        for i, (start, end) in enumerate(document.tokens):
            touches = start < place.entity.end and place.entity.start < end
            assert touches == (place.start <= i < place.end)


def characters(spans):
    return {i for start, end in spans for i in range(start, end)}


@given(documents())
def test_split_tokens_makes_all_mentions_on_tokens_fit(document):
    tokens = split_tokens(document, document.tokens)
    flat = [offset for token in tokens for offset in token]
    assert flat == sorted(flat)
    assert all(start < end for start, end in tokens)
    assert characters(tokens) == characters(document.tokens)
    for entity in document.entities:
        for start, end in tokens:
            assert not start < entity.start < end
            assert not start < entity.end < end


@given(documents(), st.sampled_from(["longest", "first"]))
def test_placed_documents_fit_their_tokens(document, overlap):
    result, changes = place_on_tokens(document, "expand", overlap)
    again, more = place_on_tokens(result, "strict", overlap)
    assert again == result
    assert more == ()
    assert len(result.entities) == len(document.entities) - sum(c.to is None for c in changes)


@pytest.mark.parametrize("policy", ["expand", "contract", "split-tokens"])
def test_white_space_at_the_edge_of_a_mention_is_left_out(policy):
    document = Document("foo bar", (Entity(0, 4, "N"), Entity(3, 7, "M")), tokens=((0, 3), (4, 7)))
    placed, changes = place_on_tokens(document, policy)
    assert [(e.start, e.end) for e in placed.entities] == [(0, 3), (4, 7)]
    assert {change.reason for change in changes} == {"white space at its edge was left out"}
