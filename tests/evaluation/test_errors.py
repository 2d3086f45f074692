"""Classes of errors, one by one, and what holds of all errors together."""

from __future__ import annotations

import pytest

from spacy_bioner.evaluation.cases import Case, Mention, case_of_tags
from spacy_bioner.evaluation.errors import Kind, count_kinds, find_errors
from spacy_bioner.evaluation.scores import document_counts, micro
from tests.evaluation.random_tags import random_pairs

CASES = [case_of_tags(gold, found) for gold, found in random_pairs(500, seed=3)]


def case_of(gold: str, found: str) -> Case:
    """Mentions written as 0-3A 4-5B."""
    sides = [
        tuple(Mention(int(m[0]), int(m[2]), m[3]) for m in side.split()) for side in (gold, found)
    ]
    return Case("x", "x" * 10, tuple((n, n + 1) for n in range(10)), *sides)


@pytest.mark.parametrize(
    ("gold", "found", "kinds"),
    [
        ("0-3A", "0-3A", []),
        ("0-3A", "", [Kind.missed]),
        ("", "0-3A", [Kind.spurious]),
        ("0-3A", "0-3B", [Kind.wrong_type]),
        ("0-3A", "1-3A", [Kind.left]),
        ("0-3A", "0-4A", [Kind.right]),
        ("1-3A", "0-4A", [Kind.both]),
        ("0-3A", "0-2B", [Kind.type_and_boundary]),
        ("0-4A", "0-2A 2-4A", [Kind.split]),
        ("0-2A 2-4A", "0-4A", [Kind.merged]),
        ("0-2A 2-4B", "0-1A 1-4B", [Kind.tangled]),
        ("0-2A 2-4A", "2-4A", [Kind.missed]),
        ("0-2A", "3-5A", [Kind.missed, Kind.spurious]),
        ("0-2A 4-6A", "0-3A 4-6B", [Kind.right, Kind.wrong_type]),
        ("0-2A", "2-4A", [Kind.missed, Kind.spurious]),  # they touch and share no token
    ],
)
def test_kind(gold: str, found: str, kinds: list[Kind]) -> None:
    assert [error.kind for error in find_errors([case_of(gold, found)])] == kinds


def test_every_wrong_mention_is_in_just_one_error() -> None:
    errors = find_errors(CASES)
    for side in ("gold", "found"):
        listed = [(error.document, m) for error in errors for m in getattr(error, side)]
        wrong = {
            (number, mention)
            for number, case in enumerate(CASES)
            for mention in set(getattr(case, side)) - (set(case.gold) & set(case.found))
        }
        assert len(listed) == len(set(listed))
        assert set(listed) == wrong


def test_gain_is_what_mending_the_errors_gives() -> None:
    errors, total = find_errors(CASES), micro(document_counts(CASES))
    for count in count_kinds(errors, total):
        mended = []
        for number, case in enumerate(CASES):
            own = [e for e in errors if e.document == number and e.kind == count.kind]
            drop = {m for e in own for m in e.found}
            add = {m for e in own for m in e.gold}
            found = tuple(sorted({m for m in case.found if m not in drop} | add))
            mended.append(Case(case.id, case.text, case.tokens, case.gold, found))
        gain = micro(document_counts(mended)).f1 - total.f1
        assert count.gain == pytest.approx(gain), count.kind
        assert count.count == sum(count.by_type.values())


def test_dearest_class_comes_first() -> None:
    gains = [count.gain for count in count_kinds(find_errors(CASES), micro(document_counts(CASES)))]
    assert len(gains) > 5
    assert gains == sorted(gains, reverse=True)
